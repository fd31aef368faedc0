"""What a model finds of which class: the good, the bad and the confused."""

from collections import Counter
from pathlib import Path

import numpy as np

from recipes.common import evaluation
from tfsbir import figures, files

TOP = 100  # Photos of a query that are looked at for confusions, at most.
NUM_PAIRS = 20
NUM_QUERIES, NUM_RESULTS = 8, 8


def write_report(split, distances, folder, ks):
    """Writes what a split's sketches find by class.

        FOLDER/classes.json, classes.png          the measures of each class, and its mean average precision
        FOLDER/confusions.json, confusions.png    which classes are found in place of which
        FOLDER/best_queries.png, worst_queries.png

    A sketch's nearest photos are as many as its class has, or `TOP` if it has more; so none of them need be
    wrong. Of those of all sketches of a class, the share that is of another class is how much the class is
    confused with it.

    Args:
        split: `Split` of several classes.
        distances: `(num_sketches, num_photos)` floats, or `ViewDistances`.
        folder: Path; made if there is none.
        ks: Cut-offs of the measures.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    measured = evaluation.retrieval(distances, evaluation.relevance(split)["mAP@all"], ks)
    _write_classes(split, measured, folder)
    _write_confusions(split, confusions(split, distances), folder)
    precision = measured.per_query["mAP@all"]
    for name, order in (("best", np.argsort(-precision)), ("worst", np.argsort(precision))):
        order = order[measured.is_counted[order]]
        rows = [
            _row(split, distances[query], query, precision[query])
            for query in spread_over_classes(order, split.sketch_labels, NUM_QUERIES)
        ]
        title = f"{split.name}, {split.split}: sketches with the {name} average precision (AP)"
        evaluation.write_sheet(rows, title, folder / f"{name}_queries.png")


def confusions(split, distances):
    """Returns, by the class of sketches and of photos, shares of the nearest photos: see `write_report`.

    Returns: `(num_classes, num_classes)` float64 whose rows sum to 1; NaN of a class without sketches or
        without photos.
    """
    num_classes, num_photos = len(split.class_names), len(split.photos)
    num_nearest = np.minimum(np.bincount(split.photo_labels, minlength=num_classes), TOP)
    width = int(num_nearest.max())
    counts = np.zeros((num_classes, num_classes))
    for rows in evaluation.blocks(len(split.sketches), num_photos):
        block, labels = distances[rows], split.sketch_labels[rows]
        # Not sorted whole: of 54,151 photos that would take ten times as long.
        nearest = np.argpartition(block, width - 1, axis=1)[:, :width]
        order = np.argsort(np.take_along_axis(block, nearest, axis=1), axis=1, kind="stable")
        found = split.photo_labels[np.take_along_axis(nearest, order, axis=1)]
        is_near = np.arange(width) < num_nearest[labels, None]
        np.add.at(counts, (np.broadcast_to(labels[:, None], found.shape)[is_near], found[is_near]), 1)
    totals = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)


def spread_over_classes(order, labels, count):
    """Returns the first `count` of the queries in `order`, of as many classes as can be.

    Taken are the first query of each class, then the second of each, and so on; they keep their order.
    """
    seen, rounds = Counter(), []
    for query in order:
        rounds.append(seen[labels[query]])
        seen[labels[query]] += 1
    return order[np.sort(np.argsort(rounds, kind="stable")[:count])]


def _write_classes(split, measured, folder):
    classes = []
    for label, name in enumerate(split.class_names):
        is_of_class = split.sketch_labels == label
        if not is_of_class.any():
            continue
        is_counted = measured.is_counted & is_of_class
        means = {
            metric: float(np.mean(values[is_counted])) if is_counted.any() else None
            for metric, values in measured.per_query.items()
        }
        num_photos = int(np.count_nonzero(split.photo_labels == label))
        classes.append({
            "class": name, "num_sketches": int(is_of_class.sum()), "num_photos": num_photos, "metrics": means,
        })  # fmt: skip
    files.write_json(folder / "classes.json", classes)
    values = [one["metrics"]["mAP@all"] for one in classes]
    figures.class_bars(
        [one["class"] for one in classes],
        [np.nan if value is None else value for value in values],
        folder / "classes.png",
        "mAP@all",
        measured.means()["mAP@all"],
    )


def _write_confusions(split, shares, folder):
    others = np.where(np.eye(len(shares), dtype=bool) | np.isnan(shares), 0, shares)
    largest = np.argsort(-others, axis=None, kind="stable")[:NUM_PAIRS]
    pairs = [
        {"sketches_of": split.class_names[i], "photos_of": split.class_names[j], "share": float(others[i, j])}
        for i, j in zip(*np.unravel_index(largest, others.shape), strict=True)
        if others[i, j] > 0
    ]
    files.write_json(folder / "confusions.json", {"most_photos_looked_at": TOP, "pairs": pairs})
    if pairs:
        figures.class_bars(
            [f"{pair['sketches_of']} → {pair['photos_of']}" for pair in pairs],
            [pair["share"] for pair in pairs],
            folder / "confusions.png",
            "share of the nearest photos (sketch → photo)",
        )


def _row(split, distances, query, precision):
    nearest = np.argsort(distances, kind="stable")[:NUM_RESULTS]
    tiles = [
        figures.Tile(
            split.photos[i],
            split.class_names[split.photo_labels[i]],
            split.photo_labels[i] == split.sketch_labels[query],
        )
        for i in nearest
    ]
    name = split.class_names[split.sketch_labels[query]]
    return figures.Row(split.sketches[query], tiles, f"{name}, AP {100 * precision:.1f} %")
