"""A recipe of seconds: the loop that all share, on numbers in place of images.

`--fault` makes something go wrong on its way.
"""

import os
import resource
import signal
import time
import types

import keras
import numpy as np
import tensorflow as tf
from absl import flags

from recipes.common import data, optimizers, running, strategies, training
from recipes.common.early_stopping import EarlyStopping
from recipes.common.precision import use_precision
from recipes.common.training_batches import Batches
from tests.recipes.tiny_runs import is_at
from tfsbir import command
from tfsbir.layers import ReplicaDropout

FLAGS = flags.FLAGS
IDS = tuple(f"row-{index}" for index in range(100))
FAULTS = (
    "none", "slow_evaluation", "slow_steps", "slow_measurement", "asked_at_the_end", "killed_at_the_end",
    "no_room", "no_room_for_best", "workdir_gone", "not_finite", "gradient_not_finite",
)  # fmt: skip
MOST_BYTES = 2**16  # What is printed is a file, too, in tests.
FAULT_AT = 7  # Steps that are done when it happens.

training.define_training_flags(steps=20, batch_size=8, learning_rate=0.05, has_views=False)
flags.DEFINE_enum("fault", "none", FAULTS, "What goes wrong.")
flags.DEFINE_integer("hidden", 8, "Width of the network; with 8000 its files are larger than `MOST_BYTES`.")
flags.DEFINE_string("fingerprint", "data", "Which data these are.")
for module in (data, running, training):
    flags.adopt_module_key_flags(module)


def main(_):
    strategy = strategies.make_strategy()
    use_precision()
    with strategy.scope():
        model = keras.Sequential([
            keras.Input((4,)), keras.layers.Dense(FLAGS.hidden, activation="relu"), ReplicaDropout(0.3),
            keras.layers.Dense(3, dtype="float32"),
        ])  # fmt: skip
        optimizer = optimizers.make_optimizer("adam", 1e-3)
    split = types.SimpleNamespace(photo_input="rgb", fingerprint=FLAGS.fingerprint)
    reader = types.SimpleNamespace(edge_model=None)
    run = running.start_run("tiny_training", split, {}, strategy, reader)
    if run.result is not None:
        running.print_json(run.result)
        return
    stopping = EarlyStopping(run, {"model": model}, "test/error", patience=100)
    squared = keras.losses.MeanSquaredError()
    factor = tf.Variable(1.0, trainable=False)

    def replica_loss(batch):
        loss = squared(batch["label"], model(batch["row"], training=True))
        if FLAGS.fault == "gradient_not_finite":
            loss = with_bad_gradient(loss)
        return loss * factor

    def before_step(step):
        if FLAGS.fault == "slow_steps":
            time.sleep(0.05)
        if step == FAULT_AT:
            if FLAGS.fault == "workdir_gone":
                os.rename(run.path, f"{run.path}-moved")
            elif FLAGS.fault.startswith("no_room"):
                # Files that are larger are cut short from here on, as all are on a full disk.
                resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, resource.RLIM_INFINITY))
            elif FLAGS.fault == "not_finite":
                factor.assign(np.inf)

    def evaluate():
        if FLAGS.fault == "asked_at_the_end" and is_at(run.path, 20)() and strategies.is_chief(strategy):
            os.kill(os.getpid(), signal.SIGTERM)
        if FLAGS.fault == "slow_evaluation":
            (run.path / "evaluating").touch()
            time.sleep(60)
        if FLAGS.fault == "no_room_for_best" and resource.getrlimit(resource.RLIMIT_FSIZE)[0] == MOST_BYTES:
            return {"test/error": 1.0}
        row, label = rows(1000, 32)
        return {"test/error": -float(squared(label, model(row)))}

    training.train(
        run, {"model": model}, optimizer, strategy, Batches(make_batches, names), replica_loss, evaluate,
        before_step=before_step, stopping=stopping,
    )  # fmt: skip
    if FLAGS.fault == "slow_measurement":
        (run.path / "measuring").touch()
        time.sleep(60)
    run.log_metrics(FLAGS.steps, {"best_step": stopping.best_step})
    if FLAGS.fault == "killed_at_the_end":
        os.kill(os.getpid(), signal.SIGKILL)
    last = np.concatenate([np.ravel(weight) for weight in model.get_weights()])
    stopping.restore_best()
    best = np.concatenate([np.ravel(weight) for weight in model.get_weights()])
    result = {"best_step": stopping.best_step, "last": last.tolist(), "best": best.tolist()}
    run.write_result(result)
    running.print_json(result)


@tf.custom_gradient
def with_bad_gradient(loss):
    return tf.identity(loss), lambda upstream: upstream * np.nan


def rows(step, count):
    """Returns the numbers of a step, and what is to be learned of them."""
    row = tf.random.stateless_normal([count, 4], [FLAGS.seed, step])
    return row, tf.stack([row[:, 0] * row[:, 1], tf.abs(row[:, 2]), row[:, 3]], axis=1)


def make_batches(start, own_rows):
    own = range(FLAGS.batch_size) if own_rows is None else own_rows

    def make(step):
        row, label = (tf.gather(values, own) for values in rows(step, FLAGS.batch_size))
        return {"row": row, "label": label}

    return tf.data.Dataset.range(start, FLAGS.steps, output_type=tf.int32).map(make)


def names(step):
    return {"sketch": [IDS[(step * FLAGS.batch_size + row) % len(IDS)] for row in range(FLAGS.batch_size)]}


if __name__ == "__main__":
    command.run(main)
