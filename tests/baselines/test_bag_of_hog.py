import numpy as np
import pytest

from tests.common_data import small_split
from tfsbir.baselines import BagOfHOG, bag_of_hog
from tfsbir.baselines.hog_blocks import hog_blocks

SMALL = {"patch": 16, "cells": 2, "orientations": 4, "stride": 8, "blur": 0.0}


def drawing(points, size=64):
    """Black dots of 2 x 2 px on white paper."""
    image = np.full((1, size, size, 1), 255, np.uint8)
    for row, column in points:
        image[0, row : row + 2, column : column + 2] = 0
    return image


def strokes(horizontal, vertical, size=128):
    """Lines 20 px long, far from each other, some across and some upright."""
    image = np.full((1, size, size, 1), 255, np.uint8)
    for index in range(horizontal):
        image[0, 16 + 32 * index, 10:30] = 0
    for index in range(vertical):
        image[0, 16 + 32 * index : 36 + 32 * index, 100] = 0
    return image


def test_words_are_counted_as_a_loop_counts_them():
    split = small_split(size=32)
    bag = BagOfHOG(num_words=7, **SMALL).fit(split.sketches, split.photos)
    found = bag.transform(split.sketches)
    assert bag.words.shape == (7, 16)
    assert found.shape == (12, 7)
    assert found.dtype == np.float32
    for image, counts in zip(split.sketches, found, strict=True):
        ink = 1 - image[:, :, 0].astype(np.float32) / 255
        padded = np.pad(ink, 8)
        expected = np.zeros(7)
        for top in range(0, 32, 8):
            for left in range(0, 32, 8):
                inked = np.argwhere(ink[top : top + 8, left : left + 8] > 0.25)
                patch = hog_blocks(padded, inked[:1] + np.array([[top, left]]), 8, 2, 4, 0.2)
                expected[np.argmin(np.linalg.norm(bag.words - patch, axis=1))] += 1
        np.testing.assert_allclose(counts, expected / 16, atol=1e-6)


def test_two_kinds_of_line_are_two_words():
    bag = BagOfHOG(num_words=2, **SMALL).fit(strokes(3, 3))
    across, upright, both = (bag.transform(strokes(*counts))[0] for counts in ((3, 0), (0, 3), (2, 2)))
    assert across.max() > 0.99
    assert upright.max() > 0.99
    assert np.argmax(across) != np.argmax(upright)
    assert 0.3 < both.min() <= 0.5


def test_where_a_word_stands_is_not_kept():
    bag = BagOfHOG(num_words=3, **SMALL).fit(strokes(3, 3))
    np.testing.assert_allclose(
        bag.transform(drawing([(16, 24)])), bag.transform(drawing([(40, 0)])), atol=1e-6
    )


def test_an_image_without_ink_has_no_words():
    bag = BagOfHOG(num_words=2, **SMALL).fit(strokes(3, 3))
    np.testing.assert_array_equal(bag.transform(drawing([])), [[0, 0]])
    assert bag.transform(drawing([])[:0]).shape == (0, 2)


def test_words_depend_on_the_seed_alone():
    split = small_split(size=32)
    first, second, other = (
        BagOfHOG(num_words=7, seed=seed, **SMALL).fit(split.sketches, split.photos).words
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 1e-3


def test_of_many_patches_every_image_gives_as_many(monkeypatch):
    clustered = []
    monkeypatch.setattr(
        bag_of_hog.MiniBatchKMeans, "fit", lambda self, patches: clustered.append(patches), raising=True
    )
    monkeypatch.setattr(bag_of_hog.MiniBatchKMeans, "cluster_centers_", np.zeros((2, 16)), raising=False)
    monkeypatch.setattr(bag_of_hog, "MAX_PATCHES", 40)
    split = small_split(size=32)  # 18 images of 16 patches each; 2 of each are 36.
    BagOfHOG(num_words=2, **SMALL).fit(split.sketches, split.photos)
    assert clustered[0].shape == (36, 16)


def test_an_odd_patch_at_the_border_fits():
    bag = BagOfHOG(num_words=1, patch=15, cells=3, orientations=4, stride=4, blur=0.0)
    found = bag.fit(drawing([(0, 0), (62, 62)])).transform(drawing([(0, 62), (62, 0)]))
    np.testing.assert_array_equal(found, [[1]])


def test_arguments_out_of_range_are_named():
    for name in ("num_words", "patch", "cells", "orientations", "stride"):
        with pytest.raises(ValueError, match=rf"`{name}` must be >= 1\. Received: 0"):
            BagOfHOG(**{name: 0})
    with pytest.raises(ValueError, match=r"`patch` must be a multiple of the 3 `cells`\. Received: 16"):
        BagOfHOG(patch=16, cells=3)
    with pytest.raises(ValueError, match=r"`blur` must be >= 0\. Received: -1"):
        BagOfHOG(blur=-1)
    with pytest.raises(ValueError, match=r"`seed` must be >= 0\. Received: -1"):
        BagOfHOG(seed=-1)


def test_too_few_patches_and_no_words_are_named():
    with pytest.raises(ValueError, match=r"as many patches as there are words, 500\. Received: 1"):
        BagOfHOG().fit(drawing([(8, 8)]))
    with pytest.raises(ValueError, match=r"as there are words, 500\. Received: 0"):
        BagOfHOG().fit()
    with pytest.raises(ValueError, match=r"`fit` must be called first, or `words` set\. Received: neither"):
        BagOfHOG().transform(drawing([(8, 8)]))


def test_other_images_are_named():
    with pytest.raises(ValueError, match=r"`images` must be \(num, size, size, 1\)"):
        BagOfHOG().fit(np.zeros((1, 8, 8, 3), np.uint8))
    with pytest.raises(TypeError, match=r"`images` must be uint8\. Received: float64"):
        BagOfHOG().fit(np.zeros((1, 8, 8, 1)))
