"""The photos of a gallery in the order of their gallery ids: a table of a few columns, one JSON file."""

import json
import os

from tfsbir.errors import InputError
from tfsbir.retrieval.metadata import check_metadata
from tfsbir.retrieval.photo import Photo, Stamp, located

COLUMNS = ("photo_id", "size", "mtime_ns", "sha256", "metadata", "path")


class PhotoTable:
    """Photos by gallery id, which is a row's number, and by photo id.

    Args:
        photo_root: Absolute `Path` of the folder that photo ids start from.
        rows: Iterable of tuples, one a photo, in the order of `COLUMNS`: `path` is None where it is the photo
            id below `photo_root`, and `metadata` is None where there is none.
    Raises: `ValueError` if a photo id comes twice.
    """

    def __init__(self, photo_root, rows=()):
        self.photo_root = photo_root
        self.rows = list(rows)
        self.places = {row[0]: place for place, row in enumerate(self.rows)}
        if len(self.places) != len(self.rows):
            raise ValueError("`rows` must hold every photo id once. Received: one twice")

    def __len__(self):
        return len(self.rows)

    @property
    def photo_ids(self):
        """Tuple of str, by gallery id."""
        return tuple(row[0] for row in self.rows)

    def row_of(self, photo, stamp):
        """Returns the row of a `Photo` and its `Stamp`; what it does not say of metadata stays as it was."""
        metadata = photo.metadata
        if metadata is None and photo.photo_id in self.places:
            metadata = self.rows[self.places[photo.photo_id]][4]
        path = None if photo.path == self.photo_root / photo.photo_id else os.fspath(photo.path)
        return (photo.photo_id, stamp.size, stamp.mtime_ns, stamp.sha256, metadata or None, path)

    def photo(self, place):
        """Returns the `Photo` of a gallery id."""
        photo_id, _, _, _, metadata, path = self.rows[place]
        return Photo(photo_id, located(self.photo_root, path or photo_id), metadata or {})

    def stamp(self, photo_id):
        """Returns the `Stamp` of a photo, None where the table does not hold it."""
        place = self.places.get(photo_id)
        return None if place is None else Stamp(*self.rows[place][1:4])

    def to_bytes(self):
        """Returns the table as JSON: an object with a list for each of `COLUMNS`."""
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(COLUMNS)
        return json.dumps(dict(zip(COLUMNS, columns, strict=True)), allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, path, data, photo_root):
        """Reads what `to_bytes` wrote; `InputError`, which names `path`, where it is something else."""
        kinds = (str, int, int, str, (dict, type(None)), (str, type(None)))
        try:
            columns = json.loads(data)
            rows = list(zip(*(columns[name] for name in COLUMNS), strict=True))
            for row in rows:
                if not all(map(isinstance, row, kinds)):
                    raise ValueError(f"found the row {row!r}"[:200])
                check_metadata(row[4] or {})
            return cls(photo_root, rows)
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise InputError(f"{path}: expected a table of photos; {error!r}"[:500]) from None
