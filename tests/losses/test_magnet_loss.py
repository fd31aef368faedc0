import math
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfsbir
from tests.common import MODES, assert_near, check_finite_gradients, check_loss, value_and_gradients
from tests.common_processes import run_module

# Four classes with three, one, two and one clusters, not in order.
CLUSTER_LABELS = np.array([5, 0, 5, 2**24, 2, 2, 5])
CENTERS = np.random.default_rng(1).normal(size=(7, 4)).astype("float32")
CLUSTER = np.array([0, 6, 3, 4, 4, 1, 5, 2, 0])


@keras.saving.register_keras_serializable(package="tests")
class OfTheseClusters(tfsbir.losses.MagnetLoss):
    """Takes the embeddings alone, as the shared check gives them."""

    def call(self, y_true, y_pred):
        labels = keras.ops.convert_to_tensor(CLUSTER_LABELS.astype("float32"))
        return super().call((y_true, labels), (y_pred[0], keras.ops.convert_to_tensor(CENTERS), *y_pred[1:]))


@pytest.fixture(scope="module")
def embedding():
    noise = np.random.default_rng(0).normal(0, 0.5, (len(CLUSTER), 4))
    return (CENTERS[CLUSTER] + noise).astype("float32")


def loops(embedding, cluster, centers, labels, margin, variance=None):
    """Eq. 9 as it is printed, sample by sample, in float64."""
    embedding, centers = np.float64(embedding), np.float64(centers)
    if variance is None:
        total = sum(((z - centers[k]) ** 2).sum() for z, k in zip(embedding, cluster, strict=True))
        variance = total / (len(embedding) - 1)
    values = []
    for z, own in zip(embedding, cluster, strict=True):
        numerator = math.exp(-((z - centers[own]) ** 2).sum() / (2 * variance) - margin)
        denominator = 0.0
        for center, label in zip(centers, labels, strict=True):
            if label != labels[own]:
                denominator += math.exp(-((z - center) ** 2).sum() / (2 * variance))
        values.append(max(0.0, -math.log(numerator / denominator)))
    return np.array(values)


@pytest.mark.parametrize("variance", [None, 0.7])
@pytest.mark.parametrize("margin", [-1.0, 0.0, 1.0, 7.0])
def test_equals_loops(embedding, margin, variance):
    expected = loops(embedding, CLUSTER, CENTERS, CLUSTER_LABELS, margin, variance)
    if margin == 1:
        assert 0 < (expected == 0).sum() < len(expected)  # Both sides of the hinge.
    y_pred = (embedding, CENTERS) if variance is None else (embedding, CENTERS, np.float32(variance))
    loss = tfsbir.losses.MagnetLoss(margin, reduction=None)
    assert_near(loss((CLUSTER, CLUSTER_LABELS), y_pred), expected)


@pytest.mark.parametrize("variance", [None, 0.7])
def test_the_gradient_equals_that_of_the_loops(embedding, variance):
    """The loops' by central differences in float64, which are right to about 1e-9."""
    expected = np.zeros(embedding.shape)
    for place in np.ndindex(embedding.shape):
        step = np.zeros(embedding.shape)
        step[place] = 1e-5
        after, before = (
            loops(x, CLUSTER, CENTERS, CLUSTER_LABELS, 1.0, variance).sum()
            for x in (embedding + step, embedding - step)
        )
        expected[place] = (after - before) / 2e-5
    loss = OfTheseClusters(reduction="sum")
    inputs = (embedding,) if variance is None else (embedding, np.float32(variance))
    _, gradients = value_and_gradients(loss, CLUSTER, inputs)
    assert_near(gradients[0], expected)


def test_clusters_of_the_own_class_do_not_push():
    """One of two public versions counts them; the exponent of the other is the variance, not twice it."""
    embedding, centers = np.float32([[0.0], [1.0]]), np.float32([[0.5], [0.6], [3.0]])
    loss = tfsbir.losses.MagnetLoss(0.0, reduction=None)
    # sigma^2 = (0.25 + 0.25) / (2 - 1); minus the exponents 0.25 and 9 or 4, over 2 * 0.5.
    values = loss((np.array([0, 0]), np.array([1, 1, 2])), (embedding, centers))
    assert_near(values, [0, 0])
    values = tfsbir.losses.MagnetLoss(5.0, reduction=None)(
        (np.array([0, 0]), np.array([1, 1, 2])), (embedding, centers)
    )
    assert_near(values, [0, 5 + 0.25 - 4])


def test_all_modes(embedding):
    check_loss(lambda **kwargs: OfTheseClusters(3.0, **kwargs), CLUSTER, (embedding,))


def test_the_centers_and_a_given_variance_are_constants(embedding):
    centers, variance = tf.Variable(CENTERS), tf.Variable(0.7)
    with tf.GradientTape() as tape:
        value = tfsbir.losses.MagnetLoss()((CLUSTER, CLUSTER_LABELS), (embedding, centers, variance))
    assert tape.gradient(value, [centers, variance]) == [None, None]


def test_a_compiled_step_takes_new_centers_and_another_number_of_them(embedding):
    loss = tfsbir.losses.MagnetLoss(reduction=None)
    graph = tf.function(
        lambda *inputs: loss(inputs[:2], inputs[2:]),
        input_signature=[
            tf.TensorSpec((None,), "int32"),
            tf.TensorSpec((None,), "int32"),
            tf.TensorSpec((None, None), "float32"),
            tf.TensorSpec((None, None), "float32"),
        ],
    )
    more = np.random.default_rng(2).normal(size=(12, 4)).astype("float32")
    for centers, labels in (
        (CENTERS, CLUSTER_LABELS),
        (CENTERS[::-1], CLUSTER_LABELS),
        (more, np.arange(12)),
    ):
        expected = loops(embedding, CLUSTER, centers, labels, 1.0)
        values = graph(*(tf.constant(x, "int32") for x in (CLUSTER, labels)), embedding, centers.copy())
        assert_near(values, expected)
    assert graph.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("mode", MODES)
def test_rows_of_the_label_minus_1_do_not_count(embedding, mode):
    loss = tfsbir.losses.MagnetLoss(3.0, reduction=None)
    expected = loss((CLUSTER, CLUSTER_LABELS), (embedding, CENTERS))
    centers = np.concatenate([CENTERS, np.zeros((3, 4), "float32")])
    labels = np.concatenate([CLUSTER_LABELS, [-1, -1, -1]])
    inputs = (tf.constant(CLUSTER), tf.constant(labels)), (tf.constant(embedding), tf.constant(centers))
    assert_near(MODES[mode](loss)(*inputs), expected)


@pytest.mark.parametrize("mode", MODES)
def test_one_sample(mode):
    """Divided by 1: sigma^2 is its own squared distance, 0.25, and the exponents are -1/2 and -4.5."""
    loss = tfsbir.losses.MagnetLoss(5.0, reduction=None)
    inputs = (tf.constant([0]), tf.constant([0, 1])), (tf.constant([[0.5]]), tf.constant([[0.0], [2.0]]))
    assert_near(MODES[mode](loss)(*inputs), [5 + 0.5 - 4.5])


@pytest.mark.parametrize("mode", MODES)
def test_samples_on_their_centers(mode):
    """Then sigma is 0: others are infinitely far. One that lies on the same place costs the margin."""
    loss = tfsbir.losses.MagnetLoss(1.5, reduction=None)

    def with_tape(labels, embedding, centers):
        with tf.GradientTape() as tape:
            tape.watch(embedding)
            value = loss((tf.constant([0, 1]), labels), (embedding, centers))
        return value, tape.gradient(value, embedding)

    centers = tf.constant([[1.0, 2.0], [3.0, 4.0], [3.0, 4.0]])
    value, gradient = MODES[mode](with_tape)(tf.constant([0, 1, 2]), centers[:2], centers)
    assert_near(value, [0, 1.5])
    assert_near(gradient, np.zeros((2, 2)))


@pytest.mark.parametrize("mode", MODES)
def test_a_single_class_costs_nothing(embedding, mode):
    loss = tfsbir.losses.MagnetLoss(5.0, reduction=None)

    def with_tape(embedding):
        with tf.GradientTape() as tape:
            tape.watch(embedding)
            value = loss((CLUSTER, np.full(7, 3)), (embedding, CENTERS))
        return value, tape.gradient(value, embedding)

    value, gradient = MODES[mode](with_tape)(tf.constant(embedding))
    np.testing.assert_array_equal(value, np.zeros(len(CLUSTER)))
    np.testing.assert_array_equal(gradient, np.zeros(embedding.shape))


@pytest.mark.parametrize("scale", [0.0, 1e-8, 1e-3, 1e3, 1e6])
def test_extreme_sizes_are_finite(embedding, scale):
    loss = tfsbir.losses.MagnetLoss(reduction=None)
    one = tf.constant(CENTERS * scale)

    def of_embedding(y_true, y_pred):
        return loss((y_true, CLUSTER_LABELS), (y_pred[0], one))

    check_finite_gradients(of_embedding, CLUSTER, (embedding,))
    check_finite_gradients(of_embedding, CLUSTER, (embedding * np.float32(scale),))


def test_tight_clusters_lose_nothing_to_cancellation():
    """Far from the origin, a product of matrices would be wrong by more than sigma^2."""
    rng = np.random.default_rng(3)
    centers = (100 + rng.integers(-9, 10, (6, 8)) / 256).astype("float32")
    embedding = (centers[[0, 1, 2, 3]] + rng.integers(-9, 10, (4, 8)) / 1024).astype("float32")
    cluster, labels = np.arange(4), np.array([0, 0, 1, 2, 2, 3])
    expected = loops(embedding, cluster, centers, labels, 30.0)
    assert (expected > 0).all()
    assert_near(
        tfsbir.losses.MagnetLoss(30.0, reduction=None)((cluster, labels), (embedding, centers)), expected
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_loss_in_half_precision_computes_in_float32(embedding, dtype):
    """The inputs arrive rounded, nothing else; float16 would overflow with these."""
    rounded, centers = (
        tf.cast(tf.cast(x * 300, dtype), "float32").numpy() for x in (embedding, CENTERS.astype("float32"))
    )
    labels = np.array([5, 0, 5, 7, 2, 2, 5])
    values = tfsbir.losses.MagnetLoss(3.0, dtype=dtype).call(
        (tf.cast(CLUSTER, dtype), tf.cast(labels, dtype)), (tf.cast(rounded, dtype), tf.cast(centers, dtype))
    )
    assert values.dtype == "float32"
    assert_near(values, loops(rounded, CLUSTER, centers, labels, 3.0))


def test_two_replicas_that_gather_equal_one():
    # A process of its own: two strategies in one process break collectives on CPU.
    result = run_module([sys.executable, "-m", "tests.losses.test_magnet_loss"])
    assert result.returncode == 0, result.stderr[-3000:]


def two_replicas_equal_one():
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


@pytest.mark.parametrize("margin", [math.nan, math.inf])
def test_bad_margin(margin):
    with pytest.raises(ValueError, match=rf"`margin` must be finite\. Received: {margin}"):
        tfsbir.losses.MagnetLoss(margin)


@pytest.mark.parametrize(
    ("shapes", "received"),
    [
        (((3,), (5,), (4, 2), (5, 2)), r"\(3,\), \(5,\), \(4, 2\), \(5, 2\)"),
        (((4,), (6,), (4, 2), (5, 2)), r"\(4,\), \(6,\), \(4, 2\), \(5, 2\)"),
        (((4,), (5,), (4, 2), (5, 1)), r"\(4,\), \(5,\), \(4, 2\), \(5, 1\)"),
        (((4, 1), (5,), (4, 2), (5, 2)), r"\(4, 1\), \(5,\), \(4, 2\), \(5, 2\)"),
    ],
)
def test_shapes_that_do_not_fit(shapes, received):
    arrays = [np.zeros(shape, "float32") for shape in shapes]
    with pytest.raises(
        ValueError, match=rf"`y_true` must be .* \(num_clusters, dim\)\. Received shapes: {received}"
    ):
        tfsbir.losses.MagnetLoss()(arrays[:2], arrays[2:])


def test_a_variance_for_each_sample_is_refused(embedding):
    with pytest.raises(ValueError, match=r"`variance` must be a scalar\. Received shape: \(9,\)"):
        tfsbir.losses.MagnetLoss()((CLUSTER, CLUSTER_LABELS), (embedding, CENTERS, np.ones(9, "float32")))


if __name__ == "__main__":
    two_replicas_equal_one()
