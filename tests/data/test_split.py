"""A split: its checks, its fingerprint, its parts."""

import dataclasses
import functools

import numpy as np
import pytest
from PIL import Image

from tfsbir.data.drawings import Drawings
from tfsbir.data.image_files import ImageFiles
from tfsbir.data.images import read_image
from tfsbir.data.split import Split
from tfsbir.strokes import VectorSketch


@pytest.fixture
def split():
    """Six photos; photo i has i % 3 sketches, so that 0 and 3 are distractors. Pixels tell who is who."""
    sketch_photo = np.array([1, 2, 2, 4, 5, 5], np.int32)
    blank = np.zeros((6, 4, 4, 1), np.uint8)
    return Split(
        name="toy",
        split="train",
        sketches=blank + np.arange(6, dtype=np.uint8)[:, None, None, None],
        photos=blank + np.arange(10, 16, dtype=np.uint8)[:, None, None, None],
        sketch_photo=sketch_photo,
        sketch_ids=tuple(f"s{i}" for i in range(6)),
        photo_ids=tuple(f"p{i}" for i in range(6)),
        sketch_labels=sketch_photo % 2,
        photo_labels=np.arange(6, dtype=np.int32) % 2,
        class_names=("even", "odd"),
        triplets=np.array([[0, 1, 2], [0, 1, 4], [3, 4, 0], [5, 5, 2]], np.int32),
        photo_input="edges",
    )


def named(split):
    """The split by ids: pairs, labels and triplets, with the pixels looked up along the way."""
    sketch, photo = split.sketch_ids, split.photo_ids
    for i, name in enumerate(sketch):
        assert np.all(split.sketches[i] == int(name[1:]))
    for i, name in enumerate(photo):
        assert np.all(split.photos[i] == 10 + int(name[1:]))
    rows = [] if split.triplets is None else [(sketch[s], photo[c], photo[f]) for s, c, f in split.triplets]
    pairs = {name: photo[split.sketch_photo[i]] for i, name in enumerate(sketch)}
    return pairs, dict(zip(photo, split.photo_labels.tolist(), strict=True)), rows


def test_subset_keeps_the_pairs(split):
    pairs, labels, triplets = named(split.subset([5, 2, 1]))
    assert pairs == {"s0": "p1", "s1": "p2", "s2": "p2", "s4": "p5", "s5": "p5"}
    assert labels == {"p1": 1, "p2": 0, "p5": 1}
    assert triplets == [("s0", "p1", "p2"), ("s5", "p5", "p2")]


def test_subset_without_triplets(split):
    assert split.subset([4, 5]).triplets is None
    assert dataclasses.replace(split, triplets=None).subset([1, 2]).triplets is None


def test_subset_name(split):
    assert split.subset([1]).split == "train"
    assert split.subset([1], split="one").split == "one"


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([1, 1], r"`photo_indices` must be different and in 0..5. Received: \[1 1\]"),
        ([6], r"`photo_indices` must be different and in 0..5. Received: \[6\]"),
        ([-1], r"`photo_indices` must be different and in 0..5. Received: \[-1\]"),
        ([0, 3], r"`photo_indices` must hold the photo of a sketch. Received: \[0 3\]"),
        ([], r"`photo_indices` must hold the photo of a sketch. Received: \[\]"),
    ],
)
def test_subset_errors(split, indices, message):
    with pytest.raises(ValueError, match=message):
        split.subset(indices)


@pytest.mark.parametrize("seed", range(8))
def test_holdout_divides(split, seed):
    train, held = split.holdout(0.5, seed)
    assert (train.split, held.split) == ("train", "train/held")
    assert set(train.photo_ids) | set(held.photo_ids) == set(split.photo_ids)
    assert not set(train.photo_ids) & set(held.photo_ids)
    assert sorted(train.sketch_ids + held.sketch_ids) == list(split.sketch_ids)
    assert len(held.photos) == 3  # Two of the four with sketches, one of the two distractors.
    pairs, _, triplets = named(split)
    for part in (train, held):
        part_pairs, _, part_triplets = named(part)
        assert part_pairs == {name: pairs[name] for name in part.sketch_ids}
        known = set(part.sketch_ids) | set(part.photo_ids)
        assert part_triplets == [row for row in triplets if set(row) <= known]


def test_holdout_is_drawn_by_seed(split):
    assert split.holdout(0.5, 3)[1].photo_ids == split.holdout(0.5, 3)[1].photo_ids
    assert len({split.holdout(0.5, seed)[1].photo_ids for seed in range(20)}) > 3


@pytest.mark.parametrize(("fraction", "num_held"), [(0.001, 1), (0.999, 3)])
def test_holdout_leaves_a_pair_on_either_side(split, fraction, num_held):
    _, held = split.holdout(fraction, 0)
    assert len(set(held.sketch_photo)) == num_held


def test_holdout_errors(split):
    for fraction in (0, 1, 1.5):
        with pytest.raises(ValueError, match=rf"`fraction` must be in \(0, 1\). Received: {fraction}"):
            split.holdout(fraction, 0)
    with pytest.raises(ValueError, match=r"`holdout` must have two photos with sketches .* Received: 1"):
        split.subset([0, 1]).holdout(0.5, 0)


def test_fingerprint_sees_every_part(split):
    assert split.fingerprint == dataclasses.replace(split, name="other", split="test").fingerprint
    assert len(split.fingerprint) == 64
    pixel = split.photos.copy()
    pixel[3, 2, 1, 0] += 1
    changed = [
        dataclasses.replace(split, photos=pixel),
        dataclasses.replace(split, sketches=split.sketches + np.uint8(1)),
        dataclasses.replace(split, sketch_photo=np.array([3, 2, 2, 4, 5, 5])),
        dataclasses.replace(split, sketch_ids=(*split.sketch_ids[:5], "s9")),
        dataclasses.replace(split, photo_ids=(*split.photo_ids[:5], "p9")),
        dataclasses.replace(
            split, photo_labels=1 - split.photo_labels, sketch_labels=1 - split.sketch_labels
        ),
        dataclasses.replace(split, class_names=("odd", "even")),
        dataclasses.replace(split, attribute_names=("a",), sketch_attributes=np.ones((6, 1), np.int8)),
        dataclasses.replace(split, attribute_names=("a",), photo_attributes=-np.ones((6, 1), np.int8)),
        dataclasses.replace(split, ratings=np.zeros((6, 6, 4), np.int8)),
        dataclasses.replace(split, triplets=split.triplets[1:]),
        dataclasses.replace(split, triplets=None),
    ]
    assert len({other.fingerprint for other in [split, *changed]}) == 13


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"photo_input": "grey"}, '`photo_input` must be "edges" or "rgb". Received: \'grey\''),
        (
            {"photo_input": "rgb"},
            r"`photos` must be \(num, height, width, 3\) uint8. Received: \(6, 4, 4, 1\)",
        ),
        ({"sketches": np.zeros((6, 4, 4, 1), np.float32)}, "`sketches` must be .* Received: .* float32"),
        ({"sketch_photo": np.array([0, 1, 2, 3, 4, 6])}, r"`sketch_photo` must hold indices in -1..5 of"),
        (
            {"sketch_photo": np.array([2, 2, 2, 4, 5, 5])},
            r"`sketch_labels` must be those of .*: another at 0",
        ),
        ({"sketch_photo": np.zeros(5, np.int32)}, r"`sketch_photo` must hold .* of shape \(6,\)"),
        ({"photo_labels": np.zeros(5, np.int32)}, r"`photo_labels` must hold .* of shape \(6,\)"),
        ({"sketch_labels": np.full(6, 2)}, r"`sketch_labels` must hold indices in 0..1"),
        ({"class_names": ("a", "a")}, r"`class_names` must differ"),
        ({"sketch_attributes": np.zeros((6, 1))}, r"`sketch_attributes` must hold .* of shape \(6, 0\)"),
        (
            {"attribute_names": ("a",), "photo_attributes": np.full((6, 1), 2)},
            r"`photo_attributes` must hold indices in -1..1",
        ),
        (
            {"ratings": np.zeros((6, 5, 4))},
            r"`ratings` must be \(6, 6, num_criteria\). Received: \(6, 5, 4\)",
        ),
        ({"photo_ids": tuple("aabcde")}, "`photo_ids` must be 6 different ids. Received: 5 of 6"),
        ({"sketch_ids": tuple("abc")}, "`sketch_ids` must be 6 different ids. Received: 3 of 3"),
        ({"triplets": np.array([[6, 0, 0]])}, "`triplets` must hold indices in 0..5"),
        ({"triplets": np.array([[0, 0, 6]])}, "`triplets` must hold indices in 0..5"),
    ],
)
def test_errors(split, fields, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(split, **fields)


def test_what_is_not_known_has_defaults():
    split = Split(
        name="doodles", split="train", sketches=np.zeros((2, 4, 4, 1), np.uint8),
        photos=np.zeros((0, 4, 4, 1), np.uint8), sketch_ids=("a", "b"), photo_ids=(), photo_input="edges",
    )  # fmt: skip
    assert split.class_names == ("doodles",)
    assert split.sketch_photo.tolist() == [-1, -1]
    assert split.sketch_labels.tolist() == [0, 0]
    assert len(split.paired_sketches) == len(split.photo_labels) == 0
    train, held = split.holdout(0.5, 0)
    assert sorted([*train.sketch_ids, *held.sketch_ids]) == ["a", "b"]
    assert len(train.sketches) == len(held.sketches) == 1


def test_subset_by_sketch_too(split):
    attributes = np.arange(6, dtype=np.int8)[:, None] % 2
    split = dataclasses.replace(
        split, attribute_names=("a",), sketch_attributes=attributes, photo_attributes=1 - attributes,
        ratings=np.arange(36, dtype=np.int8).reshape(6, 6, 1),
    )  # fmt: skip
    part = split.subset([1, 2], [4, 0, 1])
    assert (part.sketch_ids, part.photo_ids) == (("s0", "s1", "s4"), ("p1", "p2"))
    assert part.sketch_photo.tolist() == [0, 1, -1]
    assert part.sketch_labels.tolist() == [1, 0, 1]
    assert part.sketch_attributes.tolist() == [[0], [1], [0]]
    assert part.photo_attributes.tolist() == [[0], [1]]
    assert part.ratings[..., 0].tolist() == [[1, 2], [7, 8], [25, 26]]
    with pytest.raises(
        ValueError, match=r"`sketch_indices` must be different and in 0..5. Received: \[2 2\]"
    ):
        split.subset([1], [2, 2])


def test_sketches_without_a_photo_are_divided_too(split):
    split = dataclasses.replace(split, sketch_photo=np.array([1, 2, -1, -1, -1, -1]), triplets=None)
    train, held = split.holdout(0.5, 0)
    assert (len(train.sketches), len(held.sketches)) == (3, 3)
    assert set(train.sketch_ids) | set(held.sketch_ids) == set(split.sketch_ids)
    assert len(train.paired_sketches) == len(held.paired_sketches) == 1


def test_files_and_drawings_stand_for_arrays(split, tmp_path):
    for index, photo in enumerate(split.photos):
        Image.fromarray(photo[..., 0]).resize((16, 16)).save(tmp_path / f"{index}.png")
    files = ImageFiles(sorted(tmp_path.iterdir()), functools.partial(read_image, size=16), size=16)
    lines = [VectorSketch([np.array([[0, i], [9, i]])], (0, 0, 10, 10)) for i in range(6)]
    lazy = dataclasses.replace(split, photos=files, sketches=Drawings(lines, size=16))
    held = dataclasses.replace(split, photos=files[:], sketches=lazy.sketches[:])
    part, expected = (s.subset([1, 4]) for s in (lazy, held))
    assert part.photos.paths == (files.paths[1], files.paths[4])
    np.testing.assert_array_equal(part.photos[:], expected.photos)
    np.testing.assert_array_equal(part.sketches[:], expected.sketches)
    assert lazy.fingerprint != held.fingerprint
    moved = dataclasses.replace(lazy, sketches=Drawings(lines[::-1], size=16))
    assert moved.fingerprint != lazy.fingerprint
    files.paths[3].write_bytes(files.paths[3].read_bytes() + b"\n")
    assert dataclasses.replace(lazy, split="again").fingerprint != lazy.fingerprint
