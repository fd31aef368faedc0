import math

import keras
import numpy as np
import pytest

import tfsbir
from tests.common import assert_near, check_finite_gradients, check_loss

RNG = np.random.default_rng(0)
PHOTO, SKETCH = (RNG.normal(size=(6, dim)).astype("float32") for dim in (5, 4))
FOUND = tuple(RNG.normal(size=(6, dim)).astype("float32") for dim in (5, 4, 3, 3))


@keras.saving.register_keras_serializable(package="tests")
class OfThesePairs(tfsbir.losses.EvidenceBound):
    """Takes what was found alone, as the shared check gives it."""

    def call(self, y_true, y_pred):
        return super().call((keras.ops.convert_to_tensor(PHOTO), keras.ops.convert_to_tensor(SKETCH)), y_pred)


def loops(photo, sketch, found, kl_weight, sketch_weight):
    """The sum as it is written, value by value, in float64."""
    rows = []
    for row in range(len(photo)):
        x, s, mean, log_variance = (values[row].astype("float64") for values in found)
        cost = sum((a - b) ** 2 for a, b in zip(photo[row], x, strict=True)) / 2
        cost += sketch_weight * sum((a - b) ** 2 for a, b in zip(sketch[row], s, strict=True)) / 2
        for m, log_v in zip(mean, log_variance, strict=True):
            cost += kl_weight * (m**2 + math.exp(log_v) - log_v - 1) / 2
        rows.append(cost)
    return np.array(rows)


@pytest.mark.parametrize(("kl_weight", "sketch_weight"), [(1.0, 0.0), (0.3, 2.0), (0.0, 0.0)])
def test_equals_loops(kl_weight, sketch_weight):
    loss = tfsbir.losses.EvidenceBound(kl_weight, sketch_weight, reduction=None)
    assert_near(loss((PHOTO, SKETCH), FOUND), loops(PHOTO, SKETCH, FOUND, kl_weight, sketch_weight))


def test_the_divergence_is_the_mean_of_the_log_ratio_over_draws():
    """Monte Carlo: the mean of log q(z) - log p(z) over z drawn from q, of which the constants cancel."""
    mean, log_variance = np.array([0.8, -0.3, 0.0]), np.array([-1.0, 0.5, 0.0])
    noise = np.random.default_rng(1).normal(size=(400_000, 3))
    z = mean + np.exp(log_variance / 2) * noise
    log_ratio = (z**2 / 2 - noise**2 / 2 - log_variance / 2).sum(1)
    loss = tfsbir.losses.EvidenceBound(reduction=None)
    found = loss(
        (PHOTO[:1], SKETCH[:1]),
        (PHOTO[:1], SKETCH[:1], mean[None].astype("float32"), log_variance[None].astype("float32")),
    )
    error = log_ratio.std() / math.sqrt(len(log_ratio))
    assert abs(float(found[0]) - log_ratio.mean()) < 5 * error < 0.02


def test_it_bounds_the_evidence_of_a_linear_model():
    """Of x = z + noise the evidence is known, N(0, 2), and the best Gaussian, N(x / 2, 1 / 2), reaches it.

    The mean over draws of z of `|x - z|^2 / 2` stands for one draw: its expectation is (x - m)^2 / 2 + v / 2.
    """
    x = 1.7
    evidence = -(x**2) / 4 - math.log(2) / 2  # But for the constant that the loss leaves out.
    loss = tfsbir.losses.EvidenceBound(reduction=None)
    for mean, variance in ((x / 2, 0.5), (x / 2, 1.0), (0.2, 0.5)):
        expected_square = (x - mean) ** 2 + variance
        found = np.float32([[x - math.sqrt(expected_square)]])
        inputs = (found, np.zeros((1, 1)), np.float32([[mean]]), np.float32([[math.log(variance)]]))
        value = float(loss((np.float32([[x]]), np.zeros((1, 1))), inputs)[0])
        if (mean, variance) == (x / 2, 0.5):
            assert value == pytest.approx(-evidence, abs=1e-6)
        else:
            assert value > -evidence + 1e-3


def test_all_modes():
    check_loss(lambda **kwargs: OfThesePairs(0.5, 2.0, **kwargs), np.zeros(len(PHOTO)), FOUND)


def test_perfect_reconstruction_from_the_prior_costs_nothing():
    zero = np.zeros((6, 3), "float32")
    loss = tfsbir.losses.EvidenceBound(1.0, 1.0, reduction=None)
    np.testing.assert_array_equal(loss((PHOTO, SKETCH), (PHOTO, SKETCH, zero, zero)), np.zeros(6))
    check_finite_gradients(OfThesePairs(1.0, 1.0), np.zeros(6), (PHOTO, SKETCH, zero, zero))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kl_weight": -1.0}, "`kl_weight` must be >= 0. Received: -1.0"),
        ({"sketch_weight": math.nan}, "`sketch_weight` must be >= 0. Received: nan"),
    ],
)
def test_bad_weights(arguments, message):
    with pytest.raises(ValueError, match=message):
        tfsbir.losses.EvidenceBound(**arguments)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (
            ((6, 4), (6, 4), (6, 3), (6, 3)),
            r"of `photo` must both be \(batch, dim\). .*\(6, 5\) and \(6, 4\)",
        ),
        (((6, 5), (5, 4), (6, 3), (6, 3)), r"of `sketch` must both .*: \(6, 4\) and \(5, 4\)"),
        (((6, 5), (6, 4), (6, 3), (6, 2)), r"of `mean and log_variance` must .*: \(6, 3\) and \(6, 2\)"),
        (((6, 5), (6, 4), (6,), (6,)), r"Received shapes: \(6,\) and \(6,\)"),
    ],
)
def test_shapes_that_do_not_fit(shapes, message):
    with pytest.raises(ValueError, match=message):
        tfsbir.losses.EvidenceBound()((PHOTO, SKETCH), tuple(np.zeros(shape, "float32") for shape in shapes))
