"""A copy of a split's images, decoded once and kept as TFRecords, for sets that do not fit in memory."""

import contextlib
import dataclasses
import os
from pathlib import Path

import tensorflow as tf
from tqdm import tqdm

from tfsbir.data.image_files import ImageFiles
from tfsbir.data.making_images import make_pngs
from tfsbir.data.record_images import RecordImages
from tfsbir.errors import InputError

IMAGES_IN_A_SHARD = 2048  # Edge maps: some 15 MB; photos: some 200 MB.
_IMAGES_IN_A_JOB = 32


def cached(split, cache_dir, pool=None):
    """Replaces image files by TFRecords of what is read from them, which are made where there are none yet.

    A photo's file is decoded, fitted and reduced to edges once, not once for every epoch. Plain TFRecords of
    PNGs, not TensorFlow Datasets': samplers ask for images by their index, in an order of their own that a
    resumed run repeats, and TFDS reads its records from front to back. Arrays and `Drawings`, which are in
    memory, stay what they are.

        CACHE_DIR/NAME-SPLIT-KEY/sketches-00000-of-00004.tfrecord

    The key is the split's fingerprint, over the files' names and sizes and how they are read, so that other
    data never meet an old cache. Each file appears when it is whole; what a killed run wrote is used by the
    next.

    Args:
        split: `Split`.
        cache_dir: Folder of all caches; made if there is none.
        pool: Of `worker_pool`, or `None` to read in this process.
    Returns: The `Split` with `RecordImages` in place of `ImageFiles`; images and fingerprint are the same.
    Raises: `InputError` if the folder cannot be written to, or a file cannot be read.
    """
    changes = {}
    for name in ("sketches", "photos"):
        images = getattr(split, name)
        if isinstance(images, ImageFiles) and len(images):
            name_of_split = f"{split.name}-{split.split.replace('/', '-')}"
            folder = Path(cache_dir) / f"{name_of_split}-{split.fingerprint[:16]}"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                changes[name] = _records(images, folder, name, pool)
            except OSError as error:
                raise InputError(f"{folder}: expected a folder to write to; {error}") from None
    return dataclasses.replace(split, **changes)


def _records(images, folder, name, pool):
    starts = range(0, len(images), IMAGES_IN_A_SHARD)
    paths = [folder / f"{name}-{i:05d}-of-{len(starts):05d}.tfrecord" for i in range(len(starts))]
    missing = [(start, path) for start, path in zip(starts, paths, strict=True) if not path.exists()]
    total = sum(len(images.take(_shard(images, start))) for start, _ in missing)
    with tqdm(total=total, desc=f"cache {name}", unit="image", delay=2, leave=False) as progress:
        for start, path in missing:
            _write_shard(images.take(_shard(images, start)), path, pool, progress)
    return RecordImages(paths, images)


def _shard(images, start):
    return range(start, min(start + IMAGES_IN_A_SHARD, len(images)))


def _write_shard(images, path, pool, progress):
    aside = path.with_name(f".{path.name}.{os.getpid()}")  # Two runs may fill one cache.
    jobs = [
        images.take(range(start, min(start + _IMAGES_IN_A_JOB, len(images))))
        for start in range(0, len(images), _IMAGES_IN_A_JOB)
    ]
    with contextlib.ExitStack() as stack:
        stack.callback(aside.unlink, missing_ok=True)
        with tf.io.TFRecordWriter(str(aside)) as writer:
            for pngs in (map if pool is None else pool.map)(make_pngs, jobs):
                for png in pngs:
                    writer.write(png)
                progress.update(len(pngs))
        aside.replace(path)
