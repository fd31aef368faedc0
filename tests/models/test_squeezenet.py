import shutil

import h5py
import keras
import numpy as np
import pytest

from tests.common_backends import recording_gradients
from tfsbir.errors import InputError
from tfsbir.layers import BlurPyramid
from tfsbir.models import (
    load_encoder_weights,
    load_imagenet_weights,
    pooled_squeezenet_encoder,
    squeezenet_encoder,
    whiten_head,
)
from tfsbir.models.squeezenet import FIRES, HEADS, SIGMAS

SMALL = {"image_size": 111, "working_size": 111}


def published_layout(path, seed=0):
    """Writes random weights with the groups and the irregular names of the published file."""
    rng = np.random.default_rng(seed)
    encoder = squeezenet_encoder(channels=3, **SMALL)
    written = {}
    with h5py.File(path, "w") as file:
        layers = [
            "conv1",
            *(f"fire{i}_{part}" for i in FIRES for part in ("squeeze1x1", "expand1x1", "expand3x3")),
        ]
        for number, name in enumerate(layers, 1):
            group = file.create_group(name.replace("_", "/"))
            kernel, bias = (
                rng.normal(size=weight.shape).astype("float32") for weight in encoder.get_layer(name).weights
            )
            group[f"uniform{number}"] = kernel
            group[f"{name.replace('_', '/')}_b"] = bias
            written[name] = (kernel, bias)
    return written


def test_published_weights_end_up_in_their_layers(tmp_path):
    written = published_layout(tmp_path / "weights.h5")
    encoder = squeezenet_encoder(channels=3, weights=tmp_path / "weights.h5", **SMALL)
    for name, (kernel, bias) in written.items():
        np.testing.assert_array_equal(encoder.get_layer(name).get_weights()[0], kernel)
        np.testing.assert_array_equal(encoder.get_layer(name).get_weights()[1], bias)


def test_the_real_file_loads_and_its_features_are_those_of_a_plain_loop(shared_weights):
    encoder = squeezenet_encoder(channels=3, weights=shared_weights, **SMALL)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 111, 111, 3)).astype("float32")
    conv1 = keras.Model(encoder.input, encoder.get_layer("conv1").output)(image)
    with h5py.File(shared_weights) as file:
        kernel, bias = np.array(file["conv1/uniform1"]), np.array(file["conv1/conv1_b"])
    bgr = (image[0, :, :, ::-1].astype("float64") * 127.5 + 127.5) - [103.939, 116.779, 123.68]
    expected = np.maximum((bgr[10:13, 20:23, :, None] * kernel).sum((0, 1, 2)) + bias, 0)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(conv1)[0, 5, 10], expected, rtol=1e-3, atol=1e-2)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.h5: expected a file of SqueezeNet"):
        squeezenet_encoder(weights=tmp_path / "nothing.h5", **SMALL)


def test_a_file_of_another_kind_is_named(tmp_path):
    (tmp_path / "note.h5").write_text("not HDF5")
    with pytest.raises(InputError, match=r"note\.h5: expected .* from layer conv1 on; it is damaged"):
        squeezenet_encoder(weights=tmp_path / "note.h5", **SMALL)


def test_a_truncated_file_names_where_it_broke(tmp_path, shared_weights):
    shutil.copy(shared_weights, tmp_path / "cut.h5")
    with open(tmp_path / "cut.h5", "r+b") as file:
        file.truncate(1_000_000)
    with pytest.raises(InputError, match=r"cut\.h5: .*layer"):
        squeezenet_encoder(weights=tmp_path / "cut.h5", **SMALL)


def test_a_missing_layer_is_named_and_nothing_is_loaded(tmp_path):
    published_layout(tmp_path / "weights.h5")
    with h5py.File(tmp_path / "weights.h5", "r+") as file:
        del file["fire5/expand3x3"]
    encoder = squeezenet_encoder(channels=3, **SMALL)
    before = encoder.get_layer("conv1").get_weights()[0].copy()
    with pytest.raises(InputError, match=r"layer fire5/expand3x3 must hold a kernel .* Received: nothing"):
        load_imagenet_weights(encoder, tmp_path / "weights.h5")
    np.testing.assert_array_equal(encoder.get_layer("conv1").get_weights()[0], before)


def test_a_layer_of_another_shape_is_named(tmp_path):
    published_layout(tmp_path / "weights.h5")
    with h5py.File(tmp_path / "weights.h5", "r+") as file:
        del file["conv1/uniform1"]
        file["conv1/uniform1"] = np.zeros((7, 7, 3, 96), "float32")
    with pytest.raises(
        InputError, match=r"layer conv1 must hold .*\(3, 3, 3, 64\).*Received: \[\(7, 7, 3, 96\)"
    ):
        squeezenet_encoder(channels=3, weights=tmp_path / "weights.h5", **SMALL)


def test_numbers_that_are_none_are_refused(tmp_path):
    published_layout(tmp_path / "weights.h5")
    with h5py.File(tmp_path / "weights.h5", "r+") as file:
        file["fire2/squeeze1x1/fire2/squeeze1x1_b"][0] = np.nan
    with pytest.raises(InputError, match="layer fire2/squeeze1x1 must hold finite numbers"):
        squeezenet_encoder(channels=3, weights=tmp_path / "weights.h5", **SMALL)


@pytest.mark.parametrize("channels", [1, 3])
def test_embeddings_are_unit_norm(channels):
    encoder = squeezenet_encoder(image_size=225, channels=channels)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 225, 225, channels)).astype("float32")
    embedding = keras.ops.convert_to_numpy(encoder(images))
    assert embedding.shape == (2, 4608)
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1, atol=1e-5)


def test_an_encoder_survives_saving(tmp_path):
    encoder = squeezenet_encoder(**SMALL)
    encoder.save(tmp_path / "encoder.keras")
    image = np.random.default_rng(0).uniform(-1, 1, (1, 111, 111, 1)).astype("float32")
    again = keras.saving.load_model(tmp_path / "encoder.keras", safe_mode=True)
    np.testing.assert_array_equal(encoder(image), again(image))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channels": 2}, "`channels` must be 1 or 3"),
        (
            {"image_size": 221, "is_halved": True},
            "`image_size` must be at least 222 to be halved. Received: 221",
        ),
        ({"working_size": 300}, r"`working_size` must be in 111\.\.225"),
        (
            {"head_channels": 1, "embedding_dim": 73},
            r"`embedding_dim` must be in 1\.\.72, or None. Received: 73",
        ),
        ({"embedding_dim": 0}, r"`embedding_dim` must be in 1\.\.4608, or None. Received: 0"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        squeezenet_encoder(**arguments)


def test_a_whitened_head_has_uncorrelated_channels_of_unit_variance_and_no_common_part():
    keras.utils.set_random_seed(0)
    encoder = squeezenet_encoder(head_channels=8, **SMALL)
    images = np.random.default_rng(0).choice([-1.0, 1.0], (24, 111, 111, 1), p=[0.1, 0.9]).astype("float32")
    images[:12, 30:60] = -1.0  # What differs between images is more than noise.
    with recording_gradients():
        whiten_head(encoder, images, batch_size=5)
    for fire in HEADS:
        reduced = keras.Model(encoder.input, encoder.get_layer(f"{fire}_reduced").output)(images)
        rows = keras.ops.convert_to_numpy(reduced).reshape(-1, 8)
        np.testing.assert_allclose(np.cov(rows, rowvar=False), np.eye(8), atol=0.02)
        biased = keras.Model(encoder.input, encoder.get_layer(f"{fire}_place_bias").output)(images)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(biased).mean(0), np.zeros((6, 6, 8)), atol=1e-3)


def test_too_few_images_to_whiten_are_refused():
    encoder = squeezenet_encoder(head_channels=64, **SMALL)
    with pytest.raises(ValueError, match=r"`images` must be more than 1\. Received: 1"):
        whiten_head(encoder, np.ones((1, 111, 111, 1), "float32"))


def test_a_short_embedding_starts_at_the_principal_directions_of_the_head():
    keras.utils.set_random_seed(0)
    encoder = squeezenet_encoder(head_channels=4, embedding_dim=6, **SMALL)
    assert encoder.output_shape == (None, 6)
    images = np.random.default_rng(0).choice([-1.0, 1.0], (24, 111, 111, 1), p=[0.1, 0.9]).astype("float32")
    images[:12, 30:60] = -1.0
    with recording_gradients():
        whiten_head(encoder, images, batch_size=5)
    head = keras.ops.convert_to_numpy(
        keras.Model(encoder.input, encoder.get_layer("both_scales").output)(images)
    )
    _, values, directions = np.linalg.svd(head, full_matrices=False)
    expected = head @ directions[:6].T
    (kernel,) = encoder.get_layer("both_scales_reduced").get_weights()
    # Directions are known up to their signs; products are not changed by these.
    np.testing.assert_allclose(
        (head @ kernel) @ (head @ kernel).T, expected @ expected.T, atol=1e-3 * values[0] ** 2
    )
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(6), atol=1e-5)


def test_fewer_images_than_values_keep_all_their_products():
    encoder = squeezenet_encoder(head_channels=4, embedding_dim=20, **SMALL)
    images = np.random.default_rng(0).uniform(-1, 1, (5, 111, 111, 1)).astype("float32")
    with recording_gradients():
        whiten_head(encoder, images)
    head = keras.ops.convert_to_numpy(
        keras.Model(encoder.input, encoder.get_layer("both_scales").output)(images)
    )
    (kernel,) = encoder.get_layer("both_scales_reduced").get_weights()
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(20), atol=1e-5)
    np.testing.assert_allclose((head @ kernel) @ (head @ kernel).T, head @ head.T, atol=1e-4)


def test_a_halved_encoder_sees_what_the_whole_one_does_at_half_the_size():
    image = np.ones((1, 225, 225, 1), np.float32)
    image[:, 100, 20:200] = -1.0  # Thin lines, one on either side of a border between 2 x 2 px.
    image[:, 61, 20:200] = -1.0
    image[:, 20:200, 150:153] = -1.0
    half = squeezenet_encoder(is_halved=True)
    seen = keras.Model(half.input, half.get_layer("blur_pyramid").output)(image)
    whole = keras.layers.AveragePooling2D(2)(BlurPyramid(SIGMAS)(image))
    seen, whole = keras.ops.convert_to_numpy(seen)[0], keras.ops.convert_to_numpy(whole)[0]
    assert seen.shape == whole.shape == (112, 112, 3)
    # Half the narrow blur is hardly any: it keeps the place and the ink of lines, not their shape.
    differences = np.abs(seen - whole).max((0, 1)) / (1 - whole).max((0, 1))
    assert differences[2] < 0.1 and differences[1] < 0.15, differences
    np.testing.assert_allclose((1 - seen).sum((0, 1)), (1 - whole).sum((0, 1)), rtol=0.1)


@pytest.mark.parametrize("make", [squeezenet_encoder, pooled_squeezenet_encoder])
def test_a_halved_encoder_takes_the_weights_of_the_whole_one(make, tmp_path):
    make(embedding_dim=8).save(tmp_path / "whole.keras")
    half = make(embedding_dim=8, is_halved=True)
    assert load_encoder_weights(half, tmp_path / "whole.keras") == ()
    assert half.get_layer("fire9").output.shape[1:3] == (6, 6)
    assert keras.ops.convert_to_numpy(half(np.ones((1, 225, 225, 1)))).shape == (1, 8)
