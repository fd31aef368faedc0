import functools

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
from tests.common_backends import value_and_gradients
from tests.distances.common_distances import all_pairs, embeddings, holef

INSTANCES = np.array([7, 3, 7, 2**24, 5, 3, 9, 1], "int32")


@pytest.fixture(scope="module")
def pairs():
    return tuple(unit_norm(np.random.default_rng(0), 2, 8, 4))


def loops(instances, sketch, photo, margin):
    """The mean of Eq. 2 over the negatives of another instance that violate the margin."""
    values = []
    for i in range(len(instances)):
        violations = []
        for j in range(len(instances)):
            closer = float(np.sum((sketch[i] - photo[i]) ** 2))
            farther = float(np.sum((sketch[i] - photo[j]) ** 2))
            if instances[i] != instances[j] and margin + closer - farther > 0:
                violations.append(margin + closer - farther)
        values.append(sum(violations) / len(violations) if violations else 0.0)
    return np.array(values)


@pytest.mark.parametrize("margin", [0.1, 0.3, 2.0])
def test_equals_loops(pairs, margin):
    loss = tfsbir.losses.BatchTripletRanking(margin, reduction=None)
    assert_near(loss(INSTANCES, pairs), loops(INSTANCES, *pairs, margin))


def test_weighted_negatives_equal_loops(pairs):
    sketch, photo = pairs
    weights = np.random.default_rng(1).exponential(size=(8, 8)).astype("float32")
    weights[2] = 0.0  # Nobody is a negative of this sketch,
    weights[4] *= 1e-30  # and of this one all are, each as little.
    weights[5, ::2] = 0.0
    expected = []
    for i in range(8):
        total = norm = 0.0
        for j in range(8):
            gap = np.sum((sketch[i] - photo[i]) ** 2) - np.sum((sketch[i] - photo[j]) ** 2)
            if INSTANCES[i] != INSTANCES[j] and 2.0 + gap > 0:
                total += float(weights[i, j]) * (2.0 + gap)
                norm += float(weights[i, j])
        expected.append(total / norm if norm else 0.0)
    loss = tfsbir.losses.BatchTripletRanking(2.0, reduction=None)
    assert_near(loss((INSTANCES, weights), pairs), expected)
    assert_near(loss((INSTANCES, np.full((8, 8), 0.25, "float32")), pairs), loss(INSTANCES, pairs))
    check_finite_gradients(loss, (INSTANCES, weights), pairs)
    check_finite_gradients(loss, (INSTANCES, np.zeros((8, 8), "float32")), pairs)


def test_a_weight_of_0_leaves_the_hardest_negative_out(pairs):
    sketch, photo = pairs
    weights = np.ones((8, 8), "float32")
    hardest = [closest_negative(INSTANCES, sketch, photo, i) for i in range(8)]
    weights[np.arange(8), hardest] = 0.0
    loss = tfsbir.losses.BatchTripletRanking(2.0, only_hardest=True, reduction=None)
    for i, value in enumerate(np.asarray(loss((INSTANCES, weights), pairs))):
        gaps = [
            np.sum((sketch[i] - photo[i]) ** 2) - np.sum((sketch[i] - photo[j]) ** 2)
            for j in range(8)
            if INSTANCES[j] != INSTANCES[i] and j != hardest[i]
        ]
        np.testing.assert_allclose(value, max(0.0, 2.0 + max(gaps)), rtol=1e-5)


def closest_negative(instances, sketch, photo, i):
    """The photo of another instance that is closest to sketch i, found by sorting; None if there is none."""
    others = [j for j in range(len(instances)) if instances[j] != instances[i]]
    return min(others, key=lambda j: float(np.sum((sketch[i] - photo[j]) ** 2)), default=None)


@pytest.mark.parametrize("margin", [0.1, 0.3, 2.0])
def test_the_hardest_negative_alone(pairs, margin):
    sketch, photo = pairs
    expected = []
    for i in range(len(INSTANCES)):
        negative = photo[closest_negative(INSTANCES, sketch, photo, i)]
        gap = np.sum((sketch[i] - photo[i]) ** 2) - np.sum((sketch[i] - negative) ** 2)
        expected.append(max(0.0, margin + gap))
    loss = tfsbir.losses.BatchTripletRanking(margin, only_hardest=True, reduction=None)
    assert_near(loss(INSTANCES, pairs), expected)


def test_the_hardest_negative_moves_and_no_other(pairs):
    sketch, photo = pairs
    loss = tfsbir.losses.BatchTripletRanking(4.1, only_hardest=True, reduction="sum")  # All violate it.
    _, (of_sketch, of_photo) = loss_and_gradients(loss, INSTANCES, pairs)
    expected = np.zeros_like(photo), np.zeros_like(photo)
    for i in range(len(INSTANCES)):
        j = closest_negative(INSTANCES, sketch, photo, i)
        expected[0][i] += 2 * (photo[j] - photo[i])
        expected[1][i] += 2 * (photo[i] - sketch[i])
        expected[1][j] += 2 * (sketch[i] - photo[j])
    np.testing.assert_allclose(of_sketch, expected[0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(of_photo, expected[1], rtol=0, atol=1e-5)


def test_satisfied_anchors_cost_nothing():
    corners = np.eye(4, dtype="float32")
    loss = tfsbir.losses.BatchTripletRanking(reduction=None)
    np.testing.assert_array_equal(loss(np.arange(4), (corners, corners)), 0)


@pytest.mark.parametrize("only_hardest", [False, True])
def test_all_modes(pairs, only_hardest):
    loss = functools.partial(tfsbir.losses.BatchTripletRanking, only_hardest=only_hardest)
    check_loss(loss, INSTANCES, pairs)
    assert loss().get_config()["only_hardest"] == only_hardest


@pytest.mark.parametrize("only_hardest", [False, True])
def test_degenerate_batches_have_finite_gradients(pairs, only_hardest):
    loss = tfsbir.losses.BatchTripletRanking(only_hardest=only_hardest, reduction=None)
    np.testing.assert_array_equal(loss(np.ones(8), pairs), 0)
    check_finite_gradients(loss, np.ones(8), pairs)
    check_finite_gradients(loss, INSTANCES, (pairs[0], pairs[0]))
    check_finite_gradients(loss, INSTANCES, (np.zeros_like(pairs[0]),) * 2)
    check_finite_gradients(loss, INSTANCES[:1], (pairs[0][:1], pairs[1][:1]))


def test_bad_margin():
    with pytest.raises(ValueError, match=r"`margin` must be > 0. Received: 0"):
        tfsbir.losses.BatchTripletRanking(0)


def test_a_learned_distance_takes_the_place_of_the_squared_euclidean():
    (sketch, photo), learned = embeddings(5, 5), holef()
    distances = all_pairs(holef, learned, sketch, photo)
    violations = np.maximum(0.5 + np.diag(distances)[:, None] - distances, 0.0) * (1 - np.eye(5))
    counts = np.maximum((violations > 0).sum(axis=1), 1)
    loss = tfsbir.losses.BatchTripletRanking(0.5, learned, reduction=None)
    assert_near(loss(np.arange(5), (sketch, photo)), violations.sum(axis=1) / counts)


def test_the_hardest_negative_is_that_of_a_learned_distance():
    (sketch, photo), learned = embeddings(5, 5), holef()
    distances = all_pairs(holef, learned, sketch, photo)
    closest = np.where(np.eye(5), np.inf, distances).min(axis=1)
    loss = tfsbir.losses.BatchTripletRanking(0.5, learned, only_hardest=True, reduction=None)
    expected = np.maximum(0.5 + np.diag(distances) - closest, 0.0)
    assert_near(loss(np.arange(5), (sketch, photo)), expected)


def test_the_gradient_reaches_the_distance():
    (sketch, photo), learned = embeddings(5, 5), holef()
    loss = tfsbir.losses.BatchTripletRanking(0.5, learned)
    _, (gradient,) = value_and_gradients(
        lambda: loss(np.arange(5), (sketch, photo)), (), [learned.pair_weights]
    )
    gradient = np.asarray(gradient)
    # A difference quotient in a few directions.
    for i, j in ((0, 0), (2, 5), (6, 1)):
        moved = np.array(learned.pair_weights)
        costs = []
        for step in (1e-2, -1e-2):
            other = holef()
            change = np.zeros_like(moved)
            change[i, j] = step
            other.pair_weights.assign(moved + change)
            costs.append(float(tfsbir.losses.BatchTripletRanking(0.5, other)(np.arange(5), (sketch, photo))))
        np.testing.assert_allclose(gradient[i, j], (costs[0] - costs[1]) / 2e-2, rtol=2e-2, atol=1e-3)
