import keras
import numpy as np
import pytest
from sklearn.decomposition import PCA

from tests.common_backends import recording_gradients
from tfsbir.models import attended_encoder, pooled_squeezenet_encoder, start_heads_together

SMALL = {"image_size": 111, "working_size": 111, "embedding_dim": 8}


def drawn(count, channels, seed):
    return np.random.default_rng(seed).uniform(-1, 1, (count, 111, 111, channels)).astype("float32")


def output_of(encoder, layer, images):
    return keras.ops.convert_to_numpy(keras.Model(encoder.input, encoder.get_layer(layer).output)(images))


@pytest.mark.parametrize("channels", [1, 3])
def test_embeddings_are_projected_means_of_the_last_map_of_unit_norm(channels):
    encoder = pooled_squeezenet_encoder(channels=channels, **SMALL)
    images = drawn(2, channels, 0)
    embedding = keras.ops.convert_to_numpy(encoder(images))
    assert embedding.shape == (2, 8)
    kernel, bias = encoder.get_layer("projection").get_weights()
    expected = output_of(encoder, "fire9", images).mean((1, 2)) @ kernel + bias
    np.testing.assert_allclose(
        embedding, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-5
    )


def test_published_weights_end_up_in_their_layers(shared_weights):
    encoder = pooled_squeezenet_encoder(channels=3, weights=shared_weights, **SMALL)
    assert np.abs(encoder.get_layer("fire9_expand3x3").get_weights()[1]).max() > 0


def test_attention_stands_before_the_mean():
    encoder = attended_encoder(pooled_squeezenet_encoder(**SMALL), "fire9", fusion=False)
    attended, _ = encoder.get_layer("attention").output
    images = drawn(2, 1, 0)
    expected = keras.ops.convert_to_numpy(keras.Model(encoder.input, attended)(images)).mean((1, 2))
    np.testing.assert_allclose(output_of(encoder, "pooled", images), expected, rtol=1e-4, atol=1e-5)


def test_heads_start_at_the_same_directions_each_centred_on_its_domain():
    keras.utils.set_random_seed(0)
    encoders = [pooled_squeezenet_encoder(channels=channels, **SMALL) for channels in (1, 3)]
    images = [drawn(12, channels, channels) for channels in (1, 3)]
    with recording_gradients():
        start_heads_together(encoders, images, batch_size=5)
    kernels = [encoder.get_layer("projection").get_weights()[0] for encoder in encoders]
    np.testing.assert_array_equal(*kernels)
    centred = []
    for encoder, of_domain in zip(encoders, images, strict=True):
        np.testing.assert_allclose(output_of(encoder, "projection", of_domain).mean(0), 0, atol=1e-4)
        features = output_of(encoder, "pooled", of_domain).astype("float64")
        features -= features.mean(0)
        centred.append(features / np.sqrt(np.sum(features**2)))  # Both domains vary as much.
    expected = PCA(8).fit(np.concatenate(centred)).components_
    # Directions are known up to their signs.
    np.testing.assert_allclose(np.abs(expected @ kernels[0]), np.eye(8), atol=1e-3)


def test_one_image_of_a_domain_is_too_few():
    encoder = pooled_squeezenet_encoder(**SMALL)
    with pytest.raises(ValueError, match=r"`images` must be 2 or more of each domain\. Received: 1"):
        start_heads_together([encoder], [drawn(1, 1, 0)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channels": 2}, "`channels` must be 1 or 3"),
        ({"working_size": 300}, r"`working_size` must be in 111\.\.225"),
        ({"embedding_dim": 513}, r"`embedding_dim` must be in 1\.\.512. Received: 513"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        pooled_squeezenet_encoder(**arguments)
