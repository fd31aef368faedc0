import dataclasses

import numpy as np
import pytest

from tests.common_data import small_split
from tfsbir.sampling import CategoryGroups


def split_of(sketch_labels, photo_labels):
    """A split whose sketches and photos have these categories, and no pairs."""
    small = small_split(num_photos=len(photo_labels), sketches_of=1).subset(
        np.arange(len(photo_labels)), np.arange(len(sketch_labels))
    )
    return dataclasses.replace(
        small,
        sketch_photo=np.full(len(sketch_labels), -1, np.int32),
        sketch_labels=np.array(sketch_labels, np.int32),
        photo_labels=np.array(photo_labels, np.int32),
        class_names=("a", "b", "c", "d"),
    )


SPLIT = split_of([0, 1, 1, 2, 2, 2, 3, 3], [0, 0, 1, 2, 2, 2, 2, 3, 3, 3])


def test_a_group_shares_a_category_in_both_domains():
    sampler = CategoryGroups(SPLIT, 6, seed=0, group_size=3)
    for step in range(50):
        drawn = sampler(step)
        groups = SPLIT.sketch_labels[drawn["sketch"]].reshape(2, 3)
        assert (groups == groups[:, :1]).all()
        np.testing.assert_array_equal(SPLIT.photo_labels[drawn["photo"]].reshape(2, 3), groups)


@pytest.mark.parametrize("num_groups", [1, 3, 4, 7])
def test_each_pass_meets_every_category_once(num_groups):
    sampler = CategoryGroups(SPLIT, 2 * num_groups, seed=0, group_size=2)
    labels = [SPLIT.photo_labels[sampler(step)["photo"][::2]] for step in range(4 * 30)]
    passes = np.concatenate(labels).reshape(-1, 4)
    np.testing.assert_array_equal(np.sort(passes, axis=1), np.tile(np.arange(4), (len(passes), 1)))
    assert len({tuple(order) for order in passes.tolist()}) > 10


def test_no_image_comes_twice_in_a_group_unless_there_are_too_few():
    sampler = CategoryGroups(SPLIT, 12, seed=0, group_size=3)
    for step in range(50):
        drawn = sampler(step)
        for name, labels in (("sketch", SPLIT.sketch_labels), ("photo", SPLIT.photo_labels)):
            for group in drawn[name].reshape(-1, 3):
                available = np.sum(labels == labels[group[0]])
                assert len(set(group.tolist())) == 3 or available < 3


def test_images_of_a_category_come_evenly_and_domains_apart():
    sampler = CategoryGroups(SPLIT, 12, seed=1, group_size=3)
    drawn = [sampler(step) for step in range(500)]
    photos = np.bincount(np.concatenate([d["photo"] for d in drawn]), minlength=10)
    for label, count in enumerate((2, 1, 4, 3)):
        counts = photos[SPLIT.photo_labels == label]
        assert counts.sum() == 1500
        assert (np.abs(counts - 1500 / count) < 6 * np.sqrt(1500 / count)).all()
    both = {(int(s), int(p)) for d in drawn for s, p in zip(d["sketch"], d["photo"], strict=True)}
    assert len(both) == 1 * 2 + 2 * 1 + 3 * 4 + 2 * 3  # Every sketch met every photo of its category.


def test_categories_of_one_domain_alone_are_left_out():
    split = split_of([0, 0, 1, 3], [1, 1, 2, 3, 0])
    sampler = CategoryGroups(split, 4, seed=0, group_size=2)
    drawn = [sampler(step) for step in range(50)]
    assert set(np.concatenate([d["photo"] for d in drawn]).tolist()) == {0, 1, 3, 4}
    assert set(np.concatenate([d["sketch"] for d in drawn]).tolist()) == {0, 1, 2, 3}


def test_a_step_depends_on_the_seed_and_the_step_alone():
    forward = [CategoryGroups(SPLIT, 6, seed=7, group_size=2)(step) for step in range(9)]
    sampler = CategoryGroups(SPLIT, 6, seed=7, group_size=2)
    backward = [sampler(step) for step in reversed(range(9))]
    for name in ("sketch", "photo"):
        expected = [drawn[name].tolist() for drawn in forward]
        assert [drawn[name].tolist() for drawn in backward[::-1]] == expected
        assert forward[0][name].dtype == np.int32
    other = CategoryGroups(SPLIT, 6, seed=8, group_size=2)
    assert [other(step)["sketch"].tolist() for step in range(9)] != [d["sketch"].tolist() for d in forward]


@pytest.mark.parametrize(
    ("message", "split", "batch_size", "group_size"),
    [
        (r"`batch_size` must be a multiple of 2 \(`group_size`\)\. Received: 3", SPLIT, 3, 2),
        (r"`batch_size` must be a multiple of 2 \(`group_size`\)\. Received: 0", SPLIT, 0, 2),
        (r"`group_size` must be >= 1\. Received: 0", SPLIT, 4, 0),
        (r"at least 2 categories\. Received: 1 in small train", split_of([0, 1], [1, 1]), 4, 2),
    ],
)
def test_arguments_that_do_not_fit_are_named(message, split, batch_size, group_size):
    with pytest.raises(ValueError, match=message):
        CategoryGroups(split, batch_size, 0, group_size)
