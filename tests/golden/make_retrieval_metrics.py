"""Computes tests/golden/retrieval_metrics.json with public packages, in an environment of its own.

python3.11 -m venv golden
golden/bin/pip install --requirement tests/golden/requirements_retrieval_metrics.txt
golden/bin/python tests/golden/make_retrieval_metrics.py tests/golden/retrieval_metrics.json

The CPU build of torch is enough. Nothing of tfsbir is imported. What comes from where:

    found    torchmetrics.functional.retrieval.retrieval_average_precision
    min      the same, times the relevant photos in the top k (retrieval_precision * k), over min(R, k)
    R        pytorch_metric_learning.utils.accuracy_calculator.mean_average_precision
    voc      scikit-learn's precision_recall_curve, interpolated; over min(R, k)
    all      scikit-learn's average_precision_score
    k        torchmetrics.functional.retrieval.retrieval_precision
    min (precision)  the same, times k, over min(R, k)

The packages leave the order of ties open or treat ties as one, so they are given scores without ties: the
places in a stable sort, in which of equal distances the lower gallery id comes first. Queries without a
relevant photo, for which every package has a rule of its own, are null.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from pytorch_metric_learning.utils.accuracy_calculator import mean_average_precision
from sklearn.metrics import average_precision_score, precision_recall_curve
from torchmetrics.functional.retrieval import retrieval_average_precision, retrieval_precision

KS = (1, 5, 10, 40, 60)
NUM_PHOTOS = 40


def cases():
    """Yields names, distances that float32 holds exactly, and relevance."""
    random = np.random.default_rng(0)
    shape = (8, NUM_PHOTOS)
    distinct = np.stack([random.permutation(NUM_PHOTOS) for _ in range(8)])
    yield "distinct", distinct / 8, random.random(shape) < 0.4
    yield "ties", random.integers(0, 5, shape) / 4, random.random(shape) < 0.4
    yield "all_equal", np.ones((3, NUM_PHOTOS)), random.random((3, NUM_PHOTOS)) < 0.3
    few = np.zeros(shape, bool)
    for query, num_relevant in enumerate((0, 1, 1, 1, 2, 2, 3, 0)):
        few[query, random.choice(NUM_PHOTOS, num_relevant, replace=False)] = True
    yield "few_relevant", random.integers(0, 30, shape) / 4, few
    yield (
        "nearly_all_relevant",
        random.integers(0, 30, (4, NUM_PHOTOS)) / 4,
        random.random((4, NUM_PHOTOS)) < 0.9,
    )


def scores_without_ties(distances):
    scores = np.empty(NUM_PHOTOS)
    scores[np.argsort(distances, kind="stable")] = np.arange(NUM_PHOTOS, 0, -1)
    return scores  # torchmetrics takes a score of 0 for irrelevant: the last one is 1.


def over_r(scores, relevant, k):
    labels = torch.tensor(relevant[np.argsort(-scores)][None, :k].astype(int))
    counts = (torch.tensor([0, 1]), torch.tensor([np.sum(~relevant), np.sum(relevant)]))
    return mean_average_precision(
        labels, torch.ones((1, 1), dtype=int), False, counts, False, False, torch.eq
    )


def interpolated(scores, relevant, k):
    top = np.argsort(-scores)[:k]
    if not relevant[top].any():
        return 0.0
    precision, _, _ = precision_recall_curve(relevant[top], scores[top])
    # From the last of the top k to the first, then a 1 that belongs to no photo.
    highest = np.maximum.accumulate(precision[:-1])
    return np.sum(highest[relevant[top][::-1]]) / min(k, relevant.sum())


def measured(distances, relevant):
    scores, num_relevant = scores_without_ties(distances), int(relevant.sum())
    preds, target = torch.tensor(scores), torch.tensor(relevant)
    found = {
        "mAP@all": average_precision_score(relevant, scores),
        "mAP@all/voc": interpolated(scores, relevant, NUM_PHOTOS),
    }
    for k in KS:
        average = retrieval_average_precision(preds, target, top_k=k)
        precision = retrieval_precision(preds, target, top_k=k)
        hits, at_most = precision * k, min(num_relevant, k)
        found |= {
            f"mAP@{k}/found": average,
            f"mAP@{k}/min": average * hits / at_most,
            f"mAP@{k}/R": over_r(scores, relevant, k),
            f"mAP@{k}/voc": interpolated(scores, relevant, k),
            f"precision@{k}": precision,
            f"precision@{k}/min": hits / at_most,
        }
    return {name: round(float(value), 8) for name, value in found.items()}


def main(path):
    written = {}
    for name, distances, relevant in cases():
        rows = [
            measured(row, mask) if mask.any() else None for row, mask in zip(distances, relevant, strict=True)
        ]
        names = next(row for row in rows if row is not None)
        written[name] = {
            "distances": distances.tolist(),
            "relevant": relevant.astype(int).tolist(),
            "metrics": {key: [None if row is None else row[key] for row in rows] for key in names},
        }
    lines = [f'"{name}": {json.dumps(case)}' for name, case in written.items()]
    Path(path).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
