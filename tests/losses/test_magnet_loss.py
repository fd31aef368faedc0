import math

import keras
import numpy as np
import pytest
from keras import ops

import tfsbir
from tests.common import assert_near, check_finite_gradients, check_loss
from tests.common_backends import (
    MODES,
    compiled_gradients,
    dtype_of,
    value_and_gradients,
    with_open_sizes,
)
from tests.losses.magnet_clusters import CENTERS, CLUSTER, CLUSTER_LABELS


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


def tensors(*values):
    return tuple(map(ops.convert_to_tensor, values))


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
    _, gradients = value_and_gradients(lambda *inputs: loss(CLUSTER, inputs), inputs)
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
    loss = tfsbir.losses.MagnetLoss()
    _, gradients = value_and_gradients(
        lambda *inputs: loss((CLUSTER, CLUSTER_LABELS), inputs), (embedding, CENTERS, np.float32(0.7))
    )
    assert np.any(np.asarray(gradients[0]))
    for gradient in gradients[1:]:  # TensorFlow and PyTorch say None, JAX zeros.
        assert gradient is None or not np.any(np.asarray(gradient))


def test_a_compiled_step_takes_new_centers_and_another_number_of_them(embedding):
    loss = tfsbir.losses.MagnetLoss(reduction=None)
    graph = with_open_sizes(
        lambda *inputs: loss(inputs[:2], inputs[2:]),
        (("batch",), "int32"),
        (("num_clusters",), "int32"),
        (("batch", "dim"), "float32"),
        (("num_clusters", "dim"), "float32"),
    )
    more = np.random.default_rng(2).normal(size=(12, 4)).astype("float32")
    for centers, labels in (
        (CENTERS, CLUSTER_LABELS),
        (CENTERS[::-1], CLUSTER_LABELS),
        (more, np.arange(12)),
    ):
        expected = loops(embedding, CLUSTER, centers, labels, 1.0)
        assert_near(graph(CLUSTER, labels, embedding, centers.copy()), expected)


@pytest.mark.parametrize("mode", MODES)
def test_rows_of_the_label_minus_1_do_not_count(embedding, mode):
    loss = tfsbir.losses.MagnetLoss(3.0, reduction=None)
    expected = loss((CLUSTER, CLUSTER_LABELS), (embedding, CENTERS))
    centers = np.concatenate([CENTERS, np.zeros((3, 4), "float32")])
    labels = np.concatenate([CLUSTER_LABELS, [-1, -1, -1]])
    inputs = tensors(CLUSTER, labels), tensors(embedding, centers)
    assert_near(MODES[mode](loss)(*inputs), expected)


@pytest.mark.parametrize("mode", MODES)
def test_one_sample(mode):
    """Divided by 1: sigma^2 is its own squared distance, 0.25, and the exponents are -1/2 and -4.5."""
    loss = tfsbir.losses.MagnetLoss(5.0, reduction=None)
    inputs = tensors([0], [0, 1]), tensors([[0.5]], [[0.0], [2.0]])
    assert_near(MODES[mode](loss)(*inputs), [5 + 0.5 - 4.5])


@pytest.mark.parametrize("mode", MODES)
def test_samples_on_their_centers(mode):
    """Then sigma is 0: others are infinitely far. One that lies on the same place costs the margin."""
    loss = tfsbir.losses.MagnetLoss(1.5, reduction=None)

    centers = np.float32([[1.0, 2.0], [3.0, 4.0], [3.0, 4.0]])
    labels = tensors([0, 1], [0, 1, 2])
    of_embedding = compiled_gradients(mode, lambda embedding: loss(labels, (embedding, centers)))
    value, (gradient,) = of_embedding(centers[:2])
    assert_near(value, [0, 1.5])
    assert_near(gradient, np.zeros((2, 2)))


@pytest.mark.parametrize("mode", MODES)
def test_a_single_class_costs_nothing(embedding, mode):
    loss = tfsbir.losses.MagnetLoss(5.0, reduction=None)

    labels = CLUSTER, np.full(7, 3)
    of_embedding = compiled_gradients(mode, lambda embedding: loss(labels, (embedding, CENTERS)))
    value, (gradient,) = of_embedding(embedding)
    np.testing.assert_array_equal(value, np.zeros(len(CLUSTER)))
    np.testing.assert_array_equal(gradient, np.zeros(embedding.shape))


@pytest.mark.parametrize("scale", [0.0, 1e-8, 1e-3, 1e3, 1e6])
def test_extreme_sizes_are_finite(embedding, scale):
    loss = tfsbir.losses.MagnetLoss(reduction=None)
    one = CENTERS * np.float32(scale)

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
        ops.convert_to_numpy(ops.cast(ops.cast(x * 300, dtype), "float32")) for x in (embedding, CENTERS)
    )
    labels = np.array([5, 0, 5, 7, 2, 2, 5])
    values = tfsbir.losses.MagnetLoss(3.0, dtype=dtype).call(
        tuple(ops.cast(x, dtype) for x in (CLUSTER, labels)),
        tuple(ops.cast(x, dtype) for x in (rounded, centers)),
    )
    assert dtype_of(values) == "float32"
    assert_near(values, loops(rounded, CLUSTER, centers, labels, 3.0))


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
