"""The normalisation of AlexNet and GoogLeNet, across channels."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfsbir")
class LocalResponseNormalization(keras.layers.Layer):
    """Divides each value by what its channel and the neighbouring ones have at the same place.

    By `(1 + scale * m) ** power` with m the mean of the squares over `size` channels around its own, those
    beyond the first and the last counting as 0.

    Args:
        size: Odd integer > 0, the number of channels.
        scale: Float (alpha in Source).
        power: Float (beta in Source).
    Call arguments:
        feature_map: `(batch, height, width, channels)`.
    Returns: `(batch, height, width, channels)`.
    Raises: `ValueError` if `size` is not odd and > 0.
    Source: Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012,
        Sec. 3.3; as Caffe has it, with a mean for the sum; defaults of BVLC GoogLeNet.
    """

    def __init__(self, size=5, scale=1e-4, power=0.75, **kwargs):
        super().__init__(**kwargs)
        if size < 1 or size % 2 == 0:
            raise ValueError(f"`size` must be odd and > 0. Received: {size}")
        self.size = size
        self.scale = scale
        self.power = power

    def call(self, feature_map):
        x = ops.cast(feature_map, "float32")  # Squares of a few hundred overflow float16.
        half, channels = self.size // 2, x.shape[-1]
        # Not `ops.square`: by that, the exporter to integers tells what ends an encoder and stays in float.
        squares = ops.pad(x * x, ((0, 0), (0, 0), (0, 0), (half, half)))
        total = sum(squares[..., start : start + channels] for start in range(self.size))
        x = x * (1.0 + self.scale / self.size * total) ** -self.power
        return ops.cast(x, self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "scale": self.scale, "power": self.power}
