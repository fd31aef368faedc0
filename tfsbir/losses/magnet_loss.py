"""The magnet loss on true cluster centres."""

import math

import keras
from keras import ops

# Squared distances of unit vectors in float32 are rounding below it; it keeps 0 / 0 away.
_LEAST_VARIANCE = 1e-12
# What a centre that does not count adds to a log-sum-exp: nothing, and, unlike -inf, no NaN in a gradient
# where no centre counts.
_NOTHING = -1e30


@keras.saving.register_keras_serializable(package="tfsbir")
class MagnetLoss(keras.losses.Loss):
    """Pulls each sample to the centre of its own cluster, away from all clusters of other classes.

    With `s = 1 / (2 sigma^2)` a sample z in a cluster with the centre mu costs `max(0, s |z - mu|^2 + margin
    + log(sum(exp(-s |z - m|^2))))`; the sum runs over the centres m of all clusters of all other classes.
    Other clusters of its own class are left out: they neither pull nor push. A class may have any number of
    clusters. `sigma^2` is the sum of all samples' squared distances to their own centres, divided by the
    number of samples less 1. The gradient runs through it; given as `variance`, it is a constant.

    The centres are fixed: they have no gradient, whoever made them. They are arguments of the call, not of
    the loss, so that a compiled step sees new ones at once; where a new number of them must not compile the
    step anew, fill up to a fixed number with rows of the label -1, which do not count. Sketches and photos
    have centres in spaces of their own: call once for each domain.

    A single sample is divided by 1. A variance below 1e-12, as when every sample lies on its centre, counts
    as 1e-12. Where no other class has a cluster, the cost and its gradient are 0. All is computed in float32,
    from differences and not from products, which would cancel where clusters are tight; that takes memory
    for `batch * num_clusters * dim` floats.

    Under a strategy `sigma^2` is of the replica's samples; gather these first (`tfsbir.distribute.gather`) or
    give `variance`. Keras casts `y_true` to float32, in which indices above 2**24 are no longer told apart
    (a loss of dtype float16 or bfloat16: above 2**11 or 2**8).

    Args:
        margin: Finite float (beta in Source, alpha in the original), how much closer in units of `2 sigma^2`
            a sample is to its own centre than to all others before it costs nothing. Source is silent; the
            default is ours.
    Call arguments:
        y_true: `(cluster, cluster_labels)`: `(batch,)` the row in `centers` of each sample's own cluster, and
            `(num_clusters,)` the class of each cluster, -1 for rows that do not count.
        y_pred: `(embedding, centers)` or `(embedding, centers, variance)`: `(batch, dim)` embeddings of any
            length, `(num_clusters, dim)` and a scalar, in the square of the embedding's unit.
    Returns: `(batch,)`, >= 0, in nats.
    Raises: `ValueError` if `margin` is not finite or the shapes do not fit.
    Source: Bui et al., "Deep Manifold Alignment for Mid-Grain Sketch Based Image Retrieval", 2018, Sec. 3.3,
        Eq. 9; after Rippel et al., "Metric Learning with Adaptive Density Discrimination", ICLR 2016,
        arxiv.org/abs/1511.05939. "All" samples of sigma^2 are those of the call, as there; `variance`
        serves the other reading, all training samples. What a single sample, 0 / 0 in Source, is divided by
        and the least variance are ours.
    """

    def __init__(self, margin=1.0, name="magnet_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        if not math.isfinite(margin):
            raise ValueError(f"`margin` must be finite. Received: {margin}")
        self.margin = margin

    def call(self, y_true, y_pred):
        cluster, labels = y_true
        embedding, centers, *variance = y_pred
        _check_shapes(cluster.shape, labels.shape, embedding.shape, centers.shape)
        cluster, labels = ops.cast(cluster, "int32"), ops.cast(labels, "int32")
        centers = ops.stop_gradient(ops.cast(centers, "float32"))
        difference = ops.cast(embedding, "float32")[:, None] - centers[None]
        distance = ops.sum(ops.square(difference), axis=-1)
        own = ops.take_along_axis(distance, cluster[:, None], axis=1)
        if variance:
            if len(variance[0].shape):
                raise ValueError(f"`variance` must be a scalar. Received shape: {tuple(variance[0].shape)}")
            variance = ops.stop_gradient(ops.cast(variance[0], "float32"))
        else:
            num_samples = ops.cast(ops.shape(own)[0], "float32")
            variance = ops.sum(own) / ops.maximum(num_samples - 1.0, 1.0)
        excess = (own - distance) / (2.0 * ops.maximum(variance, _LEAST_VARIANCE))
        is_other = ops.not_equal(labels[None, :], ops.take(labels, cluster)[:, None])
        is_other = ops.logical_and(is_other, labels[None, :] >= 0)
        # The sample's own term is inside the exponents: apart, the two would be large and cancel.
        return ops.relu(self.margin + ops.logsumexp(ops.where(is_other, excess, _NOTHING), axis=-1))

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}


def _check_shapes(cluster, labels, embedding, centers):
    # In a graph sizes may be open, None.
    sizes = [(cluster[:1], embedding[:1]), (labels[:1], centers[:1]), (embedding[1:], centers[1:])]
    ranks = (len(cluster), len(labels), len(embedding), len(centers))
    if ranks != (1, 1, 2, 2) or any(
        None not in (*one, *other) and tuple(one) != tuple(other) for one, other in sizes
    ):
        raise ValueError(
            "`y_true` must be (batch,) and (num_clusters,), `y_pred` (batch, dim) and (num_clusters, dim). "
            f"Received shapes: {', '.join(str(tuple(s)) for s in (cluster, labels, embedding, centers))}"
        )
