import numpy as np
import pytest

from tests.common_data import small_split
from tfsbir.sampling import TruePairs


def test_a_sketch_meets_its_own_photo():
    split = small_split(num_photos=6, sketches_of=3)
    for step in range(20):
        drawn = TruePairs(split, batch_size=4, seed=1)(step)
        np.testing.assert_array_equal(split.sketch_photo[drawn["sketch"]], drawn["photo"])


def test_a_pass_meets_every_photo_once_and_no_batch_holds_one_twice():
    sampler = TruePairs(small_split(num_photos=8), batch_size=4, seed=1)
    for one_pass in range(5):
        photos = np.concatenate([sampler(2 * one_pass)["photo"], sampler(2 * one_pass + 1)["photo"]])
        assert sorted(photos) == list(range(8))


def test_passes_differ_and_every_sketch_comes():
    sampler = TruePairs(small_split(num_photos=8, sketches_of=3), batch_size=8, seed=1)
    steps = [sampler(step) for step in range(60)]
    assert len({tuple(drawn["photo"]) for drawn in steps}) > 50
    assert {int(sketch) for drawn in steps for sketch in drawn["sketch"]} == set(range(24))


def test_a_step_depends_on_the_seed_and_the_step_alone():
    split = small_split()
    forward = [TruePairs(split, 2, seed=7)(step)["sketch"].tolist() for step in range(9)]
    sampler = TruePairs(split, 2, seed=7)
    backward = [sampler(step)["sketch"].tolist() for step in reversed(range(9))]
    assert forward == backward[::-1]
    assert forward != [TruePairs(split, 2, seed=8)(step)["sketch"].tolist() for step in range(9)]


def test_photos_without_a_sketch_are_left_out():
    sampler = TruePairs(small_split(num_photos=4, num_distractors=5), batch_size=4, seed=0)
    assert {int(photo) for step in range(10) for photo in sampler(step)["photo"]} == {0, 1, 2, 3}


@pytest.mark.parametrize("batch_size", [0, 7])
def test_a_batch_that_does_not_fit_is_refused(batch_size):
    with pytest.raises(ValueError, match=rf"`batch_size` must be in 1\.\.6.* Received: {batch_size}"):
        TruePairs(small_split(num_photos=6), batch_size, seed=0)
