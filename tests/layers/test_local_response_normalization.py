import numpy as np
import pytest

from tests.common import assert_near, check_layer
from tfsbir.layers import LocalResponseNormalization


@pytest.fixture(scope="module")
def feature_map():
    return (np.random.default_rng(0).normal(size=(2, 3, 4, 7)) * 100).astype("float32")


@pytest.mark.parametrize("size", [1, 5, 9])
def test_normalisation_equals_loops(feature_map, size):
    expected = np.zeros(feature_map.shape)
    for place in np.ndindex(feature_map.shape):
        total = 0.0
        for channel in range(place[3] - size // 2, place[3] + size // 2 + 1):
            if 0 <= channel < feature_map.shape[3]:
                total += float(feature_map[*place[:3], channel]) ** 2
        expected[place] = feature_map[place] / (1 + 1e-4 / size * total) ** 0.75
    assert np.abs(expected - feature_map).max() > 1
    assert_near(LocalResponseNormalization(size)(feature_map), expected)


def test_normalisation_in_all_modes(feature_map, tmp_path):
    check_layer(LocalResponseNormalization, feature_map, tmp_path)


@pytest.mark.parametrize("size", [0, 4])
def test_a_bad_size(size):
    with pytest.raises(ValueError, match=rf"`size` must be odd and > 0\. Received: {size}"):
        LocalResponseNormalization(size)
