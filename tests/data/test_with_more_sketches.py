"""More sketches of the same photos: whose they are, and that they are framed like those that were there."""

import dataclasses

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.common_data import small_split
from tfsbir.data.drawings import Drawings
from tfsbir.data.image_files import ImageFiles
from tfsbir.data.images import read_image
from tfsbir.data.joined_images import JoinedImages
from tfsbir.data.qmul_v1 import qmul_v1
from tfsbir.data.shoev1_attributes import shoev1_attributes
from tfsbir.data.split import Split
from tfsbir.data.with_more_sketches import OTHER_OBJECTS, with_more_sketches
from tfsbir.errors import InputError
from tfsbir.strokes import VectorSketch


def box_sketch(left, top, right, bottom, size=64):
    """A filled box, so that any enlargement by a whole number is known to the pixel."""
    image = np.full((size, size, 1), 255, np.uint8)
    image[top:bottom, left:right] = 0
    return image


def make_split(name, sketches, sketch_photo, photo_ids, **fields):
    return Split(
        name=name, split="train", sketches=sketches, photos=np.zeros((len(photo_ids), 64, 64, 1), np.uint8),
        sketch_ids=tuple(f"s{i}" for i in range(len(sketches))), photo_ids=photo_ids, photo_input="edges",
        sketch_photo=np.array(sketch_photo, np.int32), **fields,
    )  # fmt: skip


@pytest.fixture
def split():
    """Three photos; the longer sides of the sketches are 40, 40 and 60 px, their middles at 32, 30."""
    sketches = [box_sketch(12, 20, 52, 40), box_sketch(22, 10, 42, 50), box_sketch(2, 10, 62, 50)]
    return make_split("own", np.stack(sketches), [2, 0, 1], ("9", "10", "x"))


@pytest.fixture
def other():
    """Five sketches of photos called otherwise, one that `split` has not, and one of no photo."""
    sketches = [
        box_sketch(0, 0, 20, 10), box_sketch(50, 50, 60, 70), box_sketch(1, 1, 2, 2),
        box_sketch(30, 30, 34, 50), np.full((64, 64, 1), 255, np.uint8),
    ]  # fmt: skip
    return make_split("more", np.stack(sketches), [1, 0, 2, -1, 1], ("010", "009", "11"))


def ink_box(image):
    rows, columns = np.nonzero(image[..., 0] < 128)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_photos_meet_by_id(split, other):
    more = with_more_sketches(split, other)
    assert more.sketch_ids == ("s0", "s1", "s2", "more/s0", "more/s1", "more/s4")
    assert more.sketch_photo.tolist() == [2, 0, 1, 0, 1, 0]
    assert (more.name, more.split, more.photo_ids) == ("own", "train", split.photo_ids)
    assert more.photos is split.photos
    np.testing.assert_array_equal(more.sketches[:3], split.sketches)
    assert isinstance(more.sketches, np.ndarray)


def test_sketches_are_framed_like_the_others(split, other):
    added = with_more_sketches(split, other).sketches[3:]
    # 20 x 10 and 10 x 14 (cut off at the border) become 40 px long, around (32, 30).
    np.testing.assert_array_equal(added[0], box_sketch(12, 20, 52, 40))
    left, top, right, bottom = ink_box(added[1])
    assert (bottom - top, right - left) == (40, round(10 * 40 / 14))
    assert (top, bottom) == (10, 50)
    assert abs((left + right) / 2 - 32) <= 0.5
    assert added[2].min() == 255  # Blank stays blank.


def test_sketches_may_stay_what_they_are(split, other):
    added = with_more_sketches(split, other, reframe=False).sketches[3:]
    np.testing.assert_array_equal(added, other.sketches[[0, 1, 4]])


def test_larger_sketches_are_reduced_and_pictures_may_be_of_another_size(split, other):
    large = np.full((1, 300, 200, 1), 255, np.uint8)
    large[0, 20:220, 50:150] = 0
    other = dataclasses.replace(
        other, sketches=large, sketch_ids=("a",), sketch_photo=np.array([1], np.int32), sketch_labels=None
    )
    more = with_more_sketches(split, other)
    np.testing.assert_array_equal(more.sketches[3], box_sketch(22, 10, 42, 50))
    with pytest.raises(ValueError, match=r"`parts` must have images of one shape"):
        with_more_sketches(split, other, reframe=False)


def test_what_goes_beyond_the_picture_is_cut(split, other):
    near_border = dataclasses.replace(split, sketches=np.stack([box_sketch(44, 44, 64, 64)] * 3))
    added = with_more_sketches(near_border, other).sketches[3]
    assert ink_box(added) == (44, 49, 64, 59)
    off = np.stack([box_sketch(60, 0, 64, 64)] * 3)
    added = with_more_sketches(dataclasses.replace(split, sketches=off), other).sketches[3]
    assert ink_box(added) == (30, 16, 64, 48)


def test_labels_are_those_of_the_photos_of_the_split(split, other):
    split = dataclasses.replace(
        split, class_names=("boot", "pump"), photo_labels=np.array([1, 0, 1], np.int32),
        sketch_labels=np.array([1, 1, 0], np.int32),
    )  # fmt: skip
    more = with_more_sketches(split, other)
    assert more.sketch_labels.tolist() == [1, 1, 0, 1, 0, 1]
    assert more.class_names == ("boot", "pump")


def test_what_is_known_stays_and_the_rest_is_unknown(split, other):
    split = dataclasses.replace(
        split, attribute_names=("heel",), sketch_attributes=np.ones((3, 1), np.int8),
        photo_attributes=np.ones((3, 1), np.int8), ratings=np.full((3, 3, 2), 4, np.int8),
        triplets=np.array([[2, 1, 0]], np.int32),
    )  # fmt: skip
    more = with_more_sketches(split, other)
    assert more.sketch_attributes[:, 0].tolist() == [1, 1, 1, -1, -1, -1]
    assert np.all(more.ratings[:3] == 4)
    assert np.all(more.ratings[3:] == -1)
    assert more.triplets.tolist() == [[2, 1, 0]]
    assert more.photo_attributes is split.photo_attributes


def test_files_and_drawings(split, other, tmp_path):
    for index, sketch in enumerate(other.sketches):
        Image.fromarray(sketch[..., 0]).resize((256, 256), Image.Resampling.NEAREST).save(
            tmp_path / f"{index}.png"
        )
    files = ImageFiles([tmp_path / f"{index}.png" for index in range(5)], read_image)
    lines = [VectorSketch([np.array([[5, 5], [25, 5 + 10 * (i + 1)]])], (0, 0, 64, 64)) for i in range(3)]
    drawn = dataclasses.replace(split, sketches=Drawings(lines, size=256))
    lazy = dataclasses.replace(other, sketches=files)
    plain = with_more_sketches(drawn, lazy, reframe=False)
    assert isinstance(plain.sketches, JoinedImages)
    np.testing.assert_array_equal(plain.sketches[3:], files[[0, 1, 4]])
    held = dataclasses.replace(split, sketches=drawn.sketches[:])
    framed = with_more_sketches(drawn, lazy)
    expected = with_more_sketches(held, dataclasses.replace(other, sketches=files[:]))
    np.testing.assert_array_equal(framed.sketches[:], expected.sketches)
    assert framed.subset([0]).sketch_ids == ("s1", "more/s0", "more/s4")


def test_objects_that_only_share_an_id_are_left_out(split, other):
    shoes = dataclasses.replace(split, name="qmul_v1", photo_ids=("111", "273", "10"))
    more = dataclasses.replace(other, name="shoev1_attributes", photo_ids=("111", "010", "273"))
    assert OTHER_OBJECTS[frozenset([shoes.name, more.name])] == ("111", "273", "290")
    assert with_more_sketches(shoes, more).sketch_ids[3:] == (
        "shoev1_attributes/s0", "shoev1_attributes/s4",
    )  # fmt: skip


def test_a_held_out_part_gets_its_own_sketches_only(split):
    whole = small_split(num_photos=6, sketches_of=1)
    more = dataclasses.replace(small_split(num_photos=6, sketches_of=2, seed=1), name="more")
    train, held = whole.holdout(0.5, 0)
    for part in (train, held):
        added = with_more_sketches(part, more)
        assert len(added.sketches) == 3 + 6
        photos = [part.photo_ids[i] for i in added.sketch_photo[3:]]
        assert photos == [f"p{int(i.removeprefix('more/s')) // 2}" for i in added.sketch_ids[3:]]


def test_errors(split, other):
    message = r"`other` must have sketches of photos of own, such as 9, 10, x\. Received: more with a, b, c"
    with pytest.raises(InputError, match=message):
        with_more_sketches(split, dataclasses.replace(other, photo_ids=("a", "b", "c")))
    with pytest.raises(InputError, match=r"`other` must have sketches of photos of own"):
        with_more_sketches(split, dataclasses.replace(other, sketch_photo=None))
    with pytest.raises(ValueError, match=r"`split` must have photos of different ids. Received: 09 twice"):
        with_more_sketches(dataclasses.replace(split, photo_ids=("9", "10", "09")), other)
    blank = dataclasses.replace(split, sketches=np.full_like(split.sketches, 255))
    with pytest.raises(ValueError, match=r"`split` must have a sketch that is not blank.* Received: none"):
        with_more_sketches(blank, other)
    assert len(with_more_sketches(blank, other, reframe=False).sketches) == 6


def blurred(sketches):
    """Unit vectors of ink, soft enough to forgive a pixel."""
    inks = (cv2.GaussianBlur(np.float32(255) - sketch[..., 0], (0, 0), 2) for sketch in sketches)
    ink = np.stack([ink[::2, ::2].ravel() for ink in inks])
    ink -= ink.mean(axis=1, keepdims=True)
    return ink / np.linalg.norm(ink, axis=1, keepdims=True)


def test_real_shoes(shared_data):
    shoes = qmul_v1(shared_data / "qmul_v1" / "shoes", "train")
    more = shoev1_attributes(shared_data / "shoev1_attributes", "train")
    framed, plain = (with_more_sketches(shoes, more, reframe=reframe) for reframe in (True, False))
    # Three sketches of each of 204 photos, but for photo 111.
    assert framed.sketches.shape == (304 + 609, 256, 256, 1)
    assert len(framed.photos) == 304
    counts = np.bincount(framed.sketch_photo, minlength=304)
    assert [i for i, count in zip(shoes.photo_ids, counts, strict=True) if count == 1] == [
        "111", *map(str, range(205, 305)),
    ]  # fmt: skip
    # Most drawings of QMUL-Shoe V1 are among the added ones, and tell how these are to be framed.
    likeness = {}
    for name, split in (("framed", framed), ("plain", plain)):
        ink = blurred(split.sketches)
        best = np.full(304, -1.0)
        np.maximum.at(
            best, split.sketch_photo[304:], np.sum(ink[304:] * ink[split.sketch_photo[304:]], axis=1)
        )
        likeness[name] = best[counts > 1]
    assert np.median(likeness["framed"]) > 0.9
    assert np.median(likeness["plain"]) < 0.4
