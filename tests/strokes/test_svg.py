"""SVG files: the grammar as specified, curves against de Casteljau's construction and the circle."""

import itertools
import math
import time
from xml.etree import ElementTree

import numpy as np
import pytest

from tfsbir.errors import InputError
from tfsbir.strokes import VectorSketch, rasterize, read_svg, write_svg

FLAT = 100 / 4096  # The tolerance in a frame of 100 units.


def svg(path, content, attributes='viewBox="0 0 100 100"'):
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{content}</svg>', "utf-8")
    return path


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


def test_as_tu_berlin_publishes(tmp_path):
    """Laid out as its files: a declaration, a document type, two groups, and paths with numbers for names."""
    path = tmp_path / "1.svg"
    path.write_text(
        """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg viewBox="0 0 800 800" preserveAspectRatio="xMinYMin meet"
     xmlns="http://www.w3.org/2000/svg" version="1.1">
<g fill="none" stroke="black" stroke-linecap="round" stroke-linejoin="round" stroke-width="1">
<g transform="translate(3,3) scale(1) translate(-3,-3)">
<path id="0" d="M 100 200 C 110 210 120.5 220 130 200 S 150 200 160 210"/>
<path id="1" d="M 400 400 l 20 30"/>
</g></g></svg>""",
        "utf-8",
    )
    sketch = read_svg(path)
    assert sketch.frame == (0, 0, 800, 800)
    first, second = sketch.strokes
    assert (first[0].tolist(), first[-1].tolist()) == ([100, 200], [160, 210])
    assert second.tolist() == [[400, 400], [420, 430]]


@pytest.mark.parametrize(
    ("attributes", "frame"),
    [
        ('viewBox="-5 10 20.5 30"', (-5, 10, 15.5, 40)),
        ('viewBox=" -5,10,20.5,30 " width="7" height="8"', (-5, 10, 15.5, 40)),
        ('width="70" height="80px"', (0, 0, 70, 80)),
        ('width="100%" height="80"', (3, 4, 7, 9)),
        ('width="10cm" height="10cm"', (3, 4, 7, 9)),
        ("", (3, 4, 7, 9)),
    ],
)
def test_frame(tmp_path, attributes, frame):
    assert read_svg(svg(tmp_path / "a.svg", '<path d="M3 4L7 9"/>', attributes)).frame == frame


def test_no_strokes(tmp_path):
    sketch = read_svg(svg(tmp_path / "a.svg", "<text>M1 1L2 2</text>", ""))
    assert sketch.strokes == ()
    assert sketch.frame == (0, 0, 1, 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_encodings(tmp_path, encoding):
    text = f'<?xml version="1.0" encoding="{encoding}"?><svg><title>\xe9</title><path d="M3 4L7 9"/></svg>'
    (tmp_path / "a.svg").write_text(text, encoding)
    assert read_svg(tmp_path / "a.svg").strokes[0].tolist() == [[3, 4], [7, 9]]


def test_prefixed_names(tmp_path):
    (tmp_path / "a.svg").write_text('<s:svg xmlns:s="x"><s:path d="M3 4L7 9"/></s:svg>')
    assert read_svg(tmp_path / "a.svg").strokes[0].tolist() == [[3, 4], [7, 9]]


@pytest.mark.parametrize("line_width", [None, 2.5])
def test_what_is_written_is_read(tmp_path, line_width):
    random = np.random.default_rng(0)
    strokes = [random.normal(50, 30, (n, 2)) for n in (1, 2, 50)]
    strokes += [random.integers(0, 9, (20, 2)), [(3, 3), (3, 3)], [(1, 1), (5, 5), (1, 1)], [(1e6, -1e-30)]]
    sketch = VectorSketch(strokes, (-10.5, 0, 100, 120.25))
    write_svg(tmp_path / "a.svg", sketch, line_width)
    again = read_svg(tmp_path / "a.svg")
    assert again.frame == pytest.approx(sketch.frame)
    assert len(again.strokes) == len(sketch.strokes)
    for stroke, expected in zip(again.strokes, sketch.strokes, strict=True):
        np.testing.assert_array_equal(stroke, expected)
    np.testing.assert_array_equal(rasterize(again), rasterize(sketch))


def test_written_style(tmp_path):
    write_svg(tmp_path / "a.svg", VectorSketch([[(1, 2), (3, 4.5)], [(5, 5)]], (0, 0, 256, 128)))
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    namespace = "{http://www.w3.org/2000/svg}"
    assert root.tag == f"{namespace}svg"
    assert [float(number) for number in root.get("viewBox").split()] == [0, 0, 256, 128]
    (group,) = root
    assert (group.get("fill"), group.get("stroke"), group.get("stroke-width")) == ("none", "black", "2.0")
    assert (group.get("stroke-linecap"), group.get("stroke-linejoin")) == ("round", "round")
    assert [path.get("d") for path in group] == ["M1.0,2.0L3.0,4.5", "M5.0,5.0z"]


def test_empty_sketch_is_written(tmp_path):
    write_svg(tmp_path / "a.svg", VectorSketch([], (0, 0, 2, 3)))
    sketch = read_svg(tmp_path / "a.svg")
    assert (sketch.strokes, sketch.frame) == ((), (0, 0, 2, 3))


@pytest.mark.parametrize("line_width", [0, -1, float("nan"), float("inf")])
def test_bad_line_width(tmp_path, line_width):
    with pytest.raises(ValueError, match=rf"`line_width` must be > 0 and finite\. Received: {line_width}"):
        write_svg(tmp_path / "a.svg", VectorSketch([], (0, 0, 1, 1)), line_width)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("L1 2", "expected a path that begins with M; found L"),
        ("z", "expected a path that begins with M; found z"),
        ("1 2", "expected a path that begins with M; found '1 2'"),
        ("M1", "expected 2 numbers for each M in a path; found '1'"),
        ("M12", "expected 2 numbers for each M in a path; found '12'"),
        ("M1 2L", "expected 2 numbers for each L in a path; found ''"),
        ("M1 2L3", "expected 2 numbers for each L in a path; found '3'"),
        ("M1 2L3 4 5", "expected 2 numbers for each L in a path; found '3 4 5'"),
        ("M1,,2", "expected 2 numbers for each M in a path; found '1,,2'"),
        ("M1 2z3 4", "expected 0 numbers for each z in a path; found '3 4'"),
        ("M1 2C1 2 3 4 5", "expected 6 numbers for each C in a path"),
        ("M1 2A1 1 0 2 0 5 5", "expected 7 numbers for each A in a path"),
        ("M1 2#", "expected 2 numbers for each L in a path; found '#'"),
        ("M1 2Lnan 3", "expected 2 numbers for each L in a path; found 'nan 3'"),
        ("M1 2L\u0663 3", "expected 2 numbers for each L in a path"),
        ("M1 1e400", r"expected numbers up to 1e\+09 in a path; found '1 1e400'"),
        ("M1 2e6L3 3", r"expected coordinates within \+-1000000; found others"),
        ("M1 2" + "h999999999" * 3, r"expected coordinates within \+-1000000; found others"),
    ],
)
def test_bad_paths(tmp_path, data, message):
    path = svg(tmp_path / "a.svg", f'<path d="{data}"/>')
    with pytest.raises(InputError, match=rf"a\.svg: expected an SVG file; {message}"):
        read_svg(path)


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ("spin(3)", "expected a transform; found 'spin' with 1 numbers"),
        ("scale()", "expected a transform; found 'scale' with 0 numbers"),
        ("scale(1,2,3)", "expected a transform; found 'scale' with 3 numbers"),
        ("rotate(1,2)", "expected a transform; found 'rotate' with 2 numbers"),
        ("matrix(1 2 3 4 5)", "expected a transform; found 'matrix' with 5 numbers"),
        ("scale(a)", "expected numbers; found 'a'"),
        ("scale(2", r"expected a transform; found 'scale\(2'"),
        ("scale(2) and", "expected a transform; found ' and'"),
        ("scale(1e10)", r"expected numbers up to 1e\+09; found '1e10'"),
        ("scale(1e400) scale(0)", r"expected numbers up to 1e\+09"),
        ("skewX(90)", r"expected transforms up to 1e\+09"),
        ("scale(1e6) " * 2, r"expected transforms up to 1e\+09"),
        ("scale(1e9)", r"expected coordinates within \+-1000000; found others"),
    ],
)
def test_bad_transforms(tmp_path, transform, message):
    path = svg(tmp_path / "a.svg", f'<path d="M1 2L3 4" transform="{transform}"/>')
    with pytest.raises(InputError, match=rf"a\.svg: expected an SVG file; {message}"):
        read_svg(path)


ENTITIES = "".join(f'<!ENTITY e{i + 1} "{10 * f"&e{i};"}">' for i in range(12))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("svg", "syntax error: line 1, column 0"),
        ("<svg>", "no element found: line 1, column 5"),
        ("<svg><g></svg>", "mismatched tag"),
        ("<svg/><svg/>", "junk after document element"),
        ("<html><svg/></html>", "expected one <svg> around everything; found <html> outside"),
        ("<svg><svg/></svg>", "expected one <svg> around everything; found another inside"),
        ('<?xml version="1.0" encoding="x"?><svg/>', "unknown encoding"),
        ('<!DOCTYPE svg [<!ENTITY e "1">]><svg/>', "expected no entities; found 'e'"),
        ('<!DOCTYPE svg [<!ENTITY e SYSTEM "file:///etc/passwd">]><svg>&e;</svg>', "expected no entities"),
        ('<!DOCTYPE svg [<!ENTITY % e SYSTEM "http://localhost/">%e;]><svg/>', "expected no entities"),
        (f'<!DOCTYPE svg [<!ENTITY e0 "1">{ENTITIES}]><svg id="&e12;"/>', "expected no entities; found 'e0'"),
        ("<svg>&e;</svg>", "undefined entity"),
        (
            '<svg viewBox="0 0 1"/>',
            r"expected a view box of some width and height; found \[0\.0, 0\.0, 1\.0\]",
        ),
        ('<svg viewBox="0 0 0 1"/>', "expected a view box of some width and height"),
        ('<svg viewBox="a"/>', "expected numbers; found 'a'"),
        ('<svg width="-1" height="5"/>', "expected a view box of some width and height"),
        ('<svg viewBox="0 0 1e400 1"/>', r"expected numbers up to 1e\+09; found '0 0 1e400 1'"),
        ('<svg viewBox="1e5 0 1e-30 1"/>', "strokes; `frame` must have left < right"),
    ],
)
def test_bad_files(tmp_path, text, message):
    (tmp_path / "a.svg").write_text(text)
    with pytest.raises(InputError, match=rf"a\.svg: expected (an SVG file; )?{message}"):
        read_svg(tmp_path / "a.svg")


def test_no_file(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"a\.svg: expected an SVG file; no such file or directory"):
        read_svg(tmp_path / "a.svg")
    with pytest.raises(InputError, match=r"expected an SVG file; found a folder"):
        read_svg(tmp_path)
    (tmp_path / "a.svg").write_bytes(b"")
    with pytest.raises(InputError, match=r"expected an SVG file; found an empty file \(0 bytes\)"):
        read_svg(tmp_path / "a.svg")
    monkeypatch.setattr("tfsbir.strokes.svg.MAX_BYTES", 10)
    svg(tmp_path / "a.svg", "")
    with pytest.raises(InputError, match=r"expected an SVG file of at most 10 bytes; found more"):
        read_svg(tmp_path / "a.svg")


def test_limits(tmp_path):
    """What is long, deep or wild takes its time and no more."""
    path = tmp_path / "a.svg"
    start = time.process_time()
    svg(path, "<g>" * 100_000 + '<path d="M1 1L2 2"/>' + "</g>" * 100_000)
    assert len(read_svg(path).strokes) == 1
    svg(path, f'<path d="M1 1{" 1 2" * 500_000}"/>')
    assert read_svg(path).num_points == 500_001
    svg(path, f'<path d="M1 1{" " * 3_000_000}#"/>')
    with pytest.raises(InputError, match="expected 2 numbers for each L in a path; found"):
        read_svg(path)
    svg(path, f'<path d="M1 1C{" 999999 -999999 -999999 999999 5 5" * 30_000}"/>', 'viewBox="0 0 1 1"')
    with pytest.raises(InputError, match="expected at most 1000000 points; found curves that take more"):
        read_svg(path)
    svg(path, '<path d="M1 1L2 2"/>' * 20_001)
    with pytest.raises(InputError, match="`strokes` must be at most 20000"):
        read_svg(path)
    svg(path, '<path d="M1 1L2 2"/>' * 10_000)
    assert len(read_svg(path).strokes) == 10_000
    assert time.process_time() - start < 20  # Takes about 2 seconds.
