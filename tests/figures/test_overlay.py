"""Where an attention map lands on an image, how strongly, and what is refused."""

import re

import numpy as np
import pytest
from scipy.interpolate import BSpline

from tfsbir.figures import attention_peak, overlay
from tfsbir.figures.overlay import FULL_COLOR, MOST_OPAQUE
from tfsbir.models import sketch_a_net

PAPER = np.full((256, 256, 1), 255, np.uint8)
UNIFORM = np.full((7, 7), 1 / 49, np.float32)


def one_hot(row, column, shape=(7, 7)):
    attention = np.zeros(shape, np.float32)
    attention[row, column] = 1
    return attention


def strength(laid):
    """Returns the strength of colour on white paper, of which no colour leaves any blue."""
    return (1 - laid[..., 2] / 255) / MOST_OPAQUE


@pytest.mark.parametrize(
    ("row", "column", "stride", "center"),
    # 15 px of border, then the crop: sketch_a_net's places are at 40, 64, .. 184 px of it.
    [(3, 3, 24, (127, 127)), (1, 2, 24, (79, 103)), (0, 6, 24, (55, 199)), (6, 0, 24, (199, 55))],
)
def test_a_single_place_colors_the_spot_around_its_center_alone(row, column, stride, center):
    laid = overlay(PAPER, one_hot(row, column), 225, stride)
    colored = strength(laid)[15:240, 15:240]
    assert colored[center[0] - 15, center[1] - 15] == colored.max() == pytest.approx(1, abs=0.01)
    rows, columns = np.nonzero(colored > 0.01)
    for found, middle in ((rows, center[0] - 15), (columns, center[1] - 15)):
        assert middle - 2 * stride < found.min() and found.max() < middle + 2 * stride
        assert middle - found.min() == found.max() - middle > stride  # All the same to both sides.


@pytest.mark.parametrize(("shape", "stride"), [((7, 7), 24), ((7, 7), None), ((3, 5), 10.5), ((1, 1), None)])
def test_strength_is_the_sum_of_b_splines_around_the_places(shape, stride):
    attention = np.random.default_rng(0).dirichlet(np.ones(shape[0] * shape[1])).reshape(shape)
    crop = strength(overlay(PAPER, attention, 225, stride))[15:240, 15:240]
    spline = BSpline.basis_element([-2, -1, 0, 1, 2], extrapolate=False)
    expected = np.zeros((225, 225))
    for row in range(shape[0]):
        for column in range(shape[1]):
            along = []
            for place, number in ((row, shape[0]), (column, shape[1])):
                step = 225 / number if stride is None else stride
                center = 112 + step * (place - (number - 1) / 2)
                along.append(np.nan_to_num(spline((np.arange(225) - center) / step)))
            expected += attention[row, column] * attention.size * np.outer(*along)
    expected /= max(FULL_COLOR, expected.max())
    np.testing.assert_allclose(crop, expected, atol=0.005)  # Half a grey level.


def test_an_almost_uniform_map_looks_almost_uniform():
    attention = UNIFORM * np.random.default_rng(0).uniform(0.95, 1.05, (7, 7))
    inner = strength(overlay(PAPER, attention, 225, 24))[80:176, 80:176]
    np.testing.assert_allclose(inner, 1 / FULL_COLOR, atol=0.06 / FULL_COLOR)


def test_only_the_proportions_of_a_map_count():
    attention = np.random.default_rng(0).dirichlet(np.ones(49)).reshape(7, 7)
    np.testing.assert_array_equal(overlay(PAPER, attention, 225), overlay(PAPER, 1000 * attention, 225))


def test_the_crop_without_attention_stays_and_what_is_around_it_is_greyed():
    image = np.random.default_rng(0).integers(0, 256, (240, 256, 3), np.uint8)
    laid = overlay(image, one_hot(0, 0, (12, 12)), 200)
    np.testing.assert_array_equal(laid[100:220, 100:228], image[100:220, 100:228])
    around = np.ones((240, 256), bool)
    around[20:220, 28:228] = False
    assert np.all(np.abs(laid[around] - (image[around] + 205.0) / 2) <= 0.5)


def test_lines_stay_visible_where_the_color_is_full():
    image = PAPER.copy()
    image[120:136] = 0
    laid = overlay(image, one_hot(3, 3), 225, 24).astype(int)
    assert np.all(laid[127 + 12, 127] - laid[127, 127] >= 80)  # Paper and ink, both near the peak.


def test_images_of_every_form_give_the_same_picture():
    grey = np.random.default_rng(0).integers(0, 256, (64, 80), np.uint8)
    kept = grey.copy()
    forms = (grey, grey[..., None], np.repeat(grey[..., None], 3, axis=2))
    pictures = [overlay(image, UNIFORM, 60) for image in forms]
    for picture in pictures:
        assert picture.dtype == np.uint8 and picture.shape == (64, 80, 3)
        np.testing.assert_array_equal(picture, pictures[0])
    np.testing.assert_array_equal(grey, kept)


def test_the_places_of_sketch_a_net_are_where_its_docstring_says():
    step, first, seen = 1, 0.0, 1  # Of the image's pixels themselves.
    for layer in sketch_a_net(embedding_dim=1).layers:
        if not layer.name.startswith(("conv", "pool")):
            continue
        size = layer.kernel_size[0] if layer.name.startswith("conv") else layer.pool_size[0]
        first += 0 if layer.padding == "same" else step * (size - 1) / 2
        seen += step * (size - 1)
        step *= layer.strides[0]
    assert (step, seen) == (24, 153)
    assert first + 3 * step == 112  # The fourth of seven is in the middle of 225 px.


@pytest.mark.parametrize(
    ("attention", "expected"), [(UNIFORM, 1), (one_hot(0, 0), 49), ([[1, 3], [2, 2]], 1.5), ([[5]], 1)]
)
def test_the_peak_is_told_in_multiples_of_a_uniform_map(attention, expected):
    assert attention_peak(attention) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_size": 0}, "`image_size` must be in 1..256, the image's shorter side. Received: 0"),
        ({"image_size": 257}, "`image_size` must be in 1..256, the image's shorter side. Received: 257"),
        ({"stride": 0}, "`stride` must be > 0 and put 7 places into 225 px. Received: 0"),
        ({"stride": 37.5}, "`stride` must be > 0 and put 7 places into 225 px. Received: 37.5"),
        ({"image": PAPER / 255}, "`image` must be uint8 of shape (height, width), (height, width, 1) or "
         "(height, width, 3). Received: float64 (256, 256, 1)"),
        ({"image": PAPER[None]}, "`image` must be uint8 of shape (height, width), (height, width, 1) or "
         "(height, width, 3). Received: uint8 (1, 256, 256, 1)"),
        ({"attention": UNIFORM[0]}, "`attention` must have the shape (rows, columns). Received: (7,)"),
        ({"attention": -UNIFORM}, "`attention` must be finite, >= 0 and not all 0. "
         "Received: values from -0.0204"),
        ({"attention": 0 * UNIFORM}, "`attention` must be finite, >= 0 and not all 0. "
         "Received: values from 0.0 to 0.0"),
        ({"attention": np.nan * UNIFORM}, "`attention` must be finite, >= 0 and not all 0. "
         "Received: values from nan to nan"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        overlay(**{"image": PAPER, "attention": UNIFORM, "image_size": 225, **arguments})


def test_a_peak_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"^`attention` must be finite, >= 0 and not all 0\."):
        attention_peak(np.zeros((7, 7)))
