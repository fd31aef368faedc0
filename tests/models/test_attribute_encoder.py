import keras
import numpy as np
import pytest

from tests.common import assert_near
from tests.models.small_encoder import small_encoder
from tfsbir.models import attribute_encoder, sketch_a_net


@pytest.fixture
def images():
    return np.random.default_rng(1).uniform(-1, 1, (3, 8, 8, 1)).astype("float32")


@pytest.mark.parametrize(("after", "feature_scale"), [("map", 1.0), ("flat", 4.0), ("embedding", 0.5)])
def test_the_embedding_comes_first_and_then_the_probabilities(images, after, feature_scale):
    encoder = small_encoder()
    model = attribute_encoder(encoder, 3, after, feature_scale)
    assert model.output_shape == (None, 10)
    features = np.asarray(keras.Model(encoder.input, encoder.get_layer(after).output)(images), "float64")
    if after == "map":
        features = features.mean(axis=(1, 2))
    features = features / feature_scale
    kernel, bias = model.get_layer("attributes").get_weights()
    assert kernel.shape == (features.shape[1], 3)
    output = np.asarray(model(images))
    assert_near(output[:, :4], encoder(images))
    logits = features @ kernel + bias
    assert_near(output[:, 4:7], 1 / (1 + np.exp(-logits / 4)))
    assert_near(output[:, 7:], 1 / (1 + np.exp(-logits)))


def test_what_is_not_softened_is_the_probabilities(images):
    output = np.asarray(attribute_encoder(small_encoder(), 3, "flat", softness=1.0)(images))
    np.testing.assert_array_equal(output[:, 4:7], output[:, 7:])


def test_the_layers_are_the_encoders_own(images):
    encoder = small_encoder()
    model = attribute_encoder(encoder, 1, "flat")
    encoder.get_layer("fc").bias.assign([9.0, 0.0, 0.0, 0.0])
    assert_near(np.asarray(model(images))[:, :4], encoder(images))


def test_a_saved_one_comes_back(images, tmp_path):
    model = attribute_encoder(small_encoder(), 3, "flat")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded(images), model(images))


def test_probabilities_stay_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = attribute_encoder(sketch_a_net(image_size=81), 13, "fc6")
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.output_shape == (None, 282)
    output = np.asarray(model(np.ones((1, 81, 81, 1), "float32")))
    assert output.dtype == "float32"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, "flat"), r"`num_attributes` must be >= 1. Received: 0"),
        ((2, "fc9"), r"`after` must name a layer of small. Received: 'fc9'"),
        ((2, "flat", 0.0), r"`feature_scale` must be > 0. Received: 0.0"),
        ((2, "flat", 1.0, 0.5), r"`softness` must be >= 1. Received: 0.5"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        attribute_encoder(small_encoder(), *arguments)
