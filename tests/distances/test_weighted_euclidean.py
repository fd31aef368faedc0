import keras
import numpy as np

import tfsbir
from tests.common_backends import value_and_gradients


def test_training_never_makes_a_weight_negative():
    layer = tfsbir.distances.WeightedEuclidean(3)
    optimizer = keras.optimizers.SGD(0.4)
    optimizer.build(layer.trainable_weights)
    sketch, photo = np.float32([[0.0, 0.0, 0.0]]), np.float32([[2.0, 1.0, 0.0]])
    for _ in range(5):
        distance, gradients = value_and_gradients(lambda: layer((sketch, photo)), (), [layer.scale])
        assert distance >= 0
        optimizer.apply(gradients, layer.trainable_weights)
    assert np.array(layer.scale).min() < 0  # The step was long enough to overshoot.
    assert np.asarray(layer.pairwise(sketch, photo)).min() >= 0
    assert layer.scale[2] == 1  # A dimension without a difference learns nothing.
