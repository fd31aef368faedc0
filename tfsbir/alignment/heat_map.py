"""Soft memberships where a clustering has none of its own."""

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import softmax

# Of the centres' mean squared length. Below it memberships are 0 or 1 anyway, and no exponent overflows.
_LEAST_VARIANCE = 1e-12


def heat_map(points, centers, labels):
    """Turns distances to centres into memberships.

    With squared distances d(n, k) of point n to centre k,

        membership(n, k) = exp(-d(n, k) / (2 s^2)) / sum over j of exp(-d(n, j) / (2 s^2))

    where s^2 is the variance of the clustered points about their own centres, per dimension of the space
    that the centres span. What a point has beyond that space adds the same to its distance to every centre
    and cancels, so neither memberships nor s^2 depend on it: the variance over all 256 dimensions would make
    every point a member of every cluster alike. This is the posterior of a mixture of equal round Gaussians
    at the centres. It is above 1/2 for the nearest centre of two and equal where two centres are equally far.

    Args:
        points: `(num, dim)` float64.
        centers: `(num_clusters, dim)` float64.
        labels: `(num,)` integers, the cluster of each point, -1 for an outlier, whose row is 0.
    Returns: `(num, num_clusters)` float64, >= 0; rows sum to 1, those of outliers to 0.
    Source: Bui et al., "Deep Manifold Alignment for Mid-grain Sketch based Image Retrieval", ACCV 2018,
        Sec. 3.4, names a "distance heat map" without a formula; the kernel is that of its Eq. 5, the scale
        and the normalization are ours.
    """
    offsets = centers - centers.mean(axis=0)
    _, lengths, axes = np.linalg.svd(offsets, full_matrices=False)
    axes = axes[lengths > 1e-6 * max(lengths[0], np.finfo(float).tiny)]
    is_clustered = labels >= 0
    if len(axes) == 0:  # One cluster, or centres that coincide.
        return np.where(is_clustered[:, None], 1.0 / len(centers), 0.0).repeat(len(centers), axis=1)
    projected = (points - centers.mean(axis=0)) @ axes.T
    squared = cdist(projected, offsets @ axes.T, "sqeuclidean")
    own = np.take_along_axis(squared[is_clustered], labels[is_clustered, None], axis=1)
    variance = max(own.mean() / len(axes), _LEAST_VARIANCE * np.square(lengths).mean())
    return np.where(is_clustered[:, None], softmax(-squared / (2 * variance), axis=1), 0.0)
