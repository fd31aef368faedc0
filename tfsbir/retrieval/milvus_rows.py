"""Photos as rows of a collection in Milvus."""

import json
import os

from tfsbir.errors import InputError
from tfsbir.retrieval.milvus_collection import MAX_TEXT
from tfsbir.retrieval.milvus_filters import key_of, stored_numbers, stored_tags
from tfsbir.retrieval.photo import Photo, Stamp, located

# The generation that no photo has gone with.
ALIVE = 2**62
MAX_GENERATIONS = 2**24
PHOTO_FIELDS = ["photo_id", "path", "metadata"]


def row_id(place, generation=0):
    """Returns the primary key of a photo at a place, written in a generation; at least it by default."""
    if not generation < MAX_GENERATIONS:
        raise InputError(f"a gallery in Milvus can be saved {MAX_GENERATIONS} times. Received: another time")
    return place * MAX_GENERATIONS + generation


def place_of(id_):
    """Returns the place in a primary key."""
    return id_ // MAX_GENERATIONS


def row_of(id_, generation, photo_root, photo, stamp, vector, probabilities, known_metadata):
    """Returns a row, a dict.

    Args:
        id_: Int, from `row_id`.
        generation: Int, the one it comes with.
        photo_root: Absolute `Path` that photo ids start from.
        photo: `Photo`; where its metadata are None, they are `known_metadata`.
        stamp: `Stamp`.
        vector: `(vector_dim,)`.
        probabilities: `(num_attributes,)` in [0, 1].
    Raises: `InputError` if a text is longer than Milvus holds, or no text.
    """
    metadata = known_metadata if photo.metadata is None else photo.metadata
    path = "" if photo.path == photo_root / photo.photo_id else os.fspath(photo.path)
    for what, text in (("name", photo.photo_id), ("path", path), ("metadata", json.dumps(metadata))):
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise InputError(
                f"{photo.photo_id!r}: Milvus holds a {what} in UTF-8; found other bytes"
            ) from None
        if size > MAX_TEXT:
            raise InputError(
                f"{photo.photo_id}: Milvus holds {what} of at most {MAX_TEXT} bytes; found {size}"
            )
    row = {
        "id": id_,
        "born": generation,
        "died": ALIVE,
        "photo_id": photo.photo_id,
        "photo_key": key_of(photo.photo_id),
        "path": path,
        "size": stamp.size,
        "mtime_ns": stamp.mtime_ns,
        "sha256": stamp.sha256,
        "metadata": metadata,
        "numbers": stored_numbers(metadata),
        "tags": stored_tags(metadata, probabilities),
        "vector": [float(value) for value in vector],
    }
    if len(probabilities):
        row["attributes"] = [float(value) for value in probabilities]
    return row


def photo_of(row, photo_root):
    """Returns the `Photo` of a row with `PHOTO_FIELDS`."""
    path = located(photo_root, row["path"] or row["photo_id"])
    return Photo(row["photo_id"], path, dict(row["metadata"]))


def stamp_of_row(row):
    """Returns the `Stamp` in a row."""
    return Stamp(row["size"], row["mtime_ns"], row["sha256"])
