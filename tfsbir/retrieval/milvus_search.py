"""The nearest photos in a collection of Milvus, whose distances are rounded and whose ties have no order."""

import numpy as np

from tfsbir.retrieval.milvus_collection import MAX_FOUND
from tfsbir.retrieval.photo_index import COMPARED_PER_RESULT, EF_SEARCH, MIN_COMPARED, NPROBE


def candidates_of(collection, queries, constants, k, num_photos, expression, kind, is_lifted, longest,
                  ef_search=None, nprobe=None):  # fmt: skip
    """Finds photos among which the `k` nearest to each query are: certainly so by a "flat" index.

    Args:
        collection: `MilvusCollection`.
        queries: float32 `(num_queries, vector_dim)`, lifted where the photos are.
        constants: `(num_queries,)` of the lifting, else 0.
        k: Int in 1..`num_photos`.
        num_photos: Int, how many rows satisfy the expression.
        expression: Str.
        kind: Kind of the index.
        is_lifted: Whether the nearest have the largest inner product instead of the least distance.
        longest: Float, no vector has a larger norm.
        ef_search, nprobe: As for `PhotoIndex.candidates`.
    Returns: A list of pairs: int64 ids, `k` or more, and float32 `(num_ids, vector_dim)`.
    """
    found = []
    for query, constant in zip(queries, constants, strict=True):
        slack = _slack(query, constant, longest, is_lifted)
        if kind == "flat":
            ids, vectors = _exact(collection, query, k, num_photos, expression, is_lifted, slack)
        else:
            width = max(MIN_COMPARED, COMPARED_PER_RESULT * k) if kind == "ivfpq" else max(k, EF_SEARCH)
            width = min(max(width, ef_search or 0), num_photos, MAX_FOUND)
            parameters = {"nprobe": nprobe or NPROBE} if kind == "ivfpq" else {"ef": width}
            ids, vectors = collection.search(query, width, expression, parameters, is_lifted)
        if len(ids) < k:
            ids, vectors = _compared(collection, query, k, expression, is_lifted, slack)
        found.append((np.array(ids, np.int64), np.array(vectors, np.float32)))
    return found


def _exact(collection, query, k, num_photos, expression, is_lifted, slack):
    """Asks for more than `k` until the surplus is certainly farther; none where Milvus cannot say so."""
    width = min(2 * k, num_photos, MAX_FOUND)
    while width >= k:
        ids, vectors = collection.search(query, width, expression, {}, is_lifted)
        if len(ids) == num_photos:
            return ids, vectors
        near = _nearness(query, vectors, is_lifted)
        # What was not found is, as Milvus rounds, no nearer than the last that was.
        if len(ids) == width and near[-1] - np.partition(near, k - 1)[k - 1] > slack:
            return ids, vectors
        if len(ids) < width or width == MAX_FOUND:
            break
        width = min(2 * width, num_photos, MAX_FOUND)
    return [], []


def _compared(collection, query, k, expression, is_lifted, slack):
    """Compares with all rows, of which some thousand are in memory at a time."""
    ids, vectors = np.zeros(0, np.int64), np.zeros((0, len(query)), np.float32)
    waiting = []
    for row in collection.rows(expression, ["vector"]):
        waiting.append((row["id"], row["vector"]))
        if len(waiting) == MAX_FOUND:
            ids, vectors = _nearest(query, k, is_lifted, slack, ids, vectors, waiting)
            waiting = []
    return _nearest(query, k, is_lifted, slack, ids, vectors, waiting)


def _nearest(query, k, is_lifted, slack, ids, vectors, waiting):
    if waiting:
        ids = np.concatenate([ids, [one for one, _ in waiting]])
        vectors = np.concatenate([vectors, np.array([vector for _, vector in waiting], np.float32)])
    if len(ids) <= k:
        return ids, vectors
    near = _nearness(query, vectors, is_lifted)
    kept = near <= np.partition(near, k - 1)[k - 1] + slack
    return ids[kept], vectors[kept]


def _nearness(query, vectors, is_lifted):
    vectors, query = np.array(vectors, np.float64), query.astype(np.float64)
    return -(vectors @ query) if is_lifted else np.square(vectors - query).sum(axis=1)


def _slack(query, constant, longest, is_lifted):
    """Returns the gap between two rounded distances that makes their order certain (`PhotoIndex`)."""
    norm = np.linalg.norm(query.astype(np.float64))
    largest = norm * longest if is_lifted else np.square(norm + longest)
    return 2.0 * (len(query) + 8) * 2.0**-24 * (np.abs(constant) + largest)
