"""SqueezeNet v1.1 as an encoder of what is in a picture, wherever it is."""

import keras
import numpy as np
from keras import ops

from tfsbir.models.squeezenet import (
    check_sizes,
    load_imagenet_weights,
    squeezenet_features,
    squeezenet_input,
)

NUM_FEATURES = 512  # Channels of fire9.
POOLED, PROJECTION = "pooled", "projection"


def pooled_squeezenet_encoder(
    image_size=225,
    channels=1,
    working_size=161,
    embedding_dim=256,
    is_halved=False,
    weights=None,
    name="pooled_squeezenet",
):
    """Builds an encoder on SqueezeNet v1.1 that forgets where things are.

    `fire9` is averaged over all places and mapped by a linear layer to a vector of unit norm: what tells
    categories apart, where `squeezenet_encoder` keeps what tells objects of one category apart. Line drawings
    (one channel) enter as a `BlurPyramid`. `start_heads_together` starts the linear layers of two branches
    well.

    Args:
        image_size: Side of the input in px.
        channels: 1 for sketches and edge maps, 3 for RGB photos.
        working_size: Side in px at which the network works, in 111 .. `image_size`; half the pixels take
            half the time.
        embedding_dim: Length of the embedding, in 1..512.
        is_halved: Whether to work at half of `image_size` instead, as `squeezenet_encoder` may.
        weights: Path of ImageNet weights (`squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5`), or
            None to start from scratch.
        name: Name of the model.
    Returns: A `keras.Model` from `(batch, image_size, image_size, channels)` in [-1, 1] to
        `(batch, embedding_dim)` of unit L2 norm.
    Raises: `ValueError` for sizes or channels out of range; `InputError` for a weights file that is
        missing, damaged or of another network, naming the layer.
    Source: Iandola et al., "SqueezeNet", 2016, arxiv.org/abs/1602.07360, and its release v1.1.
    """
    check_sizes(image_size, channels, working_size, is_halved)
    if not 1 <= embedding_dim <= NUM_FEATURES:
        raise ValueError(f"`embedding_dim` must be in 1..{NUM_FEATURES}. Received: {embedding_dim}")
    image = keras.Input((image_size, image_size, channels), name="image")
    x = squeezenet_features(squeezenet_input(image, working_size, is_halved))["fire9"]
    x = keras.layers.GlobalAveragePooling2D(name=POOLED)(x)
    # Float32 under mixed precision: what all images have in common is large, and taken away here.
    x = keras.layers.Dense(embedding_dim, kernel_initializer="orthogonal", dtype="float32", name=PROJECTION)(
        x
    )
    model = keras.Model(
        image, keras.layers.UnitNormalization(name="embedding", dtype="float32")(x), name=name
    )
    if weights is not None:
        load_imagenet_weights(model, weights)
    return model


def start_heads_together(encoders, images, batch_size=32):
    """Starts the linear layers of branches with the same weights in one space, each centred on its domain.

    The layers become the leading directions in which the branches' images differ within their domains, not
    whitened, and the biases take each domain's mean away. A sketch then lies near photos whose features
    differ from those of the mean photo as its own differ from those of the mean sketch. Without it, two
    branches that share nothing begin in spaces that have nothing to do with each other.

    Args:
        encoders: `pooled_squeezenet_encoder`s with the same convolutions; changed in place.
        images: For each of them `(num_images, image_size, image_size, channels)` float32 in [-1, 1], training
            images of its domain, at least two.
        batch_size: Images in a forward pass.
    Raises: `ValueError` if an encoder has fewer than two images.
    """
    means, covariance = [], 0.0
    for encoder, of_domain in zip(encoders, images, strict=True):
        if len(of_domain) < 2:
            raise ValueError(f"`images` must be 2 or more of each domain. Received: {len(of_domain)}")
        pooled = keras.Model(encoder.input, encoder.get_layer(POOLED).output)
        features = np.concatenate([
            ops.convert_to_numpy(ops.cast(pooled(of_domain[start : start + batch_size]), "float32"))
            for start in range(0, len(of_domain), batch_size)
        ]).astype(np.float64)  # fmt: skip
        means.append(features.mean(0))
        own = np.cov(features, rowvar=False)
        covariance += own / np.trace(own)  # Photos vary more than sketches; both count the same.
    _, vectors = np.linalg.eigh(covariance)
    for encoder, mean in zip(encoders, means, strict=True):
        layer = encoder.get_layer(PROJECTION)
        kernel = vectors[:, ::-1][:, : layer.units]
        layer.set_weights([kernel.astype(np.float32), -(mean @ kernel).astype(np.float32)])
