import math

import keras
import numpy as np
import pytest
from keras import ops

import tfsbir
from tests.common import assert_all_finite, assert_near, check_layer
from tests.common_backends import MODES, dtype_of, value_and_gradients


@pytest.fixture(scope="module")
def feature_map():
    return np.random.default_rng(0).normal(size=(3, 4, 5, 6)).astype("float32")


def make_layer(**kwargs):
    keras.utils.set_random_seed(0)
    return tfsbir.layers.SpatialAttention(**{"hidden_channels": 7, "initial_stddev": 0.5, **kwargs})


def loops(feature_map, weights, shortcut):
    """Eq. 1 to 3, place by place, in double precision."""
    kernel, bias, score_kernel = (np.asarray(weight, "float64") for weight in weights)
    attention = np.zeros(feature_map.shape[:3])
    attended = np.zeros(feature_map.shape)
    for image in range(len(feature_map)):
        for i, j in np.ndindex(feature_map.shape[1:3]):
            score = 0.0
            for hidden in range(kernel.shape[-1]):
                features = feature_map[image, i, j].astype("float64")
                score += score_kernel[0, 0, hidden, 0] * max(
                    0.0, features @ kernel[0, 0, :, hidden] + bias[hidden]
                )
            attention[image, i, j] = math.exp(score)
        attention[image] /= attention[image].sum()
        for i, j in np.ndindex(feature_map.shape[1:3]):
            f = feature_map[image, i, j]
            attended[image, i, j] = f + attention[image, i, j] * f if shortcut else attention[image, i, j] * f
    return attended, attention


@pytest.mark.parametrize("shortcut", [True, False])
def test_equals_loops(feature_map, shortcut):
    layer = make_layer(shortcut=shortcut, return_map=True)
    layer.build(feature_map.shape)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=weight.shape) for weight in layer.weights])
    attended, attention = layer(feature_map)
    expected_attended, expected_attention = loops(feature_map, layer.get_weights(), shortcut)
    assert expected_attention.max() > 0.2  # Far from even, or nothing would be tested.
    assert_near(attended, expected_attended)
    assert_near(attention, expected_attention)


def test_a_scale_is_for_the_scores_alone(feature_map):
    plain, scaled = make_layer(return_map=True), make_layer(return_map=True, feature_scale=4.0)
    attended, attention = scaled(4.0 * feature_map)
    expected_attended, expected_attention = plain(feature_map)
    assert_near(attention, expected_attention)
    assert_near(attended, 4.0 * expected_attended)


def test_all_modes(feature_map, tmp_path):
    check_layer(make_layer, feature_map, tmp_path)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_the_attention_map_on_request(feature_map, policy):
    layer = make_layer(return_map=True, dtype=policy)
    node = keras.Input(feature_map.shape[1:], dtype=layer.compute_dtype)
    for attended, attention in (layer(node), layer.compute_output_spec(node)):
        assert (attended.shape, attended.dtype) == (node.shape, layer.compute_dtype)
        assert (attention.shape, attention.dtype) == (node.shape[:3], "float32")
    alone = make_layer(dtype=policy)
    alone(feature_map)
    alone.set_weights(layer.get_weights())
    for mode in MODES.values():
        attended, attention = mode(layer)(ops.convert_to_tensor(feature_map))
        assert (dtype_of(attended), dtype_of(attention)) == (layer.compute_dtype, "float32")
        np.testing.assert_allclose(np.asarray(attention).sum(axis=(1, 2)), 1, atol=1e-6)
        assert_near(ops.cast(attended, "float32"), ops.cast(alone(feature_map), "float32"), policy)


def test_output_shapes():
    for shape in ((2, 4, 5, 6), (None, None, None, 6)):
        assert tfsbir.layers.SpatialAttention().compute_output_shape(shape) == shape
        both = tfsbir.layers.SpatialAttention(return_map=True).compute_output_shape(list(shape))
        assert both == (shape, shape[:3])


def test_unknown_sizes_and_a_file(tmp_path):
    node = keras.Input((None, None, 6))
    layer = make_layer(return_map=True)
    model = keras.Model(node, layer(node))
    assert model.output_shape == [(None, None, None, 6), (None, None, None)]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    rng = np.random.default_rng(2)
    for height, width in ((1, 1), (3, 8), (9, 2)):
        image = rng.normal(size=(2, height, width, 6)).astype("float32")
        expected = loops(image, layer.get_weights(), shortcut=True)
        for result in (model.predict_on_batch(image), loaded(image)):
            for actual, wanted in zip(result, expected, strict=True):
                assert_near(actual, wanted)


def test_it_starts_from_the_released_codes_width_and_deviation():
    layer = tfsbir.layers.SpatialAttention()
    layer.build((None, None, None, 256))
    kernel, bias, score_kernel = layer.get_weights()
    assert [x.shape for x in (kernel, bias, score_kernel)] == [(1, 1, 256, 256), (256,), (1, 1, 256, 1)]
    np.testing.assert_allclose(kernel.std(), 0.1, rtol=0.03)
    np.testing.assert_allclose(score_kernel.std(), 0.1, rtol=0.2)
    np.testing.assert_array_equal(bias, 0)


def test_a_map_that_is_the_same_everywhere_gets_even_attention():
    for value in (0.0, -3.0, 2.0):
        image = np.full((1, 7, 7, 6), value, "float32")
        attended, attention = make_layer(return_map=True)(image)
        np.testing.assert_allclose(attention, 1 / 49, rtol=1e-6)
        np.testing.assert_allclose(attended, image * 50 / 49, rtol=1e-6)


@pytest.mark.parametrize("scale", [0.0, 1.0, 3e4])
@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_finite_gradients(feature_map, scale, policy):
    """Also of features near float16's largest value, whose scores and hidden values are beyond it."""
    layer = make_layer(return_map=True, shortcut=False, dtype=policy)
    image = np.float32(scale) * np.clip(feature_map, -2, 2)
    attended, attention = layer(image)
    assert_all_finite([attended, attention])

    def cost(image):
        attended, attention = layer(image)
        return ops.sum(ops.cast(attended, "float32") / (1 + scale)) + ops.sum(attention[:, 0])

    assert_all_finite(value_and_gradients(cost, [image], layer.trainable_weights)[1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden_channels": 0}, r"`hidden_channels` must be >= 1. Received: 0"),
        ({"initial_stddev": 0.0}, r"`initial_stddev` must be > 0. Received: 0.0"),
        ({"initial_stddev": float("nan")}, r"`initial_stddev` must be > 0. Received: nan"),
        ({"feature_scale": 0.0}, r"`feature_scale` must be > 0. Received: 0.0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        tfsbir.layers.SpatialAttention(**arguments)


@pytest.mark.parametrize("shape", [(2, 5, 6), (2, 4, 5, None)])
def test_bad_feature_map(shape):
    with pytest.raises(ValueError, match=r"`feature_map` must be .* known channels. Received shape: \(2, "):
        tfsbir.layers.SpatialAttention().build(shape)
