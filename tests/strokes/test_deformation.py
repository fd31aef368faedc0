"""Moving Least Squares against fits made point by point, and what deformation does to sketches."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from tfsbir.strokes import VectorSketch, deformation
from tfsbir.strokes.deformation import deform, moving_least_squares
from tfsbir.strokes.vector_sketch import MAX_COORDINATE

KINDS = ("affine", "similarity", "rigid")
FRAME = (0, 0, 256, 256)
CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 40)), np.sin(np.linspace(0, 2 * np.pi, 40))], axis=1)
FACE = VectorSketch(
    [
        128 + 100 * CIRCLE,
        [(90, 100), (92, 104), (95, 100)],
        [(160, 100)],
        [(80, 160), (100, 180), (150, 180), (175, 160)],
        [(128, 110), (128, 145)],
        [(30, 30), (226, 40)],
    ],
    FRAME,
)


def fitted(point, sources, targets, kind, falloff):
    """One point's map, fitted to the control points by an ordinary solver and then applied to the point."""
    weights = 1 / np.linalg.norm(sources - point, axis=1) ** (2 * falloff)
    roots = np.sqrt(weights / weights.sum())
    if kind == "affine":
        columns = np.column_stack([sources, np.ones(len(sources))])
        matrix = np.linalg.lstsq(roots[:, None] * columns, roots[:, None] * targets)[0]
        return np.array([*point, 1.0]) @ matrix
    if kind == "similarity":  # x' = c x - s y + u, y' = s x + c y + v
        x, y = sources.T
        zeros, ones = np.zeros(len(x)), np.ones(len(x))
        rows = np.concatenate([np.stack([x, -y, ones, zeros], 1), np.stack([y, x, zeros, ones], 1)])
        doubled = np.concatenate([roots, roots])
        c, s, u, v = np.linalg.lstsq(doubled[:, None] * rows, doubled * targets.T.ravel())[0]
        return np.array([c * point[0] - s * point[1] + u, s * point[0] + c * point[1] + v])
    source, target = (np.average(control, axis=0, weights=weights) for control in (sources, targets))
    left, _, right = np.linalg.svd((weights[:, None] * (sources - source)).T @ (targets - target))
    turn = left @ np.diag([1.0, np.linalg.det(left @ right)]) @ right
    return (point - source) @ turn + target


def grid(low, high, number):
    axis = np.linspace(low, high, number)
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)


def similarity(scale, angle, shift, points):
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return scale * points @ turn + shift


@pytest.mark.parametrize("falloff", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("kind", KINDS)
def test_points_move_as_fitted(kind, falloff):
    random = np.random.default_rng(0)
    for num_controls in (3, 4, 9):
        sources = random.normal(size=(num_controls, 2))
        targets = sources + random.normal(0, 0.4, (num_controls, 2))
        points = random.normal(0, 2, (50, 2))
        expected = [fitted(point, sources, targets, kind, falloff) for point in points]
        moved = moving_least_squares(points, sources, targets, kind, falloff)
        assert moved.dtype == np.float64
        np.testing.assert_allclose(moved, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_maps_of_its_kind_are_reproduced(kind):
    random = np.random.default_rng(1)
    points, sources = random.normal(size=(100, 2)), random.normal(size=(5, 2))
    matrix = np.array([[1.3, 0.4], [-0.2, 0.8]])
    maps = {
        "rigid": lambda places: similarity(1.0, 0.7, (3, -1), places),
        "similarity": lambda places: similarity(2.5, -2.0, (0, 4), places),
        "affine": lambda places: places @ matrix + (1, 2),
    }
    for own in KINDS[KINDS.index(kind) :]:  # An affine map can be all three, a rigid one only itself.
        moved = moving_least_squares(points, sources, maps[own](sources), kind)
        np.testing.assert_allclose(moved, maps[own](points), atol=1e-12)
    for other in KINDS[: KINDS.index(kind)]:
        moved = moving_least_squares(points, sources, maps[other](sources), kind)
        assert np.abs(moved - maps[other](points)).max() > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_control_points_go_where_they_are_told(kind):
    random = np.random.default_rng(2)
    sources, targets = random.normal(size=(2, 6, 2))
    np.testing.assert_array_equal(moving_least_squares(sources, sources, targets, kind), targets)
    beside = moving_least_squares(sources + 1e-9, sources, targets, kind)
    np.testing.assert_allclose(beside, targets, atol=1e-6)
    # Where two are in one place, their mean.
    sources[1] = sources[0]
    moved = moving_least_squares(sources, sources, targets, kind)
    np.testing.assert_allclose(moved[0], (targets[0] + targets[1]) / 2, atol=1e-12)
    np.testing.assert_array_equal(moved[2:], targets[2:])


@pytest.mark.parametrize("kind", KINDS)
def test_control_points_that_leave_the_map_open(kind):
    points = np.random.default_rng(3).normal(size=(20, 2)) + 1000
    one = moving_least_squares(points, [(0.1, 0.2)], [(1.1, 0.1)], kind)
    np.testing.assert_allclose(one, points + np.array((1, -0.1)), atol=1e-9)
    same = moving_least_squares(points, [(0.1, 0.2)] * 3, [(1.1, 0.1), (0.1, 0.3), (2.1, 0.5)], kind)
    np.testing.assert_allclose(same, points + np.array((1, 0.1)), atol=1e-9)
    fallen = moving_least_squares(points, [(0, 0), (1, 0), (0, 1)], [(5, 5)] * 3, kind)
    assert np.all(np.isfinite(fallen))


def test_affine_control_points_on_one_line_move_nothing_across_it():
    points = np.random.default_rng(4).normal(size=(30, 2))
    sources = np.array([(0, 0), (1, 2), (2, 4), (-1.5, -3)])
    targets = sources + np.random.default_rng(5).normal(0, 0.3, sources.shape)
    expected = []
    for point in points:
        weights = 1 / np.sum((sources - point) ** 2, axis=1)
        source, target = (np.average(control, axis=0, weights=weights) for control in (sources, targets))
        roots = np.sqrt(weights)[:, None]
        # Of all best matrices this solver takes the smallest.
        change = np.linalg.lstsq(
            roots * (sources - source), roots * (targets - sources - (target - source)), rcond=1e-9
        )[0]
        expected.append(target + (point - source) @ (np.eye(2) + change))
    moved = moving_least_squares(points, sources, targets, "affine")
    np.testing.assert_allclose(moved, expected, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_the_map_is_smooth(kind):
    """Halving the step divides the change of slope by four, through a control point, too."""
    sources, targets = np.random.default_rng(6).normal(size=(2, 5, 2))

    def largest_bend(num_points):
        line = np.linspace(sources[0] - (1, 1), sources[0] + (1, 1), num_points)
        return np.abs(np.diff(moving_least_squares(line, sources, targets, kind), 2, axis=0)).max()

    assert largest_bend(20_001) < 0.3 * largest_bend(10_001)


@pytest.mark.parametrize("falloff", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("kind", KINDS)
def test_every_point_stays_finite(kind, falloff):
    sources = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (1, 1 + 1e-9), (1e-300, 0)])
    targets = np.random.default_rng(7).normal(size=(6, 2))
    shares = [0.0, 1e-300, 1e-160, 1e-12, 1e-3, 1.0, 1e9, 1e100]
    points = np.concatenate([scale * grid(-1, 1, 5) for scale in shares])
    assert np.all(np.isfinite(moving_least_squares(points, sources, targets, kind, falloff)))


def test_blocks_change_nothing(monkeypatch):
    points, sources, targets = np.random.default_rng(8).normal(size=(3, 20, 2))
    whole, sketch = moving_least_squares(points, sources, targets), deform(FACE, 3)
    monkeypatch.setattr(deformation, "BLOCK", 7)
    np.testing.assert_allclose(moving_least_squares(points, sources, targets), whole, rtol=1e-14)
    for stroke, expected in zip(deform(FACE, 3).strokes, sketch.strokes, strict=True):
        np.testing.assert_allclose(stroke, expected, rtol=1e-6)


def test_a_deformation_is_a_function_of_the_seed():
    first = deform(FACE, 3)
    again, other = deform(FACE, np.uint32(3)), deform(FACE, 4)
    for stroke, same, different in zip(first.strokes, again.strokes, other.strokes, strict=True):
        np.testing.assert_array_equal(stroke, same)
        assert not np.array_equal(stroke, different)


def test_nothing_to_deform():
    assert deform(FACE, 0, strength=0) is FACE
    for strokes in ([], [[(5, 5)]], [[(5, 5)], [(5, 5), (5, 5)]]):
        sketch = VectorSketch(strokes, FRAME)
        assert deform(sketch, 0) is sketch


@pytest.mark.parametrize("kind", KINDS)
def test_strokes_keep_number_order_and_place(kind):
    for seed in range(100):
        deformed = deform(FACE, seed, kind=kind)
        assert deformed.frame == FACE.frame
        for stroke, bent in zip(FACE.strokes, deformed.strokes, strict=True):
            assert bent.dtype == np.float32
            moves = [np.linalg.norm(bent[end] - stroke[end]) for end in (0, -1)]
            assert 0 < max(moves) < 0.2 * 200  # The sketch is 200 wide.
            low, high = bent.min(axis=0) - stroke.min(axis=0), bent.max(axis=0) - stroke.max(axis=0)
            assert max(np.abs(low).max(), np.abs(high).max()) < 0.2 * 200


def test_strength_scales_the_moves():
    weak, strong = (
        np.mean([np.abs(deform(FACE, seed, strength).strokes[2] - FACE.strokes[2]) for seed in range(50)])
        for strength in (0.1, 1.0)
    )
    assert strong / weak == pytest.approx(10, rel=0.1)


@pytest.mark.parametrize(("scale", "shift"), [(1000.0, 0.0), (0.001, 0.0), (1.0, 1000.0)])
def test_scale_and_place_of_the_drawing_do_not_matter(scale, shift):
    other = VectorSketch([scale * stroke + shift for stroke in FACE.strokes], FRAME)
    for stroke, bent in zip(deform(FACE, 1).strokes, deform(other, 1).strokes, strict=True):
        np.testing.assert_allclose(bent, scale * stroke + shift, rtol=1e-4)


def test_the_whole_moves_as_one_map():
    """Without strokes' own moves, points in one place stay together, in whatever stroke they are."""
    corner = (226.0, 40.0)
    sketch = VectorSketch([*FACE.strokes, [corner]], FRAME)
    bent = deform(sketch, 0, local_move=0.0).strokes
    np.testing.assert_array_equal(bent[5][-1], bent[6][0])
    assert not np.array_equal(bent[6][0], corner)
    assert not np.array_equal(deform(sketch, 0).strokes[5][-1], deform(sketch, 0).strokes[6][0])


def test_short_and_straight_strokes_move_more():
    """By the strokes' own shift, in units of the sketch; the whole sketch's deformation is left out."""
    arc = CIRCLE[:21]  # Half a circle, and so on: length pi, ends 2 apart.
    sketch = VectorSketch(
        [
            [(0, 0), (40, 0)],
            [(0, 50), (160, 50)],
            40 / np.pi * arc + (20, 100),
            160 / np.pi * arc + (80, 140),
        ],
        FRAME,
    )
    moves = []
    for seed in range(2000):
        pairs = zip(deform(sketch, seed, global_move=0.0).strokes, sketch.strokes, strict=True)
        moves.append([(bent.mean(axis=0) - stroke.mean(axis=0))[0] for bent, stroke in pairs])
    # Adding points to a straight line moves the mean of its points nowhere.
    short_straight, long_straight, short_curved, long_curved = np.std(moves, axis=0)
    assert short_straight > 1.2 * max(long_straight, short_curved)
    assert min(long_straight, short_curved) > 1.2 * long_curved
    # The mean stroke is 100 long. What bends the strokes shifts them a little, too.
    assert short_straight / long_straight == pytest.approx(np.exp((1.6 - 0.4) / 2), rel=0.15)
    assert short_straight / short_curved == pytest.approx(np.exp(1 - 2 / np.pi), rel=0.15)


def test_small_strokes_keep_their_shape():
    ends = np.array([(100.0, 100.0), (103.0, 100.0)])
    sketch = VectorSketch([*FACE.strokes, ends], FRAME)
    lengths = [deform(sketch, seed).lengths()[-1] for seed in range(200)]
    assert 0.5 * 3 < min(lengths) < 0.95 * 3 and 1.05 * 3 < max(lengths) < 1.5 * 3


def test_long_straight_lines_bend_without_corners():
    sketch = VectorSketch([[(0, 0), (200, 0)], [(0, 100), (0, 200)]], FRAME)
    departures = []
    for seed in range(50):
        line = deform(sketch, seed).strokes[0].astype(np.float64)
        steps = np.diff(line, axis=0)
        assert np.linalg.norm(steps, axis=1).max() < 2 * 200 / 32
        turns = np.diff(np.unwrap(np.arctan2(steps[:, 1], steps[:, 0])))
        assert np.degrees(np.abs(turns).max()) < 25
        x, y = (line - line[0]).T
        chord_x, chord_y = line[-1] - line[0]
        departures.append(np.abs(x * chord_y - y * chord_x).max() / np.hypot(chord_x, chord_y))
    assert 0.01 * 200 < np.mean(departures) < 0.1 * 200


def test_few_points_are_added():
    scribble = 256 * np.random.default_rng(0).random((300, 2))
    assert 1000 < deform(VectorSketch([scribble], FRAME), 0).num_points <= 1300
    assert deform(VectorSketch([[(0, 0), (256, 0)]], FRAME), 0).num_points == 33


def test_a_sketch_at_the_limits(monkeypatch):
    random = np.random.default_rng(0)
    monkeypatch.setattr(deformation, "MAX_POINTS", 500)
    full = VectorSketch([256 * random.random((250, 2))] * 2, FRAME)
    assert deform(full, 0).num_points == 500
    monkeypatch.undo()
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    wide = deform(VectorSketch([MAX_COORDINATE * corners], FRAME), 0, strength=10)
    assert np.abs(wide.strokes[0]).max() == MAX_COORDINATE
    tiny = deform(VectorSketch([1e-38 * corners, [(0, 0)]], FRAME), 0)
    assert all(np.all(np.isfinite(stroke)) for stroke in tiny.strokes)
    many = deform(VectorSketch(256 * random.random((10_000, 3, 2)), FRAME), 0)
    assert len(many.strokes) == 10_000
    points = 256 * random.random((100_000, 2))
    assert deform(VectorSketch([points], FRAME), 0).num_points <= 101_000


def test_repeated_points_and_dots():
    strokes = [[(10, 10)] * 5, [(50, 50), (50, 50), (90, 50), (90, 50)], [(20, 80)], [(20, 80)]]
    for seed in range(20):
        bent = deform(VectorSketch(strokes, FRAME), seed).strokes
        assert np.ptp(bent[0], axis=0).max() < 1e-4 and len(bent[0]) == 5  # Still a place.
        assert [len(stroke) for stroke in bent[2:]] == [1, 1]
        assert not np.array_equal(bent[2], bent[3])  # Two dots on each other part.
    dots = deform(VectorSketch([[(0, 0)], [(10, 10)]], FRAME), 0)
    assert all(len(stroke) == 1 for stroke in dots.strokes)


def test_real_drawings(shared_data):
    lines = (shared_data / "quickdraw" / "bicycle.ndjson").read_text(encoding="utf-8").splitlines()
    for seed, text in enumerate(lines):
        sketch = VectorSketch([np.array(stroke).T for stroke in json.loads(text)["drawing"]], FRAME)
        left, top, right, bottom = sketch.bounds()
        size = max(right - left, bottom - top)
        bounds = np.array(deform(sketch, seed, kind=KINDS[seed % 3]).bounds())
        assert np.abs(bounds - sketch.bounds()).max() < 0.15 * size


@pytest.mark.parametrize("name", ["points", "sources", "targets"])
def test_impossible_coordinates(name):
    arrays = {"points": [(0, 0)], "sources": [(0, 0), (1, 1)], "targets": [(0, 0), (1, 1)]}
    for shape in ((2,), (2, 3), (2, 2, 2)):
        with pytest.raises(
            ValueError, match=rf"`{name}` must be \(number, 2\)\. Received: {re.escape(str(shape))}"
        ):
            moving_least_squares(**{**arrays, name: np.zeros(shape)})
    for value in (np.nan, np.inf, 1e101):
        with pytest.raises(ValueError, match=rf"`{name}` must be finite and within \+-1e100\. Received:"):
            moving_least_squares(**{**arrays, name: [(0, value), (1, 1)]})


@pytest.mark.parametrize(("num_sources", "num_targets"), [(0, 0), (2, 3)])
def test_control_points_without_targets(num_sources, num_targets):
    message = (
        rf"`sources` and `targets` must be as many, one or more\. Received: {num_sources} and {num_targets}"
    )
    with pytest.raises(ValueError, match=message):
        moving_least_squares([(0, 0)], np.ones((num_sources, 2)), np.ones((num_targets, 2)))


def test_impossible_settings():
    with pytest.raises(ValueError, match=r"`kind` must be one of \('affine', 'similarity', 'rigid'\)\. Rec"):
        moving_least_squares([(0, 0)], [(0, 0)], [(0, 0)], "projective")
    with pytest.raises(ValueError, match=r"`kind` must be one of .* Received: None"):
        deform(FACE, 0, kind=None)
    for falloff in (0, 3.1, float("nan")):
        with pytest.raises(ValueError, match=rf"`falloff` must be in \(0, 3\]\. Received: {falloff}"):
            moving_least_squares([(0, 0)], [(0, 0)], [(0, 0)], falloff=falloff)
    for strength in (-0.1, 10.5, float("nan")):
        with pytest.raises(ValueError, match=rf"`strength` must be in \[0, 10\]\. Received: {strength}"):
            deform(FACE, 0, strength)


@pytest.mark.parametrize("name", ["local_move", "global_move"])
def test_impossible_moves(name):
    for move in (-0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match=rf"`{name}` must be in \[0, 1\]\. Received: {move}"):
            deform(FACE, 0, **{name: move})


def test_no_points_are_no_points():
    assert moving_least_squares(np.zeros((0, 2)), [(0, 0)], [(1, 1)]).shape == (0, 2)


def test_workers_need_no_tensorflow():
    program = "import sys, tfsbir.strokes.deformation; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
