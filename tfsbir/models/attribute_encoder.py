"""Attribute prediction, put behind an encoder."""

import keras

ATTRIBUTES = "attributes"


def attribute_encoder(encoder, num_attributes, after, feature_scale=1.0, softness=4.0):
    """Puts a head behind an encoder that predicts binary attributes, beside the embedding.

    The head is one dense layer with a sigmoid for each attribute, on one of the encoder's layers, so that
    what the embedding is made of learns to know the attributes. A feature map is pooled over its places.

    Beside the probabilities come softened ones, to rank by: the sigmoids of the logits divided by `softness`.
    Two photos that surely have laces have nearly equal probabilities; softened, how much of laces they show
    still tells them apart.

    Args:
        encoder: Functional `keras.Model` from an image to a `(batch, dim)` embedding.
        num_attributes: Int >= 1.
        after: Name of the encoder's layer that the head stands on.
        feature_scale: Float > 0 by which the head divides what it stands on, about the size of its values. On
            those of a unit vector, each about `dim ** -0.5`, a head would learn that much more slowly.
        softness: Float >= 1; with 1 nothing is softened. The default found more held-out shoes than 1.
    Returns: `keras.Model` with the encoder's input and its layers themselves, to `(batch, dim +
        2 * num_attributes)` float32: the embedding, behind it the softened probabilities, and last the
        probabilities, all of these in [0, 1]. The head is the layer "attributes".
    Raises: `ValueError` if `num_attributes` < 1, `feature_scale` <= 0, `softness` < 1 or the encoder has no
        layer `after`.
    Source: Song et al., "Deep Multi-task Attribute-driven Ranking for Fine-grained Sketch-based Image
        Retrieval", BMVC 2016, Fig. 1; which layer the head stands on is ours to choose.
    """
    if num_attributes < 1:
        raise ValueError(f"`num_attributes` must be >= 1. Received: {num_attributes}")
    if not feature_scale > 0:
        raise ValueError(f"`feature_scale` must be > 0. Received: {feature_scale}")
    if not softness >= 1:
        raise ValueError(f"`softness` must be >= 1. Received: {softness}")
    if after not in [layer.name for layer in encoder.layers]:
        raise ValueError(f"`after` must name a layer of {encoder.name}. Received: {after!r}")
    features = encoder.get_layer(after).output
    if len(features.shape) == 4:
        features = keras.layers.GlobalAveragePooling2D(name="attribute_features")(features)
    features = keras.layers.Rescaling(1 / feature_scale, name="attribute_features_scaled")(features)
    # Float32 under mixed precision: with 8 bits probabilities end at 0.996, and a loss has no slope there.
    logits = keras.layers.Dense(num_attributes, dtype="float32", name=ATTRIBUTES)(features)
    softened = keras.layers.Rescaling(1 / softness, dtype="float32", name="attributes_softened")(logits)
    probabilities = [
        keras.layers.Activation("sigmoid", dtype="float32", name=name)(values)
        for name, values in (("softened_probabilities", softened), ("probabilities", logits))
    ]
    all_parts = keras.layers.Concatenate(dtype="float32", name="embedding_and_attributes")(
        [encoder.output, *probabilities]
    )
    return keras.Model(encoder.input, all_parts, name=encoder.name)
