import numpy as np
import pytest

from tests.common import check_layer
from tfsbir.layers import PlaceBias


def feature_map():
    return np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")


def test_it_passes_what_every_layer_must(tmp_path):
    check_layer(PlaceBias, feature_map(), tmp_path)


def test_every_place_and_channel_has_a_bias_of_its_own():
    layer = PlaceBias()
    np.testing.assert_array_equal(layer(feature_map()), feature_map())
    bias = np.arange(60, dtype="float32").reshape(3, 4, 5)
    layer.set_weights([bias])
    np.testing.assert_allclose(layer(feature_map()), feature_map() + bias, rtol=1e-6)


def test_a_map_of_unknown_size_is_refused():
    with pytest.raises(ValueError, match=r"`feature_map` must be .* of known size"):
        PlaceBias().build((None, None, 4, 5))
