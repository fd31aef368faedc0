"""VGG-16, the backbone of paper 5, and the encoder made of it."""

from pathlib import Path

import h5py
import keras

from tfsbir.errors import InputError
from tfsbir.layers import ToImageNetBGR
from tfsbir.models.squeezenet import read_kernel_and_bias

INPUT_SIZE = 224
# Convolutions of each block; a pool ends it.
BLOCKS = {1: (64, 64), 2: (128, 128), 3: (256, 256, 256), 4: (512, 512, 512), 5: (512, 512, 512)}
CONVOLUTIONS = [f"block{block}_conv{i + 1}" for block, widths in BLOCKS.items() for i in range(len(widths))]
CLASSIFIER = ("fc1", "fc2")
# An image that leaves the last pool a window.
_LEAST_SIZE = 32


def vgg16_encoder(
    embedding_dim=256,
    image_size=INPUT_SIZE,
    channels=1,
    units=(4096, 4096),
    weights=None,
    name="vgg16_encoder",
):
    """Builds an encoder on VGG-16: its convolutions, its fully connected layers, and a linear one.

    One channel, a sketch or an edge map, is repeated to three. `attended_encoder(encoder, "block5_pool",
    fusion=False, hidden_channels=380)` puts in the attention of Source. There is no dropout.

    Args:
        embedding_dim: Integer > 0; 256 from Source.
        image_size: Side of the input in px, >= 32; 224 from Source.
        channels: 1 for sketches and edge maps, 3 for RGB photos.
        units: Two integers > 0, widths of `fc1` and `fc2`. With 4,096 and images of 224 px they are the
            published network's: 119 of the encoder's 135 million parameters.
        weights: ImageNet weights, a path or "imagenet" (`load_vgg16_weights`), or None to start from scratch.
        name: Name of the model.
    Returns: A `keras.Model` from `(batch, image_size, image_size, channels)` in [-1, 1] to
        `(batch, embedding_dim)` of any length. Its layers carry the published names, `block1_conv1` .. `fc2`.
    Raises: `ValueError` for sizes, channels or units out of range; `InputError` for a weights file that is
        missing, damaged, of another network, naming the layer, or that cannot be fetched.
    Source: Simonyan and Zisserman, 2014, arxiv.org/abs/1409.1556, configuration D; Dey et al., "Doodle to
        Search", CVPR 2019, Sec. 4.2.
    """
    if embedding_dim < 1:
        raise ValueError(f"`embedding_dim` must be >= 1. Received: {embedding_dim}")
    if image_size < _LEAST_SIZE:
        raise ValueError(f"`image_size` must be >= {_LEAST_SIZE}. Received: {image_size}")
    if channels not in (1, 3):
        raise ValueError(f"`channels` must be 1 or 3. Received: {channels}")
    if len(units) != len(CLASSIFIER) or min(units) < 1:
        raise ValueError(f"`units` must be 2 integers >= 1. Received: {units}")
    image = keras.Input((image_size, image_size, channels), name="image")
    x = image if channels == 3 else keras.layers.Concatenate(name="repeated")([image] * 3)
    x = ToImageNetBGR(name="to_imagenet_bgr")(x)
    for block, widths in BLOCKS.items():
        for index, width in enumerate(widths, 1):
            x = keras.layers.Conv2D(
                width, 3, padding="same", activation="relu", name=f"block{block}_conv{index}"
            )(x)
        x = keras.layers.MaxPooling2D(name=f"block{block}_pool")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    for layer, width in zip(CLASSIFIER, units, strict=True):
        x = keras.layers.Dense(width, activation="relu", name=layer)(x)
    x = keras.layers.Dense(embedding_dim, dtype="float32", name="embedding")(x)
    model = keras.Model(image, x, name=name)
    if weights is not None:
        load_vgg16_weights(model, weights)
    return model


def load_vgg16_weights(model, weights):
    """Copies ImageNet weights from one of Keras' two published HDF5 files into a model's VGG-16 layers.

    `vgg16_weights_tf_dim_ordering_tf_kernels.h5` has the fully connected layers, too;
    `vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5` has not, and leaves the model's own as they are.

    Args:
        model: `keras.Model` with layers of the published names.
        weights: Path of such a file, or "imagenet" to have `keras.applications` fetch it once and keep it:
            the first (528 MB) where the model's fully connected layers are the published ones, else the
            second.
    Raises: `InputError` naming the file and, where one is at fault, the layer; or that the file cannot be
        fetched. The model is then unchanged.
    """
    loaded = _fetch(model) if weights == "imagenet" else _read(model, Path(weights))
    for name, of_layer in loaded.items():
        model.get_layer(name).set_weights(of_layer)


def _fetch(model):
    has_top = [model.get_layer(name).kernel.shape for name in CLASSIFIER] == [(25088, 4096), (4096, 4096)]
    try:
        published = keras.applications.VGG16(include_top=has_top, weights="imagenet")
    except Exception as error:  # What Keras raises where it cannot fetch a file is no narrower.
        raise InputError(
            f"`weights` imagenet must be fetched by keras.applications; give a file's path where that cannot "
            f"be. Received: {' '.join(str(error).split())}"
        ) from None
    names = CONVOLUTIONS + (list(CLASSIFIER) if has_top else [])
    return {name: published.get_layer(name).get_weights() for name in names}


def _read(model, path):
    if not path.is_file():
        raise InputError(f"{path}: expected a file of VGG-16 ImageNet weights; there is no such file")
    loaded = {}
    try:
        with h5py.File(path, "r") as file:
            names = CONVOLUTIONS + [name for name in CLASSIFIER if name in file]
            for name in names:
                loaded[name] = read_kernel_and_bias(file, path, name, model.get_layer(name))
    except OSError as error:
        raise InputError(
            f"{path}: expected a file of VGG-16 ImageNet weights in HDF5, from layer block1_conv1 on; it is "
            f"damaged or of another kind ({str(error).splitlines()[0]})"
        ) from None
    return loaded
