"""Sketch-a-Net, the network of papers 1 to 3."""

import keras

INPUT_SIZE = 225
INPUT_MEAN = 250.42  # Of black-on-white sketches on the 0..255 scale.


def sketch_a_net(embedding_dim=256, image_size=INPUT_SIZE, name="sketch_a_net"):
    """Builds Sketch-a-Net as a ranking network: eight stages up to a unit-norm embedding.

    At 225 px its pooled feature map (`pool5`) is 7 x 7 x 256 and it holds 8.25 million
    parameters (8.5 with the classifier of 250 classes and a 512-wide fc7). The
    ranking network has no dropout; convolutions and fc6 start from He's normal distribution, since the
    paper's own pre-training stages are not needed to build it.

    Args:
        embedding_dim: Integer > 0; 256 from Source.
        image_size: Side of the input in px; the paper's crop is 225.
        name: Name of the model.
    Returns: A `keras.Model` from `(batch, image_size, image_size, 1)` in [-1, 1], black on white, to
        `(batch, embedding_dim)` of unit L2 norm. Its layers carry the paper's names (`conv1` .. `fc7`).
    Raises: `ValueError` if `embedding_dim` < 1 or `image_size` < 81, which leaves `pool5` no pixel.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 4.3; layers as in Yu et al., "Sketch-a-Net
        that Beats Humans", BMVC 2015, Table 1, with fc7 cut from 512 to 256 and L2-normalised.
    """
    if embedding_dim < 1:
        raise ValueError(f"`embedding_dim` must be >= 1. Received: {embedding_dim}")
    if image_size < 81:
        raise ValueError(f"`image_size` must be >= 81. Received: {image_size}")
    layers = keras.layers
    conv = {"activation": "relu", "kernel_initializer": "he_normal"}
    image = keras.Input((image_size, image_size, 1), name="image")
    x = layers.Rescaling(127.5, 127.5 - INPUT_MEAN, name="minus_mean")(image)
    x = layers.Conv2D(64, 15, strides=3, name="conv1", **conv)(x)
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    x = layers.Conv2D(128, 5, name="conv2", **conv)(x)
    x = layers.MaxPooling2D(3, 2, name="pool2")(x)
    for index in (3, 4, 5):
        x = layers.Conv2D(256, 3, padding="same", name=f"conv{index}", **conv)(x)
    x = layers.MaxPooling2D(3, 2, name="pool5")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(512, name="fc6", **conv)(x)
    x = layers.Dense(embedding_dim, name="fc7")(x)
    x = layers.UnitNormalization(name="embedding")(x)
    return keras.Model(image, x, name=name)
