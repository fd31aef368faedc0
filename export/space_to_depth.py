"""A convolution of one channel with a stride, as the same sums over more channels.

Integer kernels work on several channels at a time and leave most of that room empty where there is one. Half
the time of Sketch-a-Net in int8 went into its first layer, 15 x 15 with stride 3 on one channel. Each 3 x 3
px as nine channels of one place, and 5 x 5 with stride 1 over these, are the same products and sums.
"""

import keras
import tensorflow as tf


def with_deep_convolutions(encoder):
    """Rewrites the convolutions of one channel whose stride divides their kernel and their image.

    Args:
        encoder: Functional `keras.Model`.
    Returns: A `keras.Model` of the same function, but for rounding; `encoder` itself where it has no such
        convolution.
    """
    blocks = {layer.name: layer.strides[0] for layer in encoder.layers if _can_be_deep(layer)}
    if not blocks:
        return encoder

    def clone(layer):
        if layer.name in blocks:
            return _deep(layer, blocks[layer.name])
        return type(layer).from_config(layer.get_config())

    deep = keras.models.clone_model(encoder, clone_function=clone)
    for layer in filter(lambda layer: layer.weights, encoder.layers):
        weights = layer.get_weights()
        if layer.name in blocks:
            weights[0] = _by_block(weights[0], blocks[layer.name])
        deep.get_layer(layer.name).set_weights(weights)
    return deep


class SpaceToDepth(keras.layers.Layer):
    """Turns `block` x `block` px into the channels of one place, row by row.

    Args:
        block: Integer > 1.
    Call arguments:
        image: `(batch, height, width, 1)`; `block` divides height and width.
    Returns: `(batch, height / block, width / block, block ** 2)`.
    """

    def __init__(self, block, **kwargs):
        super().__init__(**kwargs)
        self.block = block

    def call(self, image):
        return tf.nn.space_to_depth(image, self.block)

    def get_config(self):
        return {**super().get_config(), "block": self.block}


def _can_be_deep(layer):
    if type(layer) is not keras.layers.Conv2D or layer.padding != "valid" or layer.dilation_rate != (1, 1):
        return False
    _, height, width, channels = layer.input.shape
    stride = layer.strides[0]
    divided = (height, width, *layer.kernel_size)
    return channels == 1 and 1 < stride == layer.strides[1] and all(size % stride == 0 for size in divided)


def _deep(layer, block):
    config = layer.get_config()
    config |= {"kernel_size": [size // block for size in layer.kernel_size], "strides": [1, 1]}
    # Named like the layer it stands for, where the clone looks for it.
    name = config.pop("name")
    return keras.Sequential([SpaceToDepth(block), keras.layers.Conv2D.from_config(config)], name=name)


def _by_block(kernel, block):
    """Rearranges a kernel, `(height, width, 1, filters)`, for images whose blocks are channels."""
    height, width, _, filters = kernel.shape
    parts = kernel.reshape(height // block, block, width // block, block, filters)
    return parts.transpose(0, 2, 1, 3, 4).reshape(height // block, width // block, block**2, filters)
