"""How wide the lines of sketches are, so that an app draws what the encoder was trained on."""

import cv2
import numpy as np

NUM_MEASURED = 200
# Lengths of the steps of a chain of pixels, straight and diagonal, that are right on the average over all
# directions of a line; 1 and the square root of 2 make it 5 % too long. Proffitt and Rosen, 1979.
STRAIGHT, DIAGONAL = 0.948, 1.343


def line_width(sketches):
    """Measures the width of lines as the ink's area over the length of its skeleton.

    Anti-aliased grey counts by its darkness, so widths below a pixel are measured, too.

    Args:
        sketches: uint8 `(n, height, width, 1)`, black on white; of more than `NUM_MEASURED`, as many are
            measured, evenly spread.
    Returns: Float, the median over the sketches in px; None where none of them has a line.
    """
    places = np.linspace(0, len(sketches) - 1, min(NUM_MEASURED, len(sketches))).astype(int)
    widths = [width for width in map(_width, sketches[places]) if width is not None]
    return round(float(np.median(widths)), 2) if widths else None


def _width(sketch):
    ink = 255 - sketch[..., 0]
    if ink.max() < 26:  # Nothing that a tenth of black marks.
        return None
    # Half as dark as the darkest, for faint pencil has a skeleton too.
    lines = np.where(ink >= ink.max() / 2, np.uint8(255), np.uint8(0))
    length = _length(cv2.ximgproc.thinning(lines) > 0)
    return float(ink.sum() / 255 / length) if length else None


def _length(skeleton):
    straight = np.sum(skeleton[1:] & skeleton[:-1]) + np.sum(skeleton[:, 1:] & skeleton[:, :-1])
    # Two pixels across a diagonal are neighbours where no third one leads around the corner.
    up, down = skeleton[:-1], skeleton[1:]
    diagonal = np.sum(up[:, :-1] & down[:, 1:] & ~up[:, 1:] & ~down[:, :-1])
    diagonal += np.sum(up[:, 1:] & down[:, :-1] & ~up[:, :-1] & ~down[:, 1:])
    return STRAIGHT * straight + DIAGONAL * diagonal
