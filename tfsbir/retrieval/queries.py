"""From what somebody searches for to its embedding: a sketch, a photo or strokes."""

import numpy as np

from tfsbir.errors import InputError
from tfsbir.preprocessing import is_blank


def read_query(preprocessing, sketch=None, photo=None):
    """Reads an image to search for, a file or its bytes; exactly one of two.

    Args:
        preprocessing: `Preprocessing`.
        sketch: Path or bytes of an image file, black on white.
        photo: The same of a photo.
    Returns: float32 `(size, size, channels)` in [-1, 1].
    Raises: `InputError` if it cannot be read, or is a blank sketch.
    """
    if photo is not None:
        return preprocessing.read_photo(photo)
    image = preprocessing.read_sketch(sketch)
    if is_blank(image):
        name = "the drawing" if isinstance(sketch, bytes) else sketch
        raise InputError(f"{name}: expected a drawing; found a blank image")
    return image


def encode_query(encoder, sketch=None, photo=None, strokes=None):
    """Encodes what to search for, as `Gallery.encode_query` says.

    Args:
        encoder: `Encoder`.
        sketch, photo, strokes: As for `Gallery.encode_query`.
    Returns: float32 `(dim,)`.
    Raises: As `Gallery.encode_query`.
    """
    if sum(one is not None for one in (sketch, photo, strokes)) != 1:
        raise ValueError("one of `sketch`, `photo` and `strokes` must be given. Received: none or several")
    if photo is not None:
        image = photo if isinstance(photo, np.ndarray) else read_query(encoder.preprocessing, photo=photo)
        return encoder.encode_photos(image[None])[0]
    if strokes is not None:
        sketch = encoder.draw_sketch(strokes)
    image = sketch if isinstance(sketch, np.ndarray) else read_query(encoder.preprocessing, sketch)
    if is_blank(image):
        raise InputError("the drawing: expected a drawing; found a blank image")
    return encoder.encode_sketches(image[None])[0]
