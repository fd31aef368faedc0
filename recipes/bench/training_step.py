"""A training step to be timed."""

import keras
import tensorflow as tf

from tfsbir import losses
from tfsbir.models import EncoderPair


def training_step(encoder, distance):
    """Returns a function from a batch of pairs to the loss of one training step.

    Args:
        encoder: `keras.Model` of both domains.
        distance: Layer of `tfsbir.distances` that is trained with it, if it has variables.
    """
    pair, loss = EncoderPair(encoder, encoder), losses.BatchTripletRanking(distance=distance)
    variables = [*pair.trainable_variables, *distance.trainable_variables]
    optimizer = keras.optimizers.SGD(1e-3, momentum=0.9)
    optimizer.build(variables)

    @tf.function
    def step(batch):
        with tf.GradientTape() as tape:
            embeddings = tuple(pair.encode(batch["sketch"], [batch["photo"]], training=True))
            value = loss(batch["instance"], embeddings) + sum(distance.losses)
        optimizer.apply(tape.gradient(value, variables), variables)
        return value

    return lambda batch: step(batch).numpy()
