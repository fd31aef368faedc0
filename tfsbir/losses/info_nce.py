"""The contrastive loss of a batch of pairs."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfsbir")
class InfoNCE(keras.losses.Loss):
    """Classifies, for every sketch, its photo among all photos of the batch.

    Photo `i` is the positive of sketch `i`; each photo of another instance is a negative, and other photos
    of the same instance are left out. A sketch without a negative costs 0. Only sketches are anchors; add
    `info_nce(instance, (photo, sketch))` for the other direction.

    Keras casts `y_true` to float32, in which instance ids above 2**24 are no longer told apart; renumber
    such ids first.

    Args:
        temperature: Float > 0 which divides the cosine similarities.
    Call arguments:
        y_true: `(batch,)` instance ids, integers up to 2**24.
        y_pred: `(sketch, photo)`, two `(batch, dim)` unit-norm embeddings.
    Returns: `(batch,)`, >= 0, in nats.
    Raises: `ValueError` if `temperature` <= 0.
    Source: van den Oord et al., 2018, Eq. 4, with cosine logits; arxiv.org/abs/1807.03748.
    """

    def __init__(self, temperature=0.07, name="info_nce", **kwargs):
        super().__init__(name=name, **kwargs)
        if not temperature > 0:
            raise ValueError(f"`temperature` must be > 0. Received: {temperature}")
        self.temperature = temperature

    def call(self, y_true, y_pred):
        sketch, photo = y_pred
        logits = ops.matmul(sketch, ops.transpose(photo)) / self.temperature
        # -log softmax at the positive is log(1 + the sum of exp(negative - positive)); written so, an anchor
        # without a negative costs exactly 0.
        excess = logits - ops.diagonal(logits)[:, None]
        negative_mask = ops.not_equal(y_true[:, None], y_true[None, :])
        excess = ops.where(negative_mask, excess, -math.inf)
        return ops.logsumexp(ops.pad(excess, ((0, 0), (1, 0))), axis=-1)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}
