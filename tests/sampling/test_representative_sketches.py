import fractions
import math
import re

import numpy as np
import pytest

from tfsbir.sampling import representative_sketches


def by_hand(class_scores, labels, share):
    """Takes the best of each category one by one; `share` is a fraction, hence exact."""
    kept = []
    for label in set(labels.tolist()):
        left = [i for i in range(len(labels)) if labels[i] == label]
        for _ in range(math.ceil(share * len(left))):
            best = left[0]
            for i in left:
                if class_scores[i, label] > class_scores[best, label]:
                    best = i
            kept.append(best)
            left.remove(best)
    return sorted(kept)


@pytest.mark.parametrize("share", ["0.6", "0.07", "0.001", "1"])
def test_equals_taking_the_best_one_by_one(share):
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=250)
    labels[:100] = 2  # 0.07 of 100 is more than 7 in floating point.
    labels[100:] = np.where(labels[100:] == 2, 1, labels[100:])
    class_scores = rng.integers(12, size=(250, 5)).astype("float32")  # Many ties; nothing of category 4.
    np.testing.assert_array_equal(
        representative_sketches(class_scores, labels, float(share)),
        by_hand(class_scores, labels, fractions.Fraction(share)),
    )


def test_the_papers_counts():
    """187 categories of 80 sketches, of which it kept 8,976."""
    labels = np.arange(187).repeat(80)
    scores = np.random.default_rng(0).random((len(labels), 187))
    assert len(representative_sketches(scores, labels)) == 8976


def test_ties_keep_the_first():
    np.testing.assert_array_equal(representative_sketches(np.ones((5, 1)), np.zeros(5, int), 0.4), [0, 1])


def test_a_category_keeps_at_least_one():
    np.testing.assert_array_equal(
        representative_sketches([[0.1, 9.0], [0.2, 9.0], [9.0, 0.3]], [0, 0, 1], 0.01), [1, 2]
    )


def test_no_sketches_keep_none():
    assert representative_sketches(np.zeros((0, 3)), np.zeros(0, int)).tolist() == []


@pytest.mark.parametrize(
    ("error", "message", "scores", "labels", "share"),
    [
        (ValueError, "`share` must be in (0, 1]. Received: 0", [[1.0]], [0], 0),
        (ValueError, "`share` must be in (0, 1]. Received: 1.5", [[1.0]], [0], 1.5),
        (ValueError, "`labels` (num_sketches,). Received shapes: (1, 1) and (2,)", [[1.0]], [0, 0], 0.6),
        (ValueError, "`class_scores` must be (num_sketches, num_classes)", [1.0], [0], 0.6),
        (TypeError, "`labels` must be integers. Received: float64", [[1.0]], [0.0], 0.6),
        (ValueError, "`labels` must be in 0..1. Received: 2 at 1", [[1.0, 0.0]] * 2, [0, 2], 0.6),
        (ValueError, "`labels` must be in 0..1. Received: -1 at 0", [[1.0, 0.0]], [-1], 0.6),
        (ValueError, "`class_scores` must be finite. Received: [nan] at 1", [[1.0], [np.nan]], [0, 0], 0.6),
    ],
)
def test_arguments_that_do_not_fit_are_named(error, message, scores, labels, share):
    with pytest.raises(error, match=re.escape(message)):
        representative_sketches(scores, labels, share)
