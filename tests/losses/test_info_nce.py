import math

import numpy as np
import pytest

import tfsbir
from tests.common import assert_near, check_finite_gradients, check_loss, loss_and_gradients, unit_norm

INSTANCES = np.array([7, 3, 7, 2**24, 5, 3, 9, 1], "int32")


@pytest.fixture(scope="module")
def pairs():
    return tuple(unit_norm(np.random.default_rng(0), 2, 8, 4))


def loops(instances, sketch, photo, temperature):
    """-log(exp(s_ii / t) / sum_j exp(s_ij / t)) without the other photos of instance i."""
    values = []
    for i in range(len(instances)):
        partition = 0.0
        for j in range(len(instances)):
            if i == j or instances[i] != instances[j]:
                partition += math.exp(float(sketch[i] @ photo[j]) / temperature)
        values.append(-math.log(math.exp(float(sketch[i] @ photo[i]) / temperature) / partition))
    return np.array(values)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_equals_loops(pairs, temperature):
    loss = tfsbir.losses.InfoNCE(temperature, reduction=None)
    assert_near(loss(INSTANCES, pairs), loops(INSTANCES, *pairs, temperature))


def test_all_modes(pairs):
    check_loss(lambda **kwargs: tfsbir.losses.InfoNCE(0.2, **kwargs), INSTANCES, pairs)


def test_without_a_negative_it_costs_nothing(pairs):
    loss = tfsbir.losses.InfoNCE(reduction=None)
    for size in (8, 1):
        value, gradients = loss_and_gradients(loss, np.ones(size), (pairs[0][:size], pairs[1][:size]))
        for zeros in (value, *gradients):
            np.testing.assert_array_equal(zeros, 0)


def test_degenerate_batches_have_finite_gradients(pairs):
    loss = tfsbir.losses.InfoNCE(1e-4)
    check_finite_gradients(loss, INSTANCES, pairs)
    check_finite_gradients(loss, INSTANCES, (pairs[0], pairs[0]))
    check_finite_gradients(loss, INSTANCES, (np.repeat(pairs[0][:1], 8, axis=0),) * 2)
    check_finite_gradients(loss, INSTANCES, (np.zeros_like(pairs[0]),) * 2)


def test_ids_above_two_to_the_24_collide(pairs):
    """Keras' cast to float32, which the docstring warns of."""
    loss = tfsbir.losses.InfoNCE(reduction=None)
    two = (pairs[0][:2], pairs[1][:2])
    assert loss(np.array([2**24 - 1, 2**24]), two)[0] > 0
    assert loss(np.array([2**24, 2**24 + 1]), two)[0] == 0


def test_bad_temperature():
    with pytest.raises(ValueError, match=r"`temperature` must be > 0. Received: -1"):
        tfsbir.losses.InfoNCE(-1)
