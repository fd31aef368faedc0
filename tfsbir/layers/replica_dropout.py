"""Dropout under a distribution strategy."""

import keras
from keras import ops

from tfsbir import replica_random


@keras.saving.register_keras_serializable(package="tfsbir")
class ReplicaDropout(keras.layers.Layer):
    """Sets values to 0 at random while training, others on every replica.

    `keras.layers.Dropout` draws the same places on all replicas of a `tf.distribute.Strategy`. Here each has
    the part of one draw that belongs to its rows of the global batch, so that a training has the same numbers
    on one device and on several. What stays is divided by 1 - `rate`.

    Args:
        rate: Float in [0, 1), the share to drop.
        seed: Integer or None.
    Call arguments:
        inputs: `(batch, ...)`, as many rows on each replica.
        training: Whether to drop; else `inputs` come back as they are.
    Returns: The same shape and dtype.
    Raises: `ValueError` if `rate` is out of its range.
    Source: Srivastava et al., "Dropout", JMLR 2014.
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"`rate` must be in [0, 1). Received: {rate}")
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed) if rate else None

    def call(self, inputs, training=False):
        if not training or not self.rate:
            return inputs
        is_kept = replica_random.uniform(ops.shape(inputs), self.seed_generator) >= self.rate
        return ops.where(is_kept, inputs / (1 - self.rate), ops.zeros_like(inputs))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
