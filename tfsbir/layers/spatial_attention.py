"""Attention over the places of a feature map."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfsbir")
class SpatialAttention(keras.layers.Layer):
    """Weighs the places of a feature map by a softmax of learned scores.

    Two 1 x 1 convolutions score each place: one to `hidden_channels` with ReLU, one to a single channel.
    Scores and attention are float32 under every policy, for scores differ by hundreds where features
    are as large as Sketch-a-Net's. The second convolution has no bias: it would add the same to all
    scores, and the softmax is blind to that.

    Args:
        hidden_channels: Integer > 0; the default is the released code's.
        shortcut: Whether to add the attended map to the map itself (Eq. 3) or to return it alone
            (Eq. 2), which the paper's Table 4 finds far worse.
        return_map: Whether to return the attention map too.
        initial_stddev: Float > 0, standard deviation of the normal distribution both kernels start from;
            the default is the released code's.
        feature_scale: Float > 0 by which the map is divided before it is scored; what is returned is not.
            With features in the hundreds, as `pool5` of an untrained `sketch_a_net` gives, and 1, as in
            the released code, nearly all attention starts at one place, and a step of Adam moves it to
            another.
    Call arguments:
        feature_map: `(batch, height, width, channels)`. Height and width may be unknown and may differ
            from call to call.
    Returns: The attended map, of the shape of `feature_map`; with `return_map` a tuple of it and the
        float32 attention `(batch, height, width)`, >= 0, which sums to 1 over the places of an image.
    Raises: `ValueError` if `hidden_channels` < 1, `initial_stddev` <= 0, `feature_scale` <= 0, or
        `feature_map` does not have 4 axes with a known number of channels.
    Source: Song et al., "Deep Spatial-Semantic Attention for Fine-Grained Sketch-Based Image Retrieval",
        ICCV 2017, Sec. 3.2, Eq. 1-3. The paper says no more of the convolutions than that they are two
        of kernel size 1; ReLU, width and initial values are the released code's.
    """

    def __init__(
        self,
        hidden_channels=256,
        shortcut=True,
        return_map=False,
        initial_stddev=0.1,
        feature_scale=1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if hidden_channels < 1:
            raise ValueError(f"`hidden_channels` must be >= 1. Received: {hidden_channels}")
        if not initial_stddev > 0:
            raise ValueError(f"`initial_stddev` must be > 0. Received: {initial_stddev}")
        if not feature_scale > 0:
            raise ValueError(f"`feature_scale` must be > 0. Received: {feature_scale}")
        self.hidden_channels = hidden_channels
        self.shortcut = shortcut
        self.return_map = return_map
        self.initial_stddev = initial_stddev
        self.feature_scale = feature_scale
        self.hidden = self._convolution(hidden_channels, activation="relu", name="hidden")
        self.score = self._convolution(1, use_bias=False, name="score")

    def _convolution(self, channels, **kwargs):
        initializer = keras.initializers.RandomNormal(stddev=self.initial_stddev)
        return keras.layers.Conv2D(
            channels,
            1,
            kernel_initializer=initializer,
            data_format="channels_last",
            dtype="float32",
            **kwargs,
        )

    def build(self, input_shape):
        if len(input_shape) != 4 or input_shape[-1] is None:
            raise ValueError(
                "`feature_map` must be (batch, height, width, channels) with known channels. "
                f"Received shape: {tuple(input_shape)}"
            )
        self.hidden.build(input_shape)
        self.score.build((*input_shape[:-1], self.hidden_channels))

    def call(self, feature_map):
        x = ops.cast(feature_map, "float32")
        scores = self.score(self.hidden(x / self.feature_scale))
        # By hand, as `ops.softmax` over two axes of unknown size fails (Keras 3.15).
        peak = ops.stop_gradient(ops.max(scores, axis=(1, 2), keepdims=True))
        weights = ops.exp(scores - peak)
        attention = weights / ops.sum(weights, axis=(1, 2), keepdims=True)
        attended = x * attention
        if self.shortcut:
            attended = x + attended
        attended = ops.cast(attended, self.compute_dtype)
        return (attended, ops.squeeze(attention, axis=-1)) if self.return_map else attended

    def compute_output_shape(self, input_shape):
        attended = tuple(input_shape)
        return (attended, attended[:-1]) if self.return_map else attended

    def compute_output_spec(self, feature_map):
        shape = tuple(feature_map.shape)
        attended = keras.KerasTensor(shape, dtype=self.compute_dtype)
        return (attended, keras.KerasTensor(shape[:-1], dtype="float32")) if self.return_map else attended

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_channels": self.hidden_channels,
            "shortcut": self.shortcut,
            "return_map": self.return_map,
            "initial_stddev": self.initial_stddev,
            "feature_scale": self.feature_scale,
        }
