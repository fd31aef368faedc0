"""Measures of rankings equal what public packages compute, as `make_retrieval_metrics.py` wrote it down."""

import json
from pathlib import Path

import numpy as np
import pytest

from tfsbir import metrics

GOLDEN = json.loads(Path(__file__).with_name("retrieval_metrics.json").read_text(encoding="utf-8"))
KS = (1, 5, 10, 40, 60)


@pytest.mark.parametrize("case", GOLDEN)
def test_every_measure(case):
    distances = np.array(GOLDEN[case]["distances"], "float32")
    relevant = np.array(GOLDEN[case]["relevant"], bool)
    expected = {name: np.array(values, "float64") for name, values in GOLDEN[case]["metrics"].items()}
    found = metrics.retrieval_metrics(
        lambda start, stop: distances[start:stop],
        lambda start, stop: relevant[start:stop],
        len(distances),
        KS,
        block_size=3,
    )
    assert set(found.per_query) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found.per_query[name], values, rtol=0, atol=1e-6, err_msg=name)
        np.testing.assert_allclose(of_one(distances, relevant, name), values, rtol=0, atol=1e-6, err_msg=name)
        np.testing.assert_allclose(found.means()[name], np.nanmean(values), rtol=0, atol=1e-6)


def of_one(distances, relevant, name):
    """Returns what the function of one measure and one convention gives."""
    measure, _, convention = name.partition("/")
    kind, _, cutoff = measure.partition("@")
    if kind == "precision":
        return metrics.precision_at_k(distances, relevant, int(cutoff), convention or "k")
    k = None if cutoff == "all" else int(cutoff)
    return metrics.average_precision(distances, relevant, k, convention or "R")


def test_the_cases_are_what_they_are_for():
    for case, has_ties in (("distinct", False), ("ties", True), ("all_equal", True), ("few_relevant", True)):
        distances = np.array(GOLDEN[case]["distances"])
        assert any(len(set(row)) < len(row) for row in distances.tolist()) == has_ties
    num_relevant = np.sum(GOLDEN["few_relevant"]["relevant"], axis=1)
    assert set(num_relevant) == {0, 1, 2, 3}
