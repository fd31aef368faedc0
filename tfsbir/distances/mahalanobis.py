"""The squared Mahalanobis distance with a learned matrix."""

import keras
from keras import ops

from tfsbir.distances.checks import checked_dim, checked_embedding, checked_pairs, checked_products


@keras.saving.register_keras_serializable(package="tfsbir")
class Mahalanobis(keras.layers.Layer):
    """Weighs the products of the differences of two embeddings: (s - p)^T M (s - p), M learned.

    What is learned is `projection` (L), `(dim, dim)`, the identity at first: M = L^T L, which is positive
    semi-definite whatever L is. So the distance is the squared Euclidean one between projected embeddings,
    and before training it is `SquaredEuclidean`.

    The interface, lifting too, is that of `SquaredEuclidean`; float32 under every dtype policy. The layer has
    its variable from the start, so that an optimizer can be built before the first batch. A trainer's
    `weight_decay` would draw M to 0: leave `projection` out of it
    (`optimizer.exclude_from_weight_decay([distance.projection])`).

    Args:
        dim: Int >= 1, length of an embedding.
    Call arguments:
        inputs: `(sketch, photo)`, two `(batch, dim)` embeddings.
    Returns: `(batch,)` float32, >= 0.
    Raises: `ValueError` if `dim` < 1, if an embedding is not `(num, dim)`, or, when called, if the batches
        differ.
    Source: Song et al., "Deep Spatial-Semantic Attention for Fine-Grained Sketch-Based Image Retrieval",
        ICCV 2017, Eq. 9 and Table 5, which does not say how M is kept semi-definite; L is ours.
    """

    def __init__(self, dim, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.dim = checked_dim(dim)
        self.projection = self.add_weight(
            (dim, dim), "identity", "float32", autocast=False, name="projection"
        )
        self.built = True

    def call(self, inputs):
        sketch, photo = checked_pairs(*inputs, self.dim)
        # The difference comes first: nothing cancels.
        return ops.sum(ops.square(self._project(sketch - photo)), axis=-1)

    def pairwise(self, sketch, photo):
        """Computes the distance of every sketch to every photo, as `SquaredEuclidean.pairwise` does.

        Returns: `(num_sketches, num_photos)` float32, >= 0. Errors grow with the projected squared norms.
        """
        product = ops.matmul(self.lift_query(sketch), ops.transpose(self.lift_photo(photo)))
        return self.distance_of(sketch, product)

    def lift_query(self, sketch):
        """Lifts sketches `(num, dim)` to `(num, dim + 1)`; see `SquaredEuclidean.lift_query`."""
        projected = self._project(checked_embedding("sketch", sketch, self.dim))
        return ops.concatenate([2.0 * projected, -ops.ones_like(projected[:, :1])], axis=-1)

    def lift_photo(self, photo):
        """Lifts photos `(num, dim)` to `(num, dim + 1)`; see `SquaredEuclidean.lift_photo`."""
        projected = self._project(checked_embedding("photo", photo, self.dim))
        return ops.concatenate([projected, ops.sum(ops.square(projected), axis=-1, keepdims=True)], axis=-1)

    def distance_of(self, sketch, inner_product):
        """Turns inner products into distances >= 0; see `SquaredEuclidean.distance_of`."""
        sketch = checked_embedding("sketch", sketch, self.dim)
        inner_product = checked_products(inner_product, sketch)
        constant = ops.sum(ops.square(self._project(sketch)), axis=-1, keepdims=True)
        return ops.maximum(constant - inner_product, 0.0)

    def get_config(self):
        return {**super().get_config(), "dim": self.dim}

    def _project(self, embedding):
        return ops.matmul(embedding, ops.transpose(self.projection))
