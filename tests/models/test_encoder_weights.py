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


def test_a_layer_may_be_new_only_where_that_is_said(tmp_path):
    trained = encoder(3, seed=1)
    trained.save(tmp_path / "encoder.keras")
    image = keras.Input((4, 4, 1))
    x = keras.layers.Dense(3, name="fc7")(keras.layers.Flatten(name="flat")(image))
    longer = keras.Model(image, keras.layers.Dense(2, name="head")(x))
    with pytest.raises(InputError, match=r"encoder\.keras: layer head must hold weights of .*Received: \[\]"):
        load_encoder_weights(longer, tmp_path / "encoder.keras")
    assert not np.array_equal(
        longer.get_layer("fc7").get_weights()[0], trained.get_layer("fc7").get_weights()[0]
    )
    head = longer.get_layer("head").get_weights()[0]
    assert load_encoder_weights(longer, tmp_path / "encoder.keras", new_layers=("head",)) == ("head",)
    np.testing.assert_array_equal(
        longer.get_layer("fc7").get_weights()[0], trained.get_layer("fc7").get_weights()[0]
    )
    np.testing.assert_array_equal(longer.get_layer("head").get_weights()[0], head)


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.keras: expected a trained encoder; there is no such file"):
        load_encoder_weights(encoder(3, seed=2), tmp_path / "none.keras")
    (tmp_path / "note.keras").write_text("no model")
    with pytest.raises(InputError, match=r"note\.keras: expected a Keras model file"):
        load_encoder_weights(encoder(3, seed=2), tmp_path / "note.keras")
