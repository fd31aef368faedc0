import math

import numpy as np
import pytest

from tests.common import assert_near, check_finite_gradients, check_loss
from tfsbir.losses import SemanticReconstruction


@pytest.fixture(scope="module")
def vectors():
    """Word vectors, and what was decoded, of any length."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(6, 5)).astype("float32"), tuple(3 * rng.normal(size=(3, 6, 5)).astype("float32"))


def loops(semantics, decoded):
    """The mean over the three of (1 - g s / (|g| |s|)) / 2."""
    values = []
    for row, s in enumerate(semantics.tolist()):
        costs = []
        for one in decoded:
            g = one[row].tolist()
            product = sum(x * y for x, y in zip(g, s, strict=True))
            lengths = math.sqrt(sum(x * x for x in g)) * math.sqrt(sum(x * x for x in s))
            costs.append((1 - product / lengths) / 2)
        values.append(sum(costs) / 3)
    return np.array(values)


def test_equals_loops(vectors):
    assert_near(SemanticReconstruction(reduction=None)(*vectors), loops(*vectors))


def test_all_modes(vectors):
    check_loss(SemanticReconstruction, *vectors)


def test_the_length_of_what_is_decoded_counts_for_nothing(vectors):
    semantics, decoded = vectors
    scaled = tuple(10.0 * one for one in decoded)
    assert_near(SemanticReconstruction()(7 * semantics, scaled), SemanticReconstruction()(*vectors))


def test_the_same_direction_costs_nothing_the_opposite_one_and_none_a_half(vectors):
    semantics, loss = vectors[0], SemanticReconstruction(reduction=None)
    assert_near(loss(semantics, (semantics,) * 3), np.zeros(6))
    assert_near(loss(semantics, (-semantics,) * 3), np.ones(6))
    zeros = (np.zeros_like(semantics),) * 3
    assert_near(loss(semantics, zeros), np.full(6, 0.5))
    check_finite_gradients(SemanticReconstruction(), semantics, zeros)
    check_finite_gradients(SemanticReconstruction(), semantics, (semantics,) * 3)


def test_other_shapes_are_refused(vectors):
    semantics, decoded = vectors
    with pytest.raises(ValueError, match=r"the shape of `y_true`, \(6, 5\). Received: \(6, 4\)"):
        SemanticReconstruction()(semantics, (decoded[0], decoded[1], decoded[2][:, :4]))
