import keras
import numpy as np
import pytest

from tests.common_backends import dtype_of
from tfsbir.models import domain_classifier, semantic_decoder

HEADS = pytest.mark.parametrize(
    ("make", "widths"), [(domain_classifier, (64, 64, 1)), (semantic_decoder, (300, 300, 300))]
)


@HEADS
def test_it_is_a_perceptron_of_the_papers_size(make, widths):
    model = make()
    weights = model.get_weights()
    assert [kernel.shape for kernel in weights[::2]] == list(zip((256, *widths), widths, strict=False))
    embedding = np.random.default_rng(0).normal(size=(5, 256)).astype("float32")
    x = embedding
    for index in (0, 2):
        x = np.maximum(x @ weights[index] + weights[index + 1], 0)
    np.testing.assert_allclose(model(embedding), x @ weights[4] + weights[5], atol=1e-4)


@HEADS
def test_embeddings_of_unit_norm_are_brought_to_unit_variance(make, widths):
    scaled, plain = make(16, scale=4.0), make(16)
    plain.set_weights(scaled.get_weights())
    embedding = np.random.default_rng(0).normal(size=(5, 16)).astype("float32")
    np.testing.assert_allclose(scaled(embedding), plain(4.0 * embedding), rtol=1e-5, atol=1e-6)


@HEADS
def test_hidden_values_are_dropped_in_training_alone(make, widths):
    model = make(8)
    embedding = np.ones((4, 8), np.float32)
    np.testing.assert_array_equal(model(embedding), model(embedding))
    assert not np.array_equal(model(embedding, training=True), model(embedding, training=True))


@HEADS
def test_half_precision_embeddings_give_float32(make, widths, tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = make(8)
    finally:
        keras.config.set_dtype_policy("float32")
    embedding = np.ones((4, 8), np.float32)
    assert dtype_of(model(keras.ops.cast(embedding, "bfloat16"))) == "float32"
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(embedding), model(embedding))
