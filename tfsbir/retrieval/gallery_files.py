"""The files of a gallery: what may be replaced by one, and that one is whole."""

import hashlib
import json
import os
from pathlib import Path

from tfsbir.errors import InputError
from tfsbir.retrieval.lifting import WEIGHTS_FILE
from tfsbir.retrieval.photo_attributes import ATTRIBUTES_FILE

FORMAT_VERSION = 3
RECORD_FILE, INDEX_FILE, PHOTOS_FILE = "gallery.json", "index.faiss", "photos.json"


def check_gallery_target(path):
    """Checks that a gallery may be saved at `path`: nothing, an empty folder or an older gallery is there.

    Returns: `path` as an absolute `Path`.
    Raises: `InputError` otherwise, so that no other folder is ever replaced, and if the folder around it
        cannot be written to.
    """
    path = Path(path).resolve()
    parent = next(folder for folder in path.parents if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"{path}: expected a place that can be written to; {parent} cannot")
    if not path.exists():
        return path
    if not path.is_dir():
        raise InputError(f"{path}: expected a gallery to replace or no such file; found a file")
    known = {RECORD_FILE, INDEX_FILE, PHOTOS_FILE, WEIGHTS_FILE, ATTRIBUTES_FILE}
    strangers = sorted({entry.name for entry in path.iterdir()} - known)
    if strangers:
        raise InputError(
            f"{path}: expected a gallery to replace, an empty folder or no such folder; "
            f"found one that holds {strangers[0]}"
        )
    return path


def read_record(path):
    """Returns the record of the gallery at `path`, a dict; `InputError` if none is there."""
    if not path.is_dir():
        found = "it is not a folder" if path.exists() else "there is no such folder"
        raise InputError(f"{path}: expected a gallery; {found}")
    try:
        record = json.loads(_read(path / RECORD_FILE))
    except ValueError as error:
        raise InputError(f"{path / RECORD_FILE}: expected JSON; {error}") from None
    version = record.get("format_version") if isinstance(record, dict) else None
    if version != FORMAT_VERSION:
        raise InputError(
            f"{path / RECORD_FILE}: expected format version {FORMAT_VERSION}; found {version} "
            "(build the gallery again with this version of tfsbir)"
        )
    return record


def read_checked(path, expected):
    """Returns a file's bytes; `InputError` if their SHA-256 is not the expected one."""
    data = _read(path)
    found = sha256(data)
    if found != expected:
        raise InputError(
            f"{path}: expected the file that the gallery was saved with, SHA-256 {expected}; found {found}"
        )
    return data


def _read(path):
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: expected a file of a gallery; there is no such file") from None


def sha256(data):
    """Returns the SHA-256 of bytes, as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
