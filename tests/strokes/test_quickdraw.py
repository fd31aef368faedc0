"""Quick, Draw!'s files against what is written into them here, and the real ones."""

import json
import struct

import numpy as np
import pytest

from tfsbir.errors import InputError
from tfsbir.strokes import QuickDrawing, VectorSketch, read_bin, read_ndjson, write_ndjson

SIMPLIFIED = {
    "word": "cat",
    "countrycode": "VE",
    "timestamp": "2017-03-02 23:25:10.07453 UTC",
    "recognized": False,
    "key_id": "5201136883597312",
    "drawing": [[[130, 113, 99], [72, 40, 27]], [[7], [255]]],
}
RAW = {**SIMPLIFIED, "drawing": [[[10.5, 20, 30.25], [400, 410.5, 405], [0, 16, 31]], [[15], [402], [90]]]}


def write(path, *drawings):
    path.write_text("".join(json.dumps(drawing) + "\n" for drawing in drawings))
    return path


def points(sketch):
    return [stroke.tolist() for stroke in sketch.strokes]


def record(strokes, key_id=5, country=b"DE", recognized=1):
    data = struct.pack("<Q2sbIH", key_id, country, recognized, 1_488_000_000, len(strokes))
    for x, y in strokes:
        data += struct.pack(f"<H{len(x)}B{len(y)}B", len(x), *x, *y)
    return data


def test_simplified(tmp_path):
    (drawing,) = read_ndjson(write(tmp_path / "cat.ndjson", SIMPLIFIED))
    assert points(drawing.sketch) == [[[130, 72], [113, 40], [99, 27]], [[7, 255]]]
    assert drawing.sketch.frame == (0, 0, 255, 255)
    assert (drawing.word, drawing.key_id) == ("cat", "5201136883597312")
    assert (drawing.recognized, drawing.country) == (False, "VE")


def test_raw(tmp_path):
    (drawing,) = read_ndjson(write(tmp_path / "cat.ndjson", RAW))
    assert points(drawing.sketch) == [[[10.5, 400], [20, 410.5], [30.25, 405]], [[15, 402]]]
    assert drawing.sketch.frame == (10.5, 400, 30.25, 410.5)


@pytest.mark.parametrize(
    ("x", "y", "frame"),
    [
        ([3, 3], [10, 30], (-7, 10, 13, 30)),
        ([10, 14], [5, 5], (10, 3, 14, 7)),
        ([3, 3], [5, 5], (2.5, 4.5, 3.5, 5.5)),
    ],
)
def test_raw_without_extent(tmp_path, x, y, frame):
    path = write(tmp_path / "cat.ndjson", {**RAW, "drawing": [[x, y, [0, 1]]]})
    (drawing,) = read_ndjson(path)
    assert drawing.sketch.frame == frame


def test_only_word_and_drawing_are_needed(tmp_path):
    path = write(tmp_path / "cat.ndjson", {"word": "cat", "drawing": []})
    (drawing,) = read_ndjson(path)
    assert drawing.sketch.strokes == ()
    assert drawing.sketch.frame == (0, 0, 255, 255)
    assert (drawing.key_id, drawing.recognized, drawing.country) == ("", True, "")


def test_order_limit_and_empty_lines(tmp_path):
    path = write(tmp_path / "cat.ndjson", *({**SIMPLIFIED, "key_id": str(i)} for i in range(5)))
    path.write_text("\n" + path.read_text().replace("\n", "\r\n \n").rstrip())
    assert [drawing.key_id for drawing in read_ndjson(path)] == ["0", "1", "2", "3", "4"]
    assert [drawing.key_id for drawing in read_ndjson(path, limit=2)] == ["0", "1"]
    assert list(read_ndjson(path, limit=0)) == []
    (tmp_path / "empty.ndjson").write_bytes(b"")
    assert list(read_ndjson(tmp_path / "empty.ndjson")) == []


def test_what_is_written_is_read(tmp_path):
    (drawing,) = read_ndjson(write(tmp_path / "cat.ndjson", SIMPLIFIED))
    write_ndjson(tmp_path / "again.ndjson", [drawing, drawing])
    again = list(read_ndjson(tmp_path / "again.ndjson"))
    assert len(again) == 2
    for other in again:
        assert points(other.sketch) == points(drawing.sketch)
        assert other.sketch.frame == drawing.sketch.frame
        for field in ("word", "key_id", "recognized", "country"):
            assert getattr(other, field) == getattr(drawing, field)
    expected = {key: SIMPLIFIED[key] for key in ("word", "countrycode", "recognized", "key_id", "drawing")}
    assert json.loads((tmp_path / "again.ndjson").read_text().splitlines()[0]) == expected


def test_writing_fits_the_frame(tmp_path):
    sketch = VectorSketch([[(-1, 2), (0, 2.26), (4, 5)]], (-1, 2, 1, 3))
    write_ndjson(tmp_path / "any.ndjson", [QuickDrawing(sketch, "any")])
    (drawing,) = read_ndjson(tmp_path / "any.ndjson")
    # The longer side of 2 becomes 255; the last point stays outside.
    assert points(drawing.sketch) == [[[0, 0], [128, 33], [638, 382]]]
    write_ndjson(tmp_path / "none.ndjson", [])
    assert (tmp_path / "none.ndjson").read_bytes() == b""


def test_failed_writing_leaves_the_old_file(tmp_path):
    path = write(tmp_path / "cat.ndjson", SIMPLIFIED)
    before = path.read_bytes()

    def drawings():
        yield from read_ndjson(path)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_ndjson(path, drawings())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_10000_strokes(tmp_path):
    strokes = [[[i % 256, 3], [4, i // 256]] for i in range(10_000)]
    (drawing,) = read_ndjson(write(tmp_path / "cat.ndjson", {**SIMPLIFIED, "drawing": strokes}))
    assert len(drawing.sketch.strokes) == 10_000
    assert drawing.sketch.strokes[9_999].tolist() == [[15, 4], [3, 39]]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", r"expected a drawing as JSON; Expecting property name"),
        (b"\xff{}", r"expected a drawing as JSON; .*can't decode byte 0xff"),
        (b"[" * 200_000, "expected a drawing as JSON; "),
        (b"1" * 5_000, "expected a drawing as JSON; "),
        (b"[]", 'expected an object with a list "drawing"; there is none'),
        (b'{"drawing": {}}', 'expected an object with a list "drawing"; there is none'),
        (b'{"drawing": []}', 'expected a str as "word"; found NoneType'),
        (b'{"word": "cat", "key_id": 7, "drawing": []}', 'expected a str as "key_id"; found int'),
        (b'{"word": "cat", "recognized": 1, "drawing": []}', 'expected a bool as "recognized"; found int'),
        (b'{"word": "cat", "countrycode": [], "drawing": []}', 'expected a str as "countrycode"; found list'),
    ],
)
def test_bad_lines(tmp_path, line, message):
    path = write(tmp_path / "cat.ndjson", SIMPLIFIED)
    path.write_bytes(path.read_bytes() + line)
    drawings = read_ndjson(path)
    next(drawings)
    with pytest.raises(InputError, match=rf"cat\.ndjson, line 2: {message}"):
        next(drawings)


@pytest.mark.parametrize(
    ("stroke", "message"),
    [
        ("[[1], [2]], 5", "expected stroke 2 as two or three equally long lists; found others"),
        ("[[1]]", "expected stroke 1 as two or three equally long lists"),
        ("[[1], [2], [3], [4]]", "expected stroke 1 as two or three equally long lists"),
        ("[[1, 2], [3]]", "expected stroke 1 as two or three equally long lists"),
        ("[[1], [3], [1, 2]]", "expected stroke 1 as two or three equally long lists"),
        ("[[], []]", "expected stroke 1 as two or three equally long lists"),
        ("[1, 2]", "expected stroke 1 as two or three equally long lists"),
        ('["12", "34"]', "expected stroke 1 as two or three equally long lists"),
        ('[["1"], [2]]', "expected numbers in stroke 1; found others"),
        ("[[true], [2]]", "expected numbers in stroke 1; found others"),
        ("[[null], [2]]", "expected numbers in stroke 1; found others"),
        ("[[[]], [2]]", "expected numbers in stroke 1; found others"),
        (f"[[1], [{10**400}]]", "expected numbers in stroke 1; found one that is too large"),
        ("[[NaN], [2]]", "expected strokes; `strokes` must be finite"),
        ("[[1], [-Infinity]]", "expected strokes; `strokes` must be finite"),
        ("[[1e308], [2]]", "expected strokes; `strokes` must be finite"),
        ("[[1], [1e7], [0]]", "expected strokes; `strokes` must be finite"),
    ],
)
def test_bad_strokes(tmp_path, stroke, message):
    path = tmp_path / "cat.ndjson"
    path.write_text(f'{{"word": "cat", "drawing": [{stroke}]}}')
    with pytest.raises(InputError, match=rf"cat\.ndjson, line 1: {message}"):
        list(read_ndjson(path))


def test_long_line(tmp_path, monkeypatch):
    monkeypatch.setattr("tfsbir.strokes.quickdraw.MAX_LINE_BYTES", 400)
    path = write(tmp_path / "cat.ndjson", SIMPLIFIED, {**SIMPLIFIED, "word": "c" * 400})
    with pytest.raises(InputError, match=r"cat\.ndjson, line 2: expected at most 400 bytes; found more"):
        list(read_ndjson(path))


@pytest.mark.parametrize("read", [read_ndjson, read_bin])
def test_no_file(tmp_path, read):
    with pytest.raises(
        InputError, match=r"cat: expected .*Quick, Draw! drawings.*; no such file or directory"
    ):
        list(read(tmp_path / "cat"))
    with pytest.raises(InputError, match=r"expected .*Quick, Draw! drawings.*; found a folder"):
        list(read(tmp_path))
    with pytest.raises(ValueError, match=r"`limit` must be >= 0\. Received: -1"):
        list(read(tmp_path / "cat", limit=-1))


def test_bin(tmp_path):
    path = tmp_path / "hot dog.bin"
    path.write_bytes(
        record([([0, 255, 7], [1, 2, 3]), ([9], [8])], key_id=2**64 - 1)
        + record([], country=b"\0\0", recognized=0)
        + record([([5, 5], [6, 6])])
    )
    first, second, third = read_bin(path)
    assert points(first.sketch) == [[[0, 1], [255, 2], [7, 3]], [[9, 8]]]
    assert first.sketch.frame == (0, 0, 255, 255)
    assert (first.word, first.key_id) == ("hot dog", str(2**64 - 1))
    assert (first.recognized, first.country) == (True, "DE")
    assert (second.sketch.strokes, second.recognized, second.country) == ((), False, "")
    assert points(third.sketch) == [[[5, 6], [5, 6]]]
    assert len(list(read_bin(path, limit=2))) == 2
    path.write_bytes(b"")
    assert list(read_bin(path)) == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (record([])[:-1], r"expected 17 bytes before its strokes; found 16"),
        (record([([1, 2], [3, 4])])[:-1], r"expected 4 bytes of stroke 1; found 3"),
        (record([([1, 2], [3, 4])])[:18], r"expected 2 bytes of stroke 1; found 1"),
        (record([([1], [2]), ([], [])]), r"expected stroke 2 to have 1 to 1000000 points; found 0"),
        (record([], recognized=2), r"expected a drawing; found other bytes, 05 00"),
        (record([], country=b"\xe9\xe9"), r"expected a drawing; found other bytes"),
        (record([])[:-2] + b"\xff\xff", r"expected a drawing; found other bytes"),
    ],
)
def test_bad_bin(tmp_path, data, message):
    path = tmp_path / "cat.bin"
    path.write_bytes(record([([1], [2])]) + data)
    drawings = read_bin(path)
    next(drawings)
    with pytest.raises(InputError, match=rf"cat\.bin, drawing 2: {message}"):
        next(drawings)


def test_bin_of_too_many_points(tmp_path):
    path = tmp_path / "cat.bin"
    stroke = struct.pack("<H", 65_535) + bytes(2 * 65_535)
    path.write_bytes(record([])[:-2] + struct.pack("<H", 20_000) + 16 * stroke)
    with pytest.raises(InputError, match=r"drawing 1: expected stroke 16 to have 1 to 1000000 points"):
        list(read_bin(path))


def test_real_drawings(shared_data):
    paths = sorted((shared_data / "quickdraw").glob("*.ndjson"))
    assert len(paths) == 345
    num_drawings = num_strokes = 0
    low, high = np.inf, -np.inf
    for path in paths:
        for drawing in read_ndjson(path):
            assert drawing.word == path.stem
            left, top, right, bottom = drawing.sketch.bounds()
            low, high = min(low, left, top), max(high, right, bottom)
            num_drawings += 1
            num_strokes += len(drawing.sketch.strokes)
    assert (num_drawings, num_strokes) == (22_448, 124_280)
    assert (low, high) == (0, 255)


def test_real_drawings_again(shared_data, tmp_path):
    path = shared_data / "quickdraw" / "bicycle.ndjson"
    write_ndjson(tmp_path / "bicycle.ndjson", read_ndjson(path))
    expected = [json.loads(line)["drawing"] for line in path.read_text().splitlines()]
    found = [json.loads(line)["drawing"] for line in (tmp_path / "bicycle.ndjson").read_text().splitlines()]
    assert found == expected
