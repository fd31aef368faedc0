"""The FAISS index of a gallery's photos: exact, or a graph that is faster and approximate."""

import faiss
import numpy as np

INDEXES = ("flat", "hnsw")
# Settings of the HNSW graph: links of a photo, and photos compared when one is added and when one searches.
M, EF_CONSTRUCTION, EF_SEARCH = 32, 80, 128
# About so many photos are compared one after the other in the time that a graph takes for each that it keeps
# in view. Measured were 19 to 45, of 50,000 photos in 128 dimensions with 1280 to 256 in view.
COMPARED_PER_VIEW = 20


def make_index(kind, photos, is_lifted=False):
    """Builds the index of photo vectors; the same vectors always give the same one.

    Lifted photos are to be found by the largest inner product. A graph by inner products leads to the longest
    photos and misses the rest: of clustered embeddings of many lengths it found 3 to 24 % of the nearest
    ten. So a graph holds what gives the same order by Euclidean distance. Where a lifted query is `[2 u, -1]`
    and a lifted photo `[v, t]`, `t - <2 u, v>` is, but for a constant of the query, the squared distance from
    `[u, 0]` to `[v, sqrt(t - |v|^2 + c)]`, with c so large that all roots are real.

    Args:
        kind: "flat", which compares a query with every photo, or "hnsw", a graph of near photos that a query
            is led through.
        photos: float32 `(num_photos, dim)`: embeddings, or lifted ones.
        is_lifted: Whether they are lifted.
    Returns: A `faiss.Index`.
    Raises: `ValueError` for another kind.
    Source: Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical
        Navigable Small World graphs", TPAMI 2020. The root is after Bachrach et al., "Speeding up the Xbox
        recommender system using a Euclidean transformation for inner-product spaces", RecSys 2014, who make
        all photos equally long; of the same embeddings that found 66 to 100 %, this 97 to 100 %.
    """
    check_kind(kind)
    if kind == "flat":
        index = (faiss.IndexFlatIP if is_lifted else faiss.IndexFlatL2)(photos.shape[1])
        index.add(photos)
        return index
    if is_lifted:
        photos = _euclidean_photos(photos)
    index = faiss.IndexHNSWFlat(photos.shape[1], M, faiss.METRIC_L2)
    index.hnsw.efConstruction = EF_CONSTRUCTION
    index.hnsw.efSearch = EF_SEARCH
    # With several threads, the graph depends on which of them comes first.
    num_threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        index.add(photos)
    finally:
        faiss.omp_set_num_threads(num_threads)
    return index


def euclidean_queries(lifted):
    """Returns lifted queries, `(num_queries, dim)`, as a graph of lifted photos takes them."""
    return np.pad(0.5 * lifted[:, :-1], ((0, 0), (0, 1)))


def _euclidean_photos(lifted):
    vectors, last = lifted[:, :-1], lifted[:, -1]
    surplus = last - np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    root = np.sqrt(surplus - surplus.min())
    return np.column_stack([vectors, root.astype(np.float32)])


def check_kind(kind):
    """Raises `ValueError` if `kind` is not one of `INDEXES`."""
    if kind not in INDEXES:
        raise ValueError(f"`index` must be one of {', '.join(INDEXES)}. Received: {kind!r}")


def index_kind(index):
    """Returns the kind that `make_index` built an index by."""
    return "hnsw" if isinstance(index, faiss.IndexHNSW) else "flat"


def flat_part(index):
    """Returns the index that holds the vectors themselves, which compares a query with every photo."""
    return faiss.downcast_index(index.storage) if index_kind(index) == "hnsw" else index


def longest_norm(index):
    """Returns the largest norm among an index's vectors."""
    flat = flat_part(index)
    vectors = faiss.rev_swig_ptr(flat.get_xb(), flat.ntotal * flat.d).reshape(flat.ntotal, flat.d)
    return float(np.sqrt(np.einsum("ij,ij->i", vectors, vectors).max()))


def exact_candidates(index, queries, k, slack, among=None):
    """Finds photos among which the `k` nearest certainly are.

    FAISS promises no order among equal distances, nor which of them it returns when they straddle the end of
    the list, and it rounds. So it is asked for more than `k` until the surplus is certainly farther.

    Args:
        index: `faiss.Index` from `make_index`.
        queries: float32 `(num_queries, dim)`.
        k: Int in 1..number of photos, or of those in `among`.
        slack: `(num_queries,)`, by how much FAISS must put one photo behind another for it to be so.
        among: bool `(num_photos,)`, the photos to compare with; None for all.
    Returns: int64 gallery ids, `(num_queries, k or more)`.
    """
    index = flat_part(index)
    num_photos = index.ntotal if among is None else int(np.count_nonzero(among))
    # Bit i % 8 of byte i // 8 is photo i.
    selector = None if among is None else faiss.IDSelectorBitmap(np.packbits(among, bitorder="little"))
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
        index: An HNSW index from `make_index`.
        queries: float32 `(num_queries, dim)`.
        k: Int >= 1.
        ef_search: Int >= 1, candidates that are kept while a query is led through the graph, at least `k`.
    Returns: int64 gallery ids, `(num_queries, k or more)`; -1 fills a row where the graph led to fewer.
    """
    width = max(k, ef_search)
    parameters = faiss.SearchParametersHNSW(efSearch=width)
    return index.search(queries, min(width, index.ntotal), params=parameters)[1]
