"""The pen against the exact area near the strokes, and against the ink that lines must have."""

import itertools
import time

import numpy as np
import pytest

from tfsbir.strokes import VectorSketch, rasterize
from tfsbir.strokes.vector_sketch import MIN_SIDE

PAPER = (0, 0, 64, 64)


def ink(image):
    """Ink in px of area."""
    return (255.0 - image).sum() / 255


def line(angle, length, center):
    reach = length / 2 * np.array([np.cos(angle), np.sin(angle)])
    return np.array([np.array(center) - reach, np.array(center) + reach])


def doodle(seed):
    random = np.random.default_rng(seed)
    walks = [np.cumsum(random.normal(0, 6, (n, 2)), axis=0) + random.uniform(8, 56, 2) for n in (2, 3, 9, 1)]
    return VectorSketch([*walks, random.integers(0, 64, (6, 2))], PAPER)


def area(sketch, line_width):
    """Share of 12 x 12 places in each pixel that are within half the pen of a stroke; 1 unit is 1 px."""
    steps = (np.arange(12 * 64) + 0.5) / 12
    places = np.stack(np.meshgrid(steps, steps), axis=-1)
    is_ink = np.zeros(places.shape[:2], bool)
    for stroke in sketch.strokes:
        for a, b in itertools.pairwise(stroke if len(stroke) > 1 else [*stroke, *stroke]):
            step = (b - a).astype(np.float64)
            share = np.clip((places - a) @ step / max(step @ step, 1e-12), 0, 1)
            away = places - a - share[..., None] * step
            is_ink |= np.hypot(away[..., 0], away[..., 1]) <= line_width / 2
    return is_ink.reshape(64, 12, 64, 12).mean(axis=(1, 3))


@pytest.mark.parametrize("line_width", [1.0, 1.5, 2.0, 3.0, 5.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_area(line_width, seed):
    sketch = doodle(seed)
    expected = area(sketch, line_width)
    found = 1 - rasterize(sketch, 64, line_width)[..., 0] / 255.0
    error = np.abs(found - expected)
    assert error.mean() < 0.004
    assert error[expected > 0].mean() < 0.03
    # Where two strokes lie beside each other in one pixel, it takes the larger share and not their sum.
    assert error.max() < 0.5
    assert found.sum() == pytest.approx(expected.sum(), rel=0.03)


@pytest.mark.parametrize("line_width", [1, 1.5, 2, 3, 5])
def test_ink_of_lines(line_width):
    """A line's ink is its length times its width, whatever its direction and place, with two half discs."""
    random = np.random.default_rng(0)
    for angle in [*np.linspace(0, np.pi, 9), *random.uniform(0, np.pi, 8)]:
        sketch = VectorSketch([line(angle, 200, 128 + random.uniform(-0.5, 0.5, 2))], (0, 0, 256, 256))
        expected = 200 * line_width + np.pi / 4 * line_width**2
        assert ink(rasterize(sketch, 256, line_width)) == pytest.approx(expected, rel=0.025)


def test_thin_pens_are_pale():
    sketch = VectorSketch([line(0.3, 40, (32, 32))], PAPER)
    whole = ink(rasterize(sketch, 64, 1.0))
    for line_width in (0.125, 0.25, 0.5):
        assert ink(rasterize(sketch, 64, line_width)) == pytest.approx(line_width * whole, rel=0.03)


def test_axis_parallel_line_is_sharp():
    image = rasterize(VectorSketch([[(0, 10.5), (64, 10.5)]], PAPER), 64, 1.0)[..., 0]
    assert np.all(image[10] == 0)
    assert np.all(np.delete(image, 10, axis=0) == 255)


@pytest.mark.parametrize("shift", [0.25, 0.5, 0.75])
def test_parts_of_pixels(shift):
    """A line that lies in two rows blackens each by its share."""
    image = rasterize(VectorSketch([[(0, 10.5 + shift), (64, 10.5 + shift)]], PAPER), 64, 1.0)[..., 0]
    np.testing.assert_allclose(255 - image[10], 255 * (1 - shift), atol=1)
    np.testing.assert_allclose(255 - image[11], 255 * shift, atol=1)


def test_translation_by_whole_pixels():
    sketch = VectorSketch([stroke[:4] / 2 + 16 for stroke in doodle(0).strokes], PAPER)
    moved = sketch.replaced([stroke + np.array([5, -3]) for stroke in sketch.strokes])
    expected = np.roll(rasterize(sketch, 64, 1.7), (-3, 5), axis=(0, 1)).astype(int)
    # Sums in float32 may round otherwise at another place.
    np.testing.assert_allclose(rasterize(moved, 64, 1.7), expected, atol=1)


def test_mirror_and_transpose():
    sketch = doodle(1)
    image = rasterize(sketch, 64, 2.3)[..., 0].astype(int)
    transposed = sketch.replaced([stroke[:, ::-1] for stroke in sketch.strokes])
    mirrored = sketch.replaced([(64, 0) + (-1, 1) * stroke for stroke in sketch.strokes])
    backward = sketch.replaced([stroke[::-1] for stroke in sketch.strokes])
    np.testing.assert_allclose(rasterize(transposed, 64, 2.3)[..., 0], image.T, atol=1)
    np.testing.assert_allclose(rasterize(mirrored, 64, 2.3)[..., 0], image[:, ::-1], atol=1)
    np.testing.assert_allclose(rasterize(backward, 64, 2.3)[..., 0], image, atol=1)


@pytest.mark.parametrize("line_width", [2, 3, 5, 8])
def test_dot(line_width):
    image = rasterize(VectorSketch([[(30.3, 33.6)]], PAPER), 64, line_width)
    assert ink(image) == pytest.approx(np.pi / 4 * line_width**2, rel=0.1)
    row, column = np.nonzero(image[..., 0] < 128)
    assert max(np.ptp(row), np.ptp(column)) + 1 == pytest.approx(line_width, abs=1)
    weight = 255.0 - image[..., 0]
    places = np.arange(64) + 0.5
    center = (weight.sum(axis=0) @ places / weight.sum(), weight.sum(axis=1) @ places / weight.sum())
    assert center == pytest.approx((30.3, 33.6), abs=0.1)


def test_dense_and_repeated_points_change_nothing():
    ends = line(0.4, 40, (32, 32))
    image = rasterize(VectorSketch([ends], PAPER), 64, 1.5).astype(int)
    dense = ends[0] + np.linspace(0, 1, 2000)[:, None] * (ends[1] - ends[0])
    np.testing.assert_allclose(rasterize(VectorSketch([dense], PAPER), 64, 1.5), image, atol=3)
    repeated = np.repeat(ends, 5, axis=0)
    # Its ends are dots too now, whose rims are a little softer than a line's end.
    np.testing.assert_allclose(rasterize(VectorSketch([repeated], PAPER), 64, 1.5), image, atol=10)
    twice = VectorSketch([ends, ends], PAPER)
    np.testing.assert_array_equal(rasterize(twice, 64, 1.5), image)
    several_dots = VectorSketch([np.full((7, 2), 20)], PAPER)
    one_dot = VectorSketch([np.full((1, 2), 20)], PAPER)
    np.testing.assert_array_equal(rasterize(several_dots, 64, 3), rasterize(one_dot, 64, 3))


def test_strokes_are_drawn_one_by_one():
    sketch = doodle(0)
    alone = [rasterize(sketch.replaced([stroke]), 64, 2) for stroke in sketch.strokes]
    np.testing.assert_array_equal(rasterize(sketch, 64, 2), np.min(alone, axis=0))


def test_empty_sketch():
    image = rasterize(VectorSketch([], (0, 0, 1, 1)), 32)
    assert image.shape == (32, 32, 1)
    assert image.dtype == np.uint8
    assert np.all(image == 255)


@pytest.mark.parametrize(
    ("frame", "scale", "left", "top"),
    [((0, 0, 64, 64), 1, 0, 0), ((-32, 0, 0, 16), 2, -32, -8), ((0, 0, 8, 32), 2, -12, 0)],
)
def test_frame_is_fitted(frame, scale, left, top):
    stroke = np.array([(2.0, 3), (5, 11), (7, 4)]) + frame[:2]
    image = rasterize(VectorSketch([stroke], frame), 64, 2)
    placed = VectorSketch([(stroke - (left, top)) * scale], PAPER)
    np.testing.assert_array_equal(image, rasterize(placed, 64, 2))


def test_margin():
    sketch = doodle(0)
    placed = sketch.replaced([stroke / 2 + 16 for stroke in sketch.strokes])
    np.testing.assert_array_equal(rasterize(sketch, 64, 2, margin=16), rasterize(placed, 64, 2))


def test_default_line_width():
    sketch = doodle(0)
    np.testing.assert_array_equal(rasterize(sketch, 256), rasterize(sketch, 256, 2.0))
    np.testing.assert_array_equal(rasterize(sketch, 16), rasterize(sketch, 16, 0.125))
    assert rasterize(sketch, 2048).shape == (2048, 2048, 1)


@pytest.mark.parametrize("seed", range(3))
def test_far_outside(seed):
    """Lines from far outside are drawn as on a canvas large enough for them."""
    random = np.random.default_rng(seed)
    stroke = random.uniform(-300, 364, (30, 2))
    image = rasterize(VectorSketch([stroke], PAPER), 64, 3).astype(int)
    around = rasterize(VectorSketch([stroke + 300], (0, 0, 664, 664)), 664, 3)[300:364, 300:364]
    np.testing.assert_allclose(image, around, atol=2)


def test_largest_coordinates():
    paper = (0, 0, 1, 1)
    diagonal = VectorSketch([[(-1e6, -1e6), (1e6, 1e6)]], paper)
    near = VectorSketch([[(-2, -2), (2, 2)]], paper)
    # At a million, neighbours in float32 are 1 / 16 apart, and that is 2 px here.
    assert ink(rasterize(diagonal, 32, 2)) == pytest.approx(ink(rasterize(near, 32, 2)), rel=0.05)
    beside = VectorSketch([[(5, -1e6), (5, 1e6)], [(1e6, 1e6)], [(-3, 0), (0, -3)]], paper)
    assert np.all(rasterize(beside, 32, 2) == 255)


def test_smallest_frame():
    # Nothing can be exact there, but nothing breaks.
    sketch = VectorSketch([[(-1e6, 0), (1e6, 0)], [(1e6, -1e6), (1e6, 1e6)]], (0, 0, MIN_SIDE, MIN_SIDE))
    assert rasterize(sketch, 32, 2).shape == (32, 32, 1)


def test_wide_pen():
    image = rasterize(VectorSketch([[(8, 8), (8.5, 8)]], (0, 0, 16, 16)), 64, 16)
    assert ink(image) == pytest.approx(np.pi * 64 + 2 * 16, rel=0.02)


def test_many_strokes_and_points():
    random = np.random.default_rng(0)
    walks = random.uniform(0, 256, (10_000, 1, 2)) + np.cumsum(random.normal(0, 2, (10_000, 20, 2)), axis=1)
    long_walk = 128 + np.cumsum(random.normal(0, 0.3, (1_000_000, 2)), axis=0)
    for strokes in (walks, [long_walk]):
        start = time.process_time()
        image = rasterize(VectorSketch(strokes, (0, 0, 256, 256)), 256)
        assert time.process_time() - start < 10  # Takes half a second.
        assert image.min() == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 15}, r"`size` must be a whole number in \[16, 2048\]\. Received: 15"),
        ({"size": 2049}, r"`size` must be a whole number .* Received: 2049"),
        ({"size": 20.5}, r"`size` must be a whole number .* Received: 20\.5"),
        ({"size": float("nan")}, r"`size` must be a whole number .* Received: nan"),
        ({"line_width": 0.1}, r"`line_width` must be in \[0\.125, `size` / 4 = 16\.0\]\. Received: 0\.1"),
        ({"line_width": 17}, r"`line_width` must be in .* Received: 17"),
        ({"line_width": float("nan")}, r"`line_width` must be in .* Received: nan"),
        ({"margin": -1}, r"`margin` must be in \[0, `size` / 2 = 32\.0\)\. Received: -1"),
        ({"margin": 32}, r"`margin` must be in .* Received: 32"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        rasterize(doodle(0), **{"size": 64, **settings})
