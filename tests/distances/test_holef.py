import keras
import numpy as np
import pytest
from keras import ops

import tfsbir
from tests.common import unit_norm
from tests.common_backends import MODES, compiled_gradients, training_step, value_and_gradients
from tests.distances.common_distances import embeddings, holef


def literal(sketch, photo, pair_weights):
    """Eq. 5 and 6 for a batch in NumPy: the outer difference of each pair, squared, weighted, summed."""
    outer = sketch[:, :, None] - photo[:, None, :]
    value = (outer**2 * pair_weights).sum(axis=(1, 2))
    sketch_gradient = (2 * outer * pair_weights).sum(axis=2)
    photo_gradient = -(2 * outer * pair_weights).sum(axis=1)
    return value, sketch_gradient, photo_gradient, (outer**2).sum(axis=0)


@pytest.mark.parametrize("is_pairwise", [False, True])
@pytest.mark.parametrize("spread", [0.0, 0.01, 0.5])
@pytest.mark.parametrize("dim", [3, 64, 512])
def test_value_and_gradients_equal_the_literal_equations(dim, spread, is_pairwise):
    rng = np.random.default_rng(dim)
    sketch, photo = unit_norm(rng, 5, dim), unit_norm(rng, 5, dim)
    layer = tfsbir.distances.HOLEF(dim)
    layer.pair_weights.assign(np.eye(dim) + spread * rng.normal(size=(dim, dim)))

    def distance(*pair):
        return ops.diagonal(layer.pairwise(*pair)) if is_pairwise else layer(pair)

    value, gradients = value_and_gradients(distance, (sketch, photo), [layer.pair_weights])
    results = [np.asarray(value), *map(np.asarray, gradients)]
    expected = literal(
        sketch.astype("float64"), photo.astype("float64"), np.array(layer.pair_weights, "float64")
    )
    for result, correct in zip(results, expected, strict=True):
        scale = np.abs(correct).max()
        np.testing.assert_allclose(result, correct, rtol=1e-4, atol=1e-4 * scale if correct.ndim > 1 else 0)


def test_the_sketch_comes_first():
    layer, (sketch, photo) = holef(), embeddings(4, 4)
    forth, back = (ops.convert_to_numpy(layer(pair)) for pair in ((sketch, photo), (photo, sketch)))
    assert np.abs(forth - back).min() > 1e-2
    layer.pair_weights.assign(np.array(layer.pair_weights).T)
    np.testing.assert_allclose(layer((photo, sketch)), forth, rtol=1e-5)


def test_equation_5_by_hand():
    layer = tfsbir.distances.HOLEF(2)
    layer.pair_weights.assign([[1.0, 2.0], [-3.0, 4.0]])
    # Differences [[1 - 3, 1 - 5], [2 - 3, 2 - 5]], squared [[4, 16], [1, 9]].
    np.testing.assert_allclose(layer((np.array([[1.0, 2.0]]), np.array([[3.0, 5.0]]))), [4 + 32 - 3 + 36])


def test_error_of_close_pairs_with_large_norms():
    rng = np.random.default_rng(5)
    sketch = 100 * unit_norm(rng, 50, 32)
    photo = (sketch + 1e-3 * rng.normal(size=sketch.shape)).astype("float32")
    layer = tfsbir.distances.HOLEF(32)
    squared = np.square(sketch.astype("float64") - photo).sum(axis=1)
    # At the identity the rows are exact; pairs, which are expanded, only as exact as the norms are large.
    np.testing.assert_allclose(layer((sketch, photo)), squared, rtol=1e-5)
    assert np.abs(np.diagonal(np.asarray(layer.pairwise(sketch, photo))) - squared).max() < 1e-6 * 2 * 100**2

    layer.pair_weights.assign(np.eye(32) + 1e-3 * rng.normal(size=(32, 32)))
    pair_weights = np.array(layer.pair_weights, "float64")
    expected = literal(sketch.astype("float64"), photo.astype("float64"), pair_weights)[0]
    off_diagonal = np.abs(pair_weights * (1 - np.eye(32)))
    for weights, distance in (
        (off_diagonal, np.asarray(layer((sketch, photo)))),
        (np.abs(pair_weights), np.diagonal(np.asarray(layer.pairwise(sketch, photo)))),
    ):
        size = np.square(sketch) @ weights.sum(axis=1) + np.square(photo) @ weights.sum(axis=0)
        assert (np.abs(distance - expected) < 5e-7 * size + 1e-5 * squared).all()


@pytest.mark.parametrize("mode", MODES)
def test_regularizer_counts_once_however_often_the_distance_is_called(mode):
    layer, (sketch, photo) = holef(regularization_weight=0.1), embeddings(4, 4)
    deviation = np.array(layer.pair_weights, "float64") - np.eye(7)
    length = np.sqrt(np.square(deviation).sum())

    def regularizer():
        layer((sketch, photo))
        layer((sketch, photo[::-1]))
        layer.pairwise(sketch, photo)
        (loss,) = layer.losses
        return loss

    loss, (slope,) = compiled_gradients(mode, regularizer, [layer.pair_weights])()
    np.testing.assert_allclose(loss, 0.1 * (np.abs(deviation).sum() + length), rtol=1e-5)
    np.testing.assert_allclose(slope, 0.1 * (np.sign(deviation) + deviation / length), rtol=1e-4)


@pytest.mark.parametrize("name", ["HOLEF", "Mahalanobis"])
def test_training_by_equation_7_aligns_channels(name):
    """The photo's channels are the sketch's, rolled by one, which products of differences cannot undo."""
    rng = np.random.default_rng(6)
    sketch = unit_norm(rng, 64, 8)
    photo = np.roll(sketch, 1, axis=1)
    layer = getattr(tfsbir.distances, name)(8)
    (weight,) = layer.trainable_weights
    optimizer = keras.optimizers.Adam(1e-2)
    optimizer.build([weight])

    def cost(other):
        gap = layer((sketch, photo)) - layer((sketch, other))
        return ops.mean(ops.maximum(0.3 + gap, 0.0)) + sum(layer.losses)

    step = training_step(cost, optimizer, [weight])

    def accuracy():
        return np.mean(np.argmin(np.asarray(layer.pairwise(sketch, photo)), axis=1) == np.arange(64))

    assert accuracy() < 0.1
    for index in range(250):
        step(ops.convert_to_tensor(np.roll(photo, 1 + index % 63, axis=0)))
    assert accuracy() > 0.9 if name == "HOLEF" else accuracy() < 0.5


def test_bad_regularization_weight():
    with pytest.raises(ValueError, match=r"`regularization_weight` must be finite and >= 0. Received: -0.1"):
        tfsbir.distances.HOLEF(3, regularization_weight=-0.1)
