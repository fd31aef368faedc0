"""Files that are either whole or not there: written aside, flushed to disk, then renamed."""

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from pathlib import Path


def write_bytes(path, data):
    """Writes `data` to `path` so that a reader sees the old file or the whole new one."""
    with writing(path) as file:
        file.write(data)


@contextlib.contextmanager
def writing(path):
    """Yields a binary file that becomes `path` when the block ends well: the old file or the whole new one.

    When the block raises, `path` is untouched.
    """
    path = Path(path)
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(aside, 0o666 & ~_umask())  # mkstemp makes private files; these are ordinary ones.
        os.replace(aside, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):  # A signal may come when it has just been renamed.
            os.unlink(aside)
        raise


def lock(path):
    """Makes the file `path` and keeps other processes from doing the same until what is returned is closed.

    A process that ends, however it does, has let go of it.

    Raises: `BlockingIOError` if another process holds it.
    """
    file = open(path, "a")  # noqa: SIM115 - It stays open as long as the lock is held.
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        file.close()
        raise
    return file


def sync_folder(path):
    """Makes the names in a folder last: a file renamed into it is there after a power failure, too."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path, text):
    """Writes UTF-8 `text` to `path`, atomically."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path, value):
    """Writes `value` to `path` as indented JSON with a newline at the end, atomically."""
    write_text(path, json.dumps(value, indent=2, sort_keys=False, allow_nan=False) + "\n")


def append_json_line(path, value):
    """Appends `value` to a JSON-lines file as one line, in a single write."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(value, allow_nan=False) + "\n")


@contextlib.contextmanager
def replacing_folder(path):
    """Yields a fresh folder beside `path` which takes its place when the block ends well.

    When the block raises, the fresh folder is removed and whatever was at `path` is untouched. A process
    killed between the two renames leaves the old folder whole beside `path`, as `.NAME.old.*/NAME`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    os.chmod(aside, 0o777 & ~_umask())
    old = None
    try:
        yield aside
        if path.exists():
            # A folder cannot be renamed over a full one, so the old one steps aside first.
            old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.old."))
            os.rename(path, old / path.name)
        os.rename(aside, path)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        if old is not None and (old / path.name).exists() and not path.exists():
            os.rename(old / path.name, path)
        raise
    finally:
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
