"""The higher-order learnable energy function."""

import keras
from keras import ops

from tfsbir.distances.checks import checked_dim, checked_embedding, checked_pairs, checked_products
from tfsbir.distances.near_identity import NearIdentity


@keras.saving.register_keras_serializable(package="tfsbir")
class HOLEF(keras.layers.Layer):
    """Compares every element of a sketch's embedding with every element of a photo's.

    The distance is the sum over all i, j of W_ij (s_i - p_j)^2. W is learned: `pair_weights`, `(dim, dim)`,
    a row for each element of the sketch, a column for each of the photo, the identity at first. So before
    training the distance is `SquaredEuclidean`. W need not stay symmetric, hence the sketch comes first;
    nor positive, hence **the distance may be negative**, even between equal embeddings.

    With r and c the row and the column sums of W it is `sum_i r_i s_i^2 + sum_j c_j p_j^2 - 2 s^T W p`, so
    no `dim` x `dim` differences are made for a pair. That expansion cancels: in float32 its error is up to
    5e-7 times the sum of `|W_ij| (s_i^2 + p_j^2)`, however small the distance. When called, the layer expands
    only what is off W's diagonal, so that near the identity close pairs stay exact. On a GPU, TensorFlow may
    run its products in TF32; see `SquaredEuclidean.pairwise`.

    The interface, lifting too, is that of `SquaredEuclidean`; float32 under every dtype policy. The layer has
    its variable from the start, so that an optimizer can be built before the first batch.

    Training adds the regulariser of Eq. 7, which `distance.losses` holds, a list with one scalar. It is a
    regulariser of the variable: read inside the gradient tape it is there once for each step, however often
    the distance was called and whether or not through `pairwise`. Replicas sum their losses, so each adds
    `sum(distance.losses) / num_replicas`. An optimizer's own `weight_decay` would draw W to 0, not to the
    identity: leave `pair_weights` out of it (`optimizer.exclude_from_weight_decay([distance.pair_weights])`).

    Args:
        dim: Int >= 1, length of an embedding (k).
        regularization_weight: Float >= 0 (lambda), default from Source.
    Call arguments:
        inputs: `(sketch, photo)`, two `(batch, dim)` embeddings, in this order.
    Returns: `(batch,)` float32, of any sign.
    Raises: `ValueError` if `dim` < 1, if `regularization_weight` is negative or not finite, if an embedding
        is not `(num, dim)`, or, when called, if the batches differ.
    Source: Song et al., "Deep Spatial-Semantic Attention for Fine-Grained Sketch-Based Image Retrieval",
        ICCV 2017, Eq. 5-8. The expansion is ours.
    """

    def __init__(self, dim, regularization_weight=5e-4, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.dim = checked_dim(dim)
        self.regularization_weight = regularization_weight
        self.pair_weights = self.add_weight(
            (dim, dim),
            "identity",
            "float32",
            autocast=False,
            regularizer=NearIdentity(regularization_weight),
            name="pair_weights",
        )
        self.built = True

    def call(self, inputs):
        sketch, photo = checked_pairs(*inputs, self.dim)
        aligned = ops.sum(ops.diagonal(self.pair_weights) * ops.square(sketch - photo), axis=-1)
        others = self.pair_weights * (1.0 - ops.eye(self.dim, dtype="float32"))
        expanded = (
            ops.square(sketch) * ops.sum(others, axis=1)
            + ops.square(photo) * ops.sum(others, axis=0)
            - 2.0 * ops.matmul(sketch, others) * photo
        )
        return aligned + ops.sum(expanded, axis=-1)

    def pairwise(self, sketch, photo):
        """Computes the distance of every sketch to every photo, as `SquaredEuclidean.pairwise` does.

        Returns: `(num_sketches, num_photos)` float32, of any sign. Here the diagonal is expanded too.
        """
        product = ops.matmul(self.lift_query(sketch), ops.transpose(self.lift_photo(photo)))
        return self.distance_of(sketch, product)

    def lift_query(self, sketch):
        """Lifts sketches `(num, dim)` to `(num, dim + 1)`; see `SquaredEuclidean.lift_query`."""
        sketch = checked_embedding("sketch", sketch, self.dim)
        weighted = ops.matmul(sketch, self.pair_weights)
        return ops.concatenate([2.0 * weighted, -ops.ones_like(sketch[:, :1])], axis=-1)

    def lift_photo(self, photo):
        """Lifts photos `(num, dim)` to `(num, dim + 1)`; see `SquaredEuclidean.lift_photo`."""
        photo = checked_embedding("photo", photo, self.dim)
        column_sums = ops.sum(self.pair_weights, axis=0)
        weighted = ops.sum(ops.square(photo) * column_sums, axis=-1, keepdims=True)
        return ops.concatenate([photo, weighted], axis=-1)

    def distance_of(self, sketch, inner_product):
        """Turns inner products into distances of any sign; see `SquaredEuclidean.distance_of`."""
        sketch = checked_embedding("sketch", sketch, self.dim)
        inner_product = checked_products(inner_product, sketch)
        row_sums = ops.sum(self.pair_weights, axis=1)
        return ops.sum(ops.square(sketch) * row_sums, axis=-1, keepdims=True) - inner_product

    def get_config(self):
        config = super().get_config()
        return {**config, "dim": self.dim, "regularization_weight": self.regularization_weight}
