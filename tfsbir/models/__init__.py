"""Backbones and encoders: images in, embeddings out."""

from tfsbir.models.attended_encoder import ATTENTIONS, attended_encoder, attention_maps
from tfsbir.models.attribute_encoder import attribute_encoder
from tfsbir.models.conditional_vae import ConditionalVAE
from tfsbir.models.cross_domain_net import cross_domain_net
from tfsbir.models.embedding_heads import domain_classifier, semantic_decoder
from tfsbir.models.encoder_pair import EncoderPair
from tfsbir.models.encoder_weights import load_encoder_weights
from tfsbir.models.inception_v1 import inception_v1, load_inception_weights
from tfsbir.models.partly_shared import partly_shared
from tfsbir.models.pooled_squeezenet import pooled_squeezenet_encoder, start_heads_together
from tfsbir.models.sketch_a_net import sketch_a_net, sketch_a_net_classifier, sketch_a_net_features
from tfsbir.models.squeezenet import (
    load_imagenet_weights,
    squeezenet_encoder,
    squeezenet_features,
    whiten_head,
)
from tfsbir.models.trained_model import load_trained_model
from tfsbir.models.vgg16 import load_vgg16_weights, vgg16_encoder

__all__ = [
    "ATTENTIONS",
    "ConditionalVAE",
    "EncoderPair",
    "attended_encoder",
    "attention_maps",
    "attribute_encoder",
    "cross_domain_net",
    "domain_classifier",
    "inception_v1",
    "load_encoder_weights",
    "load_imagenet_weights",
    "load_inception_weights",
    "load_trained_model",
    "load_vgg16_weights",
    "partly_shared",
    "pooled_squeezenet_encoder",
    "semantic_decoder",
    "sketch_a_net",
    "sketch_a_net_classifier",
    "sketch_a_net_features",
    "squeezenet_encoder",
    "squeezenet_features",
    "start_heads_together",
    "vgg16_encoder",
    "whiten_head",
]
