"""Where a ranking has the photos that are relevant."""

import numpy as np

_SIGN = np.uint32(1 << 31)
_DISTANCE_BITS = np.uint64(32)


def relevant_ranks(distances: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Finds the ranks of one query's relevant photos among the gallery.

    Of photos at the same distance the one with the lower gallery id comes first, exactly, as in `ranks`.

    Distances of up to 32 bits are packed, each with its gallery id and its relevance, into integers that are
    all different, so that any sort is the stable one; NumPy sorts integers with vector instructions, several
    times faster than it sorts stably, and as fast where most distances tie. Numbers that float32 cannot hold
    are sorted in any way, and those that tie once more, by their ids.

    Args:
        distances: `(num_photos,)` numbers, lower is closer; infinities are allowed.
        relevant: `(num_photos,)` bools.
    Returns: `(num_relevant,)` int64, ascending, in 1 .. num_photos.
    Raises: `ValueError` for NaN.
    """
    if np.isnan(distances.min()):  # A minimum with a NaN is NaN.
        num_nan = np.isnan(distances).sum()
        raise ValueError(
            f"`distances` must not be NaN. Received: {num_nan} NaN among the {len(distances)} of a query"
        )
    if np.can_cast(distances.dtype, np.float32):
        keys = _increasing(distances.astype(np.float32)).astype(np.uint64) << _DISTANCE_BITS
        keys |= np.arange(0, 2 * len(keys), 2, dtype=np.uint64)
        keys |= relevant
        keys.sort()
        return np.flatnonzero(keys & np.uint64(1)) + 1
    order = np.argsort(distances)
    ranked = distances[order]
    is_tied = np.zeros(len(order), bool)
    is_tied[:-1] = ranked[1:] == ranked[:-1]
    is_tied[1:] |= is_tied[:-1]
    tied = order[is_tied]
    order[is_tied] = tied[np.lexsort((tied, distances[tied]))]  # Each stays among its equals.
    return np.flatnonzero(relevant[order]) + 1


def _increasing(distances):
    """Returns uint32 in the order of float32 distances."""
    bits = (distances + np.float32(0)).view(np.uint32)  # The sum makes 0 of -0.
    # Floats sort as their bits do, but negative ones backwards and above the others. So all bits of these are
    # turned, and the sign alone of the others.
    return bits ^ ((bits.view(np.int32) >> 31).view(np.uint32) | _SIGN)
