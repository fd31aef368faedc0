"""The nearest photos in a collection of Milvus, whose distances are rounded and whose ties have no order."""

import numpy as np

from tfsbir.retrieval.milvus_collection import MAX_FOUND
from tfsbir.retrieval.photo_index import COMPARED_PER_RESULT, EF_SEARCH, MIN_COMPARED, NPROBE


class MilvusSearch:
    """Finds photos among which the nearest to a query are: certainly so by a "flat" index.

    Args:
        generation: `MilvusGeneration`.
        expression: Str, what photos must satisfy; None for all.
        num_photos: Int, how many do.
        kind: Kind of the index.
        is_lifted: Whether the nearest have the largest inner product instead of the least distance.
        longest: Float, no vector has a larger norm.
    """

    def __init__(self, generation, expression, num_photos, kind, is_lifted, longest):
        self._generation = generation
        self._expression = expression
        self._num_photos = num_photos
        self._kind = kind
        self._is_lifted = is_lifted
        self._longest = longest

    def candidates(self, query, constant, k, ef_search=None, nprobe=None):
        """Finds the candidates of one query.

        Args:
            query: float32 `(vector_dim,)`, lifted where the photos are.
            constant: Float, of the lifting, else 0.
            k: Int in 1..`num_photos`.
            ef_search, nprobe: As for `PhotoIndex.candidates`.
        Returns: int64 ids, `k` or more, and their vectors, float32.
        """
        slack = self._slack(query, constant)
        if self._kind == "flat":
            ids, vectors = self._exact(query, k, slack)
        elif self._kind == "hnsw":
            width = min(max(k, ef_search or EF_SEARCH), MAX_FOUND)
            ids, vectors = self._search(query, width, {"ef": width})
        else:
            width = min(max(MIN_COMPARED, COMPARED_PER_RESULT * k), MAX_FOUND)
            ids, vectors = self._search(query, width, {"nprobe": nprobe or NPROBE})
        return (ids, vectors) if len(ids) >= k else self._compared(query, k, slack)

    def _search(self, query, width, parameters):
        ids, vectors = self._generation.collection.search(
            query,
            min(width, self._num_photos),
            self._generation.visible(self._expression),
            parameters,
            self._is_lifted,
        )
        return np.array(ids, np.int64), np.array(vectors, np.float32).reshape(-1, len(query))

    def _exact(self, query, k, slack):
        """Asks for more than `k` until the surplus is certainly farther; none where Milvus cannot say so."""
        width = min(2 * k, self._num_photos, MAX_FOUND)
        while width >= k:
            ids, vectors = self._search(query, width, {})
            if len(ids) == self._num_photos:
                return ids, vectors
            near = self._nearness(query, vectors)
            # What was not found is, as Milvus rounds, no nearer than the last that was.
            if len(ids) == width and near[-1] - np.partition(near, k - 1)[k - 1] > slack:
                return ids, vectors
            if len(ids) < width or width == MAX_FOUND:
                break
            width = min(2 * width, self._num_photos, MAX_FOUND)
        return [], []

    def _compared(self, query, k, slack):
        """Compares with all photos, of which some thousand are in memory at a time."""
        ids, vectors = np.zeros(0, np.int64), np.zeros((0, len(query)), np.float32)
        waiting = []
        for row in self._generation.rows(["vector"], self._expression):
            waiting.append(row)
            if len(waiting) == MAX_FOUND:
                ids, vectors = self._nearest(query, k, slack, ids, vectors, waiting)
                waiting = []
        return self._nearest(query, k, slack, ids, vectors, waiting) if waiting else (ids, vectors)

    def _nearest(self, query, k, slack, ids, vectors, rows):
        ids = np.concatenate([ids, [row["id"] for row in rows]])
        vectors = np.concatenate([vectors, np.array([row["vector"] for row in rows], np.float32)])
        if len(ids) <= k:
            return ids, vectors
        near = self._nearness(query, vectors)
        kept = near <= np.partition(near, k - 1)[k - 1] + slack
        return ids[kept], vectors[kept]

    def _nearness(self, query, vectors):
        vectors, query = vectors.astype(np.float64), query.astype(np.float64)
        return -(vectors @ query) if self._is_lifted else np.square(vectors - query).sum(axis=1)

    def _slack(self, query, constant):
        """Returns the gap between two rounded distances that makes their order certain (`PhotoIndex`)."""
        norm = np.linalg.norm(query.astype(np.float64))
        largest = norm * self._longest if self._is_lifted else np.square(norm + self._longest)
        return 2.0 * (len(query) + 8) * 2.0**-24 * (np.abs(constant) + largest)
