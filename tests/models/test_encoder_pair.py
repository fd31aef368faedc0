import keras
import numpy as np
import pytest

from tfsbir.models import EncoderPair


def small_encoder(channels=1, dim=4, seed=0):
    keras.utils.set_random_seed(seed)
    image = keras.Input((6, 6, channels))
    return keras.Model(image, keras.layers.Dense(dim)(keras.layers.Flatten()(image)))


def images(count, channels=1, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, 6, 6, channels)).astype("float32")


def test_a_siamese_pair_encodes_in_one_pass_what_one_encoder_gives():
    encoder = small_encoder()
    calls = []
    encoder.call = lambda *args, call=encoder.call, **kwargs: calls.append(args) or call(*args, **kwargs)
    sketch, positive, negative = images(3, seed=1), images(3, seed=2), images(3, seed=3)
    encoded = EncoderPair(encoder, encoder).encode(sketch, [positive, negative])
    assert len(calls) == 1
    for embedding, batch in zip(encoded, (sketch, positive, negative), strict=True):
        np.testing.assert_allclose(embedding, encoder(batch), atol=1e-6)


def test_a_heterogeneous_pair_uses_each_encoder_for_its_domain():
    sketch_encoder, photo_encoder = small_encoder(1, seed=1), small_encoder(3, seed=2)
    pair = EncoderPair(sketch_encoder, photo_encoder)
    sketch, photo, negative = images(2), images(2, 3, seed=4), images(2, 3, seed=5)
    encoded = pair.encode(sketch, [photo, negative])
    np.testing.assert_allclose(encoded[0], sketch_encoder(sketch), atol=1e-6)
    np.testing.assert_allclose(encoded[1], photo_encoder(photo), atol=1e-6)
    np.testing.assert_allclose(encoded[2], photo_encoder(negative), atol=1e-6)


def test_variables_come_once():
    encoder, other = small_encoder(), small_encoder()
    assert len(EncoderPair(encoder, encoder).trainable_variables) == 2
    assert len(EncoderPair(encoder, other).trainable_variables) == 4


def test_embeddings_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match=r"embeddings of one size\. Received: 4 and 5"):
        EncoderPair(small_encoder(dim=4), small_encoder(dim=5))
