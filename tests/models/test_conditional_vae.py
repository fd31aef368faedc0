import keras
import numpy as np
import pytest
from keras import ops

from tests.common import assert_all_finite, assert_near
from tests.common_backends import MODES, recording_gradients
from tfsbir.losses import EvidenceBound
from tfsbir.models import ConditionalVAE

SIZES = {"photo_dim": 5, "sketch_dim": 4, "latent_dim": 3, "hidden_dim": 8}


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return ConditionalVAE(**SIZES, seed=0)


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.default_rng(0)
    return tuple(rng.normal(size=(6, dim)).astype("float32") for dim in (5, 4))


def network(part, inputs):
    """A hidden layer with ReLU and a linear one, by hand."""
    weights, bias, out_weights, out_bias = (w.astype("float64") for w in part.get_weights())
    return np.maximum(inputs.astype("float64") @ weights + bias, 0) @ out_weights + out_bias


def test_it_equals_its_networks_by_hand(model, pairs):
    photo, sketch = pairs
    gaussian = network(model.encoder, np.concatenate([photo, sketch], axis=1))
    mean, log_variance = gaussian[:, :3], gaussian[:, 3:]
    found = network(model.decoder, np.concatenate([mean, sketch], axis=1))
    for mode in MODES.values():
        outputs = mode(model)((ops.convert_to_tensor(photo), ops.convert_to_tensor(sketch)))
        expected = (found, network(model.sketch_decoder, found), mean, log_variance)
        for output, values in zip(outputs, expected, strict=True):
            assert_near(output, values)
    latent = np.random.default_rng(1).normal(size=(6, 3)).astype("float32")
    assert_near(
        model.generate(latent, sketch), network(model.decoder, np.concatenate([latent, sketch], axis=1))
    )


def test_training_draws_the_latent_vector_from_the_gaussian(model, pairs):
    """With a decoder that hands the latent vector on, many draws have the mean and the variance given."""
    photo, sketch = (np.repeat(values[:1], 20_000, axis=0) for values in pairs)
    hidden, out = np.zeros((7, 8), "float32"), np.zeros((8, 5), "float32")
    for place in range(3):  # ReLU of the value and of its negative, which the last layer puts together again.
        hidden[place, 2 * place], hidden[place, 2 * place + 1] = 1, -1
        out[2 * place, place], out[2 * place + 1, place] = 1, -1
    model.decoder.set_weights([hidden, np.zeros(8), out, np.zeros(5)])
    found, _, mean, log_variance = model((photo, sketch), training=True)
    draws = np.asarray(found)[:, :3]
    deviation = np.exp(np.asarray(log_variance)[0] / 2)
    np.testing.assert_allclose(draws.mean(0), np.asarray(mean)[0], atol=5 * deviation.max() / 141)
    np.testing.assert_allclose(draws.std(0), deviation, rtol=0.03)
    assert np.abs(np.corrcoef(draws.T) - np.eye(3)).max() < 0.04
    again, *_ = model((photo, sketch), training=True)
    assert not np.array_equal(again, found)  # Each call draws anew,
    keras.utils.set_random_seed(0)
    same = ConditionalVAE(**SIZES, seed=0)  # and the seed tells what.
    same.set_weights(model.get_weights())
    np.testing.assert_array_equal(same((photo, sketch), training=True)[0], found)


def test_the_networks_drop_places_of_their_own():
    model = ConditionalVAE(**{**SIZES, "hidden_dim": 64}, dropout=0.5, seed=0)
    networks = (model.encoder, model.decoder, model.sketch_decoder)
    drops = [np.asarray(part.get_layer("dropout")(np.ones((1, 64)), training=True)) for part in networks]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert 0.25 < np.mean(drops[one] == drops[other]) < 0.75


def test_a_large_variance_stays_finite(model, pairs):
    bias = np.array([0, 0, 0, 1e4, -1e4, 0], "float32")
    model.encoder.layers[-1].bias.assign(bias)
    outputs = model(pairs, training=True)
    assert_all_finite(outputs)
    np.testing.assert_array_equal(np.asarray(outputs[3])[:, :2], [[20, -20]] * 6)


class Trained(ConditionalVAE):
    """With its loss, of what it is given and what it makes of it, for Keras' own trainer."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return EvidenceBound(sketch_weight=1.0)(x, y_pred)


def test_it_learns_what_belongs_to_a_sketch():
    """Photos that are a linear map of their sketches and a sign that these do not show."""
    rng = np.random.default_rng(0)
    sketch = rng.normal(size=(512, 4)).astype("float32")
    sign = rng.choice([-1.0, 1.0], (512, 1))
    offset = np.array([3.0, 0, 0, 0, 0])
    photo = (sketch @ rng.normal(size=(4, 5)) + sign * offset).astype("float32")
    keras.utils.set_random_seed(0)
    model = Trained(5, 4, 2, 32, seed=0)
    model.compile(keras.optimizers.Adam(1e-2))

    def cost():
        return float(EvidenceBound(sketch_weight=1.0)((photo, sketch), model((photo, sketch), training=True)))

    before = cost()
    with recording_gradients():
        for _ in range(150):
            model.train_on_batch((photo, sketch))
    assert cost() < 0.25 * before
    generated = np.asarray(model.generate(rng.normal(size=(512, 2)).astype("float32"), sketch))
    along = (generated - (photo - sign * offset))[:, 0]
    assert (along > 1.5).mean() > 0.2  # The latent vector stands for the sign: both are generated.
    assert (along < -1.5).mean() > 0.2


def test_a_saved_one_comes_back(model, pairs, tmp_path):
    expected = model(pairs)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    for output, values in zip(loaded(pairs), expected, strict=True):
        np.testing.assert_array_equal(output, values)
    assert loaded.get_config() == model.get_config()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"photo_dim": 0}, "`photo_dim` must be >= 1. Received: 0"),
        ({"sketch_dim": 0}, "`sketch_dim` must be >= 1. Received: 0"),
        ({"latent_dim": 0}, "`latent_dim` must be >= 1. Received: 0"),
        ({"hidden_dim": -1}, "`hidden_dim` must be >= 1. Received: -1"),
        ({"dropout": 1.0}, r"`dropout` must be in \[0, 1\). Received: 1.0"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConditionalVAE(**{**SIZES, **arguments})
