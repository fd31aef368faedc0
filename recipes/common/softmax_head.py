"""What makes a classifier of an encoder for as long as it is warmed up."""

import keras


def softmax_head(embedding_dim, num_classes, name):
    """Builds the layers from embeddings to logits.

    The embeddings of a network that has not been trained are nearly parallel: what they have in common is
    taken away over the batch, and what is left is brought to unit variance. That needs no moving averages at
    test time, for the head is dropped with the end of the warm-up. Under a strategy gather the embeddings
    first, so that the batch is the global one.

    Args:
        embedding_dim: Length of the embedding.
        num_classes: Number of classes.
        name: Name of the model.
    Returns: A `keras.Model` from `(batch, embedding_dim)` to `(batch, num_classes)` float32.
    """
    embedding = keras.Input((embedding_dim,), name="embedding")
    # The squares of a unit vector's values sum to 1, and the differences may be a thousandth of them.
    x = keras.layers.BatchNormalization(
        center=False, scale=False, epsilon=1e-9, dtype="float32", name="standardized"
    )(embedding)
    x = keras.layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(embedding, x, name=name)
