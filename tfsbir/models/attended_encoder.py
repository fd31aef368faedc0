"""Spatial attention and coarse-fine fusion, put into an encoder."""

import keras

from tfsbir.layers import CoarseFineFusion, SpatialAttention

ATTENTION = "attention"
ATTENTIONS = ("shortcut", "plain", "none")


def attended_encoder(
    encoder, after, attention="shortcut", fusion=True, feature_scale=1.0, hidden_channels=256
):
    """Copies an encoder with attention behind one of its layers and, before its embedding, what was attended.

    What came behind that layer sees the attended map, the rest stays as it is. With fusion, the map pooled
    over its places stands before the embedding; both have unit norm, so the whole has squared norm 2.

    Args:
        encoder: Functional `keras.Model` from an image to a `(batch, dim)` embedding of unit L2 norm.
        after: Name of its layer that gives the feature map, `(batch, height, width, channels)`.
        attention: "shortcut" adds the attended map to the map (Eq. 3), "plain" takes it alone (Eq. 2),
            "none" leaves attention out.
        fusion: Whether the embedding is fused with the pooled map (coarse-fine fusion, Sec. 3.3).
        feature_scale: `SpatialAttention`'s, about the size of the map's values.
        hidden_channels: `SpatialAttention`'s.
    Returns: `keras.Model` with the encoder's input and weights of its own, equal to the encoder's at first;
        to `(batch, dim)` or, with fusion, `(batch, channels + dim)`. Its attention is the layer "attention",
        whose map `attention_maps` shows.
    Raises: `ValueError` for another `attention`, or if the encoder has no layer `after` or one of that name
        does not give a map.
    Source: Song et al., "Deep Spatial-Semantic Attention for Fine-Grained Sketch-Based Image Retrieval",
        ICCV 2017, Fig. 2.
    """
    if attention not in ATTENTIONS:
        raise ValueError(f"`attention` must be one of {', '.join(ATTENTIONS)}. Received: {attention!r}")
    names = [layer.name for layer in encoder.layers]
    if after not in names or len(encoder.get_layer(after).output.shape) != 4:
        raise ValueError(f"`after` must name a layer of {encoder.name} that gives a map. Received: {after!r}")
    feature_map = None

    def call(layer, *args, **kwargs):
        nonlocal feature_map
        output = layer(*args, **kwargs)
        if layer.name != after:
            return output
        if attention != "none":
            attend = SpatialAttention(
                hidden_channels, attention == "shortcut", True, feature_scale=feature_scale, name=ATTENTION
            )
            output, _ = attend(output)
        feature_map = output
        return output

    copy = keras.models.clone_model(encoder, call_function=call)
    for layer in encoder.layers:
        if layer.weights:
            copy.get_layer(layer.name).set_weights(layer.get_weights())
    if not fusion:
        return copy
    # Float32 under mixed precision: the norm of 8 bits is not 1.
    fused = CoarseFineFusion(name="fusion", dtype="float32")([feature_map, copy.output])
    return keras.Model(copy.input, fused, name=encoder.name)


def attention_maps(encoder):
    """Returns the part of an `attended_encoder` that shows where it looks.

    Args:
        encoder: `keras.Model` with a layer "attention".
    Returns: `keras.Model` from the encoder's input to `(batch, height, width)` float32, >= 0, which sums to 1
        over the places; it shares the encoder's weights.
    Raises: `ValueError` if the encoder has no attention.
    """
    if ATTENTION not in [layer.name for layer in encoder.layers]:
        raise ValueError(f"`encoder` must have a layer {ATTENTION!r}. Received: {encoder.name}, without")
    return keras.Model(encoder.input, encoder.get_layer(ATTENTION).output[1], name="attention_maps")
