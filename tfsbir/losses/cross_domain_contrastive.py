"""The contrastive loss within two domains and between them."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfsbir")
class CrossDomainContrastive(keras.losses.Loss):
    """Pulls images of one category together and pushes others apart, within each domain and across.

    Row `i` is a sketch s_i and a photo v_i of one category. Two rows cost `l(s_i, s_j) + l(v_i, v_j) +
    l(s_i, v_j)`. With D the L1 distance of two embeddings, `l` is `D**2 / positive_scale` where the rows are
    of one category and `negative_scale * exp(-2.77 * D / negative_scale)` where they are of two. A row costs
    the mean over all other rows; alone it costs 0. So the share of the pairs that are of one category is the
    batch's: with groups of `k` rows, (k - 1) / (batch - 1).

    Two equal embeddings have no direction to part in: their gradient is 0.

    Args:
        positive_scale: Float > 0 (C_p); smaller ones pull harder. Default from Source.
        negative_scale: Float > 0 (C_n), the cost at distance 0 of what should be apart. At a distance of
            as much, a sixteenth of it is left. Default from Source.
    Call arguments:
        y_true: `(batch,)` categories, integers up to 2**24.
        y_pred: `(sketch, photo)`, two `(batch, dim)` embeddings of any length.
    Returns: `(batch,)`, >= 0.
    Raises: `ValueError` if a scale is <= 0.
    Source: Wang, Kang & Li, "Sketch-based 3D Shape Retrieval using Convolutional Neural Networks", CVPR 2015,
        Sec. 3, arxiv.org/abs/1504.03504, where alpha = 1 / C_p, beta = C_n and gamma = -2.77 / C_n; the form
        for one domain is that of Chopra, Hadsell & LeCun, CVPR 2005. There pairs are drawn one by one, which
        a batch of two rows is; the mean over all pairs of a larger one is ours.
    """

    def __init__(self, positive_scale=0.2, negative_scale=10.0, name="cross_domain_contrastive", **kwargs):
        super().__init__(name=name, **kwargs)
        if not positive_scale > 0:
            raise ValueError(f"`positive_scale` must be > 0. Received: {positive_scale}")
        if not negative_scale > 0:
            raise ValueError(f"`negative_scale` must be > 0. Received: {negative_scale}")
        self.positive_scale = positive_scale
        self.negative_scale = negative_scale

    def call(self, y_true, y_pred):
        sketch, photo = y_pred
        is_same = ops.equal(y_true[:, None], y_true[None, :])
        cost = 0.0
        for one, other in ((sketch, sketch), (photo, photo), (sketch, photo)):
            difference = one[:, None] - other[None, :]
            # Not `ops.abs`, whose slope at 0 is 1 in JAX.
            distance = ops.sum(difference * ops.sign(difference), axis=-1)
            together = ops.square(distance) / self.positive_scale
            apart = self.negative_scale * ops.exp(-2.77 * distance / self.negative_scale)
            cost += ops.where(is_same, together, apart)
        num_rows = ops.shape(cost)[0]
        is_other = ops.logical_not(ops.eye(num_rows, dtype="bool"))
        num_others = ops.maximum(ops.cast(num_rows, cost.dtype) - 1.0, 1.0)
        return ops.sum(ops.where(is_other, cost, 0.0), axis=-1) / num_others

    def get_config(self):
        return {
            **super().get_config(),
            "positive_scale": self.positive_scale,
            "negative_scale": self.negative_scale,
        }
