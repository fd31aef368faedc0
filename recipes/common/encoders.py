"""The networks a recipe trains, and where they start."""

from pathlib import Path

import keras
import numpy as np
from absl import flags, logging

from recipes.common.checkpoints import saved_steps
from recipes.common.precision import in_float32, use_precision
from tfsbir.errors import InputError
from tfsbir.models import (
    EncoderPair,
    inception_v1,
    load_encoder_weights,
    load_imagenet_weights,
    load_inception_weights,
    load_vgg16_weights,
    pooled_squeezenet_encoder,
    sketch_a_net,
    sketch_a_net_classifier,
    squeezenet_encoder,
    start_heads_together,
    vgg16_encoder,
    whiten_head,
)
from tfsbir.models.attended_encoder import ATTENTION
from tfsbir.models.attribute_encoder import ATTRIBUTES
from tfsbir.preprocessing import center_crop
from tfsbir.runs import PHOTO_ENCODER, SKETCH_ENCODER

FLAGS = flags.FLAGS
IMAGE_SIZE = 225  # Sketch-a-Net's crop of a 256 px image; Inception-v1 has its own.
WHITENING_IMAGES = 2000  # Of each domain, at most: enough for principal components, and 400 MB.


def _sketch_a_net(channels):
    if channels != 1:
        raise InputError("`backbone` sketch_a_net takes edge maps. Received: `photo_input` rgb")
    return sketch_a_net(FLAGS.embedding_dim or 256, IMAGE_SIZE)


def _squeezenet(channels):
    return squeezenet_encoder(IMAGE_SIZE, channels, embedding_dim=FLAGS.embedding_dim)


def _inception_v1(channels):
    return inception_v1(FLAGS.embedding_dim or 256, channels=channels)


def _pooled_squeezenet(channels):
    return pooled_squeezenet_encoder(IMAGE_SIZE, channels, embedding_dim=FLAGS.embedding_dim or 256)


def _small_squeezenet(channels):
    return squeezenet_encoder(IMAGE_SIZE, channels, embedding_dim=FLAGS.embedding_dim, is_halved=True)


def _small_pooled_squeezenet(channels):
    return pooled_squeezenet_encoder(
        IMAGE_SIZE, channels, embedding_dim=FLAGS.embedding_dim or 256, is_halved=True
    )


def _vgg16(channels):
    return vgg16_encoder(FLAGS.embedding_dim or 256, channels=channels)


BACKBONES = {
    "inception_v1": _inception_v1,
    "pooled_squeezenet": _pooled_squeezenet,
    "sketch_a_net": _sketch_a_net,
    "small_pooled_squeezenet": _small_pooled_squeezenet,
    "small_squeezenet": _small_squeezenet,
    "squeezenet": _squeezenet,
    "vgg16": _vgg16,
}
# What reads the ImageNet weights of those that have some.
IMAGENET_WEIGHTS = {
    "inception_v1": load_inception_weights,
    "pooled_squeezenet": load_imagenet_weights,
    "small_pooled_squeezenet": load_imagenet_weights,
    "small_squeezenet": load_imagenet_weights,
    "squeezenet": load_imagenet_weights,
    "vgg16": load_vgg16_weights,
}
# What a trained encoder need not have: that of a classifier ends in fc6, and not every recipe attends or
# knows attributes.
NEW_LAYERS = ("fc7", ATTENTION, ATTRIBUTES)


def define_encoder_flags(backbone, backbones=BACKBONES):
    """Declares the flags of this module, with a recipe's own default and those of `BACKBONES` it can take."""
    flags.DEFINE_enum("backbone", backbone, sorted(backbones), "The network of the encoders.")
    flags.DEFINE_integer(
        "embedding_dim", None,
        "Length of the embedding; by default 4608 of squeezenet, all that its head has, and else 256.",
        lower_bound=1, upper_bound=4608,
    )  # fmt: skip
    flags.DEFINE_string(
        "weights", None,
        "Where the encoders start: a finished run (its directory), a trained encoder (.keras), or ImageNet "
        "weights (squeezenet, pooled_squeezenet and vgg16: .h5, or, of vgg16, `imagenet` to fetch them; "
        "inception_v1: .caffemodel).",
    )  # fmt: skip
    flags.DEFINE_string(
        "train_from", None,
        "Layer of the encoders whose weights, and those of all behind it, are trained; what leads to it "
        "stays as it is. The published nets of Sketch Me That Shoe train from fc6 in the last stage, those "
        "of Deep Spatial-Semantic Attention from conv5. By default everything is trained.",
    )  # fmt: skip


def starts_from_a_run():
    """Returns whether `--weights` names a run directory."""
    return FLAGS.weights is not None and Path(FLAGS.weights).is_dir()


def trained_encoder(domain):
    """Returns the path of the trained encoder that `--weights` names, or None where it names none.

    A run with siamese branches has one encoder, which then is both domains'.
    """
    if FLAGS.weights is None or not (starts_from_a_run() or FLAGS.weights.endswith(".keras")):
        return None
    if not starts_from_a_run():
        return FLAGS.weights
    model = Path(FLAGS.weights) / "model"
    has_own = domain == "photo" and (model / PHOTO_ENCODER).is_file()
    return str(model / (PHOTO_ENCODER if has_own else SKETCH_ENCODER))


def make_encoders(is_siamese, photo_input, extend=lambda encoder: encoder):
    """Returns the `EncoderPair` that the flags ask for.

    Args:
        is_siamese: Whether both branches are one encoder.
        photo_input: "edges" or "rgb".
        extend: Function from the backbone's encoder to the one that a recipe makes of it.
    """
    use_precision()
    photo_channels = 1 if photo_input == "edges" else 3
    if is_siamese and photo_channels == 3:
        raise InputError("`branches` must be heterogeneous where photos are RGB. Received: siamese")
    sketch = _make_encoder("sketch", 1, extend)
    photo = sketch if is_siamese else _make_encoder("photo", photo_channels, extend)
    if FLAGS.train_from is not None:
        for encoder in (sketch,) if is_siamese else (sketch, photo):
            _freeze_before(encoder, FLAGS.train_from)
    return EncoderPair(sketch, photo)


def _make_encoder(domain, channels, extend):
    encoder = extend(BACKBONES[FLAGS.backbone](channels))
    trained = trained_encoder(domain)
    if trained is not None:
        _log_new(load_encoder_weights(encoder, trained, NEW_LAYERS), trained)
    elif FLAGS.weights is not None and FLAGS.backbone in IMAGENET_WEIGHTS:
        IMAGENET_WEIGHTS[FLAGS.backbone](encoder, FLAGS.weights)
    elif FLAGS.weights is not None:
        raise InputError(
            f"`weights` of {FLAGS.backbone} must be a run or a .keras encoder. Received: {FLAGS.weights}"
        )
    return encoder


def make_classifier(num_classes, dropout):
    """Returns the classifier that the flags ask for: Sketch-a-Net, the one backbone that has one."""
    if FLAGS.backbone != "sketch_a_net":
        raise InputError(
            "`backbone` must be sketch_a_net to learn to classify; others start from ImageNet weights. "
            f"Received: {FLAGS.backbone}"
        )
    use_precision()
    classifier = sketch_a_net_classifier(num_classes, IMAGE_SIZE, dropout)
    if FLAGS.weights is not None:
        if trained_encoder("sketch") is None:
            raise InputError(f"`weights` must be a run or a .keras encoder. Received: {FLAGS.weights}")
        path = trained_encoder("sketch")
        _log_new(load_encoder_weights(classifier, path, new_layers=("classifier_fc7", "classes")), path)
    return classifier


def start_encoders(run, pair, train):
    """Fits what a backbone takes from the training images before its first step, if anything."""
    is_trained = trained_encoder("sketch") is not None
    forgets_places = FLAGS.backbone in ("pooled_squeezenet", "small_pooled_squeezenet")
    has_start = forgets_places or FLAGS.backbone in ("squeezenet", "small_squeezenet")
    if not has_start or is_trained or saved_steps(run):
        return
    image_size = pair.sketch.input_shape[1]
    sketches, photos = (
        center_crop(_spread(images, WHITENING_IMAGES), image_size)
        for images in (train.sketches, train.photos)
    )
    logging.info("Starting the embedding from %d training images.", len(sketches) + len(photos))
    if forgets_places:
        encoders = (pair.sketch,) if pair.is_siamese else (pair.sketch, pair.photo)
        images = (np.concatenate([sketches, photos]),) if pair.is_siamese else (sketches, photos)
        start_heads_together(encoders, images)
    elif pair.is_siamese:
        whiten_head(pair.sketch, np.concatenate([sketches, photos]))
    else:
        whiten_head(pair.sketch, sketches)
        whiten_head(pair.photo, photos)


def load_pair(run):
    """Returns the trained `EncoderPair` of a run directory."""
    sketch = run.load_encoder("sketch")
    return EncoderPair(sketch, sketch if run.is_siamese else run.load_encoder("photo"))


def pair_in_float32(pair):
    """Returns the `EncoderPair` as it is saved and measured at the end."""
    for layer in (*pair.sketch.layers, *pair.photo.layers):
        layer.trainable = True  # Whoever trains a saved encoder further finds none frozen.
    sketch = in_float32(pair.sketch)
    return EncoderPair(sketch, sketch if pair.is_siamese else in_float32(pair.photo))


def _freeze_before(encoder, name):
    names = [layer.name for layer in encoder.layers if layer.weights]
    if name not in names:
        raise InputError(f"`train_from` must be one of {', '.join(names)}. Received: {name}")
    # The model that ends there has the layers that lead to it, and no others.
    for layer in keras.Model(encoder.input, encoder.get_layer(name).input).layers:
        layer.trainable = False


def _log_new(layers, weights):
    if layers:
        logging.info("%s has no %s; new weights are drawn for it.", weights, " and no ".join(layers))


def _spread(images, count):
    """Returns up to `count` images, evenly spread: a large set stands class by class."""
    return images[np.unique(np.linspace(0, len(images) - 1, min(count, len(images))).astype(int))]
