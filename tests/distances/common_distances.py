"""The four distances with drawn weights, and each as a float64 loop written from its equation."""

import numpy as np

from tfsbir.distances import HOLEF, Mahalanobis, SquaredEuclidean, WeightedEuclidean

DIM = 7


def squared_euclidean(**kwargs):
    return SquaredEuclidean(**kwargs)


def weighted_euclidean(dim=DIM, **kwargs):
    layer = WeightedEuclidean(dim, **kwargs)
    layer.scale.assign([0.0, *np.random.default_rng(1).normal(size=dim - 1)])  # Some are negative.
    return layer


def mahalanobis(dim=DIM, **kwargs):
    layer = Mahalanobis(dim, **kwargs)
    layer.projection.assign(np.random.default_rng(2).normal(size=(dim, dim)))
    return layer


def holef(dim=DIM, **kwargs):
    """Weights of both signs, far from symmetric."""
    layer = HOLEF(dim, **kwargs)
    layer.pair_weights.assign(np.eye(dim) + 0.5 * np.random.default_rng(3).normal(size=(dim, dim)))
    return layer


def squared_euclidean_loops(layer, sketch, photo):
    """D = sum_i (s_i - p_i)^2."""
    return sum((s - p) ** 2 for s, p in zip(sketch.tolist(), photo.tolist(), strict=True))


def weighted_euclidean_loops(layer, sketch, photo):
    """D = sum_i w_i (s_i - p_i)^2."""
    weights = np.array(layer.scale, "float64") ** 2
    return sum(w * (s - p) ** 2 for w, s, p in zip(weights, sketch.tolist(), photo.tolist(), strict=True))


def mahalanobis_loops(layer, sketch, photo):
    """D = (s - p)^T M (s - p), Eq. 9."""
    projection = np.array(layer.projection, "float64")
    matrix = projection.T @ projection
    difference = sketch.astype("float64") - photo.astype("float64")
    return sum(
        difference[i] * matrix[i, j] * difference[j] for i in range(len(sketch)) for j in range(len(sketch))
    )


def holef_loops(layer, sketch, photo):
    """D = sum of ((s outer-minus p) squared, weighted by W), Eq. 5-6."""
    weights = np.array(layer.pair_weights, "float64")
    total = 0.0
    for i, s in enumerate(sketch.tolist()):
        for j, p in enumerate(photo.tolist()):
            total += weights[i, j] * (s - p) ** 2
    return total


LOOPS = {
    squared_euclidean: squared_euclidean_loops,
    weighted_euclidean: weighted_euclidean_loops,
    mahalanobis: mahalanobis_loops,
    holef: holef_loops,
}


def all_pairs(make, layer, sketch, photo):
    """Returns the float64 distance of every sketch to every photo by the loops of `make`'s distance."""
    return np.array([[LOOPS[make](layer, s, p) for p in photo] for s in sketch])


def embeddings(num_sketches, num_photos, dim=DIM, seed=4):
    """Draws float32 sketch and photo embeddings."""
    rng = np.random.default_rng(seed)
    sketch, photo = rng.normal(size=(num_sketches, dim)), rng.normal(size=(num_photos, dim))
    return sketch.astype("float32"), photo.astype("float32")
