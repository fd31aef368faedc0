import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.metrics import adjusted_rand_score

from tests.alignment.made_clusters import made_clusters
from tfsbir.alignment.gaussian_mixture_pools import GaussianMixturePools
from tfsbir.alignment.points import leading_components


def overlapping():
    rng = np.random.default_rng(0)
    return rng.normal(size=(400, 10)) + 3 * np.eye(10)[rng.integers(3, size=400)]


@pytest.mark.parametrize("num", [200, 1000])
@pytest.mark.parametrize("num_clusters", [1, 3, 5])
def test_the_criterion_finds_the_number_of_components(num_clusters, num):
    points, labels = made_clusters(num_clusters, num)
    pools = GaussianMixturePools().fit(points)
    assert pools.num_clusters == num_clusters
    assert pools.bic.argmin() == num_clusters - 1
    assert len(pools.bic) == 8
    assert adjusted_rand_score(labels, pools.memberships.argmax(axis=1)) == 1


def test_memberships_are_the_posterior_of_scikit_learn():
    points = overlapping()
    pools = GaussianMixturePools().fit(points)
    assert pools.num_clusters > 1
    expected = pools.mixture.predict_proba(leading_components(points, 5))
    assert np.mean((expected > 0.05) & (expected < 0.95)) > 0.02  # Some points are truly shared.
    np.testing.assert_allclose(pools.memberships, expected, rtol=1e-7, atol=1e-12)
    assert pools.memberships.dtype == np.float64
    np.testing.assert_allclose(pools.memberships.sum(axis=1), 1)


def test_memberships_follow_bayes_rule():
    points = overlapping()
    pools = GaussianMixturePools().fit(points)
    mixture = pools.mixture
    for point, row in zip(leading_components(points, 5)[:20], pools.memberships[:20], strict=True):
        joint = [
            weight * multivariate_normal.pdf(point, mean, covariance)
            for weight, mean, covariance in zip(
                mixture.weights_, mixture.means_, mixture.covariances_, strict=True
            )
        ]
        np.testing.assert_allclose(row, np.array(joint) / sum(joint), rtol=1e-7, atol=1e-12)


def test_the_criterion_is_twice_the_loss_and_a_price_for_each_parameter():
    points = overlapping()
    pools = GaussianMixturePools(max_clusters=2).fit(points)
    x = leading_components(points, 5)
    density = multivariate_normal.logpdf(x, x.mean(axis=0), np.cov(x.T, bias=True) + 1e-3 * np.eye(5))
    np.testing.assert_allclose(pools.bic[0], -2 * density.sum() + (5 + 15) * np.log(400), rtol=1e-9)


def test_centres_are_weighted_means_in_all_dimensions():
    points = overlapping()
    pools = GaussianMixturePools().fit(points)
    for cluster in range(pools.num_clusters):
        weights = pools.memberships[:, cluster]
        np.testing.assert_allclose(pools.centers[cluster], np.average(points, axis=0, weights=weights))
        assert pools.sizes[cluster] == pytest.approx(weights.sum())


def test_the_scale_of_the_embedding_does_not_matter():
    points = overlapping()
    small, large = GaussianMixturePools().fit(1e-3 * points), GaussianMixturePools().fit(1e3 * points)
    np.testing.assert_allclose(small.memberships, large.memberships, atol=1e-6)


@pytest.mark.parametrize("points", [np.ones((1, 4)), np.ones((40, 4)), np.eye(4)[:2], np.eye(20)])
def test_small_classes_and_equal_points_are_one_cluster(points):
    pools = GaussianMixturePools().fit(points)
    assert pools.num_clusters == 1
    np.testing.assert_allclose(pools.memberships, np.ones((len(points), 1)))
    np.testing.assert_allclose(pools.centers[0], points.mean(axis=0))


def test_the_seed_fixes_the_pools():
    points = np.random.default_rng(0).normal(size=(300, 16))
    points[:100] += 2
    first, again = (GaussianMixturePools(seed=3).fit(points) for _ in range(2))
    np.testing.assert_array_equal(first.memberships, again.memberships)


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        (r"`max_clusters` must be >= 1\. Received: 0", {"max_clusters": 0}),
        (r"`num_dimensions` must be >= 1\. Received: 0", {"num_dimensions": 0}),
    ],
)
def test_arguments_out_of_range_are_named(message, arguments):
    with pytest.raises(ValueError, match=message):
        GaussianMixturePools(**arguments)


def test_points_are_checked():
    with pytest.raises(
        ValueError, match=r"`z` must be finite\. Received: 2 rows that are not, the first at 0"
    ):
        GaussianMixturePools().fit(np.full((2, 2), np.inf))
