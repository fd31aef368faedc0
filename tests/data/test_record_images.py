"""Images in TFRecords, read in any order."""

import pickle

import numpy as np
import pytest
import tensorflow as tf

from tfsbir.data.image_files import ImageFiles
from tfsbir.data.record_images import RecordImages, encode_png
from tfsbir.errors import InputError


def write(path, images):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for image in images:
            writer.write(encode_png(image))


@pytest.fixture(params=[1, 3])
def pixels(request):
    return np.random.default_rng(0).integers(0, 256, (7, 8, 8, request.param), dtype=np.uint8)


@pytest.fixture
def paths(pixels, tmp_path):
    paths = [tmp_path / "a.tfrecord", tmp_path / "b.tfrecord"]
    write(paths[0], pixels[:4])
    write(paths[1], pixels[4:])
    return paths


def origin(shape):
    """Files that the records stand for; none of them is ever read."""
    return ImageFiles([f"{index}.png" for index in range(shape[0])], None, shape[1], shape[3])


@pytest.mark.parametrize("index", [5, -7, slice(2, 6), [6, 0, 6, 3], np.array([], int)])
def test_indexing_is_that_of_an_array(paths, pixels, index):
    images = RecordImages(paths, origin(pixels.shape))
    assert (images.shape, images.dtype, len(images)) == (pixels.shape, pixels.dtype, 7)
    np.testing.assert_array_equal(images[index], pixels[index])
    part = pickle.loads(pickle.dumps(images.take([6, 1])))
    np.testing.assert_array_equal(part[:], pixels[[6, 1]])


def test_tensorflow_reads_the_same_files(paths, pixels):
    records = tf.data.TFRecordDataset([str(path) for path in paths]).map(tf.io.decode_png)
    np.testing.assert_array_equal(np.stack(list(records.as_numpy_iterator())), pixels)


def test_a_file_that_is_gone_is_named(paths, pixels):
    images = RecordImages(paths, origin(pixels.shape))
    paths[0].unlink()
    with pytest.raises(InputError, match=rf"{paths[0].name}: expected a TFRecord file; no such file"):
        images[0]


def test_damage_is_reported(paths, pixels):
    with pytest.raises(InputError, match=r"expected 8 records; found 7"):
        RecordImages(paths, origin((8, *pixels.shape[1:])))
    with pytest.raises(
        InputError, match=r"expected a PNG of \(9, 9\) px at byte 12; found one of \(8, 8\) px"
    ):
        RecordImages(paths, origin((7, 9, 9, pixels.shape[3])))[0]
    data = bytearray(paths[1].read_bytes())
    data[12 + 4] ^= 0xFF
    paths[1].write_bytes(data)
    with pytest.raises(InputError, match=r"b.tfrecord: .* found none that can be decoded. Delete the folder"):
        RecordImages(paths, origin(pixels.shape))[4]
    paths[1].write_bytes(data[:-3])
    with pytest.raises(
        InputError, match=r"b.tfrecord: expected whole records; the one at byte [0-9]+ is cut"
    ):
        RecordImages(paths, origin(pixels.shape))
    paths[1].unlink()
    with pytest.raises(InputError, match=r"b.tfrecord: expected a TFRecord file; no such file"):
        RecordImages(paths, origin(pixels.shape))
