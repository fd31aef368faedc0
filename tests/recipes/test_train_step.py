"""One step against the gradient of a linear model written out, in every way that a step can be taken."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from recipes.common import optimizers, train_step
from recipes.common.precision import FIRST_SCALE, LossScale
from recipes.common.train_step import TrainStep

RATE = 0.1
ROWS = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
LABELS = np.random.default_rng(1).normal(size=(8, 2)).astype("float32")


def set_flags(monkeypatch, **flags):
    flags = {"accumulate": 1, "clip_norm": None, "jit": False, **flags}
    monkeypatch.setattr(train_step, "FLAGS", types.SimpleNamespace(**flags))


class Linear:
    """A matrix whose outputs are to be the labels, in the mean square."""

    def __init__(self, loss_scale=None, factor=1.0):
        self.matrix = keras.Variable(np.arange(6, dtype="float32").reshape(3, 2) / 6)
        self.optimizer = keras.optimizers.SGD(RATE)
        self.optimizer.build([self.matrix])
        self.factor = tf.Variable(factor)
        self.step = TrainStep(
            tf.distribute.get_strategy(), [self.optimizer], [[self.matrix]], self.loss, loss_scale
        )

    def loss(self, batch):
        rows, labels = batch
        return self.factor * tf.reduce_mean(tf.square(rows @ tf.convert_to_tensor(self.matrix) - labels))

    def gradient(self):
        """Returns the gradient for all rows, written out."""
        return 2 * ROWS.T @ (ROWS @ np.asarray(self.matrix) - LABELS) / LABELS.size


def parts(count):
    return [
        tuple(map(tf.constant, part))
        for part in zip(np.split(ROWS, count), np.split(LABELS, count), strict=True)
    ]


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("clip_norm", [None, 0.25, 100.0])
def test_a_batch_in_parts_is_a_batch(monkeypatch, count, clip_norm, jit):
    set_flags(monkeypatch, accumulate=count, clip_norm=clip_norm, jit=jit)
    linear = Linear()
    for _ in range(3):
        before, gradient = np.asarray(linear.matrix), linear.gradient()
        expected_loss = np.mean(np.square(ROWS @ before - LABELS))
        loss, norm = linear.step(parts(count))
        assert loss == pytest.approx(expected_loss, rel=1e-5)
        assert norm == pytest.approx(np.linalg.norm(gradient), rel=1e-5)
        if clip_norm is not None:
            gradient = gradient * min(1, clip_norm / np.linalg.norm(gradient))
        np.testing.assert_allclose(np.asarray(linear.matrix), before - RATE * gradient, atol=1e-6)
    assert int(linear.optimizer.iterations.numpy()) == 3


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("loss_scale", [False, True])
def test_a_gradient_of_zero_is_short_enough(monkeypatch, count, loss_scale):
    set_flags(monkeypatch, accumulate=count, clip_norm=0.25)
    linear = Linear(LossScale() if loss_scale else None, factor=0.0)
    before = np.asarray(linear.matrix)
    assert linear.step(parts(count)) == (0.0, 0.0)
    np.testing.assert_array_equal(np.asarray(linear.matrix), before)


@pytest.mark.parametrize("clip_norm", [None, 0.25])
def test_what_a_loss_does_not_ask_for_rests(monkeypatch, clip_norm):
    for count in (1, 2):
        set_flags(monkeypatch, accumulate=count, clip_norm=clip_norm)
        linear, other = Linear(), keras.Variable(np.ones(2, "float32"))
        own = keras.optimizers.SGD(RATE, weight_decay=0.5)
        own.build([other])
        step = TrainStep(
            linear.step.strategy, [linear.optimizer, own], [[linear.matrix], [other]], linear.loss
        )
        step(parts(count))
        np.testing.assert_array_equal(other, [1, 1])
        assert int(own.iterations.numpy()) == 0
        assert int(linear.optimizer.iterations.numpy()) == 1


def test_a_scaled_loss_gives_the_same_step(monkeypatch):
    set_flags(monkeypatch)
    plain, scaled = Linear(), Linear(LossScale())
    for linear in (plain, scaled):
        _, norm = linear.step(parts(1))
        assert norm == pytest.approx(np.linalg.norm(Linear().gradient()), rel=1e-5)
    np.testing.assert_allclose(np.asarray(scaled.matrix), np.asarray(plain.matrix), atol=1e-6)


def test_a_step_that_overflows_is_left_out_and_the_scale_is_halved(monkeypatch):
    set_flags(monkeypatch)
    scale = LossScale()
    linear = Linear(scale, factor=1e35)  # Times the scale it is infinite, by itself it is not.
    before = np.asarray(linear.matrix)
    loss, norm = linear.step(parts(1))
    assert np.isfinite(loss) and norm is None
    np.testing.assert_array_equal(linear.matrix, before)
    assert float(scale.value.numpy()) == FIRST_SCALE / 2
    assert int(linear.optimizer.iterations.numpy()) == 0
    linear.factor.assign(1.0)
    _, norm = linear.step(parts(1))  # Nothing of the infinite gradients is left.
    np.testing.assert_allclose(np.asarray(linear.matrix), before - RATE * Linear().gradient(), atol=1e-6)
    assert norm == pytest.approx(np.linalg.norm(Linear().gradient()), rel=1e-5)


def test_the_scale_grows_after_long_peace_and_does_not_hide_what_is_infinite_without_it(monkeypatch):
    monkeypatch.setattr("recipes.common.precision.STEPS_TO_DOUBLE", 3)
    scale = LossScale()
    assert all(scale.observe(1.0) for _ in range(3))
    assert float(scale.value.numpy()) == 2 * FIRST_SCALE
    for _ in range(16):
        assert not scale.observe(np.inf)
    assert float(scale.value.numpy()) == 1
    assert scale.observe(np.inf)  # The loop then says that gradients are not finite.


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"schedule": "constant"}, [1, 1, 1, 1, 1, 1]),
        ({"schedule": "cosine"}, [(1 + np.cos(np.pi * step / 5)) / 2 for step in range(6)]),
        ({"schedule": "step", "decay_every": 2, "decay_factor": 0.5}, [1, 1, 0.5, 0.5, 0.25, 0.25]),
    ],
)
@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_the_learning_rate_follows_its_schedule(monkeypatch, name, flags, expected):
    flags = types.SimpleNamespace(learning_rate=0.2, steps=5, **flags)
    monkeypatch.setattr(optimizers, "FLAGS", flags)
    optimizer = optimizers.make_optimizer(name, 0.0)
    variable = keras.Variable(1.0)
    optimizer.build([variable])
    rates = []
    for _ in expected:
        rates.append(float(optimizer.learning_rate.numpy()))
        optimizer.apply([tf.constant(0.0)], [variable])
    np.testing.assert_allclose(rates, 0.2 * np.array(expected), rtol=1e-6, atol=1e-9)
