"""The flags of what may happen to the images of a batch."""

from absl import flags

from tfsbir.data.augment import Augmentation, StrokeAugmentation
from tfsbir.data.drawings import Drawings
from tfsbir.data.joined_images import JoinedImages
from tfsbir.errors import InputError

FLAGS = flags.FLAGS


def define_augmentation_flags(
    sketch_warp, photo_warp, rotation=0.0, scale=0.0, mirror=True, removal_shares=(0.0,)
):
    """Declares the flags of `augmentation`, with a recipe's own defaults."""
    flags.DEFINE_float(
        "sketch_warp", sketch_warp, "Strength of the warp of sketches; 0 is none.", lower_bound=0.0
    )
    flags.DEFINE_float(
        "photo_warp", photo_warp, "Strength of the warp of photos; 0 is none.", lower_bound=0.0
    )
    flags.DEFINE_float("rotation", rotation, "Largest rotation in degrees, either way.", lower_bound=0.0)
    flags.DEFINE_float(
        "scale", scale, "Largest change of scale, as a share.", lower_bound=0.0, upper_bound=0.9
    )
    flags.DEFINE_bool("mirror", mirror, "Mirror sketch and photos together, half of the time.")
    flags.DEFINE_multi_float(
        "removal_shares", list(removal_shares),
        "A share of the strokes to leave out, where a dataset has strokes. Give the flag several times, and "
        "one is drawn for each sketch: 0, 0.1, 0.3 and 0.5 in Sketch Me That Shoe, Sec. 4.5.",
        lower_bound=0.0, upper_bound=0.99,
    )  # fmt: skip
    flags.DEFINE_float(
        "deformation", 0.0,
        "Strength of the deformation of strokes (Sec. 4.5), of three sketches in four; 0 is none.",
        lower_bound=0.0, upper_bound=10.0,
    )  # fmt: skip


def augmentation(split):
    """Returns the `Augmentation` that the flags ask for.

    What a recipe does to strokes by itself, sketches without strokes are spared.

    Raises: `InputError` if the command asks for it and there are no strokes.
    """
    is_bent = FLAGS.deformation > 0 or any(FLAGS.removal_shares)
    parts = split.sketches.parts if isinstance(split.sketches, JoinedImages) else (split.sketches,)
    has_strokes = any(isinstance(part, Drawings) for part in parts)
    is_asked_for = FLAGS["deformation"].present or FLAGS["removal_shares"].present
    if is_bent and is_asked_for and not has_strokes:
        raise InputError(
            f"`deformation` and `removal_shares` need sketches as strokes; those of {FLAGS.dataset} are "
            f"pixels. Received: {FLAGS.deformation}, {FLAGS.removal_shares}"
        )
    strokes = None
    if is_bent and has_strokes:
        strokes = StrokeAugmentation(tuple(FLAGS.removal_shares), deformation=FLAGS.deformation)
    return Augmentation(
        FLAGS.mirror, FLAGS.rotation, FLAGS.scale, FLAGS.sketch_warp, FLAGS.photo_warp, strokes
    )
