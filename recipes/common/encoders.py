"""The encoders a recipe trains, and where they start."""

import numpy as np
import tensorflow as tf
from absl import flags, logging

from tfsbir.errors import InputError
from tfsbir.models import EncoderPair, load_encoder_weights, sketch_a_net, squeezenet_encoder, whiten_head
from tfsbir.preprocessing import center_crop

FLAGS = flags.FLAGS
IMAGE_SIZE = 225  # The papers' crop of a 256 px image; every backbone here takes it.
WHITENING_IMAGES = 2000  # Of each domain, at most: enough for principal components, and 400 MB.


def _sketch_a_net(channels, weights):
    if channels != 1:
        raise InputError("`backbone` sketch_a_net takes edge maps. Received: `photo_input` rgb")
    encoder = sketch_a_net(image_size=IMAGE_SIZE)
    if weights is not None:
        load_encoder_weights(encoder, weights)
    return encoder


def _squeezenet(channels, weights):
    if weights is None or not weights.endswith(".keras"):
        return squeezenet_encoder(IMAGE_SIZE, channels, weights=weights)
    encoder = squeezenet_encoder(IMAGE_SIZE, channels)
    load_encoder_weights(encoder, weights)
    return encoder


BACKBONES = {"sketch_a_net": _sketch_a_net, "squeezenet": _squeezenet}


def define_encoder_flags(backbone):
    """Declares the flags of `make_encoders`, with a recipe's own default."""
    flags.DEFINE_enum("backbone", backbone, sorted(BACKBONES), "The network of the encoders.")
    flags.DEFINE_string(
        "weights",
        None,
        "Where the encoders start: ImageNet weights (.h5, squeezenet) or a trained .keras encoder.",
    )


def make_encoders(is_siamese, photo_input):
    """Returns the `EncoderPair` that the flags ask for."""
    build = BACKBONES[FLAGS.backbone]
    photo_channels = 1 if photo_input == "edges" else 3
    if is_siamese and photo_channels == 3:
        raise InputError("`branches` must be heterogeneous where photos are RGB. Received: siamese")
    sketch = build(1, FLAGS.weights)
    return EncoderPair(sketch, sketch if is_siamese else build(photo_channels, FLAGS.weights))


def start_encoders(run, pair, train):
    """Fits what a backbone takes from the training images before its first step, if anything."""
    is_trained = FLAGS.weights is not None and FLAGS.weights.endswith(".keras")
    if FLAGS.backbone != "squeezenet" or is_trained or tf.train.latest_checkpoint(run.checkpoints):
        return
    image_size = pair.sketch.input_shape[1]
    sketches, photos = (
        center_crop(_spread(images, WHITENING_IMAGES), image_size)
        for images in (train.sketches, train.photos)
    )
    logging.info("Whitening the embedding on %d training images.", len(sketches) + len(photos))
    if pair.is_siamese:
        whiten_head(pair.sketch, np.concatenate([sketches, photos]))
    else:
        whiten_head(pair.sketch, sketches)
        whiten_head(pair.photo, photos)


def _spread(images, count):
    """Returns up to `count` images, evenly spread: a large set stands class by class."""
    return images[np.unique(np.linspace(0, len(images) - 1, min(count, len(images))).astype(int))]
