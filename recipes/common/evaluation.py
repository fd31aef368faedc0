"""Measuring a pair of encoders on a split, and showing what it finds."""

import io
import sys

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from recipes.common.view_distances import ViewDistances
from tfsbir import figures, files, metrics
from tfsbir.data.midgrain65c import DISTRACTORS
from tfsbir.distances import SquaredEuclidean
from tfsbir.metrics.category_metrics import BLOCK_BYTES
from tfsbir.preprocessing import center_crop

ENCODE_BATCH = 64
KS = (100, 200)  # Cut-offs that zero-shot retrieval is reported with.


def encode_function(encoder, progress=None):
    """Returns a function from float32 images in [-1, 1] to embeddings, as NumPy arrays, in batches."""
    height, width, channels = encoder.input_shape[1:]
    signature = [tf.TensorSpec([None, height, width, channels], tf.float32)]
    encode_batch = tf.function(
        lambda images: encoder(images, training=False), input_signature=signature, autograph=False
    )

    def encode(images):
        parts = []
        for start in range(0, len(images), ENCODE_BATCH):
            parts.append(encode_batch(images[start : start + ENCODE_BATCH]).numpy())
            if progress is not None:
                progress.update(len(parts[-1]))
        return np.concatenate(parts)

    return encode


def evaluator(pair, split, distance=None, relevance_threshold=metrics.RELEVANCE_THRESHOLD, ks=()):
    """Returns a function of `num_views` which measures `pair` on `split`.

    `distance` is a layer of `tfsbir.distances`, None for `SquaredEuclidean`; `relevance_threshold` and `ks`
    are those of `measure`.

    It returns `(metrics, distances)`: the dict of `measure`, and `ViewDistances`.
    """
    distance = SquaredEuclidean() if distance is None else distance

    def evaluate(num_views):
        views = split_embeddings(pair, split, num_views)
        distances = ViewDistances(*views, distance.pairwise)
        return measure(distances, split, relevance_threshold, ks), distances

    return evaluate


def split_embeddings(pair, split, num_views):
    """Returns the embeddings of a split's sketches and photos by view, as `ViewDistances` takes them."""
    with _view_progress(split, num_views) as progress:
        return tuple(
            metrics.multi_view_embeddings(
                encode_function(encoder, progress), images, encoder.input_shape[1], num_views
            )
            for encoder, images in ((pair.sketch, split.sketches), (pair.photo, split.photos))
        )


def split_distances(pair, split, distance, num_views):
    """Returns the distances of a split's sketches and photos, as `metrics.multi_view_distances` has them.

    `distance` is a function of embeddings, as there.
    """
    with _view_progress(split, num_views) as progress:
        return metrics.multi_view_distances(
            encode_function(pair.sketch, progress),
            encode_function(pair.photo, progress),
            split.sketches,
            split.photos,
            pair.sketch.input_shape[1],
            distance,
            num_views,
        )


def _view_progress(split, num_views):
    total = num_views * (len(split.sketches) + len(split.photos))
    return tqdm(total=total, unit="image", desc="evaluate", file=sys.stderr, leave=False, delay=2)


def measure(distances, split, relevance_threshold=metrics.RELEVANCE_THRESHOLD, ks=()):
    """Returns the metrics of a split's distances as a dict.

    acc@1, acc@10: where sketches have photos of their own, the share that find theirs.
    triplet_accuracy: where people annotated the split.
    precision@1, mAP@all: where there are several classes beside distractors. A photo is relevant to a sketch
        of its class. The first is the share of sketches whose nearest photo is.
    mAP@all/voc, and of each k `mAP@k/found`, `mAP@k/min`, `mAP@k/R`, `mAP@k/voc`, `precision@k` and
        `precision@k/min`: likewise, where there are `ks`; the conventions are those of `tfsbir.metrics`.
    mid_grain_mAP@all: where people rated pairs. A photo is relevant that they rated alike
        (`metrics.rated_relevance`).

    mAP@all is not interpolated; the other conventions are one number there. Of each mAP and of each precision
    but precision@1 only the sketches count that have a relevant photo, and it is missing where none has.

    Args:
        distances: `(num_sketches, num_photos)` floats, lower is closer; or `ViewDistances`.
        split: `Split`.
        relevance_threshold: Integer >= 1, least sum of the ratings of a relevant photo.
        ks: Cut-offs, integers >= 2, different.
    """
    paired = split.paired_sketches  # The others have no true match to find.
    found = {}
    if len(paired):
        ranks = np.concatenate([
            metrics.ranks(distances[paired[rows]], split.sketch_photo[paired[rows]])
            for rows in blocks(len(paired), len(split.photos))
        ])  # fmt: skip
        for k in (1, 10):
            found[f"acc@{k}"] = float(np.mean(ranks <= k))
    if split.triplets is not None and len(split.triplets):
        found["triplet_accuracy"] = metrics.triplet_accuracy(distances[:], split.triplets)
    if has_categories(split):
        nearest = np.concatenate([
            np.argmin(distances[rows], axis=1) for rows in blocks(len(split.sketches), len(split.photos))
        ])  # fmt: skip
        found["precision@1"] = float(np.mean(split.photo_labels[nearest] == split.sketch_labels))
    for name, relevant in relevance(split, relevance_threshold).items():
        is_category = name == "mAP@all"
        measured = retrieval(distances, relevant, ks if is_category else ())
        if not measured.is_counted.any():
            continue
        means = measured.means()
        if is_category and ks:
            found |= means
        else:
            found[name] = means["mAP@all"]
    return found


def retrieval(distances, relevant, ks):
    """Returns the `RetrievalMetrics` of a split's distances and one of `relevance`."""
    num_sketches, num_photos = distances.shape
    return metrics.retrieval_metrics(
        lambda start, stop: distances[start:stop],
        lambda start, stop: relevant(slice(start, stop)),
        num_sketches,
        ks,
        block_size=_block_size(num_photos),
    )


def has_categories(split):
    """Returns whether a split has several classes to tell apart; distractors are none."""
    return len(set(split.class_names) - {DISTRACTORS}) > 1


def relevance(split, threshold=metrics.RELEVANCE_THRESHOLD):
    """Returns, by the name of each mAP, a function that says which photos are relevant to some sketches.

    It takes a slice of the sketches and returns bools `(num_of_them, num_photos)`.
    """
    found = {}
    if has_categories(split):
        found["mAP@all"] = lambda rows: split.sketch_labels[rows, None] == split.photo_labels[None, :]
    if split.ratings is not None:
        found["mid_grain_mAP@all"] = lambda rows: metrics.rated_relevance(split.ratings[rows], threshold)
    return found


def num_left_out(split, threshold=metrics.RELEVANCE_THRESHOLD):
    """Returns, by the name of each mAP, how many sketches have no relevant photo."""
    all_rows = blocks(len(split.sketches), len(split.photos))
    return {
        name: sum(int(np.count_nonzero(~relevant(rows).any(axis=1))) for rows in all_rows)
        for name, relevant in relevance(split, threshold).items()
    }


def blocks(num_rows, num_photos):
    """Returns slices that cut rows into as many as are held at once."""
    size = _block_size(num_photos)
    return [slice(start, min(start + size, num_rows)) for start in range(0, num_rows, size)]


def _block_size(num_photos):
    return max(1, BLOCK_BYTES // (4 * num_photos))


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
    return images_encoder(model, progress)(images)


def images_encoder(model, progress=None):
    """Returns the function of `encode_images` for a model in training, which is compiled once."""
    encode = encode_function(model, progress)
    size = model.input_shape[1]

    def encode_all(images):
        return np.concatenate([
            encode(center_crop(images[start : start + ENCODE_BATCH], size))
            for start in range(0, len(images), ENCODE_BATCH)
        ])  # fmt: skip

    return encode_all


def images_and_labels(split, domain):
    """Returns the images and the labels of a split's sketches or photos."""
    if domain == "sketch":
        return split.sketches, split.sketch_labels
    return split.photos, split.photo_labels


def draw_ranked_results(
    split, distances, path, num_queries=8, num_results=10, relevance_threshold=metrics.RELEVANCE_THRESHOLD,
    by_class=False,
):  # fmt: skip
    """Draws, as a PNG, what some queries found; they are spread evenly over the split, not chosen.

    Framed is a sketch's own photo, or, where people rated pairs, what they rated alike. With `by_class` all
    photos of the sketch's class are framed.
    """
    queries = np.unique(np.linspace(0, len(split.sketches) - 1, num_queries).astype(int))
    rows = []
    for query in queries:
        ranked = np.argsort(distances[query], kind="stable")[:num_results]
        is_match = np.arange(len(split.photos)) == split.sketch_photo[query]
        if split.ratings is not None:
            is_match |= metrics.rated_relevance(split.ratings[query][None], relevance_threshold)[0]
        if by_class:
            is_match = split.photo_labels == split.sketch_labels[query]
        tiles = [figures.Tile(split.photos[i], split.photo_ids[i], bool(is_match[i])) for i in ranked]
        rows.append(figures.Row(split.sketches[query], tiles, split.sketch_ids[query]))
    write_sheet(rows, f"{split.name}, {split.split}: sketches and their nearest photos", path)


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
    write_sheet(rows, f"{split.name}, {split.split}: images and the classes they were taken for", path)


def write_sheet(rows, title, path):
    """Writes a contact sheet as a PNG."""
    png = io.BytesIO()
    figures.contact_sheet(rows, title=title).save(png, format="PNG")
    files.write_bytes(path, png.getvalue())
