"""Which of the rows in a collection of Milvus are a gallery's, for its readers and for its one writer."""

import json

from tfsbir import files
from tfsbir.errors import InputError
from tfsbir.retrieval.gallery_files import COLLECTION_FILE, read_record
from tfsbir.retrieval.milvus_collection import ROWS_AT_ONCE
from tfsbir.retrieval.milvus_filters import key_of
from tfsbir.retrieval.milvus_rows import ALIVE, row_id
from tfsbir.retrieval.photo_reading import in_batches


class MilvusGeneration:
    """Reads the rows of one generation of a gallery, and begins the next.

    Every row knows the generation that it came with and the one that it went with; the gallery's record has
    the generation that readers see. So a writer that is killed changes nothing for them, and the next writer
    first clears away what it left.

    Args:
        collection: `MilvusCollection`.
        path: Absolute `Path` of the gallery's folder.
        seen: Int, the generation in its record; None for a gallery whose collection is not made yet.
        next_place: Int, the place of the next photo to come.
    Attributes:
        number: Int, the generation that is read: `seen`, or after `begin` the next one.
        is_made: Whether there is a collection.
        next_place: The argument, to be raised when photos come.
    """

    def __init__(self, collection, path, seen=None, next_place=0):
        self.collection = collection
        self.path = path
        self.next_place = next_place
        self.is_made = seen is not None
        self.number = self._seen = seen or 0

    def begin(self, make):
        """Begins a generation of changes, if none is under way, on what readers see and nothing else.

        Args:
            make: Function that makes the collection, empty, where there is none.
        Raises: `InputError` if another process has changed the gallery since it was opened.
        """
        if self.number > self._seen:
            return
        self.check_saved()
        if self.is_made:
            seen = self._seen
            self.collection.delete(f"born > {seen}")
            while rows := self.collection.some(f"died > {seen} and died < {ALIVE}", None):
                self.collection.upsert([{**row, "died": ALIVE} for row in rows])
            # Those that went with the last generation stay for readers who have not opened it yet.
            self.collection.delete(f"died < {seen}")
        else:
            self._make(make)
        self.number = self._seen + 1

    def end(self):
        """Ends the generation: the gallery's record is to have it."""
        self._seen = self.number

    def check_saved(self):
        """Raises `InputError` if the gallery's record has another generation than the one that was opened."""
        if self._seen and read_record(self.path)["store"].get("generation") != self._seen:
            raise InputError(
                f"{self.path}: expected a gallery that no other process has changed since it was opened; "
                "found another generation (open it again)"
            )

    def is_new(self, row):
        """Tells whether only this generation, which is not saved yet, has a row."""
        return row["born"] == self.number > self._seen

    def visible(self, expression=None):
        """Returns an expression for the generation's rows, those that satisfy another one for short."""
        visible = f"born <= {self.number} and died > {self.number}"
        return visible if expression is None else f"{visible} and {expression}"

    def rows(self, fields, expression=None):
        """Yields all rows, or those that satisfy an expression, in the order of `id`."""
        # An iterator of pymilvus's would do it, but Milvus Lite lacks what it begins with.
        for place in range(0, self.next_place if self.is_made else 0, ROWS_AT_ONCE):
            part = f"id >= {row_id(place)} and id < {row_id(place + ROWS_AT_ONCE)}"
            part = part if expression is None else f"{part} and {expression}"
            yield from sorted(self.collection.some(self.visible(part), fields), key=lambda row: row["id"])

    def rows_by_photo_id(self, photo_ids, fields):
        """Returns a dict from photo ids to rows; those that are not there are left out."""
        found, photo_ids = {}, set(photo_ids)
        for part in in_batches(photo_ids if self.is_made else (), ROWS_AT_ONCE):
            keys = ", ".join(f'"{key_of(photo_id)}"' for photo_id in part)
            rows = self.collection.some(self.visible(f"photo_key in [{keys}]"), fields)
            found |= {row["photo_id"]: row for row in rows if row["photo_id"] in photo_ids}
        return found

    def rows_by_id(self, gallery_ids, fields):
        """Returns the rows of gallery ids, in their order; `InputError` if one is not there any more."""
        gallery_ids, found = [int(one) for one in gallery_ids], {}
        for part in in_batches(gallery_ids, ROWS_AT_ONCE):
            found |= {row["id"]: row for row in self.collection.some(self.visible(f"id in {part}"), fields)}
        if len(found) < len(set(gallery_ids)):
            raise InputError(
                f"{self.path}: expected the photos that were there when the gallery was opened; "
                "some are gone (open it again)"
            )
        return [found[one] for one in gallery_ids]

    def _make(self, make):
        """Makes the collection, and removes the one that a killed writer had made for this gallery."""
        pending = self.path / COLLECTION_FILE
        if pending.exists():
            left = json.loads(pending.read_text(encoding="utf-8"))
            is_published = left["collection"] == self._published().get("collection")
            if left["uri"] == self.collection.uri and not is_published:
                self.collection.drop(left["collection"])
        self.path.mkdir(parents=True, exist_ok=True)
        files.write_json(pending, {"uri": self.collection.uri, "collection": self.collection.name})
        make()
        self.is_made = True

    def _published(self):
        """Returns what the gallery's record says of its store; {} where none is there."""
        try:
            return read_record(self.path)["store"]
        except (InputError, KeyError):
            return {}
