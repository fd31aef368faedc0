"""Classes that data sets have in common, and splits of these alone."""

import dataclasses

import numpy as np
import pytest

from recipes.common.keep_classes import keep_classes
from recipes.common.shared_classes import shared_classes
from tests.common_data import small_split
from tfsbir.errors import InputError

NAMES = ("hot-air_balloon", "cat", "dog", "eel")


def labelled(names, sketch_labels, photo_labels, name="small"):
    split = small_split(num_photos=4, sketches_of=1, size=4)
    return dataclasses.replace(
        split.subset(range(len(photo_labels)), range(len(sketch_labels))),
        name=name,
        class_names=names,
        sketch_photo=np.full(len(sketch_labels), -1, np.int32),
        sketch_labels=np.array(sketch_labels, np.int32),
        photo_labels=np.array(photo_labels, np.int32),
    )


@pytest.fixture
def parts():
    """The first lacks photos of dogs and has no eel but by name; the second has no photos."""
    return [
        labelled(NAMES, [0, 1, 2], [0, 1, 1, 0], "photos"),
        labelled(("eel", "dog", "cat", "hot air balloon"), [0, 1, 2, 3], [], "drawings"),
    ]


def test_a_shared_class_is_in_each_and_has_both_domains(parts):
    assert shared_classes(parts) == ("hot_air_balloon", "cat")
    assert shared_classes(parts[:1]) == ("hot_air_balloon", "cat")


def test_a_file_narrows_them(parts, tmp_path):
    more = dataclasses.replace(parts[0], photo_labels=np.array([0, 1, 2, 0], np.int32))
    path = tmp_path / "classes.txt"
    path.write_text("dog\nHot Air Balloon\n", encoding="utf-8")
    assert shared_classes([more, parts[1]], path) == ("hot_air_balloon", "dog")
    with pytest.raises(
        InputError,
        match=rf"^{path}: expected classes of which there are sketches and photos to train on, in photos and "
        r"drawings; found dog$",
    ):
        shared_classes(parts, path)


def test_one_class_is_too_few(parts):
    with pytest.raises(
        InputError,
        match=r"^photos and cats: expected sketches and photos of 2 classes or more that are in all of them; "
        r"found those of 1$",
    ):
        shared_classes([parts[0], labelled(("cat",), [0], [], "cats")])


def test_kept_classes_have_labels_in_the_order_asked_for():
    split = small_split(num_photos=6, sketches_of=2)
    kept = keep_classes(split, ("Odd", "more", "even"))
    assert kept.class_names == ("Odd", "more", "even")
    np.testing.assert_array_equal(kept.photo_labels, [2, 0, 2, 0, 2, 0])
    np.testing.assert_array_equal(kept.photos, split.photos)
    odd = keep_classes(split, ("odd",))
    assert odd.photo_ids == ("p1", "p3", "p5")
    np.testing.assert_array_equal(odd.sketch_labels, np.zeros(6))
    np.testing.assert_array_equal(odd.sketch_photo, [0, 0, 1, 1, 2, 2])
    assert len(keep_classes(split, ("cat",)).sketches) == 0
