"""Keras layers for sketches and photos."""

from tfsbir.layers.blur_pyramid import BlurPyramid
from tfsbir.layers.coarse_fine_fusion import CoarseFineFusion
from tfsbir.layers.gradient_reversal import GradientReversal
from tfsbir.layers.local_response_normalization import LocalResponseNormalization
from tfsbir.layers.place_bias import PlaceBias
from tfsbir.layers.replica_dropout import ReplicaDropout
from tfsbir.layers.spatial_attention import SpatialAttention
from tfsbir.layers.to_imagenet_bgr import ToImageNetBGR

__all__ = [
    "BlurPyramid",
    "CoarseFineFusion",
    "GradientReversal",
    "LocalResponseNormalization",
    "PlaceBias",
    "ReplicaDropout",
    "SpatialAttention",
    "ToImageNetBGR",
]
