"""Photos of something else beside a split's own: what is known of them, and that nothing else changes."""

import dataclasses

import numpy as np
import pytest

from tests.common_data import small_split
from tests.common_files import write_image
from tfsbir.data import with_distractors
from tfsbir.data.photo_reader import EDGES, RGB
from tfsbir.errors import InputError


@pytest.fixture
def folder(tmp_path):
    for number in range(12):
        write_image(tmp_path / "shoes" / f"{number}.jpg", size=40, seed=number)
    return tmp_path / "shoes"


@pytest.fixture
def split():
    """Six photos with two sketches each, rated and with an attribute."""
    small = small_split(num_triplets=2, size=256)
    return dataclasses.replace(
        small,
        attribute_names=("round",),
        photo_attributes=np.ones((6, 1), np.int8),
        ratings=np.ones((12, 6, 4), np.int8),
    )


def test_they_come_last_and_are_of_a_class_of_their_own(split, folder):
    more = with_distractors(split, folder, EDGES)
    assert more.photo_ids == (*split.photo_ids, *(f"distractors/shoes/{i}.jpg" for i in range(12)))
    assert more.class_names == ("even", "odd", "distractors")
    assert more.photo_labels.tolist() == [*split.photo_labels, *[2] * 12]
    assert more.photo_labels.dtype == np.int32
    assert more.photos.shape == (18, 256, 256, 1)
    np.testing.assert_array_equal(more.photos[:6], split.photos)
    np.testing.assert_array_equal(more.photos[8], EDGES(folder / "2.jpg"))
    np.testing.assert_array_equal(more.ratings[:, :6], split.ratings)
    assert np.all(more.ratings[:, 6:] == -1)
    assert more.photo_attributes.tolist() == [[1]] * 6 + [[-1]] * 12
    for name in ("sketches", "sketch_photo", "sketch_labels", "triplets"):
        assert getattr(more, name) is getattr(split, name)


def test_fewer_are_a_part_of_more(split, folder):
    chosen = [
        [i for i in with_distractors(split, folder, EDGES, count).photo_ids if i.startswith("distractors/")]
        for count in (3, 7, 12, 99)
    ]
    assert [len(ids) for ids in chosen] == [3, 7, 12, 12]
    assert set(chosen[0]) < set(chosen[1]) < set(chosen[2])
    assert chosen[2] == chosen[3]
    assert chosen[0] != chosen[2][:3]  # Not the first by name.
    assert chosen[1] == [i for i in chosen[2] if i in chosen[1]]  # But in the order of the names.


def test_a_split_s_own_class_of_distractors_takes_them(split, folder):
    own = dataclasses.replace(split, class_names=(*split.class_names, "distractors", "more"))
    more = with_distractors(own, folder, EDGES)
    assert more.class_names == own.class_names
    assert np.all(more.photo_labels[6:] == 2)


def test_errors(split, folder, tmp_path):
    with pytest.raises(ValueError, match=r"`max_distractors` must be >= 1\. Received: 0"):
        with_distractors(split, folder, EDGES, 0)
    with pytest.raises(InputError, match=r"nowhere: expected a folder of images; there is none"):
        with_distractors(split, tmp_path / "nowhere", EDGES)
    with pytest.raises(ValueError, match=r"`parts` must have images of one shape"):
        with_distractors(split, folder, RGB)
    own = dataclasses.replace(split, class_names=("even", "distractors"))
    with pytest.raises(ValueError, match=r"no sketch of the class distractors\. Received: one of small"):
        with_distractors(own, folder, EDGES)
