import numpy as np
import pytest

from tests.metrics import brute_rankings
from tests.metrics.brute_rankings import rankings
from tfsbir import metrics


@pytest.mark.parametrize("kind", ["distinct", "ties"])
@pytest.mark.parametrize("convention", metrics.PRECISION_CONVENTIONS)
@pytest.mark.parametrize("k", [1, 3, 25, 40])
def test_equals_loops(kind, convention, k):
    distances, relevant = rankings(kind)
    expected = [
        brute_rankings.precision_at_k(row.tolist(), mask, k, convention)
        for row, mask in zip(distances, relevant, strict=True)
    ]
    found = metrics.precision_at_k(distances, relevant, k, convention)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert np.isnan(found).tolist() == [True] + [False] * 11


def test_the_convention_is_asked_for():
    with pytest.raises(ValueError, match=r"`convention` must be one of k, min\. Received: 'R'"):
        metrics.precision_at_k(np.zeros((1, 2)), np.ones((1, 2), bool), 1, "R")
