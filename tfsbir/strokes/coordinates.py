"""The stroke files of QMUL-ShoeV2 and QMUL-ChairV2."""

import numpy as np

from tfsbir.errors import InputError
from tfsbir.strokes import numpy_pickle
from tfsbir.strokes.reading import read_bytes, reason_of, sketch_of, split_strokes

FRAME = (0, 0, 256, 256)
MAX_BYTES = 128 * 2**20
_WHAT = "a pickle of coordinates like ChairV2_Coordinate"


def read_coordinates(path):
    """Reads the sketches of `ShoeV2_Coordinate` or `ChairV2_Coordinate`.

    The file is a pickle of a dict from names to arrays with a row `x, y, pen` for each point, where `pen` is
    1 at the last point of a stroke and 0 at the others. The sketches are in their order of the file.

    Args:
        path: The file; it is read without running anything of it.
    Returns: A dict of names, such as "/train/ID_k" for the k-th sketch of photo ID, to `VectorSketch` in the
        frame (0, 0, 256, 256).
    Raises: `InputError` if the file is missing, larger than `MAX_BYTES`, damaged or anything else.
    """
    data = read_bytes(path, _WHAT, MAX_BYTES)
    try:
        sketches = numpy_pickle.load(data)
    except ValueError as error:
        raise InputError(f"{path}: expected {_WHAT}; found one {reason_of(error)}") from None
    if not isinstance(sketches, dict):
        raise InputError(f"{path}: expected {_WHAT}; found a {type(sketches).__name__} instead of a dict")
    return {name: _sketch(path, name, array) for name, array in sketches.items()}


def _sketch(path, name, array):
    where = f"{path}, {name[:80]!r}"
    rows = array.values if isinstance(array, numpy_pickle.PickledArray) else None
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.shape[1] != 3:
        raise InputError(f"{where}: expected an array (points, 3) of numbers; found another")
    is_last = rows[:, 2] == 1
    if not np.all(is_last | (rows[:, 2] == 0)):
        raise InputError(f"{where}: expected 0 or 1 for the pen; found others")
    return sketch_of(split_strokes(rows[:, :2], is_last), FRAME, where)
