"""Backbones and encoders: images in, embeddings out."""

from tfsbir.models.encoder_pair import EncoderPair
from tfsbir.models.encoder_weights import load_encoder_weights
from tfsbir.models.sketch_a_net import sketch_a_net
from tfsbir.models.squeezenet import (
    load_imagenet_weights,
    squeezenet_encoder,
    squeezenet_features,
    whiten_head,
)

__all__ = [
    "EncoderPair",
    "load_encoder_weights",
    "load_imagenet_weights",
    "sketch_a_net",
    "squeezenet_encoder",
    "squeezenet_features",
    "whiten_head",
]
