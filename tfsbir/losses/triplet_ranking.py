"""The ranking loss of given triplets."""

import keras
from keras import ops

from tfsbir.distances.squared_euclidean import SquaredEuclidean


@keras.saving.register_keras_serializable(package="tfsbir")
class TripletRanking(keras.losses.Loss):
    """Asks that the positive be closer to its anchor than the negative is, by a margin.

    With D the squared Euclidean distance an anchor costs `max(0, margin + D(anchor, positive) -
    D(anchor, negative))`. A triplet says itself which photo is closer, so `y_true` is ignored; Keras wants
    one, and zeros will do.

    Args:
        margin: Float > 0. Unit-norm embeddings are at most 4 apart. The default is that of the released
            training code of Source; its paper prints 2.
    Call arguments:
        y_true: Ignored.
        y_pred: `(anchor, positive, negative)`, three `(batch, dim)` unit-norm embeddings.
    Returns: `(batch,)`, in [0, margin + 4].
    Raises: `ValueError` if `margin` <= 0.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Eq. 2 (gamma is the margin).
    """

    def __init__(self, margin=0.3, name="triplet_ranking", **kwargs):
        super().__init__(name=name, **kwargs)
        if not margin > 0:
            raise ValueError(f"`margin` must be > 0. Received: {margin}")
        self.margin = margin
        self.distance = SquaredEuclidean()

    def call(self, y_true, y_pred):
        anchor, positive, negative = y_pred
        gap = self.distance((anchor, positive)) - self.distance((anchor, negative))
        return ops.maximum(self.margin + gap, 0.0)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}
