import numpy as np
import pytest
from skimage.feature import hog

from tests.common_data import small_split
from tfsbir.baselines import dense_hog


def line_drawing(row, size=256):
    image = np.full((1, size, size, 1), 255, np.uint8)
    image[0, row : row + 2, 40:200] = 0
    return image


def test_the_defaults_come_to_the_paper_s_number_of_values():
    found = dense_hog(line_drawing(100))
    assert found.shape == (1, 200_704)
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1


def test_points_a_cell_apart_are_scikit_image_s():
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 1), dtype=np.uint8)
    # 7 points 8 px apart, with blocks of 16 px: 64 px, the whole image.
    found = dense_hog(images, blur=0, cell=8, grid=7, stride=8, orientations=9)
    for image, features in zip(images, found, strict=True):
        ink = 1 - image[:, :, 0] / 255
        expected = hog(ink, 9, (8, 8), (2, 2), block_norm="L2", feature_vector=False).reshape(-1, 36)
        expected = np.minimum(expected, 0.1)  # scikit-image's L2-Hys would be at 0.2.
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(features.reshape(-1, 36), expected, atol=1e-6)


def test_lines_that_are_a_little_off_still_meet_and_others_do_not():
    first, near, far = (dense_hog(line_drawing(row))[0] for row in (100, 108, 200))
    assert np.abs(first - near).sum() < 0.3 * np.abs(first - far).sum()


@pytest.mark.parametrize("size", [40, 41, 100, 101])
def test_a_small_image_has_paper_around_it_and_a_large_one_is_cut(size):
    # The grid with its blocks is 2 * 10 + 2 * 16 = 52 px wide.
    image = np.full((1, size, size, 1), 255, np.uint8)
    image[0, size // 2 - 3 : size // 2 + 3, size // 2 - 8 : size // 2 + 8] = 0
    found = dense_hog(image, blur=0, cell=16, grid=3, stride=10, orientations=4)
    canvas = np.full((1, 52, 52, 1), 255, np.uint8)
    before = (52 - size) // 2
    middle = size // 2 + before
    canvas[0, middle - 3 : middle + 3, middle - 8 : middle + 8] = 0
    expected = dense_hog(canvas, blur=0, cell=16, grid=3, stride=10, orientations=4)
    assert found.max() > 0
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_paper_alone_is_zero_and_no_image_gives_no_row():
    blank = np.full((1, 32, 32, 1), 255, np.uint8)
    options = {"cell": 8, "grid": 2, "stride": 4, "orientations": 4}
    np.testing.assert_array_equal(dense_hog(blank, **options), np.zeros((1, 64)))
    assert dense_hog(blank[:0], **options).shape == (0, 64)


def test_it_takes_a_split_s_images():
    split = small_split()
    found = dense_hog(split.sketches, cell=4, grid=2, stride=4, orientations=4)
    assert found.shape == (12, 64)
    np.testing.assert_array_equal(
        found[3:4], dense_hog(split.sketches[3:4], cell=4, grid=2, stride=4, orientations=4)
    )


def test_arguments_out_of_range_are_named():
    image = line_drawing(10, size=32)
    with pytest.raises(ValueError, match=r"`blur` must be >= 0\. Received: -1"):
        dense_hog(image, blur=-1)
    for name in ("cell", "grid", "stride", "orientations"):
        with pytest.raises(ValueError, match=rf"`{name}` must be >= 1\. Received: 0"):
            dense_hog(image, **{name: 0})


def test_other_images_are_named():
    with pytest.raises(ValueError, match=r"must be \(num, size, size, 1\).*Received shape: \(1, 8, 8, 3\)"):
        dense_hog(np.zeros((1, 8, 8, 3), np.uint8))
    with pytest.raises(ValueError, match=r"Received shape: \(1, 8, 9, 1\)"):
        dense_hog(np.zeros((1, 8, 9, 1), np.uint8))
    with pytest.raises(TypeError, match=r"`images` must be uint8\. Received: float32"):
        dense_hog(np.zeros((1, 8, 8, 1), np.float32))
