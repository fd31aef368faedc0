"""A `.tflite` file, checked before it is handed to an interpreter, and what it says of itself."""

import json
import struct
from pathlib import Path

from tfsbir.errors import InputError

IDENTIFIER = b"TFL3"
METADATA_NAME = b"tfsbir"


def read_model(path):
    """Reads a LiteRT model's file.

    Its identifier is checked here. That it is whole is checked by whoever takes it apart: LiteRT verifies
    every offset before it runs a model, and `read_metadata` parses the file without LiteRT.

    Returns: Bytes.
    Raises: `InputError` if the file is missing, empty or of another kind.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: expected a LiteRT model; there is no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: expected a LiteRT model; it is a folder") from None
    if data[4:8] != IDENTIFIER:
        raise InputError(
            f'{path}: expected a LiteRT model; found {len(data)} bytes without "TFL3" as bytes 4 to 7'
        )
    return data


def read_metadata(path):
    """Reads what `export.litert` has stored in a model's file: sizes, polarity, run and so on.

    Parses the FlatBuffer by itself, with the standard library alone; docs/on_device.md lists the keys.

    Args:
        path: Path of a `.tflite` file.
    Returns: Dict.
    Raises: `InputError` if the file is missing, of another kind or cut off, or has no such metadata.
    """
    data = read_model(path)
    try:
        found = _metadata_buffer(data)
    except (struct.error, ValueError) as error:
        raise InputError(f"{path}: expected a whole LiteRT model; {error}") from None
    if found is None:
        raise InputError(
            f'{path}: expected metadata named "tfsbir", which python -m export.litert writes; found none'
        )
    try:
        metadata = json.loads(found)
    except ValueError as error:
        raise InputError(f'{path}: expected JSON in the metadata named "tfsbir"; {error}') from None
    if not isinstance(metadata, dict):
        raise InputError(f'{path}: expected an object in the metadata named "tfsbir"; found another value')
    return metadata


# Fields of LiteRT's schema, by their number in the table.
_MODEL_BUFFERS, _MODEL_METADATA = 4, 6
_METADATA_NAME, _METADATA_BUFFER = 0, 1
_BUFFER_DATA = 0


def _metadata_buffer(data):
    model = _indirect(data, 0)
    for entry in _tables(data, _field(data, model, _MODEL_METADATA)):
        if _bytes(data, _field(data, entry, _METADATA_NAME)) == METADATA_NAME:
            place = _field(data, entry, _METADATA_BUFFER)
            number = 0 if place is None else _unpack(data, "<I", place)
            buffers = _tables(data, _field(data, model, _MODEL_BUFFERS))
            if not number < len(buffers):
                raise ValueError(f"it has {len(buffers)} buffers, and metadata in number {number}")
            return _bytes(data, _field(data, buffers[number], _BUFFER_DATA))
    return None


def _unpack(data, form, place):
    # `unpack_from` counts a negative place from the end.
    if place < 0:
        raise ValueError("an offset leads out of it")
    return struct.unpack_from(form, data, place)[0]


def _indirect(data, place):
    return place + _unpack(data, "<I", place)


def _field(data, table, number):
    """Returns the place of a table's field, None where it is left out."""
    vtable = table - _unpack(data, "<i", table)
    entry = 4 + 2 * number
    if entry >= _unpack(data, "<H", vtable):
        return None
    offset = _unpack(data, "<H", vtable + entry)
    return table + offset if offset else None


def _tables(data, field):
    if field is None:
        return []
    vector = _indirect(data, field)
    number = _unpack(data, "<I", vector)
    if vector + 4 + 4 * number > len(data):
        raise ValueError("a list in it ends behind its end")
    return [_indirect(data, vector + 4 + 4 * i) for i in range(number)]


def _bytes(data, field):
    if field is None:
        return b""
    vector = _indirect(data, field)
    number = _unpack(data, "<I", vector)
    if vector + 4 + number > len(data):
        raise ValueError("it is cut off")
    return data[vector + 4 : vector + 4 + number]
