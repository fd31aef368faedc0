"""What every layer and every loss must pass, on each backend."""

import keras
import numpy as np
from keras import ops

from tests.common_backends import MODES, dtype_of, value_and_gradients

# Relative to the largest magnitude of the float32 result.
TOLERANCES = {"float32": 1e-5, "mixed_float16": 2e-2, "mixed_bfloat16": 1e-1}


def assert_near(actual, expected, policy="float32"):
    """Compares arrays with the tolerance of a dtype policy."""
    actual, expected = np.asarray(actual, "float64"), np.asarray(expected, "float64")
    scale = max(1.0, np.abs(expected).max(initial=0.0))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCES[policy] * scale)


def check_layer(make_layer, inputs, tmp_path, is_float32=False):
    """Checks a layer in every execution mode, policy and through a file.

    Args:
        make_layer: Takes keyword arguments of `keras.layers.Layer` (`dtype`) and returns the layer.
        inputs: Float32 array, or a tuple of arrays, of a fixed batch.
        tmp_path: Folder for the saved model.
        is_float32: Whether the layer returns float32 under every policy.
    """
    layer = make_layer()
    expected = layer(inputs)
    assert dtype_of(expected) == "float32"
    for mode in MODES.values():
        assert_near(mode(layer)(keras.tree.map_structure(ops.convert_to_tensor, inputs)), expected)

    nodes = keras.tree.map_structure(lambda array: keras.Input(array.shape[1:]), inputs)
    model = keras.Model(nodes, layer(nodes))
    assert model.output_shape[1:] == expected.shape[1:]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_near(loaded(inputs), expected)
    assert loaded.layers[-1].get_config() == layer.get_config()

    for policy, compute_dtype in (("mixed_float16", "float16"), ("mixed_bfloat16", "bfloat16")):
        mixed = make_layer(dtype=policy)
        mixed(inputs)  # Builds it.
        mixed.set_weights(layer.get_weights())
        output = mixed(inputs)
        assert dtype_of(output) == ("float32" if is_float32 else compute_dtype)
        assert_near(ops.cast(output, "float32"), expected, policy)

    arrays = keras.tree.flatten(inputs)
    before = [np.array(weight) for weight in layer.trainable_variables]
    _, gradients = value_and_gradients(
        lambda *tensors: ops.sum(ops.square(layer(keras.tree.pack_sequence_as(inputs, tensors)))),
        arrays,
        layer.trainable_variables,
    )
    assert_all_finite(gradients)
    keras.optimizers.SGD(1e-2).apply(gradients[len(arrays) :], layer.trainable_variables)
    for weight, old in zip(layer.trainable_variables, before, strict=True):
        assert not np.array_equal(weight, old), f"{weight.path} did not move"


def check_loss(make_loss, y_true, y_pred, step_size=1e-2):
    """Checks a loss in every execution mode, with half-precision embeddings, its config and one step.

    Args:
        make_loss: Takes keyword arguments of `keras.losses.Loss` (`reduction`) and returns the loss.
        y_true: Labels.
        y_pred: Tuple of float32 `(batch, dim)` embeddings.
        step_size: Learning rate of the step, which must lower the loss.
    """
    loss = make_loss(reduction=None)
    expected = ops.convert_to_numpy(loss(y_true, y_pred))
    assert expected.shape == (len(y_pred[0]),)
    assert expected.dtype == "float32"
    for mode in MODES.values():
        tensors = ops.convert_to_tensor(y_true), tuple(map(ops.convert_to_tensor, y_pred))
        assert_near(mode(loss)(*tensors), expected)
    assert_near(make_loss()(y_true, y_pred), np.mean(expected))

    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert copy.get_config() == loss.get_config()
    np.testing.assert_array_equal(copy(y_true, y_pred), expected)

    for policy, dtype in (("mixed_float16", "float16"), ("mixed_bfloat16", "bfloat16")):
        keras.config.set_dtype_policy(policy)
        try:
            output = make_loss(reduction=None)(y_true, tuple(ops.cast(x, dtype) for x in y_pred))
        finally:
            keras.config.set_dtype_policy("float32")
        assert dtype_of(output) == "float32"
        assert_near(output, expected, policy)

    value, gradients = loss_and_gradients(make_loss(), y_true, y_pred)
    assert_all_finite(gradients)
    moved = tuple(x - step_size * np.asarray(slope) for x, slope in zip(y_pred, gradients, strict=True))
    assert make_loss()(y_true, moved) < value


def check_finite_gradients(loss, y_true, y_pred):
    """Checks that the loss of each anchor and the gradient of each embedding are finite."""
    value, gradients = loss_and_gradients(loss, y_true, y_pred)
    assert_all_finite([value, *gradients])


def loss_and_gradients(loss, y_true, y_pred):
    """Returns the loss and its gradient with respect to each embedding."""
    return value_and_gradients(lambda *embeddings: loss(y_true, embeddings), y_pred)


def assert_all_finite(tensors):
    for tensor in tensors:
        assert tensor is not None
        assert np.isfinite(np.asarray(tensor)).all()


def unit_norm(rng, *shape):
    """Draws float32 embeddings of unit L2 norm."""
    embeddings = rng.normal(size=shape)
    return (embeddings / np.linalg.norm(embeddings, axis=-1, keepdims=True)).astype("float32")
