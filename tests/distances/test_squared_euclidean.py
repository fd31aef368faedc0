import keras
import numpy as np
import pytest
from keras import ops

import tfsbir
from tests.common import assert_all_finite, assert_near, check_layer
from tests.common_backends import MODES, dtype_of, value_and_gradients


@pytest.fixture(scope="module")
def embeddings():
    rng = np.random.default_rng(1)
    return rng.normal(size=(5, 7)).astype("float32"), rng.normal(size=(4, 7)).astype("float32")


def loops(query, gallery):
    """D(s, p) = sum_i (s_i - p_i)^2, element by element."""
    result = np.zeros((len(query), len(gallery)))
    for row, one in enumerate(query):
        for column, other in enumerate(gallery):
            for x, y in zip(one.tolist(), other.tolist(), strict=True):
                result[row, column] += (x - y) ** 2
    return result


def test_rows_equal_loops(embeddings):
    query, gallery = embeddings[0][:4], embeddings[1]
    assert_near(tfsbir.distances.SquaredEuclidean()((query, gallery)), np.diagonal(loops(query, gallery)))


@pytest.mark.parametrize("mode", MODES)
def test_pairwise_equals_loops(embeddings, mode):
    query, gallery = embeddings
    pairwise = MODES[mode](tfsbir.distances.SquaredEuclidean().pairwise)
    distances = pairwise(ops.convert_to_tensor(query), ops.convert_to_tensor(gallery))
    assert distances.shape == (5, 4)
    assert_near(distances, loops(query, gallery))


def test_pairwise_never_falls_below_zero():
    embedding = np.random.default_rng(2).normal(size=(200, 16)).astype("float32") * 100
    distances = np.asarray(tfsbir.distances.SquaredEuclidean().pairwise(embedding, embedding))
    assert distances.min() >= 0
    assert np.diagonal(distances).max() < 1e-6 * np.square(embedding).sum(axis=1).max()


def test_half_precision_embeddings_give_float32(embeddings):
    query, gallery = (ops.cast(x, "bfloat16") for x in embeddings)
    layer = tfsbir.distances.SquaredEuclidean(dtype="mixed_bfloat16")
    expected = loops(*(ops.convert_to_numpy(ops.cast(x, "float32")) for x in (query, gallery)))
    assert dtype_of(layer.pairwise(query, gallery)) == "float32"
    assert_near(layer.pairwise(query, gallery), expected)
    assert_near(layer((query[:4], gallery)), np.diagonal(expected))


def test_all_modes(embeddings, tmp_path):
    inputs = (embeddings[0][:4], embeddings[1])
    check_layer(tfsbir.distances.SquaredEuclidean, inputs, tmp_path, is_float32=True)


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_finite_gradients_at_equal_embeddings(value):
    layer = tfsbir.distances.SquaredEuclidean()
    equal = np.full((3, 4), value, "float32")
    aligned, gradients = value_and_gradients(lambda *pair: layer(pair), (equal, equal))
    np.testing.assert_array_equal(aligned, 0)
    assert_all_finite(gradients)
    assert_all_finite(value_and_gradients(layer.pairwise, (equal, equal))[1])


def test_bad_shapes():
    layer = tfsbir.distances.SquaredEuclidean()
    ones = keras.ops.ones
    message = r"`sketch` and `photo` must have the same dim. Received shapes: \(3, 4\) and \(3, 5\)"
    with pytest.raises(ValueError, match=message):
        layer.pairwise(ones((3, 4)), ones((3, 5)))
    with pytest.raises(ValueError, match=r"`sketch` must have the shape \(num, dim\). Received: \(3,\)"):
        layer.pairwise(ones(3), ones(3))
    with pytest.raises(ValueError, match=r"`photo` must have the shape \(num, dim\). Received: \(3,\)"):
        layer.pairwise(ones((3, 4)), ones(3))
    message = r"`sketch` and `photo` must have the same batch. Received shapes: \(3, 4\) and \(1, 4\)"
    with pytest.raises(ValueError, match=message):
        layer((ones((3, 4)), ones((1, 4))))
