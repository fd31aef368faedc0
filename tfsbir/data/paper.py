"""The paper of a drawing: white, without a frame."""

import numpy as np


def remove_frame(image, width):
    """Whitens the outermost pixels of an image, such as the frame that published edge maps carry.

    Args:
        image: `(height, width, channels)` or `(height, width)` uint8; it is not changed.
        width: Pixels whitened along each side, >= 0.
    Returns: uint8 of the same shape.
    Raises: `ValueError` if `width` is negative.
    """
    if width < 0:
        raise ValueError(f"`width` must be >= 0. Received: {width}")
    height_left, width_left = (max(0, side - 2 * width) for side in image.shape[:2])
    inner = np.s_[width : width + height_left, width : width + width_left]
    unframed = np.full_like(image, 255)
    unframed[inner] = image[inner]
    return unframed


def to_black_on_white(drawing):
    """Inverts a drawing whose paper is dark, as from a blackboard or an app's dark theme.

    The paper is what lies along the border: it is dark where the median of the outermost pixels is below
    128. A frame has to go first (`remove_frame`).

    Args:
        drawing: `(height, width, 1)` or `(height, width)` uint8.
    Returns: uint8 of the same shape, `drawing` itself or 255 - `drawing`.
    Raises: `ValueError` for another shape, such as a colour photo's.
    """
    if drawing.ndim not in (2, 3) or drawing.shape[2:] not in ((), (1,)) or drawing.size == 0:
        raise ValueError(f"`drawing` must be (height, width, 1). Received: {drawing.shape}")
    return 255 - drawing if np.median(border(drawing)) < 128 else drawing


def border(image):
    """Returns the outermost pixels of an image, each once, as `(num_pixels, ...)`."""
    is_border = np.ones(image.shape[:2], bool)
    is_border[1:-1, 1:-1] = False
    return image[is_border]
