"""What every layer and every loss must pass."""

import keras
import numpy as np
import tensorflow as tf

# Relative to the largest magnitude of the float32 result.
TOLERANCES = {"float32": 1e-5, "mixed_float16": 2e-2, "mixed_bfloat16": 1e-1}
MODES = {
    "eager": lambda function: function,
    "tf.function": tf.function,
    "jit_compile": lambda function: tf.function(function, jit_compile=True),
}


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
    assert expected.dtype == "float32"
    for mode in MODES.values():
        assert_near(mode(layer)(keras.tree.map_structure(tf.constant, inputs)), expected)

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
        assert output.dtype == ("float32" if is_float32 else compute_dtype)
        assert_near(tf.cast(output, "float32"), expected, policy)

    variables = [tf.Variable(array) for array in keras.tree.flatten(inputs)]
    before = [np.array(weight) for weight in layer.trainable_variables]
    weights = [weight.value for weight in layer.trainable_variables]
    with tf.GradientTape() as tape:
        output = layer(keras.tree.pack_sequence_as(inputs, [tf.identity(x) for x in variables]))
        cost = tf.reduce_sum(tf.square(output))
    gradients = tape.gradient(cost, variables + weights)
    assert_all_finite(gradients)
    keras.optimizers.SGD(1e-2).apply(gradients[len(variables) :], layer.trainable_variables)
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
    expected = loss(y_true, y_pred)
    assert expected.shape == (len(y_pred[0]),)
    assert expected.dtype == "float32"
    for mode in MODES.values():
        assert_near(mode(loss)(tf.constant(y_true), tuple(map(tf.constant, y_pred))), expected)
    assert_near(make_loss()(y_true, y_pred), np.mean(expected))

    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert copy.get_config() == loss.get_config()
    np.testing.assert_array_equal(copy(y_true, y_pred), expected)

    for policy, dtype in (("mixed_float16", "float16"), ("mixed_bfloat16", "bfloat16")):
        keras.config.set_dtype_policy(policy)
        try:
            output = make_loss(reduction=None)(y_true, tuple(tf.cast(x, dtype) for x in y_pred))
        finally:
            keras.config.set_dtype_policy("float32")
        assert output.dtype == "float32"
        assert_near(output, expected, policy)

    value, gradients = value_and_gradients(make_loss(), y_true, y_pred)
    assert_all_finite(gradients)
    moved = tuple(x - step_size * gradient for x, gradient in zip(y_pred, gradients, strict=True))
    assert make_loss()(y_true, moved) < value


def check_finite_gradients(loss, y_true, y_pred):
    """Checks that the loss of each anchor and the gradient of each embedding are finite."""
    value, gradients = value_and_gradients(loss, y_true, y_pred)
    assert_all_finite([value, *gradients])


def value_and_gradients(loss, y_true, y_pred):
    """Returns the loss and its gradient with respect to each embedding."""
    variables = [tf.Variable(x) for x in y_pred]
    with tf.GradientTape() as tape:
        value = loss(y_true, tuple(tf.identity(x) for x in variables))
    return value, tape.gradient(value, variables)


def assert_all_finite(tensors):
    for tensor in tensors:
        assert tensor is not None
        assert np.isfinite(tensor).all()


def unit_norm(rng, *shape):
    """Draws float32 embeddings of unit L2 norm."""
    embeddings = rng.normal(size=shape)
    return (embeddings / np.linalg.norm(embeddings, axis=-1, keepdims=True)).astype("float32")
