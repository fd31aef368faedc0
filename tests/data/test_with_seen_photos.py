"""Photos of seen classes beside those of unseen ones: the gallery grows, and nothing else changes."""

import dataclasses

import numpy as np
import pytest

from tests.common_data import small_split
from tfsbir.data import with_seen_photos


def splits():
    test = small_split(num_triplets=1, seed=1)
    train = dataclasses.replace(
        small_split(num_photos=4, num_distractors=3, seed=2),
        class_names=("ant", "bee"),
        photo_ids=tuple(f"seen{i}" for i in range(7)),
    )
    return test, train


def test_they_come_last_and_keep_their_classes():
    test, train = splits()
    more = with_seen_photos(test, train)
    assert more.class_names == ("even", "odd", "ant", "bee")
    assert more.photo_ids == (*test.photo_ids, *train.photo_ids)
    names = [more.class_names[label] for label in more.photo_labels[6:]]
    assert names == [train.class_names[label] for label in train.photo_labels]
    np.testing.assert_array_equal(more.photo_labels[:6], test.photo_labels)
    np.testing.assert_array_equal(more.photos[:], np.concatenate([test.photos, train.photos]))
    for name in ("sketches", "sketch_ids", "sketch_photo", "sketch_labels", "triplets"):
        assert getattr(more, name) is getattr(test, name)


def test_a_class_must_not_be_both():
    test, train = splits()
    train = dataclasses.replace(train, class_names=("odd", "bee"))
    with pytest.raises(ValueError, match=r"`train` must have no class of `test`\. Received: odd in both"):
        with_seen_photos(test, train)
