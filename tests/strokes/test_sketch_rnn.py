"""Sketch-RNN's rows and files, against loops that follow the pen and files written here by NumPy."""

import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from tfsbir.errors import InputError
from tfsbir.strokes import VectorSketch, from_stroke_3, from_stroke_5, read_sketch_rnn, to_stroke_3

ROWS = np.array([(5, 7, 0), (10, -2, 0), (0, 3, 1), (-20, 4, 1), (1, 1, 0), (2, 2, 1)], np.int16)
POINTS = [[[5, 7], [15, 5], [15, 8]], [[-5, 12]], [[-4, 13], [-2, 15]]]


def points(sketch):
    return [stroke.tolist() for stroke in sketch.strokes]


def objects(arrays):
    array = np.empty(len(arrays), object)
    array[:] = arrays
    return array


def npz(path, compressed=True, **splits):
    save = np.savez_compressed if compressed else np.savez
    save(path, **{split: objects(arrays) for split, arrays in splits.items()})
    return path


def npz_of(path, name, pickled, descr="'|O'", shape="(1,)", compression=zipfile.ZIP_DEFLATED):
    """An .npz file around any pickle."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(name, b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + header.encode() + pickled)
    return path


def followed(rows):
    """The points of stroke-3 rows, by a loop."""
    strokes, stroke, x, y = [], [], 0.0, 0.0
    for dx, dy, is_lifted in rows.tolist():
        x, y = x + dx, y + dy
        stroke.append([x, y])
        if is_lifted:
            strokes.append(stroke)
            stroke = []
    return strokes + ([stroke] if stroke else [])


def test_stroke_3():
    sketch = from_stroke_3(ROWS)
    assert points(sketch) == POINTS == followed(ROWS)
    assert sketch.frame == (-5, 5, 15, 15)
    assert from_stroke_3(ROWS, (0, 0, 1, 2)).frame == (0, 0, 1, 2)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint8, np.float16, np.float32, np.float64])
def test_stroke_3_of_any_numbers(dtype):
    random = np.random.default_rng(0)
    rows = np.abs(random.integers(-9, 9, (50, 3)))
    rows[:, 2] = random.random(50) < 0.2
    assert points(from_stroke_3(rows.astype(dtype))) == followed(rows)


def test_stroke_3_without_rows():
    sketch = from_stroke_3(np.zeros((0, 3)))
    assert sketch.strokes == ()
    assert sketch.frame == (0, 0, 1, 1)
    assert to_stroke_3(sketch).shape == (0, 3)


@pytest.mark.parametrize(
    ("rows", "frame"),
    [([(3, 4, 1)], (2.5, 3.5, 3.5, 4.5)), ([(3, 4, 0), (0, 8, 1)], (-1, 4, 7, 12)), ([(0, 0, 0)] * 2, None)],
)
def test_frame_of_no_extent(rows, frame):
    assert from_stroke_3(rows).frame == (frame or (-0.5, -0.5, 0.5, 0.5))


def test_to_stroke_3():
    rows = to_stroke_3(VectorSketch(POINTS, (0, 0, 1, 1)))
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, ROWS)
    random = np.random.default_rng(0)
    sketch = VectorSketch([random.normal(0, 50, (n, 2)) for n in (30, 1, 200)], (-100, -100, 100, 100))
    again = from_stroke_3(to_stroke_3(sketch), sketch.frame)
    assert again.frame == sketch.frame
    for stroke, expected in zip(again.strokes, sketch.strokes, strict=True):
        np.testing.assert_allclose(stroke, expected, atol=1e-3)


def test_stroke_5():
    pens = np.array([(1, 0, 0), (1, 0, 0), (0, 1, 0), (0, 1, 0), (1, 0, 0), (0, 1, 0)])
    rows = np.concatenate([ROWS[:, :2], pens], axis=1)
    assert points(from_stroke_5(rows)) == POINTS
    padded = np.concatenate([rows, [(0, 0, 0, 0, 1), (99, 99, 1, 0, 0), (0, 0, 0, 0, 1)]])
    assert points(from_stroke_5(padded.astype(np.float32))) == POINTS
    assert from_stroke_5(padded, (0, 0, 9, 9)).frame == (0, 0, 9, 9)
    assert from_stroke_5(padded[[6]]).strokes == ()
    assert from_stroke_5(np.zeros((0, 5))).strokes == ()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((4, 2)), r"`rows` must be \(points, 3\) numbers\. Received: float64 \(4, 2\)"),
        (np.zeros(3), r"`rows` must be \(points, 3\) numbers"),
        (np.zeros((1, 3), bool), r"`rows` must be \(points, 3\) numbers\. Received: bool"),
        ([["1", "2", "0"]], r"`rows` must be \(points, 3\) numbers\. Received: <U1"),
        ([(1, 2, 0.5)], "`rows` must have 0 or 1 for the pen"),
        ([(1, 2, float("nan"))], "`rows` must have 0 or 1 for the pen"),
        ([(1, float("nan"), 0)], "`rows` must have finite offsets within"),
        ([(float("inf"), 0, 0), (float("-inf"), 0, 0)], "`rows` must have finite offsets within"),
        ([(1e308, 0, 0)] * 3, "`rows` must have finite offsets within"),
        ([(8e5, 0, 0)] * 2, "`strokes` must be finite and within"),
    ],
)
def test_bad_stroke_3(rows, message):
    with pytest.raises(ValueError, match=message):
        from_stroke_3(rows)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((4, 3)), r"`rows` must be \(points, 5\) numbers\. Received: float64 \(4, 3\)"),
        ([(0, 0, 1, 1, 0)], "`rows` must have 1 for one of the three pen states, else 0"),
        ([(0, 0, 0, 0, 0)], "`rows` must have 1 for one of the three pen states"),
        ([(0, 0, 0.5, 0.5, 0)], "`rows` must have 1 for one of the three pen states"),
        ([(0, float("nan"), 1, 0, 0)], "`rows` must have finite offsets"),
    ],
)
def test_bad_stroke_5(rows, message):
    with pytest.raises(ValueError, match=message):
        from_stroke_5(rows)


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_file(tmp_path, compressed, dtype):
    train = [ROWS.astype(dtype), ROWS[:1].astype(dtype), ROWS[:0].astype(dtype)]
    path = npz(tmp_path / "cat.npz", compressed, train=train, valid=[], test=[ROWS[2:].astype(dtype)])
    sketches = read_sketch_rnn(path, "train")
    assert [points(sketch) for sketch in sketches] == [POINTS, [[[5, 7]]], []]
    assert [sketch.frame for sketch in sketches] == [(-5, 5, 15, 15), (4.5, 6.5, 5.5, 7.5), (0, 0, 1, 1)]
    assert read_sketch_rnn(path, "valid") == []
    assert points(read_sketch_rnn(path, "test")[0]) == followed(ROWS[2:])


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_file_of_any_protocol(tmp_path, protocol):
    path = npz_of(tmp_path / "cat.npz", "train.npy", pickle.dumps(objects([ROWS, ROWS[::2]]), protocol))
    first, second = read_sketch_rnn(path, "train")
    assert points(first) == POINTS
    assert points(second) == followed(ROWS[::2])


class Call:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_nothing_is_run(tmp_path, protocol):
    made = tmp_path / "made"
    pickled = pickle.dumps(objects([ROWS, Call(os.mkdir, str(made))]), protocol)
    path = npz_of(tmp_path / "cat.npz", "train.npy", pickled)
    with pytest.raises(InputError, match=r"cat\.npz: expected arrays .*; found a pickle with 'posix mkdir'"):
        read_sketch_rnn(path, "train")
    assert not made.exists()
    # So that the test means something: NumPy would run it.
    np.load(path, allow_pickle=True)["train"]
    assert made.exists()


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (pickle.dumps([ROWS]), "expected a list of sketches in 'train'; found something else"),
        (pickle.dumps(ROWS), "expected a list of sketches in 'train'; found something else"),
        (pickle.dumps(objects([ROWS, 5])), r"train sketch 1: expected a numeric array; found something else"),
        (pickle.dumps(objects([objects([ROWS])])), r"train sketch 0: expected a numeric array"),
        (pickle.dumps(objects([ROWS[:, :2]])), r"train sketch 0: `rows` must be \(points, 3\) numbers"),
        (pickle.dumps(objects([ROWS * 2])), r"train sketch 0: `rows` must have 0 or 1 for the pen"),
        (pickle.dumps(objects([ROWS]))[:-9], r"expected arrays of strokes in 'train'; found a pickle "),
        (b"", r"expected arrays of strokes in 'train'; found a pickle "),
    ],
)
def test_other_contents(tmp_path, pickled, message):
    with pytest.raises(InputError, match=rf"cat\.npz.*{message}"):
        read_sketch_rnn(npz_of(tmp_path / "cat.npz", "train.npy", pickled), "train")


def test_other_arrays(tmp_path):
    np.savez(tmp_path / "cat.npz", train=ROWS)
    with pytest.raises(InputError, match=r"expected 'train' to be an array of objects; found something else"):
        read_sketch_rnn(tmp_path / "cat.npz", "train")
    path = npz_of(tmp_path / "cat.npz", "train.npy", b"", "[('x', '<f8')]")
    with pytest.raises(InputError, match=r"expected 'train' to be an array of objects; found something else"):
        read_sketch_rnn(path, "train")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train.npy", b"not an array")
    with pytest.raises(InputError, match=r"expected 'train' to be an array of objects; found something else"):
        read_sketch_rnn(path, "train")


def test_bad_archives(tmp_path):
    path = tmp_path / "cat.npz"
    with pytest.raises(InputError, match=r"cat\.npz: expected an \.npz file .*; no such file or directory"):
        read_sketch_rnn(path, "train")
    with pytest.raises(InputError, match=r"expected an \.npz file of sketch-rnn; found a folder"):
        read_sketch_rnn(tmp_path, "train")
    path.write_bytes(b"")
    with pytest.raises(
        InputError, match=r"expected an \.npz .*; it cannot be read \(File is not a zip file\)"
    ):
        read_sketch_rnn(path, "train")
    npz(path, test=[ROWS], valid=[])
    with pytest.raises(InputError, match=r"expected 'train\.npy' in it; found 'test\.npy', 'valid\.npy'"):
        read_sketch_rnn(path, "train")
    data = bytearray(path.read_bytes())
    data[60] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"expected an \.npz file of sketch-rnn; it cannot be read"):
        read_sketch_rnn(path, "test")


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions(tmp_path, compression):
    path = npz_of(tmp_path / "cat.npz", "train.npy", pickle.dumps(objects([ROWS])), compression=compression)
    with pytest.raises(InputError, match=r"expected 'train\.npy' to be stored or deflated; found otherwise"):
        read_sketch_rnn(path, "train")


def test_archive_bomb(tmp_path):
    path = npz_of(tmp_path / "cat.npz", "train.npy", bytes(10_000_000))
    with pytest.raises(InputError, match=r"at most 268435456 bytes and 64 times its .*; found 10000128 from"):
        read_sketch_rnn(path, "train")


def test_encrypted_archive(tmp_path):
    data = io.BytesIO()
    npz_of(data, "train.npy", pickle.dumps(objects([ROWS])))
    raw = bytearray(data.getvalue())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(signature) + offset] |= 1
    (tmp_path / "cat.npz").write_bytes(raw)
    with pytest.raises(InputError, match=r"it cannot be read \(.*encrypted"):
        read_sketch_rnn(tmp_path / "cat.npz", "train")
