"""The regulariser of HOLEF's weights."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfsbir")
class NearIdentity(keras.regularizers.Regularizer):
    """Keeps a square matrix W near the identity I: weight * (|W - I|_1 + |W - I|_F).

    The first norm is the sum of absolute values, as in an elastic net. Neither has a slope at W = I, where
    training starts: the gradient there is 0, not NaN.

    Args:
        regularization_weight: Float >= 0 (lambda), default from Source.
    Call arguments:
        matrix: `(dim, dim)`.
    Returns: Scalar, >= 0.
    Raises: `ValueError` if `regularization_weight` is negative or not finite.
    Source: Song et al., "Deep Spatial-Semantic Attention for Fine-Grained Sketch-Based Image Retrieval",
        ICCV 2017, Eq. 7.
    """

    def __init__(self, regularization_weight=5e-4):
        if not 0 <= regularization_weight < math.inf:
            raise ValueError(
                f"`regularization_weight` must be finite and >= 0. Received: {regularization_weight}"
            )
        self.regularization_weight = regularization_weight

    def __call__(self, matrix):
        matrix = ops.convert_to_tensor(matrix)
        deviation = matrix - ops.eye(matrix.shape[0], dtype=matrix.dtype)
        squared = ops.sum(ops.square(deviation))
        # The slope of the root is infinite at 0. The inner `where` keeps it from becoming inf * 0 = NaN.
        is_away = squared > 0.0
        frobenius = ops.where(is_away, ops.sqrt(ops.where(is_away, squared, 1.0)), 0.0)
        # Not `ops.abs`: in JAX its slope at 0 is 1, which would move weights that are the identity.
        absolute = deviation * ops.sign(deviation)
        return self.regularization_weight * (ops.sum(absolute) + frobenius)

    def get_config(self):
        return {"regularization_weight": self.regularization_weight}
