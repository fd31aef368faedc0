"""The magnet loss in a step that two replicas share."""

import sys

import numpy as np

import tfsbir
from tests.common_backends import tensorflow_only
from tests.common_processes import run_module
from tests.losses.magnet_clusters import CENTERS, CLUSTER, CLUSTER_LABELS


@tensorflow_only("replicas are those of tf.distribute")
def test_two_replicas_that_gather_equal_one():
    # A process of its own: two strategies in one process break collectives on CPU.
    result = run_module([sys.executable, "-m", "tests.losses.test_magnet_loss_on_replicas"])
    assert result.returncode == 0, result.stderr[-3000:]


def two_replicas_equal_one():
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_visible_devices([], "GPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    start = (CENTERS[CLUSTER[:8]] + np.random.default_rng(0).normal(0, 0.5, (8, 4))).astype("float32")
    magnet = tfsbir.losses.MagnetLoss(3.0)

    def step(shift, cluster, embedding, labels, centers):
        with tf.GradientTape() as tape:
            cluster, embedding = tfsbir.distribute.gather((cluster, embedding + shift))
            loss = magnet((cluster, labels), (embedding, centers))
        return loss, tape.gradient(loss, shift)

    clusters = tf.constant(CLUSTER_LABELS), tf.constant(CENTERS)
    expected = step(tf.Variable(np.zeros(4, "float32")), CLUSTER[:8], start, *clusters)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        shift = tf.Variable(np.zeros(4, "float32"))

    def spread(array):
        halves = np.split(array, 2)
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(halves[context.replica_id_in_sync_group])
        )

    run = tf.function(lambda *args: strategy.run(lambda *own: step(shift, *own), args=args))
    results = run(spread(CLUSTER[:8]), spread(start), *clusters)
    # Each replica's loss is already divided by the replica count, and optimizers sum the gradients.
    for result, one in zip(results, expected, strict=True):
        np.testing.assert_allclose(strategy.reduce("SUM", result, axis=None), one, atol=1e-5)


if __name__ == "__main__":
    two_replicas_equal_one()
