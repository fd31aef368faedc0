"""SVG files as wholes: their frames and encodings, what is written, and what is refused."""

import time
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.strokes.svg_files import svg
from tfsbir.errors import InputError
from tfsbir.strokes import VectorSketch, rasterize, read_svg, write_svg


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
