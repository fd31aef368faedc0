import collections
import dataclasses
import math
import re
import tracemalloc

import numpy as np
import pytest

from tests.common_data import small_split
from tfsbir.data.split import Split
from tfsbir.sampling import CategoryTriplets, category_triplets

DIM = 3


def category_split(sketch_labels, photo_labels):
    """A split of empty images; it is the categories that count."""
    num_classes = max([*sketch_labels, *photo_labels]) + 1
    return Split(
        name="small",
        split="train",
        sketches=np.zeros((len(sketch_labels), 1, 1, 1), np.uint8),
        photos=np.zeros((len(photo_labels), 1, 1, 1), np.uint8),
        sketch_ids=tuple(f"s{i}" for i in range(len(sketch_labels))),
        photo_ids=tuple(f"p{i}" for i in range(len(photo_labels))),
        sketch_labels=np.array(sketch_labels, np.int32),
        photo_labels=np.array(photo_labels, np.int32),
        class_names=tuple(f"class {i}" for i in range(num_classes)),
        photo_input="edges",
    )


def example(num_sketches=12, num_photos=28, num_classes=3, spread=1.0, seed=0):
    """Returns a split in mixed order and features whose categories overlap the more the larger the spread."""
    rng = np.random.default_rng(seed)
    sketch_labels = rng.permutation(np.arange(num_sketches) % num_classes)
    photo_labels = rng.permutation(np.arange(num_photos) % num_classes)
    centres = rng.normal(size=(num_classes, DIM))
    features = [
        (centres[labels] + spread * rng.normal(size=(len(labels), DIM))).astype("float32")
        for labels in (sketch_labels, photo_labels)
    ]
    return category_split(sketch_labels.tolist(), photo_labels.tolist()), *features


def pools_by_hand(split, sketch_features, photo_features, sketch, share):
    """Sec. 4.4, step 3, photo by photo: positives, in-class hard, and out-of-class hard by positive."""
    distance = [math.dist(sketch_features[sketch].tolist(), photo.tolist()) ** 2 for photo in photo_features]
    label = split.sketch_labels[sketch]
    own = sorted(
        (p for p in range(len(distance)) if split.photo_labels[p] == label), key=lambda p: distance[p]
    )
    other = [p for p in range(len(distance)) if split.photo_labels[p] != label]
    count = math.ceil(share * len(own))
    positives = own[:count]
    in_class = [p for p in own[-count:] if p not in positives]
    out_of_class = {p: [o for o in other if distance[o] < distance[p]] for p in positives}
    return positives, in_class, out_of_class, other


def rows(sampler, steps):
    drawn = [sampler(step) for step in range(steps)]
    return np.concatenate([np.stack([d["sketch"], d["photo"], d["negative"]], axis=1) for d in drawn])


@pytest.mark.parametrize("share", [0.2, 0.125, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("block", [1, 25, 2**22])
def test_pools_equal_brute_force(monkeypatch, share, block):
    monkeypatch.setattr(category_triplets, "_DISTANCES_AT_ONCE", block)
    split, *features = example()
    sampler = CategoryTriplets(split, *features, 4, seed=0, positive_share=share)
    without_out_of_class, without_in_class = [], []
    for sketch in range(12):
        positives, in_class, out_of_class, _ = pools_by_hand(split, *features, sketch, share)
        assert sampler.positives[sketch].tolist() == positives
        assert sampler.in_class_hard[sketch].tolist() == in_class
        pools = sampler.out_of_class_hard(np.full(len(positives), sketch), np.array(positives))
        assert [pool.tolist() for pool in pools] == list(out_of_class.values())
        without_out_of_class.append(np.mean([not pool for pool in out_of_class.values()]))
        without_in_class.append(not in_class)
    assert 0 < np.mean(without_out_of_class) < 1
    assert sampler.share_without_out_of_class == pytest.approx(np.mean(without_out_of_class))
    assert sampler.share_without_in_class == np.mean(without_in_class)


@pytest.mark.parametrize("ratio", [(3, 1, 1), (1, 1, 2), (0, 0, 1)])
def test_triplets_are_drawn_as_often_as_they_should(ratio):
    """Chi-square over all triplets; sketches, too, some of whose sources are empty."""
    split, *features = example(num_photos=40)
    probability = collections.Counter()
    for sketch in range(12):
        positives, in_class, out_of_class, other = pools_by_hand(split, *features, sketch, 0.2)
        for positive in positives:
            for pool, weight in zip((other, out_of_class[positive], in_class), ratio, strict=True):
                pool = pool or other
                for negative in pool:
                    triplet = (sketch, positive, negative)
                    probability[triplet] += weight / sum(ratio) / len(pool) / len(positives) / 12
    probability = {triplet: value for triplet, value in probability.items() if value}
    assert sum(probability.values()) == pytest.approx(1)
    drawn = rows(CategoryTriplets(split, *features, 6, seed=5, negative_ratio=ratio), 6000)
    counts = collections.Counter(map(tuple, drawn.tolist()))
    assert set(counts) <= set(probability)
    expected = np.array(list(probability.values())) * len(drawn)
    assert expected.min() > 5
    observed = np.array([counts[triplet] for triplet in probability])
    chi_square = np.sum((observed - expected) ** 2 / expected)
    freedom = len(probability) - 12  # Every sketch comes a fixed number of times.
    assert abs(chi_square - freedom) < 5 * math.sqrt(2 * freedom)


def test_sources_come_three_to_one_to_one():
    """One sketch a category, whose photos stand on a line so that a negative tells its source."""
    split = category_split([0, 1], [0, 0, 0, 1, 1, 1])
    sketches = np.array([[0.0], [100.0]])
    # Photo 3 is nearer to sketch 0 than its own photo 0, and photo 2 to sketch 1 than its own photo 4.
    photos = np.array([[2.0], [50.0], [99.5], [1.0], [101.0], [150.0]])
    sampler = CategoryTriplets(split, sketches, photos, 2, seed=0)
    assert sampler.share_without_out_of_class == 0
    assert sampler.share_without_in_class == 0
    drawn = rows(sampler, 20_000)
    for sketch, positive, out_of_class, in_class in [(0, 0, 3, 2), (1, 4, 2, 3)]:
        mine = drawn[drawn[:, 0] == sketch]
        assert (mine[:, 1] == positive).all()
        num_in_class = np.sum(mine[:, 2] == in_class)
        num_out_of_class = np.sum(mine[:, 2] == out_of_class)
        # An easy negative is any of the three of the other category, so a third of the easy ones is near.
        assert abs(num_in_class / 20_000 - 1 / 5) < 0.015  # Five standard deviations.
        assert abs(num_out_of_class / 20_000 - (1 / 5 + 3 / 5 / 3)) < 0.018


def test_where_a_source_is_empty_an_easy_negative_takes_its_place():
    split = category_split([0, 0, 1], [0, 1, 1])
    sketches, photos = np.array([[0.0], [0.1], [9.0]]), np.array([[0.0], [8.0], [10.0]])
    sampler = CategoryTriplets(split, sketches, photos, 3, seed=0, negative_ratio=(0, 1, 1))
    assert sampler.share_without_out_of_class == 1
    assert sampler.share_without_in_class == pytest.approx(2 / 3)
    drawn = rows(sampler, 300)
    assert set(map(tuple, drawn[drawn[:, 0] < 2].tolist())) == {(s, 0, n) for s in (0, 1) for n in (1, 2)}
    # Of sketch 2 photo 1 is the positive: the two are equally far, and the lower index is ranked first.
    assert set(map(tuple, drawn[drawn[:, 0] == 2].tolist())) == {(2, 1, 2), (2, 1, 0)}


def test_a_photo_as_near_as_the_positive_is_not_nearer():
    split = category_split([0], [0, 1])
    sampler = CategoryTriplets(split, np.zeros((1, 2)), np.ones((2, 2)), 1, seed=0)
    assert sampler.share_without_out_of_class == 1
    assert [pool.tolist() for pool in sampler.out_of_class_hard(np.array([0]), np.array([0]))] == [[]]


def test_only_the_chosen_sketches_are_anchors():
    split, *features = example()
    sampler = CategoryTriplets(split, *features, 3, seed=0, sketch_indices=[7, 2, 11, 4])
    assert sampler.anchors.tolist() == [2, 4, 7, 11]
    assert set(sampler.positives) == set(sampler.in_class_hard) == {2, 4, 7, 11}
    assert set(rows(sampler, 30)[:, 0].tolist()) == {2, 4, 7, 11}


def test_a_category_without_photos_may_have_sketches_that_are_no_anchors():
    split = category_split([0, 1, 2], [0, 2, 2])
    sampler = CategoryTriplets(split, np.zeros((3, 1)), np.ones((3, 1)), 2, seed=0, sketch_indices=[0, 2])
    assert set(rows(sampler, 10)[:, 0].tolist()) == {0, 2}


def test_a_pass_meets_every_anchor_once_and_passes_differ():
    split, *features = example()
    sampler = CategoryTriplets(split, *features, 4, seed=1)
    passes = rows(sampler, 60)[:, 0].reshape(20, 12)
    assert all(sorted(one_pass) == list(range(12)) for one_pass in passes)
    assert len(np.unique(passes, axis=0)) == 20
    whole = CategoryTriplets(split, *features, 5, seed=1)  # Two batches a pass; two anchors are left out.
    for one_pass in range(10):
        drawn = [*whole(2 * one_pass)["sketch"], *whole(2 * one_pass + 1)["sketch"]]
        assert len(set(drawn)) == 10


def test_a_step_depends_on_the_seed_and_the_step_alone():
    split, *features = example()

    def drawn(steps, seed):
        sampler = CategoryTriplets(split, *features, 5, seed=seed)
        return {step: {name: array.tolist() for name, array in sampler(step).items()} for step in steps}

    assert drawn(range(9), 3) == drawn(reversed(range(9)), 3)
    assert drawn(range(9), 3) != drawn(range(9), 4)


def test_batches_are_int32_of_the_batch_size():
    split, *features = example()
    batch = CategoryTriplets(split, *features, 12, seed=0)(0)
    assert list(batch) == ["sketch", "photo", "negative"]
    assert all(array.dtype == np.int32 and array.shape == (12,) for array in batch.values())


def test_distances_far_from_the_origin_keep_their_order():
    """In single precision the expanded square would be rounding alone here."""
    split, sketches, photos = example()
    near = CategoryTriplets(split, sketches, photos, 4, seed=0)
    sketches, photos = sketches.astype("float64"), photos.astype("float64")
    far = CategoryTriplets(split, sketches + 3e3, photos + 3e3, 4, seed=0)
    for sketch in range(12):
        np.testing.assert_array_equal(near.positives[sketch], far.positives[sketch])
    assert near.share_without_out_of_class == pytest.approx(far.share_without_out_of_class)


def test_no_distance_of_every_sketch_to_every_photo_is_held(monkeypatch):
    monkeypatch.setattr(category_triplets, "_DISTANCES_AT_ONCE", 2**16)
    split, *features = example(num_sketches=3000, num_photos=2000, num_classes=4)
    tracemalloc.start()
    try:
        sampler = CategoryTriplets(split, *features, 500, seed=0, negative_ratio=(0, 1, 0))
        held, _ = tracemalloc.get_traced_memory()
        assert 0 <= sampler.share_without_out_of_class <= 1
        sampler(0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # All distances would take 48 MB; whole rankings of 500 photos for each sketch 6 MB, two fifths 2.4 MB.
    assert held < 5e6
    assert peak < 12e6


SPLIT, SKETCHES, PHOTOS = example()
INDICES = "`sketch_indices` must be different, in 0..11 and at least one. Received: "
RATIO = "`negative_ratio` must be three numbers >= 0, not all 0. Received: "
SIZE = "the anchors of small train. Received: "


@pytest.mark.parametrize(
    ("message", "changed"),
    [
        ("`positive_share` must be in (0, 1]. Received: 0", {"positive_share": 0}),
        ("`positive_share` must be in (0, 1]. Received: 2", {"positive_share": 2}),
        (RATIO + "(1, 1)", {"negative_ratio": (1, 1)}),
        (RATIO + "(1, -1, 1)", {"negative_ratio": (1, -1, 1)}),
        (RATIO + "(1, inf, 1)", {"negative_ratio": (1, math.inf, 1)}),
        (RATIO + "(0, 0, 0)", {"negative_ratio": (0, 0, 0)}),
        ("`batch_size` must be in 1..12, " + SIZE + "0", {"batch_size": 0}),
        ("`batch_size` must be in 1..2, " + SIZE + "4", {"sketch_indices": [0, 5]}),
        (INDICES + "[]", {"sketch_indices": []}),
        (INDICES + "5", {"sketch_indices": 5}),
        (INDICES + "[3 3]", {"sketch_indices": [3, 3]}),
        (INDICES + "[ 3 -1]", {"sketch_indices": [3, -1]}),
        (INDICES + "[12  3]", {"sketch_indices": [12, 3]}),
        ("`sketch_features` must be (12, dim). Received shape: (11, 3)", {"sketch_features": SKETCHES[1:]}),
        ("`photo_features` must be (28, dim). Received shape: (28,)", {"photo_features": PHOTOS[:, 0]}),
        ("must have the same dim. Received shapes: (12, 3) and (28, 2)", {"photo_features": PHOTOS[:, 1:]}),
        (
            "`photo_features` must be finite. Received: 1 rows that are not, the first at 9",
            {"photo_features": np.where(np.arange(28)[:, None] == 9, np.nan, PHOTOS)},
        ),
        (
            "`sketch_features` must be finite. Received: 2 rows that are not, the first at 10",
            {"sketch_features": np.where(np.arange(12)[:, None] > 9, np.inf, SKETCHES)},
        ),
    ],
)
def test_arguments_that_do_not_fit_are_named(message, changed):
    arguments = {"split": SPLIT, "sketch_features": SKETCHES, "photo_features": PHOTOS, "batch_size": 4}
    with pytest.raises(ValueError, match=re.escape(message)):
        CategoryTriplets(**{**arguments, "seed": 0, **changed})


def test_a_mask_in_place_of_indices_is_refused():
    with pytest.raises(TypeError, match=r"`sketch_indices` must be integers\. Received: bool"):
        CategoryTriplets(SPLIT, SKETCHES, PHOTOS, 4, seed=0, sketch_indices=np.ones(12, bool))


def test_a_split_of_one_category_or_an_anchor_without_photos_is_refused():
    split = small_split(num_photos=4)
    one = dataclasses.replace(split, sketch_labels=None, photo_labels=None, class_names=())
    with pytest.raises(
        ValueError, match=r"must have photos of at least 2 categories\. Received: 1 in small train"
    ):
        CategoryTriplets(one, np.zeros((8, 2)), np.zeros((4, 2)), 2, seed=0)
    split = category_split([0, 1, 1, 2], [0, 2, 2])
    with pytest.raises(ValueError, match=r"Received: 2 without, such as 1 of 'class 1'"):
        CategoryTriplets(split, np.zeros((4, 2)), np.zeros((3, 2)), 2, seed=0)
