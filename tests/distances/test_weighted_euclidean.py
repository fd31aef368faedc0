import keras
import numpy as np
import tensorflow as tf

import tfsbir


def test_training_never_makes_a_weight_negative():
    layer = tfsbir.distances.WeightedEuclidean(3)
    optimizer = keras.optimizers.SGD(0.4)
    optimizer.build(layer.trainable_weights)
    sketch, photo = tf.constant([[0.0, 0.0, 0.0]]), tf.constant([[2.0, 1.0, 0.0]])
    for _ in range(5):
        with tf.GradientTape() as tape:
            distance = layer((sketch, photo))
        assert distance >= 0
        optimizer.apply([tape.gradient(distance, layer.scale.value)], layer.trainable_weights)
    assert np.min(layer.scale) < 0  # The step was long enough to overshoot.
    assert np.min(layer.pairwise(sketch, photo)) >= 0
    assert layer.scale[2] == 1  # A dimension without a difference learns nothing.
