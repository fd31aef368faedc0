"""The verification loss of every pair in a batch."""

import keras
from keras import ops

from tfsbir.distances.squared_euclidean import SquaredEuclidean


@keras.saving.register_keras_serializable(package="tfsbir")
class BatchContrastive(keras.losses.Loss):
    """Pulls every sketch to its photo and pushes it from the other photos of the batch, up to a margin.

    Photo `i` and sketch `i` are a positive pair, which costs `d**2 / 2` with d the Euclidean distance; a
    sketch and a photo of another instance are a negative pair, which costs `max(0, margin - d)**2 / 2`.
    Other photos of the same instance are left out. A sketch costs its positive pair and the mean of its
    negative pairs: were these summed, they would weigh more the larger the batch is. With `only_hardest` it
    costs its positive pair and the closest of its negative pairs. Without a negative pair it costs its
    positive pair. Each pair is judged by itself, nothing is ranked.

    A negative pair at distance 0 has no direction to part in: its gradient is 0.

    Keras casts `y_true` to float32, in which instance ids above 2**24 are no longer told apart; renumber
    such ids first.

    Args:
        margin: Float > 0, a Euclidean distance, not squared. Unit-norm embeddings are at most 2 apart, and
            sqrt(2) if they are orthogonal. The default is ours; Source leaves it open.
        only_hardest: Whether the closest negative of the batch counts alone (hard negative mining). Of
            several that are equally close, each has an equal part in the gradient.
    Call arguments:
        y_true: `(batch,)` instance ids, integers up to 2**24.
        y_pred: `(sketch, photo)`, two `(batch, dim)` unit-norm embeddings.
    Returns: `(batch,)`, in [0, 2 + margin**2 / 2].
    Raises: `ValueError` if `margin` <= 0.
    Source: Hadsell, Chopra & LeCun, "Dimensionality Reduction by Learning an Invariant Mapping", CVPR 2006,
        Eq. 4; as the pairwise alternative of Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 5.3, which
        cites Chopra, Hadsell & LeCun, CVPR 2005. The mean over the negative pairs is ours.
        `only_hardest` is SS-contrast-HM of Bui et al., "Deep Manifold Alignment for Mid-grain Sketch based
        Image Retrieval", 2018, Sec. 4.3; the ids are then those of categories. It prints no margin.
    """

    def __init__(self, margin=1.0, only_hardest=False, name="batch_contrastive", **kwargs):
        super().__init__(name=name, **kwargs)
        if not margin > 0:
            raise ValueError(f"`margin` must be > 0. Received: {margin}")
        self.margin = margin
        self.only_hardest = only_hardest
        self.distance = SquaredEuclidean()

    def call(self, y_true, y_pred):
        sketch, photo = y_pred
        positive_cost = self.distance((sketch, photo)) / 2.0
        squared = self.distance.pairwise(sketch, photo)
        # The slope of the root is infinite at 0. The inner `where` keeps it from becoming inf * 0 = NaN.
        is_apart = squared > 0.0
        distance = ops.where(is_apart, ops.sqrt(ops.where(is_apart, squared, 1.0)), 0.0)
        cost = ops.square(ops.maximum(self.margin - distance, 0.0)) / 2.0
        negative_mask = ops.not_equal(y_true[:, None], y_true[None, :])
        cost = ops.where(negative_mask, cost, 0.0)
        if self.only_hardest:
            return positive_cost + ops.max(cost, axis=-1)  # The closest pair costs the most.
        num_negatives = ops.sum(ops.cast(negative_mask, cost.dtype), axis=-1)
        return positive_cost + ops.sum(cost, axis=-1) / ops.maximum(num_negatives, 1.0)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin, "only_hardest": self.only_hardest}
