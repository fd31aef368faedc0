"""Distances by name, as flags and files have them."""

from tfsbir.distances.holef import HOLEF
from tfsbir.distances.mahalanobis import Mahalanobis
from tfsbir.distances.squared_euclidean import SquaredEuclidean
from tfsbir.distances.weighted_euclidean import WeightedEuclidean

LEARNED = {"weighted_euclidean": WeightedEuclidean, "mahalanobis": Mahalanobis, "holef": HOLEF}
DISTANCES = ("squared_euclidean", *LEARNED)


def make_distance(name, dim, **kwargs):
    """Builds the distance of a name, as it is before training.

    Args:
        name: One of `DISTANCES`.
        dim: Int >= 1, length of an embedding.
        **kwargs: What its layer takes beside.
    Returns: A layer of `tfsbir.distances`.
    Raises: `ValueError` for another name, and what the layer raises.
    """
    if name == "squared_euclidean":
        return SquaredEuclidean(**kwargs)
    if name not in LEARNED:
        raise ValueError(f"`name` must be one of {', '.join(DISTANCES)}. Received: {name!r}")
    return LEARNED[name](dim, **kwargs)


def distance_name(distance):
    """Returns the name that `make_distance` builds a layer by; `TypeError` for any other layer."""
    for name in DISTANCES:
        if type(distance) is LEARNED.get(name, SquaredEuclidean):
            return name
    raise TypeError(f"`distance` must be a layer of tfsbir.distances. Received: {distance!r}")
