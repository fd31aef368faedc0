"""What a sketch is and is not."""

import numpy as np
import pytest

from tfsbir.strokes import VectorSketch
from tfsbir.strokes.vector_sketch import MAX_COORDINATE, MAX_POINTS, MAX_STROKES

FRAME = (0, 0, 10, 10)


def test_holds_its_own_points():
    points = np.array([[1.0, 2.0], [3.0, 4.0]])
    sketch = VectorSketch([points, [(5, 6)]], FRAME)
    points[:] = 0
    assert [stroke.tolist() for stroke in sketch.strokes] == [[[1, 2], [3, 4]], [[5, 6]]]
    assert all(stroke.dtype == np.float32 for stroke in sketch.strokes)
    assert sketch.frame == (0.0, 0.0, 10.0, 10.0)
    with pytest.raises(ValueError, match="read-only"):
        sketch.strokes[0][0, 0] = 7


def test_numbers():
    sketch = VectorSketch([[(0, 0), (3, 4), (3, 4), (3, 0)], [(-5, 20)]], FRAME)
    assert sketch.num_points == 5
    assert sketch.bounds() == (-5, 0, 3, 20)
    assert sketch.lengths().tolist() == [9, 0]
    assert sketch.lengths().dtype == np.float32


def test_empty_sketch():
    sketch = VectorSketch([], FRAME)
    assert sketch.strokes == ()
    assert sketch.num_points == 0
    assert sketch.bounds() is None
    assert sketch.lengths().shape == (0,)


def test_replaced():
    sketch = VectorSketch([[(1, 2)]], FRAME).replaced([[(3, 4), (5, 6)]])
    assert sketch.strokes[0].tolist() == [[3, 4], [5, 6]]
    assert sketch.frame == FRAME


def test_limits():
    assert len(VectorSketch([[(0, 0)]] * MAX_STROKES, FRAME).strokes) == MAX_STROKES
    assert VectorSketch([np.zeros((MAX_POINTS, 2))], FRAME).num_points == MAX_POINTS
    assert VectorSketch([[(MAX_COORDINATE, -MAX_COORDINATE)]], FRAME).num_points == 1


@pytest.mark.parametrize(
    ("strokes", "message"),
    [
        (
            [np.zeros((0, 2))],
            r"`strokes` must be \(points, 2\) with a point or more\. Received: \(0, 2\) at 0",
        ),
        ([[(0, 0)], np.zeros((3, 3))], r"`strokes` must be .* Received: \(3, 3\) at 1"),
        ([np.zeros((1, 2, 2))], r"`strokes` must be .* Received: \(1, 2, 2\) at 0"),
        ([[(0, float("nan"))]], r"`strokes` must be finite and within \+-1000000\. Received: others"),
        ([[(float("-inf"), 0)]], "`strokes` must be finite"),
        ([[(0, 1.01e6)]], "`strokes` must be finite"),
        ([[(0, 1e300)]], "`strokes` must be finite"),
        ([[(0, 10**400)]], r"`strokes` and `frame` must be within \+-1000000"),
        ([np.zeros((MAX_POINTS, 2)), [(0, 0)]], "at most 1000000 points. Received: 1000001"),
        ([[(0, 0)]] * (MAX_STROKES + 1), "`strokes` must be at most 20000. Received: 20001"),
    ],
)
def test_bad_strokes(strokes, message):
    with pytest.raises(ValueError, match=message):
        VectorSketch(strokes, FRAME)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ((0, 0, 10), r"`frame` must be \(left, top, right, bottom\)"),
        ((0, 0, float("nan"), 10), r"`frame` must be \(left, top, right, bottom\)"),
        ((0, 0, 2e6, 10), r"`frame` must be \(left, top, right, bottom\) within \+-1000000"),
        ((0, 0, 0, 10), "`frame` must have left < right and top < bottom"),
        ((0, 10, 10, 0), "`frame` must have left < right and top < bottom"),
        ((0, 0, 1e-7, 1), "`frame` must have left < right and top < bottom, by 1e-06 or more"),
        ((0, 0, 10**400, 1), "`strokes` and `frame` must be within"),
    ],
)
def test_bad_frame(frame, message):
    with pytest.raises(ValueError, match=message):
        VectorSketch([], frame)
