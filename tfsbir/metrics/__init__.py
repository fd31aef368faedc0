"""Measures of retrieval and of predicted attributes, as fractions in [0, 1]."""

from tfsbir.metrics.accuracy import accuracy, ranks
from tfsbir.metrics.attribute_average_precision import attribute_average_precision
from tfsbir.metrics.average_precision import CONVENTIONS, average_precision, mean_average_precision
from tfsbir.metrics.category_metrics import category_metrics
from tfsbir.metrics.multi_view import multi_view_distances, multi_view_embeddings, views
from tfsbir.metrics.precision_at_k import PRECISION_CONVENTIONS, precision_at_k
from tfsbir.metrics.rated_relevance import RELEVANCE_THRESHOLD, rated_relevance
from tfsbir.metrics.retrieval_metrics import RetrievalMetrics, retrieval_metrics
from tfsbir.metrics.triplet_accuracy import triplet_accuracy

__all__ = [
    "CONVENTIONS",
    "PRECISION_CONVENTIONS",
    "RELEVANCE_THRESHOLD",
    "RetrievalMetrics",
    "accuracy",
    "attribute_average_precision",
    "average_precision",
    "category_metrics",
    "mean_average_precision",
    "multi_view_distances",
    "multi_view_embeddings",
    "precision_at_k",
    "ranks",
    "rated_relevance",
    "retrieval_metrics",
    "triplet_accuracy",
    "views",
]
