import keras
import numpy as np

from recipes.common.softmax_head import softmax_head


def test_what_nearly_parallel_embeddings_have_in_common_is_taken_away():
    head = softmax_head(8, 3, name="head")
    random = np.random.default_rng(0)
    differences = random.normal(size=(32, 8))
    spread = head(differences.astype(np.float32), training=True)
    parallel = head((differences * 1e-3 + random.normal(size=8)).astype(np.float32), training=True)
    np.testing.assert_allclose(spread, parallel, atol=0.02)
    assert np.std(spread) > 0.3


def test_equal_embeddings_have_finite_gradients():
    import tensorflow as tf

    head = softmax_head(8, 3, name="head")
    embedding = tf.Variable(np.full((4, 8), 8**-0.5, np.float32))
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    with tf.GradientTape() as tape:
        loss = cross_entropy(np.arange(4) % 3, head(embedding, training=True))
    assert all(np.isfinite(g).all() for g in tape.gradient(loss, [embedding, *head.trainable_variables]))
