"""The ranking loss of every triplet in a batch of pairs."""

import keras
from keras import ops

from tfsbir.distances.squared_euclidean import SquaredEuclidean


@keras.saving.register_keras_serializable(package="tfsbir")
class BatchTripletRanking(keras.losses.Loss):
    """Ranks, for every sketch, its photo before all other photos of the batch, by a margin.

    Photo `i` is the positive of sketch `i`; each photo of another instance is a negative, and other photos
    of the same instance are left out. A sketch costs the mean of `max(0, margin + D(sketch, positive) -
    D(sketch, negative))` over the negatives for which that is > 0, with D the distance: a mean over all would
    fade as most negatives become easy. With `only_hardest` it costs that of the closest negative alone.
    Without a negative that costs, it costs 0.

    Negatives may have weights, as if each were drawn that often: the mean is then the weighted one, and a
    weight of 0 leaves a negative out.

    Keras casts `y_true` to float32, in which instance ids above 2**24 are no longer told apart; renumber
    such ids first.

    Args:
        margin: Float > 0. Unit-norm embeddings are at most 4 apart. The default is that of the released
            training code of Source; its paper prints 2.
        distance: Layer of `tfsbir.distances`, None for `SquaredEuclidean()`. Its variables are not the
            loss's: whoever trains adds them, and `distance.losses`, to the model's.
        only_hardest: Whether the closest negative of the batch counts alone (hard negative mining). Of
            several that are equally close, each has an equal part in the gradient.
    Call arguments:
        y_true: `(batch,)` instance ids, integers up to 2**24; or `(instance, weights)`, with `(batch, batch)`
            floats >= 0, how much photo `j` weighs as a negative of sketch `i`. Only the ratios within a row
            count.
        y_pred: `(sketch, photo)`, two `(batch, dim)` embeddings.
    Returns: `(batch,)`, >= 0; at most margin + 4 for unit-norm embeddings and the default distance.
    Raises: `ValueError` if `margin` <= 0.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Eq. 2 (gamma is the margin), there on annotated
        triplets; taking the batch's photos as negatives and the mean over violations are ours.
        `only_hardest` is SS-triplet-HM of Bui et al., "Deep Manifold Alignment for Mid-grain Sketch based
        Image Retrieval", 2018, Sec. 4.3: "the closest negative image within a mini-batch is selected for
        each anchor sketch"; the ids are then those of categories. It prints no margin.
    """

    def __init__(self, margin=0.3, distance=None, only_hardest=False, name="batch_triplet_ranking", **kwargs):
        super().__init__(name=name, **kwargs)
        if not margin > 0:
            raise ValueError(f"`margin` must be > 0. Received: {margin}")
        self.margin = margin
        self.distance = SquaredEuclidean() if distance is None else distance
        self.only_hardest = only_hardest

    def call(self, y_true, y_pred):
        instance, weights = y_true if isinstance(y_true, (tuple, list)) else (y_true, None)
        sketch, photo = y_pred
        distance = self.distance.pairwise(sketch, photo)
        violation = ops.maximum(self.margin + ops.diagonal(distance)[:, None] - distance, 0.0)
        is_negative = ops.not_equal(instance[:, None], instance[None, :])
        if weights is not None:
            weights = ops.cast(weights, violation.dtype)
            is_negative = ops.logical_and(is_negative, weights > 0.0)
        violation = ops.where(is_negative, violation, 0.0)
        if self.only_hardest:
            return ops.max(violation, axis=-1)  # Of the closest negative: it violates the margin the most.
        counts = ops.cast(violation > 0.0, violation.dtype)
        if weights is not None:
            # The largest of those that count becomes 1, so that small weights are not lost to rounding.
            counts = counts * weights
            largest = ops.max(counts, axis=-1, keepdims=True)
            counts = counts / ops.where(largest > 0.0, largest, 1.0)
        return ops.sum(violation * counts, axis=-1) / ops.maximum(ops.sum(counts, axis=-1), 1.0)

    def get_config(self):
        distance = keras.saving.serialize_keras_object(self.distance)
        return {
            **super().get_config(),
            "margin": self.margin,
            "distance": distance,
            "only_hardest": self.only_hardest,
        }

    @classmethod
    def from_config(cls, config):
        distance = keras.saving.deserialize_keras_object(config["distance"])
        return cls(**{**config, "distance": distance})
