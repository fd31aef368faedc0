"""What the measures of rankings ask of their arguments."""

import numpy as np


def checked_rankings(distances, relevant):
    """Returns the distances and the relevance of some queries as arrays.

    Raises: `TypeError` if `relevant` is not of bools; `ValueError` unless both are
        `(num_queries, num_photos)` with a query and a photo at least.
    """
    distances, relevant = np.asarray(distances), np.asarray(relevant)
    if distances.ndim != 2 or not distances.size:
        raise ValueError(
            "`distances` must be (num_queries, num_photos), neither of them 0. "
            f"Received shape: {distances.shape}"
        )
    if relevant.shape != distances.shape:
        raise ValueError(
            f"`relevant` must be of shape {distances.shape}, that of `distances`. "
            f"Received shape: {relevant.shape}"
        )
    if relevant.dtype != np.bool_:
        raise TypeError(f"`relevant` must be of bools. Received: {relevant.dtype}")
    return distances, relevant


def checked_cutoff(name, value, may_be_none=False):
    """Returns an integer >= 1, or None where that is allowed; raises `ValueError` or `TypeError`."""
    if value is None and may_be_none:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        allowed = "an integer or None" if may_be_none else "an integer"
        raise TypeError(f"`{name}` must be {allowed}. Received: {value!r}")
    if value < 1:
        raise ValueError(f"`{name}` must be >= 1. Received: {value}")
    return int(value)
