import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score

from tests.alignment.made_clusters import made_clusters
from tfsbir.alignment.dbscan_pools import DBSCANPools
from tfsbir.alignment.heat_map import heat_map
from tfsbir.alignment.points import leading_components


@pytest.mark.parametrize("num_clusters", [1, 3, 5])
def test_known_clusters_are_found(num_clusters):
    points, labels = made_clusters(num_clusters, 600)
    pools = DBSCANPools().fit(points.astype("float32"))
    assert pools.num_clusters == num_clusters
    inner = ~pools.is_outlier
    assert inner.mean() > 0.6
    found = pools.memberships.argmax(axis=1)
    assert adjusted_rand_score(labels[inner], found[inner]) == 1
    for cluster in range(num_clusters):
        own = points[inner & (found == cluster)]
        np.testing.assert_allclose(pools.centers[cluster], own.mean(axis=0), atol=1e-5)
    expected = heat_map(points, pools.centers, np.where(inner, found, -1))
    np.testing.assert_allclose(pools.memberships, expected, atol=1e-6)
    np.testing.assert_allclose(pools.memberships.sum(axis=1), inner)
    np.testing.assert_allclose(pools.sizes, pools.memberships.sum(axis=0))


def test_the_clusters_are_those_of_the_definition():
    """Dense points joined by hops of `eps`, found by brute force."""
    points = np.random.default_rng(2).normal(size=(120, 3))
    points[:50, 0] += 4
    pools = DBSCANPools(min_samples=6, dense_share=0.7).fit(points)
    x = leading_components(points, 5)
    is_near = cdist(x, x) <= pools.eps
    is_dense = is_near.sum(axis=1) >= 6
    reachable = is_near & is_dense[:, None] & is_dense
    for _ in range(120):
        reachable = reachable @ reachable
    num_clusters = len(np.unique(reachable[is_dense], axis=0))
    assert pools.num_clusters == num_clusters
    np.testing.assert_array_equal(pools.is_outlier, ~(is_near & is_dense).any(axis=1))
    assert 0.7 * 120 <= is_dense.sum() <= 0.7 * 120 + 1
    assert 0 < pools.is_outlier.sum() < 36


def test_the_radius_leaves_the_share_asked_for_with_enough_neighbours():
    points, _ = made_clusters(3, 200)
    pools = DBSCANPools(min_samples=10, dense_share=0.9).fit(points)
    x = leading_components(points, 5)
    tenth = np.sort(np.sort(cdist(x, x), axis=1)[:, 9])
    assert pools.eps == pytest.approx(tenth[180])  # Of 0 .. 199; 19 points are farther from their tenth.


def test_planted_outliers_are_in_no_pool():
    points, _ = made_clusters(3, 300)
    far = 60 * np.linalg.qr(np.random.default_rng(0).normal(size=(256, 256)))[0][:5]
    pools = DBSCANPools().fit(np.concatenate([far, points]))
    assert pools.is_outlier[:5].all()
    assert (pools.memberships[:5] == 0).all()
    assert pools.num_clusters == 3


@pytest.mark.parametrize("points", [np.ones((1, 4)), np.ones((40, 4)), np.eye(10)])
def test_small_classes_and_equal_points_are_one_cluster(points):
    pools = DBSCANPools().fit(points)
    assert pools.num_clusters == 1
    assert not pools.is_outlier.any()
    np.testing.assert_array_equal(pools.memberships, np.ones((len(points), 1)))
    np.testing.assert_allclose(pools.centers[0], points.mean(axis=0))


def test_points_of_which_many_coincide_are_parted():
    points = np.eye(4)[np.arange(60) % 3]
    pools = DBSCANPools().fit(points)
    assert pools.num_clusters == 3
    np.testing.assert_allclose(pools.memberships @ pools.centers, points, atol=1e-9)


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        (r"`min_samples` must be >= 2\. Received: 1", {"min_samples": 1}),
        (r"`dense_share` must be in \(0, 1\]\. Received: 0", {"dense_share": 0}),
        (r"`dense_share` must be in \(0, 1\]\. Received: 1.5", {"dense_share": 1.5}),
        (r"`num_dimensions` must be >= 1\. Received: 0", {"num_dimensions": 0}),
    ],
)
def test_arguments_out_of_range_are_named(message, arguments):
    with pytest.raises(ValueError, match=message):
        DBSCANPools(**arguments)


def test_points_are_checked():
    with pytest.raises(
        ValueError, match=r"`z` must be finite\. Received: 1 rows that are not, the first at 0"
    ):
        DBSCANPools().fit([[np.nan, 0.0]])
