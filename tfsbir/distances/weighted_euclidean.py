"""The squared Euclidean distance with a learned weight for every dimension."""

import keras
from keras import ops

from tfsbir.distances.checks import checked_dim, checked_embedding, checked_pairs, checked_products


@keras.saving.register_keras_serializable(package="tfsbir")
class WeightedEuclidean(keras.layers.Layer):
    """Sums the squared differences of two embeddings, each dimension with a learned weight >= 0.

    What is learned is `scale`, `(dim,)`, all 1 at first: the weights are its squares. So no training step can
    make one negative, and before training the distance is `SquaredEuclidean`. It is `Mahalanobis` with a
    diagonal matrix.

    The interface, lifting too, is that of `SquaredEuclidean`; float32 under every dtype policy. The layer has
    its variable from the start, so that an optimizer can be built before the first batch. A trainer's
    `weight_decay` would draw the weights to 0: leave `scale` out of it
    (`optimizer.exclude_from_weight_decay([distance.scale])`).

    Args:
        dim: Int >= 1, length of an embedding.
    Call arguments:
        inputs: `(sketch, photo)`, two `(batch, dim)` embeddings.
    Returns: `(batch,)` float32, >= 0.
    Raises: `ValueError` if `dim` < 1, if an embedding is not `(num, dim)`, or, when called, if the batches
        differ.
    Source: Song et al., "Deep Spatial-Semantic Attention for Fine-Grained Sketch-Based Image Retrieval",
        ICCV 2017, Table 5, which does not say how the weights are kept >= 0; squares are ours.
    """

    def __init__(self, dim, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.dim = checked_dim(dim)
        self.scale = self.add_weight((dim,), "ones", "float32", autocast=False, name="scale")
        self.built = True

    def call(self, inputs):
        sketch, photo = checked_pairs(*inputs, self.dim)
        # The difference comes first: nothing cancels.
        return ops.sum(ops.square((sketch - photo) * self.scale), axis=-1)

    def pairwise(self, sketch, photo):
        """Computes the distance of every sketch to every photo, as `SquaredEuclidean.pairwise` does.

        Returns: `(num_sketches, num_photos)` float32, >= 0. Errors grow with the weighted squared norms.
        """
        product = ops.matmul(self.lift_query(sketch), ops.transpose(self.lift_photo(photo)))
        return self.distance_of(sketch, product)

    def lift_query(self, sketch):
        """Lifts sketches `(num, dim)` to `(num, dim + 1)`; see `SquaredEuclidean.lift_query`."""
        sketch = checked_embedding("sketch", sketch, self.dim)
        return ops.concatenate([2.0 * sketch * self.scale, -ops.ones_like(sketch[:, :1])], axis=-1)

    def lift_photo(self, photo):
        """Lifts photos `(num, dim)` to `(num, dim + 1)`; see `SquaredEuclidean.lift_photo`."""
        scaled = checked_embedding("photo", photo, self.dim) * self.scale
        return ops.concatenate([scaled, ops.sum(ops.square(scaled), axis=-1, keepdims=True)], axis=-1)

    def distance_of(self, sketch, inner_product):
        """Turns inner products into distances >= 0; see `SquaredEuclidean.distance_of`."""
        sketch = checked_embedding("sketch", sketch, self.dim)
        inner_product = checked_products(inner_product, sketch)
        constant = ops.sum(ops.square(sketch * self.scale), axis=-1, keepdims=True)
        return ops.maximum(constant - inner_product, 0.0)

    def get_config(self):
        return {**super().get_config(), "dim": self.dim}
