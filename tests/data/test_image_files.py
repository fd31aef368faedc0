"""Image files behind the interface of an array."""

import functools
import pickle

import numpy as np
import pytest
from PIL import Image

from tfsbir.data.image_files import ImageFiles
from tfsbir.data.images import read_image
from tfsbir.errors import InputError


@pytest.fixture
def pixels(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    for index, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    return images


@pytest.fixture
def images(pixels, tmp_path):
    paths = [tmp_path / f"{index}.png" for index in range(5)]
    return ImageFiles(paths, functools.partial(read_image, size=16, channels=3), size=16, channels=3)


@pytest.mark.parametrize(
    "index", [2, -1, np.int32(3), slice(1, 4), slice(None), [3, 0], np.array([4, 4]), np.arange(5) > 2, []]
)
def test_indexing_is_that_of_an_array(images, pixels, index):
    expected = pixels[np.array(index, int) if isinstance(index, list) else index]
    np.testing.assert_array_equal(images[index], expected)


def test_looks_like_an_array(images, pixels):
    assert (images.shape, images.dtype, len(images)) == (pixels.shape, pixels.dtype, len(pixels))


def test_take_reads_nothing(images, pixels):
    images.paths[0].unlink()
    part = images.take([0, 3])
    np.testing.assert_array_equal(part[1], pixels[3])
    with pytest.raises(InputError, match=r"0.png: expected an image file; no such file"):
        part[0]


def test_a_worker_can_be_given_them(images, pixels):
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(images.take([1, 2])))[:], pixels[1:3])
