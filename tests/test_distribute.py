import sys

import numpy as np
import tensorflow as tf

import tfsbir
from tests.common_processes import run_module


def test_one_replica_gets_its_own_tensors():
    tensors = {"instance": tf.range(3), "pair": (tf.ones((3, 2)), tf.zeros((3, 2)))}
    assert tfsbir.distribute.gather(tensors) is tensors


def test_two_replicas_equal_one():
    # A process of its own: two strategies in one process break collectives on CPU.
    result = run_module([sys.executable, "-m", "tests.test_distribute"])
    assert result.returncode == 0, result.stderr[-3000:]


def two_replicas_equal_one():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_visible_devices([], "GPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    rng = np.random.default_rng(0)
    sketch, photo = rng.normal(size=(2, 8, 5)).astype("float32")
    instance = np.array([0, 1, 2, 3, 0, 4, 2, 5])  # Some instances are on both replicas.
    start = rng.normal(size=(5, 3)).astype("float32")
    info_nce = tfsbir.losses.InfoNCE(0.5)

    def step(weights, sketch, photo, instance):
        with tf.GradientTape() as tape:
            pair = tuple(tf.math.l2_normalize(x @ weights, axis=-1) for x in (sketch, photo))
            instance, pair = tfsbir.distribute.gather((instance, pair))
            assert pair[0].shape[1] == 3  # Known while the graph is traced.
            loss = info_nce(instance, pair)
        return instance, loss, tape.gradient(loss, weights)

    _, expected_loss, expected_gradient = step(tf.Variable(start), sketch, photo, instance)

    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        weights = tf.Variable(start)
        try:
            tfsbir.distribute.gather(tf.constant([1.0]))
        except RuntimeError as error:
            assert "`gather` must be called inside `strategy.run`" in str(error)
        else:
            raise AssertionError("gather in a cross-replica context did not raise")

    @tf.function
    def distributed_step(sketch, photo, instance):
        return strategy.run(lambda *args: step(weights, *args), args=(sketch, photo, instance))

    def spread(array):
        halves = np.split(array, 2)
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(halves[context.replica_id_in_sync_group])
        )

    gathered, loss, gradient = distributed_step(spread(sketch), spread(photo), spread(instance))
    for replica in strategy.experimental_local_results(gathered):
        np.testing.assert_array_equal(replica, instance)
    each_replica_draws_its_own_rows(strategy)
    # Each replica's loss is already divided by the replica count, and optimizers sum the gradients.
    np.testing.assert_allclose(strategy.reduce("SUM", loss, axis=None), expected_loss, rtol=1e-6)
    np.testing.assert_allclose(strategy.reduce("SUM", gradient, axis=None), expected_gradient, atol=1e-6)


def each_replica_draws_its_own_rows(strategy):
    """Dropout of a batch cut in two is that of the whole batch on one device, step by step."""
    expected = tfsbir.layers.ReplicaDropout(0.5, seed=3)
    with strategy.scope():
        dropout = tfsbir.layers.ReplicaDropout(0.5, seed=3)

    @tf.function
    def distributed(rows):
        return strategy.run(lambda rows: dropout(rows, training=True), args=(rows,))

    for num_rows in (4, 2):
        rows = strategy.experimental_distribute_values_from_function(lambda _: tf.ones((num_rows, 7)))  # noqa: B023
        parts = strategy.experimental_local_results(distributed(rows))
        whole = expected(tf.ones((2 * num_rows, 7)), training=True)
        np.testing.assert_array_equal(np.concatenate(parts), whole)
        assert not np.array_equal(*parts)


if __name__ == "__main__":
    two_replicas_equal_one()
