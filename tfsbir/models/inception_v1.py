"""Inception-v1 (GoogLeNet), the backbone of paper 4, and the encoder made of it."""

from pathlib import Path

import keras
import numpy as np

from tfsbir.errors import InputError
from tfsbir.layers import LocalResponseNormalization, ToImageNetBGR
from tfsbir.layers.to_imagenet_bgr import IMAGENET_BGR_MEAN

INPUT_SIZE = 224
INPUT_MEAN = (104.0, 117.0, 123.0)  # Of blue, green and red on the 0..255 scale.
# Filters of 1x1, 3x3_reduce, 3x3, 5x5_reduce, 5x5 and pool_proj; a pool stands before 4a and before 5a.
INCEPTIONS = {
    "inception_3a": (64, 96, 128, 16, 32, 32),
    "inception_3b": (128, 128, 192, 32, 96, 64),
    "inception_4a": (192, 96, 208, 16, 48, 64),
    "inception_4b": (160, 112, 224, 24, 64, 64),
    "inception_4c": (128, 128, 256, 24, 64, 64),
    "inception_4d": (112, 144, 288, 32, 64, 64),
    "inception_4e": (256, 160, 320, 32, 128, 128),
    "inception_5a": (256, 160, 320, 32, 128, 128),
    "inception_5b": (384, 192, 384, 48, 128, 128),
}
PARTS = ("1x1", "3x3_reduce", "3x3", "5x5_reduce", "5x5", "pool_proj")
# The published names. Keras allows no slash in a name: here "inception_3a/1x1" is "inception_3a_1x1".
CONVOLUTIONS = (
    "conv1/7x7_s2",
    "conv2/3x3_reduce",
    "conv2/3x3",
    *(f"{block}/{part}" for block in INCEPTIONS for part in PARTS),
)
# An image that leaves the last pool a window.
_LEAST_SIZE = 31


def inception_v1(
    embedding_dim=256, image_size=INPUT_SIZE, channels=1, width=1.0, weights=None, name="inception_v1"
):
    """Builds an encoder on Inception-v1, GoogLeNet without its classifiers.

    57 convolutions, 5,973,552 parameters, end in 1,024 features which are averaged over all places; a linear
    layer (`fc`) makes them the embedding, with 262,400 parameters more where that has 256 values. Pools and
    padding are Caffe's at every size, so that the published weights see what they were trained on. One
    channel, a sketch or an edge map, is repeated to three.

    There is no dropout, no auxiliary classifier and no batch normalisation. Convolutions start from He's
    normal distribution, not from the published one, which needs the auxiliary classifiers.

    Args:
        embedding_dim: Integer > 0; 256 from Source.
        image_size: Side of the input in px, >= 31; 224 from Source.
        channels: 1 for sketches and edge maps, 3 for RGB photos.
        width: Factor of all numbers of filters, in (0, 1]. Not from Source: below 1 it is our own smaller
            network for machines without a GPU, which no published weights fit.
        weights: Path of ImageNet weights (`load_inception_weights`), or None to start from scratch.
        name: Name of the model.
    Returns: A `keras.Model` from `(batch, image_size, image_size, channels)` in [-1, 1] to
        `(batch, embedding_dim)` of unit L2 norm. Its layers carry the published names, with `_` for `/`
        (`conv1_7x7_s2` .. `inception_5b_output`).
    Raises: `ValueError` for sizes, `channels` or `width` out of range, or `weights` with a `width` below 1;
        `InputError` for a weights file that is missing, damaged or of another network, naming the layer.
    Source: Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, Table 1; layers, names, padding,
        normalisation and mean as in its replication, BVLC GoogLeNet. 256-d and 224 px from Bui et al., "Deep
        Manifold Alignment for Mid-Grain Sketch Based Image Retrieval", 2018, Sec. 3 and 4.3. The unit norm is
        ours; Source does not say.
    """
    if embedding_dim < 1:
        raise ValueError(f"`embedding_dim` must be >= 1. Received: {embedding_dim}")
    if image_size < _LEAST_SIZE:
        raise ValueError(f"`image_size` must be >= {_LEAST_SIZE}. Received: {image_size}")
    if channels not in (1, 3):
        raise ValueError(f"`channels` must be 1 or 3. Received: {channels}")
    if not 0 < width <= 1:
        raise ValueError(f"`width` must be in (0, 1]. Received: {width}")
    if weights is not None and width != 1:
        raise ValueError(f"`width` must be 1 with `weights`, made for the full network. Received: {width}")
    image = keras.Input((image_size, image_size, channels), name="image")
    x = image
    if channels == 1:
        x = keras.layers.Concatenate(name="repeat_to_three")([x, x, x])
    x = ToImageNetBGR(name="to_imagenet_bgr")(x)
    offset = [theirs - ours for theirs, ours in zip(IMAGENET_BGR_MEAN, INPUT_MEAN, strict=True)]
    x = keras.layers.Rescaling(1.0, offset, name="to_inception_mean")(x)
    x = _inception_features(x, width)
    x = keras.layers.GlobalAveragePooling2D(name="pool5")(x)
    x = keras.layers.Dense(embedding_dim, name="fc")(x)
    # Float32 under mixed precision: the norm of 8 bits is not 1.
    x = keras.layers.UnitNormalization(name="embedding", dtype="float32")(x)
    model = keras.Model(image, x, name=name)
    if weights is not None:
        load_inception_weights(model, weights)
    return model


def _inception_features(x, width):
    """Adds the convolutions, from conv1 to inception_5b, to the tensor `x`."""

    def convolution(x, filters, size, name, **kwargs):
        return keras.layers.Conv2D(
            max(1, round(width * filters)),
            size,
            activation="relu",
            kernel_initializer="he_normal",
            name=name.replace("/", "_"),
            **{"padding": "same", **kwargs},
        )(x)

    # "same" would pad 2 px before and 3 behind; Caffe pads 3 on every side.
    x = keras.layers.ZeroPadding2D(3, name="conv1_padding")(x)
    x = convolution(x, 64, 7, "conv1/7x7_s2", strides=2, padding="valid")
    x = _pool(x, "pool1_3x3_s2")
    x = LocalResponseNormalization(name="pool1_norm1")(x)
    x = convolution(x, 64, 1, "conv2/3x3_reduce")
    x = convolution(x, 192, 3, "conv2/3x3")
    x = LocalResponseNormalization(name="conv2_norm2")(x)
    x = _pool(x, "pool2_3x3_s2")
    for block, filters in INCEPTIONS.items():
        if block in ("inception_4a", "inception_5a"):
            x = _pool(x, f"pool{int(block[10]) - 1}_3x3_s2")
        counts = dict(zip(PARTS, filters, strict=True))
        outputs = [convolution(x, counts["1x1"], 1, f"{block}/1x1")]
        for size in (3, 5):
            part = f"{size}x{size}"
            reduced = convolution(x, counts[f"{part}_reduce"], 1, f"{block}/{part}_reduce")
            outputs.append(convolution(reduced, counts[part], size, f"{block}/{part}"))
        pooled = keras.layers.MaxPooling2D(3, 1, padding="same", name=f"{block}_pool")(x)
        outputs.append(convolution(pooled, counts["pool_proj"], 1, f"{block}/pool_proj"))
        x = keras.layers.Concatenate(name=f"{block}_output")(outputs)
    return x


def _pool(x, name):
    # Caffe rounds the number of windows up, so the last one reaches a pixel beyond an even side, and none
    # beyond an odd one. "same" does that for even sides; for odd ones it would shift all windows.
    padding = "valid" if x.shape[1] % 2 else "same"
    return keras.layers.MaxPooling2D(3, 2, padding=padding, name=name)(x)


def load_inception_weights(model, path):
    """Copies ImageNet weights from the published Caffe file into a model's Inception-v1 layers.

    The file is `bvlc_googlenet.caffemodel` of the Caffe model zoo (53 MB, SHA-1
    405fc5acd08a3bb12de8ee5e23a96bec22f08204), a protocol buffer: reading it runs no code of it. Layers in the
    older (`layers`) and in the present notation (`layer`) are read. Its classifiers are left out.

    Raises: `InputError` naming the file and, where one is at fault, the layer. The model is then
        unchanged.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"{path}: expected a file of GoogLeNet ImageNet weights (bvlc_googlenet.caffemodel); there is no "
            "such file"
        )
    # Imported here, for it imports protobuf, which the network does without.
    from tfsbir.models.caffe_net import read_blobs

    try:
        found = read_blobs(path)
    except ValueError as error:
        raise InputError(
            f"{path}: expected a file of GoogLeNet ImageNet weights (bvlc_googlenet.caffemodel); it is "
            f"damaged or of another kind ({str(error).splitlines()[0]})"
        ) from None
    loaded = [_read_convolution(found, path, name, _layer(model, name)) for name in CONVOLUTIONS]
    for name, weights in zip(CONVOLUTIONS, loaded, strict=True):
        _layer(model, name).set_weights(weights)


def _layer(model, published_name):
    return model.get_layer(published_name.replace("/", "_"))


def _read_convolution(found, path, name, layer):
    """Returns `[kernel, bias]` of the layer `name` in Keras' order of the axes."""
    height, width, inputs, outputs = layer.kernel.shape
    expected = [(outputs, inputs, height, width), (outputs,)]
    blobs = found.get(name, ())
    shapes = [shape for shape, _ in blobs]
    if shapes != expected:
        raise InputError(
            f"{path}: layer {name} must hold a kernel and a bias of {expected}. "
            f"Received: {shapes or 'nothing'}"
        )
    arrays = [array for _, array in blobs]
    for array, shape in zip(arrays, shapes, strict=True):
        if array.size != np.prod(shape):
            raise InputError(
                f"{path}: layer {name} is damaged: {np.prod(shape)} numbers of {shape} are expected. "
                f"Received: {array.size}"
            )
    if not all(np.isfinite(array).all() for array in arrays):
        raise InputError(f"{path}: layer {name} must hold finite numbers. Received: NaN or infinity")
    kernel, bias = arrays
    return [kernel.reshape(shapes[0]).transpose(2, 3, 1, 0), bias]
