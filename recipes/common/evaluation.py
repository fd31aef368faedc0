"""Measuring a pair of encoders on a split, and showing what it finds."""

import io
import sys

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfsbir import figures, files, metrics
from tfsbir.data.midgrain65c import DISTRACTORS
from tfsbir.distances import SquaredEuclidean
from tfsbir.preprocessing import center_crop

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


def evaluator(pair, split, distance=None, relevance_threshold=metrics.RELEVANCE_THRESHOLD):
    """Returns a function of `num_views` which measures `pair` on `split`.

    `distance` is a layer of `tfsbir.distances`, None for `SquaredEuclidean`; `relevance_threshold` is that of
    `measure`.

    It returns `(metrics, distances)`: the dict of `measure`, and `(num_sketches, num_photos)` float32.
    """
    distance = SquaredEuclidean() if distance is None else distance

    def evaluate(num_views):
        distances = split_distances(pair, split, distance.pairwise, num_views)
        return measure(distances, split, relevance_threshold), distances

    return evaluate


def split_distances(pair, split, distance, num_views):
    """Returns the distances of a split's sketches and photos, as `metrics.multi_view_distances` has them.

    `distance` is a function of embeddings, as there.
    """
    total = num_views * (len(split.sketches) + len(split.photos))
    with tqdm(total=total, unit="image", desc="evaluate", file=sys.stderr, leave=False, delay=2) as progress:
        return metrics.multi_view_distances(
            encode_function(pair.sketch, progress),
            encode_function(pair.photo, progress),
            split.sketches,
            split.photos,
            pair.sketch.input_shape[1],
            distance,
            num_views,
        )


def measure(distances, split, relevance_threshold=metrics.RELEVANCE_THRESHOLD):
    """Returns the metrics of a split's distances as a dict.

    acc@1, acc@10: where sketches have photos of their own, the share that find theirs.
    triplet_accuracy: where people annotated the split.
    precision@1, mAP@all: where there are several classes beside distractors. A photo is relevant to a sketch
        of its class. The first is the share of sketches whose nearest photo is.
    mid_grain_mAP@all: where people rated pairs. A photo is relevant that they rated alike
        (`metrics.rated_relevance`).

    Both mAPs are of the whole ranking and not interpolated; the other conventions are one number there. They
    are over the sketches that have a relevant photo, and missing where none has.

    Args:
        distances: `(num_sketches, num_photos)` floats, lower is closer.
        split: `Split`.
        relevance_threshold: Integer >= 1, least sum of the ratings of a relevant photo.
    """
    paired = split.paired_sketches  # The others have no true match to find.
    found = {}
    if len(paired):
        for k in (1, 10):
            found[f"acc@{k}"] = metrics.accuracy(distances[paired], split.sketch_photo[paired], k=k)
    if split.triplets is not None and len(split.triplets):
        found["triplet_accuracy"] = metrics.triplet_accuracy(distances, split.triplets)
    if has_categories(split):
        is_same = split.photo_labels[np.argmin(distances, axis=1)] == split.sketch_labels
        found["precision@1"] = float(np.mean(is_same))
    for name, relevant in relevance(split, relevance_threshold).items():
        if relevant.any():
            found[name] = metrics.mean_average_precision(distances, relevant, k=None, convention="R")
    return found


def has_categories(split):
    """Returns whether a split has several classes to tell apart; distractors are none."""
    return len(set(split.class_names) - {DISTRACTORS}) > 1


def relevance(split, threshold=metrics.RELEVANCE_THRESHOLD):
    """Returns, by the name of each mAP, which photos are relevant: `(num_sketches, num_photos)` bools."""
    found = {}
    if has_categories(split):
        found["mAP@all"] = split.sketch_labels[:, None] == split.photo_labels[None, :]
    if split.ratings is not None:
        found["mid_grain_mAP@all"] = metrics.rated_relevance(split.ratings, threshold)
    return found


def classifier_evaluator(classifier, split, domain):
    """Returns a function which measures a classifier on the sketches or the photos of a split.

    It returns `(metrics, logits)`: a dict with class_accuracy, the share of images whose class comes first;
    and `(num_images, num_classes)` float32. One view counts, the centre.

    Args:
        classifier: `keras.Model` from images to logits over `split.class_names`.
        split: `Split`.
        domain: "sketch" or "photo".
    """
    images, labels = images_and_labels(split, domain)

    def evaluate():
        with tqdm(
            total=len(images), unit="image", desc="evaluate", file=sys.stderr, leave=False, delay=2
        ) as progress:
            logits = encode_images(classifier, images, progress)
        return {"class_accuracy": float(np.mean(np.argmax(logits, axis=1) == labels))}, logits

    return evaluate


def encode_images(model, images, progress=None):
    """Returns what a model gives for the centres of uint8 images, read a few at a time."""
    encode = encode_function(model, progress)
    size = model.input_shape[1]
    return np.concatenate([
        encode(center_crop(images[start : start + ENCODE_BATCH], size))
        for start in range(0, len(images), ENCODE_BATCH)
    ])  # fmt: skip


def images_and_labels(split, domain):
    """Returns the images and the labels of a split's sketches or photos."""
    if domain == "sketch":
        return split.sketches, split.sketch_labels
    return split.photos, split.photo_labels


def draw_ranked_results(
    split, distances, path, num_queries=8, num_results=10, relevance_threshold=metrics.RELEVANCE_THRESHOLD
):
    """Draws, as a PNG, what some queries found; they are spread evenly over the split, not chosen.

    Framed is a sketch's own photo, or, where people rated pairs, what they rated alike.
    """
    queries = np.unique(np.linspace(0, len(split.sketches) - 1, num_queries).astype(int))
    rows = []
    for query in queries:
        ranked = np.argsort(distances[query], kind="stable")[:num_results]
        is_match = np.arange(len(split.photos)) == split.sketch_photo[query]
        if split.ratings is not None:
            is_match |= metrics.rated_relevance(split.ratings[query][None], relevance_threshold)[0]
        tiles = [figures.Tile(split.photos[i], split.photo_ids[i], bool(is_match[i])) for i in ranked]
        rows.append(figures.Row(split.sketches[query], tiles, split.sketch_ids[query]))
    _write_sheet(rows, f"{split.name}, {split.split}: sketches and their nearest photos", path)


def draw_classified(split, domain, logits, path, num_images=8, num_classes=5):
    """Draws, as a PNG, what some images were taken for: an example of each of the likeliest classes."""
    images, labels = images_and_labels(split, domain)
    rows = []
    for index in np.unique(np.linspace(0, len(images) - 1, num_images).astype(int)):
        likeliest = np.argsort(-logits[index], kind="stable")[:num_classes]
        tiles = []
        for label in likeliest:
            others = np.flatnonzero(labels == label)
            if len(others):  # The evaluated part of a small set may lack a class.
                tiles.append(
                    figures.Tile(images[others[0]], split.class_names[label], label == labels[index])
                )
        rows.append(figures.Row(images[index], tiles, split.class_names[labels[index]]))
    _write_sheet(rows, f"{split.name}, {split.split}: images and the classes they were taken for", path)


def _write_sheet(rows, title, path):
    png = io.BytesIO()
    figures.contact_sheet(rows, title=title).save(png, format="PNG")
    files.write_bytes(path, png.getvalue())
