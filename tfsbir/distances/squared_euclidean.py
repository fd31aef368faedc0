"""The distance of most triplet networks."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfsbir")
class SquaredEuclidean(keras.layers.Layer):
    """Squared Euclidean distance between embeddings.

    Calling it compares row with row; `pairwise` compares every query with the whole gallery. Both compute
    and return float32 under every dtype policy, since rounded distances would tie. Between unit-norm
    embeddings the distance is 2 - 2 cosine, in [0, 4].

    Call arguments:
        inputs: `(query, gallery)`, two `(batch, dim)` embeddings.
    Returns: `(batch,)` float32, >= 0.
    Raises: `ValueError` if `query` and `gallery` are not 2-D with the same `dim`, and, when called, the
        same `batch`.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 4.1.
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def call(self, inputs):
        query, gallery = self._checked(*inputs)
        if _differ(query.shape[0], gallery.shape[0]):
            raise ValueError(
                "`query` and `gallery` must have the same batch. "
                f"Received shapes: {query.shape} and {gallery.shape}"
            )
        return ops.sum(ops.square(query - gallery), axis=-1)

    def pairwise(self, query, gallery):
        """Computes the distance of every query to every gallery embedding.

        It expands the square into norms and one matrix product, so nothing of size
        `num_queries * num_gallery * dim` is made. The expansion cancels: errors grow with the squared norms,
        not with the distance, and what falls below 0 is clipped to 0. On a GPU, TensorFlow may run the
        product in TF32; `tf.config.experimental.enable_tensor_float_32_execution(False)` keeps float32.

        Args:
            query: `(num_queries, dim)` embeddings.
            gallery: `(num_gallery, dim)` embeddings.
        Returns: `(num_queries, num_gallery)` float32, >= 0.
        """
        query, gallery = self._checked(query, gallery)
        query_norm = ops.sum(ops.square(query), axis=-1)[:, None]
        gallery_norm = ops.sum(ops.square(gallery), axis=-1)[None, :]
        product = ops.matmul(query, ops.transpose(gallery))
        return ops.maximum(query_norm + gallery_norm - 2.0 * product, 0.0)

    def _checked(self, query, gallery):
        query, gallery = ops.cast(query, "float32"), ops.cast(gallery, "float32")
        if len(query.shape) != 2 or len(gallery.shape) != 2 or _differ(query.shape[1], gallery.shape[1]):
            raise ValueError(
                "`query` and `gallery` must be 2-D with the same dim. "
                f"Received shapes: {query.shape} and {gallery.shape}"
            )
        return query, gallery


def _differ(size, other_size):
    # While a graph is traced a size may be unknown (None).
    return None not in (size, other_size) and size != other_size
