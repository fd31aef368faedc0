"""Pools by DBSCAN."""

import numpy as np
from sklearn.cluster import DBSCAN
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from tfsbir.alignment.heat_map import heat_map
from tfsbir.alignment.points import checked_points, leading_components

_LEAST_EPS = 1e-6  # Where many points coincide; the mean variance of an axis is 1.


class DBSCANPools:
    """Parts the points of a class by the gaps between its dense regions, and leaves outliers out.

    A point with `min_samples` points, itself included, within the distance `eps` is dense; dense points
    within `eps` of each other, and all that is within `eps` of them, are one cluster. What is left are
    outliers: no cluster may draw them. The radius comes from the points: it is such that `dense_share` of
    them are dense, the distance which so many do not exceed to their `min_samples`-th nearest point
    (themselves the first). Of the others up to all may be outliers; of made classes it was about half. All
    this happens on the leading principal axes, see `tfsbir.alignment.points`, for no radius tells dense from
    sparse in 256-d. A class of `min_samples` points or fewer is one cluster. Memberships are a heat map of
    the distances to the clusters' means, see `tfsbir.alignment.heat_map`.

    Args:
        min_samples: Integer >= 2; by default twice the axes, as Sander et al., DMKD 1998, advise.
        dense_share: Float in (0, 1], the least share of dense points; ours. The higher it is, the more often
            sparse ground between clusters joins them: of 30 made classes of 2 to 5 clusters, four to eight
            standard deviations apart, 0.5 found the right number in 24, 0.7 in 21, 0.9 in 12.
        num_dimensions: Integer >= 1, axes kept; ours.
    Attributes:
        num_clusters: Integer >= 1.
        centers: `(num_clusters, dim)` float64, means of the points of each.
        memberships: `(num, num_clusters)` float64, >= 0; each row sums to 1, those of outliers to 0.
        is_outlier: `(num,)` bool.
        sizes: `(num_clusters,)` float64, the memberships' sums, in points.
        eps: Float, on the leading components; `None` for a class too small to be parted.
    Call arguments:
        z: `(num, dim)` floats of `fit`, sketches and photos of one class in their common space.
    Raises: `ValueError` for arguments out of their range or points that are not finite.
    Source: Bui et al., "Deep Manifold Alignment for Mid-grain Sketch based Image Retrieval", ACCV 2018,
        Sec. 3.2, names no radius. Ours is that of Ester et al., "A Density-Based Algorithm for Discovering
        Clusters", KDD 1996, Sec. 4.2, from the sorted k-distances and a share of noise. Nothing is drawn at
        random.
    """

    def __init__(self, min_samples=10, dense_share=0.5, num_dimensions=5):
        if min_samples < 2:
            raise ValueError(f"`min_samples` must be >= 2. Received: {min_samples}")
        if not 0 < dense_share <= 1:
            raise ValueError(f"`dense_share` must be in (0, 1]. Received: {dense_share}")
        if num_dimensions < 1:
            raise ValueError(f"`num_dimensions` must be >= 1. Received: {num_dimensions}")
        self.min_samples = min_samples
        self.dense_share = dense_share
        self.num_dimensions = num_dimensions

    def fit(self, z):
        """Clusters `z` and returns this object."""
        # Threads would spin while they wait for each other, which costs much beside a training.
        with threadpool_limits(limits=1):
            return self._fit(checked_points(z))

    def _fit(self, z):
        labels = self._labels(z)
        self.num_clusters = int(labels.max()) + 1
        self.is_outlier = labels < 0
        self.centers = np.stack([z[labels == cluster].mean(axis=0) for cluster in range(self.num_clusters)])
        self.memberships = heat_map(z, self.centers, labels)
        self.sizes = self.memberships.sum(axis=0)
        return self

    def _labels(self, z):
        self.eps = None
        if len(z) <= self.min_samples:
            return np.zeros(len(z), int)
        x = leading_components(z, self.num_dimensions)
        distances, _ = NearestNeighbors(n_neighbors=self.min_samples).fit(x).kneighbors(x)
        # A quantile that is one of the distances, for between two of them too many points might be left out.
        eps = np.quantile(distances[:, -1], self.dense_share, method="higher")
        # The search below may round a distance in another way than the one above.
        self.eps = max(float(eps) * (1 + 1e-9), _LEAST_EPS)
        return DBSCAN(eps=self.eps, min_samples=self.min_samples).fit(x).labels_
