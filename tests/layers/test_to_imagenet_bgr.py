import numpy as np
import pytest

import tfsbir
from tests.common import assert_near, check_layer


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).uniform(-1, 1, (2, 4, 5, 3)).astype("float32")


def test_equals_loops(image):
    result = np.asarray(tfsbir.layers.ToImageNetBGR()(image))
    for source, (blue, green, red) in zip(image.reshape(-1, 3), result.reshape(-1, 3), strict=True):
        assert_near(red, (source[0] + 1) * 127.5 - 123.68)
        assert_near(green, (source[1] + 1) * 127.5 - 116.779)
        assert_near(blue, (source[2] + 1) * 127.5 - 103.939)


def test_all_modes(image, tmp_path):
    check_layer(tfsbir.layers.ToImageNetBGR, image, tmp_path)


def test_bad_image(image):
    with pytest.raises(
        ValueError, match=r"`image` must have 3 channels \(RGB\). Received: shape \(2, 4, 5, 1\)"
    ):
        tfsbir.layers.ToImageNetBGR()(image[..., :1])
