"""The input convention of Caffe's ImageNet networks."""

import keras
from keras import ops

IMAGENET_BGR_MEAN = (103.939, 116.779, 123.68)


@keras.saving.register_keras_serializable(package="tfsbir")
class ToImageNetBGR(keras.layers.Layer):
    """Turns images in [-1, 1] into what Caffe's ImageNet networks were trained on.

    Call arguments:
        image: `(batch, height, width, 3)`, RGB in [-1, 1].
    Returns: `(batch, height, width, 3)`: BGR in 0..255 minus the ImageNet mean of each channel.
    Raises: `ValueError` if the image does not have 3 channels.
    Source: the mean of SqueezeNet's and VGG's releases, in BGR order.
    """

    def build(self, input_shape):
        if input_shape[-1] != 3:
            raise ValueError(f"`image` must have 3 channels (RGB). Received: shape {tuple(input_shape)}")

    def call(self, image):
        # Float32, since 8 bits of mantissa do not hold 0..255 and a fraction.
        bgr = ops.flip(ops.cast(image, "float32"), axis=-1) * 127.5 + 127.5
        mean = ops.convert_to_tensor(IMAGENET_BGR_MEAN, dtype="float32")
        return ops.cast(bgr - mean, self.compute_dtype)
