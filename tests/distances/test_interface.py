"""What all distances have in common."""

import faiss
import keras
import numpy as np
import pytest
from keras import ops

import tfsbir
from tests.common import assert_all_finite, assert_near, check_layer
from tests.common_backends import (
    MODES,
    dtype_of,
    largest_tensor,
    tensorflow_only,
    value_and_gradients,
    with_open_sizes,
)
from tests.distances.common_distances import LOOPS, all_pairs, embeddings, holef, squared_euclidean

ALL = list(LOOPS)
LEARNED = [make for make in ALL if make is not squared_euclidean]
FRESH = {
    "SquaredEuclidean": tfsbir.distances.SquaredEuclidean,
    "WeightedEuclidean": lambda **kwargs: tfsbir.distances.WeightedEuclidean(7, **kwargs),
    "Mahalanobis": lambda **kwargs: tfsbir.distances.Mahalanobis(7, **kwargs),
    "HOLEF": lambda **kwargs: tfsbir.distances.HOLEF(7, regularization_weight=0.01, **kwargs),
}


@pytest.mark.parametrize("make", ALL)
def test_rows_equal_loops(make):
    layer, (sketch, photo) = make(), embeddings(6, 6)
    expected = np.diagonal(all_pairs(make, layer, sketch, photo))
    np.testing.assert_allclose(layer((sketch, photo)), expected, rtol=1e-4)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("make", ALL)
def test_pairwise_equals_loops(make, mode):
    layer, (sketch, photo) = make(), embeddings(6, 5)
    distances = MODES[mode](layer.pairwise)(ops.convert_to_tensor(sketch), ops.convert_to_tensor(photo))
    assert distances.shape == (6, 5)
    assert_near(distances, all_pairs(make, layer, sketch, photo))


@pytest.mark.parametrize("make", ALL)
def test_pairwise_of_no_photos_and_of_an_unknown_number(make):
    layer, (sketch, photo) = make(), embeddings(3, 2)
    assert layer.pairwise(sketch, photo[:0]).shape == (3, 0)
    specs = (("sketches", 7), "float32"), (("photos", 7), "float32")
    distances = with_open_sizes(layer.pairwise, *specs)(sketch, photo)
    assert_near(distances, layer.pairwise(sketch, photo))


@pytest.mark.parametrize("make", ALL)
def test_an_inner_product_index_ranks_as_the_distance_does(make):
    layer, (sketch, photo) = make(), embeddings(20, 50)
    expected = all_pairs(make, layer, sketch, photo)
    query, gallery = np.asarray(layer.lift_query(sketch)), np.asarray(layer.lift_photo(photo))
    assert query.shape[1] == gallery.shape[1]

    np.testing.assert_array_equal(np.argsort(-query @ gallery.T, axis=1), np.argsort(expected, axis=1))
    index = faiss.IndexFlatIP(gallery.shape[1])
    index.add(gallery)
    inner_product, found = index.search(query, len(photo))
    np.testing.assert_array_equal(found, np.argsort(expected, axis=1))
    assert_near(layer.distance_of(sketch, inner_product), np.sort(expected, axis=1))


@pytest.mark.parametrize("make", ALL)
def test_half_precision_embeddings_give_float32(make):
    half = tuple(ops.cast(x, "bfloat16") for x in embeddings(4, 4))
    sketch, photo = (ops.convert_to_numpy(ops.cast(x, "float32")) for x in half)
    layer = make(dtype="mixed_bfloat16")
    expected = all_pairs(make, layer, sketch, photo)
    product = ops.matmul(layer.lift_query(half[0]), ops.transpose(layer.lift_photo(half[1])))
    for distances in (layer.pairwise(*half), layer.distance_of(half[0], product)):
        assert dtype_of(distances) == "float32"
        assert_near(distances, expected)
    assert_near(layer(half), np.diagonal(expected))
    assert {dtype_of(weight) for weight in layer.weights} <= {"float32"}


@pytest.mark.parametrize("policy", ["float16", "bfloat16", "mixed_float16"])
@pytest.mark.parametrize("make", ALL)
def test_no_policy_rounds_weights_or_distances(make, policy):
    sketch, photo = embeddings(4, 4)
    # Squares of 1000 overflow float16.
    np.testing.assert_array_equal(
        make(dtype=policy)((1000 * sketch, 1000 * photo)), make()((1000 * sketch, 1000 * photo))
    )


@pytest.mark.parametrize("name", FRESH)
def test_all_modes(name, tmp_path):
    check_layer(FRESH[name], embeddings(4, 4), tmp_path, is_float32=True)


@pytest.mark.parametrize("name", FRESH)
def test_begins_as_squared_euclidean(name):
    layer, (sketch, photo) = FRESH[name](), embeddings(4, 4)
    expected = tfsbir.distances.SquaredEuclidean()
    np.testing.assert_array_equal(layer((sketch, photo)), expected((sketch, photo)))
    assert_near(layer.pairwise(sketch, photo), expected.pairwise(sketch, photo))


@pytest.mark.parametrize("value", [0.0, 0.5])
@pytest.mark.parametrize("make", [*ALL, *FRESH.values()])
def test_finite_gradients_at_equal_embeddings(make, value):
    layer = make()
    equal = np.full((3, 7), value, "float32")
    for function in (lambda *pair: layer(pair), layer.pairwise):
        distances, gradients = value_and_gradients(function, (equal, equal), layer.trainable_weights)
        assert_all_finite([distances, *gradients])


@pytest.mark.parametrize("make", LEARNED)
def test_weights_exist_before_the_first_call(make):
    layer = make()
    assert len(layer.trainable_weights) == 1
    keras.optimizers.SGD().build(layer.trainable_weights)


@pytest.mark.parametrize("make", LEARNED)
def test_pairwise_trains_the_weights_as_rows_do(make):
    layer, (sketch, photo) = make(), embeddings(5, 5)
    weights = layer.trainable_weights
    _, (of_rows,) = value_and_gradients(lambda: layer((sketch, photo)), (), weights)
    _, (of_pairs,) = value_and_gradients(lambda: ops.diagonal(layer.pairwise(sketch, photo)), (), weights)
    assert_near(of_pairs, of_rows)


@tensorflow_only("checkpoints are TensorFlow's")
@pytest.mark.parametrize("make", LEARNED)
def test_a_checkpoint_holds_the_weights(make, tmp_path):
    import tensorflow as tf

    layer = make()
    path = tf.train.Checkpoint(distance=layer).save(tmp_path / "checkpoint")
    (weight,) = layer.trainable_weights
    trained = np.array(weight)
    weight.assign(np.zeros_like(trained))
    tf.train.Checkpoint(distance=layer).restore(path).assert_consumed()
    np.testing.assert_array_equal(weight, trained)


@pytest.mark.parametrize("make", ALL)
def test_makes_no_difference_for_every_pair_and_dimension(make):
    layer = make() if make is squared_euclidean else make(dim=64)
    shapes = (200, 64), (1000, 64)
    assert largest_tensor(layer.pairwise, shapes, layer.trainable_weights) == 200 * 1000
    # Of aligned pairs, no tensor holds an outer difference for each.
    rows = largest_tensor(lambda *pair: layer(pair), [(1000, 64)] * 2, layer.trainable_weights)
    assert rows == 1000 * 64
    # The measure itself sees what must not be made.
    naive = largest_tensor(lambda sketch, photo: sketch[:, None] - photo[None], shapes)
    assert naive == 200 * 1000 * 64


@pytest.mark.parametrize("make", LEARNED)
def test_bad_shapes(make):
    layer, ones = make(), keras.ops.ones
    for call in (layer.lift_query, lambda x: layer.pairwise(x, x), lambda x: layer((x, x))):
        with pytest.raises(ValueError, match=r"`sketch` must have the shape \(num, 7\). Received: \(3, 5\)"):
            call(ones((3, 5)))
        with pytest.raises(ValueError, match=r"`sketch` must have the shape \(num, 7\). Received: \(7,\)"):
            call(ones(7))
    with pytest.raises(ValueError, match=r"`photo` must have the shape \(num, 7\). Received: \(3, 5\)"):
        layer.lift_photo(ones((3, 5)))
    with pytest.raises(ValueError, match=r"`photo` must have the shape \(num, 7\). Received: \(3, 5\)"):
        layer.pairwise(ones((3, 7)), ones((3, 5)))
    message = r"`sketch` and `photo` must have the same batch. Received shapes: \(3, 7\) and \(1, 7\)"
    with pytest.raises(ValueError, match=message):
        layer((ones((3, 7)), ones((1, 7))))


@pytest.mark.parametrize("make", ALL)
def test_bad_inner_products(make):
    layer, ones = make(), keras.ops.ones
    for shape in (r"\(3,\)", r"\(2, 4\)"):
        message = rf"`inner_product` must be 2-D with a row for every sketch. Received shapes: {shape}, and"
        with pytest.raises(ValueError, match=message):
            layer.distance_of(ones((3, 7)), ones((3,) if shape == r"\(3,\)" else (2, 4)))


@pytest.mark.parametrize("dim", [0, -1, 2.5, None])
@pytest.mark.parametrize("name", [name for name in FRESH if name != "SquaredEuclidean"])
def test_bad_dim(name, dim):
    with pytest.raises(ValueError, match=rf"`dim` must be an int >= 1. Received: {dim}"):
        getattr(tfsbir.distances, name)(dim)


def test_only_holef_falls_below_zero():
    for make in ALL:
        layer, (sketch, photo) = make(), embeddings(30, 30)
        distances = [
            layer((sketch, photo)),
            layer((sketch, sketch)),
            layer.pairwise(100 * sketch, 100 * sketch),
        ]
        assert (min(np.asarray(x).min() for x in distances) < 0) == (make is holef)
