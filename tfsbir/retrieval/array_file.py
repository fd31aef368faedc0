"""A file with an array in NumPy's `.npy` format, read without loading it."""

import os
import tokenize

import numpy as np

from tfsbir.errors import InputError


def write_array(file, array):
    """Writes an array to a binary file; programs of any language can read it."""
    np.lib.format.write_array(file, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)


def map_array(path, shape, dtype, what="values"):
    """Maps the array in a file, which is read where it is looked at.

    Args:
        path: `Path` of the file.
        shape: Tuple, the wanted one; a None in it may be any number.
        dtype: The wanted one.
        what: Str, what errors call what is in it.
    Returns: A read-only array; in memory where it has no values.
    Raises: `InputError` if the file is damaged, of another shape or of another dtype.
    """
    dtype = np.dtype(dtype)
    expected = f"{path}: expected {dtype} {what} of the shape {shape}"
    try:
        with open(path, "rb") as file:
            version = np.lib.format.read_magic(file)
            if version != (1, 0):
                raise ValueError(f"found version {version} of the format")
            found, is_fortran, found_dtype = np.lib.format.read_array_header_1_0(file)
            is_fit = len(found) == len(shape) and all(
                wanted in (None, size) for wanted, size in zip(shape, found, strict=True)
            )
            if not is_fit or is_fortran or found_dtype != dtype:
                raise ValueError(f"found {found_dtype} of the shape {found}")
            num_bytes = os.fstat(file.fileno()).st_size - file.tell()
            if num_bytes != dtype.itemsize * int(np.prod(found, dtype=object)):
                raise ValueError(f"found {num_bytes} bytes of them")
            if num_bytes == 0:
                return np.zeros(found, dtype)
            return np.memmap(file, dtype, "r", file.tell(), found)
    except (EOFError, OSError, ValueError, tokenize.TokenError) as error:  # NumPy parses the header's text.
        raise InputError(f"{expected}; {str(error).strip().splitlines()[0]}") from None
