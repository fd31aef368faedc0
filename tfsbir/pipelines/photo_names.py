"""Which photos there are: from text files with their names, or from a folder or a pattern."""

import os
import re
from typing import NamedTuple

import apache_beam as beam
from apache_beam.coders import BytesCoder
from apache_beam.io import ReadFromText, fileio
from apache_beam.io.filesystems import FileSystems

from tfsbir.data.images import IMAGE_SUFFIXES
from tfsbir.errors import InputError
from tfsbir.retrieval.photo import is_address

LIST_SUFFIX = ".txt"
SKIPPED = "skipped"  # The tag of what is left out.
_WILDCARDS = re.compile(r"[*?\[]")


class PhotoName(NamedTuple):
    photo_id: str
    path: str


class Skipped(NamedTuple):
    path: str
    reason: str


class PhotoNames(beam.PTransform):
    """Reads the names of photos.

    Args:
        photos: Str, the value of `--photos`, from `photo_pattern`.
        root: Str, the folder that relative names and `photo_id`s start from, from `folder_of`.
    Returns: Two collections: `PhotoName`s, as often as they are listed, and `Skipped` for names that are no
        text.
    """

    def __init__(self, photos, root):
        super().__init__()
        self._photos = photos
        self._root = root

    def expand(self, pipeline):
        if self._photos.endswith(LIST_SUFFIX):
            names = pipeline | ReadFromText(self._photos, coder=BytesCoder(), validate=False)
            names |= beam.ParDo(_NamesOfLines(self._root)).with_outputs(SKIPPED, main="names")
        else:
            names = pipeline | fileio.MatchFiles(self._photos)
            names |= beam.ParDo(_NamesOfFiles(self._root)).with_outputs(SKIPPED, main="names")
        return names["names"], names[SKIPPED]


class _NamesOfLines(beam.DoFn):
    def __init__(self, root):
        self._root = root

    def process(self, line):
        try:
            path = line.decode("utf-8")
        except UnicodeDecodeError:
            yield beam.pvalue.TaggedOutput(SKIPPED, _no_text(repr(line)))
            return
        if not path:
            return
        if not is_address(path):
            path = path if os.path.isabs(path) else FileSystems.join(self._root, path)
        yield photo_name(path, self._root)


class _NamesOfFiles(beam.DoFn):
    def __init__(self, root):
        self._root = root

    def process(self, file):
        try:
            file.path.encode("utf-8")
        except UnicodeEncodeError:
            yield beam.pvalue.TaggedOutput(SKIPPED, _no_text(repr(file.path)))
            return
        name = photo_name(file.path, self._root)
        is_hidden = any(part.startswith(".") for part in name.photo_id.split("/"))
        if not is_hidden and file.path.lower().endswith(IMAGE_SUFFIXES):
            yield name


def photo_name(path, root):
    """Returns the `PhotoName` of a path: its id starts from `root`, or is the whole path elsewhere."""
    if not is_address(path):
        path = os.path.normpath(path)
    start = root.rstrip("/") + "/"
    return PhotoName(path.removeprefix(start), path)


def photo_pattern(photos):
    """Turns the value of `--photos` into a pattern of Beam's file systems.

    A value that ends in .txt names text files, one with wildcards photos, and any other a folder.

    Raises: `InputError` if nothing is there.
    """
    pattern = photos if is_address(photos) else os.path.abspath(photos)
    if not photos.endswith(LIST_SUFFIX) and not _WILDCARDS.search(photos):
        pattern = pattern.rstrip("/") + "/**"
    try:
        found = FileSystems.match([pattern], limits=[1])[0].metadata_list
    except (OSError, ValueError) as error:  # A scheme whose extra is not installed is a ValueError.
        raise InputError(
            f"`--photos` must name files that can be listed. Received: {photos} ({error})"
        ) from None
    if not found:
        raise InputError(
            "`--photos` must be text files of names (ending in .txt), a pattern of photos or a folder of "
            f"them. Received: {photos}, where there is nothing"
        )
    return pattern


def folder_of(pattern):
    """Returns the folder that a pattern from `photo_pattern` starts from."""
    wildcard = _WILDCARDS.search(pattern)
    return pattern[: wildcard.start() if wildcard else None].rpartition("/")[0] or "/"


def _no_text(shown):
    return Skipped(shown, "expected a name in UTF-8; found other bytes")
