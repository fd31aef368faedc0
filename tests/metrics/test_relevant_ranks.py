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
@pytest.mark.parametrize("num_relevant", [0, 1, 100, N])
def test_equals_a_stable_sort(name, num_relevant):
    relevant = np.zeros(N, bool)
    relevant[np.random.default_rng(1).choice(N, num_relevant, replace=False)] = True
    expected = np.flatnonzero(relevant[np.argsort(ROWS[name], kind="stable")]) + 1
    found = relevant_ranks(ROWS[name], relevant)
    assert found.dtype == np.int64
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int64"])
def test_one_photo(dtype):
    assert relevant_ranks(np.array([3], dtype), np.array([True])).tolist() == [1]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_nan_is_refused(dtype):
    distances = np.array([1, np.nan, 0, np.nan], dtype)
    message = r"`distances` must not be NaN\. Received: 2 NaN among the 4 of a query"
    with pytest.raises(ValueError, match=message):
        relevant_ranks(distances, np.ones(4, bool))
