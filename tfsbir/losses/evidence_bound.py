"""The loss of a conditional variational autoencoder."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfsbir")
class EvidenceBound(keras.losses.Loss):
    """Bounds from above what it costs to describe a photo's features, given those of its sketch.

    With x the photo's features, x' what was reconstructed of them, s and s' the same of the sketch's, and
    N(m, diag(v)) the Gaussian of the latent vector, a pair costs `|x - x'|^2 / 2 + kl_weight KL +
    sketch_weight |s - s'|^2 / 2`. The first is, but for a constant, minus the logarithm of a Gaussian density
    of unit variance; `KL = sum(m^2 + v - log(v) - 1) / 2` is the divergence from the standard normal
    distribution. With the weights 1 and 0, the default, the sum is the negative evidence lower bound. Squares
    are summed over the features, not averaged, so their scale counts: make them about of unit variance.

    All is computed in float32.

    Args:
        kl_weight: Float >= 0; 1 makes it a bound.
        sketch_weight: Float >= 0 (lambda in Source), of the sketch's reconstruction from the photo's.
    Call arguments:
        y_true: `(photo, sketch)`, `(batch, photo_dim)` and `(batch, sketch_dim)` features.
        y_pred: `(photo, sketch, mean, log_variance)`, as `tfsbir.models.ConditionalVAE` returns them; the
            last two are `(batch, latent_dim)`.
    Returns: `(batch,)`, >= 0, in nats.
    Raises: `ValueError` if a weight is negative or the shapes do not fit.
    Source: Yelamarthi et al., "A Zero-Shot Framework for Sketch Based Image Retrieval", ECCV 2018,
        arxiv.org/abs/1807.11724; after Sohn et al., "Learning Structured Output Representation using
        Deep Conditional Generative Models", NIPS 2015. The halves of the squares, and so what the weights
        count, are ours.
    """

    def __init__(self, kl_weight=1.0, sketch_weight=0.0, name="evidence_bound", **kwargs):
        super().__init__(name=name, **kwargs)
        for argument, weight in (("kl_weight", kl_weight), ("sketch_weight", sketch_weight)):
            if not weight >= 0:
                raise ValueError(f"`{argument}` must be >= 0. Received: {weight}")
        self.kl_weight = kl_weight
        self.sketch_weight = sketch_weight

    def call(self, y_true, y_pred):
        photo, sketch = y_true
        found_photo, found_sketch, mean, log_variance = (ops.cast(x, "float32") for x in y_pred)
        _check_shapes(
            ("photo", photo.shape, found_photo.shape),
            ("sketch", sketch.shape, found_sketch.shape),
            ("mean and log_variance", mean.shape, log_variance.shape),
        )
        divergence = ops.square(mean) + ops.expm1(log_variance) - log_variance
        cost = _half_squares(photo, found_photo) + 0.5 * self.kl_weight * ops.sum(divergence, axis=-1)
        return cost + self.sketch_weight * _half_squares(sketch, found_sketch)

    def get_config(self):
        return {**super().get_config(), "kl_weight": self.kl_weight, "sketch_weight": self.sketch_weight}


def _half_squares(features, found):
    return 0.5 * ops.sum(ops.square(ops.cast(features, "float32") - found), axis=-1)


def _check_shapes(*pairs):
    # In a graph sizes may be open, None.
    for name, one, other in pairs:
        if (
            len(one) != 2
            or len(other) != 2
            or any(None not in sizes and sizes[0] != sizes[1] for sizes in zip(one, other, strict=True))
        ):
            raise ValueError(
                f"The two of `{name}` must both be (batch, dim). Received shapes: {tuple(one)} and "
                f"{tuple(other)}"
            )
