"""Sketch-a-Net, the network of papers 1 to 3: for ranking, and as the classifier that pre-trains it."""

import keras

from tfsbir.layers.replica_dropout import ReplicaDropout

INPUT_SIZE = 225
INPUT_MEAN = 250.42  # Of black-on-white sketches on the 0..255 scale.
# An image that leaves `pool5` a pixel.
_LEAST_SIZE = 81


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
    image, fc6 = _up_to_fc6(image_size)
    x = keras.layers.Dense(embedding_dim, name="fc7")(fc6)
    return keras.Model(image, _embedding(x), name=name)


def sketch_a_net_classifier(num_classes, image_size=INPUT_SIZE, dropout=0.5, name="sketch_a_net_classifier"):
    """Builds Sketch-a-Net as a classifier, which is how its layers up to fc6 are pre-trained.

    Args:
        num_classes: Integer > 1.
        image_size: Side of the input in px.
        dropout: Rate behind fc6 and behind fc7, in [0, 1); a half in Source.
        name: Name of the model.
    Returns: A `keras.Model` from `(batch, image_size, image_size, 1)` in [-1, 1], black on white, to
        `(batch, num_classes)` logits. Behind fc6 it divides by 128; fc7 is 512 wide.
    Raises: `ValueError` if `num_classes` < 2, `dropout` is not in [0, 1) or `image_size` < 81.
    Source: Yu et al., "Sketch-a-Net that Beats Humans", BMVC 2015, Table 1; as stages 1 and 2 of Yu et
        al., "Sketch Me That Shoe", CVPR 2016, Sec. 4.4.
    """
    if num_classes < 2:
        raise ValueError(f"`num_classes` must be >= 2. Received: {num_classes}")
    if not 0 <= dropout < 1:
        raise ValueError(f"`dropout` must be in [0, 1). Received: {dropout}")
    image, x = _up_to_fc6(image_size)
    # From inputs on the 0..255 scale come activations of about a hundred, and one step of Adam would move the
    # logits by tens: every unit was dead after fifty. A ranking network's unit norm has no such trouble.
    x = keras.layers.Rescaling(1 / 128, name="fc6_to_unit_scale")(x)
    x = ReplicaDropout(dropout, name="fc6_dropout")(x)
    # Not "fc7": whoever loads layers by name would take it for the ranking network's, which is linear.
    x = keras.layers.Dense(512, activation="relu", kernel_initializer="he_normal", name="classifier_fc7")(x)
    x = ReplicaDropout(dropout, name="classifier_fc7_dropout")(x)
    # Started small, as all classes are equal at first; in float32 under mixed precision, since a softmax of a
    # few hundred classes needs more than 8 bits.
    small = keras.initializers.RandomNormal(stddev=0.01)
    x = keras.layers.Dense(num_classes, kernel_initializer=small, dtype="float32", name="classes")(x)
    return keras.Model(image, x, name=name)


def sketch_a_net_features(classifier, name="sketch_a_net_features"):
    """Returns the encoder inside a classifier: fc6 as a unit-norm embedding.

    Args:
        classifier: Of `sketch_a_net_classifier`; the encoder shares its layers and variables.
        name: Name of the model.
    Returns: A `keras.Model` from the classifier's input to `(batch, 512)` of unit L2 norm.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 5.2 ("we use the fc6 layer as representation").
    """
    return keras.Model(classifier.input, _embedding(classifier.get_layer("fc6").output), name=name)


def _up_to_fc6(image_size):
    """Returns the input and the output of what ranking network and classifier have in common."""
    if image_size < _LEAST_SIZE:
        raise ValueError(f"`image_size` must be >= {_LEAST_SIZE}. Received: {image_size}")
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
    return image, layers.Dense(512, name="fc6", **conv)(x)


def _embedding(features):
    # Float32 under mixed precision: the norm of 8 bits is not 1.
    return keras.layers.UnitNormalization(name="embedding", dtype="float32")(features)
