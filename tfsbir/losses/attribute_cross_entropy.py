"""The loss of predicted attributes."""

import keras
import numpy as np
from keras import ops

_LEAST_PROBABILITY = 1e-7  # Keras' own epsilon, about the step of float32 next to 1.
_MOST_WEIGHT = 10.0


@keras.saving.register_keras_serializable(package="tfsbir")
class AttributeCrossEntropy(keras.losses.Loss):
    """Asks that the predicted probabilities of binary attributes agree with those that are known.

    A known attribute costs minus the logarithm of the probability that was given to its label, times the
    weight of that label. An image costs the mean over its known attributes, 0 if none is known. An attribute
    that is not known has no gradient at all.

    With `shares` both values of an attribute count alike in expectation and the mean weight is 1: with s the
    share of 1, a 1 weighs 0.5 / s and a 0 weighs 0.5 / (1 - s). No label weighs more than 10, or a rare one
    would drown its whole batch. So the rarer value weighs less than the other where its share is below 5 %,
    and the other then weighs what keeps the mean at 1. An attribute whose share is 0, 1 or NaN has nothing to
    balance: its labels weigh 1, which is what the others tend to as their share goes to 0 or 1.

    Probabilities count as at least 1e-7, and as much below 1: no label costs more than 16.2 times its
    weight, and a probability beyond has no gradient. Call it with float32 probabilities. A sigmoid in half
    precision is 0 or 1 early, and the gradient, up to 1e7, is too large for float16. The loss itself is
    computed in float32 whatever the policy.

    Args:
        shares: `(num_attributes,)` shares of 1 among the known training labels, in [0, 1], NaN where none
            is known (`tfsbir.data.attribute_shares`). By default every label weighs 1.
    Call arguments:
        y_true: `(batch, num_attributes)`, 1 or 0, -1 where it is not known.
        y_pred: `(batch, num_attributes)` probabilities in [0, 1], after the sigmoid.
    Returns: `(batch,)`, >= 0, in nats.
    Raises: `ValueError` if `shares` is of another shape or out of range, or the numbers of attributes differ.
    Source: Song et al., "Deep Multi-task Attribute-driven Ranking for Fine-grained Sketch-based Image
        Retrieval", BMVC 2016, the L_p of Eq. 1. The abstract at hand does not spell it out; the mean, the
        weights and their bound are ours.
    """

    def __init__(self, shares=None, name="attribute_cross_entropy", **kwargs):
        super().__init__(name=name, **kwargs)
        self.shares = None if shares is None else _checked_shares(shares)
        self._label_weights = None if shares is None else _weights(np.array(self.shares))

    def call(self, y_true, y_pred):
        self._check_shapes(y_true.shape, y_pred.shape)
        y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        is_one, is_known = y_true > 0.5, y_true > -0.5
        # What is not known has the probability 1: no cost, and `where` gives it a gradient of exactly 0.
        probability = ops.where(is_one, y_pred, ops.where(is_known, 1.0 - y_pred, 1.0))
        cost = -ops.log(ops.maximum(probability, _LEAST_PROBABILITY))
        if self._label_weights is not None:
            of_one, of_zero = self._label_weights
            cost = cost * ops.where(is_one, of_one, of_zero)
        num_known = ops.sum(ops.cast(is_known, "float32"), axis=-1)
        return ops.sum(cost, axis=-1) / ops.maximum(num_known, 1.0)

    def get_config(self):
        return {**super().get_config(), "shares": self.shares}

    def _check_shapes(self, true_shape, predicted_shape):
        # In a graph sizes may be open, None.
        if (
            len(true_shape) != 2
            or len(predicted_shape) != 2
            or any(
                None not in sizes and sizes[0] != sizes[1]
                for sizes in zip(true_shape, predicted_shape, strict=True)
            )
        ):
            raise ValueError(
                "`y_true` and `y_pred` must both be (batch, num_attributes). "
                f"Received shapes: {tuple(true_shape)} and {tuple(predicted_shape)}"
            )
        if self.shares is not None and predicted_shape[-1] not in (None, len(self.shares)):
            raise ValueError(
                f"`y_pred` must have the {len(self.shares)} attributes of `shares`. "
                f"Received shape: {tuple(predicted_shape)}"
            )


def _checked_shares(shares):
    """Returns the shares as a list of floats, which a config can hold."""
    shares = np.asarray(shares, np.float64)
    if shares.ndim != 1 or not len(shares):
        raise ValueError(
            f"`shares` must be (num_attributes,) with at least one. Received shape: {shares.shape}"
        )
    is_outside = (shares < 0) | (shares > 1)
    if is_outside.any():
        raise ValueError(
            f"`shares` must be in [0, 1], or NaN where no label is known. Received: {shares[is_outside][0]} "
            f"at {is_outside.argmax()}"
        )
    return shares.tolist()


def _weights(shares):
    """Returns the weights of a 1 and of a 0, each `(num_attributes,)` float32."""
    is_balanced = (shares > 0) & (shares < 1)
    shares = np.where(is_balanced, shares, 0.5)  # Which gives the weights 1 and 1.
    rarer = np.minimum(shares, 1 - shares)
    of_rarer = np.minimum(0.5 / rarer, _MOST_WEIGHT)
    of_other = (1 - rarer * of_rarer) / (1 - rarer)
    is_one_rarer = shares <= 0.5
    of_one = np.where(is_one_rarer, of_rarer, of_other)
    of_zero = np.where(is_one_rarer, of_other, of_rarer)
    return of_one.astype(np.float32), of_zero.astype(np.float32)
