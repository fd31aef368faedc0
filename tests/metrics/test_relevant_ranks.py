"""The ranks of relevant photos equal those of a stable sort, whatever the distances look like."""

import numpy as np
import pytest

from tfsbir.metrics.relevant_ranks import relevant_ranks

N = 3000
RANDOM = np.random.default_rng(0)
ROWS = {
    "normal": RANDOM.normal(size=N).astype("float32"),
    "rounded": RANDOM.normal(size=N).round(2),
    "skewed": np.exp(RANDOM.normal(scale=6, size=N)),
    "one far": np.append(RANDOM.random(N - 1), 1e9),
    "equal": np.full(N, 0.3),
    "two": RANDOM.integers(0, 2, N).astype("float32"),
    "zeros of both signs": RANDOM.choice([0.0, -0.0, 1.0], N),
    "infinite": RANDOM.choice([0.5, 0.25, np.inf, -np.inf], N),
    "huge": RANDOM.choice([-3e38, 1.0, 3e38], N).astype("float32"),
    "tiny": RANDOM.integers(0, 50, N) * 1e-310,
    "next to each other": np.float32(1) + RANDOM.integers(0, 9, N).astype("float32") * np.float32(1.2e-7),
    "hamming": RANDOM.binomial(64, 0.4, N).astype("uint16"),
    "negative integers": RANDOM.integers(-90, 90, N).astype("int8"),
    "wide integers": RANDOM.integers(0, 1000, N) + 2**40,
    "a few tie": np.append(RANDOM.normal(size=N - 200), RANDOM.integers(0, 20, 200) / 10),
    "hamming as float32": RANDOM.binomial(64, 0.4, N).astype("float32"),
    "float16": RANDOM.random(N).astype("float16"),
}


@pytest.mark.parametrize("name", ROWS)
def test_equals_a_stable_sort(name):
    """Row by row, of queries with other numbers of relevant photos and other orders of the gallery."""
    random = np.random.default_rng(1)
    distances = np.stack([ROWS[name], *(random.permutation(ROWS[name]) for _ in range(3))])
    relevant = np.zeros((4, N), bool)
    for row, num_relevant in enumerate((0, 1, 100, N)):
        relevant[row, random.choice(N, num_relevant, replace=False)] = True
    found = list(relevant_ranks(distances, relevant))
    assert len(found) == 4
    for ranks, row, mask in zip(found, distances, relevant, strict=True):
        assert ranks.dtype == np.int64
        np.testing.assert_array_equal(ranks, np.flatnonzero(mask[np.argsort(row, kind="stable")]) + 1)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int64"])
def test_one_photo_and_no_query(dtype):
    (ranks,) = relevant_ranks(np.array([[3]], dtype), np.array([[True]]))
    assert ranks.tolist() == [1]
    assert not list(relevant_ranks(np.zeros((0, 4), dtype), np.zeros((0, 4), bool)))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_nan_is_refused(dtype):
    distances = np.array([[1, 2, 3, 4], [1, np.nan, 0, np.nan]], dtype)
    found = relevant_ranks(distances, np.ones((2, 4), bool))
    assert next(found).tolist() == [1, 2, 3, 4]
    message = r"`distances` must not be NaN\. Received: 2 NaN among the 4 of a query"
    with pytest.raises(ValueError, match=message):
        next(found)
