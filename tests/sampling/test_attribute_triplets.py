import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from tests.common_data import small_split
from tfsbir.sampling import AttributeTriplets, attribute_triplets

# Three photos alike, the last two distractors; unknown values; a photo of which nothing is known.
ATTRIBUTES = [
    [1, 0, 1, 0],
    [1, 1, 1, 0],
    [0, 1, 0, 1],
    [1, -1, 1, -1],
    [-1, -1, -1, -1],
    [1, 0, 1, 0],
    [1, 0, 1, 0],
    [0, 0, 1, 1],
]
NUM_PHOTOS, NUM_PAIRED = 8, 6


def split_with(attributes, num_paired=None, sketches_of=1):
    num_photos, num_attributes = np.shape(attributes)
    num_paired = num_photos if num_paired is None else num_paired
    split = small_split(num_paired, sketches_of, num_distractors=num_photos - num_paired, size=4)
    return dataclasses.replace(
        split,
        attribute_names=tuple(f"attribute {i}" for i in range(num_attributes)),
        photo_attributes=np.array(attributes, np.int8),
    )


def small(sketches_of=1):
    return split_with(ATTRIBUTES, NUM_PAIRED, sketches_of)


def rows(sampler, steps):
    drawn = [sampler(step) for step in range(steps)]
    return np.concatenate([np.stack([d["sketch"], d["photo"], d["negative"]], axis=1) for d in drawn])


def brute_force(attributes, positive, temperature, uniform_share):
    """The probability of every photo as negative, from the definition."""
    weights = []
    for photo, values in enumerate(attributes):
        differing = 0.0
        for one, other in zip(attributes[positive], values, strict=True):
            if one == -1 or other == -1:
                differing += 0.5
            elif one != other:
                differing += 1.0
        weights.append(0.0 if photo == positive else math.exp(-differing / temperature))
    uniform = [0.0 if photo == positive else 1 / (len(attributes) - 1) for photo in range(len(attributes))]
    return uniform_share * np.array(uniform) + (1 - uniform_share) * np.array(weights) / sum(weights)


@pytest.mark.parametrize(
    ("temperature", "uniform_share"), [(1.0, 0.0), (0.6, 0.3), (3.0, 0.0), (math.inf, 0.0), (1.0, 1.0)]
)
def test_negatives_are_drawn_as_often_as_the_definition_says(temperature, uniform_share):
    drawn = rows(AttributeTriplets(small(), NUM_PAIRED, 0, temperature, uniform_share), 1200)
    for positive in range(NUM_PAIRED):
        counts = np.bincount(drawn[drawn[:, 1] == positive, 2], minlength=NUM_PHOTOS)
        expected = 1200 * brute_force(ATTRIBUTES, positive, temperature, uniform_share)
        assert counts[positive] == 0
        others = np.arange(NUM_PHOTOS) != positive
        assert stats.chisquare(counts[others], expected[others]).pvalue > 1e-3


def test_the_weights_are_those_of_brute_force_on_many_photos():
    """Every pattern's weight, spread over its photos, equals the definition's."""
    attributes = np.random.default_rng(1).integers(-1, 2, (60, 3)).tolist()  # 27 patterns at most.
    sampler = AttributeTriplets(split_with(attributes), 8, seed=0, temperature=0.7)
    for positive in range(60):
        own = sampler._pattern_of[positive]
        summed = sampler._summed_weights(int(own))
        weights = np.diff(summed, prepend=0) / summed[-1]
        photos_of = np.bincount(sampler._pattern_of).astype(float)
        photos_of[own] -= 1
        of_photo = weights[sampler._pattern_of] / np.maximum(photos_of[sampler._pattern_of], 1)
        of_photo[positive] = 0
        np.testing.assert_allclose(of_photo, brute_force(attributes, positive, 0.7, 0.0), rtol=0, atol=1e-12)


def test_the_positive_is_the_own_photo_and_never_the_negative():
    split = small(sketches_of=3)
    for uniform_share in (0.0, 0.5, 1.0):
        sampler = AttributeTriplets(split, 4, seed=1, uniform_share=uniform_share)
        drawn = rows(sampler, 300)
        np.testing.assert_array_equal(split.sketch_photo[drawn[:, 0]], drawn[:, 1])
        assert (drawn[:, 1] != drawn[:, 2]).all()
        batch = sampler(3)
        assert list(batch) == ["sketch", "photo", "negative"]
        assert {(values.dtype, values.shape) for values in batch.values()} == {(np.dtype(np.int32), (4,))}


@pytest.mark.parametrize("temperature", [1e-3, 1e-300])
def test_a_low_temperature_draws_the_most_alike_alone(temperature):
    """Equally often, and also where no other photo has the same attributes."""
    drawn = rows(AttributeTriplets(small(), NUM_PAIRED, seed=0, temperature=temperature), 1000)
    nearest = {0: [5, 6], 1: [0, 3, 5, 6], 2: [4, 7], 3: [0, 1, 5, 6], 4: [0, 1, 2, 3, 5, 6, 7], 5: [0, 6]}
    for positive, photos in nearest.items():
        counts = np.bincount(drawn[drawn[:, 1] == positive, 2], minlength=NUM_PHOTOS)
        assert np.flatnonzero(counts).tolist() == photos
        expected = 1000 / len(photos)
        assert (np.abs(counts[photos] - expected) < 5 * np.sqrt(expected)).all()


@pytest.mark.parametrize("attributes", [[[-1, -1]] * 5, [[1, 0]] * 5])
def test_photos_that_do_not_differ_are_drawn_alike(attributes):
    drawn = rows(AttributeTriplets(split_with(attributes), 5, seed=0, temperature=0.1), 800)
    for photo in range(5):
        counts = np.bincount(drawn[drawn[:, 1] == photo, 2], minlength=5)
        assert counts[photo] == 0
        assert (np.abs(np.delete(counts, photo) - 200) < 5 * 14).all()  # Five standard deviations.


def test_of_two_photos_the_other_is_the_negative():
    drawn = rows(AttributeTriplets(split_with([[1], [0]]), 2, seed=0, temperature=1e-9), 10)
    np.testing.assert_array_equal(drawn[:, 1] + drawn[:, 2], 1)


def test_a_step_depends_on_the_seed_and_the_step_alone(monkeypatch):
    split = small(sketches_of=2)
    forward = [AttributeTriplets(split, 3, 7, uniform_share=0.2)(step) for step in range(9)]
    monkeypatch.setattr(attribute_triplets, "_CACHED_WEIGHTS", 2 * 6)  # Two of the six patterns.
    sampler = AttributeTriplets(split, 3, 7, uniform_share=0.2)
    backward = [sampler(step) for step in reversed(range(9))]
    assert len(sampler._held) == 2
    for one, other in zip(forward, backward[::-1], strict=True):
        for name in ("sketch", "photo", "negative"):
            np.testing.assert_array_equal(one[name], other[name])
    others = [
        AttributeTriplets(split, 3, 8, uniform_share=0.2)(step)["negative"].tolist() for step in range(9)
    ]
    assert [drawn["negative"].tolist() for drawn in forward] != others


def test_human_triplets_are_not_used():
    split = small()
    annotated = dataclasses.replace(split, triplets=np.array([[0, 1, 2], [1, 0, 3]], np.int32))
    np.testing.assert_array_equal(
        rows(AttributeTriplets(split, 4, seed=2), 20), rows(AttributeTriplets(annotated, 4, seed=2), 20)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0}, r"`temperature` must be > 0. Received: 0"),
        ({"temperature": -1.5}, r"`temperature` must be > 0. Received: -1.5"),
        ({"temperature": math.nan}, r"`temperature` must be > 0. Received: nan"),
        ({"uniform_share": 1.5}, r"`uniform_share` must be in \[0, 1\]. Received: 1.5"),
        ({"uniform_share": math.nan}, r"`uniform_share` must be in \[0, 1\]. Received: nan"),
        ({"batch_size": 7}, r"`batch_size` must be in 1\.\.6.* Received: 7"),
        ({"split": small_split()}, r"`split` must have `photo_attributes`. Received: small train without"),
        ({"split": split_with(np.zeros((3, 0)))}, r"`split` must have `photo_attributes`. Received: small"),
        ({"split": split_with([[1]]), "batch_size": 1}, r"must hold at least 2 photos. Received: 1"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        AttributeTriplets(**{"split": small(), "batch_size": 2, "seed": 0, **arguments})
