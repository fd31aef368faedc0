"""What training computes in."""

import keras
import numpy as np
import tensorflow as tf
from absl import flags

FLAGS = flags.FLAGS
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
# Of the scale of a loss whose gradients are float16: where it starts, and after how many steps without an
# overflow it doubles. They are Keras' `LossScaleOptimizer`'s.
FIRST_SCALE, STEPS_TO_DOUBLE = 2.0**15, 2000


def define_precision_flag():
    """Declares the flag of this module."""
    flags.DEFINE_enum(
        "precision", "float32", PRECISIONS,
        "What training computes in. Weights, losses and the saved model are float32 in any case.",
    )  # fmt: skip


def use_precision():
    """Makes all layers that are built from now on compute in what the flag says."""
    keras.config.set_dtype_policy(FLAGS.precision)


def in_float32(model):
    """Returns a copy of a functional model that computes in float32; the model itself if it does already."""
    if FLAGS.precision == "float32":
        return model
    keras.config.set_dtype_policy("float32")
    copy = keras.models.clone_model(
        model,
        clone_function=lambda layer: type(layer).from_config({**layer.get_config(), "dtype": "float32"}),
    )
    copy.set_weights(model.get_weights())
    return copy


class LossScale:
    """Keeps small gradients of float16 from becoming 0: the loss is multiplied by it, gradients divided.

    Where gradients overflow, the step is left out and the scale halved. Keras' `LossScaleOptimizer` does the
    same for one optimizer; here several share one loss, and it is told by the gradients of all replicas.

    Attributes:
        state: Dict of `tf.Variable`s for the checkpoint.
    """

    def __init__(self):
        self.state = {
            "scale": tf.Variable(FIRST_SCALE, trainable=False),
            "num_good": tf.Variable(0, dtype=tf.int64, trainable=False),
        }

    @property
    def value(self):
        """The scale, a variable."""
        return self.state["scale"]

    def observe(self, gradient_norm):
        """Takes notice of a step's norm of gradients; returns whether the step counts.

        With a scale of 1 it always counts: then it is not the scale that makes gradients infinite.
        """
        scale = float(self.value.numpy())
        if np.isfinite(gradient_norm):
            self.state["num_good"].assign_add(1)
            if int(self.state["num_good"].numpy()) % STEPS_TO_DOUBLE == 0:
                self.value.assign(2 * scale)
            return True
        self.state["num_good"].assign(0)
        self.value.assign(max(1.0, scale / 2))
        return scale == 1.0
