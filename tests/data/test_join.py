"""Several data sets as one: who is whose, of which class, and what is left out."""

import dataclasses

import numpy as np
import pytest

from tests.common_data import small_split
from tests.common_files import write_image
from tfsbir.data.category_folder import category_folder
from tfsbir.data.drawings import Drawings
from tfsbir.data.join import join
from tfsbir.data.joined_images import JoinedImages
from tfsbir.data.photo_folder import photo_folder
from tfsbir.data.qmul_v1 import qmul_v1
from tfsbir.data.split import Split
from tfsbir.strokes import VectorSketch


def doodles():
    """Five drawings of three classes, without photos."""
    lines = [VectorSketch([np.array([[i, 1], [9, 14]])], (0, 0, 16, 16)) for i in range(5)]
    return Split(
        name="doodles", split="train", sketches=Drawings(lines, size=16),
        photos=np.zeros((0, 16, 16, 1), np.uint8), sketch_ids=tuple("abcde"), photo_ids=(),
        photo_input="edges", sketch_labels=np.array([0, 1, 2, 2, 0], np.int32),
        class_names=("hot dog", "Odd", "zebra"),
    )  # fmt: skip


def facts(split, prefix=""):
    """All that a split knows, by the ids of its images."""
    sketch, photo = (tuple(prefix + i for i in ids) for ids in (split.sketch_ids, split.photo_ids))
    return {
        "pairs": {sketch[i]: photo[split.sketch_photo[i]] for i in split.paired_sketches},
        "classes": {
            image: split.class_names[label].lower().replace(" ", "_")
            for ids, labels in ((sketch, split.sketch_labels), (photo, split.photo_labels))
            for image, label in zip(ids, labels, strict=True)
        },
        "pixels": {
            image: pixels.tobytes()
            for ids, images in ((sketch, split.sketches), (photo, split.photos))
            for image, pixels in zip(ids, images[:], strict=True)
        },
        "triplets": []
        if split.triplets is None
        else [(sketch[s], photo[c], photo[f]) for s, c, f in split.triplets],
    }


def test_the_whole_knows_what_its_parts_know():
    first, second = small_split(num_triplets=2), doodles()
    third = dataclasses.replace(
        small_split(num_photos=3, num_triplets=1, num_distractors=2, seed=1), name="third", split="test"
    )
    joined = join([first, second, third])
    assert (joined.name, joined.split) == ("small+doodles+third", "train+test")
    assert joined.class_names == ("even", "odd", "hot_dog", "zebra")
    parts = [facts(first, "small/"), facts(second, "doodles/"), facts(third, "third/")]
    whole = facts(joined)
    for what in ("pairs", "classes", "pixels"):
        assert whole[what] == {key: value for part in parts for key, value in part[what].items()}
    assert whole["triplets"] == [row for part in parts for row in part["triplets"]]
    assert np.sum(joined.sketch_photo == -1) == 5
    assert joined.sketch_photo.dtype == joined.sketch_labels.dtype == joined.triplets.dtype == np.int32


def test_images_are_arrays_where_all_are():
    first, second = small_split(), small_split(seed=1)
    assert isinstance(join([first, second]).sketches, np.ndarray)
    joined = join([first, doodles()])
    assert isinstance(joined.sketches, JoinedImages)
    assert joined.photos is first.photos  # The drawings have none.
    assert isinstance(join([doodles()]).sketches, Drawings)


def test_splits_of_one_name_have_ids_of_their_own():
    joined = join([small_split(), small_split(seed=1), doodles(), small_split(seed=2)])
    assert len(joined.photo_ids) == 18
    assert {i.split("/")[0] for i in joined.photo_ids} == {"small", "small-2", "small-3"}
    assert joined.split == "train"


def test_attributes_and_ratings_are_left_out():
    split = dataclasses.replace(
        small_split(), attribute_names=("a",), sketch_attributes=np.ones((12, 1), np.int8),
        photo_attributes=np.ones((6, 1), np.int8), ratings=np.zeros((12, 6, 1), np.int8),
    )  # fmt: skip
    joined = join([split, doodles()])
    assert joined.attribute_names == ()
    assert joined.sketch_attributes is joined.photo_attributes is joined.ratings is None
    assert joined.triplets is None


def test_parts_of_the_whole():
    first, second = small_split(num_triplets=2, num_distractors=1), doodles()
    joined = join([first, second])
    part = joined.subset([5, 2], [0, 4, 5, 12, 16])
    expected = first.subset([5, 2], [0, 4, 5])
    assert part.sketch_ids == ("small/s0", "small/s4", "small/s5", "doodles/a", "doodles/e")
    np.testing.assert_array_equal(part.sketches[:3], expected.sketches)
    np.testing.assert_array_equal(part.sketches[3:], second.sketches[[0, 4]])
    assert part.sketch_photo.tolist() == [-1, 0, 0, -1, -1]
    kept, held = joined.holdout(0.34, 0)
    assert len(kept.photos) + len(held.photos) == 7
    assert len(kept.sketches) + len(held.sketches) == 17
    assert {**facts(kept)["pixels"], **facts(held)["pixels"]} == facts(joined)["pixels"]


def test_fingerprint_sees_every_part():
    first, second = small_split(), doodles()
    joined = join([first, second])
    pixel = first.sketches.copy()
    pixel[3, 2, 1, 0] ^= 1
    others = [
        join([second, first]),
        join([first]),
        join([dataclasses.replace(first, sketches=pixel), second]),
        join([first, dataclasses.replace(second, sketches=second.sketches.take([1, 0, 2, 3, 4]))]),
    ]
    assert len({split.fingerprint for split in (joined, *others)}) == 5
    assert joined.fingerprint == join([small_split(), doodles()]).fingerprint


def test_spellings_of_one_class_in_one_split_are_one():
    split = dataclasses.replace(
        doodles(), class_names=("T-shirt", "t shirt", "zebra"), name="spelt in two ways"
    )
    joined = join([split])
    assert joined.class_names == ("t_shirt", "zebra")
    assert joined.sketch_labels.tolist() == [0, 0, 1, 1, 0]


def test_errors():
    with pytest.raises(ValueError, match=r"`splits` must hold one split or more. Received: none"):
        join([])
    rgb = dataclasses.replace(
        doodles(), photos=np.zeros((0, 16, 16, 3), np.uint8), photo_input="rgb", name="rgb"
    )
    with pytest.raises(ValueError, match=r"`splits` must have the same `photo_input`. Received: edges, rgb"):
        join([doodles(), rgb])
    with pytest.raises(ValueError, match=r"`parts` must have images of one shape. Received: .*8, 8, 1.*16"):
        join([small_split(), small_split(size=8)])


def test_real_shoes_and_chairs_and_photos(shared_data):
    splits = [qmul_v1(shared_data / "qmul_v1" / name, "train") for name in ("shoes", "chairs")]
    splits = [
        dataclasses.replace(split, class_names=(name,))
        for split, name in zip(splits, ("shoe", "chair"), strict=True)
    ]
    joined = join([*splits, photo_folder(shared_data / "shoev2_photos", "test")])
    assert joined.class_names == ("shoe", "chair", "shoev2_photos")
    assert isinstance(joined.sketches, np.ndarray)
    assert isinstance(joined.photos, JoinedImages)
    assert np.bincount(joined.sketch_labels).tolist() == [304, 200]
    assert len(joined.triplets) == 504 * 135
    assert joined.photos.shape[1:] == (256, 256, 1)
    np.testing.assert_array_equal(joined.photos[503], splits[1].photos[-1])


def test_user_folders_meet_by_class(tmp_path):
    for root, names in (("one", ("Hot Dog", "pig")), ("two", ("hot-dog", "owl"))):
        for name in names:
            for number in range(3):
                write_image(tmp_path / root / "sketch" / name / f"{number}.png", seed=number)
                write_image(tmp_path / root / "photo" / name / f"{number}.jpg", seed=number)
    joined = join([category_folder(tmp_path / root, "train") for root in ("one", "two")])
    assert joined.class_names == ("hot_dog", "pig", "owl")
    assert joined.photo_ids[0].startswith("category_folder/hot_dog/")
    assert joined.photos[:].shape == (len(joined.photo_ids), 256, 256, 1)
