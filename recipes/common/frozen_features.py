"""What a network that is not trained any further makes of the images of splits."""

import dataclasses
import hashlib
import io
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from absl import flags
from tqdm import tqdm

from recipes.common.encoders import IMAGENET_WEIGHTS
from recipes.common.evaluation import encode_images
from tfsbir import files
from tfsbir.errors import InputError
from tfsbir.models import inception_v1, pooled_squeezenet_encoder

FLAGS = flags.FLAGS
# By the name of a backbone, its encoder and the layer of it whose values, one row an image, are the features.
BACKBONES = {
    "inception_v1": (inception_v1, "pool5"),
    "pooled_squeezenet": (pooled_squeezenet_encoder, "pooled"),
}


def define_frozen_flags(backbone):
    """Declares the flags of `feature_network`, with a recipe's own default."""
    flags.DEFINE_enum("backbone", backbone, sorted(BACKBONES), "The network that gives the features.")
    flags.DEFINE_string(
        "weights", None,
        "Its ImageNet weights, with which it stays (pooled_squeezenet: .h5; inception_v1: .caffemodel).",
        required=True,
    )  # fmt: skip


def feature_network(channels):
    """Returns the `keras.Model` from images to features that the flags ask for.

    Args:
        channels: 1 for sketches and edge maps, 3 for RGB photos.
    """
    build, layer = BACKBONES[FLAGS.backbone]
    encoder = build(channels=channels)
    IMAGENET_WEIGHTS[FLAGS.backbone](encoder, FLAGS.weights)
    return keras.Model(encoder.input, encoder.get_layer(layer).output, name=f"{FLAGS.backbone}_features")


def split_features(run, networks, splits):
    """Returns the features of splits, which are computed once and kept in a file, `features-KEY.npz`.

    It is in the run directory, or, for all runs with these data and this network, in `--cache_dir`.

    Args:
        run: `RunDirectory` that has been started.
        networks: Dict from "sketch" and "photo" to the `keras.Model`s of `feature_network`.
        splits: Dict from a name to a `Split`.
    Returns: Dict from a split's name to the dict of its "sketch" and its "photo" features, `(num, dim)`
        float32.
    Raises: `InputError` if the file is damaged, or its folder cannot be written to.
    """
    path = Path(FLAGS.cache_dir or run.path) / f"features-{_key(splits)}.npz"
    if not path.exists():
        stored = io.BytesIO()
        np.savez(stored, **_encode(networks, splits))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write_bytes(path, stored.getvalue())
        except OSError as error:
            raise InputError(f"{path.parent}: expected a folder to write to; {error}") from None
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            return {
                name: {domain: stored[f"{name}/{domain}"] for domain in ("sketch", "photo")}
                for name in splits
            }
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        raise InputError(f"{path}: expected features; it is damaged. Remove it, they are made anew") from None


def _key(splits):
    """Returns 16 digits that tell the images, the network and its weights."""
    digest = hashlib.sha256(FLAGS.backbone.encode("utf-8"))
    digest.update(Path(FLAGS.weights).read_bytes())
    for name, split in splits.items():
        digest.update(f"{name} {split.fingerprint}".encode("ascii"))
    return digest.hexdigest()[:16]


def _encode(networks, splits):
    total = sum(len(split.sketches) + len(split.photos) for split in splits.values())
    with tqdm(total=total, unit="image", desc="features", file=sys.stderr, dynamic_ncols=True) as progress:
        return {
            f"{name}/{domain}": encode_images(networks[domain], images, progress)
            for name, split in splits.items()
            for domain, images in (("sketch", split.sketches), ("photo", split.photos))
        }


@dataclasses.dataclass(frozen=True, eq=False)
class Standard:
    """Centres features and brings them to unit variance on average, as those are that it was made `of`.

    One deviation serves all values, so cosines are those of the centred features.

    Args:
        mean: `(dim,)` float32.
        deviation: Float > 0.
    """

    mean: np.ndarray
    deviation: float

    @classmethod
    def of(cls, features):
        """Returns that of `(num, dim)` features."""
        mean = features.mean(axis=0)
        return cls(mean, float(np.sqrt(np.mean(np.square(features - mean)))))

    def __call__(self, features):
        return (features - self.mean) / self.deviation

    def layer(self):
        """Returns the Keras layer that does the same."""
        offset = (-self.mean / self.deviation).tolist()
        return keras.layers.Rescaling(1 / self.deviation, offset, name="standard")


def feature_batches(features, sampler, start, stop, own_rows=None):
    """Returns the batches of the steps `start` .. `stop - 1`.

    Args:
        features: Dict from a domain to `(num, dim)` float32.
        sampler: Function of a step which returns a dict of `(batch,)` int32 indices by domain.
        start, stop: The first step and the one after the last.
        own_rows: As for `tfsbir.data.batches.batches`.
    Returns: A `tf.data.Dataset` of dicts from a domain to `(batch, dim)` float32.
    """
    held = {domain: tf.constant(values) for domain, values in features.items()}
    own = np.arange(len(next(iter(sampler(start).values())))) if own_rows is None else own_rows

    def choose(step):
        drawn = sampler(int(step))
        return np.stack([drawn[domain][own] for domain in held])

    @tf.autograph.experimental.do_not_convert
    def make(step):
        rows = tf.numpy_function(choose, [step], tf.int32, stateful=False)
        rows.set_shape([len(held), len(own)])
        return {
            domain: tf.gather(values, row)
            for (domain, values), row in zip(held.items(), tf.unstack(rows), strict=True)
        }

    return tf.data.Dataset.range(start, stop).map(make).prefetch(2)
