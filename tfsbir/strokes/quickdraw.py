"""Quick, Draw!'s files: drawings as lines of JSON, simplified or raw, and as binary records."""

import dataclasses
import json
import struct
from pathlib import Path

import numpy as np

from tfsbir import files
from tfsbir.errors import InputError
from tfsbir.strokes.reading import bounding_frame, open_file, reason_of, sketch_of
from tfsbir.strokes.vector_sketch import MAX_POINTS, MAX_STROKES, VectorSketch

# Simplified drawings are moved to the origin and scaled so that the longer side ends at 255.
FRAME = (0, 0, 255, 255)
MAX_LINE_BYTES = 32 * 2**20
_HEADER = struct.Struct("<Q2sbIH")


@dataclasses.dataclass(frozen=True, eq=False)
class QuickDrawing:
    """Holds one drawing of Quick, Draw!.

    Args:
        sketch: The `VectorSketch`.
        word: What was to be drawn.
        key_id: Text, the drawing's number in the dataset; empty where the file has none.
        recognized: Whether the game guessed the word.
        country: Two letters, or empty where the file has none.
    """

    sketch: VectorSketch
    word: str
    key_id: str = ""
    recognized: bool = True
    country: str = ""


def read_ndjson(path, limit=None):
    """Reads drawings one after the other from a `.ndjson` file, simplified or raw.

    A simplified stroke is two lists, x and y, in the frame (0, 0, 255, 255). A raw stroke has a third list,
    the times, which is left out, and the frame of a raw drawing is its bounding box; where that has no width
    or no height it gets as much as the other side. Empty lines are skipped.

    Args:
        path: The file.
        limit: Int >= 0, how many drawings are read at most; `None` reads all.
    Returns: A generator of `QuickDrawing`. Nothing is read, and no error raised, before its first item.
    Raises: `InputError` with the number of the line, if the file is missing or a line is not a drawing or is
        longer than `MAX_LINE_BYTES`. `ValueError` if `limit` is negative.
    Source: The dataset's description, github.com/googlecreativelab/quickdraw-dataset.
    """
    _check_limit(limit)
    count = number = 0
    with open_file(path, "Quick, Draw! drawings as lines of JSON") as file:
        while (limit is None or count < limit) and (line := file.readline(MAX_LINE_BYTES + 1)):
            number += 1
            where = f"{path}, line {number}"
            if len(line) > MAX_LINE_BYTES:
                raise InputError(f"{where}: expected at most {MAX_LINE_BYTES} bytes; found more")
            if not line.isspace():
                count += 1
                yield _parsed(line, where)


def read_bin(path, limit=None):
    """Reads drawings one after the other from a `.bin` file.

    The file does not tell the word; it is the file's name without its ending.

    Args:
        path: The file.
        limit: Int >= 0, how many drawings are read at most; `None` reads all.
    Returns: A generator of `QuickDrawing`, the sketches in the frame (0, 0, 255, 255). Nothing is read, and
        no error raised, before its first item.
    Raises: `InputError` with the number of the drawing, from 1, if the file is missing or damaged.
        `ValueError` if `limit` is negative.
    Source: The dataset's description, github.com/googlecreativelab/quickdraw-dataset: little-endian records
        of uint64 key, 2 letters of the country, int8 recognized, uint32 time, uint16 number of strokes, and
        for each stroke a uint16 n, n uint8 x and n uint8 y.
    """
    _check_limit(limit)
    word = Path(path).stem
    count = 0
    with open_file(path, "binary Quick, Draw! drawings") as file:
        while (limit is None or count < limit) and (header := file.read(_HEADER.size)):
            count += 1
            where = f"{path}, drawing {count}"
            if len(header) < _HEADER.size:
                raise InputError(
                    f"{where}: expected {_HEADER.size} bytes before its strokes; found {len(header)}"
                )
            key_id, country, recognized, _, num_strokes = _HEADER.unpack(header)
            if recognized not in (0, 1) or not country.isascii() or num_strokes > MAX_STROKES:
                raise InputError(f"{where}: expected a drawing; found other bytes, {header.hex(' ')}")
            sketch = sketch_of(_binary_strokes(file, num_strokes, where), FRAME, where)
            yield QuickDrawing(sketch, word, str(key_id), bool(recognized), country.decode().rstrip("\0"))


def write_ndjson(path, drawings):
    """Writes drawings as simplified `.ndjson`, atomically.

    Coordinates are moved and scaled so that the frame begins at 0 and its longer side ends at 255, and are
    rounded to whole numbers. So what `read_ndjson` read from a simplified file is written as it was; what
    lies outside the frame stays outside.

    Args:
        path: The file.
        drawings: Iterable of `QuickDrawing`.
    """
    files.write_text(path, "".join(map(_as_line, drawings)))


def _check_limit(limit):
    if limit is not None and limit < 0:
        raise ValueError(f"`limit` must be >= 0. Received: {limit}")


def _parsed(line, where):
    try:
        drawing = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: expected a drawing as JSON; {reason_of(error)}") from None
    if not isinstance(drawing, dict) or not isinstance(drawing.get("drawing"), list):
        raise InputError(f'{where}: expected an object with a list "drawing"; there is none')
    word, key_id, recognized, country = (
        _field(drawing, name, kind, default, where)
        for name, kind, default in (
            ("word", str, None),
            ("key_id", str, ""),
            ("recognized", bool, True),
            ("countrycode", str, ""),
        )
    )
    strokes = [_stroke(stroke, where, number) for number, stroke in enumerate(drawing["drawing"], start=1)]
    is_raw = any(len(stroke) == 3 for stroke in drawing["drawing"])
    sketch = sketch_of(strokes, bounding_frame(strokes) if is_raw else FRAME, where)
    return QuickDrawing(sketch, word, key_id, recognized, country)


def _field(drawing, name, kind, default, where):
    value = drawing.get(name, default)
    if not isinstance(value, kind):
        raise InputError(f'{where}: expected a {kind.__name__} as "{name}"; found {type(value).__name__}')
    return value


def _stroke(lists, where, number):
    """Returns `(points, 2)` float64 of the lists of one stroke."""
    is_stroke = (
        isinstance(lists, list) and len(lists) in (2, 3) and all(isinstance(axis, list) for axis in lists)
    )
    if not is_stroke or not 0 < len(lists[0]) == len(lists[1]) == len(lists[-1]):
        raise InputError(
            f"{where}: expected stroke {number} as two or three equally long lists; found others"
        )
    # NumPy would take text and truth for numbers too.
    if not set(map(type, lists[0] + lists[1])) <= {int, float}:
        raise InputError(f"{where}: expected numbers in stroke {number}; found others")
    try:
        return np.array(lists[:2], np.float64).T
    except OverflowError:
        raise InputError(
            f"{where}: expected numbers in stroke {number}; found one that is too large"
        ) from None


def _binary_strokes(file, num_strokes, where):
    strokes, num_points = [], 0
    for number in range(1, num_strokes + 1):
        length = int.from_bytes(_read(file, 2, where, number), "little")
        num_points += length
        if length == 0 or num_points > MAX_POINTS:
            raise InputError(
                f"{where}: expected stroke {number} to have 1 to {MAX_POINTS} points; found {length}"
            )
        xy = np.frombuffer(_read(file, 2 * length, where, number), np.uint8)
        strokes.append(xy.reshape(2, length).T)
    return strokes


def _read(file, num_bytes, where, number):
    data = file.read(num_bytes)
    if len(data) < num_bytes:
        raise InputError(f"{where}: expected {num_bytes} bytes of stroke {number}; found {len(data)}")
    return data


def _as_line(drawing):
    left, top, right, bottom = drawing.sketch.frame
    scale = FRAME[2] / max(right - left, bottom - top)
    strokes = (np.rint((stroke - (left, top)) * scale).astype(int) for stroke in drawing.sketch.strokes)
    value = {
        "word": drawing.word,
        "countrycode": drawing.country,
        "recognized": drawing.recognized,
        "key_id": drawing.key_id,
        "drawing": [stroke.T.tolist() for stroke in strokes],
    }
    return json.dumps(value, separators=(",", ":")) + "\n"
