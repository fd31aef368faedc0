"""The coordinates of ShoeV2 and ChairV2: small ones written here, and the real ones."""

import os
import pickle

import numpy as np
import pytest

from tfsbir.errors import InputError
from tfsbir.strokes import rasterize, read_coordinates

ROWS = np.array([(40.5, 50, 0), (60, 70, 0), (61, 71.25, 1), (10, 20, 1), (300, -5, 0), (9, 9, 1)])


def write(path, value, protocol=3):
    path.write_bytes(pickle.dumps(value, protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, ">f8"])
def test_strokes(tmp_path, protocol, dtype):
    path = write(tmp_path / "C", {"/train/7_2": ROWS.astype(dtype), "/test/7_1": ROWS[:1]}, protocol)
    sketches = read_coordinates(path)
    assert list(sketches) == ["/train/7_2", "/test/7_1"]
    assert [stroke.tolist() for stroke in sketches["/train/7_2"].strokes] == [
        [[40.5, 50], [60, 70], [61, 71.25]],
        [[10, 20]],
        [[300, -5], [9, 9]],
    ]
    # The last stroke ends with the rows, whatever its pen.
    assert [stroke.tolist() for stroke in sketches["/test/7_1"].strokes] == [[[40.5, 50]]]
    assert sketches["/train/7_2"].frame == (0, 0, 256, 256)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_empty(tmp_path, protocol):
    assert read_coordinates(write(tmp_path / "C", {}, protocol)) == {}
    sketches = read_coordinates(write(tmp_path / "C", {"/train/1_1": np.zeros((0, 3))}, protocol))
    assert sketches["/train/1_1"].strokes == ()


class Call:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_nothing_is_run(tmp_path, protocol):
    made = tmp_path / "made"
    path = write(tmp_path / "C", {"/train/1_1": ROWS, "/train/1_2": Call(os.mkdir, str(made))}, protocol)
    with pytest.raises(
        InputError, match=r"C: expected a pickle .* found one with 'posix mkdir', which is not"
    ):
        read_coordinates(path)
    assert not made.exists()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([ROWS], "found a list instead of a dict"),
        (ROWS, "found a PickledArray instead of a dict"),
        ({"/a": [1, 2, 3]}, r"C, '/a': expected an array \(points, 3\) of numbers; found another"),
        ({"/a": ROWS[:, :2]}, r"C, '/a': expected an array \(points, 3\) of numbers; found another"),
        ({"/a": ROWS[0]}, r"C, '/a': expected an array \(points, 3\) of numbers; found another"),
        ({"/a": ROWS + 0.5}, "C, '/a': expected 0 or 1 for the pen; found others"),
        ({"/a": ROWS * (np.nan, 1, 1)}, "C, '/a': expected strokes; `strokes` must be finite"),
        ({"/a": ROWS * (1e300, 1, 1)}, "C, '/a': expected strokes; `strokes` must be finite"),
        ({"/a": ROWS, 5: ROWS[:2]}, "found one damaged: int where str is due"),
    ],
)
def test_other_contents(tmp_path, value, message):
    with pytest.raises(InputError, match=message):
        read_coordinates(write(tmp_path / "C", value))


def test_objects_are_no_rows(tmp_path):
    array = np.empty(1, object)
    array[0] = ROWS
    with pytest.raises(InputError, match=r"expected an array"):
        read_coordinates(write(tmp_path / "C", {"/a": array}))


def test_bad_files(tmp_path, monkeypatch):
    with pytest.raises(
        InputError, match=r"C: expected a pickle of coordinates .*; no such file or directory"
    ):
        read_coordinates(tmp_path / "C")
    with pytest.raises(InputError, match=r"expected a pickle of coordinates .*; found a folder"):
        read_coordinates(tmp_path)
    (tmp_path / "C").write_bytes(b"")
    with pytest.raises(InputError, match=r"C: expected a pickle .*; found an empty file \(0 bytes\)"):
        read_coordinates(tmp_path / "C")
    path = write(tmp_path / "C", {"/a": ROWS})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"C: expected a pickle .*; found one "):
        read_coordinates(path)
    monkeypatch.setattr("tfsbir.strokes.coordinates.MAX_BYTES", 10)
    with pytest.raises(InputError, match=r"C: expected a pickle .* of at most 10 bytes; found more"):
        read_coordinates(path)


def test_real_chairs(shared_data):
    sketches = read_coordinates(shared_data / "chairv2" / "ChairV2_Coordinate")
    for split, num_sketches, num_photos in (("train", 952, 300), ("test", 323, 100)):
        names = [name for name in sketches if name.startswith(f"/{split}/")]
        photos = {name.removeprefix(f"/{split}/").rpartition("_")[0] for name in names}
        assert (len(names), len(photos)) == (num_sketches, num_photos)
        assert all((shared_data / "chairv2" / "photo" / f"{photo}.png").is_file() for photo in photos)
    assert len(sketches) == 952 + 323
    bounds = np.array([sketch.bounds() for sketch in sketches.values()])
    assert (bounds[:, :2].min(), bounds[:, 2:].max()) == (33, 223)
    # Were the pen's 1 at the first point of a stroke, the way to it would be drawn: seven times as long as
    # the others, which follow the hand.
    first = next(iter(sketches.values()))
    assert [len(stroke) for stroke in first.strokes] == [31, 23, 12, 14, 7, 12, 10, 8, 11, 10]
    steps = np.concatenate([np.linalg.norm(np.diff(s, axis=0), axis=1) for s in first.strokes])
    assert steps.max() < 30
    assert rasterize(first).min() == 0
