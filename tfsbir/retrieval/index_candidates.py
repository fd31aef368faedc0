"""Rows of a FAISS index among which the nearest to a query are: surely, by a graph, or by lists of codes."""

import faiss
import numpy as np


def index_kind(index):
    """Returns which of `INDEXES` a `faiss.Index` is."""
    kinds = {"hnsw": faiss.IndexHNSWFlat, "ivfpq": faiss.IndexIVFPQ}
    return next((kind for kind, one in kinds.items() if isinstance(index, one)), "flat")


def exact_candidates(index, queries, k, slack, among=None):
    """Finds photos among which the `k` nearest certainly are.

    FAISS promises no order among equal distances, nor which of them it returns when they straddle the end of
    the list, and it rounds. So it is asked for more than `k` until the surplus is certainly farther.

    Args:
        index: `faiss.Index`, flat or hnsw.
        queries: float32 `(num_queries, dim)`.
        k: Int in 1..number of photos, or of those in `among`.
        slack: `(num_queries,)`, by how much FAISS must put one photo behind another for it to be so.
        among: bool `(num_rows,)`, the photos to compare with; None for all.
    Returns: int64 rows of the index, `(num_queries, k or more)`.
    """
    index = flat_part(index)
    num_photos = index.ntotal if among is None else int(np.count_nonzero(among))
    selector = _selector(among)
    parameters = faiss.SearchParameters(sel=selector)
    width = min(2 * k, num_photos)
    while True:
        rough, candidates = index.search(queries, width, params=parameters)
        gap = np.abs(rough[:, -1].astype(np.float64) - rough[:, k - 1])
        if width == num_photos or np.all(gap > slack):  # NaN is no gap.
            return candidates
        width = min(2 * width, num_photos)


def graph_candidates(index, queries, k, ef_search):
    """Finds photos among which the `k` nearest most likely are, by way of the HNSW graph.

    Args:
        index: An HNSW index.
        queries: float32 `(num_queries, dim)`.
        k: Int >= 1.
        ef_search: Int >= 1, candidates that are kept while a query is led through the graph, at least `k`.
    Returns: int64 rows of the index, `(num_queries, k or more)`; -1 fills a row where the graph led to fewer.
    """
    width = max(k, ef_search)
    parameters = faiss.SearchParametersHNSW(efSearch=width)
    return index.search(queries, min(width, index.ntotal), params=parameters)[1]


def list_candidates(index, queries, k, count, nprobe, among=None):
    """Finds the photos with the nearest codes in the nearest lists, in more lists where those hold too few.

    Args:
        index: An IVF-PQ index.
        queries: float32 `(num_queries, dim)`.
        k: Int >= 1, how many are needed.
        count: Int >= `k`, how many are wanted.
        nprobe: Int >= 1, lists to begin with.
        among: bool `(num_rows,)`, the photos to search; None for all.
    Returns: A list of int64 rows of the index for each query.
    """
    selector = _selector(among)
    while True:
        nprobe = min(nprobe, index.nlist)
        parameters = faiss.SearchParametersIVF(sel=selector, nprobe=nprobe)
        found = index.search(queries, min(count, index.ntotal), params=parameters)[1]
        if nprobe == index.nlist or np.all(np.count_nonzero(found >= 0, axis=1) >= k):
            return [rows[rows >= 0] for rows in found]
        nprobe *= 4


def flat_part(index):
    """Returns the index that holds the vectors themselves, which compares a query with every photo."""
    return faiss.downcast_index(index.storage) if index_kind(index) == "hnsw" else index


def _selector(among):
    # Bit i % 8 of byte i // 8 is photo i.
    return None if among is None else faiss.IDSelectorBitmap(np.packbits(among, bitorder="little"))
