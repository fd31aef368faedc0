import math

import keras
import numpy as np
import pytest
from keras import ops

import tfsbir
from tests.common import assert_all_finite, assert_near, check_layer, unit_norm
from tests.common_backends import value_and_gradients


@pytest.fixture(scope="module")
def inputs():
    rng = np.random.default_rng(0)
    return rng.normal(size=(3, 4, 5, 6)).astype("float32"), unit_norm(rng, 3, 2)


def loops(feature_map, embedding, pooling):
    rows = []
    for places, vector in zip(feature_map.astype("float64"), embedding, strict=True):
        pooled = [0.0] * places.shape[-1]
        for i, j, channel in np.ndindex(places.shape):
            pooled[channel] += places[i, j, channel]
        if pooling == "average":
            pooled = [value / (places.shape[0] * places.shape[1]) for value in pooled]
        norm = math.sqrt(sum(value**2 for value in pooled))
        rows.append([value / norm for value in pooled] + vector.tolist())
    return np.array(rows)


@pytest.mark.parametrize("pooling", ["average", "sum"])
def test_equals_loops(inputs, pooling):
    fused = tfsbir.layers.CoarseFineFusion(pooling)(inputs)
    assert_near(fused, loops(*inputs, pooling))
    np.testing.assert_allclose(np.sum(np.square(np.asarray(fused)), axis=-1), 2, rtol=1e-5)


@pytest.mark.parametrize("pooling", ["average", "sum"])
def test_all_modes(inputs, tmp_path, pooling):
    check_layer(lambda **kwargs: tfsbir.layers.CoarseFineFusion(pooling, **kwargs), inputs, tmp_path)


def test_the_embedding_passes_as_it_is(inputs):
    feature_map, embedding = inputs
    longer = 3 * embedding
    fused = tfsbir.layers.CoarseFineFusion()((feature_map, longer))
    np.testing.assert_array_equal(fused[:, 6:], longer)
    exact = tfsbir.layers.CoarseFineFusion(dtype="float32")((ops.cast(feature_map, "bfloat16"), embedding))
    np.testing.assert_array_equal(exact[:, 6:], embedding)


def test_size_and_length_of_the_map_do_not_count(inputs):
    feature_map, embedding = inputs
    layer = tfsbir.layers.CoarseFineFusion()
    for scale in (1e-9, 1e9):
        assert_near(layer((scale * feature_map, embedding)), layer(inputs))
    assert_near(layer((np.tile(feature_map, (1, 2, 3, 1)), embedding)), layer(inputs))


def test_unknown_sizes(inputs):
    nodes = keras.Input((None, None, 6)), keras.Input((2,))
    layer = tfsbir.layers.CoarseFineFusion()
    model = keras.Model(nodes, layer(nodes))
    assert model.output_shape == (None, 8)
    assert_near(model(inputs), loops(*inputs, "average"))
    assert layer.compute_output_shape([[None, None, None, 6], [None, 2]]) == (None, 8)
    assert layer.compute_output_shape([(4, 7, 7, None), (4, 2)]) == (4, None)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e-11, 1e-5])
def test_finite_gradients(inputs, scale, policy):
    """The first image is (nearly) empty, the others are not."""
    feature_map = inputs[0] * np.float32([scale, 1, 1])[:, None, None, None]
    layer = tfsbir.layers.CoarseFineFusion(dtype=policy)
    factors = ops.convert_to_tensor(np.random.default_rng(1).normal(size=(3, 8)).astype("float32"))
    fused = ops.convert_to_numpy(ops.cast(layer((feature_map, inputs[1])), "float32"))
    assert_all_finite([fused])
    if scale == 0:
        np.testing.assert_array_equal(fused[0, :6], 0)
    _, gradients = value_and_gradients(
        lambda *tensors: ops.sum(factors * ops.cast(layer(tensors), "float32")), (feature_map, inputs[1])
    )
    if scale == 0 or policy != "mixed_float16":  # A gradient of 1e5 and more is beyond float16.
        assert_all_finite(gradients)
    assert np.abs(np.asarray(gradients[0][1])).max() > 0


def test_bad_pooling():
    with pytest.raises(ValueError, match=r'`pooling` must be "average" or "sum". Received: \'max\''):
        tfsbir.layers.CoarseFineFusion("max")


def test_bad_inputs(inputs):
    feature_map, embedding = inputs
    for bad in (feature_map, embedding, (embedding, feature_map), (feature_map,), (*inputs, embedding)):
        with pytest.raises(
            ValueError, match=r"`inputs` must be \(feature_map, embedding\) .* Received shapes"
        ):
            tfsbir.layers.CoarseFineFusion()(bad)
