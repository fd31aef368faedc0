"""What recipes share, where a whole run would not show it."""

import dataclasses
import functools

import numpy as np
import pytest

from recipes.common.encoders import _spread
from recipes.common.training import next_batch
from tests.common_data import small_split
from tfsbir.data import ImageFiles, read_image, worker_pool
from tfsbir.data.batches import batches
from tfsbir.errors import InputError
from tfsbir.sampling import TruePairs


@pytest.mark.parametrize(("num_images", "count"), [(5, 8), (8, 8), (9000, 2000)])
def test_a_sample_reaches_over_the_whole_set(num_images, count):
    sample = _spread(np.arange(num_images), count)
    assert len(sample) == min(num_images, count)
    assert (sample[0], sample[-1]) == (0, num_images - 1)
    assert np.all(np.diff(sample) >= 1)
    assert np.diff(sample).max() <= np.ceil(num_images / count)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_file_that_breaks_in_training_is_named(tmp_path, num_workers):
    (tmp_path / "0.png").write_bytes(b"no image")
    read = functools.partial(read_image, size=16)
    split = small_split()
    split = dataclasses.replace(split, photos=ImageFiles([tmp_path / "0.png"] * 6, read, size=16))
    pool = worker_pool(num_workers)
    made = iter(batches(split, TruePairs(split, 3, seed=0), 0, 2, 16, 0, pool=pool))
    with pytest.raises(
        InputError, match=rf"^{tmp_path}/0.png: expected an image [^\n]*found something else$"
    ):
        next_batch(made)
    if pool is not None:
        pool.shutdown()
