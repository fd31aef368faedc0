"""Learned distances with drawn weights, compared by their definitions in float64."""

import numpy as np

from tests.distances.common_distances import holef, mahalanobis, weighted_euclidean
from tfsbir.distances import distance_name
from tfsbir.retrieval import Lifting

LEARNED = {"weighted_euclidean": weighted_euclidean, "mahalanobis": mahalanobis, "holef": holef}


def lifting_of(layer):
    """Returns the `Lifting` with a layer's weights."""
    return Lifting(distance_name(layer), layer.get_weights()[0])


def defined_distances(name, weights, queries, photos):
    """Returns float64 distances `(num_queries, num_photos)` from all pairs' differences: nothing cancels."""
    weights, queries, photos = (np.asarray(values, np.float64) for values in (weights, queries, photos))
    if name == "holef":
        elements = queries[:, None, :, None] - photos[None, :, None, :]
        return np.einsum("ij,qpij->qp", weights, np.square(elements))
    differences = queries[:, None] - photos[None]
    weighted = differences * weights if name == "weighted_euclidean" else differences @ weights.T
    return np.square(weighted).sum(axis=2)
