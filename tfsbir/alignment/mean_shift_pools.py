"""Pools by mean shift."""

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.cluster import MeanShift, estimate_bandwidth
from threadpoolctl import threadpool_limits

from tfsbir.alignment.heat_map import heat_map
from tfsbir.alignment.points import checked_points, leading_components

_NUM_SEEDS = 100  # Climbs; from every one of 2,000 points they would take 20 times as long.
_NUM_SAMPLED = 500  # Points whose neighbours tell the bandwidth.
_LEAST_NEIGHBORS = 20  # With fewer, a class of 30 or 100 points falls apart where there is nothing to part.
_LEAST_BANDWIDTH = 1e-6  # Where many points coincide; the mean variance of an axis is 1.


class MeanShiftPools:
    """Parts the points of a class by the maxima of their density.

    Up to 100 points, drawn at random, climb to the maxima of the density under a flat kernel, and every point
    belongs to the nearest maximum. All this happens on the leading principal axes, see
    `tfsbir.alignment.points`, for no radius tells dense from sparse in 256-d. Outliers make
    maxima of their own: those to which fewer than `min_share` of the points belong are dropped, and their
    points go to the nearest one that is left. Memberships are a heat map of the distances to the clusters'
    means, see `tfsbir.alignment.heat_map`.

    Args:
        quantile: Float in (0, 1]. The bandwidth is the mean distance of a point to the farthest of so
            many of its nearest neighbours (at least 20), as a share of all points. Default ours: of 30 made
            classes of 2 to 5 clusters, four to eight standard deviations apart, 0.1 found the right number in
            all, 0.2 in 25, scikit-learn's 0.3 in 14.
        min_share: Float in [0, 1), the least share of the points for a cluster; ours. Should no cluster be so
            large, the largest stays.
        num_dimensions: Integer >= 1, axes kept; ours.
        seed: Integer >= 0. The same points and seed give the same pools.
    Attributes:
        num_clusters: Integer >= 1.
        centers: `(num_clusters, dim)` float64, means of the points that belong to each; ours, for the
            maxima themselves are known on the leading axes alone.
        memberships: `(num, num_clusters)` float64, >= 0; each row sums to 1.
        sizes: `(num_clusters,)` float64, the memberships' sums, in points.
        bandwidth: Float, on the leading components.
    Call arguments:
        z: `(num, dim)` floats of `fit`, sketches and photos of one class in their common space.
    Raises: `ValueError` for arguments out of their range or points that are not finite.
    Source: Bui et al., "Deep Manifold Alignment for Mid-grain Sketch based Image Retrieval", ACCV 2018,
        Sec. 3.2, after Comaniciu and Meer, TPAMI 2002. It names no bandwidth.
    """

    def __init__(self, quantile=0.1, min_share=0.05, num_dimensions=5, seed=0):
        if not 0 < quantile <= 1:
            raise ValueError(f"`quantile` must be in (0, 1]. Received: {quantile}")
        if not 0 <= min_share < 1:
            raise ValueError(f"`min_share` must be in [0, 1). Received: {min_share}")
        if num_dimensions < 1:
            raise ValueError(f"`num_dimensions` must be >= 1. Received: {num_dimensions}")
        self.quantile = quantile
        self.min_share = min_share
        self.num_dimensions = num_dimensions
        self.seed = seed

    def fit(self, z):
        """Clusters `z` and returns this object."""
        # Threads would spin while they wait for each other, which costs much beside a training.
        with threadpool_limits(limits=1):
            return self._fit(checked_points(z))

    def _fit(self, z):
        x = leading_components(z, self.num_dimensions)
        labels = self._climb(x)
        self.num_clusters = int(labels.max()) + 1
        self.centers = np.stack([z[labels == cluster].mean(axis=0) for cluster in range(self.num_clusters)])
        self.memberships = heat_map(z, self.centers, labels)
        self.sizes = self.memberships.sum(axis=0)
        return self

    def _climb(self, x):
        sampled = min(len(x), _NUM_SAMPLED)
        quantile = min(1.0, max(self.quantile, _LEAST_NEIGHBORS / sampled))
        bandwidth = estimate_bandwidth(x, quantile=quantile, n_samples=sampled, random_state=self.seed)
        self.bandwidth = max(float(bandwidth), _LEAST_BANDWIDTH)
        seeds = x[np.random.default_rng(self.seed).permutation(len(x))[:_NUM_SEEDS]]
        shift = MeanShift(bandwidth=self.bandwidth, seeds=seeds).fit(x)
        counts = np.bincount(shift.labels_, minlength=len(shift.cluster_centers_))
        is_kept = counts >= max(1, min(self.min_share * len(x), counts.max()))
        return cdist(x, shift.cluster_centers_[is_kept]).argmin(axis=1)
