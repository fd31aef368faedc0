"""Histograms of oriented gradients on a dense grid."""

import cv2
import numpy as np

from tfsbir.baselines.hog_blocks import hog_blocks
from tfsbir.baselines.inks import inks

CLIP = 0.1  # In place of the usual 0.2: what counts is that a line is there, not how dark.


def dense_hog(images, blur=2.0, cell=64, grid=56, stride=4, orientations=16):
    """Describes images by a histogram of oriented gradients (HOG) at every point of a dense grid.

    A histogram is of the block of 2 x 2 cells around its point (`hog_blocks`). The grid is centred on the
    image; a block may reach over the border, beyond which there is paper.

    The defaults come to the paper's 200,704 values, 56 x 56 points x (2 x 2 cells x 16 orientations); the
    paper does not say how its own are made up. Cells of a quarter of the image were best on held-out
    training photos: a line of a sketch lies some 10 px from where the photo's does, and blocks that are not
    larger than that have nothing in common.

    Args:
        images: `(num, size, size, 1)` uint8, black on white: sketches, or edge maps of photos.
        blur: Float >= 0, standard deviation in px of a Gaussian blur beforehand: a line of 1 px has gradients
            of few directions.
        cell: Integer >= 1, side of a cell in px.
        grid: Integer >= 1, points along a side.
        stride: Integer >= 1, px from one point to the next.
        orientations: Integer >= 1, bins of direction over 180 degrees.
    Returns: `(num, grid * grid * 4 * orientations)` float32 in [0, 1], points row by row; 0 where there
        is no ink.
    Raises: `ValueError` for images of another shape or an argument out of its range, `TypeError` for
        images that are not uint8.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 5.2 (Dense HOG).
    """
    if blur < 0:
        raise ValueError(f"`blur` must be >= 0. Received: {blur}")
    numbers = {"cell": cell, "grid": grid, "stride": stride, "orientations": orientations}
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"`{name}` must be >= 1. Received: {number}")
    side = (grid - 1) * stride + 2 * cell
    corners = stride * np.stack(np.indices((grid, grid)), axis=-1).reshape(-1, 2)
    features = np.empty((len(images), grid * grid * 4 * orientations), np.float32)
    for row, ink in enumerate(inks(images)):
        if blur:
            ink = cv2.GaussianBlur(ink, (0, 0), blur)
        features[row] = hog_blocks(_centered(ink, side), corners, cell, 2, orientations, CLIP).ravel()
    return features


def _centered(ink, side):
    """Puts paper around a square image, or cuts out its middle, so that it is of this side."""
    before = (side - len(ink)) // 2
    if before < 0:
        return ink[-before : side - before, -before : side - before]
    return np.pad(ink, (before, side - len(ink) - before))
