import re

import numpy as np
import pytest

from tfsbir.sampling import ClassExamples

LABELS = np.array([5, 0, 5, 2, 5, 2, 5, 9, 5, 5])  # Four categories of 1, 2, 6 and 1 examples.


def drawn(sampler, steps):
    return np.concatenate([sampler(step)[sampler.domain] for step in range(steps)])


@pytest.mark.parametrize("batch_size", [1, 3, 4, 8, 11])
def test_every_pass_meets_every_category_once(batch_size):
    labels = LABELS[drawn(ClassExamples(LABELS, batch_size, seed=1, domain="sketch"), 44)]
    for one_pass in labels.reshape(-1, 4):
        assert sorted(one_pass) == [0, 2, 5, 9]


def test_passes_differ():
    passes = LABELS[drawn(ClassExamples(LABELS, 4, seed=1, domain="sketch"), 200)].reshape(-1, 4)
    assert len(np.unique(passes, axis=0)) == 24  # Every order of four.


def test_a_category_gives_any_of_its_examples_equally_often():
    indices = drawn(ClassExamples(LABELS, 40, seed=2, domain="photo"), 600)
    counts = np.bincount(indices, minlength=len(LABELS))
    num_passes = 600 * 40 // 4
    for label in np.unique(LABELS):
        of_label = counts[label == LABELS]
        assert of_label.sum() == num_passes
        expected = num_passes / len(of_label)
        assert (np.abs(of_label - expected) <= 5 * np.sqrt(expected)).all()


@pytest.mark.parametrize("domain", ["sketch", "photo"])
def test_the_domain_names_the_indices(domain):
    batch = ClassExamples(LABELS, 6, seed=0, domain=domain)(3)
    assert list(batch) == [domain]
    assert batch[domain].dtype == np.int32
    assert batch[domain].shape == (6,)


def test_a_step_depends_on_the_seed_and_the_step_alone():
    forward = drawn(ClassExamples(LABELS, 3, seed=7, domain="sketch"), 20)
    sampler = ClassExamples(LABELS, 3, seed=7, domain="sketch")
    backward = [sampler(step)["sketch"] for step in reversed(range(20))]
    np.testing.assert_array_equal(forward, np.concatenate(backward[::-1]))
    assert not np.array_equal(forward, drawn(ClassExamples(LABELS, 3, seed=8, domain="sketch"), 20))


def test_a_late_step_draws_no_more_than_its_own_passes():
    batch = ClassExamples(LABELS, 6, seed=0, domain="sketch")(10**9)
    assert len(np.unique(LABELS[batch["sketch"]])) == 4


def test_one_category_of_one_example():
    np.testing.assert_array_equal(ClassExamples([3], 4, seed=0, domain="photo")(0)["photo"], [0, 0, 0, 0])


EXAMPLES = "`labels` must be (num_examples,) with at least one. Received shape: "


@pytest.mark.parametrize(
    ("error", "message", "labels", "batch_size", "domain"),
    [
        (ValueError, EXAMPLES + "(0,)", [], 1, "photo"),
        (ValueError, EXAMPLES + "(1, 1)", [[0]], 1, "photo"),
        (TypeError, "`labels` must be integers. Received: float64", [0.0], 1, "photo"),
        (ValueError, "`batch_size` must be >= 1. Received: 0", [0], 0, "photo"),
        (ValueError, '`domain` must be "sketch" or "photo". Received: \'edges\'', [0], 1, "edges"),
    ],
)
def test_arguments_out_of_range_are_named(error, message, labels, batch_size, domain):
    with pytest.raises(error, match=re.escape(message)):
        ClassExamples(labels, batch_size, 0, domain)
