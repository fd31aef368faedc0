import keras
import numpy as np
import pytest
import tensorflow as tf

from recipes.common.early_stopping import EarlyStopping
from tfsbir.runs import RunDirectory


@pytest.fixture
def model():
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])


def stopping_of(path, model, patience=2):
    path.mkdir(exist_ok=True)
    return EarlyStopping(RunDirectory(path), {"model": model}, "mAP", patience)


def observe(stopping, model, values, first_step=1):
    """Observes values one step after the other, the weights being the number of the step."""
    for step, value in enumerate(values, first_step):
        model.set_weights([np.full_like(weight, step) for weight in model.get_weights()])
        stopping.observe(step, {"mAP": value, "other": 0.0})


def test_the_first_of_the_best_comes_back_when_patience_is_over(tmp_path, model):
    stopping = stopping_of(tmp_path / "run", model)
    observe(stopping, model, [0.1, 0.3, 0.2])
    assert not stopping.is_due
    observe(stopping, model, [0.3], first_step=4)
    assert stopping.is_due
    assert (stopping.best, stopping.best_step) == (0.3, 2)
    stopping.restore_best()
    assert np.all(model.get_weights()[0] == 2)


def test_a_better_value_gives_patience_back(tmp_path, model):
    stopping = stopping_of(tmp_path / "run", model)
    observe(stopping, model, [0.1, 0.0, 0.2, 0.1])
    assert not stopping.is_due


def test_a_killed_run_finds_the_best_of_its_checkpoint(tmp_path, model):
    stopping = stopping_of(tmp_path / "run", model)
    checkpoint = tf.train.Checkpoint(stopping=stopping.state)
    observe(stopping, model, [0.2, 0.1])
    path = checkpoint.save(tmp_path / "checkpoint")
    stopping.forget_others()
    observe(stopping, model, [0.5], first_step=3)  # Lost with the kill, though its weights were written.
    assert sorted(file.name for file in (tmp_path / "run").iterdir()) == ["best-1.npz", "best-3.npz"]
    again = stopping_of(tmp_path / "run", model)
    tf.train.Checkpoint(stopping=again.state).restore(path).assert_consumed()
    assert (again.best, again.best_step, again.is_due) == (0.2, 1, False)
    again.restore_best()
    assert np.all(model.get_weights()[0] == 1)
    observe(again, model, [0.1], first_step=3)
    assert again.is_due
    again.forget_others()
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["best-1.npz"]
