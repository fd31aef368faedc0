"""Photos from wherever they are, in batches that are the same in every run."""

import hashlib
import os
from typing import NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from tfsbir.data.images import MAX_BYTES, natural_key
from tfsbir.errors import InputError
from tfsbir.pipelines.photo_names import SKIPPED, PhotoName, Skipped, is_address
from tfsbir.retrieval.encoded_photos import EncodedPhoto, shard_of
from tfsbir.retrieval.photo_reading import decode_ahead, in_batches

# Photos that are read while others are waited for.
READ_AHEAD = 8


class ReadPhoto(NamedTuple):
    photo: EncodedPhoto
    image: np.ndarray


class InFixedBatches(beam.PTransform):
    """Groups names into batches: by the file their photo's embedding belongs into, in natural order.

    A matrix product may round an image's embedding in another way beside other images, and Beam's own batches
    depend on time and runner. These are the same in every run, and so is what is written. A name that is
    listed twice counts once.

    Args:
        batch_size: Int, photos in a batch.
        num_shards: Int, number of files.
    """

    def __init__(self, batch_size, num_shards):
        super().__init__()
        self._batch_size = batch_size
        self._num_shards = num_shards

    def expand(self, names):
        batch_size, num_shards = self._batch_size, self._num_shards
        return (
            names
            | beam.Map(lambda name: (shard_of(name.photo_id, num_shards), tuple(name))).with_output_types(
                tuple[int, tuple[str, str]]
            )
            | beam.GroupByKey()
            | beam.FlatMapTuple(lambda _, names: _batches(names, batch_size))
            | beam.Reshuffle()  # So that a file's batches are encoded by many workers.
        )


def _batches(names, batch_size):
    names = sorted(map(PhotoName._make, set(names)), key=lambda name: natural_key(name.photo_id))
    return in_batches(names, batch_size)


class ReadPhotos(beam.DoFn):
    """Turns a list of `PhotoName`s into a list of `ReadPhoto`s; those that cannot be read become `Skipped`.

    Args:
        preprocessing: `Preprocessing` of the encoder.
    """

    def __init__(self, preprocessing):
        self._preprocessing = preprocessing

    def process(self, names):
        photos = []
        for name, photo, error in decode_ahead(self._read, names, READ_AHEAD):
            if error is None:
                photos.append(photo)
            else:
                yield beam.pvalue.TaggedOutput(SKIPPED, Skipped(name.path, str(error)))
        if photos:
            yield photos

    def _read(self, name):
        data, mtime_ns = read_bytes(name.path)
        photo = EncodedPhoto(*name, len(data), mtime_ns, hashlib.sha256(data).hexdigest())
        return ReadPhoto(photo, self._preprocessing.read_photo(data))


def read_bytes(path):
    """Reads a file of at most `MAX_BYTES` bytes.

    Returns: Its bytes, and its `st_mtime_ns`, or None where it is not a file of this machine.
    Raises: `InputError` if that fails, for whatever reason.
    """
    try:
        mtime_ns = None if is_address(path) else os.stat(path).st_mtime_ns
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            data = file.read(MAX_BYTES + 1)
    # Beam's file systems come from many libraries, whose errors have nothing in common; and no photo may
    # end the pipeline.
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"expected an image file; {' '.join(reason.lower().split())}") from None
    if len(data) > MAX_BYTES:
        raise InputError(f"expected an image file of at most {MAX_BYTES} bytes; found more")
    return data, mtime_ns
