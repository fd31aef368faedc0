"""SqueezeNet v1.1, the small ImageNet backbone, and the encoder made of it."""

from pathlib import Path

import h5py
import keras
import numpy as np
from keras import ops

from tfsbir.errors import InputError
from tfsbir.layers import BlurPyramid, PlaceBias, ToImageNetBGR

# (squeeze filters, expand filters); a pool stands before fire4 and before fire6.
FIRES = {2: (16, 64), 3: (16, 64), 4: (32, 128), 5: (32, 128)}
FIRES |= {6: (48, 192), 7: (48, 192), 8: (64, 256), 9: (64, 256)}
GRID = 6  # Places a side that the embedding keeps.
HEADS = ("fire9", "fire5")
SMALLEST = 111  # Side in px of which `fire9` still has as many places.
SIGMAS = (0.8, 1.8, 3.6)  # Of the blur, in px of the image.
BOTH, REDUCED = "both_scales", "both_scales_reduced"


def squeezenet_encoder(
    image_size=225,
    channels=1,
    working_size=161,
    head_channels=64,
    embedding_dim=None,
    is_halved=False,
    weights=None,
    name="squeezenet_encoder",
):
    """Builds an encoder on SqueezeNet v1.1 that keeps where things are.

    Line drawings (one channel) enter as a `BlurPyramid`, for a network trained on photos hardly sees
    thin lines. `fire9` and, beside it, `fire5`, which still sees detail, are averaged over 6 x 6 places,
    reduced to a few channels, given a bias for each place, flattened and made unit-norm; the two are
    concatenated and, with `embedding_dim`, mapped to fewer values; what comes out is made unit-norm again.
    `whiten_head` starts the reductions well.

    Args:
        image_size: Side of the input in px.
        channels: 1 for sketches and edge maps, 3 for RGB photos.
        working_size: Side in px at which the network works, in 111 .. `image_size`; half the pixels take
            half the time.
        head_channels: Channels that are left of `fire9` and of `fire5` at each place, in 1..256.
        embedding_dim: Length of the embedding, in 1 .. 72 * `head_channels`; None for the latter, without a
            layer that maps.
        is_halved: Whether to work at half of `image_size` instead, for phones: the image is averaged over
            2 x 2 px before it is blurred, half as wide. An encoder of either kind takes the other's weights.
        weights: Path of ImageNet weights (`squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5`), or
            None to start from scratch.
        name: Name of the model.
    Returns: A `keras.Model` from `(batch, image_size, image_size, channels)` in [-1, 1] to
        `(batch, embedding_dim)` of unit L2 norm.
    Raises: `ValueError` for sizes or channels out of range; `InputError` for a weights file that is
        missing, damaged or of another network, naming the layer.
    Source: Iandola et al., "SqueezeNet", 2016, arxiv.org/abs/1602.07360, and its release v1.1.
    """
    if not 1 <= head_channels <= 256:
        raise ValueError(f"`head_channels` must be in 1..256. Received: {head_channels}")
    num_values = len(HEADS) * GRID**2 * head_channels
    if embedding_dim is not None and not 1 <= embedding_dim <= num_values:
        raise ValueError(f"`embedding_dim` must be in 1..{num_values}, or None. Received: {embedding_dim}")
    check_sizes(image_size, channels, working_size, is_halved)
    image = keras.Input((image_size, image_size, channels), name="image")
    fires = squeezenet_features(squeezenet_input(image, working_size, is_halved))
    parts = []
    for fire in HEADS:
        side = fires[fire].shape[1]
        stride = side // GRID
        window = side - (GRID - 1) * stride  # The windows reach from border to border.
        part = keras.layers.AveragePooling2D(window, stride, name=f"{fire}_places")(fires[fire])
        part = keras.layers.Conv2D(
            head_channels, 1, use_bias=False, kernel_initializer="orthogonal", name=f"{fire}_reduced"
        )(part)
        part = PlaceBias(name=f"{fire}_place_bias")(part)
        part = keras.layers.Flatten(name=f"{fire}_flat")(part)
        parts.append(keras.layers.UnitNormalization(name=f"{fire}_unit")(part))
    x = keras.layers.Concatenate(name=BOTH)(parts)
    if embedding_dim is not None:
        x = keras.layers.Dense(
            embedding_dim, use_bias=False, kernel_initializer="orthogonal", dtype="float32", name=REDUCED
        )(x)
    model = keras.Model(image, keras.layers.UnitNormalization(name="embedding")(x), name=name)
    if weights is not None:
        load_imagenet_weights(model, weights)
    return model


def whiten_head(encoder, images, batch_size=32):
    """Starts a `squeezenet_encoder`'s head at the whitened principal components of its own features.

    The reduction becomes the leading components over all images and places, scaled to unit variance,
    and each place's bias takes its mean away. Without it the few directions in which all drawings are
    alike (paper or not, much ink or little) rule the cosine. Where the encoder has an `embedding_dim`, its
    last layer becomes the leading directions of what the head then gives, so that of the products of any two
    images as little as possible is lost; with fewer images than that, the rest stays random.

    Args:
        encoder: `squeezenet_encoder`; changed in place.
        images: `(num_images, image_size, image_size, channels)` float32 in [-1, 1], training images of
            the domains that the encoder serves. 36 * num_images must exceed the head's channels.
        batch_size: Images in a forward pass.
    Raises: `ValueError` if there are too few images.
    """
    pooled = [encoder.get_layer(f"{fire}_places").output for fire in HEADS]
    features = keras.Model(encoder.input, pooled)
    batches = [
        features(images[i : i + batch_size], training=False) for i in range(0, len(images), batch_size)
    ]
    for fire, maps in zip(HEADS, zip(*batches, strict=True), strict=True):
        maps = np.concatenate([ops.convert_to_numpy(m) for m in maps]).astype(np.float64)
        num_components = encoder.get_layer(f"{fire}_reduced").filters
        rows = maps.reshape(-1, maps.shape[-1])
        if len(rows) <= num_components:
            raise ValueError(
                f"`images` must be more than {num_components // GRID**2}. Received: {len(images)}"
            )
        values, vectors = np.linalg.eigh(np.cov(rows, rowvar=False))
        leading = np.argsort(-values)[:num_components]
        # Directions without variance, as of channels that are always off, stay as they are.
        deviations = np.sqrt(np.where(values[leading] > 1e-9 * values.max(), values[leading], 1.0))
        kernel = vectors[:, leading] / deviations
        encoder.get_layer(f"{fire}_reduced").set_weights([kernel[None, None].astype(np.float32)])
        encoder.get_layer(f"{fire}_place_bias").set_weights([-(maps.mean(0) @ kernel).astype(np.float32)])
    if REDUCED in [layer.name for layer in encoder.layers]:
        _reduce_to_leading(encoder, images, batch_size)


def _reduce_to_leading(encoder, images, batch_size):
    # Imported here, for the network does without scikit-learn.
    from sklearn.utils.extmath import randomized_svd

    features = keras.Model(encoder.input, encoder.get_layer(BOTH).output)
    rows = np.concatenate(_in_batches(features, images, batch_size))
    layer = encoder.get_layer(REDUCED)
    _, _, leading = randomized_svd(rows, min(layer.units, len(rows)), random_state=0)
    # The directions of the start fill what is missing, less their part along the leading ones.
    (start,) = layer.get_weights()
    kernel, _ = np.linalg.qr(np.concatenate([leading.T, start], axis=1))
    layer.set_weights([kernel[:, : layer.units].astype(np.float32)])


def _in_batches(model, images, batch_size):
    return [
        ops.convert_to_numpy(model(images[start : start + batch_size], training=False)).astype(np.float64)
        for start in range(0, len(images), batch_size)
    ]


def check_sizes(image_size, channels, working_size, is_halved):
    """Raises `ValueError` unless an encoder on SqueezeNet can have these."""
    if channels not in (1, 3):
        raise ValueError(f"`channels` must be 1 or 3. Received: {channels}")
    if is_halved and image_size < 2 * SMALLEST:
        raise ValueError(f"`image_size` must be at least {2 * SMALLEST} to be halved. Received: {image_size}")
    if not is_halved and not SMALLEST <= working_size <= image_size:
        raise ValueError(
            f"`working_size` must be in {SMALLEST}..{image_size} (`image_size`). Received: {working_size}"
        )


def squeezenet_input(image, working_size, is_halved):
    """Adds what stands between an encoder's image in [-1, 1] and SqueezeNet; returns the tensor.

    Args:
        image: `keras.Input` of one channel, a line drawing, or of three.
        working_size: Side in px that the image is resized to.
        is_halved: Whether it is averaged over 2 x 2 px instead, before the blur, which is the costlier part.
    """
    x, sigmas = image, SIGMAS
    if is_halved:
        x, sigmas = keras.layers.AveragePooling2D(2, name="to_half_size")(x), [sigma / 2 for sigma in SIGMAS]
    if image.shape[-1] == 1:
        if is_halved:
            # A line of one px has half its ink at half the size, and the blur keeps a line's height.
            x = keras.layers.Rescaling(2.0, -1.0, name="to_full_ink")(x)
        x = BlurPyramid(sigmas, name="blur_pyramid")(x)
    if not is_halved and working_size != image.shape[1]:
        x = keras.layers.Resizing(working_size, working_size, name="to_working_size")(x)
    return ToImageNetBGR(name="to_imagenet_bgr")(x)


def squeezenet_features(x):
    """Adds SqueezeNet v1.1's convolutions to the tensor `x`; returns its fire modules by name."""
    x = keras.layers.Conv2D(64, 3, strides=2, activation="relu", name="conv1")(x)
    x = keras.layers.MaxPooling2D(3, 2, name="pool1")(x)
    fires = {}
    for index in FIRES:
        if index in (4, 6):
            x = keras.layers.MaxPooling2D(3, 2, name=f"pool{index - 1}")(x)
        fires[f"fire{index}"] = x = _fire(x, index)
    return fires


def _fire(x, index):
    squeeze, expand = FIRES[index]
    conv = {"activation": "relu", "padding": "same"}
    x = keras.layers.Conv2D(squeeze, 1, name=f"fire{index}_squeeze1x1", **conv)(x)
    narrow = keras.layers.Conv2D(expand, 1, name=f"fire{index}_expand1x1", **conv)(x)
    wide = keras.layers.Conv2D(expand, 3, name=f"fire{index}_expand3x3", **conv)(x)
    return keras.layers.Concatenate(name=f"fire{index}")([narrow, wide])


def load_imagenet_weights(model, path):
    """Copies ImageNet weights from the published Keras HDF5 file into a model's SqueezeNet layers.

    Raises: `InputError` naming the file and, where one is at fault, the layer. The model is then
        unchanged.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"{path}: expected a file of SqueezeNet v1.1 ImageNet weights; there is no such file"
        )
    names = [
        "conv1",
        *(f"fire{i}_{part}" for i in FIRES for part in ("squeeze1x1", "expand1x1", "expand3x3")),
    ]
    loaded = []
    try:
        with h5py.File(path, "r") as file:
            for name in names:
                loaded.append(read_kernel_and_bias(file, path, name.replace("_", "/"), model.get_layer(name)))
    except OSError as error:
        raise InputError(
            f"{path}: expected a file of SqueezeNet v1.1 ImageNet weights in HDF5, from layer conv1 on; "
            f"it is damaged or of another kind ({str(error).splitlines()[0]})"
        ) from None
    for name, weights in zip(names, loaded, strict=True):
        model.get_layer(name).set_weights(weights)


def read_kernel_and_bias(file, path, name, layer):
    """Returns `[kernel, bias]` of a published file's group `name`, in which their own names are irregular.

    Args:
        file: `h5py.File`.
        path: Its path, for the errors.
        name: Name of the group.
        layer: The layer that they are for, whose shapes they must have.
    Raises: `InputError` naming the file and the layer.
    """
    expected = [tuple(weight.shape) for weight in layer.weights]
    found = []
    if isinstance(file.get(name), h5py.Group):
        file[name].visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
    found.sort(key=lambda item: -item.ndim)
    if [item.shape for item in found] != expected:
        shapes = [item.shape for item in found] or "nothing"
        raise InputError(
            f"{path}: layer {name} must hold a kernel and a bias of {expected}. Received: {shapes}"
        )
    try:
        arrays = [np.asarray(item, np.float32) for item in found]
    except OSError as error:
        raise InputError(f"{path}: layer {name} is damaged ({str(error).splitlines()[0]})") from None
    if not all(np.isfinite(array).all() for array in arrays):
        raise InputError(f"{path}: layer {name} must hold finite numbers. Received: NaN or infinity")
    return arrays
