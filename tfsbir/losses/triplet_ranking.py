"""The ranking loss of given triplets."""

import keras
from keras import ops

from tfsbir.distances.squared_euclidean import SquaredEuclidean


@keras.saving.register_keras_serializable(package="tfsbir")
class TripletRanking(keras.losses.Loss):
    """Asks that the positive be closer to its anchor than the negative is, by a margin.

    With D the distance an anchor costs `max(0, margin + D(anchor, positive) -
    D(anchor, negative))`. A triplet says itself which photo is closer, so `y_true` is ignored; Keras wants
    one, and zeros will do.

    Args:
        margin: Float > 0. Unit-norm embeddings are at most 4 apart. The default is that of the released
            training code of Source; its paper prints 2.
        distance: Layer of `tfsbir.distances`, None for `SquaredEuclidean()`. Its variables are not the
            loss's: whoever trains adds them, and `distance.losses`, to the model's.
    Call arguments:
        y_true: Ignored.
        y_pred: `(anchor, positive, negative)`, three `(batch, dim)` embeddings.
    Returns: `(batch,)`, >= 0; at most margin + 4 for unit-norm embeddings and the default distance.
    Raises: `ValueError` if `margin` <= 0.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Eq. 2 (gamma is the margin).
    """

    def __init__(self, margin=0.3, distance=None, name="triplet_ranking", **kwargs):
        super().__init__(name=name, **kwargs)
        if not margin > 0:
            raise ValueError(f"`margin` must be > 0. Received: {margin}")
        self.margin = margin
        self.distance = SquaredEuclidean() if distance is None else distance

    def call(self, y_true, y_pred):
        anchor, positive, negative = y_pred
        gap = self.distance((anchor, positive)) - self.distance((anchor, negative))
        return ops.maximum(self.margin + gap, 0.0)

    def get_config(self):
        distance = keras.saving.serialize_keras_object(self.distance)
        return {**super().get_config(), "margin": self.margin, "distance": distance}

    @classmethod
    def from_config(cls, config):
        distance = keras.saving.deserialize_keras_object(config["distance"])
        return cls(**{**config, "distance": distance})
