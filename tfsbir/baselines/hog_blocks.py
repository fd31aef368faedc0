"""Histograms of oriented gradients of square blocks that may lie anywhere."""

import cv2
import numpy as np

EPSILON = 1e-5  # scikit-image's; a block without ink stays 0.


def hog_blocks(image, corners, cell, cells, orientations, clip):
    """Describes blocks of an image by histograms of oriented gradients (HOG).

    A block is `cells` x `cells` square cells. A cell's histogram adds up the gradients by their unsigned
    direction, each in one bin with its size; a block's, those of its cells one after the other, is brought
    to unit length, clipped and brought to unit length again. On blocks one cell apart and with `clip` 0.2
    it is scikit-image's `hog`. That one's blocks are always one cell apart; and OpenCV's
    `HOGDescriptor`, whose are not, adds up each block on its own, twenty times as slowly where large ones
    overlap, and clips (5.0) all blocks of a process where its first one was clipped.

    Args:
        image: `(height, width)` float32 in [0, 1].
        corners: `(num_blocks, 2)` integers, row and column of the blocks' top left pixels; the blocks must
            lie inside the image.
        cell: Integer >= 1, side of a cell in px.
        cells: Integer >= 1, cells along a block's side.
        orientations: Integer >= 1, bins over 180 degrees.
        clip: Float > 0, largest value before the second normalization.
    Returns: `(num_blocks, cells * cells * orientations)` float32 in [0, 1], cells row by row.
    Source: Dalal & Triggs, "Histograms of oriented gradients for human detection", CVPR 2005, with L2-Hys.
    """
    by_row, by_column = np.zeros_like(image), np.zeros_like(image)
    by_row[1:-1] = image[2:] - image[:-2]
    by_column[:, 1:-1] = image[:, 2:] - image[:, :-2]
    bins = np.rad2deg(np.arctan2(by_row, by_column)) % 180 * orientations / 180
    bins = np.minimum(bins.astype(np.int32), orientations - 1)
    size = np.hypot(by_row, by_column)
    offsets = cell * np.arange(cells)
    rows = corners[:, 0, None, None] + offsets[:, None]
    columns = corners[:, 1, None, None] + offsets
    blocks = np.empty((len(corners), cells, cells, orientations), np.float32)
    for orientation in range(orientations):
        # At each pixel the mean over the cell whose top left pixel it is.
        means = cv2.boxFilter(
            np.where(bins == orientation, size, 0),
            -1,
            (cell, cell),
            anchor=(0, 0),
            borderType=cv2.BORDER_CONSTANT,
        )
        blocks[..., orientation] = means[rows, columns]
    blocks = blocks.reshape(len(corners), cells * cells * orientations)
    return _unit_length(np.minimum(_unit_length(blocks), clip))


def _unit_length(blocks):
    return blocks / np.sqrt(np.sum(np.square(blocks), axis=1, keepdims=True) + EPSILON**2)
