import numpy as np
import pytest

import tfsbir


def test_ranks_equal_a_stable_sort():
    rng = np.random.default_rng(0)
    distances = rng.integers(0, 6, (40, 12)).astype("float32")  # Many ties.
    distances[3, :5] = np.inf
    true_photo = rng.integers(0, 12, 40)
    expected = []
    for row, photo in zip(distances.tolist(), true_photo.tolist(), strict=True):
        expected.append(sorted(range(12), key=lambda column: (row[column], column)).index(photo) + 1)
    result = tfsbir.metrics.ranks(distances, true_photo)
    assert result.dtype == np.int64
    assert result.tolist() == expected
    for k in (1, 5, 12, 100):
        hits = sum(rank <= k for rank in expected)
        assert tfsbir.metrics.accuracy(distances, true_photo, k) == hits / 40


def test_of_equal_distances_the_lower_gallery_id_comes_first():
    assert tfsbir.metrics.ranks(np.zeros((3, 3)), np.arange(3)).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("distances", "true_photo", "error", "message"),
    [
        (np.zeros(3), [0], ValueError, r"`distances` must be \(num_queries, .* Received shape: \(3,\)"),
        (np.zeros((0, 3)), [], ValueError, r"at least one query. Received shape: \(0, 3\)"),
        (
            np.zeros((2, 3)),
            [0],
            ValueError,
            r"`true_photo` must be of shape \(2,\), .* Received shape: \(1,\)",
        ),
        (np.zeros((2, 3)), [0, 3], ValueError, r"in 0..2, the gallery ids. Received: 3 for query 1"),
        (np.zeros((2, 3)), [-1, 0], ValueError, r"in 0..2, the gallery ids. Received: -1 for query 0"),
        (np.zeros((2, 3)), [0.0, 1.0], TypeError, r"`true_photo` must be of integers. Received: float64"),
        (np.array([[0, np.nan]]), [0], ValueError, r"`distances` must not be NaN. Received: 1 NaN of 2"),
    ],
)
def test_errors(distances, true_photo, error, message):
    with pytest.raises(error, match=message):
        tfsbir.metrics.ranks(distances, np.array(true_photo))
    with pytest.raises(error, match=message):
        tfsbir.metrics.accuracy(distances, np.array(true_photo), k=1)


def test_bad_k():
    with pytest.raises(ValueError, match=r"`k` must be >= 1. Received: 0"):
        tfsbir.metrics.accuracy(np.zeros((1, 1)), np.array([0]), k=0)
