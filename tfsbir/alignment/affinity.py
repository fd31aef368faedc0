"""Who is close to whom: within a domain by distance, between the domains by correspondence."""

import math

import numpy as np
from scipy import sparse
from sklearn.neighbors import kneighbors_graph


def neighbor_affinity(points, num_neighbors=10, heat_scale=None, labels=None):
    """Computes the affinity of every point to its nearest neighbours.

    It is `exp(-distance^2 / heat_scale)` if one is among the other's `num_neighbors` nearest, else 0; a point
    is no neighbour of itself. Where only one is among the other's nearest, the affinity is half of that: the
    mean with the transpose makes the matrix symmetric and changes no sum over all ordered pairs of something
    symmetric, as Eq. 4 is.

    Args:
        points: `(num, dim)` floats, finite.
        num_neighbors: Int >= 1. Fewer are taken where there are fewer other points.
        heat_scale: Float > 0, the squared distance at which an affinity has fallen to 1 / e. None takes the
            mean squared distance of a point to its neighbours, so that the affinity does not depend on the
            scale of the points; where all these distances are 0, every affinity is 1.
        labels: `(num,)` classes, or None. Neighbours are of the same class.
    Returns: Symmetric `(num, num)` sparse array, float64 in [0, 1], with at most `2 * num * num_neighbors`
        entries. Of one point, or of classes of one point, it is all zero.
    Raises: `ValueError` if `num_neighbors` < 1, if `heat_scale` <= 0, or if it is so small that all
        affinities vanish.
    Source: Bui et al., "Deep Manifold Alignment for Mid-grain Sketch based Image Retrieval", 2018, Eq. 5,
        which has a `heat_scale` of 1, does not say how many neighbours, and is not symmetric.
    """
    check_neighbors(num_neighbors, heat_scale)
    rows, columns, distances = [], [], []
    classes = np.zeros(len(points)) if labels is None else labels
    for label in np.unique(classes):
        members = np.flatnonzero(classes == label)
        if len(members) == 1:
            continue
        graph = kneighbors_graph(
            points[members], min(num_neighbors, len(members) - 1), mode="distance", include_self=False
        ).tocoo()
        rows.append(members[graph.row])
        columns.append(members[graph.col])
        distances.append(graph.data)
    shape = (len(points), len(points))
    if not rows:
        return sparse.csr_array(shape)
    squared = np.square(np.concatenate(distances))
    if heat_scale is None:
        heat_scale = np.mean(squared) or 1.0
    heat = np.exp(-squared / heat_scale)
    if not heat.any():
        raise ValueError(
            "`heat_scale` must be large enough for some affinity to be > 0. "
            f"Received: {heat_scale}, where the nearest neighbours' squared distance is {squared.min():.4g}"
        )
    affinity = sparse.csr_array((heat, (np.concatenate(rows), np.concatenate(columns))), shape)
    return (affinity + affinity.T) / 2


def correspondence_affinity(pairs, num_sketches, num_photos):
    """Marks who corresponds to whom.

    Args:
        pairs: `(num_pairs, 2)` integers, rows of a sketch's and a photo's index, each row once. A sketch may
            stand in many rows, and a photo too.
    Returns: `(num_sketches, num_photos)` sparse array, 1 for a pair, else 0.
    Source: Bui et al., 2018, Eq. 7.
    """
    return sparse.csr_array((np.ones(len(pairs)), tuple(np.transpose(pairs))), (num_sketches, num_photos))


def check_neighbors(num_neighbors, heat_scale):
    """Raises `ValueError` for a `num_neighbors` or a `heat_scale` out of range."""
    if num_neighbors < 1:
        raise ValueError(f"`num_neighbors` must be >= 1. Received: {num_neighbors}")
    if heat_scale is not None and not 0 < heat_scale < math.inf:
        raise ValueError(f"`heat_scale` must be None, or finite and > 0. Received: {heat_scale}")
