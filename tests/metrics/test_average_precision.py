import math

import numpy as np
import pytest

from tests.metrics import brute_rankings
from tests.metrics.brute_rankings import rankings
from tfsbir import metrics

KINDS = ["distinct", "ties", "integers", "float64"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("convention", metrics.CONVENTIONS)
@pytest.mark.parametrize("k", [1, 3, 10, 25, 40, None])
def test_equals_loops(kind, convention, k):
    distances, relevant = rankings(kind)
    if kind == "distinct":
        distances[4, :3] = np.inf
    expected = [
        brute_rankings.average_precision(row.tolist(), mask, k, convention)
        for row, mask in zip(distances, relevant, strict=True)
    ]
    found = metrics.average_precision(distances, relevant, k, convention)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    mean = metrics.mean_average_precision(distances, relevant, k, convention)
    assert math.isclose(mean, np.mean(expected[1:]), abs_tol=1e-12)  # The first one has no relevant photo.


def test_many_ties_equal_loops():
    random = np.random.default_rng(1)
    distances, relevant = random.integers(0, 200, (2, 2000)) / 4, random.random((2, 2000)) < 0.4
    expected = [
        brute_rankings.average_precision(row.tolist(), mask, 500, "min")
        for row, mask in zip(distances, relevant, strict=True)
    ]
    np.testing.assert_allclose(
        metrics.average_precision(distances, relevant, 500, "min"), expected, atol=1e-12
    )


def test_of_equal_distances_the_lower_gallery_id_comes_first():
    relevant = np.array([[True, False, False, True]])
    found = metrics.average_precision(np.zeros((1, 4)), relevant, None, "R")
    assert found.tolist() == [(1 / 1 + 2 / 4) / 2]


def test_the_conventions_differ_as_in_a_worked_example():
    """Ranks 1, 4 and 5 of six photos are relevant, and the sixth: precision 1, 2/4, 3/5, 4/6."""
    distances = np.arange(6.0)[None]
    relevant = np.array([[True, False, False, True, True, True]])
    by_convention = {
        "found": (1 + 2 / 4 + 3 / 5) / 3,
        "min": (1 + 2 / 4 + 3 / 5) / 4,
        "R": (1 + 2 / 4 + 3 / 5) / 4,
        "voc": (1 + 3 / 5 + 3 / 5) / 4,
    }
    for convention, expected in by_convention.items():
        assert math.isclose(metrics.mean_average_precision(distances, relevant, 5, convention), expected)
    assert math.isclose(metrics.mean_average_precision(distances, relevant, 2, "min"), 1 / 2)
    assert math.isclose(metrics.mean_average_precision(distances, relevant, 2, "R"), 1 / 4)


@pytest.mark.parametrize("convention", metrics.CONVENTIONS)
def test_a_perfect_ranking_has_1_and_one_that_finds_nothing_0(convention):
    relevant = np.array([[True, True, False, False, False]])
    assert metrics.mean_average_precision(np.arange(5.0)[None], relevant, None, convention) == 1
    assert metrics.mean_average_precision(-np.arange(5.0)[None], relevant, 3, convention) == 0


def bad(**changes):
    return {"distances": np.zeros((2, 3)), "relevant": np.ones((2, 3), bool), "k": 2, **changes}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (bad(distances=np.zeros(3)), ValueError, r"`distances` must be \(num_queries, .* shape: \(3,\)"),
        (bad(distances=np.zeros((2, 0))), ValueError, r"neither of them 0\. Received shape: \(2, 0\)"),
        (
            bad(relevant=np.ones((1, 3), bool)),
            ValueError,
            r"`relevant` must be of shape \(2, 3\), .* \(1, 3\)",
        ),
        (bad(relevant=np.ones((2, 3))), TypeError, r"`relevant` must be of bools\. Received: float64"),
        (bad(k=0), ValueError, r"`k` must be >= 1\. Received: 0"),
        (bad(k=1.5), TypeError, r"`k` must be an integer.* Received: 1\.5"),
        (bad(k=True), TypeError, r"`k` must be an integer.* Received: True"),
        (
            bad(distances=np.array([[0, np.nan, 1]] * 2)),
            ValueError,
            r"`distances` must not be NaN\. .* 1 NaN",
        ),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        metrics.average_precision(**arguments, convention="R")
    with pytest.raises(error, match=message):
        metrics.precision_at_k(**arguments, convention="min")


def test_the_convention_is_asked_for():
    with pytest.raises(ValueError, match=r"`convention` must be one of found, min, R, voc\. Received: 'k'"):
        metrics.average_precision(**bad(), convention="k")
    with pytest.raises(TypeError, match="convention"):
        metrics.average_precision(**bad())
    message = r"`relevant` must have a relevant photo for some query\. Received: none for 2 queries"
    with pytest.raises(ValueError, match=message):
        metrics.mean_average_precision(np.zeros((2, 3)), np.zeros((2, 3), bool), None, "R")
