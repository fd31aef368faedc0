"""Photos that can be searched: their embeddings in an exact index, and what made them."""

import collections
import concurrent.futures
import dataclasses
import hashlib
import itertools
import json
import os
import sys
from pathlib import Path

import faiss
import numpy as np
import tqdm

from tfsbir import files
from tfsbir.errors import InputError
from tfsbir.preprocessing import Preprocessing

FORMAT_VERSION = 1
METRIC = "squared_euclidean"
RECORD_FILE, INDEX_FILE, PHOTOS_FILE = "gallery.json", "index.faiss", "photos.json"
# Bound on how far FAISS's float32 distances of unit vectors are off (measured: 1.3e-6 at 2048 dimensions).
ROUNDING = 1e-5


class Gallery:
    """An exact index of photo embeddings, saved as one folder, bound to the encoder that made it.

    `build` makes one and `open` reads it again. The folder holds `index.faiss` (the embeddings),
    `photos.json` (the photos' ids) and `gallery.json` (format version, encoder, preprocessing, folder of
    the photos, SHA-256 of the other two). The photos themselves stay where they are. A photo's gallery id
    is its place in the list it was built from.

    Attributes:
        path: Absolute `Path` of the folder.
        photo_root: Absolute `Path` of the folder that `photo_ids` start from.
        photo_ids: Tuple of str, paths of the photos relative to `photo_root`, with forward slashes.
        paths: Tuple of absolute `Path`s of the photos.
        dim: Int, length of an embedding.
        encoder_path: Absolute `Path` of the run directory or export whose encoder made the gallery.
        encoder_kind: "run", "saved_model" or "litert".
        encoder_fingerprint: Str, identity of that encoder.
        preprocessing: `Preprocessing` of that encoder.
    """

    def __init__(self, path, index, photo_ids, record):
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
        self._index = index

    def __len__(self):
        return len(self.photo_ids)

    @classmethod
    def build(cls, encoder, photo_paths, path, batch_size=32, root=None, progress=True):
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
        Returns: The `Gallery`, and a list of `(path, reason)` of the photos that were left out.
        Raises: `InputError` if no photo is usable, `path` is something else than a gallery, the encoder
            was trained for a distance other than squared Euclidean or its embeddings are not unit-norm;
            `ValueError` if `batch_size` < 1 or a photo lies outside `root`.
        """
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be >= 1. Received: {batch_size}")
        path = check_gallery_target(path)
        if encoder.preprocessing.distance != METRIC:
            raise InputError(
                f"{encoder.path}: expected an encoder for the distance {METRIC}; "
                f"found {encoder.preprocessing.distance}"
            )
        photo_paths = [Path(os.path.abspath(photo_path)) for photo_path in photo_paths]
        if not photo_paths:
            raise InputError(f"{path}: expected at least one photo to build a gallery from; found none")
        root = Path(os.path.abspath(root or os.path.commonpath([photo.parent for photo in photo_paths])))
        for photo_path in photo_paths:
            if not photo_path.is_relative_to(root):
                raise ValueError(f"`root` must hold every photo, and {photo_path} too. Received: {root}")

        embeddings, kept, skipped = [], [], []
        photos = _decode_ahead(encoder.preprocessing.read_photo, photo_paths, ahead=2 * batch_size)
        with _progress_bar(len(photo_paths), progress) as bar:
            for batch in _batches(photos, batch_size):
                usable = [(photo_path, photo) for photo_path, photo, error in batch if error is None]
                skipped += [(photo_path, str(error)) for photo_path, _, error in batch if error is not None]
                if usable:
                    kept += [photo_path for photo_path, _ in usable]
                    embeddings.append(encoder.encode_photos(np.stack([photo for _, photo in usable])))
                bar.update(len(batch))
        if not kept:
            raise InputError(
                f"{root}: expected at least one readable photo; found none among {len(photo_paths)} "
                f"(the first: {skipped[0][1]})"
            )
        embeddings = np.concatenate(embeddings)
        if not _is_unit_norm(embeddings):
            raise InputError(f"{encoder.path}: expected an encoder of unit-norm embeddings; found others")

        index = faiss.IndexFlatL2(embeddings.shape[1])
        index.add(embeddings)
        photo_ids = [photo_path.relative_to(root).as_posix() for photo_path in kept]
        record = {
            "format_version": FORMAT_VERSION,
            "encoder": {
                "path": str(encoder.path),
                "kind": encoder.kind,
                "fingerprint": encoder.fingerprint,
            },
            "dim": embeddings.shape[1],
            "count": len(kept),
            "metric": METRIC,
            "preprocessing": encoder.preprocessing.to_json(),
            "photo_root": str(root),
        }
        with files.replacing_folder(path) as folder:
            files.write_bytes(folder / INDEX_FILE, faiss.serialize_index(index).tobytes())
            files.write_json(folder / PHOTOS_FILE, photo_ids)
            record["sha256"] = {
                name: _sha256((folder / name).read_bytes()) for name in (INDEX_FILE, PHOTOS_FILE)
            }
            files.write_json(folder / RECORD_FILE, record)
        return cls(path, index, photo_ids, record), skipped

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
        record = _read_record(path)
        try:
            index = _read_checked(path / INDEX_FILE, record["sha256"][INDEX_FILE])
            photo_ids = _read_checked(path / PHOTOS_FILE, record["sha256"][PHOTOS_FILE])
            index = faiss.deserialize_index(np.frombuffer(index, np.uint8))
            gallery = cls(path, index, json.loads(photo_ids), record)
        except InputError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path / RECORD_FILE}: expected the record of a gallery; {error!r}") from None
        if encoder is not None:
            gallery.check_encoder(encoder)
        return gallery

    def check_encoder(self, encoder):
        """Raises `InputError` if `encoder` is not the trained encoder that made this gallery.

        An export passes for the run it was made from: both have the same fingerprint.
        """
        if encoder.fingerprint != self.encoder_fingerprint:
            raise InputError(
                f"{self.path}: expected the encoder that made this gallery, with the fingerprint "
                f"{self.encoder_fingerprint}; found {encoder.path} with {encoder.fingerprint}"
            )

    def search(self, embeddings, k):
        """Finds the `k` nearest photos of each query, nearest first.

        Exact. Equal distances are ordered by gallery id, the lower first. FAISS promises no order among
        them, and neither which of them it returns when they straddle the end of the list. So it is asked
        for more than `k` until the surplus is certainly farther; the distances of these candidates are
        then computed anew in float64, rounded to float32, and sorted by (distance, gallery id).

        Args:
            embeddings: `(num_queries, dim)`, unit-norm.
            k: Int >= 1; more than the gallery holds returns all of it.
        Returns: float32 squared Euclidean distances in [0, 4] and int64 gallery ids, both
            `(num_queries, min(k, len(gallery)))`.
        Raises: `ValueError` if `k` < 1 or `embeddings` are of another shape or not unit-norm.
        """
        if k < 1:
            raise ValueError(f"`k` must be >= 1. Received: {k}")
        embeddings = np.ascontiguousarray(embeddings, np.float32)
        if embeddings.ndim != 2 or embeddings.shape[1] != self.dim:
            raise ValueError(
                f"`embeddings` must have the shape (None, {self.dim}). Received: {embeddings.shape}"
            )
        if not _is_unit_norm(embeddings):
            raise ValueError(
                "`embeddings` must be unit-norm. "
                f"Received: norms {np.linalg.norm(embeddings, axis=1)[:3].tolist()}"
            )
        k = min(k, len(self))
        distances = np.zeros((len(embeddings), k), np.float32)
        indices = np.zeros((len(embeddings), k), np.int64)
        if len(embeddings) == 0:
            return distances, indices
        for query, candidates in enumerate(self._candidates(embeddings, k)):
            photos = self._index.reconstruct_batch(candidates).astype(np.float64)
            exact = np.square(photos - embeddings[query]).sum(axis=1).astype(np.float32)
            nearest = np.lexsort((candidates, exact))[:k]
            distances[query], indices[query] = exact[nearest], candidates[nearest]
        return distances, indices

    def _candidates(self, embeddings, k):
        width = min(2 * k, len(self))
        while True:
            rough, candidates = self._index.search(embeddings, width)
            if width == len(self) or np.all(rough[:, -1] > rough[:, k - 1] + 2 * ROUNDING):
                return candidates
            width = min(2 * width, len(self))


def check_gallery_target(path):
    """Checks that a gallery may be saved at `path`: nothing, an empty folder or an older gallery is there.

    Returns: `path` as an absolute `Path`.
    Raises: `InputError` otherwise, so that no other folder is ever replaced, and if the folder around it
        cannot be written to.
    """
    path = Path(path).resolve()
    parent = next(folder for folder in path.parents if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"{path}: expected a place that can be written to; {parent} cannot")
    if not path.exists():
        return path
    if not path.is_dir():
        raise InputError(f"{path}: expected a gallery to replace or no such file; found a file")
    strangers = sorted({entry.name for entry in path.iterdir()} - {RECORD_FILE, INDEX_FILE, PHOTOS_FILE})
    if strangers:
        raise InputError(
            f"{path}: expected a gallery to replace, an empty folder or no such folder; "
            f"found one that holds {strangers[0]}"
        )
    return path


def _read_record(path):
    if not path.is_dir():
        found = "it is not a folder" if path.exists() else "there is no such folder"
        raise InputError(f"{path}: expected a gallery; {found}")
    try:
        record = json.loads(_read(path / RECORD_FILE))
    except ValueError as error:
        raise InputError(f"{path / RECORD_FILE}: expected JSON; {error}") from None
    version = record.get("format_version") if isinstance(record, dict) else None
    if version != FORMAT_VERSION:
        raise InputError(
            f"{path / RECORD_FILE}: expected format version {FORMAT_VERSION}; found {version} "
            "(build the gallery again with this version of tfsbir)"
        )
    return record


def _read_checked(path, expected):
    data = _read(path)
    found = _sha256(data)
    if found != expected:
        raise InputError(
            f"{path}: expected the file that the gallery was saved with, SHA-256 {expected}; found {found}"
        )
    return data


def _read(path):
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: expected a file of a gallery; there is no such file") from None


def _sha256(data):
    return hashlib.sha256(data).hexdigest()


def _is_unit_norm(embeddings):
    # NaN is not close to 1 either.
    return bool(np.all(np.abs(np.linalg.norm(embeddings, axis=1) - 1.0) < 1e-3))


def _decode_ahead(read, paths, ahead):
    """Yields `(path, image or None, InputError or None)` in order, keeping `ahead` reads under way."""
    executor = concurrent.futures.ThreadPoolExecutor(min(4, os.cpu_count() or 1), "decode")
    try:
        waiting = collections.deque()
        for path in paths:
            waiting.append((path, executor.submit(read, path)))
            if len(waiting) > ahead:
                yield _decoded(*waiting.popleft())
        while waiting:
            yield _decoded(*waiting.popleft())
    finally:
        executor.shutdown(cancel_futures=True)


def _decoded(path, reading):
    try:
        return path, reading.result(), None
    except InputError as error:
        return path, None, error


def _batches(values, size):
    values = iter(values)
    while batch := list(itertools.islice(values, size)):
        yield batch


def _progress_bar(total, is_shown):
    return tqdm.tqdm(
        total=total,
        desc="Encoding ",
        disable=not is_shown,
        # A log file gets a line now and then, a terminal a bar that moves.
        mininterval=0.1 if sys.stderr.isatty() else 5.0,
        bar_format="{desc}{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {rate_noinv_fmt}, {remaining} left",
        unit=" images",
    )
