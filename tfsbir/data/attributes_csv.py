"""Tables of binary attributes: one image file a row, one attribute a column."""

import csv
import io

import numpy as np

from tfsbir.data.text_lines import read_lines
from tfsbir.errors import InputError
from tfsbir.files import write_text

_VALUES = {"1": 1, "0": 0, "": -1}
_CELLS = {value: cell for cell, value in _VALUES.items()}


def read_attributes(path, files):
    """Reads the binary attributes of some image files.

        file,laces,high heel
        boot-7.jpg,1,0
        sandal-2.jpg,0,            an empty cell: not known

    Rows of other files are left out: one table may serve all splits.

    Args:
        path: The table, UTF-8, values separated by commas.
        files: Names of the image files, such as "boot-7.jpg", at least one.
    Returns: `(names, values)`: a tuple of the attributes' names, and `(len(files), num_attributes)` int8 in
        the order of `files`: 1, 0, or -1 where a cell is empty or a file has no row.
    Raises: `InputError` as `read_attribute_rows`, or if there is no row for any of `files`.
    """
    names, rows = read_attribute_rows(path)
    if not rows.keys() & set(files):
        found = f"{len(rows)} rows of others, such as {min(rows)}" if rows else "a header alone"
        raise InputError(f"{path}: expected rows of files such as {min(files)}; found {found}")
    unknown = [-1] * len(names)
    return names, np.array([rows.get(file, unknown) for file in files], np.int8)


def read_attribute_rows(path):
    """Reads all rows of a table of binary attributes, whatever the files are.

    Args:
        path: The table, as for `read_attributes`.
    Returns: `(names, rows)`: a tuple of the attributes' names, and a dict, in the order of the table, from
        each file to the list of its values: 1, 0, or -1 where a cell is empty.
    Raises: `InputError` if the table is missing, larger than 1 MiB, has no such header, a row too long
        or too short, a file twice, or another value.
    """
    (line, header), *lines = _read_lines(path)
    first, *names = (cell.strip() for cell in header)
    if first != "file" or not names or not all(names) or len(set(names)) != len(names):
        raise InputError(
            f"{path}, line {line}: expected a header file,NAME,NAME with different names; "
            f"found {','.join(header)[:60]}"
        )
    rows, line_of = {}, {}
    for line, row in lines:
        file, *cells = (cell.strip() for cell in row)
        if len(cells) != len(names):
            raise InputError(f"{path}, line {line}: expected {len(names)} values; found {len(cells)}")
        if file in line_of:
            raise InputError(
                f"{path}, line {line}: expected every file once; found {file}, as in line {line_of[file]}"
            )
        line_of[file] = line
        for name, cell in zip(names, cells, strict=True):
            if cell not in _VALUES:
                raise InputError(f"{path}, line {line}, {name}: expected 0, 1 or nothing; found {cell[:60]}")
        rows[file] = [_VALUES[cell] for cell in cells]
    return tuple(names), rows


def write_attributes(path, files, names, values):
    """Writes a table that `read_attributes` reads as it was given, atomically.

    Args:
        path: Path of the table, UTF-8, in a folder that exists. Larger than 1 MiB it is not read again.
        files: Names of the image files, at least one, each once.
        names: Names of the attributes, at least one, each once.
        values: `(len(files), len(names))` integers: 1, 0, or -1 where it is not known.
    Raises: `ValueError` if a name is empty, there twice, begins or ends with a blank or holds a line break
        (such a one would be read as another), or the values have another shape or are others.
    """
    for argument, some in (("files", files), ("names", names)):
        if not len(some) or len(set(some)) != len(some):
            raise ValueError(
                f"`{argument}` must be one or more different names. Received: {len(set(some))} different "
                f"of {len(some)}"
            )
        for name in some:
            if not name or name != name.strip() or len(name.splitlines()) != 1:
                raise ValueError(
                    f"`{argument}` must have no blanks at the ends and no line breaks. Received: {name!r}"
                )
    values = np.asarray(values)
    if values.shape != (len(files), len(names)):
        raise ValueError(f"`values` must be ({len(files)}, {len(names)}). Received: {values.shape}")
    if not np.all(np.isin(values, list(_CELLS))):
        raise ValueError(
            f"`values` must be 1, 0 or -1. Received: {values[~np.isin(values, list(_CELLS))][0]}"
        )
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["file", *names])
    for file, row in zip(files, values, strict=True):
        writer.writerow([file, *(_CELLS[value] for value in row)])
    write_text(path, table.getvalue())


def _read_lines(path):
    """Returns a list of `(line, cells)`, the header first."""
    rows = []
    for line, text in read_lines(path, "file's attributes"):
        try:
            rows += [(line, row) for row in csv.reader([text], strict=True)]
        except csv.Error as error:
            raise InputError(f"{path}, line {line}: expected comma-separated values; {error}") from None
    return rows
