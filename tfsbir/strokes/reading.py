"""What the readers of stroke files share: bounded reading, and sketches of what was read."""

from pathlib import Path

import numpy as np

from tfsbir.errors import InputError
from tfsbir.strokes.vector_sketch import VectorSketch


def open_file(path, what):
    """Opens a file to read bytes from it.

    Args:
        path: The file.
        what: What it should be, with its article; for the error.
    Returns: The binary file.
    Raises: `InputError` if there is none, it is a folder or it may not be read.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: expected {what}; found a folder")
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: expected {what}; {error.strerror.lower()}") from None


def read_bytes(path, what, max_bytes):
    """Reads a whole file of 1 to `max_bytes` bytes.

    Args:
        path: The file.
        what: What it should be, with its article; for the error.
        max_bytes: The most bytes that it may have.
    Returns: Its bytes.
    Raises: `InputError` as `open_file`, or if it is empty or larger.
    """
    with open_file(path, what) as file:
        data = file.read(max_bytes + 1)
    if not data:
        raise InputError(f"{path}: expected {what}; found an empty file (0 bytes)")
    if len(data) > max_bytes:
        raise InputError(f"{path}: expected {what} of at most {max_bytes} bytes; found more")
    return data


def reason_of(error):
    """Returns an error's message as one line of at most 200 letters, or its type if it has none."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def split_strokes(points, is_last):
    """Splits `(points, 2)` after each point for which `is_last` is true; the last stroke may stay open."""
    return np.split(points, np.flatnonzero(is_last[:-1]) + 1) if len(points) else []


def bounding_frame(strokes):
    """Returns the strokes' bounding box as a frame; a side of length 0 gets the other's, or 1 if both are."""
    if not strokes:
        return 0.0, 0.0, 1.0, 1.0
    points = np.concatenate(strokes)
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    pad = np.where(low == high, (np.max(high - low) or 1.0) / 2, 0.0)
    return (*(low - pad).tolist(), *(high + pad).tolist())


def sketch_of(strokes, frame, where):
    """Returns a `VectorSketch`, or raises an `InputError` that begins with `where` if it cannot be one."""
    try:
        # Beyond float32 lies what a sketch refuses anyway.
        with np.errstate(over="ignore"):
            return VectorSketch(strokes, frame)
    except ValueError as error:
        raise InputError(f"{where}: expected strokes; {error}") from None
