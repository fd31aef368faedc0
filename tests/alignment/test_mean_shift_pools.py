import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score

from tests.alignment.made_clusters import made_clusters
from tfsbir.alignment.heat_map import heat_map
from tfsbir.alignment.mean_shift_pools import MeanShiftPools
from tfsbir.alignment.points import leading_components


@pytest.mark.parametrize("num_clusters", [1, 3, 5])
def test_known_clusters_are_found(num_clusters):
    points, labels = made_clusters(num_clusters, 600)
    pools = MeanShiftPools().fit(points.astype("float32"))
    assert pools.num_clusters == num_clusters
    found = pools.memberships.argmax(axis=1)
    assert adjusted_rand_score(labels, found) == 1
    for cluster in range(num_clusters):
        np.testing.assert_allclose(pools.centers[cluster], points[found == cluster].mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(pools.memberships, heat_map(points, pools.centers, found), atol=1e-6)
    np.testing.assert_allclose(pools.memberships.sum(axis=1), 1)
    np.testing.assert_allclose(pools.sizes, pools.memberships.sum(axis=0))


def test_the_bandwidth_is_the_mean_distance_to_the_last_of_the_nearest():
    points, _ = made_clusters(3, 200)
    pools = MeanShiftPools(quantile=0.2).fit(points)
    x = leading_components(points, 5)
    expected = np.sort(cdist(x, x), axis=1)[:, 39].mean()  # 40 of 200, the point itself among them.
    assert pools.bandwidth == pytest.approx(expected)


def test_outliers_make_no_pool_of_their_own():
    points, _ = made_clusters(3, 300)
    far = 25 * np.linalg.qr(np.random.default_rng(0).normal(size=(256, 256)))[0][:4]
    points = np.concatenate([points, far.repeat(3, axis=0)])
    assert MeanShiftPools(min_share=0).fit(points).num_clusters > 3
    pools = MeanShiftPools().fit(points)
    assert pools.sizes.min() > 0.05 * 312
    np.testing.assert_allclose(pools.memberships.sum(axis=1), 1)


def test_should_no_pool_be_large_the_largest_stays():
    points = np.concatenate([10.0 * np.eye(20), 10.0 * np.eye(20)[:1]]).repeat(5, axis=0)
    pools = MeanShiftPools(quantile=0.01, min_share=0.9, num_dimensions=20).fit(points)
    assert pools.num_clusters == 1
    np.testing.assert_allclose(pools.centers[0], points.mean(axis=0))


@pytest.mark.parametrize("points", [np.ones((1, 4)), np.ones((40, 4)), np.eye(4)[:2], np.eye(5)])
def test_few_or_equal_points_are_one_cluster(points):
    pools = MeanShiftPools().fit(points)
    assert pools.num_clusters == 1
    np.testing.assert_array_equal(pools.memberships, np.ones((len(points), 1)))
    np.testing.assert_allclose(pools.centers[0], points.mean(axis=0))


def test_points_of_which_many_coincide_are_parted():
    points = np.eye(4)[np.arange(60) % 3]
    pools = MeanShiftPools().fit(points)
    assert pools.num_clusters == 3
    np.testing.assert_allclose(pools.memberships @ pools.centers, points, atol=1e-9)


def test_the_seed_fixes_the_pools():
    points = np.random.default_rng(0).normal(size=(300, 2))
    first, again = (MeanShiftPools(seed=3).fit(points) for _ in range(2))
    np.testing.assert_array_equal(first.memberships, again.memberships)


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        (r"`quantile` must be in \(0, 1\]\. Received: 0", {"quantile": 0}),
        (r"`quantile` must be in \(0, 1\]\. Received: 1.5", {"quantile": 1.5}),
        (r"`min_share` must be in \[0, 1\)\. Received: -1", {"min_share": -1}),
        (r"`min_share` must be in \[0, 1\)\. Received: 1", {"min_share": 1}),
        (r"`num_dimensions` must be >= 1\. Received: 0", {"num_dimensions": 0}),
    ],
)
def test_arguments_out_of_range_are_named(message, arguments):
    with pytest.raises(ValueError, match=message):
        MeanShiftPools(**arguments)


def test_points_are_checked():
    with pytest.raises(ValueError, match=r"`z` must be \(num, dim\), both >= 1\. Received shape: \(2,\)"):
        MeanShiftPools().fit([0.0, 1.0])
