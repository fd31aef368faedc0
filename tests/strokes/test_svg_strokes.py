"""Strokes of SVG elements: the grammar as specified, curves against de Casteljau's points and the circle."""

import itertools
import math

import numpy as np
import pytest

from tests.strokes.svg_files import svg
from tfsbir.strokes import read_svg

FLAT = 100 / 4096  # The tolerance in a frame of 100 units.


@pytest.fixture
def strokes(tmp_path):
    """A function from the content of an SVG file to its strokes."""

    def read(content, attributes='viewBox="0 0 100 100"'):
        sketch = read_svg(svg(tmp_path / "a.svg", content, attributes))
        return [stroke.tolist() for stroke in sketch.strokes]

    return read


@pytest.fixture
def path_strokes(strokes):
    return lambda data: strokes(f'<path d="{data}"/>')


def bezier(controls, num=200):
    """Points of a Bézier curve of any degree by de Casteljau's construction."""
    points = []
    for t in np.linspace(0, 1, num):
        level = [np.array(control, float) for control in controls]
        while len(level) > 1:
            level = [(1 - t) * a + t * b for a, b in itertools.pairwise(level)]
        points.append(level[0])
    return np.array(points)


def distances(points, line):
    """Distance of each point to a polyline."""
    found = []
    for a, b in itertools.pairwise(np.asarray(line, float)):
        share = np.clip((points - a) @ (b - a) / max((b - a) @ (b - a), 1e-12), 0, 1)
        found.append(np.linalg.norm(points - a - share[:, None] * (b - a), axis=1))
    return np.min(found, axis=0)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("M1,2L3,4", [[[1, 2], [3, 4]]]),
        (" M 1 2 L 3 4 5 6 ", [[[1, 2], [3, 4], [5, 6]]]),
        ("M1 2 3 4 5 6", [[[1, 2], [3, 4], [5, 6]]]),
        ("m1 2 3 4 5 6", [[[1, 2], [4, 6], [9, 12]]]),
        ("M1,2l3,4l-1-1", [[[1, 2], [4, 6], [3, 5]]]),
        ("M1,2H9h-2V7v.5", [[[1, 2], [9, 2], [7, 2], [7, 7], [7, 7.5]]]),
        ("M1 2H9 8 7", [[[1, 2], [9, 2], [8, 2], [7, 2]]]),
        ("M1 2L3 4M5 6L7 8", [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]),
        ("M1 2L3 4m5 6l7 8", [[[1, 2], [3, 4]], [[8, 10], [15, 18]]]),
        ("M1 2L3 4L5 2Z", [[[1, 2], [3, 4], [5, 2], [1, 2]]]),
        ("M1 2L3 4L1 2z", [[[1, 2], [3, 4], [1, 2]]]),
        ("M1 2L3 4ZL9 9", [[[1, 2], [3, 4], [1, 2]], [[1, 2], [9, 9]]]),
        ("M1 2L3 4Zl8 7", [[[1, 2], [3, 4], [1, 2]], [[1, 2], [9, 9]]]),
        ("M1 2L3 4Zm1 1l1 1zz", [[[1, 2], [3, 4], [1, 2]], [[2, 3], [3, 4], [2, 3]]]),
        ("M1 2", []),
        ("M1 2M3 4", []),
        ("M1 2z", [[[1, 2]]]),
        ("M1 2zM3 4z", [[[1, 2]], [[3, 4]]]),
        ("M1 2L1 2", [[[1, 2], [1, 2]]]),
        ("M.5.5.25-1e1", [[[0.5, 0.5], [0.25, -10]]]),
        ("M1.e1,+2E-1L1,,2".replace(",,", ","), [[[10, np.float32(0.2)], [1, 2]]]),
        ("M1,2 A0 5 0 0 1 7 8", [[[1, 2], [7, 8]]]),
        ("M1,2 A5 5 0 0 1 1 2", [[[1, 2], [1, 2]]]),
        ("", []),
        (" ", []),
    ],
)
def test_lines(path_strokes, data, expected):
    assert path_strokes(data) == expected


CURVES = {
    "M5,5 C20,90 60,-40 95,50": [[(5, 5), (20, 90), (60, -40), (95, 50)]],
    "m5,5 c15,85 55,-45 90,45": [[(5, 5), (20, 90), (60, -40), (95, 50)]],
    "M5,5 Q50,99 95,5": [[(5, 5), (50, 99), (95, 5)]],
    "m5,5 q45,94 90,0": [[(5, 5), (50, 99), (95, 5)]],
    "M5,5 C5,25 25,25 25,45 S45,65 45,85": [
        [(5, 5), (5, 25), (25, 25), (25, 45)],
        [(25, 45), (25, 65), (45, 65), (45, 85)],
    ],
    "M5,5 c0,20 20,20 20,40 s20,20 20,40": [
        [(5, 5), (5, 25), (25, 25), (25, 45)],
        [(25, 45), (25, 65), (45, 65), (45, 85)],
    ],
    "M5,5 L25,45 S45,65 45,85": [[(5, 5), (25, 45)], [(25, 45), (25, 45), (45, 65), (45, 85)]],
    "M5,5 Q15,45 25,25 T45,25 t20,0": [
        [(5, 5), (15, 45), (25, 25)],
        [(25, 25), (35, 5), (45, 25)],
        [(45, 25), (55, 45), (65, 25)],
    ],
    "M5,5 T25,25": [[(5, 5), (25, 25)]],
    "M5,5 C5,25 25,25 25,45 T45,85": [[(5, 5), (5, 25), (25, 25), (25, 45)], [(25, 45), (45, 85)]],
    "M5,50 C150,50 -50,50 95,50": [[(5, 50), (150, 50), (-50, 50), (95, 50)]],
    "M50,50 C90,10 90,90 50,50": [[(50, 50), (90, 10), (90, 90), (50, 50)]],
}


@pytest.mark.parametrize("data", CURVES)
def test_curves(path_strokes, data):
    (found,) = path_strokes(data)
    found = np.array(found)
    curves = CURVES[data]
    exact = np.concatenate([bezier(curve) for curve in curves])
    assert distances(exact, found).max() < FLAT + 1e-4
    assert distances(found, exact).max() < 0.01
    assert all(np.any(np.all(found == np.float32(curve[-1]), axis=1)) for curve in curves)
    assert len(found) < 120


@pytest.mark.parametrize(
    ("data", "angles"),
    [
        ("M70,50 A20,20 0 0 1 50,70", (0, 90)),
        ("M70,50 A20,20 0 0 0 50,30", (0, -90)),
        ("M70,50 A20,20 0 1 0 50,70", (0, -270)),
        ("M70,50 A20,20 0 1150,30", (0, 270)),
        ("m70,50 a20 20 77 01-40,0", (0, 180)),
        ("M70,50 A20,20 0 0 0 30,50", (0, -180)),
        ("M70,50 A-1,1 0 0 1 30,50", (0, 180)),  # Grows until it reaches the end.
    ],
)
def test_circles(path_strokes, data, angles):
    (found,) = path_strokes(data)
    angles = np.radians(np.linspace(*angles, 100))
    exact = 50 + 20 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert distances(exact, found).max() < FLAT + 1e-3
    assert distances(np.array(found), exact).max() < 0.02
    np.testing.assert_allclose(found[-1], exact[-1], atol=1e-5)


def test_turned_ellipse(path_strokes):
    turn = math.radians(30)
    axes = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    first, last = (np.array([math.cos(a), math.sin(a)]) * (30, 10) @ axes + 50 for a in (0.3, 2.5))
    (found,) = path_strokes(f"M{first[0]},{first[1]} A30,10 30 0 1 {last[0]},{last[1]}")
    x, y = ((np.array(found) - 50) @ axes.T / (30, 10)).T
    np.testing.assert_allclose(np.hypot(x, y), 1, atol=1e-4)
    angles = np.arctan2(y, x)
    assert np.all(np.diff(angles) > 0)
    assert (angles[0], angles[-1]) == pytest.approx((0.3, 2.5), abs=1e-4)


def test_other_shapes(strokes):
    content = """<line x1="1" y1="2" x2="3" y2="4"/><line x2="7"/><polyline points="1,2 3 4,5,6"/>
    <polygon points="1 2 3 4 5 2"/><polyline points=""/><polyline points="1,1"/><path/><rect width="5"/>"""
    assert strokes(content) == [
        [[1, 2], [3, 4]],
        [[0, 0], [7, 0]],
        [[1, 2], [3, 4], [5, 6]],
        [[1, 2], [3, 4], [5, 2], [1, 2]],
    ]


@pytest.mark.parametrize(
    ("transform", "point"),
    [
        ("", (10, 20)),
        ("translate(3)", (13, 20)),
        ("translate(3, -4)", (13, 16)),
        ("scale(2)", (20, 40)),
        ("scale(2,.5)", (20, 10)),
        ("rotate(90)", (-20, 10)),
        ("rotate(90 10 20)", (10, 20)),
        ("rotate(90,0,20)", (0, 30)),
        ("skewX(45)", (30, 20)),
        ("skewY(45)", (10, 30)),
        ("matrix(1 2 3 4 5 6)", (75, 106)),
        ("translate(3,-4) scale(2)", (23, 36)),
        (" scale(2) , translate(3,-4)scale( 1 ) ", (26, 32)),
    ],
)
def test_transforms(strokes, transform, point):
    for content in (
        f'<path transform="{transform}" d="M10,20L10,20"/>',
        f'<g transform="{transform}"><g><line x1="10" x2="10" y1="20" y2="20"/></g></g>',
    ):
        ((start, end),) = strokes(content)
        np.testing.assert_allclose([start, end], [point, point], atol=1e-5)


def test_transforms_of_groups(strokes):
    content = """<g transform="translate(10,0)"><g transform="scale(2)"><path d="M1 1L2 2"/></g>
    <path d="M1 1L2 2" transform="rotate(90)"/></g><path d="M1 1L2 2"/>"""
    expected = [[[12, 2], [14, 4]], [[9, 1], [8, 2]], [[1, 1], [2, 2]]]
    np.testing.assert_allclose(strokes(content), expected, atol=1e-6)


def test_what_is_only_defined(strokes):
    content = """<defs><g><path d="M1 1L2 2"/></g><path d="M1 1L2 2"/></defs>
    <symbol><path d="broken"/></symbol><g><clipPath><path d="M1 1L2 2"/></clipPath><path d="M3 3L4 4"/></g>"""
    assert strokes(content) == [[[3, 3], [4, 4]]]
