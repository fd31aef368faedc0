"""Average precision of a ranking, in the conventions in use."""

import numpy as np

from tfsbir.metrics.checks import checked_cutoff, checked_rankings
from tfsbir.metrics.relevant_ranks import relevant_ranks

CONVENTIONS = ("found", "min", "R", "voc")


def average_precision(
    distances: np.ndarray, relevant: np.ndarray, k: int | None, convention: str
) -> np.ndarray:
    """Computes the average precision of every query: AP@k, or AP@all where `k` is None.

    The k closest photos are looked at. At each that is relevant, precision is the share of relevant ones up
    to there; these are summed, and the sum is divided by a number that papers and packages do not agree on.
    With R relevant photos in the whole gallery:

        convention   divisor                       who
        found        relevant ones in the top k    doodle2search, SEM-PCYC, torchmetrics, open-metric-learning
        min          min(R, k)                     information-retrieval textbooks
        R            R                             pytorch-metric-learning, tensorflow-similarity
        voc          min(R, k)                     ZSE-SBIR, SAKE: interpolated, see below

    "voc" interpolates before it sums: in place of the precision at a relevant photo stands the highest one
    there or farther down, within the top k. Without a cut-off "found", "min" and "R" are one number. A query
    none of whose relevant photos is in the top k has 0.

    Of photos at the same distance the one with the lower gallery id comes first. That is how a search shows
    them; where many tie, as with short binary codes, the order of the gallery shows in the number, so do not
    sort that gallery by class.

    Args:
        distances: `(num_queries, num_photos)` numbers, lower is closer; infinities are allowed.
        relevant: `(num_queries, num_photos)` bools.
        k: Integer >= 1, or None for the whole gallery.
        convention: One of `CONVENTIONS`.
    Returns: `(num_queries,)` float64 in [0, 1]; NaN for a query without a relevant photo, which cannot be
        answered.
    Raises: `TypeError` if `relevant` is not of bools; `ValueError` for another shape, an empty gallery, NaN,
        another convention or `k` < 1.
    """
    if convention not in CONVENTIONS:
        raise ValueError(f"`convention` must be one of {', '.join(CONVENTIONS)}. Received: {convention!r}")
    checked_cutoff("k", k, may_be_none=True)
    distances, relevant = checked_rankings(distances, relevant)
    return np.array([
        average_precisions(ranks, k)[convention] for ranks in relevant_ranks(distances, relevant)
    ])  # fmt: skip


def mean_average_precision(
    distances: np.ndarray, relevant: np.ndarray, k: int | None, convention: str
) -> float:
    """Computes mAP@k: the mean of `average_precision` over the queries that have a relevant photo.

    The others are left out; `np.count_nonzero(~relevant.any(axis=1))` says how many these are.

    Args:
        distances: As in `average_precision`.
        relevant: As in `average_precision`.
        k: As in `average_precision`.
        convention: As in `average_precision`.
    Returns: Float in [0, 1].
    Raises: `ValueError` if no query has a relevant photo, and what `average_precision` raises.
    """
    values = average_precision(distances, relevant, k, convention)
    is_counted = ~np.isnan(values)
    if not is_counted.any():
        raise ValueError(
            f"`relevant` must have a relevant photo for some query. Received: none for {len(values)} queries"
        )
    return float(np.mean(values[is_counted]))


def average_precisions(ranks, k):
    """Returns the average precision of one query as a dict by convention.

    Args:
        ranks: `(num_relevant,)` integers, ascending, as `relevant_ranks` gives them.
        k: Integer >= 1, or None.
    """
    num_relevant = len(ranks)
    if num_relevant == 0:
        return dict.fromkeys(CONVENTIONS, np.nan)
    num_found = num_relevant if k is None else int(np.searchsorted(ranks, k, side="right"))
    if num_found == 0:
        return dict.fromkeys(CONVENTIONS, 0.0)
    precision = np.arange(1, num_found + 1) / ranks[:num_found]
    total = precision.sum()
    at_most = num_relevant if k is None else min(num_relevant, k)
    return {
        "found": total / num_found,
        "min": total / at_most,
        "R": total / num_relevant,
        "voc": np.maximum.accumulate(precision[::-1]).sum() / at_most,
    }
