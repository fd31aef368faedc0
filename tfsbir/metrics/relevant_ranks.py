"""Where rankings have the photos that are relevant."""

from collections.abc import Iterator

import numpy as np


def relevant_ranks(distances: np.ndarray, relevant: np.ndarray) -> Iterator[np.ndarray]:
    """Finds the ranks of each query's relevant photos among the gallery.

    Of photos at the same distance the one with the lower gallery id comes first, exactly, as in `ranks`.

    Distances that float32 holds are packed, each with its gallery id and its relevance, into integers that
    are all different, so that any sort is the stable one; NumPy sorts integers with vector instructions,
    several times faster than it sorts stably, and as fast where most distances tie. Other numbers are sorted
    in any way, and those that tie once more, by their ids.

    Args:
        distances: `(num_queries, num_photos)` numbers, lower is closer; infinities are allowed.
        relevant: `(num_queries, num_photos)` bools.
    Yields: For each query `(num_relevant,)` int64, ascending, in 1 .. num_photos.
    Raises: `ValueError` for NaN.
    """
    find = _KeySort(distances.shape[1]) if np.can_cast(distances.dtype, np.float32) else _sorted_ranks
    for row, is_relevant in zip(distances, relevant, strict=True):
        if np.isnan(row.min()):  # A minimum with a NaN is NaN.
            num_nan = np.isnan(row).sum()
            raise ValueError(
                f"`distances` must not be NaN. Received: {num_nan} NaN among the {len(row)} of a query"
            )
        yield find(row, is_relevant)


class _KeySort:
    """Ranks by keys of 64 bits: the distance, then the gallery id, then whether the photo is relevant.

    All is done in memory that is taken once: a new array for each step takes longer than the step.
    """

    def __init__(self, num_photos):
        self._ids = np.arange(0, 2 * num_photos, 2, dtype=np.uint64)
        self._bits, self._signs = np.empty((2, num_photos), np.int32)
        self._keys = np.empty(num_photos, np.uint64)
        self._is_relevant = np.empty(num_photos, bool)

    def __call__(self, distances, relevant):
        np.add(distances, np.float32(0), out=self._bits.view(np.float32))  # The sum makes 0 of -0.
        # Floats sort as their bits do, but negative ones backwards and above the others. So all bits of these
        # are turned, and the sign alone of the others.
        np.right_shift(self._bits, 31, out=self._signs)
        np.bitwise_or(self._signs, np.int32(-(2**31)), out=self._signs)
        np.bitwise_xor(self._bits, self._signs, out=self._bits)
        np.left_shift(self._bits.view(np.uint32), np.uint64(32), out=self._keys)
        np.bitwise_or(self._keys, self._ids, out=self._keys)
        np.bitwise_or(self._keys, relevant, out=self._keys)
        self._keys.sort()
        np.bitwise_and(self._keys, np.uint64(1), out=self._is_relevant, casting="unsafe")
        return np.flatnonzero(self._is_relevant) + 1


def _sorted_ranks(distances, relevant):
    order = np.argsort(distances)
    ranked = distances[order]
    is_tied = np.zeros(len(order), bool)
    is_tied[:-1] = ranked[1:] == ranked[:-1]
    is_tied[1:] |= is_tied[:-1]
    tied = order[is_tied]
    order[is_tied] = tied[np.lexsort((tied, distances[tied]))]  # Each stays among its equals.
    return np.flatnonzero(relevant[order]) + 1
