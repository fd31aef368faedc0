"""The FAISS index of a gallery's photos: exact, a graph, or short codes in inverted lists."""

import faiss
import numpy as np
import tqdm

from tfsbir.retrieval.index_candidates import exact_candidates, flat_part, graph_candidates, list_candidates

INDEXES = ("flat", "hnsw", "ivfpq")
# Settings of the HNSW graph: links of a photo, and photos compared when one is added and when one searches.
M, EF_CONSTRUCTION, EF_SEARCH = 32, 80, 128
# About so many photos are compared one after the other in the time that a graph takes for each that it keeps
# in view. Measured were 19 to 45, of 50,000 photos in 128 dimensions with 1280 to 256 in view.
COMPARED_PER_VIEW = 20
# Of IVF-PQ: values of a vector that share one byte; inverted lists searched; photos whose code is near enough
# for their distance to be computed, at least, and for each photo that is asked for.
VALUES_PER_BYTE, NPROBE, MIN_COMPARED, COMPARED_PER_RESULT = 4, 128, 256, 10
# FAISS asks for 39 photos for each of the 256 centroids of a byte.
MIN_PHOTOS = {"flat": 0, "hnsw": 0, "ivfpq": 39 * 256}
# An index is built anew when more of it is dead than this, or when it has grown by this since it was trained.
MAX_DEAD, MAX_GROWTH = 0.25, 4


class PhotoIndex:
    """Finds photos among which the nearest to a query are; photos may come, go and change places.

    Lifted photos are to be found by the largest inner product. A graph by inner products leads to the longest
    photos and misses the rest: of clustered embeddings of many lengths it found 3 to 24 % of the nearest
    ten. So other indexes than "flat" hold what gives the same order by Euclidean distance. Where a lifted
    query is `[2 u, -1]` and a lifted photo `[v, t]`, `t - <2 u, v>` is, but for a constant of the query, the
    squared distance from `[u, 0]` to `[v, sqrt(t - |v|^2 + c)]`, with c so large that all roots are real.

    Args:
        kind: One of `INDEXES`: "flat" compares a query with every photo, "hnsw" is a graph of near photos
            that a query is led through, "ivfpq" compares it with short codes of the photos in near lists.
        index: `faiss.Index` of the kind.
        is_lifted: Whether photos and queries are lifted ones.
        places: int64 `(num_rows,)`, the gallery id of each vector in `index`, -1 for photos that are gone;
            None where they are the same.
        shift: Float, the c above.
        num_trained: Int, photos that an "ivfpq" index learned its lists and codes from.
    Attributes: The arguments, and
        num_photos: Int, photos that can be found.
    Source: Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical
        Navigable Small World graphs", TPAMI 2020. Jegou et al., "Product quantization for nearest neighbor
        search", TPAMI 2011. The root is after Bachrach et al., "Speeding up the Xbox recommender system using
        a Euclidean transformation for inner-product spaces", RecSys 2014, who make all photos equally long;
        of the same embeddings that found 66 to 100 %, this 97 to 100 %.
    """

    def __init__(self, kind, index, is_lifted=False, places=None, shift=0.0, num_trained=0):
        self.kind = kind
        self.index = index
        self.is_lifted = is_lifted
        self.places = places
        self.shift = shift
        self.num_trained = num_trained
        self.num_photos = index.ntotal if places is None else int(np.count_nonzero(places >= 0))
        self._longest = _longest_norm(index) if kind != "ivfpq" else None

    @classmethod
    def build(cls, kind, photos, is_lifted=False):
        """Builds the index of float32 photos `(num_photos, dim)`; the same photos always give the same one.

        Raises: `ValueError` for another kind, or for fewer photos than it can be made from (`MIN_PHOTOS`).
        """
        check_kind(kind)
        if len(photos) < MIN_PHOTOS[kind]:
            raise ValueError(
                f"`index` {kind} needs at least {MIN_PHOTOS[kind]} photos. Received: {len(photos)}"
            )
        if kind == "flat":
            index = (faiss.IndexFlatIP if is_lifted else faiss.IndexFlatL2)(photos.shape[1])
            _add(index, photos, kind, is_lifted, 0.0)
            return cls(kind, index, is_lifted)
        shift = _needed_shift(photos) if is_lifted else 0.0
        num_trained = 0
        if kind == "hnsw":
            index = faiss.IndexHNSWFlat(photos.shape[1], M, faiss.METRIC_L2)
            index.hnsw.efConstruction = EF_CONSTRUCTION
            index.hnsw.efSearch = EF_SEARCH
        else:
            index = _trained_lists(photos, is_lifted, shift)
            num_trained = len(photos)
        _add(index, photos, kind, is_lifted, shift)
        return cls(kind, index, is_lifted, None, shift, num_trained)

    def changed(self, sources, photos):
        """Returns the index of other photos, some of which are in this one; this one is not to be used again.

        A graph and lists keep what they hold and take in what is new, as long as little in them is dead.

        Args:
            sources: int64 `(num_photos,)`, the present gallery id of each photo, -1 of a new one.
            photos: float32 `(num_photos, dim)`, all of them.
        Raises: As `build`.
        """
        is_new = sources < 0
        num_rows = self.index.ntotal + int(np.count_nonzero(is_new))
        is_fit = self.kind != "flat" and len(photos) >= (1 - MAX_DEAD) * num_rows
        if self.is_lifted and is_new.any():
            is_fit = is_fit and _needed_shift(photos[is_new]) <= self.shift
        if self.kind == "ivfpq":
            is_fit = is_fit and len(photos) <= MAX_GROWTH * self.num_trained
        if not is_fit:
            return PhotoIndex.build(self.kind, photos, self.is_lifted)
        places = np.arange(self.index.ntotal) if self.places is None else self.places
        moved = np.full(self.num_photos + 1, -1, np.int64)
        moved[sources[~is_new]] = np.flatnonzero(~is_new)
        # A dead row's place is -1, the last of `moved`, which stays -1.
        places = np.concatenate([moved[places], np.flatnonzero(is_new)])
        _add(self.index, photos[is_new], self.kind, self.is_lifted, self.shift)
        is_same = len(places) == len(photos) and np.array_equal(places, np.arange(len(places)))
        places = None if is_same else places
        return PhotoIndex(self.kind, self.index, self.is_lifted, places, self.shift, self.num_trained)

    def candidates(self, queries, constants, k, among=None, ef_search=None, nprobe=None):
        """Finds photos among which the `k` nearest are: certainly in a "flat" index, else most likely.

        Args:
            queries: float32 `(num_queries, dim)`, lifted where the photos are.
            constants: `(num_queries,)` of the lifting, else 0.
            k: Int in 1..number of photos, or of those in `among`.
            among: bool `(num_photos,)`, the photos to search; None for all.
            ef_search: Int, photos that "hnsw" keeps in view; None for `EF_SEARCH`.
            nprobe: Int, lists that "ivfpq" searches; None for `NPROBE`.
        Returns: A list of int64 gallery ids, `k` or more for each query.
        """
        is_alive = among
        if self.places is not None:
            is_alive = self.places >= 0
            if among is not None:
                is_alive[is_alive] = among[self.places[is_alive]]
            if is_alive.all():
                is_alive = None
        if self.kind == "flat":
            found = exact_candidates(self.index, queries, k, self._slack(queries, constants), is_alive)
        else:
            queries = _prepared_queries(queries, self.kind, self.is_lifted)
            if self.kind == "hnsw":
                found = self._graph_candidates(queries, constants, k, is_alive, ef_search or EF_SEARCH)
            else:
                count = max(MIN_COMPARED, COMPARED_PER_RESULT * k)
                found = list_candidates(self.index, queries, k, count, nprobe or NPROBE, is_alive)
        return found if self.places is None else [self.places[rows] for rows in found]

    def _graph_candidates(self, queries, constants, k, is_alive, ef_search):
        num_chosen = self.index.ntotal
        if is_alive is not None:
            # So many more photos are kept in view that `ef_search` of them are to be expected among the
            # chosen. FAISS's own selector for graphs also returns what lies on the way to a query. Where few
            # photos around the query are chosen, those are `k`, but not the nearest: recall@10 fell to 0.48.
            num_chosen = int(np.count_nonzero(is_alive))
            ef_search = -(-max(k, ef_search) * self.index.ntotal // num_chosen)
            if num_chosen <= COMPARED_PER_VIEW * ef_search:
                return exact_candidates(self.index, queries, k, self._slack(queries, constants), is_alive)
        found = list(graph_candidates(self.index, queries, k, ef_search))
        for row, candidates in enumerate(found):
            candidates = candidates[candidates >= 0]
            found[row] = candidates if is_alive is None else candidates[is_alive[candidates]]
            if len(found[row]) < k:
                one = slice(row, row + 1)
                slack = self._slack(queries[one], constants[one])
                (found[row],) = exact_candidates(self.index, queries[one], k, slack, is_alive)
        return found

    def _slack(self, queries, constants):
        """Returns for each query the gap between two of FAISS's distances that makes their order certain.

        A float32 sum of n products, in whatever order, is off by at most about n * 2**-24 times the product
        of the norms, and squared Euclidean distances by that of the squared sum of the norms. Two distances
        are compared, and rounded to float32 in the end; 8 covers the few roundings beside.
        """
        norms = np.linalg.norm(queries.astype(np.float64), axis=1)
        is_product = self.index.metric_type == faiss.METRIC_INNER_PRODUCT
        largest = norms * self._longest if is_product else np.square(norms + self._longest)
        return 2.0 * (self.index.d + 8) * 2.0**-24 * (np.abs(constants) + largest)


def check_kind(kind):
    """Raises `ValueError` if `kind` is not one of `INDEXES`."""
    if kind not in INDEXES:
        raise ValueError(f"`index` must be one of {', '.join(INDEXES)}. Received: {kind!r}")


def _trained_lists(photos, is_lifted, shift):
    # So many lists as Jegou et al. take; FAISS learns a list from 39 photos at least and 256 at most.
    num_lists = max(1, min(int(4 * np.sqrt(len(photos))), len(photos) // 39))
    chosen = np.sort(np.random.default_rng(0).permutation(len(photos))[: 256 * num_lists])
    sample = _prepared(photos[chosen], "ivfpq", is_lifted, shift)
    dim = sample.shape[1]
    index = faiss.IndexIVFPQ(faiss.IndexFlatL2(dim), dim, num_lists, dim // VALUES_PER_BYTE, 8)
    index.train(sample)
    return index


def _prepared(photos, kind, is_lifted, shift):
    """Returns photos as an index of the kind holds them."""
    photos = np.ascontiguousarray(photos, np.float32)
    if is_lifted and kind != "flat":
        photos = np.column_stack([photos[:, :-1], np.sqrt(np.maximum(_surplus(photos) + shift, 0.0))])
        photos = photos.astype(np.float32)
    return _padded(photos) if kind == "ivfpq" else photos


def _prepared_queries(queries, kind, is_lifted):
    if is_lifted:
        queries = np.pad(0.5 * queries[:, :-1], ((0, 0), (0, 1)))
    return _padded(queries) if kind == "ivfpq" else queries


def _padded(vectors):
    return np.pad(vectors, ((0, 0), (0, -vectors.shape[1] % VALUES_PER_BYTE)))


def _surplus(lifted):
    vectors, last = lifted[:, :-1], lifted[:, -1]
    return last - np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)


def _needed_shift(lifted):
    return -min((float(_surplus(part).min()) for part in _parts(lifted)), default=0.0)


def _parts(rows, size=8192):
    """Yields the rows in parts, so that no copy is as large as a gallery that is mapped from disk."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _add(index, photos, kind, is_lifted, shift):
    # With several threads, a graph depends on which of them comes first.
    num_threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1 if kind == "hnsw" else num_threads)
    try:
        with tqdm.tqdm(total=len(photos), desc="Indexing ", unit=" photos", delay=2, disable=None) as bar:
            for part in _parts(photos):
                index.add(_prepared(part, kind, is_lifted, shift))
                bar.update(len(part))
    finally:
        faiss.omp_set_num_threads(num_threads)


def _longest_norm(index):
    """Returns the largest norm among an index's vectors, 0 for none."""
    flat = flat_part(index)
    if flat.ntotal == 0:
        return 0.0
    vectors = faiss.rev_swig_ptr(flat.get_xb(), flat.ntotal * flat.d).reshape(flat.ntotal, flat.d)
    return float(np.sqrt(np.einsum("ij,ij->i", vectors, vectors).max()))
