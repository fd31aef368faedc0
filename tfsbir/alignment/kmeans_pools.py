"""Pools by k-means."""

import numpy as np
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from tfsbir.alignment.heat_map import heat_map
from tfsbir.alignment.points import checked_points


class KMeansPools:
    """Parts the points of a class into a fixed number of clusters.

    Starts from k-means++ centres and keeps the best of four runs. Memberships are a heat map of the distances
    to the centres, see `tfsbir.alignment.heat_map`: a point between two clusters may be drawn from both. A
    class with fewer different points than clusters has one cluster for each of them.

    Args:
        max_clusters: Integer >= 1, the number of clusters (K); default from Source.
        seed: Integer >= 0. The same points and seed give the same pools.
    Attributes:
        num_clusters: Integer, `max_clusters` or fewer.
        centers: `(num_clusters, dim)` float64, means of the points nearest to each.
        memberships: `(num, num_clusters)` float64, >= 0; each row sums to 1.
        sizes: `(num_clusters,)` float64, the memberships' sums, in points.
    Call arguments:
        z: `(num, dim)` floats of `fit`, sketches and photos of one class in their common space.
    Raises: `ValueError` for arguments out of their range or points that are not finite.
    Source: Bui et al., "Deep Manifold Alignment for Mid-grain Sketch based Image Retrieval", ACCV 2018,
        Sec. 3.2 (k-means++, K = 5) and 3.4 (heat map).
    """

    def __init__(self, max_clusters=5, seed=0):
        if max_clusters < 1:
            raise ValueError(f"`max_clusters` must be >= 1. Received: {max_clusters}")
        self.max_clusters = max_clusters
        self.seed = seed

    def fit(self, z):
        """Clusters `z` and returns this object."""
        # Threads would spin while they wait for each other, which costs much beside a training.
        with threadpool_limits(limits=1):
            return self._fit(checked_points(z))

    def _fit(self, z):
        self.num_clusters = min(self.max_clusters, len(np.unique(z, axis=0)))
        kmeans = KMeans(self.num_clusters, init="k-means++", n_init=4, random_state=self.seed).fit(z)
        self.centers = kmeans.cluster_centers_
        self.memberships = heat_map(z, self.centers, kmeans.labels_)
        self.sizes = self.memberships.sum(axis=0)
        return self
