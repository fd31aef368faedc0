"""A layer that learns against what stands behind it."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfsbir")
class GradientReversal(keras.layers.Layer):
    """Hands its input on unchanged, and the gradient back times `-factor`.

    What stands behind it learns its task as usual; what stands before it learns to make that task harder. The
    factor is a variable: a schedule sets it (`layer.factor.assign(0.3)`), and a step that is compiled already
    takes notice. What comes out equals what went in bit by bit, but for a zero's sign.

    Args:
        factor: Finite float >= 0 to start with (lambda); 0 hands no gradient back.
    Call arguments:
        inputs: Tensor of floats, finite.
    Returns: The same.
    Raises: `ValueError` if `factor` is negative or not finite.
    Source: Ganin and Lempitsky, "Unsupervised Domain Adaptation by Backpropagation", ICML 2015, Sec. 3.1,
        arxiv.org/abs/1409.7495; R_lambda of Dey et al., "Doodle to Search", CVPR 2019, Sec. 4.3.
    """

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= factor < float("inf"):
            raise ValueError(f"`factor` must be >= 0 and finite. Received: {factor}")
        self.initial_factor = float(factor)
        # Made here and not in `build`, so that a schedule can set it before the first call.
        self.factor = self.add_weight(
            (), keras.initializers.Constant(factor), "float32", trainable=False, autocast=False, name="factor"
        )

    def call(self, inputs):
        # Not `ops.custom_gradient`: it differs from backend to backend where a variable is inside. Less
        # itself, the reversed part is exactly 0 and leaves its gradient alone.
        reversed_part = -ops.cast(self.factor, inputs.dtype) * inputs
        return ops.stop_gradient(inputs) + (reversed_part - ops.stop_gradient(reversed_part))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "factor": self.initial_factor}
