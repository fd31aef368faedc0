"""One branch of the two-branch network that was made to find 3D shapes by sketches."""

import keras

WORKING_SIZE = 100


def cross_domain_net(image_size=225, channels=1, embedding_dim=64, name="cross_domain_net"):
    """Builds one branch of Wang et al.'s cross-domain network: three convolutions and a linear layer.

    The network sees 100 x 100 px. A larger image is brought down inside, so that crops of 225 px serve as
    they do for other encoders: averaged over blocks first, since thin lines would fall between the samples
    of a resize alone. Paper counts as 0 and ink as 1. 400,288 parameters with one channel.

    Each of the two domains has a branch of its own, of the same form. The embedding is not unit-norm;
    `CrossDomainContrastive` trains it with L1 distances. All images start close together: from far apart
    the square of the distance drives them to one point, and what the convolutions tell apart is lost.

    Args:
        image_size: Side of the input in px, >= 100.
        channels: 1 for sketches and edge maps, 3 for RGB photos.
        embedding_dim: Integer > 0; 64 from Source.
        name: Name of the model.
    Returns: A `keras.Model` from `(batch, image_size, image_size, channels)` in [-1, 1] to
        `(batch, embedding_dim)`.
    Raises: `ValueError` for an `image_size` below 100, other `channels` or an `embedding_dim` < 1.
    Source: Wang, Kang & Li, "Sketch-based 3D Shape Retrieval using Convolutional Neural Networks", CVPR 2015,
        arxiv.org/abs/1504.03504: 100 px, pooled maps of 32 x 22 x 22, 64 x 8 x 8 and 256 x 3 x 3, 64
        features, ReLU. Kernels of 12, 7 and 3 px and pools of 4, 2 and 2 give these maps; that choice, the
        last layer without ReLU and how the weights start are ours. The paper was not at hand to check the
        numbers against.
    """
    if image_size < WORKING_SIZE:
        raise ValueError(f"`image_size` must be >= {WORKING_SIZE}. Received: {image_size}")
    if channels not in (1, 3):
        raise ValueError(f"`channels` must be 1 or 3. Received: {channels}")
    if embedding_dim < 1:
        raise ValueError(f"`embedding_dim` must be >= 1. Received: {embedding_dim}")
    layers = keras.layers
    image = keras.Input((image_size, image_size, channels), name="image")
    x = layers.Rescaling(-0.5, 0.5, name="ink")(image)
    block = image_size // WORKING_SIZE
    if block > 1:
        x = layers.AveragePooling2D(block, name="blocks")(x)
    if x.shape[1] != WORKING_SIZE:
        x = layers.Resizing(WORKING_SIZE, WORKING_SIZE, name="to_working_size")(x)
    stages = ((32, 12, 4), (64, 7, 2), (256, 3, 2))
    for index, (filters, kernel_size, pool_size) in enumerate(stages, 1):
        x = layers.Conv2D(
            filters, kernel_size, activation="relu", kernel_initializer="he_normal", name=f"conv{index}"
        )(x)
        x = layers.MaxPooling2D(pool_size, name=f"pool{index}")(x)
    x = layers.Flatten(name="flatten")(x)
    small = keras.initializers.RandomNormal(stddev=1e-3)
    x = layers.Dense(embedding_dim, kernel_initializer=small, name="embedding")(x)
    return keras.Model(image, x, name=name)
