"""Every measure of ranked retrieval in one pass over the queries."""

import dataclasses
import functools
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tfsbir.metrics.average_precision import CONVENTIONS, average_precisions
from tfsbir.metrics.checks import checked_cutoff, checked_rankings
from tfsbir.metrics.precision_at_k import precisions_at_k
from tfsbir.metrics.relevant_ranks import relevant_ranks


@dataclasses.dataclass(frozen=True, eq=False)
class RetrievalMetrics:
    """Holds the measures of every query.

    Args:
        per_query: Dict from the name of a metric to `(num_queries,)` float64 in [0, 1], NaN for a query
            without a relevant photo.
    """

    per_query: dict[str, np.ndarray]

    @functools.cached_property
    def is_counted(self) -> np.ndarray:
        """`(num_queries,)` bools: whether a query has a relevant photo, and so counts in `means`."""
        return ~np.isnan(next(iter(self.per_query.values())))

    @property
    def num_left_out(self) -> int:
        """How many queries have no relevant photo."""
        return int(np.count_nonzero(~self.is_counted))

    def means(self) -> dict[str, float]:
        """Returns the means over the queries that have a relevant photo, by the names of metrics.

        Raises: `ValueError` if no query has one.
        """
        if not self.is_counted.any():
            raise ValueError(
                "`means` must have a query with a relevant photo. "
                f"Received: none among {len(self.is_counted)} queries"
            )
        return {name: float(np.mean(values[self.is_counted])) for name, values in self.per_query.items()}


def retrieval_metrics(
    distances: Callable[[int, int], np.ndarray],
    relevant: Callable[[int, int], np.ndarray],
    num_queries: int,
    ks: tuple[int, ...] = (100, 200),
    block_size: int = 128,
    num_threads: int = 2,
) -> RetrievalMetrics:
    """Computes every measure of every query, in all conventions, from one sort of its distances.

    The names are `mAP@all` and `mAP@all/voc`, and for each k `mAP@k/found`, `mAP@k/min`, `mAP@k/R`,
    `mAP@k/voc`, `precision@k` and `precision@k/min`: the conventions of `average_precision` and
    `precision_at_k`, where ties are described too.

    A block of queries is made, measured and forgotten before the next one, so the memory is that of one
    block. Its rows are shared out to threads, which NumPy lets run side by side while it sorts.

    Args:
        distances: Function from a range of queries, `(start, stop)`, to `(stop - start, num_photos)`
            distances, lower is closer. It is called in order, from the calling thread.
        relevant: Function from a range of queries to `(stop - start, num_photos)` bools.
        num_queries: Integer >= 1.
        ks: Cut-offs, integers >= 1, different; there may be none.
        block_size: Integer >= 1, queries at once.
        num_threads: Integer >= 1.
    Returns: `RetrievalMetrics`.
    Raises: `TypeError` or `ValueError` for arguments out of range, and what `average_precision` raises of a
        block.

    Example:
        >>> found = retrieval_metrics(
        ...     lambda start, stop: distances[start:stop],
        ...     lambda start, stop: sketch_labels[start:stop, None] == photo_labels,
        ...     len(distances),
        ... )
        >>> found.means()["mAP@200/voc"], found.num_left_out
    """
    for name, value in (
        ("num_queries", num_queries), ("block_size", block_size), ("num_threads", num_threads)
    ):  # fmt: skip
        checked_cutoff(name, value)
    ks = tuple(checked_cutoff("ks", k) for k in ks)
    if len(set(ks)) < len(ks):
        raise ValueError(f"`ks` must differ. Received: {ks}")
    names = list(_measures(np.ones(1, np.int64), ks))
    values = np.empty((num_queries, len(names)))

    with ThreadPoolExecutor(num_threads) as executor:
        for start in range(0, num_queries, block_size):
            stop = min(start + block_size, num_queries)
            block = checked_rankings(distances(start, stop), relevant(start, stop))
            if len(block[0]) != stop - start:
                raise ValueError(
                    f"`distances` must give {stop - start} rows for queries {start} to {stop}. "
                    f"Received: {len(block[0])}"
                )
            ends = np.linspace(0, stop - start, num_threads + 1).astype(int)
            parts = [slice(*part) for part in itertools.pairwise(ends)]
            measure = functools.partial(_measure_rows, values[start:stop], block, ks)
            list(executor.map(measure, parts))  # The list raises what a thread raised.
    return RetrievalMetrics({name: values[:, column].copy() for column, name in enumerate(names)})


def _measure_rows(values, block, ks, rows):
    distances, relevant = block
    for row, ranks in enumerate(relevant_ranks(distances[rows], relevant[rows]), rows.start):
        values[row] = list(_measures(ranks, ks).values())


def _measures(ranks, ks):
    """Returns the measures of one query by their names."""
    whole = average_precisions(ranks, None)
    found = {"mAP@all": whole["R"], "mAP@all/voc": whole["voc"]}
    for k in ks:
        of_k = average_precisions(ranks, k)
        found |= {f"mAP@{k}/{convention}": of_k[convention] for convention in CONVENTIONS}
        precision = precisions_at_k(ranks, k)
        found |= {f"precision@{k}": precision["k"], f"precision@{k}/min": precision["min"]}
    return found
