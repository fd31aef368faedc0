import collections
import dataclasses
import math
import re

import numpy as np
import pytest

from tests.common_data import small_split
from tfsbir.alignment.pools import Pools
from tfsbir.sampling.pooled_triplets import PooledTriplets, _WeightedGroups

NAMES = ["sketch", "photo", "negative", "cluster", "negative_cluster"]


def labelled_split(sketch_labels, photo_labels):
    """A split of the given categories; the images do not count."""
    split = small_split(num_photos=len(photo_labels), sketches_of=1, size=1)
    return dataclasses.replace(
        split,
        sketches=np.zeros((len(sketch_labels), 1, 1, 1), np.uint8),
        sketch_ids=tuple(f"s{i}" for i in range(len(sketch_labels))),
        sketch_photo=None,
        sketch_labels=np.array(sketch_labels, np.int32),
        photo_labels=np.array(photo_labels, np.int32),
        class_names=tuple(f"class {i}" for i in range(max([*sketch_labels, *photo_labels]) + 1)),
    )


def example(seed=0, num_sketches=9, num_photos=9, labels=(0, 0, 1, 2, 2, 2)):
    """Three classes of one to three clusters, with random memberships and centres."""
    rng = np.random.default_rng(seed)
    labels = np.array(labels)
    classes = np.unique(labels)
    sketch_labels, photo_labels = classes[np.arange(num_sketches) % 3], classes[np.arange(num_photos) % 3]

    def memberships(own):
        rows = rng.random((len(own), len(labels))) * (own[:, None] == labels)
        return rows / rows.sum(axis=1, keepdims=True)

    pools = Pools(
        sketch_memberships=memberships(sketch_labels),
        photo_memberships=memberships(photo_labels),
        cluster_labels=labels,
        sketch_centers=rng.normal(size=(len(labels), 2)),
        photo_centers=rng.normal(size=(len(labels), 2)),
    )
    return labelled_split(sketch_labels.tolist(), photo_labels.tolist()), pools


def rows(sampler, steps):
    drawn = [sampler(step) for step in range(steps)]
    return np.concatenate([np.stack([d[name] for name in NAMES], axis=1) for d in drawn])


def nearest_impostor_by_hand(pools, cluster):
    others = [
        other
        for other in range(pools.num_clusters)
        if pools.cluster_labels[other] != pools.cluster_labels[cluster]
        and pools.photo_memberships[:, other].any()
    ]
    centers = pools.photo_centers.tolist()
    return min(others, key=lambda other: (math.dist(centers[cluster], centers[other]), other))


def probabilities_by_hand(pools):
    """Sec. 3.4, step by step: of every sketch, photo, negative, cluster and impostor cluster."""
    sketch, photo = pools.sketch_memberships.astype("float64"), pools.photo_memberships.astype("float64")
    may_be_drawn = [c for c in range(pools.num_clusters) if sketch[:, c].any() and photo[:, c].any()]
    classes = sorted({int(pools.cluster_labels[c]) for c in may_be_drawn})
    probability = collections.Counter()
    for label in classes:
        own = [c for c in may_be_drawn if pools.cluster_labels[c] == label]
        sizes = [sketch[:, c].sum() + photo[:, c].sum() for c in own]
        for cluster, size in zip(own, sizes, strict=True):
            impostor = nearest_impostor_by_hand(pools, cluster)
            for s in np.flatnonzero(sketch[:, cluster]):
                for p in np.flatnonzero(photo[:, cluster]):
                    for n in np.flatnonzero(photo[:, impostor]):
                        probability[(int(s), int(p), int(n), cluster, impostor)] += (
                            size / sum(sizes) / len(classes)
                            * sketch[s, cluster] / sketch[:, cluster].sum()
                            * photo[p, cluster] / photo[:, cluster].sum()
                            * photo[n, impostor] / photo[:, impostor].sum()
                        )  # fmt: skip
    return probability


def assert_drawn_by(probability, drawn):
    counts = collections.Counter(map(tuple, drawn.tolist()))
    assert set(counts) <= set(probability)
    expected = np.array(list(probability.values())) * len(drawn)
    observed = np.array([counts[row] for row in probability])
    # Rare rows are taken together, for chi-square holds where five or more are expected.
    is_rare = expected < 5
    expected = np.append(expected[~is_rare], expected[is_rare].sum())
    observed = np.append(observed[~is_rare], observed[is_rare].sum())
    if expected[-1] < 5:
        expected, observed = expected[:-1], observed[:-1]
    chi_square = np.sum((observed - expected) ** 2 / expected)
    freedom = len(expected) - 1
    assert abs(chi_square - freedom) < 5 * math.sqrt(2 * freedom)


@pytest.mark.parametrize("seed", [0, 1])
def test_rows_are_drawn_by_the_probabilities_of_the_paper(seed):
    split, pools = example(seed)
    probability = probabilities_by_hand(pools)
    assert sum(probability.values()) == pytest.approx(1)
    assert_drawn_by(probability, rows(PooledTriplets(split, pools, 500, seed=5), 80))


def test_classes_come_equally_often_and_clusters_by_their_size():
    """Class 0 is much larger than class 1, and cluster 1 three times cluster 0."""
    split = labelled_split([0] * 8 + [1], [0] * 8 + [1])
    rows_of_both = np.array([[1, 0, 0]] * 2 + [[0, 1, 0]] * 6 + [[0, 0, 1]])
    pools = Pools(
        sketch_memberships=rows_of_both,
        photo_memberships=rows_of_both,
        cluster_labels=np.array([0, 0, 1]),
        sketch_centers=np.zeros((3, 1)),
        photo_centers=np.array([[0.0], [1.0], [0.4]]),
    )
    drawn = rows(PooledTriplets(split, pools, 1000, seed=0), 20)
    shares = np.bincount(drawn[:, 3], minlength=3) / len(drawn)
    np.testing.assert_allclose(shares, [1 / 8, 3 / 8, 1 / 2], atol=0.018)  # Five standard deviations.
    # The centre of class 1 is nearer to cluster 0.
    assert set(map(tuple, drawn[:, 3:].tolist())) == {(0, 2), (1, 2), (2, 0)}


def test_the_nearest_impostor_is_measured_between_the_photos_centres():
    split, pools = example(labels=(0, 0, 0, 1, 1, 2, 2, 2, 2), num_sketches=60, num_photos=60, seed=3)
    drawn = rows(PooledTriplets(split, pools, 500, seed=0), 4)
    found = set(map(tuple, drawn[:, 3:].tolist()))
    assert found == {(cluster, nearest_impostor_by_hand(pools, cluster)) for cluster in range(9)}
    moved = dataclasses.replace(pools, sketch_centers=100 * pools.sketch_centers[::-1])
    np.testing.assert_array_equal(rows(PooledTriplets(split, moved, 500, seed=0), 4), drawn)


def test_of_equally_near_impostors_the_lower_index_serves():
    split, pools = example()
    pools = dataclasses.replace(pools, photo_centers=np.zeros((6, 2)))
    drawn = rows(PooledTriplets(split, pools, 100, seed=0), 5)
    assert set(map(tuple, drawn[:, 3:].tolist())) == {(0, 2), (1, 2), (2, 0), (3, 0), (4, 0), (5, 0)}


def test_clusters_that_lack_sketches_or_photos():
    """Cluster 0 has no photo, cluster 2 no sketch, class 7 no cluster, and sketch 4 is an outlier."""
    split = labelled_split([0, 0, 1, 1, 1, 7], [0, 0, 1, 1, 7])
    pools = Pools(
        sketch_memberships=np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], *[[0, 0, 0, 1]] * 2, *np.zeros((2, 4))]),
        photo_memberships=np.array([*[[0, 1, 0, 0]] * 2, [0, 0, 1, 0], [0, 0, 0.5, 0.5], np.zeros(4)]),
        cluster_labels=np.array([0, 0, 1, 1]),
        sketch_centers=np.zeros((4, 1)),
        photo_centers=np.array([[0.0], [9.0], [8.0], [0.1]]),
    )
    drawn = rows(PooledTriplets(split, pools, 200, seed=1), 50)
    # A cluster without sketches may be an impostor; one without photos is none, however near it is.
    assert set(map(tuple, drawn[:, 3:].tolist())) == {(1, 2), (3, 1)}
    assert_drawn_by(probabilities_by_hand(pools), drawn)
    assert not np.isin(drawn[:, 0], [0, 4, 5]).any()
    assert not (drawn[:, 1:3] == 4).any()


def test_a_step_depends_on_the_seed_and_the_step_alone():
    split, pools = example()

    def drawn(steps, seed):
        sampler = PooledTriplets(split, pools, 5, seed=seed)
        return {step: {name: array.tolist() for name, array in sampler(step).items()} for step in steps}

    assert drawn(range(9), 3) == drawn(reversed(range(9)), 3)
    assert drawn(range(9), 3) != drawn(range(9), 4)


def test_new_pools_take_over_at_their_step_and_a_resumed_run_draws_the_same():
    split, first = example(0)
    _, second = example(1, labels=(0, 1, 1, 1, 2))
    third = dataclasses.replace(first, photo_centers=first.photo_centers[::-1])
    sampler = PooledTriplets(split, first, 50, seed=2)
    drawn = [sampler(step) for step in range(3)]
    sampler.swap(second, step=5)
    drawn += [sampler(step) for step in range(3, 6)]
    sampler.swap(third, step=7)
    drawn += [sampler(step) for step in range(6, 9)]
    assert [sampler.generation(step) for step in range(9)] == [0] * 5 + [1] * 2 + [2] * 2
    for step, pools in enumerate([first] * 5 + [second] * 2 + [third] * 2):
        expected = PooledTriplets(split, pools, 50, seed=2)(step)
        for name in NAMES:
            np.testing.assert_array_equal(drawn[step][name], expected[name])
    resumed = PooledTriplets(split, second, 50, seed=2)
    resumed.swap(third, step=7)
    for step in range(5, 9):
        for name in NAMES:
            np.testing.assert_array_equal(resumed(step)[name], drawn[step][name])
    np.testing.assert_array_equal(sampler(1)["sketch"], drawn[1]["sketch"])  # Of before the swaps.


def test_a_swap_does_not_change_what_was_drawn():
    split, pools = example()
    sampler = PooledTriplets(split, pools, 2, seed=0)
    with pytest.raises(ValueError, match=r"`step` must be >= 1, after the steps drawn.* Received: 0"):
        sampler.swap(pools, step=0)
    sampler(4)
    with pytest.raises(ValueError, match=r"`step` must be >= 5, after the steps drawn.* Received: 4"):
        sampler.swap(pools, step=4)
    sampler.swap(pools, step=9)
    with pytest.raises(ValueError, match=r"`step` must be >= 10, .* the last swap\. Received: 9"):
        sampler.swap(pools, step=9)


def test_batches_are_int32_of_the_batch_size():
    batch = PooledTriplets(*example(), 40, seed=0)(0)
    assert list(batch) == NAMES
    assert all(array.dtype == np.int32 and array.shape == (40,) for array in batch.values())


def test_a_number_just_below_one_draws_the_last_of_its_own_group():
    class Highest:
        def random(self, num):
            return np.full(num, np.nextafter(1, 0))

    weights = np.zeros((400, 800))
    weights[np.arange(400), np.arange(400)] = 1
    weights[np.arange(400), 400 + np.arange(400)] = 2
    drawn = _WeightedGroups(weights).draw(Highest(), np.arange(400))
    np.testing.assert_array_equal(drawn, 400 + np.arange(400))


SPLIT, POOLS = example()


@pytest.mark.parametrize(
    ("message", "changed"),
    [
        ("`batch_size` must be >= 1. Received: 0", {"batch_size": 0}),
        (
            "`pools` must have memberships of 9 sketch samples, as small train has. Received: 8",
            {"pools": dataclasses.replace(POOLS, sketch_memberships=POOLS.sketch_memberships[:8])},
        ),
        (
            "`pools` must have memberships of 9 photo samples, as small train has. Received: 12",
            {"pools": example(num_photos=12)[1]},
        ),
        (
            "`pools` must have clusters of the samples' own classes. Received: sketch 1 in cluster 2 of "
            "another",
            {"pools": dataclasses.replace(POOLS, cluster_labels=np.array([0, 0, 3, 3, 3, 3]))},
        ),
        (
            "`pools` must have a cluster with sketches and photos, and one with photos of another class. "
            "Received: none",
            {
                "split": labelled_split([0] * 9, [0] * 9),
                "pools": Pools(
                    sketch_memberships=np.ones((9, 1)),
                    photo_memberships=np.ones((9, 1)),
                    cluster_labels=np.array([0]),
                    sketch_centers=np.zeros((1, 2)),
                    photo_centers=np.zeros((1, 2)),
                ),
            },
        ),
    ],
)
def test_arguments_that_do_not_fit_are_named(message, changed):
    with pytest.raises(ValueError, match=re.escape(message)):
        PooledTriplets(**{"split": SPLIT, "pools": POOLS, "batch_size": 2, "seed": 0, **changed})
