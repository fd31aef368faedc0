"""Which attributes a recipe learns: the data set's, those of tables, or what another run predicts."""

import dataclasses

import numpy as np
from absl import flags, logging
from keras import ops

from recipes.common.encoders import load_pair
from recipes.common.evaluation import encode_images
from tfsbir.data.with_attributes import with_attributes
from tfsbir.errors import InputError
from tfsbir.runs import RunDirectory

FLAGS = flags.FLAGS


def define_attribute_flags():
    """Declares the flags of `apply_attribute_flags`, for a recipe that learns attributes."""
    for domain, example in (("photo", "1.jpg"), ("sketch", "1.png")):
        flags.DEFINE_string(
            f"{domain}_attributes",
            None,
            f"CSV table of the {domain}s' binary attributes, in place of the dataset's own: file,NAME,NAME "
            f"with rows such as {example},1,0 (an empty cell: not known).",
        )
    flags.DEFINE_bool(
        "sketches_take_photos", False,
        "Whether sketches without known attributes take those of their own photo. A sketch need not show "
        "all of them.",
    )  # fmt: skip
    flags.DEFINE_string(
        "attributes_from", None,
        "Directory of a finished run which predicts attributes: what it is sure of is learned, for data that "
        "nobody labelled.",
    )  # fmt: skip
    flags.DEFINE_float(
        "confidence", 0.8,
        "Of --attributes_from: probability of the likelier value from which on the run is sure.",
        lower_bound=0.5, upper_bound=1.0,
    )  # fmt: skip


def apply_attribute_flags(split):
    """Returns the split with the attributes that the flags ask for, by default its own.

    Raises: `InputError` as `with_attributes`, or if there are no attributes at all.
    """
    if FLAGS.attributes_from is not None:
        if FLAGS.photo_attributes or FLAGS.sketch_attributes or FLAGS.sketches_take_photos:
            raise InputError(
                "`attributes_from` is in place of `photo_attributes`, `sketch_attributes` and "
                f"`sketches_take_photos`. Received: {FLAGS.attributes_from} and one of these"
            )
        return predicted_attributes(split, RunDirectory(FLAGS.attributes_from), FLAGS.confidence)
    split = with_attributes(
        split, FLAGS.photo_attributes, FLAGS.sketch_attributes, FLAGS.sketches_take_photos
    )
    if not split.attribute_names:
        raise InputError(
            f"`photo_attributes` or `sketch_attributes` must name a table, or `attributes_from` a run, since "
            f"{split.name} has no attributes of its own. Received: none of them"
        )
    return split


def predicted_attributes(split, run, confidence):
    """Returns a split with the attributes that a run predicts for it, in place of its own.

    Args:
        split: `Split`.
        run: `RunDirectory` whose encoders predict attributes.
        confidence: Probability, in [0.5, 1], of the likelier value below which an attribute is not known.
    Raises: `InputError` if the run predicts none, or takes photos in another form.
    """
    preprocessing = run.preprocessing()
    names = preprocessing.attributes
    if not names:
        raise InputError(f"{run.path}: expected a run that predicts attributes; its encoders do not")
    if preprocessing.photo_input != split.photo_input:
        raise InputError(
            f"{run.path}: expected a run on photos as {split.photo_input}; found {preprocessing.photo_input}"
        )
    pair = load_pair(run)
    known = {}
    for domain, encoder, images in (
        ("photos", pair.photo, split.photos),
        ("sketches", pair.sketch, split.sketches),
    ):
        probabilities = encode_images(encoder, images)[:, -len(names) :]
        is_sure = np.maximum(probabilities, 1 - probabilities) >= confidence
        known[domain] = np.where(is_sure, probabilities >= 0.5, -1).astype(np.int8)
        share = np.mean(is_sure)
        logging.info("%s predicts %.0f %% of the attributes of %s.", run.path, 100 * share, domain)
    return dataclasses.replace(
        split, attribute_names=names, photo_attributes=known["photos"], sketch_attributes=known["sketches"]
    )


def apply_to_both(train, test):
    """Returns the splits to train and to evaluate on with attributes.

    The flags are about what is trained on; a part held out is of that. A test split keeps what it has of the
    same attributes, if anything: its photos may have the ids of others that were trained on. What was
    predicted is nothing to measure by.
    """
    train = apply_attribute_flags(train)
    if FLAGS.holdout and FLAGS.attributes_from is None:
        return train, apply_attribute_flags(test)
    if test.attribute_names != train.attribute_names:
        test = dataclasses.replace(test, attribute_names=(), photo_attributes=None, sketch_attributes=None)
    return train, test


def num_differing(attributes, others):
    """Returns in how many attributes two photos differ, of each of the one side with each of the other.

    An attribute that is not known of one of the two, or of both, counts as half a difference, as in
    `sampling.AttributeTriplets`.

    Args:
        attributes: `(num, num_attributes)` labels, 1, 0 or -1 where it is not known.
        others: `(num_others, num_attributes)`, likewise.
    Returns: `(num, num_others)` float32.
    """
    # What agrees multiplies to 1, what differs to -1, the rest to 0.
    signs, other_signs = (
        ops.where(labels < 0, 0.0, 2.0 * ops.cast(labels, "float32") - 1.0) for labels in (attributes, others)
    )
    return (signs.shape[1] - ops.matmul(signs, ops.transpose(other_signs))) / 2.0


def known_to_differ(attributes, others):
    """Returns 1.0 where a known one of two `(..., num_attributes)` labels differs, else 0.0; `(...)`."""
    is_known = (attributes >= 0) & (others >= 0)
    return ops.cast(ops.any(is_known & (attributes != others), axis=-1), "float32")
