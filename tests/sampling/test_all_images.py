import numpy as np
import pytest

from tests.common_data import small_split
from tfsbir.sampling import AllImages


def test_every_image_of_both_domains_comes_once_a_pass():
    split = small_split(num_photos=5, sketches_of=2)  # 10 sketches; 4 do not divide either number.
    sampler = AllImages(split, ("sketch", "photo"), batch_size=4, seed=1)
    drawn = [sampler(step) for step in range(5)]
    sketches = np.concatenate([one["sketch"] for one in drawn])
    photos = np.concatenate([one["photo"] for one in drawn])
    assert sorted(sketches[:10]) == sorted(sketches[10:]) == list(range(10))
    assert all(sorted(photos[start : start + 5]) == list(range(5)) for start in range(0, 20, 5))
    assert list(sketches[:10]) != list(sketches[10:])


def test_a_batch_may_be_larger_than_the_split():
    drawn = AllImages(small_split(num_photos=3), ("photo",), batch_size=8, seed=0)(2)
    assert list(drawn) == ["photo"]
    assert drawn["photo"].dtype == np.int32
    counts = np.bincount(drawn["photo"], minlength=3)
    assert counts.sum() == 8 and counts.min() >= 2


def test_a_step_depends_on_the_seed_and_the_step_alone():
    split = small_split()
    forward = [AllImages(split, ("sketch",), 2, seed=7)(step)["sketch"].tolist() for step in range(9)]
    sampler = AllImages(split, ("sketch",), 2, seed=7)
    assert forward == [sampler(step)["sketch"].tolist() for step in reversed(range(9))][::-1]
    assert forward != [AllImages(split, ("sketch",), 2, seed=8)(step)["sketch"].tolist() for step in range(9)]


@pytest.mark.parametrize(
    ("domains", "batch_size", "message"),
    [
        ((), 2, r'`domains` must be of "sketch" and "photo"\. Received: \(\)'),
        (("edges",), 2, r"Received: \('edges',\)"),
        (("sketch",), 0, r"`batch_size` must be >= 1\. Received: 0"),
    ],
)
def test_other_arguments_are_refused(domains, batch_size, message):
    with pytest.raises(ValueError, match=message):
        AllImages(small_split(), domains, batch_size, seed=0)


def test_a_domain_without_images_is_refused():
    split = small_split()
    without = split.subset(np.arange(len(split.photos)), np.arange(0))
    with pytest.raises(ValueError, match="`split` must have images of the domain sketch"):
        AllImages(without, ("sketch",), 2, seed=0)
