import numpy as np
import pytest
from skimage.feature import hog

from tfsbir.baselines.hog_blocks import hog_blocks


def grid(rows, columns, stride):
    return stride * np.stack(np.indices((rows, columns)), axis=-1).reshape(-1, 2)


@pytest.mark.parametrize(("cell", "cells", "orientations"), [(8, 2, 9), (4, 4, 16), (16, 1, 4)])
def test_blocks_a_cell_apart_are_scikit_image_s(cell, cells, orientations):
    image = np.random.default_rng(0).random((64, 48)).astype(np.float32)
    image[:20] = 0  # And where there is nothing.
    rows, columns = 64 // cell - cells + 1, 48 // cell - cells + 1
    found = hog_blocks(image, grid(rows, columns, cell), cell, cells, orientations, clip=0.2)
    expected = hog(image, orientations, (cell, cell), (cells, cells), block_norm="L2-Hys")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-6)


def test_a_block_is_the_same_wherever_it_is_asked_for():
    image = np.random.default_rng(1).random((40, 40)).astype(np.float32)
    corners = np.array([[3, 7], [20, 8], [4, 24]])
    found = hog_blocks(image, corners, 8, 2, 9, clip=0.2)
    for (row, column), block in zip(corners, found, strict=True):
        # One pixel more on each side, since scikit-image has no gradient at a border.
        part = image[row - 1 : row + 17, column - 1 : column + 17]
        np.testing.assert_allclose(hog_blocks(part, np.array([[1, 1]]), 8, 2, 9, 0.2)[0], block, atol=1e-6)


def test_clipping_makes_orientations_alike():
    image = np.zeros((16, 16), np.float32)
    image[:, 8] = 1.0  # Strong gradients along the rows,
    image[8, :] += 0.1  # weak ones along the columns.
    strong, weak = (hog_blocks(image, np.array([[0, 0]]), 16, 1, 2, clip)[0] for clip in (1.0, 0.1))
    assert strong[1] < 0.3 * strong[0]
    assert weak[1] > 0.9 * weak[0]


def test_no_ink_is_zero_and_no_block_is_none():
    blank = np.zeros((16, 16), np.float32)
    np.testing.assert_array_equal(hog_blocks(blank, np.array([[0, 0]]), 8, 2, 9, 0.2), np.zeros((1, 36)))
    assert hog_blocks(blank, np.empty((0, 2), np.int64), 8, 2, 9, 0.2).shape == (0, 36)
