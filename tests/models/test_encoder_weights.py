import keras
import numpy as np
import pytest

from tfsbir.errors import InputError
from tfsbir.models import load_encoder_weights


def encoder(dim, seed):
    keras.utils.set_random_seed(seed)
    image = keras.Input((4, 4, 1))
    x = keras.layers.Flatten(name="flat")(image)
    return keras.Model(image, keras.layers.Dense(dim, name="fc7")(x))


def test_weights_are_copied_by_layer(tmp_path):
    trained, fresh = encoder(3, seed=1), encoder(3, seed=2)
    trained.save(tmp_path / "encoder.keras")
    load_encoder_weights(fresh, tmp_path / "encoder.keras")
    np.testing.assert_array_equal(
        fresh.get_layer("fc7").get_weights()[0], trained.get_layer("fc7").get_weights()[0]
    )


def test_another_shape_names_the_layer(tmp_path):
    encoder(5, seed=1).save(tmp_path / "encoder.keras")
    with pytest.raises(InputError, match=r"encoder\.keras: layer fc7 must hold weights of .*\(16, 3\)"):
        load_encoder_weights(encoder(3, seed=2), tmp_path / "encoder.keras")


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.keras: expected a trained encoder; there is no such file"):
        load_encoder_weights(encoder(3, seed=2), tmp_path / "none.keras")
    (tmp_path / "note.keras").write_text("no model")
    with pytest.raises(InputError, match=r"note\.keras: expected a Keras model file"):
        load_encoder_weights(encoder(3, seed=2), tmp_path / "note.keras")
