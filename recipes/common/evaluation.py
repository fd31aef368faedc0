"""Measuring a pair of encoders on a split, and showing what it finds."""

import io
import sys

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfsbir import figures, files, metrics
from tfsbir.distances import SquaredEuclidean

ENCODE_BATCH = 64


def encode_function(encoder, progress=None):
    """Returns a function from float32 images in [-1, 1] to embeddings, as NumPy arrays, in batches."""
    height, width, channels = encoder.input_shape[1:]
    signature = [tf.TensorSpec([None, height, width, channels], tf.float32)]
    encode_batch = tf.function(lambda images: encoder(images, training=False), input_signature=signature)

    def encode(images):
        parts = []
        for start in range(0, len(images), ENCODE_BATCH):
            parts.append(encode_batch(images[start : start + ENCODE_BATCH]).numpy())
            if progress is not None:
                progress.update(len(parts[-1]))
        return np.concatenate(parts)

    return encode


def evaluator(pair, split):
    """Returns a function of `num_views` which measures `pair` on `split`.

    It returns `(metrics, distances)`: a dict with acc@1, acc@10 and, where people annotated the split,
    triplet_accuracy; and `(num_sketches, num_photos)` float32.
    """
    distance = SquaredEuclidean()

    def evaluate(num_views):
        total = num_views * (len(split.sketches) + len(split.photos))
        with tqdm(
            total=total, unit="image", desc="evaluate", file=sys.stderr, leave=False, delay=2
        ) as progress:
            distances = metrics.multi_view_distances(
                encode_function(pair.sketch, progress),
                encode_function(pair.photo, progress),
                split.sketches,
                split.photos,
                pair.sketch.input_shape[1],
                distance.pairwise,
                num_views,
            )
        # A sketch without a photo of its own has no true match to find.
        paired = split.paired_sketches
        found = {
            f"acc@{k}": metrics.accuracy(distances[paired], split.sketch_photo[paired], k=k) for k in (1, 10)
        }
        if split.triplets is not None and len(split.triplets):
            found["triplet_accuracy"] = metrics.triplet_accuracy(distances, split.triplets)
        return found, distances

    return evaluate


def draw_ranked_results(split, distances, path, num_queries=8, num_results=10):
    """Draws, as a PNG, what some queries found; they are spread evenly over the split, not chosen."""
    queries = np.unique(np.linspace(0, len(split.sketches) - 1, num_queries).astype(int))
    rows = []
    for query in queries:
        ranked = np.argsort(distances[query], kind="stable")[:num_results]
        true_photo = split.sketch_photo[query]
        tiles = [figures.Tile(split.photos[i], split.photo_ids[i], i == true_photo) for i in ranked]
        rows.append(figures.Row(split.sketches[query], tiles, split.sketch_ids[query]))
    sheet = figures.contact_sheet(
        rows, title=f"{split.name}, {split.split}: sketches and their nearest photos"
    )
    png = io.BytesIO()
    sheet.save(png, format="PNG")
    files.write_bytes(path, png.getvalue())
