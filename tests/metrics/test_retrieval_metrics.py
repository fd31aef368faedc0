"""Every measure at once equals every measure alone, however the queries are cut into blocks."""

import threading

import numpy as np
import pytest

from tests.metrics.brute_rankings import rankings
from tfsbir import metrics


def measured(distances, relevant, *arguments, **options):
    return metrics.retrieval_metrics(
        lambda start, stop: distances[start:stop],
        lambda start, stop: relevant[start:stop],
        len(distances),
        *arguments,
        **options,
    )


@pytest.mark.parametrize("kind", ["distinct", "ties"])
@pytest.mark.parametrize(("block_size", "num_threads"), [(1, 1), (5, 2), (5, 8), (100, 2)])
def test_equals_each_measure_alone(kind, block_size, num_threads):
    distances, relevant = rankings(kind)
    found = measured(distances, relevant, (3, 40), block_size=block_size, num_threads=num_threads)
    expected = {
        "mAP@all": metrics.average_precision(distances, relevant, None, "min"),
        "mAP@all/voc": metrics.average_precision(distances, relevant, None, "voc"),
    }
    for k in (3, 40):
        for convention in metrics.CONVENTIONS:
            expected[f"mAP@{k}/{convention}"] = metrics.average_precision(distances, relevant, k, convention)
        expected[f"precision@{k}"] = metrics.precision_at_k(distances, relevant, k, "k")
        expected[f"precision@{k}/min"] = metrics.precision_at_k(distances, relevant, k, "min")
    assert list(found.per_query) == list(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(found.per_query[name], values)
        assert found.means()[name] == np.mean(values[1:])
    assert found.num_left_out == 1
    assert found.is_counted.tolist() == [False] + [True] * 11


def test_blocks_are_asked_for_in_order_and_from_one_thread():
    distances, relevant = rankings("distinct")
    asked = []

    def block(start, stop):
        asked.append((start, stop, threading.current_thread()))
        return distances[start:stop]

    metrics.retrieval_metrics(block, lambda start, stop: relevant[start:stop], 12, (), block_size=5)
    assert [part[:2] for part in asked] == [(0, 5), (5, 10), (10, 12)]
    assert {part[2] for part in asked} == {threading.current_thread()}


def test_nothing_to_average():
    found = measured(np.zeros((3, 2)), np.zeros((3, 2), bool), ())
    assert found.num_left_out == 3
    message = r"`means` must have a query with a relevant photo\. Received: none among 3 queries"
    with pytest.raises(ValueError, match=message):
        found.means()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"ks": (3, 3)}, ValueError, r"`ks` must differ\. Received: \(3, 3\)"),
        ({"ks": (0,)}, ValueError, r"`ks` must be >= 1\. Received: 0"),
        ({"block_size": 0}, ValueError, r"`block_size` must be >= 1\. Received: 0"),
        ({"num_threads": 0}, ValueError, r"`num_threads` must be >= 1\. Received: 0"),
        ({"num_threads": 2.0}, TypeError, r"`num_threads` must be an integer\. Received: 2\.0"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        measured(np.zeros((3, 2)), np.ones((3, 2), bool), **arguments)


def test_bad_blocks():
    with pytest.raises(ValueError, match=r"`num_queries` must be >= 1\. Received: 0"):
        measured(np.zeros((0, 2)), np.ones((0, 2), bool))
    with pytest.raises(ValueError, match=r"must give 2 rows for queries 0 to 2\. Received: 1"):
        metrics.retrieval_metrics(lambda _, __: np.zeros((1, 2)), lambda _, __: np.ones((1, 2), bool), 2)
    distances = np.zeros((4, 3))
    distances[3, 1] = np.nan  # A thread finds it.
    with pytest.raises(ValueError, match=r"`distances` must not be NaN\. Received: 1 NaN among the 3"):
        measured(distances, np.ones((4, 3), bool))
