"""White paper: frames and polarity."""

import numpy as np
import pytest

from tfsbir.data.paper import border, remove_frame, to_black_on_white


@pytest.mark.parametrize("shape", [(9, 12), (9, 12, 1), (9, 12, 3)])
@pytest.mark.parametrize("width", [0, 1, 2, 4, 5, 100])
def test_frame_becomes_white(shape, width):
    image = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    before = image.copy()
    unframed = remove_frame(image, width)
    for y in range(shape[0]):
        for x in range(shape[1]):
            is_inside = width <= y < shape[0] - width and width <= x < shape[1] - width
            assert np.all(unframed[y, x] == (before[y, x] if is_inside else 255))
    np.testing.assert_array_equal(image, before)
    assert unframed.dtype == np.uint8


def test_frame_width():
    with pytest.raises(ValueError, match=r"`width` must be >= 0\. Received: -1"):
        remove_frame(np.zeros((4, 4), np.uint8), -1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (2, 2), (3, 4), (6, 5, 3)])
def test_border(shape):
    image = np.arange(np.prod(shape)).reshape(shape)
    expected = [
        image[y, x]
        for y in range(shape[0])
        for x in range(shape[1])
        if y in (0, shape[0] - 1) or x in (0, shape[1] - 1)
    ]
    np.testing.assert_array_equal(border(image), expected)


@pytest.mark.parametrize("channels", [(), (1,)])
def test_polarity(channels):
    drawing = np.full((64, 64, *channels), 250, np.uint8)
    drawing[8:56, 8:56] = 10  # Most of it is ink, yet the paper is white.
    drawing[30:34] = 10  # A line from border to border.
    np.testing.assert_array_equal(to_black_on_white(drawing), drawing)
    np.testing.assert_array_equal(to_black_on_white(255 - drawing), drawing)


def test_polarity_of_plain_paper():
    for grey in (0, 127):
        assert np.all(to_black_on_white(np.full((4, 4), grey, np.uint8)) == 255 - grey)
    for grey in (128, 255):
        assert np.all(to_black_on_white(np.full((4, 4), grey, np.uint8)) == grey)


@pytest.mark.parametrize("shape", [(4, 4, 3), (4,), (0, 4)])
def test_polarity_of_other_shapes(shape):
    with pytest.raises(ValueError, match=r"`drawing` must be \(height, width, 1\)\. Received: \("):
        to_black_on_white(np.zeros(shape, np.uint8))
