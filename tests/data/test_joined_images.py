"""Images of several kinds behind the interface of one array."""

import functools
import hashlib
import pickle

import numpy as np
import pytest
from PIL import Image

from tfsbir.data.drawings import Drawings
from tfsbir.data.image_files import ImageFiles
from tfsbir.data.images import read_image
from tfsbir.data.joined_images import JoinedImages, join_images
from tfsbir.errors import InputError
from tfsbir.strokes import VectorSketch


@pytest.fixture
def parts(tmp_path):
    """Three images in memory, two in files, one of strokes."""
    random = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        Image.fromarray(random.integers(0, 256, (16, 16), dtype=np.uint8)).save(tmp_path / name)
    files = ImageFiles(
        [tmp_path / "a.png", tmp_path / "b.png"], functools.partial(read_image, size=16), size=16
    )
    lines = VectorSketch([np.array([[1, 2], [14, 9]])], (0, 0, 16, 16))
    return random.integers(0, 256, (3, 16, 16, 1), dtype=np.uint8), files, Drawings([lines], size=16)


@pytest.fixture
def images(parts):
    return JoinedImages(parts)


@pytest.fixture
def pixels(parts):
    return np.concatenate([part[:] for part in parts])


def digest_of(images):
    digest = hashlib.sha256()
    images.update_digest(digest)
    return digest.hexdigest()


@pytest.mark.parametrize(
    "index",
    [
        0,
        2,
        4,
        5,
        -1,
        np.int32(3),
        slice(1, 5),
        slice(None),
        [5, 0],
        np.array([4, 4, 2]),
        np.arange(6) > 2,
        [],
    ],
)
def test_indexing_is_that_of_an_array(images, pixels, index):
    expected = pixels[np.array(index, int) if isinstance(index, list) else index]
    np.testing.assert_array_equal(images[index], expected)
    assert images[index].dtype == np.uint8


def test_looks_like_an_array(images, pixels):
    assert (images.shape, images.dtype, len(images)) == (pixels.shape, pixels.dtype, len(pixels))
    assert len(list(images)) == 6
    for index in (6, -7):
        with pytest.raises(IndexError):
            images[index]


@pytest.mark.parametrize("chosen", [[0, 1], [4, 0, 5, 3, 1, 2], [5, 5, 0, 4, 4], [3], [], range(2, 6)])
def test_take_is_that_of_an_array(images, pixels, chosen):
    taken = images.take(chosen)
    chosen = np.array(chosen, int)
    assert taken.shape == (len(chosen), 16, 16, 1)
    np.testing.assert_array_equal(taken[:], pixels[chosen])
    again = np.arange(len(chosen))[::-1]
    np.testing.assert_array_equal(taken.take(again)[:], pixels[chosen[::-1]])


def test_joined_images_are_joined_again(images, parts, pixels):
    twice = JoinedImages([images.take([5, 0]), parts[1], images])
    expected = np.concatenate([pixels[[5, 0]], pixels[3:5], pixels])
    np.testing.assert_array_equal(twice[:], expected)
    np.testing.assert_array_equal(twice.take([9, 0, 3, 4])[:], expected[[9, 0, 3, 4]])


def test_by_part_finds_every_image(images, parts):
    found = {number: (part, rows, places) for number, part, rows, places in images.by_part([4, 0, 2, 3, 0])}
    assert list(found) == [0, 1]
    assert [part is parts[number] for number, (part, _, _) in found.items()] == [True, True]
    assert (found[0][1].tolist(), found[0][2].tolist()) == ([1, 2, 4], [0, 2, 0])
    assert (found[1][1].tolist(), found[1][2].tolist()) == ([0, 3], [1, 0])


def test_take_reads_nothing(images, parts, pixels):
    parts[1].paths[0].unlink()
    taken = images.take([3, 4, 0])
    np.testing.assert_array_equal(taken[1:], pixels[[4, 0]])
    with pytest.raises(InputError, match=r"a.png: expected an image file; no such file"):
        taken[0]


def test_a_worker_can_be_given_them(images, pixels):
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(images.take([5, 1])))[:], pixels[[5, 1]])


def test_digest_sees_the_images_and_their_order(images, parts):
    changed = parts[0].copy()
    changed[1, 3, 3] ^= 1
    others = [
        JoinedImages([parts[1], parts[0], parts[2]]),
        JoinedImages([changed, *parts[1:]]),
        JoinedImages(parts[:2]),
        images.take([1, 0, 2, 3, 4, 5]),
        images.take([0, 1, 2]),
    ]
    assert len({digest_of(one) for one in (images, *others)}) == 6
    assert digest_of(images) == digest_of(JoinedImages(parts)) == digest_of(images.take(range(6)))


def test_errors(parts):
    with pytest.raises(ValueError, match=r"`parts` must hold one part or more. Received: none"):
        JoinedImages([])
    message = r"`parts` must have images of one shape. Received: \[\(8, 8, 1\), \(16, 16, 1\)\]"
    with pytest.raises(ValueError, match=message):
        JoinedImages([parts[1], np.zeros((2, 8, 8, 1), np.uint8)])


def test_images_are_joined_as_simply_as_they_allow(parts, pixels):
    array, files, drawings = parts
    empty = np.zeros((0, 8, 8, 3), np.uint8)
    assert join_images([files]) is files
    assert join_images([empty, drawings, array[:0]]) is drawings
    assert join_images([empty, array[:0]]) is empty
    arrays = join_images([array, empty, array[1:]])
    assert isinstance(arrays, np.ndarray)
    np.testing.assert_array_equal(arrays, pixels[[0, 1, 2, 1, 2]])
    mixed = join_images([array, empty, files])
    assert isinstance(mixed, JoinedImages)
    assert len(mixed.parts) == 2
    np.testing.assert_array_equal(mixed[:], pixels[:5])
    with pytest.raises(ValueError, match=r"`parts` must hold one part or more. Received: none"):
        join_images([])
    with pytest.raises(ValueError, match=r"`parts` must have images of one shape"):
        join_images([array, np.zeros((1, 8, 8, 1), np.uint8)])
