import numpy as np
import pytest

from tfsbir import metrics
from tfsbir.data import bmvc14

# Relevant photos of a sketch at thresholds 1 to 8, as in the docstring.
MEAN = (25.3, 24.5, 21.7, 20.3, 16.6, 10.1, 4.3, 1.1)
WITHOUT = (0, 0, 0, 0, 0, 1, 7, 14)


def test_the_sum_decides_and_what_is_not_rated_is_not_relevant():
    ratings = np.array([[[2, 2, 1, 0], [1, 1, 1, 1], [-1, -1, -1, -1], [2, 2, 2, -1]]], "int8")
    assert metrics.rated_relevance(ratings).tolist() == [[True, False, False, False]]
    assert metrics.rated_relevance(ratings, 4).tolist() == [[True, True, False, False]]
    assert metrics.rated_relevance(ratings, 6).tolist() == [[False] * 4]


def test_many_criteria_do_not_overflow():
    assert metrics.rated_relevance(np.full((1, 1, 100), 2, "int8"), 200).all()


def test_real_ratings_are_as_the_table_says(shared_data):
    ratings = bmvc14(shared_data / "bmvc14").ratings
    for threshold in range(1, 9):
        counts = metrics.rated_relevance(ratings, threshold).sum(axis=1)
        assert round(counts.mean(), 1) == MEAN[threshold - 1]
        assert np.count_nonzero(counts == 0) == WITHOUT[threshold - 1]


@pytest.mark.parametrize(
    ("ratings", "threshold", "error", "message"),
    [
        (np.zeros((2, 3), int), 5, ValueError, r"`ratings` must be \(num_sketches, .* shape: \(2, 3\)"),
        (np.zeros((2, 3, 0), int), 5, ValueError, r"a criterion at least\. Received shape: \(2, 3, 0\)"),
        (np.zeros((2, 3, 4)), 5, TypeError, r"`ratings` must be of integers\. Received: float64"),
        (np.zeros((2, 3, 4), int), 0, ValueError, r"`threshold` must be >= 1\. Received: 0"),
    ],
)
def test_errors(ratings, threshold, error, message):
    with pytest.raises(error, match=message):
        metrics.rated_relevance(ratings, threshold)
