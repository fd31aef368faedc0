"""Photos that can be searched: their embeddings in an index, and what made them."""

import contextlib
import os
from pathlib import Path

import numpy as np

from tfsbir.errors import InputError
from tfsbir.retrieval import gallery_files, gallery_record, queries
from tfsbir.retrieval.encoded_journal import EncodedJournal, clear_journal
from tfsbir.retrieval.gallery_files import RECORD_FILE, check_gallery_target
from tfsbir.retrieval.photo import Match
from tfsbir.retrieval.photo_encoding import (
    Changes,
    as_photo,
    as_stored,
    changed_of,
    common_root,
    encode_changed,
    keep_only,
)
from tfsbir.retrieval.photo_index import check_kind
from tfsbir.retrieval.pretrained import model_path
from tfsbir.retrieval.ranking import check_effort, checked_queries, nearest


class Gallery:
    """Photos with their embeddings, bound to the encoder that made these, and saved as one folder.

    `create` makes an empty one and `open` reads one again. `add`, `update`, `remove` and `sync` change it,
    and other programs see that as a whole when it is saved. `find` and `search` search it. The photos
    themselves stay where they are.

    It ranks by the distance that the encoder was trained for. Where that is a learned one, the index holds
    lifted embeddings, and the folder the weights: queries are lifted here, so what comes and goes is always
    embeddings and distances.

    Where the encoder predicts attributes, their probabilities are kept for every photo, rounded to float16,
    by at most 0.00025. Photos are chosen by them, and results explained.

    Args:
        path: Absolute `Path` of the folder.
        record: Dict, what `gallery.json` holds.
        store: `FaissStore` or `MilvusStore` of the photos.
        lifting: `Lifting` that the photos in the store were lifted by, or None.
        encoder: `Encoder` that made the gallery, or None where nothing is to be encoded.

    Attributes:
        path: Absolute `Path` of the folder.
        photo_root: Absolute `Path` of the folder that photo ids start from.
        dim: Int, length of an embedding.
        distance: Str, name of the distance, one of `tfsbir.distances.DISTANCES`.
        store: Str, where photos and vectors are kept: "faiss" or "milvus:URI".
        index_kind: "flat", exact, or "hnsw" or "ivfpq", approximate.
        photo_ids: Tuple of str, the photos' ids by gallery id.
        encoder: The argument.
        encoder_path: Absolute `Path` of the run directory or export whose encoder made the gallery.
        encoder_kind: "run", "saved_model" or "litert".
        encoder_fingerprint: Str, identity of that encoder.
        preprocessing: `Preprocessing` of that encoder.
        attributes: Tuple of str, names of the attributes that the encoder predicts, maybe empty.
    """

    def __init__(self, path, record, store, lifting=None, encoder=None):
        self.path = path
        self.photo_root = Path(record["photo_root"])
        self.dim = record["dim"]
        self.encoder_path = Path(os.path.abspath(model_path(record["encoder"]["path"])))
        self.encoder_kind = record["encoder"]["kind"]
        self.encoder_fingerprint = record["encoder"]["fingerprint"]
        self.preprocessing = gallery_record.preprocessing_of(record)
        self.distance = record["metric"]
        self.attributes = self.preprocessing.attributes
        self.encoder = encoder
        self._record = record
        self._saved = gallery_record.present_record(path)
        self._store = store
        self._lifting = lifting

    @classmethod
    def create(cls, path, encoder, photo_root, index="flat", store="faiss"):
        """Returns an empty gallery, which is there for others once it is saved, in place of what was there.

        Args:
            path: Path of its folder: a gallery, an empty folder or nothing is there.
            encoder: `Encoder`.
            photo_root: Folder that the photos lie in, from which their ids start.
            index: "flat", which is exact, or "hnsw" or "ivfpq", which are faster in large galleries and
                approximate; "ivfpq" takes the least memory, too.
            store: Where photos and vectors are kept: "faiss", in the folder and in memory, or "milvus:URI",
                in a Milvus server (http://HOST:19530), or in a file of Milvus Lite (a path that ends in .db).
        Raises: `InputError` if something else is at `path`, `store` is another one, or the Milvus does not
            answer or lacks the index; `ValueError` for another `index`.
        """
        path = check_gallery_target(path)
        record = gallery_record.new_record(encoder, photo_root)
        return cls(
            path, record, gallery_record.new_store(path, record, index, store), encoder.lifting, encoder
        )

    @classmethod
    def open(cls, path, encoder=None):
        """Reads a gallery, and checks that it is whole.

        Args:
            path: Path of its folder.
            encoder: `Encoder` that queries and photos will be encoded by; None where queries come as
                embeddings.
        Raises: `InputError` if a file is missing or damaged, the format version is another one, or
            `encoder` is not the one that made the gallery.
        """
        path = Path(path).resolve()
        record = gallery_files.read_record(path)
        while True:
            try:
                gallery = cls._open(path, record, encoder)
                break
            except gallery_files.MissingFileError:
                # Saved anew since the record was read, the gallery has other files.
                before, record = record, gallery_files.read_record(path)
                if record == before:
                    raise
        if encoder is not None:
            gallery.check_encoder(encoder)
        return gallery

    @classmethod
    def _open(cls, path, record, encoder):
        try:
            lifting = gallery_record.load_lifting(path, record)
            return cls(path, record, gallery_record.load_store(path, record), lifting, encoder)
        except InputError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{path / RECORD_FILE}: expected the record of a gallery; {error!r}") from None

    @classmethod
    def build(cls, encoder, photo_paths, path, batch_size=32, root=None, progress=True, index="flat"):
        """Makes the gallery at `path` one of these photos, and saves it.

        Photos that a gallery of the same encoder holds there, and whose files have not changed, are not
        encoded again; neither are those that a broken-off build had encoded. One that cannot be read is left
        out. Readers see the gallery as it was until all is done.

        Args:
            encoder: `Encoder`.
            photo_paths: Sequence of paths of image files, in the order of their gallery ids.
            path: Path of the gallery's folder.
            batch_size: Int >= 1, photos that are encoded at once.
            root: Folder that all photos lie in; None takes the deepest such folder.
            progress: Whether a bar on stderr shows photos per second and the time left.
            index: As for `create`.
        Returns: The `Gallery`, and a list of `(path, reason)` of the photos that were left out.
        Raises: `InputError` if no photo is usable, `path` is something else than a gallery, an embedding is
            not finite or attributes are predicted by something else than probabilities; `ValueError` if
            `batch_size` < 1, `index` is another one or a photo lies outside `root`.
        """
        photo_paths = [Path(os.path.abspath(photo_path)) for photo_path in photo_paths]
        if not photo_paths:
            raise InputError(f"{path}: expected at least one photo to build a gallery from; found none")
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be >= 1. Received: {batch_size}")
        gallery, _ = cls.open_or_create(path, encoder, root or common_root(photo_paths), index)
        changes = gallery.sync(photo_paths, batch_size=batch_size, progress=progress)
        if not len(gallery):
            raise InputError(
                f"{gallery.photo_root}: expected at least one readable photo; found none among "
                f"{len(photo_paths)} (the first: {changes.skipped[0][1]})"
            )
        gallery.save()
        return gallery, changes.skipped

    @classmethod
    def open_or_create(cls, path, encoder, photo_root, index="flat", store=None):
        """Opens the gallery at `path` to change it, or creates one where none fits.

        One fits that is whole, was made by the same encoder of photos in the same folder, and is kept in the
        same store. Its index becomes `index`.

        Args, Raises: As for `create`; where `store` is None, photos stay in the store that they are in.
        Returns: The `Gallery`, and a str that says why the one that is there does not fit; None where it
            does, or where there is none.
        """
        check_kind(index)
        path = check_gallery_target(path)
        reason, store = None, gallery_record.store_name(store or gallery_record.present_store(path))
        if (path / RECORD_FILE).exists():
            try:
                gallery = cls.open(path, encoder)
                gallery._check_photo_encoder()
                if gallery._record["photo_root"] != gallery_record.root_name(photo_root):
                    reason = f"{path}: its photos are in {gallery.photo_root}"
                elif gallery.store != store:
                    reason = f"{path}: its store is {gallery.store}"
                else:
                    gallery._store.use_index(index)
                    return gallery, None
            except InputError as error:
                reason = str(error)
        return cls.create(path, encoder, photo_root, index, store), reason

    def close(self):
        """Ends the connection of a gallery in Milvus, so that another process may open its file."""
        self._store.close()

    def __len__(self):
        return len(self._store)

    @property
    def store(self):
        """Str, where photos and vectors are kept: "faiss" or "milvus:URI"."""
        return self._store.name

    @property
    def index_kind(self):
        """Str, kind of the index."""
        return self._store.index_kind

    def check_encoder(self, encoder):
        """Raises `InputError` if `encoder` is not the trained encoder that made this gallery.

        An export passes for the run it was made from: both have the same fingerprint. So does an encoder that
        was distilled from the gallery's, since it puts sketches where that one does.
        """
        if self.encoder_fingerprint not in (encoder.fingerprint, encoder.teacher):
            raise InputError(
                f"{self.path}: expected the encoder that made this gallery, with the fingerprint "
                f"{self.encoder_fingerprint}; found {encoder.path} with {encoder.fingerprint}"
            )

    def add(self, photos, batch_size=32, progress=False):
        """Adds photos behind the others; those that the gallery holds are renewed where they have changed.

        Photos are decoded ahead in a few threads, so that the encoder does not wait for them. One that cannot
        be read is left out. What is encoded is kept in the gallery's folder at once: when the process is
        killed, the same call does not encode it again.

        Args:
            photos: Iterable of `Photo`s, or of paths below `photo_root`.
            batch_size: Int >= 1, photos that are encoded at once.
            progress: Whether a bar on stderr shows photos per second and the time left.
        Returns: `Changes`.
        Raises: `InputError` if another process writes to the gallery, an embedding is not finite, attributes
            are predicted by something else than probabilities, or metadata are not as `check_metadata` wants;
            `ValueError` if `batch_size` < 1, a path is not below `photo_root` or the gallery was opened
            without its encoder.
        """
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be >= 1. Received: {batch_size}")
        self._check_photo_encoder()
        photos, changes = [as_photo(photo, self.photo_root) for photo in photos], Changes()
        with gallery_files.writing_lock(self.path):
            journal = EncodedJournal(self.path, self.encoder_fingerprint, self.dim)
            batches = encode_changed(
                self.encoder, photos, self._store, journal, batch_size, progress, changes
            )
            self._write(batches, changes)
        return changes

    def update(self, batch_size=32, progress=False):
        """Encodes photos again whose files have changed, and removes those that cannot be read any more.

        Returns, Raises: As `add`.
        """
        return self.sync(self.photos(), batch_size, progress)

    def sync(self, photos, batch_size=32, progress=False):
        """Makes the gallery one of exactly these photos, in this order: adds, renews and removes.

        Args, Returns, Raises: As for `add`.
        """
        photos = [as_photo(photo, self.photo_root) for photo in photos]
        if photos:
            self._store.check_size(len(photos))
        changes = self.add(photos, batch_size, progress)
        unread = {os.fspath(path) for path, _ in changes.skipped}
        read = [photo.photo_id for photo in photos if os.fspath(photo.path) not in unread]
        keep_only(self._store, read, changes)
        return changes

    def sync_encoded(self, batches):
        """Makes the gallery one of exactly these photos, which were encoded elsewhere.

        Args:
            batches: Iterable of `(photos, embeddings)`, as `EncodedPhotos.batches` yields them.
        Returns: `Changes`.
        Raises: As `add`.
        """
        self._check_photo_encoder()
        changes, photo_ids = Changes(), []
        with gallery_files.writing_lock(self.path):
            new = changed_of(batches, self._store, photo_ids, changes)
            self._write(new, changes)
        keep_only(self._store, photo_ids, changes)
        return changes

    def remove(self, photo_ids):
        """Removes photos; raises `KeyError`, and removes none, if there is none of one of the ids."""
        photo_ids = list(photo_ids)
        for photo_id in photo_ids:
            self._store.find_photo(photo_id)
        self._store.remove(photo_ids)

    def save(self):
        """Saves the gallery: readers see it as it was, or as it is, whenever they look.

        Raises: `InputError` if another process writes to it, or has saved it since this one opened it.
        """
        with gallery_files.writing_lock(self.path):
            before = gallery_record.present_record(self.path)
            if before != self._saved:
                raise InputError(
                    f"{self.path}: expected a gallery that no other process has changed since it was opened; "
                    "found another (open it again)"
                )
            saved = self._store.save(self.path)
            if self._lifting is not None:
                data = self._lifting.to_bytes()
                saved["files"]["distance"] = gallery_files.write_file(
                    self.path, "distance", lambda file: file.write(data)
                )
            self._record = {**self._record, **saved}
            gallery_files.publish(self.path, self._record)
            self._saved = gallery_record.present_record(self.path)
            gallery_record.drop_replaced(before, self._record)
            clear_journal(self.path)

    @property
    def photo_ids(self):
        """Tuple of str, the photos' ids by gallery id."""
        return tuple(self._store.photo_ids())

    def photo(self, photo_id):
        """Returns the `Photo` of an id; `KeyError` where there is none."""
        return self._store.photos([self._store.find_photo(photo_id)])[0]

    def photos(self, gallery_ids=None):
        """Returns the `Photo`s of gallery ids, as `search` returns them; all of them by default."""
        return self._store.photos(self._store.gallery_ids() if gallery_ids is None else gallery_ids)

    def attribute_probabilities(self, gallery_ids=None):
        """Returns the attributes' probabilities, float16 `(num_ids, num_attributes)`, in [0, 1]."""
        return self._store.attribute_probabilities(
            self._store.gallery_ids() if gallery_ids is None else gallery_ids
        )

    def embeddings(self):
        """Returns the photos' embeddings by gallery id, float32 `(num_photos, dim)`.

        Raises: `InputError` where the distance is a learned one: the gallery then holds lifted embeddings.
        """
        if self._lifting is not None:
            raise InputError(
                f"{self.path}: expected a gallery that ranks by squared_euclidean, which holds embeddings as "
                f"they are; found {self.distance}"
            )
        return self._store.vectors()

    def choose(self, where=None, present=(), absent=()):
        """Chooses photos by their metadata and by the attributes that were predicted for them.

        Args:
            where: Dict from fields of the metadata to a value, a list of values, or a dict with numbers as
                "min", "max" or both, inclusive; a photo must satisfy all.
            present: Iterable of names, attributes that a photo must have: with a probability >= 0.5.
            absent: Those it must not have: with one < 0.5.
        Returns: What `search` takes in `among`: bool `(num_photos,)`, or None for all.
        Raises: `InputError` if the gallery's encoder does not predict one of the attributes, or `where` is
            something else.
        """
        if (present or absent) and not self.attributes:
            raise InputError(f"{self.path}: expected a gallery whose model predicts attributes; found none")
        return self._store.choose(where, present, absent)

    def count(self, among=None):
        """Returns how many photos `choose` has chosen."""
        return self._store.count(among)

    def use_encoder(self, encoder):
        """Encodes by `encoder` from now on; `InputError` if `check_encoder` refuses it."""
        self.check_encoder(encoder)
        self.encoder = encoder

    def read_query(self, sketch=None, photo=None):
        """Reads an image to search for, a file or its bytes, as `encode_query` takes it; exactly one of two.

        Returns: float32 `(size, size, channels)` in [-1, 1].
        Raises: `InputError` if it cannot be read, or is a blank sketch.
        """
        return queries.read_query(self.preprocessing, sketch, photo)

    def encode_query(self, sketch=None, photo=None, strokes=None):
        """Encodes what to search for; exactly one of three.

        Args:
            sketch: Path of an image file, black on white; its bytes; or float32 `(size, size, 1)` in [-1, 1].
            photo: The same of a photo, of the encoder's channels. A photo takes the place of the sketch, also
                in a distance that tells sketch from photo.
            strokes: List of `(points, 2)` in drawing order, in any frame, y down.
        Returns: float32 `(dim,)`.
        Raises: `InputError` if a file cannot be read or shows nothing; `ValueError` unless exactly one is
            given, or if the gallery was opened without its encoder.
        """
        self._check_has_encoder()
        return queries.encode_query(self.encoder, sketch, photo, strokes)

    def find(self, vector, k=10, where=None, present=(), absent=(), ef_search=None, nprobe=None):
        """Finds the `k` photos nearest to one embedding, as `search` does.

        Args:
            vector: `(dim,)`, an embedding, as `encode_query` returns it.
            k: Int >= 1.
            where, present, absent: Which photos to search, as for `choose`.
            ef_search, nprobe: As for `search`.
        Returns: List of `Match`es, nearest first.
        Raises: As `choose` and `search`.
        """
        vector = np.asarray(vector)
        if vector.shape != (self.dim,):
            raise ValueError(f"`vector` must have the shape ({self.dim},). Received: {vector.shape}")
        among = self.choose(where, present, absent)
        (distances,), (gallery_ids,) = self.search(vector[None], k, ef_search, among, nprobe)
        probabilities = self._store.attribute_probabilities(gallery_ids)
        return [
            Match(photo, float(distance), dict(zip(self.attributes, map(float, row), strict=True)))
            for photo, distance, row in zip(
                self._store.photos(gallery_ids), distances, probabilities, strict=True
            )
        ]

    def search(self, embeddings, k, ef_search=None, among=None, nprobe=None):
        """Finds the `k` nearest photos of each query, nearest first.

        The index finds candidates; their distances are then computed anew in float64, rounded to float32, and
        sorted by (distance, gallery id). So equal distances are ordered by gallery id, the lower first.

        Exact in a "flat" gallery, ties at the end of the list too. Approximate in the others: the distances
        are right, but a photo among the `k` nearest may be missing, the more seldom the larger `ef_search`
        or `nprobe` is. Where a graph leads to fewer than `k` photos, all are compared.

        `among` restricts the search to some photos. A "flat" gallery stays exact. In an "hnsw" gallery, the
        fewer photos are in `among`, the more are kept in view, of which those in `among` are taken. All in
        `among` are compared instead where that is faster, or where fewer than `k` of them came into view.

        Args:
            embeddings: `(num_queries, dim)`, not lifted.
            k: Int >= 1; more than there are photos to search returns all of them.
            ef_search: Int >= 1, photos that HNSW keeps in view while it searches (at least `k`); None for
                the default. Only an "hnsw" gallery has it.
            among: bool `(num_photos,)`, the photos to search, maybe none; None for all. `choose` makes it.
            nprobe: Int >= 1, lists that IVF-PQ searches; None for the default. Only "ivfpq" has it.
        Returns: float32 distances and int64 gallery ids, both `(num_queries, min(k, num_photos))`, of the
            photos to search. Only HOLEF's distances may be negative; squared Euclidean ones of unit-norm
            embeddings are in [0, 4].
        Raises: `ValueError` if `k`, `ef_search` or `nprobe` is < 1 or given to another index, if
            `embeddings` are of another shape or not finite, or if `among` is of another shape or dtype.
        """
        check_effort(self.index_kind, k, ef_search, nprobe)
        embeddings = checked_queries(embeddings, self.dim)
        among = np.asarray(among) if isinstance(among, (list, tuple)) else among
        return nearest(self._store, self._lifting, embeddings, k, ef_search, among, nprobe)

    def _write(self, batches, changes):
        stored = (as_stored(batch, self.encoder, self._lifting) for batch in batches)
        with contextlib.closing(batches):
            changes.num_added, changes.num_replaced = self._store.write(stored)

    def _check_has_encoder(self):
        if self.encoder is None:
            raise ValueError("`encoder` must be given to `Gallery.open` where something is to be encoded")

    def _check_photo_encoder(self):
        self._check_has_encoder()
        if self.encoder.fingerprint != self.encoder_fingerprint:  # Distilled, it may search, but not add.
            raise InputError(
                f"{self.path}: expected the very encoder that made this gallery, with the fingerprint "
                f"{self.encoder_fingerprint}; found {self.encoder.path} with {self.encoder.fingerprint}"
            )
