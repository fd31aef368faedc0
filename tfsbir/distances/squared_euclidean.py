"""The distance of most triplet networks."""

import keras
from keras import ops

from tfsbir.distances.checks import checked_embedding, checked_embeddings, checked_pairs, checked_products


@keras.saving.register_keras_serializable(package="tfsbir")
class SquaredEuclidean(keras.layers.Layer):
    """Squared Euclidean distance between embeddings.

    Calling it compares row with row; `pairwise` compares every sketch with the whole gallery. Both compute
    and return float32 under every dtype policy, since rounded distances would tie. Between unit-norm
    embeddings the distance is 2 - 2 cosine, in [0, 4]. It is symmetric: either domain may come first.

    Call arguments:
        inputs: `(sketch, photo)`, two `(batch, dim)` embeddings.
    Returns: `(batch,)` float32, >= 0.
    Raises: `ValueError` if `sketch` and `photo` are not 2-D with the same `dim`, and, when called, the
        same `batch`.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 4.1.
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def call(self, inputs):
        sketch, photo = checked_pairs(*inputs)
        return ops.sum(ops.square(sketch - photo), axis=-1)

    def pairwise(self, sketch, photo):
        """Computes the distance of every sketch to every photo.

        It expands the square into norms and one matrix product, so nothing of size
        `num_sketches * num_photos * dim` is made. The expansion cancels: errors grow with the squared norms,
        not with the distance, and what falls below 0 is clipped to 0. On a GPU, TensorFlow may run the
        product in TF32; `tf.config.experimental.enable_tensor_float_32_execution(False)` keeps float32.

        Args:
            sketch: `(num_sketches, dim)` embeddings.
            photo: `(num_photos, dim)` embeddings.
        Returns: `(num_sketches, num_photos)` float32, >= 0.
        """
        sketch, photo = checked_embeddings(sketch, photo)
        sketch_norm = ops.sum(ops.square(sketch), axis=-1)[:, None]
        photo_norm = ops.sum(ops.square(photo), axis=-1)[None, :]
        product = ops.matmul(sketch, ops.transpose(photo))
        return ops.maximum(sketch_norm + photo_norm - 2.0 * product, 0.0)

    def lift_query(self, sketch):
        """Lifts sketches `(num, dim)` to `(num, dim + 1)`, to be searched for by inner product.

        The distance is a constant of the sketch minus `<lift_query(sketch), lift_photo(photo)>`, so the
        largest inner product is the smallest distance.
        """
        sketch = checked_embedding("sketch", sketch)
        return ops.concatenate([2.0 * sketch, -ops.ones_like(sketch[:, :1])], axis=-1)

    def lift_photo(self, photo):
        """Lifts photos `(num, dim)` to `(num, dim + 1)`, to be indexed by inner product."""
        photo = checked_embedding("photo", photo)
        return ops.concatenate([photo, ops.sum(ops.square(photo), axis=-1, keepdims=True)], axis=-1)

    def distance_of(self, sketch, inner_product):
        """Turns inner products with lifted photos back into distances.

        Args:
            sketch: `(num_sketches, dim)` embeddings, not lifted.
            inner_product: `(num_sketches, num_results)`, of each lifted sketch with lifted photos.
        Returns: `(num_sketches, num_results)` float32, >= 0, as exact as `pairwise`.
        Raises: `ValueError` if `inner_product` is not 2-D with a row for every sketch.
        """
        sketch = checked_embedding("sketch", sketch)
        inner_product = checked_products(inner_product, sketch)
        return ops.maximum(ops.sum(ops.square(sketch), axis=-1, keepdims=True) - inner_product, 0.0)
