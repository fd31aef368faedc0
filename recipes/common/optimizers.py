"""The optimizers of a recipe, and the course of their learning rate."""

import keras
from absl import flags

FLAGS = flags.FLAGS


def define_optimizer_flags(learning_rate):
    """Declares the flags of `make_optimizer`, with a recipe's own default."""
    flags.DEFINE_float("learning_rate", learning_rate, "Learning rate at the start.", lower_bound=0.0)
    flags.DEFINE_enum(
        "schedule", "cosine", ["cosine", "constant", "step"],
        "Course of the learning rate: to 0 as a cosine, the same all along, or less every --decay_every.",
    )  # fmt: skip
    flags.DEFINE_integer("decay_every", 1000, "Of --schedule=step: steps between two cuts.", lower_bound=1)
    flags.DEFINE_float(
        "decay_factor", 0.1, "Of --schedule=step: what is left of the learning rate after a cut.",
        lower_bound=0.0, upper_bound=1.0,
    )  # fmt: skip
    flags.DEFINE_float(
        "clip_norm", None,
        "Largest L2 norm of all gradients of a step together, over all replicas; larger ones are shortened. "
        "By default none is.",
        lower_bound=1e-12,
    )  # fmt: skip


def make_optimizer(name, weight_decay, learning_rate=None):
    """Returns the optimizer `name` ("adam" or "sgd") with the schedule of the flags.

    `learning_rate` is the rate at the start, None for that of the flags.
    """
    rate = FLAGS.learning_rate if learning_rate is None else learning_rate
    if FLAGS.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, FLAGS.steps)
    elif FLAGS.schedule == "step":
        rate = keras.optimizers.schedules.ExponentialDecay(
            rate, FLAGS.decay_every, FLAGS.decay_factor, staircase=True
        )
    if name == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, weight_decay=weight_decay)
    return keras.optimizers.AdamW(rate, weight_decay=weight_decay)
