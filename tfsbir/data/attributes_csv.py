"""Tables of binary attributes: one image file a row, one attribute a column."""

import csv

import numpy as np

from tfsbir.data.text_lines import read_lines
from tfsbir.errors import InputError

_VALUES = {"1": 1, "0": 0, "": -1}


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
    Raises: `InputError` if the table is missing, larger than 1 MiB, has no such header, a row too long
        or too short, a file twice, another value, or no row for any of `files`.
    """
    (line, header), *rows = _read_rows(path)
    first, *names = (cell.strip() for cell in header)
    if first != "file" or not names or not all(names) or len(set(names)) != len(names):
        raise InputError(
            f"{path}, line {line}: expected a header file,NAME,NAME with different names; "
            f"found {','.join(header)[:60]}"
        )
    index_of = {file: index for index, file in enumerate(files)}
    values = np.full((len(index_of), len(names)), -1, np.int8)
    line_of = {}
    for line, row in rows:
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
        if file in index_of:
            values[index_of[file]] = [_VALUES[cell] for cell in cells]
    if not line_of.keys() & index_of.keys():
        found = f"{len(line_of)} rows of others, such as {min(line_of)}" if line_of else "a header alone"
        raise InputError(f"{path}: expected rows of files such as {min(index_of)}; found {found}")
    return tuple(names), values


def _read_rows(path):
    """Returns a list of `(line, cells)`, the header first."""
    rows = []
    for line, text in read_lines(path, "file's attributes"):
        try:
            rows += [(line, row) for row in csv.reader([text], strict=True)]
        except csv.Error as error:
            raise InputError(f"{path}, line {line}: expected comma-separated values; {error}") from None
    return rows
