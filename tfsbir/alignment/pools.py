"""Pools: what alignment and clustering tell the training."""

import copy
import dataclasses
import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from tfsbir import files
from tfsbir.errors import InputError

# What zipfile and NumPy raise for damaged archives and for other files.
_NPZ_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, struct.error)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Pools:
    """Holds the clusters of all classes, who belongs to them, and where their centres are.

    The clusters of a class stand together, in the order of the labels. A sample whose row is 0 is in no pool:
    an outlier, or one of a class that lacks sketches or photos.

    Args:
        sketch_memberships: `(num_sketches, num_clusters)` floats >= 0, held as float32. A row sums to 1 or
            is 0.
        photo_memberships: `(num_photos, num_clusters)`, likewise.
        cluster_labels: `(num_clusters,)` integers, the class of each cluster, ascending; held as int32. A
            sample belongs to clusters of one class.
        sketch_centers: `(num_clusters, dim)` finite floats, the centres in the sketches' own space; held as
            float32.
        photo_centers: `(num_clusters, dim)`, in the photos' own space, likewise.
    Raises: `ValueError` where these do not fit together.
    """

    sketch_memberships: np.ndarray
    photo_memberships: np.ndarray
    cluster_labels: np.ndarray
    sketch_centers: np.ndarray
    photo_centers: np.ndarray

    def __post_init__(self):
        labels = np.asarray(self.cluster_labels)
        if labels.ndim != 1 or not len(labels) or not np.issubdtype(labels.dtype, np.integer):
            raise ValueError(
                "`cluster_labels` must be (num_clusters,) integers, at least one. "
                f"Received: {labels.dtype} {labels.shape}"
            )
        if labels[0] < 0 or np.any(np.diff(labels) < 0):
            raise ValueError(f"`cluster_labels` must be >= 0 and ascending. Received: {labels}")
        object.__setattr__(self, "cluster_labels", labels.astype(np.int32))
        for field in ("sketch_memberships", "photo_memberships"):
            object.__setattr__(self, field, self._checked_memberships(field))
        for field in ("sketch_centers", "photo_centers"):
            object.__setattr__(self, field, self._checked_centers(field))
        if self.sketch_centers.shape != self.photo_centers.shape:
            raise ValueError(
                "`sketch_centers` and `photo_centers` must have the same shape. "
                f"Received: {self.sketch_centers.shape} and {self.photo_centers.shape}"
            )

    @property
    def num_clusters(self):
        """Number of clusters of all classes together."""
        return len(self.cluster_labels)

    @property
    def sizes(self):
        """`(num_clusters,)` float64, sum of the memberships of sketches and photos, in samples."""
        return sum(m.sum(axis=0, dtype=np.float64) for m in (self.sketch_memberships, self.photo_memberships))

    def save(self, path):
        """Writes an .npz file, atomically; `load` reads it."""
        npz = io.BytesIO()
        np.savez_compressed(npz, **{f.name: getattr(self, f.name) for f in dataclasses.fields(self)})
        files.write_bytes(path, npz.getvalue())

    @classmethod
    def load(cls, path):
        """Reads what `save` wrote; nothing in the file is run.

        Raises: `InputError` if the file is missing, damaged, or does not hold pools.
        """
        fields = [field.name for field in dataclasses.fields(cls)]
        expected = f"{path}: expected pools as `Pools.save` writes them"
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise InputError(f"{expected}; found {error.strerror}") from None
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as npz:
                if sorted(npz.files) != sorted(fields):
                    raise InputError(f"{expected}; found the arrays {', '.join(npz.files) or 'none'}")
                arrays = {field: npz[field] for field in fields}
            return cls(**arrays)
        except InputError:
            raise
        except (TypeError, AttributeError):  # NumPy gives arrays of .npy files, which are no archives.
            raise InputError(f"{expected}; found a single array") from None
        except _NPZ_ERRORS as error:
            found = (str(error).strip() or "an end of the file").splitlines()[0]
            raise InputError(f"{expected}; found {found}") from None

    def _checked_memberships(self, field):
        memberships = np.asarray(getattr(self, field))
        if memberships.ndim != 2 or memberships.shape[1] != self.num_clusters:
            raise ValueError(
                f"`{field}` must be (num, {self.num_clusters}). Received shape: {memberships.shape}"
            )
        memberships = memberships.astype(np.float32, copy=False)
        if not np.all((memberships >= 0) & (memberships < 2)):  # NaN is neither.
            raise ValueError(f"`{field}` must be in [0, 1]. Received: others")
        totals = memberships.sum(axis=1, dtype=np.float64)
        is_wrong = (np.abs(totals - 1) > 1e-4) & (totals != 0)
        if is_wrong.any():
            row = int(is_wrong.argmax())
            raise ValueError(
                f"`{field}` must have rows that sum to 1 or 0. Received: {totals[row]} in row {row}"
            )
        rows, clusters = np.nonzero(memberships)
        labels = self.cluster_labels[clusters]
        # Non-zero entries come row by row, so neighbours of one row must be of one class.
        is_mixed = (rows[1:] == rows[:-1]) & (labels[1:] != labels[:-1])
        if is_mixed.any():
            row = rows[1:][is_mixed][0]
            raise ValueError(f"`{field}` must have rows of one class. Received: several in row {row}")
        return memberships

    def _checked_centers(self, field):
        centers = np.asarray(getattr(self, field))
        if centers.ndim != 2 or len(centers) != self.num_clusters or not centers.shape[1]:
            raise ValueError(f"`{field}` must be ({self.num_clusters}, dim). Received shape: {centers.shape}")
        if not np.isfinite(centers).all():
            raise ValueError(f"`{field}` must be finite. Received: others")
        return centers.astype(np.float32)


def make_pools(
    sketch_embeddings,
    photo_embeddings,
    sketch_labels,
    photo_labels,
    aligner,
    pooler,
    pairs=None,
    share_centers=False,
):
    """Aligns and clusters the sketches and photos of every class on its own.

    A class that lacks sketches or photos has no positive pairs: it gets no cluster, and its samples are in no
    pool. A single sketch or photo has no distribution to align: such a class is one pool, whose centres are
    the means of its sketches and of its photos. In all others the centres of the common space are mapped back
    into both.

    It runs on one core, so that it disturbs a training beside it little and rounds in the same way on every
    machine. It may run in another process: what it takes and returns are arrays and small objects that
    can be pickled. Neither `aligner` nor `pooler` is changed.

    Args:
        sketch_embeddings: `(num_sketches, dim)` finite floats.
        photo_embeddings: `(num_photos, dim)` finite floats.
        sketch_labels: `(num_sketches,)` integers >= 0, such as `Split.sketch_labels`.
        photo_labels: `(num_photos,)` integers >= 0.
        aligner: Object with `fit(sketch, photo, pairs=pairs)`, `transform_sketch`, `transform_photo`,
            `inverse_sketch` and `inverse_photo`, such as `PCAWarp`.
        pooler: Object with `fit(z)`, `memberships` and `centers`, such as `GaussianMixturePools`.
        pairs: `(num_pairs, 2)` integers, rows of a sketch and a photo known to correspond; both of one
            class. A class without any passes an empty array on to the aligner. `None`: there are none.
        share_centers: Whether the sketches' centres are the photos'. So Source has it where sketches are
            warped to the photos' space (PCA, LTM), "to unify the cross-domain learning objectives".
    Returns: `Pools`.
    Raises: `ValueError` where the arguments do not fit together, or no class has both sketches and photos.
        Errors of the aligner and the pooler get a note that names the class.
    Source: Bui et al., "Deep Manifold Alignment for Mid-grain Sketch based Image Retrieval", ACCV 2018,
        Sec. 3.1 to 3.3.
    """
    sketch_embeddings, sketch_labels = _checked_samples("sketch", sketch_embeddings, sketch_labels)
    photo_embeddings, photo_labels = _checked_samples("photo", photo_embeddings, photo_labels)
    pairs = None if pairs is None else _checked_pairs(pairs, sketch_labels, photo_labels)
    shared = np.intersect1d(sketch_labels, photo_labels)
    if not len(shared):
        raise ValueError("`sketch_labels` and `photo_labels` must have a class in common. Received: none")
    parts = []
    with threadpool_limits(limits=1):
        for label in shared:
            sketches, photos = np.flatnonzero(sketch_labels == label), np.flatnonzero(photo_labels == label)
            own_pairs = None
            if pairs is not None:
                own = pairs[sketch_labels[pairs[:, 0]] == label]
                own_pairs = np.searchsorted(sketches, own[:, 0]), np.searchsorted(photos, own[:, 1])
                own_pairs = np.stack(own_pairs, axis=1)
            try:
                made = _pool_class(
                    sketch_embeddings[sketches], photo_embeddings[photos], aligner, pooler, own_pairs
                )
            except Exception as error:
                error.add_note(f"In class {label}: {len(sketches)} sketches, {len(photos)} photos.")
                raise
            parts.append((sketches, photos, *made))
    ends = np.cumsum([len(sketch_centers) for *_, sketch_centers, _ in parts])
    sketch_memberships = np.zeros((len(sketch_labels), ends[-1]), np.float32)
    photo_memberships = np.zeros((len(photo_labels), ends[-1]), np.float32)
    for end, (sketches, photos, rows, sketch_centers, _) in zip(ends, parts, strict=True):
        own = slice(end - len(sketch_centers), end)
        sketch_memberships[sketches, own], photo_memberships[photos, own] = np.split(rows, [len(sketches)])
    photo_centers = np.concatenate([part[-1] for part in parts])
    return Pools(
        sketch_memberships=sketch_memberships,
        photo_memberships=photo_memberships,
        cluster_labels=shared.repeat(np.diff(ends, prepend=0)),
        sketch_centers=photo_centers if share_centers else np.concatenate([part[-2] for part in parts]),
        photo_centers=photo_centers,
    )


def _pool_class(sketch, photo, aligner, pooler, pairs):
    """Returns memberships of sketches and photos together, and the centres in both spaces."""
    if min(len(sketch), len(photo)) == 1:
        rows = np.ones((len(sketch) + len(photo), 1))
        return rows, sketch.mean(axis=0, keepdims=True), photo.mean(axis=0, keepdims=True)
    aligner = copy.copy(aligner).fit(sketch, photo, pairs=pairs)
    common = np.concatenate([aligner.transform_sketch(sketch), aligner.transform_photo(photo)])
    pooler = copy.copy(pooler).fit(common)
    centers = pooler.centers
    return pooler.memberships, aligner.inverse_sketch(centers), aligner.inverse_photo(centers)


def _checked_samples(domain, embeddings, labels):
    embeddings, labels = np.asarray(embeddings, np.float64), np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer) or np.any(labels < 0):
        raise ValueError(
            f"`{domain}_labels` must be (num,) integers >= 0. Received: {labels.dtype} {labels.shape}"
            + (f" from {labels.min()}" if labels.size else "")
        )
    if embeddings.ndim != 2 or len(embeddings) != len(labels):
        raise ValueError(
            f"`{domain}_embeddings` must be ({len(labels)}, dim). Received shape: {embeddings.shape}"
        )
    is_broken = ~np.isfinite(embeddings).all(axis=1)
    if is_broken.any():
        raise ValueError(
            f"`{domain}_embeddings` must be finite. Received: {is_broken.sum()} rows that are not, the first "
            f"at {is_broken.argmax()}"
        )
    return embeddings, labels


def _checked_pairs(pairs, sketch_labels, photo_labels):
    pairs = np.asarray(pairs)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not np.issubdtype(pairs.dtype, np.integer):
        raise ValueError(f"`pairs` must be (num_pairs, 2) integers. Received: {pairs.dtype} {pairs.shape}")
    if len(pairs) and (
        pairs.min() < 0 or np.any(pairs.max(axis=0) >= [len(sketch_labels), len(photo_labels)])
    ):
        raise ValueError(
            f"`pairs` must be indices below {len(sketch_labels)} and {len(photo_labels)}. "
            f"Received: {pairs.min(axis=0)} to {pairs.max(axis=0)}"
        )
    is_mixed = sketch_labels[pairs[:, 0]] != photo_labels[pairs[:, 1]]
    if is_mixed.any():
        raise ValueError(f"`pairs` must be of one class. Received: {pairs[is_mixed][0]} of two")
    return pairs
