"""A feature map and an embedding in one vector."""

import keras
from keras import ops

# Keras' own bound of a norm. The gradient of a norm below it would overflow in float32.
LEAST_NORM = 1e-12


@keras.saving.register_keras_serializable(package="tfsbir")
class CoarseFineFusion(keras.layers.Layer):
    """Puts a pooled feature map (fine) before an embedding (coarse).

    The layer pools the feature map over its places and divides the result by its L2 norm. It expects an
    embedding that already has unit norm, and passes it on as it is. The two are concatenated and not
    normalized again, so the squared norm of the result is 2. A feature map whose pooled vector has a norm
    below 1e-12 is pooled only: zeros give zeros, and a finite gradient.

    In mixed precision give the layer `dtype="float32"`, as the embedding's own normalization: the norm of
    8 bits is not 1.

    Args:
        pooling: "average" as in the paper, or "sum" as in its released code. Behind the norm the two differ
            by rounding alone.
    Call arguments:
        inputs: `(feature_map, embedding)`: `(batch, height, width, channels)`, whose height and width may
            be unknown, and `(batch, dim)` of unit L2 norm.
    Returns: `(batch, channels + dim)`: first the pooled map of unit L2 norm, then the embedding.
    Raises: `ValueError` if `pooling` is another word, or if `inputs` are not two of 4 and 2 axes.
    Source: Song et al., "Deep Spatial-Semantic Attention for Fine-Grained Sketch-Based Image Retrieval",
        ICCV 2017, Sec. 3.3. The paper concatenates the average and the last layer's output and does not
        speak of norms; the released code takes the sum, and normalizes each half by itself as is done here.
    """

    def __init__(self, pooling="average", **kwargs):
        super().__init__(**kwargs)
        if pooling not in ("average", "sum"):
            raise ValueError(f'`pooling` must be "average" or "sum". Received: {pooling!r}')
        self.pooling = pooling

    def build(self, input_shape):
        shapes = [tuple(shape) if isinstance(shape, (list, tuple)) else shape for shape in input_shape]
        if [len(shape) if isinstance(shape, tuple) else None for shape in shapes] != [4, 2]:
            raise ValueError(
                "`inputs` must be (feature_map, embedding) of shapes (batch, height, width, channels) and "
                f"(batch, dim). Received shapes: {tuple(shapes)}"
            )

    def call(self, inputs):
        feature_map, embedding = inputs
        pool = ops.mean if self.pooling == "average" else ops.sum
        pooled = pool(ops.cast(feature_map, "float32"), axis=(1, 2))
        square_sum = ops.sum(ops.square(pooled), axis=-1, keepdims=True)
        # Inside the root, as a `where` behind it would still multiply an infinite gradient by 0.
        fine = pooled * ops.rsqrt(ops.where(square_sum < LEAST_NORM**2, 1.0, square_sum))
        return ops.concatenate([ops.cast(fine, self.compute_dtype), embedding], axis=-1)

    def compute_output_shape(self, input_shape):
        (batch, _, _, channels), (_, dim) = input_shape
        return batch, None if channels is None or dim is None else channels + dim

    def get_config(self):
        return {**super().get_config(), "pooling": self.pooling}
