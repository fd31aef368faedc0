import math

import numpy as np
import pytest

import tfsbir
from tests.common import assert_near, check_finite_gradients, check_loss, loss_and_gradients

LABELS = np.array([7, 3, 7, 2**24, 3, 3, 9, 7], "int32")


@pytest.fixture(scope="module")
def rows():
    return tuple(np.random.default_rng(0).normal(0, 0.5, (2, 8, 5)).astype("float32"))


def pair_cost(one, other, y, positive_scale, negative_scale):
    """l = (1 - y) alpha D^2 + y beta e^(gamma D), y = 1 of two categories."""
    distance = sum(abs(a - b) for a, b in zip(one.tolist(), other.tolist(), strict=True))
    alpha, beta, gamma = 1 / positive_scale, negative_scale, -2.77 / negative_scale
    return (1 - y) * alpha * distance**2 + y * beta * math.exp(gamma * distance)


def loops(labels, sketch, photo, *scales):
    """The mean over the other rows of l(s1, s2, y) + l(v1, v2, y) + l(s1, v1, y), v1 of s2's category."""
    values = []
    for i in range(len(labels)):
        costs = []
        for j in range(len(labels)):
            if i != j:
                y = int(labels[i] != labels[j])
                pairs = ((sketch[i], sketch[j]), (photo[i], photo[j]), (sketch[i], photo[j]))
                costs.append(sum(pair_cost(one, other, y, *scales) for one, other in pairs))
        values.append(sum(costs) / len(costs) if costs else 0.0)
    return np.array(values)


@pytest.mark.parametrize("scales", [(0.2, 10.0), (1.0, 3.0)])
def test_equals_loops(rows, scales):
    loss = tfsbir.losses.CrossDomainContrastive(*scales, reduction=None)
    assert_near(loss(LABELS, rows), loops(LABELS, *rows, *scales))


@pytest.mark.parametrize("labels", [[4, 4], [4, 5]])
def test_two_rows_are_the_paper_s_pair_with_its_constants(labels):
    (s1, s2), (v2, v1) = sketch, photo = np.random.default_rng(1).normal(0, 0.5, (2, 2, 5)).astype("float32")
    y = int(labels[0] != labels[1])
    expected = sum(pair_cost(*pair, y, 0.2, 10.0) for pair in ((s1, s2), (v1, v2), (s1, v1)))
    loss = tfsbir.losses.CrossDomainContrastive(reduction=None)
    assert_near(loss(np.array(labels), (sketch, photo))[0], expected)


def test_gradients_equal_differences(rows):
    """Central differences of the loops, in double precision."""
    rows = tuple(x.astype("float64") for x in rows)
    loss = tfsbir.losses.CrossDomainContrastive(1.0, 3.0, reduction="sum")
    _, gradients = loss_and_gradients(loss, LABELS, tuple(x.astype("float32") for x in rows))
    for which in range(2):
        expected = np.zeros_like(rows[which])
        for place in np.ndindex(expected.shape):
            moved = [[x.copy() for x in rows] for _ in range(2)]
            moved[0][which][place] += 1e-6
            moved[1][which][place] -= 1e-6
            high, low = (loops(LABELS, *each, 1.0, 3.0).sum() for each in moved)
            expected[place] = (high - low) / 2e-6
        np.testing.assert_allclose(gradients[which], expected, rtol=0, atol=1e-4)


def test_all_modes(rows):
    check_loss(lambda **kwargs: tfsbir.losses.CrossDomainContrastive(1.0, 3.0, **kwargs), LABELS, rows)


def test_equal_embeddings_cost_nothing_if_alike_and_the_whole_scale_if_not(rows):
    equal = (np.repeat(rows[0][:1], 8, axis=0),) * 2
    share = np.mean(LABELS[:, None] != LABELS[None, :], axis=1) * 8 / 7
    loss = tfsbir.losses.CrossDomainContrastive(reduction=None)
    values, gradients = loss_and_gradients(loss, LABELS, equal)
    assert_near(values, 30.0 * share)
    for gradient in gradients:
        np.testing.assert_array_equal(gradient, 0)


def test_a_single_row_costs_nothing(rows):
    loss = tfsbir.losses.CrossDomainContrastive(reduction=None)
    np.testing.assert_array_equal(loss(LABELS[:1], tuple(x[:1] for x in rows)), [0.0])


def test_degenerate_batches_have_finite_gradients(rows):
    loss = tfsbir.losses.CrossDomainContrastive(reduction=None)
    for labels in (LABELS, np.zeros(8), np.arange(8)):
        check_finite_gradients(loss, labels, (rows[0], rows[0]))
        check_finite_gradients(loss, labels, (np.repeat(rows[0][:1], 8, axis=0),) * 2)
        check_finite_gradients(loss, labels, (np.zeros_like(rows[0]),) * 2)
        check_finite_gradients(loss, labels, tuple(1e4 * x for x in rows))
    check_finite_gradients(loss, LABELS[:1], tuple(x[:1] for x in rows))


@pytest.mark.parametrize("argument", ["positive_scale", "negative_scale"])
def test_bad_scales(argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be > 0. Received: 0"):
        tfsbir.losses.CrossDomainContrastive(**{argument: 0})
