"""Simplified strokes keep to their tolerance, their ends and their drawn points."""

import itertools
import time

import numpy as np
import pytest

from tfsbir.strokes import VectorSketch, simplify

FRAME = (0, 0, 100, 100)


def simplified(points, tolerance):
    (stroke,) = simplify(VectorSketch([points], FRAME), tolerance).strokes
    return stroke


def distances(points, line):
    """Distance of each point to a polyline."""
    if len(line) == 1:
        line = [*line, *line]
    found = []
    for a, b in itertools.pairwise(np.asarray(line, np.float64)):
        share = np.clip((points - a) @ (b - a) / max((b - a) @ (b - a), 1e-12), 0, 1)
        found.append(np.linalg.norm(points - a - share[:, None] * (b - a), axis=1))
    return np.min(found, axis=0)


@pytest.mark.parametrize("seed", range(300))
def test_tolerance(seed):
    random = np.random.default_rng(seed)
    num = random.integers(1, 60)
    if seed % 3:
        points = np.cumsum(random.normal(0, 5, (num, 2)), axis=0)
    else:  # Full of loops, repeated points and lines that turn back on themselves.
        points = random.integers(0, 4 + seed % 7, (num, 2))
    points = points.astype(np.float32)
    tolerance = random.uniform(0, 4)
    stroke = simplified(points, tolerance)
    assert distances(points, stroke).max() <= tolerance + 1e-4
    assert np.array_equal(stroke[0], points[0])
    assert np.array_equal(stroke[-1], points[-1])
    # The points that stay are in the drawn order.
    place = -1
    for point in stroke:
        place = next(i for i in range(place + 1, num) if np.array_equal(points[i], point))


def test_known_line():
    points = [(0, 0), (1, 0.1), (2, -0.2), (3, 5), (4, 6), (5, 7), (6, 8.1), (7, 9), (8, 9), (9, 9)]
    assert simplified(points, 1.0).tolist() == [[0, 0], [2, np.float32(-0.2)], [3, 5], [7, 9], [9, 9]]


def test_nothing_to_leave_out():
    points = [(0, 0), (10, 0), (10, 10), (3, 7)]
    assert simplified(points, 0.5).tolist() == [list(point) for point in points]
    assert simplified([(0, 0), (5, 5), (10, 10)], 0).tolist() == [[0, 0], [10, 10]]


@pytest.mark.parametrize("loop", [[(0, 0), (10, 0), (10, 10), (0, 0)], [(5, 5), (5, 9), (5, 5)]])
def test_loops_stay_closed(loop):
    assert simplified(loop, 0.5).tolist() == [list(point) for point in loop]


def test_dots():
    assert simplified([(3, 4)], 1).tolist() == [[3, 4]]
    assert simplified([(3, 4)] * 3, 1).tolist() == [[3, 4]]
    assert simplify(VectorSketch([], FRAME), 1).strokes == ()


def test_frame_and_strokes_stay():
    sketch = simplify(VectorSketch([[(0, 0), (1, 1), (2, 2)], [(5, 5)]], (1, 2, 3, 4)), 0.1)
    assert [len(stroke) for stroke in sketch.strokes] == [2, 1]
    assert sketch.frame == (1, 2, 3, 4)


def test_long_strokes_are_linear():
    """Every split of this one takes off a single point, which is quadratic when it is not cut into runs."""
    x = np.arange(300_000, dtype=np.float64)
    stroke = np.stack([x, np.where(x % 2, -1, 1) * x**2 / 1e5], axis=1)
    start = time.process_time()
    assert len(simplified(stroke, 0.1)) > 250_000
    assert time.process_time() - start < 10  # Takes a quarter of a second.


@pytest.mark.parametrize("tolerance", [-1, float("nan"), float("inf")])
def test_bad_tolerance(tolerance):
    with pytest.raises(ValueError, match=rf"`tolerance` must be finite and >= 0\. Received: {tolerance}"):
        simplify(VectorSketch([], FRAME), tolerance)
