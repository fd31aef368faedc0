import functools
import math

import numpy as np
import pytest

import tfsbir
from tests.common import (
    assert_near,
    check_finite_gradients,
    check_loss,
    loss_and_gradients,
    unit_norm,
)
from tests.common_backends import MODES, compiled_gradients

INSTANCES = np.array([7, 3, 7, 2**24, 5, 3, 9, 1], "int32")


@pytest.fixture(scope="module")
def pairs():
    return tuple(unit_norm(np.random.default_rng(0), 2, 8, 4))


def loops(instances, sketch, photo, margin):
    """Hadsell et al., Eq. 4, of the positive pair, and its mean over the pairs of another instance."""
    values = []
    for i in range(len(instances)):
        negatives = []
        for j in range(len(instances)):
            if instances[i] != instances[j]:
                distance = math.dist(sketch[i].tolist(), photo[j].tolist())
                negatives.append(max(0.0, margin - distance) ** 2 / 2)
        positive = math.dist(sketch[i].tolist(), photo[i].tolist()) ** 2 / 2
        values.append(positive + (sum(negatives) / len(negatives) if negatives else 0.0))
    return np.array(values)


@pytest.mark.parametrize("margin", [0.3, 1.0, 3.0])
def test_equals_loops(pairs, margin):
    loss = tfsbir.losses.BatchContrastive(margin, reduction=None)
    assert_near(loss(INSTANCES, pairs), loops(INSTANCES, *pairs, margin))


@pytest.mark.parametrize("margin", [0.3, 1.0, 3.0])
def test_the_hardest_negative_alone(pairs, margin):
    expected = []
    for i, (sketch, photo) in enumerate(zip(*(x.tolist() for x in pairs), strict=True)):
        others = (pairs[1][j].tolist() for j in range(8) if INSTANCES[j] != INSTANCES[i])
        closest = min(math.dist(sketch, other) for other in others)
        expected.append(math.dist(sketch, photo) ** 2 / 2 + max(0.0, margin - closest) ** 2 / 2)
    loss = tfsbir.losses.BatchContrastive(margin, only_hardest=True, reduction=None)
    assert_near(loss(INSTANCES, pairs), expected)


def test_gradients_equal_differences(pairs):
    """Central differences of the loops, in double precision."""
    pairs = tuple(x.astype("float64") for x in pairs)
    loss = tfsbir.losses.BatchContrastive(1.5, reduction="sum")
    _, gradients = loss_and_gradients(loss, INSTANCES, tuple(x.astype("float32") for x in pairs))
    for which in range(2):
        expected = np.zeros_like(pairs[which])
        for place in np.ndindex(expected.shape):
            moved = [[x.copy() for x in pairs] for _ in range(2)]
            moved[0][which][place] += 1e-6
            moved[1][which][place] -= 1e-6
            high, low = (loops(INSTANCES, *each, 1.5).sum() for each in moved)
            expected[place] = (high - low) / 2e-6
        np.testing.assert_allclose(gradients[which], expected, rtol=0, atol=1e-4)


def test_satisfied_pairs_cost_nothing():
    corners = np.eye(4, dtype="float32")
    loss = tfsbir.losses.BatchContrastive(1.4, reduction=None)  # Corners are sqrt(2) apart.
    np.testing.assert_array_equal(loss(np.arange(4), (corners, corners)), 0)


@pytest.mark.parametrize("only_hardest", [False, True])
def test_without_a_negative_the_positive_pair_is_left(pairs, only_hardest):
    loss = tfsbir.losses.BatchContrastive(only_hardest=only_hardest, reduction=None)
    for size in (8, 1):
        sketch, photo = pairs[0][:size], pairs[1][:size]
        assert_near(loss(np.ones(size), (sketch, photo)), np.sum((sketch - photo) ** 2, axis=1) / 2)


@pytest.mark.parametrize("only_hardest", [False, True])
def test_all_modes(pairs, only_hardest):
    loss = functools.partial(tfsbir.losses.BatchContrastive, 1.5, only_hardest)
    check_loss(loss, INSTANCES, pairs)
    assert loss().get_config()["only_hardest"] == only_hardest


@pytest.mark.parametrize("only_hardest", [False, True])
def test_degenerate_batches_have_finite_gradients(pairs, only_hardest):
    loss = tfsbir.losses.BatchContrastive(only_hardest=only_hardest, reduction=None)
    check_finite_gradients(loss, np.ones(8), pairs)
    check_finite_gradients(loss, INSTANCES, (pairs[0], pairs[0]))
    check_finite_gradients(loss, INSTANCES, (np.repeat(pairs[0][:1], 8, axis=0),) * 2)
    check_finite_gradients(loss, INSTANCES, (np.zeros_like(pairs[0]),) * 2)
    check_finite_gradients(loss, INSTANCES, (pairs[0] * 1e-20, pairs[1] * 1e-20))
    check_finite_gradients(loss, INSTANCES[:1], (pairs[0][:1], pairs[1][:1]))


def test_nearly_equal_embeddings_have_bounded_gradients():
    """Where the expanded square is mere rounding, its root must not blow the gradient up."""
    rng = np.random.default_rng(1)
    point = unit_norm(rng, 64)
    sketch, photo = (point + rng.normal(0, 1e-5, (2, 8, 64))).astype("float32")
    _, gradients = loss_and_gradients(
        tfsbir.losses.BatchContrastive(reduction="sum"), np.arange(8), (sketch, photo)
    )
    for gradient in gradients:
        assert np.abs(np.asarray(gradient)).max() < 2.0  # A unit vector for each of 7 negatives, over 7.


@pytest.mark.parametrize("only_hardest", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_equal_negatives_cost_the_whole_margin_and_do_not_move(mode, only_hardest):
    """Compiled, TensorFlow's root has the slope 0 * inf = NaN where it eagerly takes 0."""
    points = np.tile(np.float32([[0.5, 0.5, -0.5, 0.5]]), (3, 1))
    loss = tfsbir.losses.BatchContrastive(1.0, only_hardest, reduction=None)
    of_pairs = compiled_gradients(mode, lambda *pair: loss(np.arange(3), pair))
    value, gradients = of_pairs(points, points)
    assert_near(value, [0.5, 0.5, 0.5])
    for gradient in gradients:
        np.testing.assert_array_equal(gradient, 0)


def test_bad_margin():
    with pytest.raises(ValueError, match=r"`margin` must be > 0. Received: 0"):
        tfsbir.losses.BatchContrastive(0)
