"""A photo of a gallery, what tells whether its file has changed, and how one was found."""

import dataclasses
import hashlib
import os
from pathlib import Path

from tfsbir.data.images import check_file


@dataclasses.dataclass(frozen=True)
class Photo:
    """A photo of a gallery.

    Args:
        photo_id: Str, its name in the gallery, which no other photo has; by default its path relative to the
            gallery's `photo_root`, with forward slashes.
        path: Absolute `Path` of the file; str where it is an address, such as gs://bucket/photo.jpg.
        metadata: Dict from field names to str, int, float, bool or None; None, when a photo is added, leaves
            what the gallery has.
    """

    photo_id: str
    path: Path
    metadata: dict | None = None


def is_address(path):
    """Tells whether a str is a place in another file system than this machine's, such as gs://bucket/photos."""
    return "://" in path


def located(root, path):
    """Returns where a photo lies: an address as it is, and else the `Path` from the folder `root` on."""
    return path if is_address(path) else root / path


@dataclasses.dataclass(frozen=True)
class Stamp:
    """What a photo's file was like when it was encoded.

    Args:
        size: Int, bytes of the file.
        mtime_ns: Int, when it was last written, in ns since 1970.
        sha256: Str, hexadecimal digits.
    """

    size: int
    mtime_ns: int
    sha256: str

    def is_of(self, status):
        """Tells whether a file of this `os.stat_result` is taken to be the same without reading it."""
        return (self.size, self.mtime_ns) == (status.st_size, status.st_mtime_ns)


def stamp_of(path):
    """Reads the stamp of a file; `InputError` if it is missing, a folder, empty or too large for an image."""
    check_file(path)
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        status = os.fstat(file.fileno())
    return Stamp(status.st_size, status.st_mtime_ns, digest)


@dataclasses.dataclass(frozen=True)
class Match:
    """A photo that was found.

    Args:
        photo: `Photo`.
        distance: Float, lower is nearer; only HOLEF's may be negative.
        attributes: Dict from names to the probabilities predicted for the photo, in [0, 1]; empty where the
            encoder predicts none.
    """

    photo: Photo
    distance: float
    attributes: dict
