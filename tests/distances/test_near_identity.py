import keras
import numpy as np
import pytest
from keras import ops

from tests.common_backends import MODES, value_and_gradients
from tfsbir.distances import NearIdentity


@pytest.mark.parametrize("mode", MODES)
def test_equals_equation_7(mode):
    matrix = np.random.default_rng(1).normal(size=(4, 4)).astype("float32")
    entries = [matrix[i, j] - (i == j) for i in range(4) for j in range(4)]
    expected = 0.2 * (sum(abs(x) for x in entries) + sum(x * x for x in entries) ** 0.5)
    found = MODES[mode](NearIdentity(0.2))(ops.convert_to_tensor(matrix))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e-6])
def test_finite_gradient_at_and_near_the_identity(scale):
    matrix = (np.eye(3) + np.float32(scale)).astype("float32")
    loss, (gradient,) = value_and_gradients(NearIdentity(1.0), [matrix])
    assert np.isfinite(np.asarray(gradient)).all()
    if scale == 0:
        assert loss == 0
        np.testing.assert_array_equal(gradient, 0)


def test_config():
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(NearIdentity(0.3)))
    assert isinstance(copy, NearIdentity)
    assert copy.regularization_weight == 0.3


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_bad_weight(weight):
    message = rf"`regularization_weight` must be finite and >= 0. Received: {weight}"
    with pytest.raises(ValueError, match=message):
        NearIdentity(weight)
