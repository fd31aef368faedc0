import dataclasses
import math

import numpy as np
import pytest
from scipy.stats import chisquare

from tests.common_data import small_split
from tfsbir.sampling import SemanticTriplets

NUM_CLASSES = 4


@pytest.fixture(scope="module")
def split():
    """Twelve photos with two sketches each, of four classes."""
    split = small_split(num_photos=12)
    labels = (np.arange(12) % NUM_CLASSES).astype(np.int32)
    return dataclasses.replace(
        split, photo_labels=labels, sketch_labels=labels[split.sketch_photo], class_names=tuple("abcd")
    )


@pytest.fixture(scope="module")
def semantics():
    return np.random.default_rng(0).normal(size=(NUM_CLASSES, 5)) * [[1.0], [2.0], [3.0], [4.0]]


def test_classes_are_right_and_negatives_come_as_often_as_the_formula_says(split, semantics):
    sampler = SemanticTriplets(split, semantics, 24, seed=3, temperature=1.0)
    drawn = [sampler(step) for step in range(200)]
    sketch, photo, negative = (np.concatenate([one[name] for one in drawn]) for name in drawn[0])
    assert sketch.dtype == photo.dtype == negative.dtype == np.int32
    own, other = split.sketch_labels[sketch], split.photo_labels[negative]
    np.testing.assert_array_equal(own, split.photo_labels[photo])
    assert not np.any(own == other)
    unit = semantics / np.linalg.norm(semantics, axis=1, keepdims=True)
    for label in range(NUM_CLASSES):
        weights = [
            0.0 if i == label else math.exp(-sum((x - y) ** 2 for x, y in zip(unit[label], w, strict=True)))
            for i, w in enumerate(unit)
        ]
        expected = np.array(weights) / sum(weights)
        found = np.bincount(other[own == label], minlength=NUM_CLASSES)
        kept = expected > 0
        assert chisquare(found[kept], expected[kept] * found.sum()).pvalue > 0.001
    # The photos of a class are equally likely, whichever the sketch's own is.
    assert chisquare(np.bincount(photo)).pvalue > 0.001


def test_a_pass_has_every_sketch_once(split, semantics):
    sampler = SemanticTriplets(split, semantics, 5, seed=0)
    sketches = np.concatenate([sampler(step)["sketch"] for step in range(24)])
    for one_pass in np.split(sketches, 5):
        np.testing.assert_array_equal(np.sort(one_pass), np.arange(24))
    assert not np.array_equal(*np.split(sketches, 5)[:2])


def test_a_step_hangs_on_the_seed_and_the_step_alone(split, semantics):
    one, again, other = (SemanticTriplets(split, semantics, 8, seed=seed) for seed in (1, 1, 2))
    one(0)
    for name, rows in one(7).items():
        np.testing.assert_array_equal(rows, again(7)[name])
    assert any(not np.array_equal(rows, other(7)[name]) for name, rows in one(7).items())


def test_a_low_temperature_draws_the_closest_class_alone_and_an_infinite_one_any(split, semantics):
    unit = semantics / np.linalg.norm(semantics, axis=1, keepdims=True)
    cosine = unit @ unit.T - 2 * np.eye(NUM_CLASSES)
    drawn = SemanticTriplets(split, semantics, 24, seed=0, temperature=1e-4)(0)
    np.testing.assert_array_equal(
        split.photo_labels[drawn["negative"]], cosine.argmax(axis=1)[split.sketch_labels[drawn["sketch"]]]
    )
    even = SemanticTriplets(split, semantics, 24, seed=0, temperature=math.inf).probabilities
    np.testing.assert_allclose(even, (1 - np.eye(NUM_CLASSES)) / 3)


def test_classes_without_photos_are_left_out(split, semantics):
    less = split.subset(np.flatnonzero(split.photo_labels != 2), np.arange(24))
    sampler = SemanticTriplets(less, semantics, 18, seed=0, temperature=10.0)
    drawn = sampler(0)
    assert set(less.sketch_labels[drawn["sketch"]]) == set(less.photo_labels[drawn["negative"]]) == {0, 1, 3}
    assert len(set(drawn["sketch"].tolist())) == 18


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "`batch_size` must be >= 1. Received: 0"),
        ({"temperature": 0.0}, "`temperature` must be > 0. Received: 0.0"),
        ({"semantics": np.ones((3, 5))}, r"`semantics` must hold 4 vectors.*Received shape: \(3, 5\)"),
        ({"semantics": np.ones(4)}, r"`semantics` must hold 4 vectors.*Received shape: \(4,\)"),
        ({"semantics": np.zeros((4, 5))}, "`semantics` must hold 4 vectors, finite and different from 0"),
        ({"semantics": np.full((4, 5), np.nan)}, "`semantics` must hold 4 vectors, finite"),
    ],
)
def test_arguments_out_of_range_are_named(split, semantics, arguments, message):
    with pytest.raises(ValueError, match=message):
        SemanticTriplets(split, **{"semantics": semantics, "batch_size": 4, "seed": 0, **arguments})


def test_one_class_is_too_few(split, semantics):
    one = split.subset(np.flatnonzero(split.photo_labels == 0))
    with pytest.raises(
        ValueError, match=r"`split` must have photos of at least 2 classes.*Received: 1 classes"
    ):
        SemanticTriplets(one, semantics, 4, seed=0)
