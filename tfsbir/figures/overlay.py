"""An attention map laid over the image that the network saw."""

import matplotlib
import numpy as np

FULL_COLOR = 3.0  # Times the attention of a uniform map.
# Paper and ink still differ by more than a third of their contrast where the colour is full.
MOST_OPAQUE = 0.62
UNSEEN = 205  # Grey that what lies outside the network's crop is mixed with.


def overlay(image, attention, image_size, stride=None):
    """Lays an attention map over an image as colours, from none over yellow to red.

    The scale starts at 0, where the image stays as it is, and ends in red at three times the attention of a
    uniform map, or at the most that is drawn if that is more. So a map that is almost uniform looks it, all
    yellowish, and is not made sharp by the scale. `attention_peak` is what a caption needs to say.

    The map lies on the centre crop, which the encoder sees; around it the image is greyed. Each place is a
    soft spot around its centre (a cubic B-spline, two strides to each side), and spots add up: between
    places a uniform map is even. So a single place is drawn with 4/9 of its value at its centre.

    What is shown is an approximation. A place draws on a region that is larger still (153 of 225 px in
    `sketch_a_net`, most from its middle), so the map tells whose features count, not which pixels. And
    where a ranking averages several views of an image, the map is that of one.

    Args:
        image: uint8 `(height, width)`, `(height, width, 1)` or `(height, width, 3)`, the canvas.
        attention: `(rows, columns)` floats >= 0, not all 0; their sum does not matter.
        image_size: Int >= 1, side of the crop in px, at most `height` and `width`.
        stride: Float > 0, px of the crop from one place's centre to the next; the places are centred in the
            crop. It is 24 for `pool5` of `sketch_a_net`, whose convolutions without padding keep places
            away from the border. None divides the crop evenly, as for a network with padding.
    Returns: uint8 `(height, width, 3)`.
    Raises: `ValueError` if an argument is out of its range or the places do not fit into the crop.
    """
    image = _checked_image(image)
    attention = _checked_attention(attention)
    height, width = image.shape[:2]
    if not 1 <= image_size <= min(height, width):
        raise ValueError(
            f"`image_size` must be in 1..{min(height, width)}, the image's shorter side. "
            f"Received: {image_size}"
        )
    rows, columns = (_spots(num_places, image_size, stride) for num_places in attention.shape)
    strength = rows @ (attention / attention.mean()) @ columns.T
    strength /= max(FULL_COLOR, strength.max())
    color = 255 * matplotlib.colormaps["autumn_r"](strength)[..., :3]
    opacity = MOST_OPAQUE * strength[..., None]

    top, left = (height - image_size) // 2, (width - image_size) // 2
    crop = (slice(top, top + image_size), slice(left, left + image_size))
    laid = (image + float(UNSEEN)) / 2
    laid[crop] = (1 - opacity) * image[crop] + opacity * color
    return np.round(laid).astype(np.uint8)


def attention_peak(attention):
    """Returns the largest value of an attention map in multiples of a uniform map's: 1 up to its places.

    Args:
        attention: `(rows, columns)` floats >= 0, not all 0.
    Returns: Float >= 1.
    Raises: `ValueError` for any other map.
    """
    attention = _checked_attention(attention)
    return float(attention.max() / attention.mean())


def _spots(num_places, image_size, stride):
    """Returns `(image_size, num_places)`: how much each place of an axis counts at each pixel."""
    if stride is None:
        stride = image_size / num_places
    if not (stride > 0 and stride * (num_places - 1) < image_size):
        raise ValueError(
            f"`stride` must be > 0 and put {num_places} places into {image_size} px. Received: {stride}"
        )
    pixels = np.arange(image_size) + 0.5
    centers = image_size / 2 + stride * (np.arange(num_places) - (num_places - 1) / 2)
    away = np.abs(pixels[:, None] - centers) / stride
    return np.where(away < 1, 2 / 3 - away**2 + away**3 / 2, np.maximum(2 - away, 0) ** 3 / 6)


def _checked_image(image):
    image = np.asarray(image)
    channels = image.shape[2] if image.ndim == 3 else 1
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or channels not in (1, 3) or image.size == 0:
        raise ValueError(
            "`image` must be uint8 of shape (height, width), (height, width, 1) or (height, width, 3). "
            f"Received: {image.dtype} {image.shape}"
        )
    return np.broadcast_to(image.reshape(*image.shape[:2], channels), (*image.shape[:2], 3))


def _checked_attention(attention):
    attention = np.asarray(attention, np.float64)
    if attention.ndim != 2 or attention.size == 0:
        raise ValueError(f"`attention` must have the shape (rows, columns). Received: {attention.shape}")
    if not np.all(np.isfinite(attention)) or attention.min() < 0 or attention.max() == 0:
        raise ValueError(
            "`attention` must be finite, >= 0 and not all 0. "
            f"Received: values from {attention.min()} to {attention.max()}"
        )
    return attention
