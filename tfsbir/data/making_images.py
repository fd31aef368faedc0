"""What worker processes do: turn files and strokes into pixels, without TensorFlow."""

import numpy as np

from tfsbir.data.record_images import encode_png
from tfsbir.strokes.deformation import deform


def make_images(images):
    """Returns all images that `ImageFiles`, `Drawings` or `RecordImages` stand for, as a uint8 array."""
    return images[:]


def draw_deformed(drawings, seeds, strengths):
    """Draws sketches after bending each by its own seed and strength.

    Args:
        drawings: `Drawings`.
        seeds: One integer a sketch.
        strengths: One float >= 0 a sketch; 0 draws it as it is.
    Returns: `(len(drawings), size, size, 1)` uint8.
    """
    images = np.empty(drawings.shape, np.uint8)
    for row, (seed, strength) in enumerate(zip(seeds, strengths, strict=True)):
        sketch = drawings.sketch(row)
        images[row] = drawings.draw(deform(sketch, int(seed), strength) if strength else sketch)
    return images


def make_pngs(images):
    """Returns the same images as a list of PNGs, each as bytes."""
    return [encode_png(image) for image in images[:]]
