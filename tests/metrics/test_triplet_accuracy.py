import numpy as np
import pytest

import tfsbir


def test_equals_loops():
    rng = np.random.default_rng(0)
    distances = rng.integers(0, 4, (5, 7)).astype("float32")  # Many ties.
    triplets = np.stack([rng.integers(0, size, 60) for size in (5, 7, 7)], axis=1).astype("int32")
    correct = 0
    for sketch, closer, farther in triplets.tolist():
        correct += distances[sketch, closer] < distances[sketch, farther]
    assert tfsbir.metrics.triplet_accuracy(distances, triplets) == correct / 60


def test_a_tie_is_not_correct():
    assert tfsbir.metrics.triplet_accuracy(np.zeros((1, 2)), np.array([[0, 0, 1]])) == 0


def test_a_nan_that_no_triplet_looks_up_does_not_matter():
    distances = np.array([[0.0, 1.0, np.nan]])
    assert tfsbir.metrics.triplet_accuracy(distances, np.array([[0, 0, 1]])) == 1


@pytest.mark.parametrize(
    ("distances", "triplets", "error", "message"),
    [
        (np.zeros(3), [[0, 0, 1]], ValueError, r"`distances` must be \(num_sketches, .* shape: \(3,\)"),
        (np.zeros((2, 3)), [0, 0, 1], ValueError, r"`triplets` must be \(num_triplets, 3\) .* shape: \(3,\)"),
        (np.zeros((2, 3)), np.zeros((0, 3), int), ValueError, r"at least one triplet. .* shape: \(0, 3\)"),
        (np.zeros((2, 3)), [[0.0, 0, 1]], TypeError, "`triplets` must be of integers. Received: float64"),
        (np.zeros((2, 3)), [[0, 0, 1], [2, 0, 1]], ValueError, r"Received: \[2, 0, 1\] in row 1"),
        (np.zeros((2, 3)), [[0, 0, 3]], ValueError, r"index 2 sketches and 3 photos. Received: \[0, 0, 3\]"),
        (np.zeros((2, 3)), [[0, -1, 1]], ValueError, r"Received: \[0, -1, 1\] in row 0"),
        (np.array([[0, np.nan]]), [[0, 0, 1]], ValueError, r"not be NaN. Received: NaN in 1 of 1 triplets"),
    ],
)
def test_errors(distances, triplets, error, message):
    with pytest.raises(error, match=message):
        tfsbir.metrics.triplet_accuracy(distances, np.array(triplets))
