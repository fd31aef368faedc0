import h5py
import keras
import numpy as np
import pytest

from tfsbir.errors import InputError
from tfsbir.models import attended_encoder, load_vgg16_weights, vgg16_encoder
from tfsbir.models.vgg16 import CLASSIFIER, CONVOLUTIONS

SMALL = {"image_size": 32, "units": (6, 5), "embedding_dim": 4}


def published_layout(path, model, layers):
    """Writes random weights with the groups and names of Keras' published files."""
    rng, written = np.random.default_rng(0), {}
    with h5py.File(path, "w") as file:
        for name in layers:
            group, arrays = file.create_group(name), []
            for part, weight in zip(("W", "b"), model.get_layer(name).weights, strict=True):
                arrays.append((0.05 * rng.normal(size=weight.shape)).astype("float32"))
                group[f"{name}_{part}_1:0"] = arrays[-1]
            written[name] = arrays
    return written


@pytest.fixture(scope="module")
def encoder():
    return vgg16_encoder(channels=3, **SMALL)


def test_its_layers_are_those_of_keras_applications(encoder):
    published = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    for layer in published.layers[1:]:
        ours = encoder.get_layer(layer.name)
        assert [weight.shape for weight in ours.weights] == [weight.shape for weight in layer.weights]
    for name in CONVOLUTIONS:
        published.get_layer(name).set_weights(encoder.get_layer(name).get_weights())
    image = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    expected = published(keras.applications.vgg16.preprocess_input(image * 127.5 + 127.5))
    found = keras.Model(encoder.input, encoder.get_layer("block5_pool").output)(image)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(np.asarray(expected)).max())


def test_the_whole_network_has_the_published_size():
    # 138,357,544 parameters less the last layer's 4,097,000, as Keras' own table has them.
    shapes = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256), (256, 512)]
    shapes += [(512, 512)] * 5
    convolutions = sum(9 * before * after + after for before, after in shapes)
    classifier = 7 * 7 * 512 * 4096 + 4096 + 4096 * 4096 + 4096
    assert convolutions + classifier == 138_357_544 - 4_097_000
    with keras.StatelessScope():  # Its weights, half a GB, are not drawn.
        encoder = vgg16_encoder()
    assert encoder.count_params() == convolutions + classifier + 4096 * 256 + 256


@pytest.mark.parametrize("has_top", [True, False])
def test_published_weights_end_up_in_their_layers(tmp_path, encoder, has_top):
    layers = [*CONVOLUTIONS, *(CLASSIFIER if has_top else ())]
    written = published_layout(tmp_path / "weights.h5", encoder, layers)
    loaded = vgg16_encoder(channels=3, **SMALL)
    before = loaded.get_layer("fc2").get_weights()[0]
    load_vgg16_weights(loaded, tmp_path / "weights.h5")
    for name, arrays in written.items():
        for found, expected in zip(loaded.get_layer(name).get_weights(), arrays, strict=True):
            np.testing.assert_array_equal(found, expected)
    assert np.array_equal(loaded.get_layer("fc2").get_weights()[0], before) == (not has_top)


def test_a_sketch_is_repeated_to_three_channels(encoder):
    of_sketches = vgg16_encoder(channels=1, **SMALL)
    of_sketches.set_weights(encoder.get_weights())
    sketch = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 1)).astype("float32")
    np.testing.assert_allclose(of_sketches(sketch), encoder(np.repeat(sketch, 3, axis=-1)), atol=1e-5)


def test_attention_is_put_on_the_last_map():
    attended = attended_encoder(vgg16_encoder(**SMALL), "block5_pool", fusion=False, hidden_channels=380)
    assert attended.get_layer("attention").hidden.kernel.shape == (1, 1, 512, 380)
    assert attended.output_shape == (None, 4)


def test_files_that_do_not_fit_are_named(tmp_path, encoder):
    with pytest.raises(InputError, match=r"no\.h5: expected a file of VGG-16 ImageNet weights; there is no"):
        load_vgg16_weights(encoder, tmp_path / "no.h5")
    (tmp_path / "note.h5").write_text("not HDF5")
    with pytest.raises(InputError, match=r"note\.h5: expected .* from layer block1_conv1 on; it is damaged"):
        load_vgg16_weights(encoder, tmp_path / "note.h5")
    published_layout(tmp_path / "less.h5", encoder, CONVOLUTIONS[:-1])
    before = encoder.get_layer("block1_conv1").get_weights()[0]
    with pytest.raises(InputError, match=r"layer block5_conv3 must hold a kernel and a bias .*nothing"):
        load_vgg16_weights(encoder, tmp_path / "less.h5")
    np.testing.assert_array_equal(encoder.get_layer("block1_conv1").get_weights()[0], before)


def test_weights_are_fetched_by_name(monkeypatch):
    asked = []

    def published(include_top, weights):
        asked.append((include_top, weights))
        return keras_vgg16(weights=None, include_top=include_top, input_shape=(32, 32, 3))

    keras_vgg16 = keras.applications.VGG16
    monkeypatch.setattr(keras.applications, "VGG16", published)
    loaded = vgg16_encoder(channels=3, **SMALL)
    before = {name: loaded.get_layer(name).get_weights()[0] for name in (*CONVOLUTIONS, *CLASSIFIER)}
    load_vgg16_weights(loaded, "imagenet")
    assert asked == [(False, "imagenet")]  # The fully connected layers are of other sizes.
    for name in before:
        is_kept = np.array_equal(loaded.get_layer(name).get_weights()[0], before[name])
        assert is_kept == (name in CLASSIFIER), name


def test_weights_that_cannot_be_fetched_are_an_error(monkeypatch, encoder):
    def published(include_top, weights):
        raise Exception("URL fetch failure on https://example.org/vgg16.h5: None -- no route")

    monkeypatch.setattr(keras.applications, "VGG16", published)
    with pytest.raises(
        InputError, match=r"`weights` imagenet must be fetched .* Received: URL fetch failure"
    ):
        load_vgg16_weights(encoder, "imagenet")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"embedding_dim": 0}, "`embedding_dim` must be >= 1. Received: 0"),
        ({"image_size": 31}, "`image_size` must be >= 32. Received: 31"),
        ({"channels": 2}, "`channels` must be 1 or 3. Received: 2"),
        ({"units": (4096,)}, r"`units` must be 2 integers >= 1. Received: \(4096,\)"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        vgg16_encoder(**arguments)
