import math

import numpy as np
import pytest

from tests.common import assert_near, check_finite_gradients, check_loss
from tfsbir.losses import DomainConfusion


@pytest.fixture(scope="module")
def logits():
    return tuple(2 * np.random.default_rng(0).normal(size=(3, 6)).astype("float32"))


def loops(sketch, positive, negative):
    """-log of the probability of the right domain: 1 - f(e) of a sketch, f(e) of a photo."""
    values = []
    for s, p, n in zip(sketch.tolist(), positive.tolist(), negative.tolist(), strict=True):
        probability = [1 / (1 + math.exp(-x)) for x in (s, p, n)]
        values.append(
            -(math.log(1 - probability[0]) + math.log(probability[1]) + math.log(probability[2])) / 3
        )
    return np.array(values)


def test_equals_loops_with_a_column_or_without(logits):
    loss = DomainConfusion(reduction=None)
    assert_near(loss(np.zeros(6), logits), loops(*logits))
    assert_near(loss(np.zeros(6), tuple(one[:, None] for one in logits)), loops(*logits))


def test_all_modes(logits):
    check_loss(DomainConfusion, np.zeros(6), logits)


def test_a_sure_classifier_costs_nothing_or_much_and_no_guess_log_2():
    loss = DomainConfusion()
    sure = np.full(4, 200.0, "float32")
    assert_near(loss(np.zeros(4), (-sure, sure, sure)), 0.0)
    assert_near(loss(np.zeros(4), (sure, -sure, -sure)), 200.0)
    assert_near(loss(np.zeros(4), (0 * sure,) * 3), math.log(2))
    check_finite_gradients(loss, np.zeros(4), (sure, -sure, 0 * sure))


def test_logits_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"of shape \(batch,\) or \(batch, 1\). Received: \(4, 2\)"):
        DomainConfusion()(np.zeros(4), (np.zeros((4, 2), "float32"),) * 3)
