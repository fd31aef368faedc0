"""Photos that can be searched: their embeddings in an index, and what made them."""

import dataclasses
import json
import math
import os
from pathlib import Path

import faiss
import numpy as np

from tfsbir import files
from tfsbir.errors import InputError
from tfsbir.preprocessing import Preprocessing
from tfsbir.retrieval.gallery_files import (
    FORMAT_VERSION,
    INDEX_FILE,
    PHOTOS_FILE,
    RECORD_FILE,
    check_gallery_target,
    read_checked,
    read_record,
    sha256,
)
from tfsbir.retrieval.lifting import WEIGHTS_FILE, Lifting
from tfsbir.retrieval.photo_attributes import (
    ATTRIBUTES_FILE,
    attributes_from_bytes,
    attributes_to_bytes,
    photos_that_have,
)
from tfsbir.retrieval.photo_index import (
    COMPARED_PER_VIEW,
    EF_CONSTRUCTION,
    EF_SEARCH,
    M,
    check_kind,
    euclidean_queries,
    exact_candidates,
    graph_candidates,
    index_kind,
    longest_norm,
    make_index,
)
from tfsbir.retrieval.photo_reading import decode_ahead, in_batches, progress_bar


class Gallery:
    """An index of photo embeddings, saved as one folder, bound to the encoder that made it.

    `build` makes one and `open` reads it again. The folder holds `index.faiss` (the embeddings),
    `photos.json` (the photos' ids) and `gallery.json` (format version, encoder, preprocessing, distance,
    index, folder of the photos, SHA-256 of the other files). The photos themselves stay where they are. A
    photo's gallery id is its place in the list it was built from.

    It ranks by the distance that the encoder was trained for. Where that is a learned one, the index holds
    lifted embeddings, and the folder `distance.npy`, the weights: queries are lifted here, so what comes and
    goes is always embeddings and distances.

    Where the encoder predicts attributes, `attributes.npy` has their probabilities for every photo, rounded
    to float16, by at most 0.00025. Photos are chosen by them (`photos_with`) and results explained.

    Args:
        path: Absolute `Path` of the folder.
        index: `faiss.Index` from `make_index`, of embeddings or of lifted ones.
        photo_ids: Iterable of str, one for each vector in the index.
        record: Dict, what `gallery.json` holds.
        lifting: `Lifting` that the photos in the index were lifted by, or None.
        attribute_probabilities: float16 `(num_photos, num_attributes)` in [0, 1]; None where the encoder
            predicts no attributes.

    Attributes:
        path: Absolute `Path` of the folder.
        photo_root: Absolute `Path` of the folder that `photo_ids` start from.
        photo_ids: Tuple of str, paths of the photos relative to `photo_root`, with forward slashes.
        paths: Tuple of absolute `Path`s of the photos.
        dim: Int, length of an embedding.
        distance: Str, name of the distance, one of `tfsbir.distances.DISTANCES`.
        index_kind: "flat", exact, or "hnsw", approximate.
        encoder_path: Absolute `Path` of the run directory or export whose encoder made the gallery.
        encoder_kind: "run", "saved_model" or "litert".
        encoder_fingerprint: Str, identity of that encoder.
        preprocessing: `Preprocessing` of that encoder.
        attributes: Tuple of str, names of the attributes that the encoder predicts, maybe empty.
        attribute_probabilities: The argument.
    Raises: `ValueError` if the vectors in `index` are not as many as `photo_ids` or not as long as embeddings
        are, or lifted ones, or if `attribute_probabilities` are of another shape.
    """

    def __init__(self, path, index, photo_ids, record, lifting=None, attribute_probabilities=None):
        self.path = path
        self.photo_ids = tuple(photo_ids)
        self.photo_root = Path(record["photo_root"])
        self.paths = tuple(self.photo_root / photo_id for photo_id in self.photo_ids)
        self.dim = record["dim"]
        self.encoder_path = Path(record["encoder"]["path"])
        self.encoder_kind = record["encoder"]["kind"]
        self.encoder_fingerprint = record["encoder"]["fingerprint"]
        self.preprocessing = Preprocessing(**{
            field.name: record["preprocessing"][field.name] for field in dataclasses.fields(Preprocessing)
        })  # fmt: skip
        self.distance = "squared_euclidean" if lifting is None else lifting.distance
        self.index_kind = index_kind(index)
        wanted, found = (len(self.photo_ids), self.dim + (lifting is not None)), (index.ntotal, index.d)
        if found != wanted:
            raise ValueError(f"`index` must hold the shape {wanted}. Received: {found}")
        self.attributes = self.preprocessing.attributes
        wanted = (len(self.photo_ids), len(self.attributes)) if self.attributes else None
        found = None if attribute_probabilities is None else attribute_probabilities.shape
        if found != wanted:
            raise ValueError(f"`attribute_probabilities` must have the shape {wanted}. Received: {found}")
        self.attribute_probabilities = attribute_probabilities
        self._index = index
        self._lifting = lifting
        self._longest = longest_norm(index)

    def __len__(self):
        return len(self.photo_ids)

    @classmethod
    def build(cls, encoder, photo_paths, path, batch_size=32, root=None, progress=True, index="flat"):
        """Encodes photos and saves them as a gallery, in place of an older one at `path`.

        Photos are decoded ahead in a few threads, so that the encoder does not wait for them. One that
        cannot be read is left out. Nothing is written until every photo is encoded; then the new folder
        takes the old one's place at once. So a build that fails or is killed changes nothing.

        Args:
            encoder: `Encoder`.
            photo_paths: Sequence of paths of image files.
            path: Path of the gallery's folder.
            batch_size: Int >= 1, photos that are encoded at once.
            root: Folder that all photos lie in; None takes the deepest such folder.
            progress: Whether a bar on stderr shows photos per second and the time left.
            index: "flat", which is exact, or "hnsw", which is faster in large galleries and approximate.
        Returns: The `Gallery`, and a list of `(path, reason)` of the photos that were left out.
        Raises: `InputError` if no photo is usable, `path` is something else than a gallery, an embedding is
            not finite or attributes are predicted by something else than probabilities; `ValueError` if
            `batch_size` < 1, `index` is another one or a photo lies outside `root`.
        """
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be >= 1. Received: {batch_size}")
        check_kind(index)
        path = check_gallery_target(path)
        photo_paths = [Path(os.path.abspath(photo_path)) for photo_path in photo_paths]
        if not photo_paths:
            raise InputError(f"{path}: expected at least one photo to build a gallery from; found none")
        root = Path(os.path.abspath(root or os.path.commonpath([photo.parent for photo in photo_paths])))
        for photo_path in photo_paths:
            if not photo_path.is_relative_to(root):
                raise ValueError(f"`root` must hold every photo, and {photo_path} too. Received: {root}")

        vectors, probabilities, kept, skipped = [], [], [], []
        photos = decode_ahead(encoder.preprocessing.read_photo, photo_paths, ahead=2 * batch_size)
        with progress_bar(len(photo_paths), progress) as bar:
            for batch in in_batches(photos, batch_size):
                usable = [(photo_path, photo) for photo_path, photo, error in batch if error is None]
                skipped += [(photo_path, str(error)) for photo_path, _, error in batch if error is not None]
                if usable:
                    kept += [photo_path for photo_path, _ in usable]
                    embeddings = encoder.encode_photos(np.stack([photo for _, photo in usable]))
                    if not np.all(np.isfinite(embeddings)):
                        raise InputError(
                            f"{encoder.path}: expected an encoder of finite embeddings; found others"
                        )
                    vectors.append(encoder.lifting.lift_photos(embeddings) if encoder.lifting else embeddings)
                    probabilities.append(encoder.attribute_probabilities(embeddings).astype(np.float16))
                bar.update(len(batch))
        if not kept:
            raise InputError(
                f"{root}: expected at least one readable photo; found none among {len(photo_paths)} "
                f"(the first: {skipped[0][1]})"
            )

        faiss_index = make_index(index, np.concatenate(vectors), is_lifted=encoder.lifting is not None)
        settings = {} if index == "flat" else {"m": M, "ef_construction": EF_CONSTRUCTION}
        photo_ids = [photo_path.relative_to(root).as_posix() for photo_path in kept]
        record = {
            "format_version": FORMAT_VERSION,
            "encoder": {
                "path": str(encoder.path),
                "kind": encoder.kind,
                "fingerprint": encoder.fingerprint,
            },
            "dim": encoder.preprocessing.embedding_dim,
            "count": len(kept),
            "metric": encoder.preprocessing.distance,
            "index": {"kind": index, **settings},
            "preprocessing": encoder.preprocessing.to_json(),
            "photo_root": str(root),
        }
        probabilities = np.concatenate(probabilities) if encoder.preprocessing.attributes else None
        gallery = cls(path, faiss_index, photo_ids, record, encoder.lifting, probabilities)
        with files.replacing_folder(path) as folder:
            files.write_bytes(folder / INDEX_FILE, faiss.serialize_index(faiss_index).tobytes())
            files.write_json(folder / PHOTOS_FILE, photo_ids)
            if encoder.lifting:
                files.write_bytes(folder / WEIGHTS_FILE, encoder.lifting.to_bytes())
            if gallery.attributes:
                files.write_bytes(folder / ATTRIBUTES_FILE, attributes_to_bytes(probabilities))
            record["sha256"] = {file.name: sha256(file.read_bytes()) for file in sorted(folder.iterdir())}
            files.write_json(folder / RECORD_FILE, record)
        return gallery, skipped

    @classmethod
    def open(cls, path, encoder=None):
        """Reads a gallery that `build` saved, and checks that it is whole.

        Args:
            path: Path of the gallery's folder.
            encoder: `Encoder` that queries will come from, or None to leave that check to the caller
                (`check_encoder`).
        Raises: `InputError` if a file is missing or damaged, the format version is another one, or
            `encoder` is not the one that made the gallery.
        """
        path = Path(path).resolve()
        record = read_record(path)
        try:
            index = read_checked(path / INDEX_FILE, record["sha256"][INDEX_FILE])
            photo_ids = read_checked(path / PHOTOS_FILE, record["sha256"][PHOTOS_FILE])
            index = faiss.deserialize_index(np.frombuffer(index, np.uint8))
            lifting = None
            if record["metric"] != "squared_euclidean":
                weights = read_checked(path / WEIGHTS_FILE, record["sha256"][WEIGHTS_FILE])
                lifting = Lifting.from_bytes(record["metric"], weights)
            photo_ids, probabilities = json.loads(photo_ids), None
            if attributes := record["preprocessing"]["attributes"]:
                probabilities = read_checked(path / ATTRIBUTES_FILE, record["sha256"][ATTRIBUTES_FILE])
                probabilities = attributes_from_bytes(
                    path / ATTRIBUTES_FILE, probabilities, (len(photo_ids), len(attributes))
                )
            gallery = cls(path, index, photo_ids, record, lifting, probabilities)
        except InputError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path / RECORD_FILE}: expected the record of a gallery; {error!r}") from None
        if encoder is not None:
            gallery.check_encoder(encoder)
        return gallery

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

    def embeddings(self):
        """Returns the photos' embeddings by gallery id, float32 `(num_photos, dim)`.

        Raises: `InputError` where the distance is a learned one: the index then holds lifted embeddings.
        """
        if self._lifting is not None:
            raise InputError(
                f"{self.path}: expected a gallery that ranks by squared_euclidean, which holds embeddings as "
                f"they are; found {self.distance}"
            )
        return self._index.reconstruct_n(0, len(self))

    def photos_with(self, present=(), absent=()):
        """Chooses photos by the attributes that were predicted for them.

        Args:
            present: Iterable of names, attributes that a photo must have: with a probability >= 0.5.
            absent: Those it must not have: with one < 0.5.
        Returns: bool `(num_photos,)`, as `search` takes it in `among`.
        Raises: `InputError` if the gallery's encoder does not predict one of them.
        """
        if not self.attributes:
            raise InputError(f"{self.path}: expected a gallery whose model predicts attributes; found none")
        return photos_that_have(self.attributes, self.attribute_probabilities, present, absent)

    def search(self, embeddings, k, ef_search=None, among=None):
        """Finds the `k` nearest photos of each query, nearest first.

        FAISS finds candidates; their distances are then computed anew in float64, rounded to float32, and
        sorted by (distance, gallery id). So equal distances are ordered by gallery id, the lower first.

        Exact in a "flat" gallery, ties at the end of the list too (`exact_candidates`). Approximate in an
        "hnsw" gallery: the distances are right, but a photo among the `k` nearest may be missing, the more
        seldom the larger `ef_search` is. Where the graph leads to fewer than `k` photos, all are compared.

        `among` restricts the search to some photos. A "flat" gallery stays exact. In an "hnsw" gallery, the
        fewer photos are in `among`, the more are kept in view, of which those in `among` are taken. All in
        `among` are compared instead where that is faster, or where fewer than `k` of them came into view.

        Args:
            embeddings: `(num_queries, dim)`, not lifted.
            k: Int >= 1; more than there are photos to search returns all of them.
            ef_search: Int >= 1, photos that HNSW keeps in view while it searches (at least `k`); None for
                `EF_SEARCH`. A "flat" gallery has none.
            among: bool `(num_photos,)`, the photos to search, maybe none; None for all.
        Returns: float32 distances and int64 gallery ids, both `(num_queries, min(k, num_photos))`, of the
            photos to search. Only HOLEF's distances may be negative; squared Euclidean ones of unit-norm
            embeddings are in [0, 4].
        Raises: `ValueError` if `k` or `ef_search` is < 1, if `ef_search` is given to a "flat" gallery, if
            `embeddings` are of another shape or not finite, or if `among` is of another shape or dtype.
        """
        if k < 1:
            raise ValueError(f"`k` must be >= 1. Received: {k}")
        if ef_search is not None and (self.index_kind == "flat" or ef_search < 1):
            raise ValueError(
                "`ef_search` must be >= 1, and None in a gallery whose index is flat. "
                f"Received: {ef_search} and the index {self.index_kind}"
            )
        embeddings = np.ascontiguousarray(embeddings, np.float32)
        if embeddings.ndim != 2 or embeddings.shape[1] != self.dim:
            raise ValueError(
                f"`embeddings` must have the shape (None, {self.dim}). Received: {embeddings.shape}"
            )
        if not np.all(np.isfinite(embeddings)):
            raise ValueError("`embeddings` must be finite. Received: others")
        if among is not None:
            among = np.asarray(among)
            if among.dtype != bool or among.shape != (len(self),):
                raise ValueError(
                    f"`among` must be bool of the shape {(len(self),)}. Received: {among.dtype} {among.shape}"
                )
        k = min(k, len(self) if among is None else int(np.count_nonzero(among)))
        distances = np.zeros((len(embeddings), k), np.float32)
        indices = np.zeros((len(embeddings), k), np.int64)
        if distances.size == 0:
            return distances, indices
        queries, constants = embeddings, np.zeros(len(embeddings))
        if self._lifting is not None:
            queries, constants = self._lifting.lift_queries(embeddings)
        for row, candidates in enumerate(self._candidates(queries, constants, k, ef_search, among)):
            found = self._distances(queries[row], constants[row], candidates).astype(np.float32)
            nearest = np.lexsort((candidates, found))[:k]
            distances[row], indices[row] = found[nearest], candidates[nearest]
        return distances, indices

    def _distances(self, query, constant, candidates):
        photos = self._index.reconstruct_batch(candidates).astype(np.float64)
        # Sums along each row, since a matrix product may round equal rows in different ways.
        if self._lifting is None:
            return np.square(photos - query).sum(axis=1)
        if self.index_kind == "hnsw":  # Its last dimension is another one, see `make_index`.
            photos = self._lifting.with_last_dimension(photos[:, :-1])
        return self._lifting.distances(constant, (photos * query).sum(axis=1))

    def _candidates(self, queries, constants, k, ef_search, among):
        ef_search = ef_search or EF_SEARCH
        if self.index_kind == "hnsw" and self._lifting is not None:
            queries = euclidean_queries(queries)
        is_exact = self.index_kind == "flat"
        if among is not None:
            # So many more photos are kept in view that `ef_search` of them are to be expected in `among`.
            # FAISS's own selector for graphs also returns what lies on the way to a query. Where few photos
            # around the query are in `among`, those are `k`, but not the nearest: recall@10 fell to 0.48.
            num_chosen = int(np.count_nonzero(among))
            ef_search = math.ceil(max(k, ef_search) * len(self) / num_chosen)
            is_exact = is_exact or num_chosen <= COMPARED_PER_VIEW * ef_search
        if is_exact:
            return exact_candidates(self._index, queries, k, self._slack(queries, constants), among)
        candidates = list(graph_candidates(self._index, queries, k, ef_search))
        for row, found in enumerate(candidates):
            found = found[found >= 0]
            candidates[row] = found if among is None else found[among[found]]
            if len(candidates[row]) < k:
                one = slice(row, row + 1)
                slack = self._slack(queries[one], constants[one])
                (candidates[row],) = exact_candidates(self._index, queries[one], k, slack, among)
        return candidates

    def _slack(self, queries, constants):
        """Returns for each query the gap between two of FAISS's distances that makes their order certain.

        A float32 sum of n products, in whatever order, is off by at most about n * 2**-24 times the product
        of the norms, and squared Euclidean distances by that of the squared sum of the norms. Two distances
        are compared, and rounded to float32 in the end; 8 covers the few roundings beside.
        """
        norms = np.linalg.norm(queries.astype(np.float64), axis=1)
        is_product = self._index.metric_type == faiss.METRIC_INNER_PRODUCT
        largest = norms * self._longest if is_product else np.square(norms + self._longest)
        return 2.0 * (self._index.d + 8) * 2.0**-24 * (np.abs(constants) + largest)
