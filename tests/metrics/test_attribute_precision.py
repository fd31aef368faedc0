import math

import numpy as np
import pytest

import tfsbir
from tests.common import assert_near


def loops(scores, labels):
    """Sum over the thresholds, high to low, of precision times what recall gains."""
    total = sum(label == 1 for label in labels)
    result, recall = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        chosen = [label for score, label in zip(scores, labels, strict=True) if score >= threshold]
        hits = sum(label == 1 for label in chosen)
        result += hits / len(chosen) * (hits / total - recall)
        recall = hits / total
    return result


def test_equals_loops_on_the_known_labels():
    rng = np.random.default_rng(0)
    attributes = rng.integers(-1, 2, (40, 6)).astype("int8")
    probabilities = (rng.integers(0, 12, (40, 6)) / 12).astype("float32")  # Many ties.
    found = tfsbir.metrics.attribute_average_precision(probabilities, attributes)
    for index in range(6):
        known = [
            (score, label)
            for score, label in zip(
                probabilities[:, index].tolist(), attributes[:, index].tolist(), strict=True
            )
            if label != -1
        ]
        assert_near(found["average_precision"][index], loops(*zip(*known, strict=True)))
        assert_near(found["frequency"][index], sum(label for _, label in known) / len(known))
    assert {(values.dtype, values.shape) for values in found.values()} == {(np.dtype("float64"), (6,))}


@pytest.mark.parametrize("num_ones", [20, 43, 51])  # Of which the parts sum up to more than 1 in float64.
def test_a_right_order_is_not_above_1(num_ones):
    attributes = np.r_[np.ones(num_ones, "int8"), np.zeros(20, "int8")][:, None]
    probabilities = np.r_[np.linspace(0.9, 0.6, num_ones), np.zeros(20)][:, None]
    found = tfsbir.metrics.attribute_average_precision(probabilities, attributes)
    np.testing.assert_array_equal(found["average_precision"], 1.0)


def test_a_constant_gets_the_frequency_and_a_right_order_1():
    attributes = np.random.default_rng(1).integers(0, 2, (30, 4))
    constant = tfsbir.metrics.attribute_average_precision(np.full((30, 4), 0.3), attributes)
    assert_near(constant["average_precision"], constant["frequency"])
    right = tfsbir.metrics.attribute_average_precision(0.2 + 0.1 * attributes, attributes)
    assert_near(right["average_precision"], np.ones(4))


def test_one_value_or_none_known_is_nan():
    attributes = np.array([[1, 0, -1, 1], [1, -1, -1, 0], [-1, 0, -1, 1]], "int8")
    found = tfsbir.metrics.attribute_average_precision(np.full(attributes.shape, 0.5), attributes)
    np.testing.assert_array_equal(found["average_precision"], [math.nan] * 3 + [2 / 3])
    np.testing.assert_array_equal(found["frequency"], [math.nan] * 3 + [2 / 3])


@pytest.mark.parametrize("num_known", [20, 40, 100])
@pytest.mark.parametrize("min_share", [0.0, 0.05, 0.1, 0.5])
def test_min_share_keeps_attributes_with_as_much_of_either_value(num_known, min_share):
    """Column `i` has `i` ones among the known labels; some more are not known."""
    attributes = np.full((num_known + 7, num_known + 1), -1, "int8")
    for ones in range(num_known + 1):
        attributes[:num_known, ones] = np.arange(num_known) < ones
    found = tfsbir.metrics.attribute_average_precision(np.full(attributes.shape, 0.5), attributes, min_share)
    least = max(1, round(min_share * num_known))
    for values in found.values():
        np.testing.assert_array_equal(
            np.flatnonzero(~np.isnan(values)), np.arange(least, num_known - least + 1)
        )


@pytest.mark.parametrize(
    ("probabilities", "attributes", "min_share", "error", "message"),
    [
        ([[0.5]], [[1]], 0.6, ValueError, r"`min_share` must be in \[0, 0.5\]. Received: 0.6"),
        ([[0.5]], [[1]], -0.1, ValueError, r"`min_share` must be in \[0, 0.5\]. Received: -0.1"),
        ([[0.5]], [[1]], math.nan, ValueError, r"`min_share` must be in \[0, 0.5\]. Received: nan"),
        ([[0.5]], [[1.0]], 0.0, TypeError, r"`attributes` must be of integers. Received: float64"),
        ([[0.5]], [1], 0.0, ValueError, r"\(num_images, num_attributes\). Received shape: \(1,\)"),
        (
            [[0.5]],
            [[1, 0]],
            0.0,
            ValueError,
            r"`probabilities` must be of shape \(1, 2\), that of `attributes`. Received shape: \(1, 1\)",
        ),
        ([[math.nan, 1]], [[1, 0]], 0.0, ValueError, r"`probabilities` must be finite. Received: 1 of 2"),
        ([[math.inf, 1]], [[1, 0]], 0.0, ValueError, r"`probabilities` must be finite. Received: 1 of 2"),
    ],
)
def test_errors(probabilities, attributes, min_share, error, message):
    with pytest.raises(error, match=message):
        tfsbir.metrics.attribute_average_precision(np.array(probabilities), np.array(attributes), min_share)
