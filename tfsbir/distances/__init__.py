"""Distances between embeddings; lower is closer."""

from tfsbir.distances.squared_euclidean import SquaredEuclidean

__all__ = ["SquaredEuclidean"]
