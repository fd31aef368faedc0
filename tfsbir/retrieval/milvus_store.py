"""Photos and their vectors in a Milvus: one file by Milvus Lite, a server, or a cluster."""

import dataclasses
import uuid

import numpy as np

from tfsbir.errors import InputError
from tfsbir.retrieval.gallery_files import RECORD_FILE
from tfsbir.retrieval.milvus_collection import LITE_INDEXES, ROWS_AT_ONCE, MilvusCollection, is_file
from tfsbir.retrieval.milvus_filters import chosen
from tfsbir.retrieval.milvus_generation import MilvusGeneration
from tfsbir.retrieval.milvus_rows import PHOTO_FIELDS, photo_of, place_of, row_id, row_of, stamp_of_row
from tfsbir.retrieval.milvus_search import MilvusSearch
from tfsbir.retrieval.photo_attributes import photos_that_have
from tfsbir.retrieval.photo_index import check_kind
from tfsbir.retrieval.photo_reading import in_batches


@dataclasses.dataclass(frozen=True)
class Chosen:
    """What `MilvusStore.choose` chooses by: an expression of Milvus."""

    expression: str


class MilvusStore:
    """Keeps a gallery's photos in a collection; the gallery's folder has only its record.

    What is written is found at once by this store, and by others when the gallery's record has its generation
    (`MilvusGeneration`).

    A gallery id is a photo's place, in the order in which photos came, times 2**24, plus the generation that
    wrote it. A photo that is written again has another id and the same place. Removed photos leave their
    places empty, and `arrange` leaves all where they are.

    Args:
        collection: `MilvusCollection`.
        path: Absolute `Path` of the gallery's folder.
        photo_root: Absolute `Path` of the folder that photo ids start from.
        vector_dim: Int, length of a vector.
        attributes: Tuple of str, maybe empty.
        is_lifted: Whether the vectors are lifted, to be found by the largest inner product.
        kind: Kind of the index, of `INDEXES`.
        state: Dict: "generation" that readers see, "count" of its photos, "next_place" and "longest", at
            least the largest norm of a vector; None for a new gallery.
    """

    def __init__(self, collection, path, photo_root, vector_dim, attributes, is_lifted, kind, state=None):
        self.collection = collection
        self.photo_root = photo_root
        self.attributes = attributes
        self.index_kind = kind
        self._path = path
        self._vector_dim = vector_dim
        self._is_lifted = is_lifted
        seen = state and state["generation"]
        state = state or {"count": 0, "next_place": 0, "longest": 0.0}
        self._generation = MilvusGeneration(collection, path, seen, state["next_place"])
        self._count = state["count"]
        self._longest = state["longest"]
        self._counted = None, 0  # What was chosen last, and how many photos that were.

    @classmethod
    def empty(cls, path, uri, photo_root, vector_dim, attributes, is_lifted, kind):
        """Returns a store without photos, whose collection is made when the first are written.

        Raises: `InputError` if no Milvus answers at `uri`, or it lacks the index.
        """
        _check_index(uri, kind, is_lifted)
        collection = MilvusCollection(uri, f"tfsbir_{uuid.uuid4().hex}")
        return cls(collection, path, photo_root, vector_dim, attributes, is_lifted, kind)

    @classmethod
    def load(cls, path, record, photo_root, vector_dim, attributes, is_lifted):
        """Opens the collection that the record of the gallery at `path` names.

        Raises: `InputError` if no Milvus answers, or it has not what the record says.
        """
        store, kind = record["store"], record["index"]["kind"]
        collection = MilvusCollection(store["uri"], store["collection"])
        if not collection.exists():
            raise InputError(
                f"{path / RECORD_FILE}: expected the collection {store['collection']} in {store['uri']}; "
                "there is none"
            )
        found = collection.vector_dim()
        if found != vector_dim:
            raise InputError(
                f"{path / RECORD_FILE}: expected vectors of {vector_dim} values in the collection "
                f"{store['collection']} in {store['uri']}; found {found}"
            )
        collection.load()
        state = {**store, "count": record["count"]}
        loaded = cls(collection, path, photo_root, vector_dim, attributes, is_lifted, kind, state)
        loaded._check_count()
        return loaded

    def save(self, path):
        """Returns what the gallery's record is to hold: "store", "count", "index" and "files".

        Raises: `InputError` if another process has written to the gallery.
        """
        self._begin()
        self._generation.check_saved()
        self._check_count()
        self._generation.end()
        state = {
            "kind": "milvus",
            "uri": self.collection.uri,
            "collection": self.collection.name,
            "generation": self._generation.number,
            "next_place": self._generation.next_place,
            "longest": self._longest,
        }
        return {"store": state, "count": self._count, "index": {"kind": self.index_kind}, "files": {}}

    @property
    def name(self):
        """Str, "milvus:" and where the Milvus is."""
        return f"milvus:{self.collection.uri}"

    def close(self):
        """Ends the connection."""
        self.collection.close()

    def __len__(self):
        return self._count

    def gallery_ids(self):
        """Returns the gallery ids of all photos, int64, in order."""
        return np.array([row["id"] for row in self._generation.rows(["id"])], np.int64)

    def photo_ids(self):
        """Yields the ids of all photos, by gallery id."""
        for row in self._generation.rows(["photo_id"]):
            yield row["photo_id"]

    def stamps(self, photo_ids):
        """Returns for each photo id its `Stamp`, None where the store does not hold it."""
        rows = self._generation.rows_by_photo_id(photo_ids, ["photo_id", "size", "mtime_ns", "sha256"])
        return [stamp_of_row(rows[photo_id]) if photo_id in rows else None for photo_id in photo_ids]

    def find_photo(self, photo_id):
        """Returns the gallery id of a photo; `KeyError` where there is none."""
        return self._generation.rows_by_photo_id([photo_id], ["photo_id"])[photo_id]["id"]

    def photos(self, gallery_ids):
        """Returns the `Photo`s of gallery ids."""
        return [
            photo_of(row, self.photo_root) for row in self._generation.rows_by_id(gallery_ids, PHOTO_FIELDS)
        ]

    def attribute_probabilities(self, gallery_ids):
        """Returns float16 `(num_ids, num_attributes)` in [0, 1]."""
        if not self.attributes:
            return np.zeros((len(gallery_ids), 0), np.float16)
        rows = self._generation.rows_by_id(gallery_ids, ["attributes"])
        return np.array([row["attributes"] for row in rows], np.float16).reshape(-1, len(self.attributes))

    def vectors(self):
        """Returns float32 `(num_photos, vector_dim)`, by gallery id."""
        vectors = [row["vector"] for row in self._generation.rows(["vector"])]
        return np.array(vectors, np.float32).reshape(-1, self._vector_dim)

    def write(self, batches):
        """Adds photos, or replaces those of the same ids, which keep their places.

        Args:
            batches: Iterable of `(photos, stamps, vectors, probabilities)`.
        Returns: Two ints, how many were added and how many replaced.
        Raises: `InputError` if a photo has more than Milvus holds.
        """
        first_new, replaced = self._generation.next_place, set()
        values = (one for batch in batches for one in zip(*batch, strict=True))
        for part in in_batches(values, ROWS_AT_ONCE):
            self._begin()
            new = {one[0].photo_id: one for one in part}
            old = self._generation.rows_by_photo_id(new, None)
            rows = []
            for photo_id, one in new.items():
                if photo_id in old:
                    place = place_of(old[photo_id]["id"])
                    if place < first_new:
                        replaced.add(place)
                    rows += self._gone(old[photo_id])
                    metadata = old[photo_id]["metadata"]
                else:
                    place, metadata = self._generation.next_place, {}
                    self._generation.next_place += 1
                    self._count += 1
                rows.append(self._row(place, *one, metadata))
            norms = np.linalg.norm(np.array([one[2] for one in part], np.float64), axis=1)
            self._longest = max(self._longest, float(norms.max()))
            self.collection.upsert(rows)
        return self._generation.next_place - first_new, len(replaced)

    def set_metadata(self, metadata):
        """Gives photos that the store holds other metadata; a dict from photo ids to dicts."""
        known = self._generation.rows_by_photo_id(metadata, ["photo_id", "metadata"])
        new = {
            photo_id: values for photo_id, values in metadata.items() if known[photo_id]["metadata"] != values
        }
        self._change(new, lambda photo, stamp, values: (dataclasses.replace(photo, metadata=values), stamp))

    def set_stamps(self, stamps):
        """Gives photos whose content is the same other stamps; a dict from photo ids to `Stamp`s."""
        self._change(stamps, lambda photo, _, stamp: (photo, stamp))

    def remove(self, photo_ids):
        """Removes photos that the store holds."""
        self._begin()
        for part in in_batches(photo_ids, ROWS_AT_ONCE):
            rows = list(self._generation.rows_by_photo_id(part, None).values())
            self.collection.upsert([gone for row in rows for gone in self._gone(row)])
            unseen = [row["id"] for row in rows if self._generation.is_new(row)]
            if unseen:
                self.collection.delete(f"id in {unseen}")
            self._count -= len(rows)

    def arrange(self, photo_ids):
        """Leaves all photos where they are: their places are Milvus' primary keys."""

    def use_index(self, kind):
        """Changes the kind of the index, at once and for all; `InputError` if this Milvus lacks it."""
        if kind != self.index_kind:
            _check_index(self.collection.uri, kind, self._is_lifted)
            if self._generation.is_made:
                self.collection.change_index(kind, self._vector_dim, self._is_lifted)
            self.index_kind = kind

    def check_size(self, num_photos):
        """Does nothing: Milvus compares with all photos where they are too few for an index."""

    def choose(self, where=None, present=(), absent=()):
        """Chooses photos by their metadata and attributes, as `Gallery.choose` says.

        Returns: `Chosen`; None where nothing is asked for.
        """
        # For its errors.
        photos_that_have(self.attributes, np.zeros((0, len(self.attributes))), present, absent)
        expression = chosen(where, present, absent, self.attributes)
        return None if expression is None else Chosen(expression)

    def count(self, among):
        """Returns how many photos `choose` has chosen; `ValueError` if it is no choice of a `MilvusStore`."""
        if among is None:
            return self._count
        if not isinstance(among, Chosen):
            raise ValueError(f"`among` must be what `choose` returns. Received: {type(among).__name__}")
        count = 0
        if self._generation.is_made:
            count = self.collection.count(self._generation.visible(among.expression))
        self._counted = among, count
        return count

    def candidates(self, queries, constants, k, among, ef_search=None, nprobe=None):
        """Finds photos among which the `k` nearest to each query are: certainly so by a "flat" index.

        Returns: For each query int64 gallery ids, `k` or more, and their vectors, float32.
        """
        expression = among.expression if among else None
        search = MilvusSearch(
            self._generation,
            expression,
            # Who asks for candidates has just counted what they are chosen from.
            self._counted[1] if among is not None and self._counted[0] is among else self.count(among),
            self.index_kind,
            self._is_lifted,
            self._longest,
        )
        return [
            search.candidates(query, constant, k, ef_search, nprobe)
            for query, constant in zip(queries, constants, strict=True)
        ]

    def _begin(self):
        self._generation.begin(
            lambda: self.collection.create(
                self._vector_dim, len(self.attributes), self._is_lifted, self.index_kind
            )
        )

    def _check_count(self):
        found = self.collection.count(self._generation.visible())
        if found != self._count:
            raise InputError(
                f"{self._path / RECORD_FILE}: expected {self._count} photos in the collection "
                f"{self.collection.name} in {self.collection.uri}; found {found}"
            )

    def _row(self, place, *values):
        number = self._generation.number
        return row_of(row_id(place, number), number, self.photo_root, *values)

    def _gone(self, row):
        """Returns the rows to write so that a row is gone; none if only this generation has it."""
        return [] if self._generation.is_new(row) else [{**row, "died": self._generation.number}]

    def _change(self, values, change):
        for part in in_batches(values, ROWS_AT_ONCE):
            self._begin()
            rows = []
            for photo_id, row in self._generation.rows_by_photo_id(part, None).items():
                photo, stamp = change(photo_of(row, self.photo_root), stamp_of_row(row), values[photo_id])
                probabilities = row.get("attributes", ())
                rows += self._gone(row)
                rows.append(self._row(place_of(row["id"]), photo, stamp, row["vector"], probabilities, {}))
            self.collection.upsert(rows)


def _check_index(uri, kind, is_lifted):
    check_kind(kind)
    if is_file(uri) and kind not in LITE_INDEXES:
        raise InputError(
            f"{uri}: Milvus Lite has the indexes {' and '.join(LITE_INDEXES)}; a server has {kind}, too"
        )
    if is_lifted and kind != "flat":
        # A graph by inner products misses most photos, see `PhotoIndex`.
        raise InputError(
            f"`index` must be flat in Milvus where the distance is a learned one. Received: {kind}"
        )
