"""The loss of telling what a class means from an embedding."""

import keras
from keras import ops

# Below it a vector has no direction; its cosine counts as 0 and its gradient is finite.
_LEAST_NORM = 1e-6


@keras.saving.register_keras_serializable(package="tfsbir")
class SemanticReconstruction(keras.losses.Loss):
    """Asks that what a decoder makes of embeddings point to the word vector of the anchor's class.

    An anchor costs the mean of `(1 - cosine) / 2` over its sketch, its photo and the negative photo. The
    negative, too, is asked for the semantics of the anchor's class: put a `GradientReversal` between its
    embedding and the decoder, and the encoder learns to keep them out of it. A vector of zeros has no
    direction; its cosine is 0.

    Call arguments:
        y_true: `(batch, semantic_dim)` word vectors of the anchors' classes, of any length.
        y_pred: `(sketch, positive, negative)`, three `(batch, semantic_dim)` decoded vectors, of any length.
    Returns: `(batch,)` in [0, 1].
    Raises: `ValueError` if the shapes differ.
    Source: Dey et al., "Doodle to Search", CVPR 2019, Eq. 3. The factor lambda_s is `GradientReversal`'s.
    """

    def __init__(self, name="semantic_reconstruction", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        for decoded in y_pred:
            if tuple(decoded.shape) != tuple(y_true.shape):
                raise ValueError(
                    "`y_pred` must hold vectors of the shape of `y_true`, "
                    f"{tuple(y_true.shape)}. Received: {tuple(decoded.shape)}"
                )
        semantics = _unit(y_true)
        cosines = [ops.sum(_unit(decoded) * semantics, axis=-1) for decoded in y_pred]
        return sum((1.0 - cosine) / 2.0 for cosine in cosines) / len(cosines)


def _unit(x):
    square = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return x * ops.rsqrt(ops.maximum(square, _LEAST_NORM**2))
