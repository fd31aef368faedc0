"""Sketch-RNN's formats: strokes as offsets from point to point, with the pen's state."""

import re
import struct
import zipfile
import zlib

import numpy as np

from tfsbir.errors import InputError
from tfsbir.strokes import numpy_pickle
from tfsbir.strokes.reading import bounding_frame, open_file, reason_of, split_strokes
from tfsbir.strokes.vector_sketch import MAX_COORDINATE, VectorSketch

MAX_BYTES = 256 * 2**20  # Of one split; the largest published ones take about 60 MB.
MAX_EXPANSION = 64  # Bytes of a split for a byte in the zip; the published ones take 5.
_WHAT = "an .npz file of sketch-rnn"
# What zipfile raises for damaged archives, and for those that are encrypted or compressed by other methods.
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, struct.error)
_NPY_HEADER = re.compile(rb"\x93NUMPY(\x01\x00(..)|[\x02\x03]\x00(....))", re.DOTALL)
_OBJECT_DTYPE = re.compile(rb"'descr': *'\|O[48]?'")


def read_sketch_rnn(path, split):
    """Reads one split of a sketch-rnn `.npz` file.

    Args:
        path: The file; its arrays of objects are read without running anything of it.
        split: "train", "valid" or "test".
    Returns: A list of `VectorSketch`, the frame of each its bounding box; see `from_stroke_3`.
    Raises: `InputError` if the file is missing, damaged, has no such split, expands to more than `MAX_BYTES`
        or `MAX_EXPANSION` times its size, or holds anything but stroke-3 arrays.
    Source: Ha and Eck, "A Neural Representation of Sketch Drawings", ICLR 2018, Sec. 3.1.
    """
    data = _member(path, f"{split}.npy")
    header = _NPY_HEADER.match(data)
    start = header.end() + int.from_bytes(header[2] or header[3], "little") if header else 0
    if not header or not _OBJECT_DTYPE.search(data[:start]):
        raise InputError(f"{path}: expected {split!r} to be an array of objects; found something else")
    try:
        sketches = numpy_pickle.load(data[start:])
    except ValueError as error:
        found = f"found a pickle {reason_of(error)}"
        raise InputError(f"{path}: expected arrays of strokes in {split!r}; {found}") from None
    if not isinstance(sketches, numpy_pickle.PickledArray) or not isinstance(sketches.values, list):
        raise InputError(f"{path}: expected a list of sketches in {split!r}; found something else")
    return [
        _sketch(f"{path}, {split} sketch {index}", sketch) for index, sketch in enumerate(sketches.values)
    ]


def from_stroke_3(rows, frame=None):
    """Makes a sketch of stroke-3 rows.

    The pen starts at the origin and is lifted there, so that the first row leads to the first point.

    Args:
        rows: `(points, 3)` numbers: offset in x and in y from the point before, and 1 if the pen is lifted
            after this point, else 0. At the last row the stroke ends in either case.
        frame: `(left, top, right, bottom)`. `None` is the bounding box; a side of length 0 gets the other's,
            or 1 if both are 0.
    Returns: A `VectorSketch`.
    Raises: `ValueError` for another shape, other pen states, or coordinates that a sketch cannot have.
    Source: Ha and Eck, ICLR 2018, Sec. 3.1 and the published data.
    """
    rows = np.asarray(rows)
    if rows.ndim != 2 or rows.shape[1] != 3 or rows.dtype.kind not in "fiu":
        raise ValueError(f"`rows` must be (points, 3) numbers. Received: {rows.dtype} {rows.shape}")
    is_lifted = rows[:, 2] == 1
    if not np.all(is_lifted | (rows[:, 2] == 0)):
        raise ValueError("`rows` must have 0 or 1 for the pen. Received: others")
    if not np.all(np.abs(rows[:, :2].astype(np.float64)) <= 2 * MAX_COORDINATE):
        raise ValueError(
            f"`rows` must have finite offsets within +-{2 * MAX_COORDINATE:.0f}. Received: others"
        )
    strokes = split_strokes(np.cumsum(rows[:, :2], axis=0, dtype=np.float64), is_lifted)
    return VectorSketch(strokes, bounding_frame(strokes) if frame is None else frame)


def from_stroke_5(rows, frame=None):
    """Makes a sketch of stroke-5 rows, such as a model draws.

    Args:
        rows: `(points, 5)` numbers: offset in x and in y, then 1 at one of three places: the pen stays down,
            is lifted after this point, or the sketch has ended. The first row of the last kind and all
            that follow it are padding. Leave out the start token (0, 0, 1, 0, 0) with which models begin.
        frame: As for `from_stroke_3`.
    Returns: A `VectorSketch`.
    Raises: `ValueError` for another shape, other pen states, or coordinates that a sketch cannot have.
    Source: Ha and Eck, ICLR 2018, Sec. 3.1.
    """
    rows = np.asarray(rows)
    if rows.ndim != 2 or rows.shape[1] != 5 or rows.dtype.kind not in "fiu":
        raise ValueError(f"`rows` must be (points, 5) numbers. Received: {rows.dtype} {rows.shape}")
    pen = rows[:, 2:]
    if not np.all((pen == 0) | (pen == 1)) or not np.all(pen.sum(axis=1) == 1):
        raise ValueError("`rows` must have 1 for one of the three pen states, else 0. Received: others")
    length = int(np.argmax(pen[:, 2])) if np.any(pen[:, 2]) else len(rows)
    return from_stroke_3(rows[:length, [0, 1, 3]], frame)


def to_stroke_3(sketch):
    """Returns a sketch as stroke-3 rows, `(points, 3)` float32; see `from_stroke_3`. The frame is lost."""
    rows = np.zeros((sketch.num_points, 3), np.float32)
    if sketch.strokes:
        rows[:, :2] = np.diff(np.concatenate(sketch.strokes), axis=0, prepend=np.float32(0))
        rows[np.cumsum([len(stroke) for stroke in sketch.strokes]) - 1, 2] = 1
    return rows


def _member(path, name):
    """Reads one file of a zip archive."""
    with open_file(path, _WHAT) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                if name not in archive.namelist():
                    found = ", ".join(repr(other[:40]) for other in archive.namelist()[:8]) or "nothing"
                    raise InputError(f"{path}: expected {name!r} in it; found {found}")
                info = archive.getinfo(name)
                # bzip2 and LZMA can ask for much memory, and NumPy writes neither.
                if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise InputError(f"{path}: expected {name!r} to be stored or deflated; found otherwise")
                if info.file_size > min(MAX_BYTES, MAX_EXPANSION * info.compress_size):
                    raise InputError(
                        f"{path}: expected {name!r} of at most {MAX_BYTES} bytes and {MAX_EXPANSION} times "
                        f"its compressed size; found {info.file_size} from {info.compress_size} bytes"
                    )
                return archive.read(info)
        except InputError:
            raise
        except _ZIP_ERRORS as error:
            raise InputError(f"{path}: expected {_WHAT}; it cannot be read ({reason_of(error)})") from None


def _sketch(where, array):
    rows = array.values if isinstance(array, numpy_pickle.PickledArray) else None
    if not isinstance(rows, np.ndarray):
        raise InputError(f"{where}: expected a numeric array; found something else")
    try:
        return from_stroke_3(rows)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from None
