"""Pools by a mixture of Gaussians."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from tfsbir.alignment.points import checked_points, leading_components


class GaussianMixturePools:
    """Parts the points of a class by a mixture of as many Gaussians as its size and shape justify.

    Mixtures of 1, 2, .. `max_clusters` components are fitted, each the best of three runs from k-means, and
    the one with the lowest Bayesian information criterion is kept: -2 log-likelihood + (free parameters)
    log(points). Memberships are the posterior probabilities of the components.

    The mixtures live on the leading principal axes, see `tfsbir.alignment.points`. Five axes hold the centres
    of up to six clusters, and a component there has 21 parameters. In 256-d a full covariance has 33,153, for
    which no class has the points. Covariances are full. Of full, tied and diagonal ones on five and on eight
    axes, full ones on five alone found the true number in all of eleven made mixtures: tied and diagonal ones
    cut slanted clusters in pieces, and on eight axes 400 points did not pay for three clusters. 0.001 of the
    mean variance is added to each axis, or a few points that nearly coincide would become a component
    of boundless likelihood. Each component must have 2 (axes + 1) points on average, so with five axes a
    class of fewer than 24 points stays whole.

    Args:
        max_clusters: Integer >= 1, the greatest number of components; Source found 3 to 4 for most classes.
        num_dimensions: Integer >= 1, axes kept; ours.
        seed: Integer >= 0. The same points and seed give the same pools.
    Attributes:
        num_clusters: Integer, the number of components.
        centers: `(num_clusters, dim)` float64, means of the points weighted by their memberships.
        memberships: `(num, num_clusters)` float64, >= 0; each row sums to 1.
        sizes: `(num_clusters,)` float64, the memberships' sums, in points.
        bic: float64, the criterion for 1, 2, .. components; at least one.
        mixture: scikit-learn's `GaussianMixture` on the leading components.
    Call arguments:
        z: `(num, dim)` floats of `fit`, sketches and photos of one class in their common space.
    Raises: `ValueError` for arguments out of their range or points that are not finite.
    Source: Bui et al., "Deep Manifold Alignment for Mid-grain Sketch based Image Retrieval", ACCV 2018,
        Sec. 3.2, "penalizing number of free parameters"; the criterion, Schwarz' of 1978, is our reading.
        Sec. 3.4 draws samples by "a function of probability that sample x belongs to cluster l" and then
        by "the probability density function of x given cluster l". We take the first, the posterior: by
        Bayes' rule it is the second among the samples at hand, where each is as likely as it is frequent. The
        bare density would draw a few points near the centre again and again.
    """

    def __init__(self, max_clusters=8, num_dimensions=5, seed=0):
        if max_clusters < 1:
            raise ValueError(f"`max_clusters` must be >= 1. Received: {max_clusters}")
        if num_dimensions < 1:
            raise ValueError(f"`num_dimensions` must be >= 1. Received: {num_dimensions}")
        self.max_clusters = max_clusters
        self.num_dimensions = num_dimensions
        self.seed = seed

    def fit(self, z):
        """Clusters `z` and returns this object."""
        # Threads would spin while they wait for each other, which costs much beside a training.
        with threadpool_limits(limits=1):
            return self._fit(checked_points(z))

    def _fit(self, z):
        x = leading_components(z, self.num_dimensions)
        if len(x) == 1:  # scikit-learn fits mixtures to two points or more; of one there is only the mean.
            x = x.repeat(2, axis=0)
        limit = min(len(x) // (2 * x.shape[1] + 2), len(np.unique(x, axis=0)), self.max_clusters)
        mixtures = [self._fit_mixture(x, number) for number in range(1, max(limit, 1) + 1)]
        self.bic = np.array([mixture.bic(x) for mixture in mixtures])
        self.mixture = mixtures[np.argmin(self.bic)]
        self.num_clusters = self.mixture.n_components
        self.memberships = _posterior(self.mixture, x)[: len(z)]
        self.sizes = self.memberships.sum(axis=0)
        # The same as the mixture's means, but in all dimensions.
        self.centers = self.memberships.T @ z / self.sizes[:, None]
        return self

    def _fit_mixture(self, x, number):
        mixture = GaussianMixture(
            number, covariance_type="full", reg_covar=1e-3, n_init=3, max_iter=200, random_state=self.seed
        )
        with warnings.catch_warnings():
            # With more components than clusters EM creeps on. The criterion judges what it reached.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return mixture.fit(x)


def _posterior(mixture, x):
    # Imported here, since it loads TensorFlow: seconds that the other poolers save in a fresh process.
    from tensorflow_probability.substrates.numpy import distributions

    components = distributions.MultivariateNormalTriL(
        loc=mixture.means_, scale_tril=np.linalg.cholesky(mixture.covariances_)
    )
    weights = distributions.Categorical(probs=mixture.weights_)
    return distributions.MixtureSameFamily(weights, components).posterior_marginal(x).probs_parameter()
