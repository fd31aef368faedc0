"""What two of paper 5's losses put behind an embedding: a classifier of domains, a decoder of meaning."""

import keras

from tfsbir.layers.replica_dropout import ReplicaDropout


def domain_classifier(embedding_dim=256, units=(64, 64), dropout=0.5, scale=1.0, name="domain_classifier"):
    """Builds the multi-layer perceptron from an embedding to the logit of being a photo's.

    Put a `GradientReversal` before it and train both with `DomainConfusion`. It computes in float32 under
    every dtype policy.

    Args:
        embedding_dim: Integer > 0, length of the embedding.
        units: Sequence of integers > 0, widths of the hidden layers, each with ReLU and dropout.
        dropout: Share of the hidden values that are dropped in training, in [0, 1).
        scale: Float, what embeddings are multiplied by first. With the square root of `embedding_dim` the
            values of embeddings of unit norm, else so small that layers hardly learn from them, have about
            unit variance.
        name: Name of the model.
    Returns: A `keras.Model` from `(batch, embedding_dim)` to `(batch, 1)` float32, > 0 for a photo.
    Raises: `ValueError` where Keras refuses a width, or the dropout is not in [0, 1).
    Source: Dey et al., "Doodle to Search", CVPR 2019, Sec. 5.1: three layers with ReLU; widths and dropout
        are the released code's.
    """
    return _perceptron(embedding_dim, units, dropout, scale, 1, name)


def semantic_decoder(
    embedding_dim=256, semantic_dim=300, units=(300, 300), dropout=0.5, scale=1.0, name="semantic_decoder"
):
    """Builds the multi-layer perceptron from an embedding to the word vector of its class.

    Train it with `SemanticReconstruction`. It computes in float32 under every dtype policy.

    Args:
        embedding_dim: Integer > 0, length of the embedding.
        semantic_dim: Integer > 0, length of the word vectors.
        units: As for `domain_classifier`.
        dropout: As for `domain_classifier`.
        scale: As for `domain_classifier`.
        name: Name of the model.
    Returns: A `keras.Model` from `(batch, embedding_dim)` to `(batch, semantic_dim)` float32, of any length.
    Raises: `ValueError` where Keras refuses a width, or the dropout is not in [0, 1).
    Source: Dey et al., "Doodle to Search", CVPR 2019, Sec. 5.1: three layers with ReLU; widths and dropout
        are the released code's. The last layer has no ReLU here, since word vectors have both signs.
    """
    return _perceptron(embedding_dim, units, dropout, scale, semantic_dim, name)


def _perceptron(embedding_dim, units, dropout, scale, output_dim, name):
    embedding = keras.Input((embedding_dim,), name="embedding")
    x = keras.layers.Rescaling(scale, dtype="float32", name="scaled")(embedding)
    for index, width in enumerate(units, 1):
        x = keras.layers.Dense(width, activation="relu", dtype="float32", name=f"hidden{index}")(x)
        x = ReplicaDropout(dropout, dtype="float32", name=f"dropout{index}")(x)
    return keras.Model(
        embedding, keras.layers.Dense(output_dim, dtype="float32", name="output")(x), name=name
    )
