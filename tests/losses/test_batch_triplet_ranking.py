import numpy as np
import pytest
import tensorflow as tf

import tfsbir
from tests.common import assert_near, check_finite_gradients, check_loss, unit_norm
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


def test_satisfied_anchors_cost_nothing():
    corners = np.eye(4, dtype="float32")
    loss = tfsbir.losses.BatchTripletRanking(reduction=None)
    np.testing.assert_array_equal(loss(np.arange(4), (corners, corners)), 0)


def test_all_modes(pairs):
    check_loss(tfsbir.losses.BatchTripletRanking, INSTANCES, pairs)


def test_degenerate_batches_have_finite_gradients(pairs):
    loss = tfsbir.losses.BatchTripletRanking(reduction=None)
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


def test_the_gradient_reaches_the_distance():
    (sketch, photo), learned = embeddings(5, 5), holef()
    loss = tfsbir.losses.BatchTripletRanking(0.5, learned)
    with tf.GradientTape() as tape:
        value = loss(np.arange(5), (sketch, photo))
    gradient = np.asarray(tape.gradient(value, learned.pair_weights.value))
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
