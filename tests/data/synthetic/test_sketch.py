"""The clumsy hand: which lines it draws, in which order, and what it leaves out."""

import cv2
import numpy as np
import pytest

from tfsbir.data.synthetic import CATEGORIES
from tfsbir.data.synthetic.shapes import DETAIL, OUTLINE, SIZE, Part, box, detail, fitted
from tfsbir.data.synthetic.sketch import draw_sketch
from tfsbir.strokes.rasterize import rasterize

SQUARE = Part((box(40.0, 40, 210, 210),), "paint", level=OUTLINE)


def traced(parts):
    """The sketch of a steady hand, moved back to where the parts are; its picture and its strokes."""
    sketch, missing = draw_sketch(parts, np.random.default_rng(0), clumsiness=0.0)
    points = np.concatenate([contour for part in parts for contour in part.contours])
    left, top, right, bottom = sketch.bounds()
    scale = np.ptp(points, axis=0).max() / max(right - left, bottom - top)
    sketch = sketch.replaced(
        [(stroke - (left, top)) * scale + points.min(axis=0) for stroke in sketch.strokes]
    )
    return rasterize(sketch)[..., 0], sketch, missing


def of(cls, seed):
    thing = cls.drawn(np.random.default_rng((seed, 5)))
    return fitted(thing.parts(), 0.9, is_mirrored=thing.faces_right)


def crossings(line):
    return int(np.sum(np.diff((line < 128).astype(int)) == 1))


def test_a_line_for_each_side_of_a_square():
    picture, sketch, missing = traced([SQUARE])
    assert len(sketch.strokes) == 1
    assert missing == set()
    assert crossings(picture[125]) == crossings(picture[:, 125]) == 2
    assert abs(np.flatnonzero(picture[125] < 128)[0] - 39) <= 2


def test_hidden_lines_are_not_drawn():
    inside = Part((box(80.0, 80, 170, 170),), "paint")
    picture, _, _ = traced([SQUARE, inside, SQUARE])
    assert picture[50:200, 50:200].min() == 255
    picture, _, _ = traced([SQUARE, inside])
    assert crossings(picture[125]) == 4


def test_clipped_lines_end_at_the_parent():
    band = detail(box(0.0, 100, 250, 150), "paint", "has a band", clip=0)
    _, sketch, missing = traced([SQUARE, band])
    left, _, right, _ = sketch.bounds()
    assert missing == set()
    assert len(sketch.strokes) == 3
    for stroke in sketch.strokes[1:]:
        assert left + 1 < stroke[:, 0].min() < stroke[:, 0].max() < right - 1
        assert np.ptp(stroke[:, 1]) < 1e-3


def test_where_two_parts_meet_one_line_is_drawn():
    halves = [Part((box(40.0, 40, 120, 210),), "a"), Part((box(120.0, 40, 210, 210),), "b")]
    picture, _, _ = traced(halves)
    assert crossings(picture[125]) == 3


def test_thin_parts_are_drawn_as_one_line():
    bar = Part((box(100.0, 60, 108, 200),), "paint", spine=np.array([(104.0, 60), (104, 200)]))
    picture, _, _ = traced([SQUARE, bar])
    assert crossings(picture[125]) == 3


def test_outline_then_pieces_from_large_to_small_then_details():
    parts = [
        detail(box(60.0, 60, 70, 70), "paint", "has a knob"),
        Part((box(150.0, 60, 170, 80),), "paint"),
        SQUARE,
        Part((box(60.0, 100, 140, 180),), "paint"),
    ]
    parts = [parts[2], parts[0], parts[1], parts[3]]
    _, sketch, _ = traced(parts)
    assert [round(float(np.ptp(stroke[:, 0]))) for stroke in sketch.strokes] == [170, 80, 20, 10]


@pytest.mark.parametrize("cls", CATEGORIES.values())
def test_objects_begin_with_their_outline(cls):
    for seed in range(10):
        parts = of(cls, seed)
        whole = np.ptp(np.concatenate([part.contours[0] for part in parts if part.clip is None]), axis=0)
        _, sketch, _ = traced(parts)
        first = np.ptp(np.concatenate(sketch.strokes[:4]), axis=0)
        assert first.max() > 0.4 * whole.max()
        # A chain is a piece of many small links.
        is_chain = any(part.attribute == "chain strap" for part in parts)
        if sum(part.level == DETAIL for part in parts) > 5 and not is_chain:
            lengths = sketch.lengths()
            assert lengths[: len(lengths) // 3].mean() > lengths[-(len(lengths) // 3) :].mean()


@pytest.mark.parametrize("cls", CATEGORIES.values())
def test_a_steady_hand_traces_what_is_seen(cls):
    """Each line of the sketch is a border between two parts, and nearly each border is drawn."""
    for seed in range(6):
        parts = of(cls, seed)
        front = np.full((SIZE, SIZE), -1, np.int16)
        for index, part in enumerate(parts):
            if part.clip is None and not part.line_width and part.spine is None:
                cv2.fillPoly(front, [np.rint(contour).astype(np.int32) for contour in part.contours], index)
        border = np.zeros((SIZE, SIZE), bool)
        border[1:] |= front[1:] != front[:-1]
        border[:, 1:] |= front[:, 1:] != front[:, :-1]
        sketch, _ = draw_sketch(parts, np.random.default_rng(0), clumsiness=0.0)
        left, top, right, bottom = sketch.bounds()
        low, high = np.argwhere(border).min(axis=0)[::-1], np.argwhere(border).max(axis=0)[::-1]
        scale = (high - low) / (right - left, bottom - top)
        points = (np.concatenate(sketch.strokes) - (left, top)) * scale + low
        drawn = np.ones((SIZE, SIZE), np.uint8)
        column, row = np.clip(np.rint(points).astype(int), 0, SIZE - 1).T
        drawn[row, column] = 0
        assert np.mean(cv2.distanceTransform(drawn, cv2.DIST_L2, 5)[border] <= 7) > 0.93


@pytest.mark.parametrize("cls", CATEGORIES.values())
def test_hands(cls):
    parts = of(cls, 0)
    sketches = [draw_sketch(parts, np.random.default_rng(hand))[0] for hand in range(20)]
    again = draw_sketch(parts, np.random.default_rng(3))[0]
    assert all(map(np.array_equal, again.strokes, sketches[3].strokes))
    assert len({sketch.strokes[0].tobytes() for sketch in sketches}) == 20
    for sketch in sketches:
        assert sketch.frame == (0, 0, 256, 256)
        left, top, right, bottom = sketch.bounds()
        assert 0 < left < right < 256
        assert 0 < top < bottom < 256
        assert 0.6 < max(right - left, bottom - top) / 256 < 0.9
    middles = np.array([np.add(sketch.bounds()[:2], sketch.bounds()[2:]) / 2 for sketch in sketches])
    assert np.ptp(middles, axis=0).min() > 10  # Not all in the same place.


def test_details_are_forgotten():
    parts = next(
        parts
        for parts in (of(CATEGORIES["shoe"], seed) for seed in range(99))
        if sum(part.attribute == "has laces" for part in parts) >= 4
    )
    draws = [draw_sketch(parts, np.random.default_rng(hand)) for hand in range(200)]
    forgotten = np.mean(["has laces" in missing for _, missing in draws])
    assert 0.05 < forgotten < 0.25
    with_laces = np.mean([len(sketch.strokes) for sketch, missing in draws if "has laces" not in missing])
    without = np.mean([len(sketch.strokes) for sketch, missing in draws if "has laces" in missing])
    assert with_laces > without + 2
    assert all(None not in missing for _, missing in draws)


def test_clumsiness():
    """A clumsier hand strays farther from what a steady one draws."""
    parts = [Part((box(20.0, 40, 230, 210),), "paint", level=OUTLINE)]
    strays = []
    for clumsiness in (0.0, 0.5, 1.0, 2.0):
        lengths = []
        for hand in range(30):
            sketch, _ = draw_sketch(parts, np.random.default_rng(hand), clumsiness)
            points = np.concatenate(sketch.strokes)
            low, high = points.min(axis=0), points.max(axis=0)
            lengths.append(np.minimum(points - low, high - points).min(axis=1).mean())
        strays.append(np.mean(lengths))
    assert strays[0] < 0.01
    assert strays == sorted(strays)
    assert strays[2] > 1
