"""A bias for every place of a feature map."""

import keras


@keras.saving.register_keras_serializable(package="tfsbir")
class PlaceBias(keras.layers.Layer):
    """Adds a learned bias to each channel at each place of a feature map.

    A convolution's bias is the same everywhere. In aligned drawings the corners are nearly always paper,
    so what is common to all images differs from place to place; taking it away leaves what tells them
    apart, which matters where embeddings are compared by their direction.

    Call arguments:
        feature_map: `(batch, height, width, channels)`.
    Returns: The same shape.
    Raises: `ValueError` if `feature_map` does not have 4 axes of known size but for the batch.
    """

    def build(self, input_shape):
        if len(input_shape) != 4 or None in input_shape[1:]:
            raise ValueError(
                "`feature_map` must be (batch, height, width, channels) of known size. "
                f"Received: {input_shape}"
            )
        self.bias = self.add_weight(shape=input_shape[1:], initializer="zeros", name="bias")

    def call(self, feature_map):
        return feature_map + self.bias
