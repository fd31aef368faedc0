"""The loop: strategy, optimizer, steps, checkpoints."""

import re
import sys
import time

import keras
import numpy as np
import tensorflow as tf
from absl import flags, logging
from tqdm import tqdm

from tfsbir.errors import InputError

FLAGS = flags.FLAGS


def define_training_flags(steps, batch_size, learning_rate, has_views=True):
    """Declares the flags of a recipe that trains, with its own defaults.

    One that does not average over views of an image has no flag for their number.
    """
    flags.DEFINE_integer("steps", steps, "Training steps.", lower_bound=1)
    flags.DEFINE_integer("batch_size", batch_size, "Sketches in a batch, over all replicas.", lower_bound=1)
    flags.DEFINE_float("learning_rate", learning_rate, "Learning rate at the start.", lower_bound=0.0)
    flags.DEFINE_enum(
        "schedule", "cosine", ["cosine", "constant"], "Course of the learning rate, to 0 or not."
    )
    flags.DEFINE_integer("seed", 0, "Seed of weights, order and augmentation.", lower_bound=0)
    flags.DEFINE_integer("eval_every", 100, "Steps between evaluations (one view).", lower_bound=1)
    flags.DEFINE_integer("log_every", 1, "Steps between lines of metrics.jsonl.", lower_bound=1)
    flags.DEFINE_integer("checkpoint_every", 50, "Steps between checkpoints.", lower_bound=1)
    if has_views:
        flags.DEFINE_enum("num_views", "10", ["1", "10"], "Views that the final evaluation averages.")
    flags.DEFINE_enum("strategy", "one", ["one", "mirrored"], "One device, or all (tf.distribute).")
    flags.DEFINE_integer(
        "num_replicas", None, "With --strategy=mirrored: logical CPUs to train on, in place of the GPUs.",
        lower_bound=1,
    )  # fmt: skip


def make_strategy():
    """Returns the strategy that the flags ask for, and makes TensorFlow deterministic.

    Must come before anything else of TensorFlow, since logical CPUs cannot be made later.
    """
    if FLAGS.strategy == "one" and FLAGS.num_replicas not in (None, 1):
        raise InputError(f"`num_replicas` > 1 needs `strategy` mirrored. Received: {FLAGS.num_replicas}")
    if FLAGS.strategy == "mirrored" and FLAGS.num_replicas is not None:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * FLAGS.num_replicas
        )
        devices = [f"CPU:{index}" for index in range(FLAGS.num_replicas)]
        strategy = tf.distribute.MirroredStrategy(devices)
    elif FLAGS.strategy == "mirrored":
        strategy = tf.distribute.MirroredStrategy()
    else:
        strategy = tf.distribute.get_strategy()
    keras.utils.set_random_seed(FLAGS.seed)
    # A killed run that is resumed ends with an undisturbed run's numbers only if every op is exact.
    tf.config.experimental.enable_op_determinism()
    if FLAGS.batch_size % strategy.num_replicas_in_sync:
        raise InputError(
            f"`batch_size` must be a multiple of the {strategy.num_replicas_in_sync} replicas. "
            f"Received: {FLAGS.batch_size}"
        )
    return strategy


def make_optimizer(name, weight_decay, learning_rate=None):
    """Returns the optimizer `name` ("adam" or "sgd") with the schedule of the flags.

    `learning_rate` is the rate at the start, None for that of the flags.
    """
    rate = FLAGS.learning_rate if learning_rate is None else learning_rate
    if FLAGS.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, FLAGS.steps)
    if name == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, weight_decay=weight_decay)
    return keras.optimizers.AdamW(rate, weight_decay=weight_decay)


def train(
    run, models, optimizer, strategy, make_batches, replica_loss, evaluate, own_optimizers=None,
    before_step=None, stopping=None,
):  # fmt: skip
    """Runs the loop: steps, log, evaluations, checkpoints; resumes where the newest checkpoint is.

    Args:
        run: `RunDirectory`.
        models: Dict from a name in the checkpoint to a `keras.Model` or a layer; their trainable variables,
            each once, are what is trained.
        optimizer: Keras optimizer, made in the strategy's scope.
        strategy: `tf.distribute.Strategy`.
        make_batches: Function from a first step to a `tf.data.Dataset` of the global batches from there.
            Where these end before the last step it is asked again, once all steps before are done: so what
            it hands out next may hang on what happened before.
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
    Raises: `InputError` if the loss is not finite.
    """
    own_optimizers = own_optimizers or {}
    own_variables = [models[name].trainable_variables for name in own_optimizers]
    own_ids = {id(variable) for trained in own_variables for variable in trained}
    shared = [model for name, model in models.items() if name not in own_optimizers]
    shared = {id(v): v for model in shared for v in model.trainable_variables}
    variables = [[v for key, v in shared.items() if key not in own_ids], *own_variables]
    optimizers = [optimizer, *own_optimizers.values()]
    with strategy.scope():
        for one, trained in zip(optimizers, variables, strict=True):
            one.build(trained)
    seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)
    checkpoint = tf.train.Checkpoint(
        **models,
        random_states=_random_states(models),
        optimizer=optimizer,
        own_optimizers=own_optimizers,
        stopping={} if stopping is None else stopping.state,
        seconds=seconds,
    )
    manager = tf.train.CheckpointManager(checkpoint, run.checkpoints, max_to_keep=2)
    checkpoint.restore(manager.latest_checkpoint)
    start = int(optimizer.iterations.numpy())
    run.rewind_metrics(start)
    if start:
        logging.info("Resuming %s after step %d.", run.path, start)

    def make_train_step(replica_loss):
        def replica_step(batch):
            with tf.GradientTape() as tape:
                loss = replica_loss(batch)
            for one, gradients, trained in zip(
                optimizers, tape.gradient(loss, variables), variables, strict=True
            ):
                if one is optimizer or any(gradient is not None for gradient in gradients):
                    one.apply(gradients, trained)  # Sums over the replicas.
            return loss

        @tf.function(autograph=False)  # It branches on no tensor, and is traced sooner.
        def train_step(batch):
            return strategy.reduce("SUM", strategy.run(replica_step, args=(batch,)), axis=None)

        return train_step

    stages = replica_loss if isinstance(replica_loss, dict) else {0: replica_loss}
    train_steps = {first: make_train_step(loss) for first, loss in stages.items()}
    batches = _global_batches(strategy, make_batches, start)
    begun, before = time.monotonic(), float(seconds.numpy())
    progress = tqdm(
        total=FLAGS.steps, initial=start, unit="step", desc="train", file=sys.stderr, dynamic_ncols=True
    )
    is_over = stopping is not None and stopping.is_due
    for step in () if is_over else range(start + 1, FLAGS.steps + 1):
        if before_step is not None:
            before_step(step - 1)
        try:
            batch = next_batch(batches)
        except InputError:
            progress.close()  # The error gets a line of its own.
            raise
        stage = max(first for first in train_steps if first < step)
        loss = float(train_steps[stage](batch))
        if not np.isfinite(loss):
            progress.close()
            newest = manager.latest_checkpoint or "none"
            raise InputError(
                f"loss must be finite; try a smaller `learning_rate`. Received: {loss} at step {step} "
                f"(newest checkpoint: {newest})"
            )
        progress.update()
        progress.set_postfix(loss=f"{loss:.4f}")
        is_last = step == FLAGS.steps
        if step % FLAGS.log_every == 0 or is_last:
            run.log_metrics(step, {"train/loss": loss})
        # The recipe measures the last step itself.
        if (stopping is not None) if is_last else (step % FLAGS.eval_every == 0):
            found = evaluate()
            run.log_metrics(step, found)
            if stopping is not None:
                stopping.observe(step, found)
                is_last = is_last or stopping.is_due
        if step % FLAGS.checkpoint_every == 0 or is_last:
            seconds.assign(before + time.monotonic() - begun)
            manager.save(checkpoint_number=step)
            if stopping is not None:
                stopping.forget_others()
        if is_last:
            break
    progress.close()
    return float(seconds.numpy())


def _global_batches(strategy, make_batches, step):
    """Yields the batches from a step on; asks `make_batches` again whenever those it made are used up."""
    while True:
        for batch in strategy.experimental_distribute_dataset(make_batches(step)):
            step += 1
            yield batch


def _random_states(models):
    """Returns the states of dropout and the like, which TensorFlow does not find in a Keras model (3.15)."""
    states = {}
    for model in models.values():
        weights = {id(weight) for weight in model.weights}
        states |= {id(v): v.value for v in model.variables if id(v) not in weights}
    return list(states.values())


def next_batch(batches):
    """Returns the next batch; what `InputError` a broken file raised on its way comes as one again.

    TensorFlow hands on an exception of Python's only as the text of an error of its own.
    """
    try:
        return next(batches)
    except tf.errors.OpError as error:
        found = re.search(r"InputError: (.*)", error.message)
        if found is None:
            raise
        raise InputError(found[1]) from None
