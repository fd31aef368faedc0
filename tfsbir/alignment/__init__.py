"""Sketches and photos of a class brought into one space, where what looks alike can be pooled."""

from tfsbir.alignment.affinity import correspondence_affinity, neighbor_affinity
from tfsbir.alignment.dbscan_pools import DBSCANPools
from tfsbir.alignment.gaussian_mixture_pools import GaussianMixturePools
from tfsbir.alignment.kmeans_pools import KMeansPools
from tfsbir.alignment.linear_transform import LinearTransform
from tfsbir.alignment.manifold_alignment import ManifoldAlignment
from tfsbir.alignment.mean_shift_pools import MeanShiftPools
from tfsbir.alignment.pca_warp import PCAWarp
from tfsbir.alignment.pools import Pools, make_pools

__all__ = [
    "DBSCANPools",
    "GaussianMixturePools",
    "KMeansPools",
    "LinearTransform",
    "ManifoldAlignment",
    "MeanShiftPools",
    "PCAWarp",
    "Pools",
    "correspondence_affinity",
    "make_pools",
    "neighbor_affinity",
]
