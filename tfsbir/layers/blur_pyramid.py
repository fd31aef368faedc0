"""Line drawings made thick enough for a network that has only seen photos."""

import math

import keras
import numpy as np
from keras import ops

# A lone one-pixel line, ink 1, comes out with ink 1 / LINE_HEADROOM, which leaves room for crossings.
LINE_HEADROOM = 1.5


@keras.saving.register_keras_serializable(package="tfsbir")
class BlurPyramid(keras.layers.Layer):
    """Turns a line drawing into one channel per Gaussian blur of its ink.

    A network trained on photos has learned edges several pixels wide; a one-pixel line is to it what
    noise is, and two such lines match only where they fall on the same pixel. Blur widens them. Several
    widths keep the detail (small sigma) beside the tolerance to a clumsy hand (large sigma), and three
    of them fill the three channels that such a network takes.

    Each kernel is cut at `ceil(3 * sigma)` pixels and sums to 1 before it is scaled so that a straight
    one-pixel line keeps the same height at every sigma: black on white, -1 on +1, becomes -1/3. Where
    ink is dense the output goes below -1. Outside the image there is no ink.

    For int8 inference calibrate the image's range to [-128/127, 1]: of 256 steps over [-1, 1] none is +1
    when 0 is one, and paper that counts as 1/256 ink shifts the widest blur by 0.05.

    Args:
        sigmas: Non-empty sequence of floats > 0, standard deviations in px. The default suits
            QMUL shoes.
    Call arguments:
        image: `(batch, height, width, 1)` in [-1, 1], black on white: paper is +1, ink is -1.
    Returns: `(batch, height, width, len(sigmas))`, <= 1; paper is +1.
    Raises: `ValueError` if `sigmas` is empty or holds a value that is not finite and > 0, or if `image`
        does not have 4 axes and 1 channel.
    """

    def __init__(self, sigmas=(0.8, 1.8, 3.6), **kwargs):
        super().__init__(**kwargs)
        self.sigmas = tuple(sigmas)
        if not self.sigmas or not all(0 < sigma < math.inf for sigma in self.sigmas):
            raise ValueError(f"`sigmas` must hold at least one finite value > 0. Received: {sigmas}")
        radius = math.ceil(3 * max(self.sigmas))
        kernels = np.stack([_gaussian(sigma, radius) for sigma in self.sigmas], axis=-1)
        # The two passes share the scale evenly, so that what lies between them has the range of the output.
        kernels /= np.sqrt(LINE_HEADROOM * kernels.max(axis=0))
        # One convolution makes all rows' blurs, one depthwise convolution all columns'. With kernels padded
        # to the widest radius this takes half the time of a pair of convolutions per sigma.
        self.horizontal = (0.5 * kernels)[None, :, None, :].astype("float32")
        self.vertical = (-2.0 * kernels)[:, None, :, None].astype("float32")

    def build(self, input_shape):
        if len(input_shape) != 4 or input_shape[-1] != 1:
            raise ValueError(f"`image` must be (batch, height, width, 1). Received shape: {input_shape}")

    def call(self, image):
        horizontal = ops.convert_to_tensor(self.horizontal, dtype=self.compute_dtype)
        vertical = ops.convert_to_tensor(self.vertical, dtype=self.compute_dtype)
        # From 1 - image, twice the ink, zero padding means paper; the kernels hold the 1/2 and the -2.
        x = ops.conv(1.0 - image, horizontal, padding="same", data_format="channels_last")
        x = ops.depthwise_conv(x, vertical, padding="same", data_format="channels_last")
        return x + 1.0

    def get_config(self):
        return {**super().get_config(), "sigmas": self.sigmas}


def _gaussian(sigma, radius):
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2) * (np.abs(offsets) <= math.ceil(3 * sigma))
    return kernel / kernel.sum()
