import math

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from tests.alignment.made_clusters import made_clusters
from tfsbir.alignment.heat_map import heat_map
from tfsbir.alignment.kmeans_pools import KMeansPools


def heat_map_by_hand(points, centers, labels):
    """The formula with whole distances; the span of the centres enters by least squares."""
    differences = (centers[1:] - centers[0]).T
    total, count = 0.0, 0
    for point, label in zip(points, labels, strict=True):
        if label >= 0:
            offset = point - centers[label]
            within = differences @ np.linalg.lstsq(differences, offset, rcond=None)[0]
            total, count = total + float(within @ within), count + 1
    variance = total / count / np.linalg.matrix_rank(differences)
    rows = []
    for point, label in zip(points, labels, strict=True):
        heat = [math.exp(-(math.dist(point, center) ** 2) / (2 * variance)) for center in centers]
        rows.append([h / sum(heat) if label >= 0 else 0.0 for h in heat])
    return np.array(rows)


def test_known_clusters_are_found():
    points, labels = made_clusters(5, 600)
    pools = KMeansPools().fit(points.astype("float32"))
    assert pools.num_clusters == 5
    found = pools.memberships.argmax(axis=1)
    assert adjusted_rand_score(labels, found) == 1
    for cluster in range(5):
        np.testing.assert_allclose(pools.centers[cluster], points[found == cluster].mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(pools.memberships.sum(axis=1), 1)
    np.testing.assert_allclose(pools.sizes, np.bincount(found), atol=1)


@pytest.mark.parametrize("num_clusters", [2, 3, 6])
def test_memberships_are_the_heat_map_of_the_formula(num_clusters):
    """Six centres in three dimensions span only three."""
    rng = np.random.default_rng(1)
    points, centers = rng.normal(size=(50, 3)), rng.normal(size=(num_clusters, 3))
    labels = rng.integers(-1, num_clusters, 50)
    expected = heat_map_by_hand(points, centers, labels)
    np.testing.assert_allclose(heat_map(points, centers, labels), expected, rtol=1e-9, atol=1e-15)


def test_what_lies_beyond_the_centres_does_not_blur_the_memberships():
    rng = np.random.default_rng(0)
    points, centers = rng.normal(size=(40, 2)), rng.normal(size=(3, 2))
    labels = rng.integers(3, size=40)
    noisy = np.concatenate([points, 10 * rng.normal(size=(40, 250))], axis=1)
    padded = np.concatenate([centers, np.zeros((3, 250))], axis=1)
    np.testing.assert_allclose(heat_map(noisy, padded, labels), heat_map(points, centers, labels), atol=1e-9)


def test_a_point_halfway_belongs_to_both_and_a_near_one_to_its_own():
    points = np.array([[0.0, 0], [0.2, 0], [4.0, 0], [3.8, 0], [2.0, 7]])
    rows = heat_map(points, np.array([[0.0, 0], [4.0, 0]]), np.array([0, 0, 1, 1, 0]))
    np.testing.assert_allclose(rows[4], [0.5, 0.5])
    assert rows[0, 0] > rows[1, 0] > 0.95


def test_points_on_their_centres_belong_to_them_alone():
    centers = np.array([[0.0, 1.0], [0.0, 2.0], [1e4, 2.0]])
    np.testing.assert_array_equal(heat_map(centers, centers, np.arange(3)), np.eye(3))


def test_centres_that_coincide_share_alike():
    rows = heat_map(np.ones((3, 2)), np.zeros((2, 2)), np.array([0, 1, -1]))
    np.testing.assert_array_equal(rows, [[0.5, 0.5], [0.5, 0.5], [0, 0]])


@pytest.mark.parametrize("num_different", [1, 3])
def test_there_are_no_more_clusters_than_different_points(num_different):
    points = np.eye(4)[np.arange(12) % num_different]
    pools = KMeansPools().fit(points)
    assert pools.num_clusters == num_different
    np.testing.assert_allclose(pools.memberships @ pools.centers, points, atol=1e-12)
    np.testing.assert_allclose(pools.sizes, 12 / num_different)


def test_one_point_is_one_cluster():
    pools = KMeansPools().fit([[3.0, 4.0]])
    np.testing.assert_array_equal(pools.centers, [[3, 4]])
    np.testing.assert_array_equal(pools.memberships, [[1]])


def test_the_seed_fixes_the_pools():
    points = np.random.default_rng(0).normal(size=(300, 16))
    first, again, other = (KMeansPools(seed=seed).fit(points) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.memberships, again.memberships)
    assert not np.array_equal(first.memberships, other.memberships)


@pytest.mark.parametrize(
    ("message", "z"),
    [
        (r"`z` must be \(num, dim\), both >= 1\. Received shape: \(3,\)", np.zeros(3)),
        (r"`z` must be \(num, dim\), both >= 1\. Received shape: \(0, 3\)", np.zeros((0, 3))),
        (
            r"`z` must be finite\. Received: 1 rows that are not, the first at 1",
            [[0.0, 0], [np.nan, 0], [1, 1]],
        ),
    ],
)
def test_points_that_cannot_be_clustered_are_named(message, z):
    with pytest.raises(ValueError, match=message):
        KMeansPools().fit(z)


def test_the_number_of_clusters_is_checked():
    with pytest.raises(ValueError, match=r"`max_clusters` must be >= 1\. Received: 0"):
        KMeansPools(max_clusters=0)
