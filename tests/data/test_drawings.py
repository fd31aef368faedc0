"""Vector sketches behind the interface of an array."""

import pickle

import numpy as np
import pytest

from tfsbir.data.drawings import Drawings
from tfsbir.strokes import VectorSketch, rasterize


@pytest.fixture
def sketches():
    """Six sketches of 0 .. 5 strokes; the last stroke of each is a dot."""
    random = np.random.default_rng(0)
    return [
        VectorSketch(
            [random.uniform(2, 30, (1 if i == count - 1 else 7, 2)) for i in range(count)],
            (0, 0, 32 + count, 32),
        )
        for count in range(6)
    ]


@pytest.mark.parametrize("index", [3, -1, np.int64(0), slice(1, 5), [4, 0, 0], np.array([], int)])
def test_pictures_are_those_of_rasterize(sketches, index):
    drawings = Drawings(sketches, size=48, line_width=2.0, margin=3.0)
    expected = np.stack([rasterize(sketch, 48, 2.0, 3.0) for sketch in sketches])
    assert (drawings.shape, drawings.dtype, len(drawings)) == (expected.shape, expected.dtype, 6)
    np.testing.assert_array_equal(drawings[index], expected[index])


def test_sketches_come_back(sketches):
    drawings = Drawings(iter(sketches)).take([5, 0, 2])
    for index, expected in enumerate([sketches[5], sketches[0], sketches[2]]):
        found = drawings.sketch(index)
        assert found.frame == expected.frame
        assert len(found.strokes) == len(expected.strokes)
        for stroke, other in zip(found.strokes, expected.strokes, strict=True):
            np.testing.assert_array_equal(stroke, other)
    assert drawings.sketch(-1).frame == sketches[2].frame
    for index in (3, -4):
        with pytest.raises(IndexError, match=rf"`index` must be in 0..2. Received: {index}"):
            drawings.sketch(index)


def test_a_worker_can_be_given_them(sketches):
    drawings = Drawings(sketches, size=32)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(drawings))[:], drawings[:])


def test_none_at_all():
    assert Drawings([], size=32)[:].shape == (0, 32, 32, 1)
