import numpy as np

import tfsbir
from tests.distances.common_distances import embeddings


def test_agrees_with_weighted_euclidean_on_a_diagonal():
    diagonal = np.random.default_rng(1).normal(size=7)
    mahalanobis, weighted = tfsbir.distances.Mahalanobis(7), tfsbir.distances.WeightedEuclidean(7)
    mahalanobis.projection.assign(np.diag(diagonal))
    weighted.scale.assign(diagonal)
    pair = embeddings(5, 5)
    np.testing.assert_allclose(mahalanobis(pair), weighted(pair), rtol=1e-6)


def test_a_direction_that_is_projected_away_costs_nothing():
    layer = tfsbir.distances.Mahalanobis(2)
    layer.projection.assign([[1.0, -1.0], [0.0, 0.0]])  # M = [[1, -1], [-1, 1]], singular.
    photo = np.array([[5.0, 5.0], [1.0, -1.0]])
    np.testing.assert_array_equal(layer((np.zeros((2, 2)), photo)), [0.0, 4.0])
