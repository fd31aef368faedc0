"""The loss of telling sketches from photos."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfsbir")
class DomainConfusion(keras.losses.Loss):
    """Asks a domain classifier to take sketches for 0 and photos for 1.

    An anchor costs the mean of the binary cross-entropies of its sketch and of its two photos. It is the
    classifier's own loss: with a `GradientReversal` between embeddings and classifier, the encoders learn to
    defeat it. A classifier that has nothing to go by does best to say "photo" with a probability of 2 / 3, as
    there are two for a sketch; that costs 0.64.

    Call arguments:
        y_true: Ignored; Keras wants one, and zeros will do.
        y_pred: `(sketch, positive, negative)`, three `(batch,)` or `(batch, 1)` logits of being a photo.
    Returns: `(batch,)`, >= 0, in nats.
    Raises: `ValueError` if the logits are not one a sample.
    Source: Dey et al., "Doodle to Search", CVPR 2019, Eq. 2, whose sign is a slip: as printed the classifier
        would unlearn. The factor lambda_d is `GradientReversal`'s.
    """

    def __init__(self, name="domain_confusion", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        sketch, positive, negative = (_flat(logits) for logits in y_pred)
        # -log(sigmoid(x)) is softplus(-x), which neither overflows nor loses its gradient.
        return (ops.softplus(sketch) + ops.softplus(-positive) + ops.softplus(-negative)) / 3.0


def _flat(logits):
    if len(logits.shape) == 2 and logits.shape[1] == 1:
        logits = logits[:, 0]
    if len(logits.shape) != 1:
        raise ValueError(
            f"`y_pred` must hold logits of shape (batch,) or (batch, 1). Received: {tuple(logits.shape)}"
        )
    return logits
