"""A split's images kept as TFRecords."""

import dataclasses
import functools

import numpy as np
import pytest
from PIL import Image

from tests.common_data import small_split
from tfsbir.data import cached as module
from tfsbir.data.cached import cached
from tfsbir.data.image_files import ImageFiles
from tfsbir.data.images import read_image
from tfsbir.data.record_images import RecordImages
from tfsbir.data.worker_pool import worker_pool
from tfsbir.errors import InputError


@pytest.fixture
def split(tmp_path, monkeypatch):
    """Twelve sketches in files, photos in memory; five images a shard."""
    monkeypatch.setattr(module, "IMAGES_IN_A_SHARD", 5)
    split = small_split()
    (tmp_path / "files").mkdir()
    paths = [tmp_path / "files" / f"{name}.png" for name in split.sketch_ids]
    for path, sketch in zip(paths, split.sketches, strict=True):
        Image.fromarray(sketch[..., 0]).save(path)
    return dataclasses.replace(
        split, sketches=ImageFiles(paths, functools.partial(read_image, size=16), size=16)
    )


@pytest.mark.parametrize("num_workers", [0, 1])
def test_the_images_are_the_same_and_the_files_not_needed(split, tmp_path, num_workers):
    pool = worker_pool(num_workers)
    expected = split.sketches[:]
    kept = cached(split, tmp_path / "cache", pool)
    if pool is not None:
        pool.shutdown()
    names = sorted(path.name for path in (tmp_path / "cache").glob("*/*"))
    assert names == [f"sketches-0000{i}-of-00003.tfrecord" for i in range(3)]
    for path in split.sketches.paths:
        path.write_bytes(b"gone" * (path.stat().st_size // 4) + b"." * (path.stat().st_size % 4))
    again = cached(dataclasses.replace(split), tmp_path / "cache")
    for images in (kept.sketches, again.sketches):
        assert isinstance(images, RecordImages)
        np.testing.assert_array_equal(images[:], expected)
    assert kept.photos is split.photos
    assert kept.fingerprint == split.fingerprint
    assert kept.subset([1, 4]).fingerprint == split.subset([1, 4]).fingerprint


def test_what_a_killed_run_wrote_is_used(split, tmp_path):
    broken = split.sketches.paths[11]
    whole = broken.read_bytes()
    broken.write_bytes(b"x" * len(whole))
    with pytest.raises(InputError, match=r"s11.png: expected an image"):
        cached(split, tmp_path / "cache")
    shards = sorted((tmp_path / "cache").glob("*/*"))
    assert [path.name for path in shards] == [f"sketches-0000{i}-of-00003.tfrecord" for i in range(2)]
    times = [path.stat().st_mtime_ns for path in shards]
    broken.write_bytes(whole)
    np.testing.assert_array_equal(cached(split, tmp_path / "cache").sketches[:], split.sketches[:])
    assert [path.stat().st_mtime_ns for path in shards] == times


def test_other_data_and_another_reader_have_another_cache(split, tmp_path):
    cached(split, tmp_path / "cache")
    softer = ImageFiles(split.sketches.paths, functools.partial(read_image, size=16, channels=1), size=16)
    cached(dataclasses.replace(split, sketches=softer), tmp_path / "cache")
    cached(split.subset([0, 1]), tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_a_folder_that_cannot_be_written(split, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(InputError, match=r"cache.*: expected a folder to write to; .*"):
        cached(split, tmp_path / "cache")
