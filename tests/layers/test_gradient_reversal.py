import keras
import numpy as np
import pytest
from keras import ops

from tests.common_backends import MODES, compiled_gradients, value_and_gradients
from tfsbir.layers import GradientReversal


@pytest.fixture(scope="module")
def inputs():
    return np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


def cost(x):
    """Some loss behind the layer, in NumPy and in Keras."""
    return (x**3).sum() if isinstance(x, np.ndarray) else ops.sum(x**3)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0])
def test_the_gradient_is_that_of_finite_differences_times_minus_the_factor(inputs, mode, factor):
    doubles, step = inputs.astype("float64"), 1e-5
    expected = np.zeros_like(doubles)
    for place in np.ndindex(*inputs.shape):
        moved = np.zeros_like(doubles)
        moved[place] = step
        expected[place] = (cost(doubles + moved) - cost(doubles - moved)) / (2 * step)
    layer = GradientReversal(factor)
    _, (found,) = compiled_gradients(mode, lambda x: cost(layer(x)))(inputs)
    np.testing.assert_allclose(found, -factor * expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("mode", MODES)
def test_what_comes_out_is_what_went_in(inputs, mode, dtype):
    layer = GradientReversal(0.3, dtype=dtype)
    given = ops.cast(1000 * inputs, layer.compute_dtype)
    np.testing.assert_array_equal(ops.cast(MODES[mode](layer)(given), "float32"), ops.cast(given, "float32"))


@pytest.mark.parametrize("mode", MODES)
def test_a_step_takes_notice_of_another_factor(inputs, mode):
    layer = GradientReversal(0.0)
    traces = []

    def of_layer(x):
        traces.append(x)
        return ops.sum(layer(x))

    step = compiled_gradients(mode, of_layer, [layer.factor])
    for factor in (0.0, 0.5, 1.0):
        layer.factor.assign(factor)
        np.testing.assert_allclose(step(inputs)[1][0], np.full_like(inputs, -factor))
    assert len(traces) == (3 if mode == "eager" else 1)


def test_a_classifier_behind_it_learns_and_an_encoder_before_it_unlearns(inputs):
    keras.utils.set_random_seed(0)
    encoder, reversal, classifier = keras.layers.Dense(2), GradientReversal(0.5), keras.layers.Dense(1)
    for layer, shape in ((encoder, (4, 3)), (classifier, (4, 2))):
        layer.build(shape)
    weights = [*encoder.trainable_variables, *classifier.trainable_variables]

    def gradients(*between):
        def value():
            x = encoder(inputs)
            for layer in between:
                x = layer(x)
            return ops.mean(ops.square(classifier(x) - 1.0))

        return [np.array(one) for one in value_and_gradients(value, (), weights)[1]]

    plain, found = gradients(), gradients(reversal)
    for index, (one, other) in enumerate(zip(plain, found, strict=True)):
        np.testing.assert_allclose(other, (-0.5 if index < 2 else 1.0) * one, rtol=1e-5)


def test_it_survives_saving_with_the_factor_of_the_moment(inputs, tmp_path):
    image = keras.Input((3,))
    model = keras.Model(image, GradientReversal(0.25)(image))
    model.layers[-1].factor.assign(0.75)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.layers[-1].get_config()["factor"] == 0.25
    assert float(loaded.layers[-1].factor) == 0.75
    np.testing.assert_array_equal(loaded(inputs), inputs)
    assert not loaded.trainable_variables


@pytest.mark.parametrize("factor", [-0.1, float("inf"), float("nan")])
def test_a_factor_out_of_range_is_refused(factor):
    with pytest.raises(ValueError, match=rf"`factor` must be >= 0 and finite. Received: {factor}"):
        GradientReversal(factor)
