"""Lifting in NumPy against the layers and the definitions of the distances."""

import io
import re

import numpy as np
import pytest

from tests.distances.common_distances import DIM, embeddings
from tests.retrieval.learned_distances import LEARNED, defined_distances, lifting_of
from tfsbir.distances import DISTANCES
from tfsbir.retrieval import Lifting
from tfsbir.retrieval.lifting import NUM_AXES


def test_every_learned_distance_can_be_lifted():
    assert {"squared_euclidean", *NUM_AXES} == set(DISTANCES)


@pytest.mark.parametrize("name", LEARNED)
def test_a_constant_less_the_inner_product_is_the_distance(name):
    layer = LEARNED[name]()
    lifting = lifting_of(layer)
    sketch, photo = embeddings(5, 6)
    (queries, constants), photos = lifting.lift_queries(sketch), lifting.lift_photos(photo)
    assert queries.shape == (5, DIM + 1) and photos.shape == (6, DIM + 1) and constants.shape == (5,)
    assert queries.dtype == photos.dtype == np.float32
    distances = constants[:, None] - queries.astype(np.float64) @ photos.T
    expected = defined_distances(name, layer.get_weights()[0], sketch, photo)
    np.testing.assert_allclose(distances, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(distances, layer.pairwise(sketch, photo), rtol=1e-5, atol=1e-4)
    zeros = np.zeros((1, DIM))
    np.testing.assert_allclose(
        constants, defined_distances(name, layer.get_weights()[0], sketch, zeros)[:, 0], rtol=1e-5
    )


@pytest.mark.parametrize("name", LEARNED)
def test_lifted_embeddings_are_the_layers(name):
    layer = LEARNED[name]()
    sketch, photo = embeddings(5, 6)
    lifting = lifting_of(layer)
    np.testing.assert_allclose(
        lifting.lift_queries(sketch)[0], layer.lift_query(sketch), rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(lifting.lift_photos(photo), layer.lift_photo(photo), rtol=1e-5, atol=1e-5)


def test_only_holef_may_be_negative():
    for name, expected in (("weighted_euclidean", 0.0), ("mahalanobis", 0.0), ("holef", -0.5)):
        lifting = lifting_of(LEARNED[name]())
        np.testing.assert_array_equal(lifting.distances(1.0, np.array([0.5, 1.5])), [0.5, expected])


@pytest.mark.parametrize("name", LEARNED)
def test_a_file_gives_the_same_weights(name):
    layer = LEARNED[name]()
    data = lifting_of(layer).to_bytes()
    np.testing.assert_array_equal(np.load(io.BytesIO(data)), layer.get_weights()[0])
    read = Lifting.from_bytes(name, data)
    assert (read.distance, read.dim, read.weights.dtype) == (name, DIM, np.float32)
    np.testing.assert_array_equal(read.weights, layer.get_weights()[0])


@pytest.mark.parametrize("data", [b"", b"no array", lifting_of(LEARNED["holef"]()).to_bytes()[:-4]])
def test_a_damaged_file_is_refused(data):
    with pytest.raises(ValueError, match=r"."):
        Lifting.from_bytes("holef", data)


@pytest.mark.parametrize(
    ("distance", "weights", "message"),
    [
        (
            "squared_euclidean",
            np.ones(3),
            "`distance` must be one of weighted_euclidean, mahalanobis, holef. ",
        ),
        ("holef", np.ones(3), "`weights` must have the shape (dim, dim). Received: (3,)"),
        ("holef", np.ones((3, 4)), "`weights` must have the shape (dim, dim). Received: (3, 4)"),
        ("mahalanobis", np.float32(1), "`weights` must have the shape (dim, dim). Received: ()"),
        ("weighted_euclidean", np.ones((3, 3)), "`weights` must have the shape (dim,). Received: (3, 3)"),
        ("weighted_euclidean", np.ones(0), "`weights` must have the shape (dim,). Received: (0,)"),
        ("weighted_euclidean", [1.0, np.nan], "`weights` must be finite. Received: others"),
    ],
)
def test_wrong_weights_are_refused(distance, weights, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Lifting(distance, weights)
