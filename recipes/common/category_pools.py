"""Who may meet whom at category level: what an encoder and a classifier find before training begins."""

import io

import numpy as np
from absl import flags, logging

from recipes.common import encoders
from recipes.common.evaluation import encode_images
from tfsbir import files, sampling
from tfsbir.data.class_lists import class_key
from tfsbir.errors import InputError
from tfsbir.models import load_trained_model
from tfsbir.runs import RunDirectory

FLAGS = flags.FLAGS


def category_triplets(run, pair, train, representative_share):
    """Returns the sampler of stage 3 of Sketch Me That Shoe (Sec. 4.4).

    The features are those of the encoder that training starts from. They are kept in the run directory as
    `features.npz`: a resumed run must draw from the same pools, and its encoder is another by then.

    Args:
        run: `RunDirectory` that has been started.
        pair: `EncoderPair` where training starts, used where `--weights` names no trained encoder.
        train: `Split`.
        representative_share: Share of each class's sketches to draw; below 1 it takes the classifier of the
            run that `--weights` names.
    Raises: `InputError` if there is no such classifier, or it does not know a class.
    """
    path = run.path / "features.npz"
    is_new = not path.exists()
    if is_new:
        stored = io.BytesIO()
        np.savez(stored, **_features(pair, train, representative_share))
        files.write_bytes(path, stored.getvalue())
    with np.load(path, allow_pickle=False) as found:
        sampler = sampling.CategoryTriplets(
            train, found["sketch"], found["photo"], FLAGS.batch_size, FLAGS.seed,
            sketch_indices=found["representative"],
        )  # fmt: skip
    if is_new:
        # Where a source of negatives is empty, an easy one takes its place: 3 : 1 : 1 is then another ratio.
        pools = {
            "num_sketches": len(sampler.anchors),
            "share_without_out_of_class": sampler.share_without_out_of_class,
            "share_without_in_class": sampler.share_without_in_class,
        }
        run.note(category_pools=pools)
        logging.info("Drawing from %d of %d sketches: %s", len(sampler.anchors), len(train.sketches), pools)
    return sampler


def _features(pair, train, representative_share):
    representative = np.arange(len(train.sketches))
    if representative_share < 1:
        representative = sampling.representative_sketches(
            _class_scores(train), train.sketch_labels, representative_share
        )
    found = {"representative": representative}
    for domain, images in (("sketch", train.sketches), ("photo", train.photos)):
        path = encoders.trained_encoder(domain)
        encoder = getattr(pair, domain) if path is None else load_trained_model(path)
        found[domain] = encode_images(encoder, images)
    return found


def _class_scores(train):
    """Returns `(num_sketches, num_classes)`: the classifier's logits, in the order of the split's classes."""
    if not encoders.starts_from_a_run():
        raise InputError(
            "`representative_share` below 1 needs the classifier of a run as `weights`. "
            f"Received: {FLAGS.representative_share} with `weights` {FLAGS.weights}"
        )
    classifier, class_names = RunDirectory(FLAGS.weights).load_classifier()
    place = {class_key(name): index for index, name in enumerate(class_names)}
    unknown = [name for name in train.class_names if class_key(name) not in place]
    if unknown:
        raise InputError(
            f"`weights` must be of a run that learned every class of {FLAGS.dataset}. "
            f"Received: {FLAGS.weights}, which did not learn {', '.join(unknown[:5])}"
        )
    order = [place[class_key(name)] for name in train.class_names]
    return encode_images(classifier, train.sketches)[:, order]
