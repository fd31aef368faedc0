"""Precision of the top of a ranking, in the conventions in use."""

import numpy as np

from tfsbir.metrics.checks import checked_cutoff, checked_rankings
from tfsbir.metrics.relevant_ranks import relevant_ranks

PRECISION_CONVENTIONS = ("k", "min")


def precision_at_k(distances: np.ndarray, relevant: np.ndarray, k: int, convention: str) -> np.ndarray:
    """Computes the precision of every query's k closest photos.

    The relevant ones among them are counted and divided, with R relevant photos in the whole gallery:

        convention   divisor      reads
        k            k            the share of what is shown that is relevant; also where the gallery has
                                  fewer than k photos, or fewer than k relevant ones
        min          min(R, k)    the same, over the best that any ranking could reach

    Ties are ordered as in `average_precision`.

    Args:
        distances: `(num_queries, num_photos)` numbers, lower is closer; infinities are allowed.
        relevant: `(num_queries, num_photos)` bools.
        k: Integer >= 1.
        convention: One of `PRECISION_CONVENTIONS`.
    Returns: `(num_queries,)` float64 in [0, 1]; NaN for a query without a relevant photo, as in
        `average_precision`, so that the means of both are over the same queries.
    Raises: `TypeError` if `relevant` is not of bools; `ValueError` for another shape, an empty gallery, NaN,
        another convention or `k` < 1.
    """
    if convention not in PRECISION_CONVENTIONS:
        raise ValueError(
            f"`convention` must be one of {', '.join(PRECISION_CONVENTIONS)}. Received: {convention!r}"
        )
    checked_cutoff("k", k)
    distances, relevant = checked_rankings(distances, relevant)
    return np.array([
        precisions_at_k(ranks, k)[convention] for ranks in relevant_ranks(distances, relevant)
    ])  # fmt: skip


def precisions_at_k(ranks, k):
    """Returns the precision of one query's top k as a dict by convention; see `average_precisions`."""
    num_relevant = len(ranks)
    if num_relevant == 0:
        return dict.fromkeys(PRECISION_CONVENTIONS, np.nan)
    num_found = int(np.searchsorted(ranks, k, side="right"))
    return {"k": num_found / k, "min": num_found / min(num_relevant, k)}
