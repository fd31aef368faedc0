import keras
import numpy as np
import pytest

from tests.common import assert_near
from tests.models.small_encoder import small_encoder
from tfsbir.models import attended_encoder, attention_maps, sketch_a_net


@pytest.fixture(scope="module")
def encoder():
    return small_encoder()


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).uniform(-1, 1, (3, 8, 8, 1)).astype("float32")


def expected(encoder, attended, images, attention, fusion):
    """Fig. 2 by hand, from the layers' weights and the attention of the model under test."""
    kernel, bias = encoder.get_layer("map").get_weights()
    x = np.zeros((len(images), 6, 6, 6))
    for i, j in np.ndindex(6, 6):
        x[:, i, j] = np.einsum("bxyc,xyco->bo", images[:, i : i + 3, j : j + 3], kernel) + bias
    x = np.maximum(x, 0)
    if attention != "none":
        weights = np.asarray(attention_maps(attended)(images), "float64")[..., None]
        x = x * weights + (x if attention == "shortcut" else 0)
    kernel, bias = encoder.get_layer("fc").get_weights()
    coarse = x.reshape(len(x), -1) @ kernel + bias
    coarse /= np.linalg.norm(coarse, axis=1, keepdims=True)
    if not fusion:
        return coarse
    fine = x.mean(axis=(1, 2))
    return np.concatenate([fine / np.linalg.norm(fine, axis=1, keepdims=True), coarse], axis=1)


@pytest.mark.parametrize("attention", ["shortcut", "plain", "none"])
@pytest.mark.parametrize("fusion", [True, False])
def test_equals_the_figure(encoder, images, attention, fusion):
    attended = attended_encoder(encoder, "map", attention, fusion)
    assert attended.output_shape == (None, 10 if fusion else 4)
    assert_near(attended(images), expected(encoder, attended, images, attention, fusion))


def test_the_encoder_stays_as_it_is(encoder, images):
    before = encoder(images)
    attended = attended_encoder(encoder, "map")
    for weight in attended.trainable_variables:
        weight.assign(weight + 1.0)
    np.testing.assert_array_equal(encoder(images), before)


def test_a_saved_one_comes_back(encoder, images, tmp_path):
    attended = attended_encoder(encoder, "map", feature_scale=3.0)
    attended.save(tmp_path / "attended.keras")
    loaded = keras.saving.load_model(tmp_path / "attended.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded(images), attended(images))
    np.testing.assert_array_equal(attention_maps(loaded)(images), attention_maps(attended)(images))


def test_on_sketch_a_net_the_scale_keeps_attention_from_one_place():
    keras.utils.set_random_seed(0)
    paper = np.ones((1, 225, 225, 1), "float32")
    paper[:, 60:160, 100:104] = -1.0
    attended = attended_encoder(sketch_a_net(), "pool5", feature_scale=128.0)
    assert attended.output_shape == (None, 512)
    attention = np.asarray(attention_maps(attended)(paper))
    assert attention.shape == (1, 7, 7)
    assert_near(attention.sum(axis=(1, 2)), 1.0)
    assert attention.max() < 0.9


def test_bad_arguments(encoder):
    with pytest.raises(
        ValueError, match=r"`attention` must be one of shortcut, plain, none. Received: 'full'"
    ):
        attended_encoder(encoder, "map", "full")
    for after in ("pool5", "flat"):
        with pytest.raises(
            ValueError, match=rf"`after` must name a layer of small that gives a map. Received: '{after}'"
        ):
            attended_encoder(encoder, after)
    with pytest.raises(
        ValueError, match=r"`encoder` must have a layer 'attention'. Received: small, without"
    ):
        attention_maps(encoder)
