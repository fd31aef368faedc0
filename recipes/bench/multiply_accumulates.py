"""How many products a network sums up for one image."""

import math

import keras

from tfsbir.layers import BlurPyramid, PlaceBias


def multiply_accumulates(model):
    """Counts the multiply-accumulates of a network's convolutions and dense layers for one image.

    Products with the zeros of a padding count; biases, activations, pools, scalings and norms do not.

    Args:
        model: `keras.Model` of fixed image size; models within it are counted, too.
    Returns: Dict from a layer's name to an integer.
    Raises: `ValueError` naming a layer with weights of a kind that it cannot count, or one whose output has
        no fixed size.
    """
    found = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found |= multiply_accumulates(layer)
            continue
        products = _products_of_a_value(layer)
        if products:
            shape = layer.output.shape[1:]
            if None in shape:
                raise ValueError(f"`model` must have a fixed size. Received: {layer.name} of {shape}")
            found[layer.name] = math.prod(shape) * products
    return found


def _products_of_a_value(layer):
    """Returns how many products make one value of a layer's output."""
    if isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense)):
        return math.prod(layer.kernel.shape[:-1])
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return math.prod(layer.kernel.shape[:2])
    if isinstance(layer, BlurPyramid):
        return layer.horizontal.shape[1] + layer.vertical.shape[0]
    if layer.weights and not isinstance(layer, PlaceBias):
        raise ValueError(
            "`model` must have its weights in Conv2D, DepthwiseConv2D and Dense. "
            f"Received: {layer.name}, a {type(layer).__name__}"
        )
    return 0
