"""The nearest photos of a store: candidates by its index, then distances in float64 and a fixed order."""

import numpy as np


def check_effort(index_kind, k, ef_search=None, nprobe=None):
    """Raises `ValueError` if `k`, `ef_search` or `nprobe` is < 1, or of another index than this kind."""
    if k < 1:
        raise ValueError(f"`k` must be >= 1. Received: {k}")
    for name, value, kind in (("ef_search", ef_search, "hnsw"), ("nprobe", nprobe, "ivfpq")):
        if value is not None and (index_kind != kind or value < 1):
            raise ValueError(
                f"`{name}` must be >= 1, and None in a gallery whose index is not {kind}. "
                f"Received: {value} and the index {index_kind}"
            )


def checked_queries(embeddings, dim):
    """Returns embeddings as float32 `(num_queries, dim)`; `ValueError` if they are others or not finite."""
    embeddings = np.ascontiguousarray(embeddings, np.float32)
    if embeddings.ndim != 2 or embeddings.shape[1] != dim:
        raise ValueError(f"`embeddings` must have the shape (None, {dim}). Received: {embeddings.shape}")
    if not np.all(np.isfinite(embeddings)):
        raise ValueError("`embeddings` must be finite. Received: others")
    return embeddings


def nearest(store, lifting, embeddings, k, ef_search=None, among=None, nprobe=None):
    """Finds the `k` nearest photos of each query, as `Gallery.search` says.

    Args:
        store: `FaissStore`, or one like it.
        lifting: `Lifting` that its photos were lifted by, or None.
        embeddings: float32 `(num_queries, dim)`, finite.
        k: Int >= 1.
        ef_search, nprobe: Of the index; None for its defaults.
        among: What the store's `choose` returned.
    Returns: float32 distances and int64 gallery ids, both `(num_queries, min(k, num_chosen))`.
    """
    k = min(k, store.count(among))
    distances = np.zeros((len(embeddings), k), np.float32)
    gallery_ids = np.zeros((len(embeddings), k), np.int64)
    if distances.size == 0:
        return distances, gallery_ids
    queries, constants = embeddings, np.zeros(len(embeddings))
    if lifting is not None:
        queries, constants = lifting.lift_queries(embeddings)
    found = store.candidates(queries, constants, k, among, ef_search, nprobe)
    for row, (candidates, vectors) in enumerate(found):
        near = _distances(lifting, queries[row], constants[row], vectors).astype(np.float32)
        order = np.lexsort((candidates, near))[:k]
        distances[row], gallery_ids[row] = near[order], candidates[order]
    return distances, gallery_ids


def _distances(lifting, query, constant, vectors):
    vectors = vectors.astype(np.float64)
    # Sums along each row, since a matrix product may round equal rows in different ways.
    if lifting is None:
        return np.square(vectors - query).sum(axis=1)
    return lifting.distances(constant, (vectors * query).sum(axis=1))
