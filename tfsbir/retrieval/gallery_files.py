"""The files of a gallery: what may be replaced by one, that it is whole, and that readers see no other.

Its record, `gallery.json`, names the other files, and their names tell their content. A changed gallery is
written beside the old one, and becomes the gallery when the new record takes the old one's name.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
from pathlib import Path

from tfsbir import files
from tfsbir.errors import InputError

FORMAT_VERSION = 4
RECORD_FILE, LOCK_FILE, ENCODED = "gallery.json", "lock", "encoded"
# The collection in Milvus that a gallery is being written to.
COLLECTION_FILE = "collection.json"
SUFFIXES = {
    "photos": ".json",
    "vectors": ".npy",
    "index": ".faiss",
    "places": ".npy",
    "attributes": ".npy",
    "distance": ".npy",
}
# What galleries of format 3 were made of.
_OLDER = {"photos.json", "index.faiss", "distance.npy", "attributes.npy"}
_ROLES = "|".join(SUFFIXES)
# The second and third are what a killed process left.
_OURS = re.compile(
    rf"({_ROLES})-[0-9a-f]{{16}}\.(json|npy|faiss)|({_ROLES})\.new|\.(({_ROLES})\.new|gallery\.json)\..*"
)


def check_gallery_target(path):
    """Checks that a gallery may be saved at `path`: nothing, an empty folder or a gallery is there.

    Returns: `path` as an absolute `Path`.
    Raises: `InputError` otherwise, so that no other folder is ever written to, and if the folder around it
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
    known = {RECORD_FILE, LOCK_FILE, COLLECTION_FILE, ENCODED, *_OLDER}
    names = {entry.name for entry in path.iterdir()}
    strangers = sorted(name for name in names - known if not _OURS.fullmatch(name))
    if strangers:
        raise InputError(
            f"{path}: expected a gallery to replace, an empty folder or no such folder; "
            f"found one that holds {strangers[0]}"
        )
    return path


@contextlib.contextmanager
def writing_lock(path):
    """Makes the folder of a gallery where there is none, and keeps other writers out while the block runs.

    A killed process leaves no lock behind. Where the block leaves nothing, the folder goes, too.

    Raises: `InputError` while another process writes to the gallery.
    """
    path.mkdir(parents=True, exist_ok=True)
    try:
        file = files.lock(path / LOCK_FILE)
    except BlockingIOError:
        raise InputError(f"{path}: expected a gallery that no other process is writing to") from None
    with file:
        try:
            yield
        finally:
            if not (path / RECORD_FILE).exists() and not any((path / ENCODED).glob("*/*")):
                shutil.rmtree(path / ENCODED, ignore_errors=True)
                (path / LOCK_FILE).unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # Something else is in it, of an older gallery for one.
                    path.rmdir()


def read_record(path):
    """Returns the record of the gallery at `path`, a dict; `InputError` if none is there."""
    if not path.is_dir():
        found = "it is not a folder" if path.exists() else "there is no such folder"
        raise InputError(f"{path}: expected a gallery; {found}")
    try:
        record = json.loads((path / RECORD_FILE).read_bytes())
    except FileNotFoundError:
        found = "there is no such file"
        if (path / ENCODED).is_dir():
            found += ", since its `tfsbir index` was broken off (the same command goes on with it)"
        raise InputError(f"{path / RECORD_FILE}: expected the record of a gallery; {found}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path / RECORD_FILE}: expected JSON; {error}") from None
    version = record.get("format_version") if isinstance(record, dict) else None
    if version != FORMAT_VERSION:
        raise InputError(
            f"{path / RECORD_FILE}: expected format version {FORMAT_VERSION}; found {version} "
            "(build the gallery again with this version of tfsbir)"
        )
    return record


def checked_file(path, record, role):
    """Returns the `Path` of one of a gallery's files.

    Args:
        path: `Path` of the gallery's folder.
        record: Dict, its record.
        role: Str, one of `SUFFIXES`.
    Raises: `InputError` if the file is missing, or its SHA-256 is not the one in the record.
    """
    name, expected = record["files"][role]["name"], record["files"][role]["sha256"]
    if not isinstance(name, str) or not _OURS.fullmatch(name):
        raise InputError(f"{path / RECORD_FILE}: expected the name of a gallery's file; found {name!r}"[:300])
    try:
        with open(path / name, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise MissingFileError(
            f"{path / name}: expected a file of a gallery; there is no such file"
        ) from None
    if found != expected:
        raise InputError(
            f"{path / name}: expected the file that the gallery was saved with, SHA-256 {expected}; "
            f"found {found}"
        )
    return path / name


class MissingFileError(InputError):
    """A file that the record names is not there; maybe the gallery was saved anew in between."""


def write_file(path, role, write):
    """Writes one of a gallery's files under a name that no other content has.

    Args:
        path: `Path` of the gallery's folder.
        role: Str, one of `SUFFIXES`.
        write: Function that writes it to a binary file.
    Returns: Dict with "name" and "sha256", as the record has it.
    """
    aside = path / f"{role}.new"
    with files.writing(aside) as file:
        hashed = _HashedFile(file)
        write(hashed)
    digest = hashed.hash.hexdigest()
    name = f"{role}-{digest[:16]}{SUFFIXES[role]}"
    os.replace(aside, path / name)
    return {"name": name, "sha256": digest}


class _HashedFile:
    """A file that can only be written to, and knows the SHA-256 of what was."""

    def __init__(self, file):
        self.file = file
        self.hash = hashlib.sha256()

    def write(self, data):
        self.hash.update(data)
        return self.file.write(data)


def publish(path, record):
    """Makes the files that `record` names the gallery at `path`, and removes those of the one before."""
    files.sync_folder(path)
    files.write_json(path / RECORD_FILE, record)
    files.sync_folder(path)
    kept = {entry["name"] for entry in record["files"].values()}
    for entry in path.iterdir():
        if entry.name not in kept and (entry.name in _OLDER or _OURS.fullmatch(entry.name)):
            entry.unlink(missing_ok=True)
