"""The distance of paper 5's triplets."""

import keras
from keras import ops

from tfsbir.distances.squared_euclidean import SquaredEuclidean


@keras.saving.register_keras_serializable(package="tfsbir")
class Euclidean(SquaredEuclidean):
    """Euclidean distance between embeddings, the root of `SquaredEuclidean`.

    It ranks photos as the square does and is lifted like it: a run that is trained by it is searched by the
    square, and no run's distance is of this name. In a margin loss the two differ. At equal embeddings, where
    the root has no gradient, the gradient is 0.

    Call arguments:
        inputs: `(sketch, photo)`, two `(batch, dim)` embeddings.
    Returns: `(batch,)` float32, >= 0; at most 2 for unit-norm embeddings.
    Raises: `ValueError` as `SquaredEuclidean`.
    Source: Dey et al., "Doodle to Search", CVPR 2019, Sec. 4.3.
    """

    def call(self, inputs):
        return _root(super().call(inputs))

    def pairwise(self, sketch, photo):
        """As `SquaredEuclidean.pairwise`, whose rounding near 0 the root makes larger."""
        return _root(super().pairwise(sketch, photo))

    def distance_of(self, sketch, inner_product):
        """As `SquaredEuclidean.distance_of`."""
        return _root(super().distance_of(sketch, inner_product))


def _root(square):
    is_apart = square > 0
    return ops.where(is_apart, ops.sqrt(ops.where(is_apart, square, 1.0)), 0.0)
