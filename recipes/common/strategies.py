"""On which devices, and of how many machines, a recipe trains."""

import json
import os

import keras
import tensorflow as tf
from absl import flags, logging

from recipes.common import termination
from tfsbir.errors import InputError

FLAGS = flags.FLAGS
# What TensorFlow raises of another machine that is gone.
LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.InternalError)
EXAMPLE = '{"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", "index": 0}}'


def define_strategy_flags():
    """Declares the flags of this module."""
    flags.DEFINE_enum(
        "strategy", "one", ["one", "mirrored", "multi_worker"],
        "One device, all of a machine, or all of the machines that the environment's TF_CONFIG names "
        "(tf.distribute).",
    )  # fmt: skip
    flags.DEFINE_integer(
        "num_replicas", None, "With --strategy=mirrored: logical CPUs to train on, in place of the GPUs.",
        lower_bound=1,
    )  # fmt: skip


def make_strategy():
    """Returns the strategy that the flags ask for, and makes TensorFlow deterministic.

    Must come before anything else of TensorFlow, since neither logical CPUs nor connections to other
    machines can be made later. From now on SIGTERM ends the program as `termination` says.

    Raises: `InputError` if the flags or the environment's TF_CONFIG cannot be, or the batch cannot be cut.
    """
    if FLAGS.strategy != "mirrored" and FLAGS.num_replicas not in (None, 1):
        raise InputError(f"`num_replicas` > 1 needs `strategy` mirrored. Received: {FLAGS.num_replicas}")
    tf.get_logger().setLevel("WARNING")  # It has a line to say of every collective.
    strategy = {"one": tf.distribute.get_strategy, "mirrored": _mirrored, "multi_worker": _multi_worker}[
        FLAGS.strategy
    ]()
    # Not before: Python runs no handler while TensorFlow waits for other machines, here and at a `barrier`.
    termination.watch()
    keras.utils.set_random_seed(FLAGS.seed)
    if not FLAGS.jit:
        # A killed run that is resumed ends with an undisturbed run's numbers only if every op is exact. XLA
        # refuses the gradient of a max pooling then (TensorFlow 2.21); what it compiles for a CPU is exact.
        tf.config.experimental.enable_op_determinism()
    num_parts = strategy.num_replicas_in_sync * FLAGS.accumulate
    if FLAGS.batch_size % num_parts:
        raise InputError(
            f"`batch_size` must be a multiple of {num_parts}, the {strategy.num_replicas_in_sync} replicas "
            f"times {FLAGS.accumulate} (`accumulate`). Received: {FLAGS.batch_size}"
        )
    if FLAGS.jit and strategy.num_replicas_in_sync > 1:
        raise InputError(
            "`jit` compiles the step of one replica; XLA has no collectives between several. "
            f"Received: {strategy.num_replicas_in_sync} replicas"
        )
    return strategy


def is_chief(strategy):
    """Returns whether this process is the one that writes: with one machine, or as the first of several."""
    resolver = strategy.cluster_resolver
    if resolver is None:
        return True
    first = "chief" if "chief" in resolver.cluster_spec().jobs else "worker"
    return (resolver.task_type, resolver.task_id) == (first, 0)


def num_workers(strategy):
    """Returns the number of processes, each with a share of the replicas, that train together."""
    if strategy.cluster_resolver is None:
        return 1
    cluster = strategy.cluster_resolver.cluster_spec()
    return sum(cluster.num_tasks(job) for job in cluster.jobs)


def barrier(strategy):
    """Waits until all processes that train together are here.

    Raises: `InputError` if one of them is gone.
    """
    if num_workers(strategy) > 1:
        try:
            agreed(strategy, {"here": 1.0})
        except LOST as error:
            raise lost(error, "while this one waits", "start all again") from None


def check_begins_with_all(strategy, step):
    """Checks that all processes that train together have read a checkpoint of the same step.

    Raises: `InputError` if not, or if one of them is gone.
    """
    try:
        found = agreed(strategy, {"step": step, "square": step**2})
    except LOST as error:
        raise lost(error, f"after step {step}", "start all again") from None
    if found["square"] != found["step"] ** 2:
        raise InputError(
            "`workdir` must show all workers of TF_CONFIG the same checkpoints; this one begins after step "
            f"{step}, and another one does not. Start all again"
        )


def lost(error, when, hint):
    """Returns what to raise in place of one of `LOST`, where several processes train together."""
    return InputError(
        f"`strategy` multi_worker expects all workers of TF_CONFIG to go on; {when} one of them does not "
        f"({type(error).__name__}; {hint})"
    )


def agreed(strategy, found):
    """Returns the mean, over the processes that train together, of each of the metrics that they found.

    Machines that round differently so draw the same conclusions.

    Args:
        strategy: `tf.distribute.Strategy`.
        found: Dict from names to numbers, with the same names in each process.
    """
    if num_workers(strategy) == 1:
        return found

    @tf.function
    def mean(values):
        return strategy.reduce("MEAN", strategy.run(lambda values: values, args=(values,)), axis=None)

    means = mean(tf.constant(list(found.values()), tf.float64)).numpy()
    return dict(zip(found, means.tolist(), strict=True))


def _mirrored():
    if FLAGS.num_replicas is None:
        return tf.distribute.MirroredStrategy()
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * FLAGS.num_replicas
    )
    return tf.distribute.MirroredStrategy([f"CPU:{index}" for index in range(FLAGS.num_replicas)])


def _multi_worker():
    given = os.environ.get("TF_CONFIG")
    try:
        config = json.loads(given)
        cluster, task = config["cluster"], config["task"]
        address = cluster[task["type"]][int(task["index"])]
        is_known = (
            set(cluster) <= {"chief", "worker"} and int(task["index"]) >= 0 and isinstance(address, str)
        )
    except (TypeError, ValueError, KeyError, IndexError):
        is_known = False
    if not is_known:
        raise InputError(
            f"`strategy` multi_worker needs the environment's TF_CONFIG, such as {EXAMPLE}. "
            f"Received: {given or 'none'}"
        )
    logging.info("%s waits for the others of %s.", address, cluster)
    return tf.distribute.MultiWorkerMirroredStrategy()
