"""Measures of retrieval and of predicted attributes, as fractions in [0, 1]."""

from tfsbir.metrics.accuracy import accuracy, ranks
from tfsbir.metrics.attribute_average_precision import attribute_average_precision
from tfsbir.metrics.multi_view import multi_view_distances, views
from tfsbir.metrics.triplet_accuracy import triplet_accuracy

__all__ = [
    "accuracy",
    "attribute_average_precision",
    "multi_view_distances",
    "ranks",
    "triplet_accuracy",
    "views",
]
