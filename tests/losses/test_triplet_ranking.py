import keras
import numpy as np
import pytest

import tfsbir
from tests.common import assert_near, check_finite_gradients, check_loss, unit_norm
from tests.distances.common_distances import embeddings, holef, holef_loops


@pytest.fixture(scope="module")
def triplets():
    return tuple(unit_norm(np.random.default_rng(0), 3, 16, 5))


def loops(anchor, positive, negative, margin):
    """L = max(0, margin + |s - p+|^2 - |s - p-|^2)."""
    values = []
    for s, closer, farther in zip(anchor, positive, negative, strict=True):
        closer_distance = sum((x - y) ** 2 for x, y in zip(s.tolist(), closer.tolist(), strict=True))
        farther_distance = sum((x - y) ** 2 for x, y in zip(s.tolist(), farther.tolist(), strict=True))
        values.append(max(0.0, margin + closer_distance - farther_distance))
    return np.array(values)


@pytest.mark.parametrize("margin", [0.3, 2.0])
def test_equals_loops(triplets, margin):
    expected = loops(*triplets, margin)
    assert (expected == 0).any()
    loss = tfsbir.losses.TripletRanking(margin, reduction=None)
    assert_near(loss(np.zeros(16), triplets), expected)
    assert_near(loss(np.arange(16), triplets), expected)


def test_all_modes(triplets):
    check_loss(lambda **kwargs: tfsbir.losses.TripletRanking(0.5, **kwargs), np.zeros(16), triplets)


def test_equal_embeddings_cost_the_margin_and_zeros_are_finite(triplets):
    loss = tfsbir.losses.TripletRanking()
    equal = (triplets[0],) * 3
    assert_near(loss(np.zeros(16), equal), 0.3)
    check_finite_gradients(loss, np.zeros(16), equal)
    check_finite_gradients(loss, np.zeros(16), (np.zeros_like(triplets[0]),) * 3)


def test_bad_margin():
    with pytest.raises(ValueError, match=r"`margin` must be > 0. Received: -0.1"):
        tfsbir.losses.TripletRanking(-0.1)


def test_a_learned_distance_takes_the_place_of_the_squared_euclidean():
    sketch, photo = embeddings(8, 16)
    learned = holef()
    loss = tfsbir.losses.TripletRanking(0.5, learned, reduction=None)
    closer, farther = photo[:8], photo[8:]
    difference = [
        holef_loops(learned, *pair) - holef_loops(learned, *other)
        for pair, other in zip(
            zip(sketch, closer, strict=True), zip(sketch, farther, strict=True), strict=True
        )
    ]
    assert_near(loss(np.zeros(8), (sketch, closer, farther)), np.maximum(0.5 + np.array(difference), 0.0))
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert copy.distance.get_config() == learned.get_config()
