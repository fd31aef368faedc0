import numpy as np
import pytest
from keras import ops
from scipy.spatial.distance import cdist

from tests.common import assert_all_finite, assert_near, check_layer
from tests.common_backends import value_and_gradients
from tests.distances.common_distances import embeddings
from tfsbir.distances import Euclidean


def test_it_equals_scipys_row_with_row_all_pairs_and_as_an_inner_product():
    sketch, photo = embeddings(5, 4)
    layer, expected = Euclidean(), cdist(sketch, photo)
    assert_near(layer((sketch[:4], photo)), np.diagonal(expected))
    assert_near(layer.pairwise(sketch, photo), expected)
    products = np.asarray(layer.lift_query(sketch)) @ np.asarray(layer.lift_photo(photo)).T
    assert_near(layer.distance_of(sketch, products), expected)


def test_all_modes(tmp_path):
    check_layer(Euclidean, embeddings(4, 4), tmp_path, is_float32=True)


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_equal_embeddings_have_no_gradient(value):
    equal = np.full((3, 4), value, "float32")
    np.testing.assert_array_equal(Euclidean()((equal, equal)), 0)
    _, gradients = value_and_gradients(lambda *pair: ops.sum(Euclidean()(pair)), (equal, equal))
    assert_all_finite(gradients)
    np.testing.assert_array_equal(gradients[0], 0)
