"""The twelve sketches made of one: their order, and what each of them is."""

import numpy as np
import pytest

from tfsbir.strokes import VectorSketch
from tfsbir.strokes.twelvefold import twelvefold

FRAME = (0, 0, 256, 256)
SKETCH = VectorSketch([[(20 * y, 25 * y), (20 * y + 30, 25 * y)] for y in range(10)], FRAME)


def points_of(sketch):
    return np.concatenate(sketch.strokes)


def test_three_are_thinned_and_nine_are_bent():
    made = twelvefold(SKETCH, seed=0)
    assert [len(sketch.strokes) for sketch in made] == [9, 7, 5, *[9] * 3, *[7] * 3, *[5] * 3]
    assert all(sketch.frame == FRAME for sketch in made)
    original = [stroke.tobytes() for stroke in SKETCH.strokes]
    for thinned in made[:3]:
        kept = [original.index(stroke.tobytes()) for stroke in thinned.strokes]
        assert kept == sorted(kept)
    for index, bent in enumerate(made[3:]):
        for stroke, own in zip(bent.strokes, made[index // 3].strokes, strict=True):
            # The strokes are 32 apart, so this is the same one, moved.
            assert 0 < np.linalg.norm(stroke.mean(axis=0) - own.mean(axis=0)) < 32 * 0.9


def test_all_twelve_differ():
    made = {points_of(sketch).tobytes() for sketch in twelvefold(SKETCH, seed=1)}
    assert len(made) == 12


def test_they_are_a_function_of_the_seed():
    first, again, other = (twelvefold(SKETCH, seed) for seed in (2, 2, 3))
    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(points_of(one), points_of(same))
    for one, different in zip(first[3:], other[3:], strict=True):
        assert not np.array_equal(points_of(one), points_of(different))


@pytest.mark.parametrize("strokes", [[], [[(5, 5)]], [[(5, 5), (50, 50)]], [[(5, 5)], [(5, 5)]]])
def test_sketches_with_little_to_remove(strokes):
    made = twelvefold(VectorSketch(strokes, FRAME), seed=0)
    assert [len(sketch.strokes) for sketch in made] == [min(len(strokes), 1)] * 12


def test_strength_is_that_of_the_deformations():
    made = twelvefold(SKETCH, seed=0, strength=0.0)
    for index, bent in enumerate(made[3:]):
        np.testing.assert_array_equal(points_of(bent), points_of(made[index // 3]))
    with pytest.raises(ValueError, match=r"`strength` must be in \[0, 10\]\. Received: 11"):
        twelvefold(SKETCH, seed=0, strength=11)
