"""The loop: steps, log, evaluations, checkpoints."""

import contextlib
import sys
import time

import numpy as np
import tensorflow as tf
from absl import flags, logging
from tqdm import tqdm

from recipes.common import optimizers, precision, strategies, termination
from recipes.common.checkpoints import Checkpoints
from recipes.common.preemption import Preemption
from recipes.common.train_step import TrainStep
from recipes.common.training_batches import next_batch
from tfsbir import files
from tfsbir.errors import InputError

FLAGS = flags.FLAGS
NOT_FINITE = "not_finite.json"
NAMED = 3  # Images of a batch that an error names; the file names all.


def define_training_flags(steps, batch_size, learning_rate, has_views=True):
    """Declares the flags of a recipe that trains, with its own defaults.

    One that does not average over views of an image has no flag for their number.
    """
    flags.DEFINE_integer("steps", steps, "Training steps.", lower_bound=1)
    flags.DEFINE_integer("batch_size", batch_size, "Sketches in a batch, over all replicas.", lower_bound=1)
    flags.DEFINE_integer(
        "accumulate", 1,
        "Parts that a batch is cut into, one after the other, to save memory. Their gradients are averaged; "
        "what a loss compares within a batch, it then compares within a part.", lower_bound=1,
    )  # fmt: skip
    flags.DEFINE_integer("seed", 0, "Seed of weights, order and augmentation.", lower_bound=0)
    flags.DEFINE_integer("eval_every", 100, "Steps between evaluations (one view).", lower_bound=1)
    flags.DEFINE_integer("log_every", 1, "Steps between lines of metrics.jsonl.", lower_bound=1)
    flags.DEFINE_integer("checkpoint_every", 50, "Steps between checkpoints.", lower_bound=1)
    if has_views:
        flags.DEFINE_enum("num_views", "10", ["1", "10"], "Views that the final evaluation averages.")
    flags.DEFINE_bool("jit", False, "Compile the training step by XLA.")
    optimizers.define_optimizer_flags(learning_rate)
    precision.define_precision_flag()
    strategies.define_strategy_flags()
    for module in (optimizers, precision, strategies):
        flags.adopt_module_key_flags(module)


def train(
    run, models, optimizer, strategy, batches, replica_loss, evaluate, own_optimizers=None, before_step=None,
    stopping=None,
):  # fmt: skip
    """Runs the loop; resumes where the newest checkpoint is.

    A run that is resumed does what it would have done: steps, log and evaluations are the same, wherever it
    was killed. On SIGTERM it saves a checkpoint and ends the program with exit code 0. Of several processes
    that train together (--strategy=multi_worker) only the first comes back; the others end here, with 0, too.

    Args:
        run: `RunDirectory` that has been started.
        models: Dict from a name in the checkpoint to a `keras.Model` or a layer; their trainable variables,
            each once, are what is trained.
        optimizer: Keras optimizer, made in the strategy's scope.
        strategy: `tf.distribute.Strategy`.
        batches: `Batches`.
        replica_loss: Function from a replica's batch to its share of the loss, a scalar. A loss reduced
            by Keras is divided by the number of replicas already, so the shares sum up. For a training in
            stages a dict of such functions, by the number of steps after which each takes over; one of
            them is 0.
        evaluate: Function without arguments which returns a dict of metrics, for the log.
        own_optimizers: Dict from names in `models` to optimizers which train these in place of `optimizer`;
            one of these may be a layer of another model, whose other layers `optimizer` trains. They rest in
            a stage whose loss does not ask for what they train.
        before_step: Function of the number of steps done, called before each step's batch is asked for.
        stopping: `EarlyStopping`, which observes each evaluation, one after the last step too, and may end
            training before it; or None.
    Returns: Seconds of training, evaluations included, over all the times the run was resumed.
    Raises: `InputError` if loss or gradients are not finite, the run directory cannot be written to, no
        checkpoint can be read, or another process that trains together with this one has read another or is
        gone.
    """
    own_optimizers = own_optimizers or {}
    all_optimizers, variables = [optimizer, *own_optimizers.values()], _trained(models, own_optimizers)
    with strategy.scope():
        for one, trained in zip(all_optimizers, variables, strict=True):
            one.build(trained)
    loss_scale = precision.LossScale() if FLAGS.precision == "mixed_float16" else None
    progress = {
        "step": tf.Variable(0, dtype=tf.int64, trainable=False),
        # The last step whose evaluation is over: SIGTERM may come in the middle of one.
        "evaluated": tf.Variable(0, dtype=tf.int64, trainable=False),
        "seconds": tf.Variable(0.0, dtype=tf.float64, trainable=False),
    }
    held = {
        **models,
        "random_states": _random_states(models),
        "optimizer": optimizer,
        "own_optimizers": own_optimizers,
        "stopping": {} if stopping is None else stopping.state,
        "loss_scale": {} if loss_scale is None else loss_scale.state,
        "progress": progress,
    }
    checkpoints = Checkpoints(run, held, strategies.is_chief(strategy))
    checkpoints.restore()
    start = int(progress["step"].numpy())
    strategies.check_begins_with_all(strategy, start)
    if start:
        logging.info("Resuming %s after step %d.", run.path, start)
    stages = replica_loss if isinstance(replica_loss, dict) else {0: replica_loss}
    train_steps = {
        first: TrainStep(strategy, all_optimizers, variables, loss, loss_scale)
        for first, loss in stages.items()
    }
    loop = _Loop(run, strategy, batches, train_steps, evaluate, before_step, stopping, progress, checkpoints)
    try:
        loop.go_on()
    except termination.Terminated:
        with contextlib.suppress(termination.Terminated):  # Once more, as soon as the checkpoint is whole.
            loop.save()
        logging.info("Asked to end after step %d; %s.", loop.step, checkpoints.newest_text())
        raise
    except OSError as error:
        raise InputError(
            f"{error.filename or run.path}: expected to be written to after step {loop.step}; "
            f"{error.strerror or error} ({checkpoints.newest_text()})"
        ) from None
    except strategies.LOST as error:
        if strategies.num_workers(strategy) == 1:
            raise
        hint = f"start all again, {checkpoints.newest_text()}"
        raise strategies.lost(error, f"after step {loop.step}", hint) from None
    finally:
        loop.close()
    if not strategies.is_chief(strategy):
        logging.info("Trained; the first worker measures and saves.")
        raise SystemExit(0)
    return float(progress["seconds"].numpy())


class _Loop:
    """What `train` does over and over. See there."""

    def __init__(
        self, run, strategy, batches, train_steps, evaluate, before_step, stopping, progress, checkpoints
    ):  # fmt: skip
        self.run = run
        self.strategy = strategy
        self.batches = batches
        self.train_steps = train_steps
        self.evaluate = evaluate
        self.before_step = before_step
        self.stopping = stopping
        self.progress = progress
        self.checkpoints = checkpoints
        self.saved = self.step
        self.begun, self.seconds_before = time.monotonic(), float(progress["seconds"].numpy())
        self.preemption = Preemption(strategy, checkpoints)
        self.drawn = batches.distributed(strategy, self.step)
        self.bar = tqdm(
            total=FLAGS.steps, initial=self.step, unit="step", desc="train", file=sys.stderr,
            dynamic_ncols=True,
        )  # fmt: skip

    @property
    def step(self):
        """The number of steps that are done."""
        return int(self.progress["step"].numpy())

    def go_on(self):
        """Goes on to the end of the training. What is done of it does not hang on where it begins."""
        while True:
            self._count_seconds()
            self.preemption.save_if_asked(self.step)
            if self._is_evaluation_due():
                self._evaluate()
            if self.step > self.saved and (self.step % FLAGS.checkpoint_every == 0 or self._is_over()):
                self.save()
            if self._is_over():
                self.preemption.end_if_asked()
                return
            self._take_step()

    def close(self):
        """Ends what shows the course of the training, and what waits for signals."""
        self.bar.close()
        self.preemption.close()

    def save(self):
        """Saves a checkpoint, if there is anything new."""
        if self.step == self.saved:
            return
        with termination.held():
            self._count_seconds()
            self.checkpoints.save(self.step)
            self.saved = self.step
            if self.stopping is not None:
                self.stopping.forget_others()

    def _is_over(self):
        return self.step == FLAGS.steps or (self.stopping is not None and self.stopping.is_due)

    def _is_evaluation_due(self):
        if self.step == int(self.progress["evaluated"].numpy()):
            return False
        if self.step == FLAGS.steps:  # The recipe measures the last step itself.
            return self.stopping is not None
        return self.step % FLAGS.eval_every == 0

    def _evaluate(self):
        found = strategies.agreed(self.strategy, self.evaluate())
        with termination.held():
            self.run.log_metrics(self.step, found)
            if self.stopping is not None:
                self.stopping.observe(self.step, found)
            self.progress["evaluated"].assign(self.step)

    def _take_step(self):
        step = self.step + 1
        if self.before_step is not None:
            self.before_step(step - 1)
        parts = [next_batch(self.drawn) for _ in range(FLAGS.accumulate)]
        stage = max(first for first in self.train_steps if first < step)
        with termination.held():
            loss, norm = self.train_steps[stage](parts)
            if not np.isfinite(loss) or not (norm is None or np.isfinite(norm)):
                raise self._not_finite(step, loss, norm)
            self.progress["step"].assign(step)
            self.bar.update()
            self.bar.set_postfix(loss=f"{loss:.4f}")
            if step % FLAGS.log_every == 0 or step == FLAGS.steps:
                logged = {"train/loss": loss}
                if FLAGS.clip_norm is not None and norm is not None:
                    logged["train/gradient_norm"] = norm
                self.run.log_metrics(step, logged)

    def _not_finite(self, step, loss, norm):
        """Returns the error of a step after which the weights are worth nothing; writes what it was about."""
        what, value = ("loss", loss) if not np.isfinite(loss) else ("gradients", norm)
        images = self.batches.names(step)
        where = ""
        with contextlib.suppress(OSError):  # What is told without it matters more.
            path = self.run.path / NOT_FINITE
            files.write_json(path, {"step": step, what: str(value), "images": images})
            where = f"all in {path}; "
        some = ", ".join(
            f"{domain} {', '.join(names[:NAMED])}{' ...' if len(names) > NAMED else ''}"
            for domain, names in images.items()
        )
        return InputError(
            f"{what} must be finite; try a smaller `learning_rate`. Received: {value} at step {step} of "
            f"{some} ({where}{self.checkpoints.newest_text()})"
        )

    def _count_seconds(self):
        self.progress["seconds"].assign(self.seconds_before + time.monotonic() - self.begun)


def _trained(models, own_optimizers):
    """Returns what is trained by each optimizer, a list of lists of variables, each variable once."""
    own_variables = [models[name].trainable_variables for name in own_optimizers]
    own_ids = {id(variable) for trained in own_variables for variable in trained}
    shared = [model for name, model in models.items() if name not in own_optimizers]
    shared = {id(v): v for model in shared for v in model.trainable_variables}
    return [[v for key, v in shared.items() if key not in own_ids], *own_variables]


def _random_states(models):
    """Returns the states of dropout and the like, which TensorFlow does not find in a Keras model (3.15)."""
    states = {}
    for model in models.values():
        weights = {id(weight) for weight in model.weights}
        states |= {id(v): v.value for v in model.variables if id(v) not in weights}
    return list(states.values())
