"""Photos and their vectors in the gallery's own folder, searched in memory by FAISS."""

import faiss
import numpy as np

from tfsbir.errors import InputError
from tfsbir.retrieval.array_file import map_array, write_array
from tfsbir.retrieval.gallery_files import RECORD_FILE, checked_file, write_file
from tfsbir.retrieval.index_candidates import index_kind
from tfsbir.retrieval.metadata import check_where
from tfsbir.retrieval.metadata_columns import MetadataColumns
from tfsbir.retrieval.photo_attributes import map_attributes, photos_that_have
from tfsbir.retrieval.photo_index import MIN_PHOTOS, PhotoIndex, check_kind
from tfsbir.retrieval.photo_table import PhotoTable


class FaissStore:
    """Keeps a gallery's photos: what is written is found at once, and by other programs after `save`.

    A photo's gallery id is its place in the table. The vectors are mapped from their file, so that memory
    holds only what the index keeps of them.

    Args:
        table: `PhotoTable`.
        vectors: float32 `(num_photos, vector_dim)`, embeddings or lifted ones.
        probabilities: float16 `(num_photos, num_attributes)` in [0, 1].
        index: `PhotoIndex` of `vectors`, which is brought up to date when it is needed.
        attributes: Tuple of str, names of the attributes, maybe empty.
        kind: Kind of the index, of `INDEXES`; `index` may be another one while there are no photos.
    Raises: `ValueError` if these do not fit each other.
    """

    name = "faiss"

    def __init__(self, table, vectors, probabilities, index, attributes, kind):
        for name, wanted, found in (
            ("vectors", (len(table), vectors.shape[-1]), vectors.shape),
            ("probabilities", (len(table), len(attributes)), probabilities.shape),
            ("index", len(table), index.num_photos),
        ):
            if found != wanted:
                raise ValueError(f"`{name}` must hold {wanted}. Received: {found}")
        self.table = table
        self._vectors = vectors
        self.probabilities = probabilities
        self.attributes = attributes
        self.index_kind = kind
        self._index = index
        self._columns = None  # Of the metadata, when they are first asked for.
        self._sources = None  # Where the index is of other photos: gallery ids there, -1 of new ones.

    @classmethod
    def empty(cls, photo_root, vector_dim, attributes, is_lifted, kind):
        """Returns a store without photos; `ValueError` for another `kind` of index."""
        check_kind(kind)
        vectors, probabilities = np.zeros((0, vector_dim), "f4"), np.zeros((0, len(attributes)), "f2")
        index = PhotoIndex.build("flat", vectors, is_lifted)
        return cls(PhotoTable(photo_root), vectors, probabilities, index, attributes, kind)

    @classmethod
    def load(cls, path, record, photo_root, vector_dim, attributes, is_lifted):
        """Reads the files that `save` wrote to the gallery at `path`, and checks that they are whole."""
        photos = checked_file(path, record, "photos")
        table = PhotoTable.from_bytes(photos, photos.read_bytes(), photo_root)
        vectors = map_array(checked_file(path, record, "vectors"), (len(table), vector_dim), "f4")
        probabilities = np.zeros((len(table), 0), "f2")
        if attributes:
            file = checked_file(path, record, "attributes")
            probabilities = map_attributes(file, (len(table), len(attributes)))
        kind, places = record["index"]["kind"], None
        check_kind(kind)
        if "index" not in record["files"]:
            index = PhotoIndex.build("flat", vectors, is_lifted)
        else:
            file = checked_file(path, record, "index")
            index = faiss.deserialize_index(np.fromfile(file, np.uint8))
            if index_kind(index) != kind:
                raise InputError(f"{file}: expected an index {kind}; found {index_kind(index)}")
            if "places" in record["files"]:
                places = map_array(checked_file(path, record, "places"), (index.ntotal,), "i8")
                places = _checked_places(path, np.array(places), len(table))
            settings = record["index"]
            index = PhotoIndex(kind, index, is_lifted, places, settings["shift"], settings["num_trained"])
        return cls(table, vectors, probabilities, index, attributes, kind)

    def save(self, path):
        """Writes the files to the folder `path`, beside those of the gallery as it was.

        Returns: Dict of what the record is to hold: "store", "count", "index" and "files".
        """
        index = self._up_to_date_index()
        written = {
            "photos": write_file(path, "photos", lambda file: file.write(self.table.to_bytes())),
            "vectors": write_file(path, "vectors", lambda file: write_array(file, self._vectors)),
        }
        if self.attributes:
            written["attributes"] = write_file(
                path, "attributes", lambda file: write_array(file, self.probabilities)
            )
        if index.kind != "flat":
            data = faiss.serialize_index(index.index)
            written["index"] = write_file(path, "index", lambda file: file.write(data.data))
        if index.places is not None:
            written["places"] = write_file(path, "places", lambda file: write_array(file, index.places))
        settings = {"kind": self.index_kind, "shift": index.shift, "num_trained": index.num_trained}
        return {"store": {"kind": "faiss"}, "count": len(self), "index": settings, "files": written}

    def close(self):
        """Does nothing: everything is in memory or mapped."""

    def __len__(self):
        return len(self.table)

    def gallery_ids(self):
        """Returns the gallery ids of all photos, int64, in order."""
        return np.arange(len(self))

    def vectors(self):
        """Returns float32 `(num_photos, vector_dim)`, by gallery id."""
        return np.array(self._vectors)

    def photo_ids(self):
        """Yields the ids of all photos, by gallery id."""
        yield from self.table.photo_ids

    def stamps(self, photo_ids):
        """Returns for each photo id its `Stamp`, None where the store does not hold it."""
        return [self.table.stamp(photo_id) for photo_id in photo_ids]

    def find_photo(self, photo_id):
        """Returns the gallery id of a photo; `KeyError` where there is none."""
        return self.table.places[photo_id]

    def photos(self, gallery_ids):
        """Returns the `Photo`s of gallery ids."""
        return [self.table.photo(place) for place in gallery_ids]

    def attribute_probabilities(self, gallery_ids):
        """Returns float16 `(num_ids, num_attributes)` in [0, 1]."""
        return self.probabilities[np.asarray(gallery_ids, np.int64)]

    def write(self, batches):
        """Adds photos, or replaces those of the same ids, which keep their places.

        Args:
            batches: Iterable of `(photos, stamps, vectors, probabilities)`.
        Returns: Two ints, how many were added and how many replaced.
        Raises: `InputError` if there are too few photos for the kind of index.
        """
        batches = list(batches)
        if not batches:
            return 0, 0
        pairs = (pair for photos, stamps, _, _ in batches for pair in zip(photos, stamps, strict=True))
        new = {}  # A photo that comes twice counts as it came last.
        for row, (photo, stamp) in enumerate(pairs):
            new[photo.photo_id] = row, self.table.row_of(photo, stamp)
        num_replaced = len(new.keys() & self.table.places.keys())
        rows = [new[row[0]][1] if row[0] in new else row for row in self.table.rows]
        rows += [row for photo_id, (_, row) in new.items() if photo_id not in self.table.places]
        vectors = np.concatenate([batch[2] for batch in batches])
        probabilities = np.concatenate([batch[3] for batch in batches])
        taken = np.array([new[row[0]][0] if row[0] in new else -1 for row in rows], np.int64)
        self._apply(rows, vectors, probabilities, taken)
        return len(new) - num_replaced, num_replaced

    def set_metadata(self, metadata):
        """Gives photos that the store holds other metadata; a dict from photo ids to dicts."""
        for photo_id, values in metadata.items():
            place = self.table.places[photo_id]
            row = self.table.rows[place]
            self.table.rows[place] = (*row[:4], values or None, row[5])
        self._columns = None

    def set_stamps(self, stamps):
        """Gives photos whose content is the same other stamps; a dict from photo ids to `Stamp`s."""
        for photo_id, stamp in stamps.items():
            place = self.table.places[photo_id]
            row = self.table.rows[place]
            self.table.rows[place] = (row[0], stamp.size, stamp.mtime_ns, stamp.sha256, *row[4:])

    def remove(self, photo_ids):
        """Removes photos that the store holds."""
        gone = set(photo_ids)
        self._apply([row for row in self.table.rows if row[0] not in gone])

    def arrange(self, photo_ids):
        """Puts the photos, all of which are named, in this order."""
        if tuple(photo_ids) != self.table.photo_ids:
            self._apply([self.table.rows[self.table.places[photo_id]] for photo_id in photo_ids])

    def use_index(self, kind):
        """Changes the kind of the index; `InputError` if there are too few photos for it."""
        check_kind(kind)
        self.index_kind = kind
        if len(self):
            self.check_size(len(self))

    def check_size(self, num_photos):
        """Raises `InputError` if so many photos are too few for the kind of index."""
        if num_photos < MIN_PHOTOS[self.index_kind]:
            raise InputError(
                f"`index` {self.index_kind} needs at least {MIN_PHOTOS[self.index_kind]} photos "
                f"(flat and hnsw take any number). Received: {num_photos}"
            )

    def _apply(self, rows, vectors=None, probabilities=None, taken=None):
        """Makes `rows` the table; row `i` has the vector `taken[i]` of `vectors`, or its old one where -1."""
        if taken is None:
            taken = np.full(len(rows), -1, np.int64)
        if rows:
            self.check_size(len(rows))
        sources = np.array([self.table.places.get(row[0], -1) for row in rows], np.int64)
        sources[taken >= 0] = -1
        all_vectors = np.empty((len(rows), self._vectors.shape[1]), np.float32)
        all_probabilities = np.empty((len(rows), len(self.attributes)), np.float16)
        for one, old, new in (
            (all_vectors, self._vectors, vectors),
            (all_probabilities, self.probabilities, probabilities),
        ):
            one[taken < 0] = old[sources[taken < 0]]
            if new is not None:
                one[taken >= 0] = new[taken[taken >= 0]]
        if self._sources is not None:
            sources = np.where(sources >= 0, self._sources[sources], -1)
        self._sources = sources
        self._columns = None
        self.table = PhotoTable(self.table.photo_root, rows)
        self._vectors, self.probabilities = all_vectors, all_probabilities

    def _up_to_date_index(self):
        kind = self.index_kind if len(self) else "flat"
        if self._index.kind != kind:
            self._index = PhotoIndex.build(kind, self._vectors, self._index.is_lifted)
        elif self._sources is not None:
            self._index = self._index.changed(self._sources, self._vectors)
        self._sources = None
        return self._index

    def choose(self, where=None, present=(), absent=()):
        """Chooses photos by their metadata and attributes, as `Gallery.choose` says.

        Returns: bool `(num_photos,)`; None where nothing is asked for.
        """
        conditions = check_where(where)
        among = None
        if present or absent:
            among = photos_that_have(self.attributes, self.probabilities, present, absent)
        if conditions:
            if self._columns is None:
                self._columns = MetadataColumns([row[4] or {} for row in self.table.rows])
            is_fit = self._columns.choose(conditions)
            among = is_fit if among is None else among & is_fit
        return among

    def count(self, among):
        """Returns how many photos `choose` has chosen; `ValueError` if it is no choice among these photos."""
        if among is None:
            return len(self)
        if among.dtype != bool or among.shape != (len(self),):
            raise ValueError(
                f"`among` must be bool of the shape {(len(self),)}. Received: {among.dtype} {among.shape}"
            )
        return int(np.count_nonzero(among))

    def candidates(self, queries, constants, k, among, ef_search=None, nprobe=None):
        """Finds photos among which the `k` nearest to each query are, as `PhotoIndex.candidates` does.

        Returns: For each query int64 gallery ids, `k` or more, and their vectors, float32.
        """
        found = self._up_to_date_index().candidates(queries, constants, k, among, ef_search, nprobe)
        return [(places, self._vectors[places]) for places in found]


def _checked_places(path, places, num_photos):
    alive = np.sort(places[places >= 0])
    if len(alive) != num_photos or not np.array_equal(alive, np.arange(num_photos)):
        raise InputError(f"{path / RECORD_FILE}: expected the place of every photo once in `places`")
    return places
