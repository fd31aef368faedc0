import math

import keras
import numpy as np
import pytest
from keras import ops

import tfsbir
from tests.common import assert_near, check_finite_gradients, check_loss, loss_and_gradients
from tests.common_backends import BACKEND, MODES, compiled_gradients, dtype_of, with_open_sizes

# Common, at the bound of 5 %, rare, nearly always there, never, always, not known.
SHARES = [0.3, 0.05, 0.01, 0.996, 0.0, 1.0, math.nan]


@keras.saving.register_keras_serializable(package="tests")
class OfATuple(tfsbir.losses.AttributeCrossEntropy):
    """Takes the probabilities as a tuple of one, as the shared check gives them."""

    def call(self, y_true, y_pred):
        (probabilities,) = y_pred
        return super().call(y_true, probabilities)


@pytest.fixture(scope="module")
def predictions():
    """Labels, some unknown, with a row of which nothing is known, and probabilities."""
    rng = np.random.default_rng(0)
    attributes = rng.integers(-1, 2, (16, 7)).astype("int8")
    attributes[3] = -1
    attributes[4] = [1, 1, 1, 0, 1, 0, -1]  # The rare ones.
    return attributes, rng.uniform(0.05, 0.95, (16, 7)).astype("float32")


def loops(attributes, probabilities, shares=None):
    """The mean, over the known attributes of a row, of the weighted -log p(label)."""
    rows = []
    for labels, row in zip(attributes.tolist(), probabilities.tolist(), strict=True):
        costs = []
        for place, (label, probability) in enumerate(zip(labels, row, strict=True)):
            if label == -1:
                continue
            weight, share = 1.0, math.nan if shares is None else shares[place]
            if 0 < share < 0.05:
                weight = 10 if label == 1 else (1 - 10 * share) / (1 - share)
            elif 0.05 <= share <= 0.95:
                weight = 0.5 / share if label == 1 else 0.5 / (1 - share)
            elif 0.95 < share < 1:
                weight = 10 if label == 0 else (1 - 10 * (1 - share)) / share
            costs.append(-weight * math.log(probability if label == 1 else 1 - probability))
        rows.append(sum(costs) / len(costs) if costs else 0.0)
    return np.array(rows)


@pytest.mark.parametrize("shares", [None, SHARES, [0.5] * 7])
def test_equals_loops(predictions, shares):
    expected = loops(*predictions, shares)
    assert expected[3] == 0
    loss = tfsbir.losses.AttributeCrossEntropy(shares, reduction=None)
    assert_near(loss(*predictions), expected)


def test_equals_keras_where_all_is_known():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, (9, 5)).astype("float32")
    logits = rng.normal(0, 3, (9, 5)).astype("float32")
    expected = keras.losses.BinaryCrossentropy(from_logits=True, reduction=None)(labels, logits)
    loss = tfsbir.losses.AttributeCrossEntropy(reduction=None)
    assert_near(loss(labels, ops.sigmoid(logits)), expected)


@pytest.mark.parametrize("shares", [None, [*SHARES[:6], 0.7]])
def test_all_modes(predictions, shares):
    attributes, probabilities = predictions
    check_loss(lambda **kwargs: OfATuple(shares, **kwargs), attributes, (probabilities,))


@pytest.mark.parametrize("share", [0.5, 0.3, 0.95, 0.05, 0.04, 0.001, 0.999])
def test_the_mean_weight_is_1_and_none_is_above_10(share):
    """With probabilities of 1 / e for each label, the costs are the weights."""
    loss = tfsbir.losses.AttributeCrossEntropy([share], reduction=None)
    probabilities = np.float32([[1 / math.e], [1 - 1 / math.e]])
    of_one, of_zero = np.asarray(loss(np.array([[1], [0]]), probabilities), "float64")
    assert share * of_one + (1 - share) * of_zero == pytest.approx(1, abs=1e-5)
    assert max(of_one, of_zero) < 10.0001
    if 0.05 <= share <= 0.95:
        assert share * of_one == pytest.approx((1 - share) * of_zero, abs=1e-5)


def test_the_gradient_equals_the_formula_and_is_exactly_0_where_nothing_is_known(predictions):
    attributes, probabilities = predictions
    loss = OfATuple(reduction="sum")
    _, (gradient,) = loss_and_gradients(loss, attributes, (probabilities,))
    slope = np.where(attributes == 1, -1 / probabilities, 1 / (1 - probabilities))
    num_known = np.maximum(np.sum(attributes >= 0, axis=1, keepdims=True), 1)
    assert_near(gradient, np.where(attributes >= 0, slope / num_known, 0))
    assert (np.asarray(gradient)[attributes == -1] == 0).all()


@pytest.mark.parametrize("mode", MODES)
def test_what_is_not_known_may_be_predicted_as_anything(mode):
    """Even a NaN there costs nothing and gives no gradient."""
    attributes = np.array([[1, -1, 0, -1], [-1, -1, -1, -1]], "int8")
    loss = tfsbir.losses.AttributeCrossEntropy([0.2, 0.2, math.nan, 0.001], reduction=None)

    def of_known(probabilities):
        return loss(attributes, probabilities)

    known = np.float32([[0.5, 0.5, 0.25, 0.5], [0.5, 0.5, 0.5, 0.5]])
    expected, (expected_gradient,) = compiled_gradients("eager", of_known)(known)
    for other in np.float32([0.0, 1.0, np.nan]):
        value, (gradient,) = compiled_gradients(mode, of_known)(np.where(attributes >= 0, known, other))
        assert_near(value, expected)
        assert_near(gradient, expected_gradient)
        assert (np.asarray(gradient)[attributes == -1] == 0).all()
        assert value[1] == 0


@pytest.mark.parametrize("mode", MODES)
def test_probabilities_of_0_and_1_are_finite(mode):
    attributes = np.array([[1], [0], [1], [0], [1], [0]], "int8")
    probabilities = np.float32([[0.0], [1.0], [1.0], [0.0], [1e-7], [np.nextafter(1, 0, dtype="float32")]])
    loss = tfsbir.losses.AttributeCrossEntropy(reduction=None)
    most = -math.log(1e-7)
    values = MODES[mode](loss)(attributes, ops.convert_to_tensor(probabilities))
    assert_near(values, [most, most, 0, 0, most, most])
    check_finite_gradients(OfATuple([0.01], reduction=None), attributes, (probabilities,))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_loss_in_half_precision_computes_in_float32(predictions, dtype):
    """In bfloat16 the labels are exact, and the probabilities arrive rounded, nothing else."""
    attributes, probabilities = predictions
    rounded = ops.convert_to_numpy(ops.cast(ops.cast(probabilities, dtype), "float32"))
    values = tfsbir.losses.AttributeCrossEntropy(SHARES, dtype=dtype).call(
        ops.cast(attributes, dtype), ops.cast(probabilities, dtype)
    )
    assert dtype_of(values) == "float32"
    assert_near(values, loops(attributes, rounded, SHARES))


def test_open_sizes_in_a_graph(predictions):
    attributes, probabilities = predictions
    loss = tfsbir.losses.AttributeCrossEntropy(SHARES, reduction=None)
    # TensorFlow's may be open on one side alone; a size that JAX knows by a name is no 7.
    num_attributes = "num_attributes" if BACKEND == "tensorflow" else 7
    specs = (("batch", num_attributes), "int8"), (("batch", 7), "float32")
    graph = with_open_sizes(lambda *inputs: loss(*inputs), *specs)
    assert_near(graph(attributes, probabilities), loss(attributes, probabilities))


def test_shares_of_an_array_are_kept_as_a_list():
    loss = tfsbir.losses.AttributeCrossEntropy(np.float32([0.25, np.nan]))
    share, unknown = loss.get_config()["shares"]
    assert (type(share), share) == (float, 0.25)
    assert math.isnan(unknown)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert math.isnan(copy.shares[1])


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ([], r"`shares` must be \(num_attributes,\) with at least one. Received shape: \(0,\)"),
        ([[0.5]], r"`shares` must be \(num_attributes,\) with at least one. Received shape: \(1, 1\)"),
        (0.5, r"Received shape: \(\)"),
        ([0.5, 1.5], r"`shares` must be in \[0, 1\], or NaN where no label is known. Received: 1.5 at 1"),
        ([-0.5, math.nan], r"Received: -0.5 at 0"),
        ([math.inf], r"Received: inf at 0"),
    ],
)
def test_bad_shares(shares, message):
    with pytest.raises(ValueError, match=message):
        tfsbir.losses.AttributeCrossEntropy(shares)


@pytest.mark.parametrize(
    ("true_shape", "predicted_shape", "message"),
    [
        ((4, 2), (4, 3), r"must both be \(batch, num_attributes\). Received shapes: \(4, 2\) and \(4, 3\)"),
        ((1, 3), (4, 3), r"Received shapes: \(1, 3\) and \(4, 3\)"),
        ((3,), (3,), r"Received shapes: \(3,\) and \(3,\)"),
        ((4, 2), (4, 2), r"`y_pred` must have the 3 attributes of `shares`. Received shape: \(4, 2\)"),
    ],
)
def test_attributes_that_do_not_fit(true_shape, predicted_shape, message):
    loss = tfsbir.losses.AttributeCrossEntropy([0.5] * 3)
    with pytest.raises(ValueError, match=message):
        loss(np.zeros(true_shape), np.full(predicted_shape, 0.5))
