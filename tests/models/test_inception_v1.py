import shutil

import keras
import numpy as np
import pytest
from keras import ops

from tests.common_backends import dtype_of, tensorflow_only, value_and_gradients
from tests.models.googlenet import pool5_by_hand
from tfsbir.errors import InputError
from tfsbir.models import inception_v1, load_inception_weights, load_trained_model
from tfsbir.models.inception_v1 import CONVOLUTIONS

SMALL = {"image_size": 31, "width": 0.125, "embedding_dim": 8}


def images(count, size, channels, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, size, size, channels)).astype("float32")


def convolutions(encoder):
    return [layer for layer in encoder.layers if isinstance(layer, keras.layers.Conv2D)]


def test_the_published_sizes():
    encoder = inception_v1(channels=3)
    found = convolutions(encoder)
    assert sorted(layer.name for layer in found) == sorted(name.replace("/", "_") for name in CONVOLUTIONS)
    assert len(found) == 57
    assert sum(layer.count_params() for layer in found) == 5_973_552
    assert encoder.count_params() == 5_973_552 + 1024 * 256 + 256
    # Table 1 of the paper, output size.
    for name, shape in {
        "conv1_7x7_s2": (112, 112, 64),
        "pool1_3x3_s2": (56, 56, 64),
        "conv2_3x3": (56, 56, 192),
        "pool2_3x3_s2": (28, 28, 192),
        "inception_3a_output": (28, 28, 256),
        "inception_3b_output": (28, 28, 480),
        "pool3_3x3_s2": (14, 14, 480),
        "inception_4a_output": (14, 14, 512),
        "inception_4b_output": (14, 14, 512),
        "inception_4c_output": (14, 14, 512),
        "inception_4d_output": (14, 14, 528),
        "inception_4e_output": (14, 14, 832),
        "pool4_3x3_s2": (7, 7, 832),
        "inception_5a_output": (7, 7, 832),
        "inception_5b_output": (7, 7, 1024),
    }.items():
        assert encoder.get_layer(name).output.shape == (None, *shape), name
    assert encoder.output_shape == (None, 256)


@pytest.mark.parametrize("image_size", [31, 64, 75])  # With odd sides and even ones before the pools.
def test_equals_a_plain_network_with_the_padding_of_caffe(image_size):
    keras.utils.set_random_seed(1)
    encoder = inception_v1(channels=3, image_size=image_size, width=0.25, embedding_dim=8)
    rng = np.random.default_rng(2)
    for layer in convolutions(encoder):
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel, rng.normal(0, 5, bias.shape)])
    image = images(2, image_size, 3)
    features = keras.ops.convert_to_numpy(
        keras.Model(encoder.input, encoder.get_layer("pool5").output)(image)
    )
    expected = pool5_by_hand(encoder, image)
    assert (expected > 0).mean() > 0.2
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5 * expected.max())
    kernel, bias = encoder.get_layer("fc").get_weights()
    embedding = expected @ kernel + bias
    embedding /= np.linalg.norm(embedding, axis=-1, keepdims=True)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(encoder(image)), embedding, atol=1e-4)


def test_a_sketch_is_repeated_to_three_channels():
    of_sketches, of_photos = inception_v1(**SMALL), inception_v1(channels=3, **SMALL)
    of_photos.set_weights(of_sketches.get_weights())
    sketch = images(2, 31, 1)
    np.testing.assert_allclose(of_sketches(sketch), of_photos(np.repeat(sketch, 3, -1)), atol=1e-6)


def test_a_narrow_network_has_fewer_filters_everywhere():
    encoder = inception_v1(image_size=31, width=0.5)
    assert {layer.name: layer.filters for layer in convolutions(encoder)}["inception_3a_5x5_reduce"] == 8
    assert encoder.get_layer("pool5").output.shape == (None, 512)
    assert inception_v1(image_size=31, width=0.01).get_layer("inception_3a_5x5_reduce").filters == 1


def test_every_weight_learns():
    keras.utils.set_random_seed(0)
    encoder = inception_v1(image_size=64, width=0.25, embedding_dim=8)
    image = images(4, 64, 1)
    factors = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(4, 8)), "float32")
    variables = encoder.trainable_variables
    _, gradients = value_and_gradients(lambda: encoder(image, training=True) * factors, (), variables)
    for variable, gradient in zip(variables, map(np.asarray, gradients), strict=True):
        assert np.isfinite(gradient).all(), variable.path
        assert np.abs(gradient).max() > 0, variable.path


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_gives_float32_embeddings_of_unit_norm(policy):
    keras.config.set_dtype_policy(policy)
    try:
        encoder = inception_v1(**SMALL)
    finally:
        keras.config.set_dtype_policy("float32")
    embedding = encoder(images(2, 31, 1))
    assert dtype_of(embedding) == "float32"
    np.testing.assert_allclose(np.linalg.norm(np.asarray(embedding), axis=-1), 1, atol=1e-5)


def test_a_saved_encoder_gives_the_same(tmp_path):
    encoder = inception_v1(**SMALL)
    encoder.save(tmp_path / "sketch_encoder.keras")
    image = images(2, 31, 1)
    np.testing.assert_array_equal(
        load_trained_model(tmp_path / "sketch_encoder.keras")(image), encoder(image)
    )


@tensorflow_only("the exporter converts TensorFlow's SavedModels")
def test_integers_hold_all_of_it():
    """The exporter leaves normalisations in float; only the last one may be one."""
    from export.litert_conversion import convert
    from tfsbir.retrieval.litert_model import LiteRTModel

    keras.utils.set_random_seed(0)
    encoder = inception_v1(image_size=31, width=0.25, embedding_dim=8)
    image = images(12, 31, 1)
    model = convert(encoder, "int8", image[:8])
    assert len(model) < 1.5 * encoder.count_params()  # Bytes; in float32 it would be 4 times as many.
    run = LiteRTModel(model, num_threads=1).encode
    found = np.concatenate([run(one[None]) for one in image[8:]])
    assert (found * encoder(image[8:]).numpy()).sum(-1).min() > 0.999


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"embedding_dim": 0}, r"`embedding_dim` must be >= 1\. Received: 0"),
        ({"image_size": 30}, r"`image_size` must be >= 31\. Received: 30"),
        ({"channels": 2}, r"`channels` must be 1 or 3\. Received: 2"),
        ({"width": 0}, r"`width` must be in \(0, 1\]\. Received: 0"),
        ({"width": 1.5}, r"`width` must be in \(0, 1\]\. Received: 1\.5"),
        ({"width": 0.5, "weights": "x"}, r"`width` must be 1 with `weights`, made .*\. Received: 0\.5"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        inception_v1(**arguments)


def varint(number):
    groups = []
    while True:
        number, group = number >> 7, number & 127
        groups.append(group | 128 if number else group)
        if not number:
            return bytes(groups)


def field(number, payload):
    """A field of bytes, or of an integer, as protocol buffers have it."""
    if isinstance(payload, int):
        return varint(number << 3) + varint(payload)
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def blob(array, is_old=True):
    shape = (1,) * (4 - array.ndim) + array.shape
    if is_old:
        sizes = b"".join(field(number, size) for number, size in enumerate(shape, 1))
    else:
        sizes = field(7, field(1, b"".join(varint(size) for size in array.shape)))
    return sizes + field(5, array.astype("<f4").tobytes())


def caffe_layer(name, arrays, is_old=True):
    """A layer of the older or of the present notation, with fields which nobody asks for."""
    if is_old:
        head, blobs, layers = (
            field(2, b"data") + field(3, b"top") + field(4, name.encode()) + field(5, 4),
            6,
            2,
        )
    else:
        head, blobs, layers = field(1, name.encode()) + field(2, b"Convolution") + field(3, b"data"), 7, 100
    return field(layers, head + b"".join(field(blobs, blob(array, is_old)) for array in arrays))


@pytest.fixture(scope="module")
def full():
    """The full network at its least size."""
    return inception_v1(channels=3, image_size=31)


@pytest.fixture(scope="module")
def arrays(full):
    """Random weights of the published names and shapes, a kernel (outputs, inputs, height, width)."""
    rng = np.random.default_rng(0)
    found = {}
    for name in CONVOLUTIONS:
        height, width, inputs, outputs = full.get_layer(name.replace("/", "_")).kernel.shape
        found[name] = [
            rng.standard_normal((outputs, inputs, height, width), "float32"),
            rng.standard_normal(outputs, "float32"),
        ]
    return found


def write(path, arrays, is_old=True):
    """The layers among others without weights, some of the same name, and a classifier."""
    parts = [field(1, b"GoogleNet"), caffe_layer("data", [], is_old), caffe_layer("data", [], is_old)]
    parts += [caffe_layer(name, found, is_old) for name, found in arrays.items()]
    parts.append(caffe_layer("loss1/classifier", [np.ones((5, 2), "float32"), np.ones(5, "float32")], is_old))
    path.write_bytes(b"".join(parts))


@pytest.mark.parametrize("is_old", [True, False])
def test_published_weights_end_up_in_their_layers(full, arrays, is_old, tmp_path):
    write(tmp_path / "bvlc_googlenet.caffemodel", arrays, is_old)
    load_inception_weights(full, tmp_path / "bvlc_googlenet.caffemodel")
    for name, (kernel, bias) in arrays.items():
        loaded = full.get_layer(name.replace("/", "_")).get_weights()
        np.testing.assert_array_equal(loaded[0], np.moveaxis(kernel, (0, 1), (3, 2)))
        np.testing.assert_array_equal(loaded[1], bias)


def test_an_encoder_starts_with_its_weights(arrays, tmp_path):
    write(tmp_path / "weights.caffemodel", arrays)
    encoder = inception_v1(image_size=31, weights=tmp_path / "weights.caffemodel")
    kernel = encoder.get_layer("inception_5b_5x5").get_weights()[0]
    assert kernel[4, 3, 2, 1] == arrays["inception_5b/5x5"][0][1, 2, 4, 3]


def check_refused(model, path, message):
    before = [weight.copy() for weight in model.get_weights()]
    with pytest.raises(InputError, match=message):
        load_inception_weights(model, path)
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_a_missing_file_is_named(full, tmp_path):
    check_refused(full, tmp_path / "no.caffemodel", r"no\.caffemodel: expected .* there is no such file")


def test_a_file_of_another_kind_is_named(full, tmp_path):
    (tmp_path / "note.caffemodel").write_text("not a net")
    check_refused(
        full, tmp_path / "note.caffemodel", r"note\.caffemodel: expected .*; it is damaged or of another"
    )


def test_an_empty_file_names_the_first_layer(full, tmp_path):
    (tmp_path / "empty.caffemodel").write_bytes(b"")
    check_refused(full, tmp_path / "empty.caffemodel", r"layer conv1/7x7_s2 must hold .* Received: nothing")


def test_a_truncated_file_is_damaged(full, arrays, tmp_path):
    write(tmp_path / "whole.caffemodel", arrays)
    shutil.copy(tmp_path / "whole.caffemodel", tmp_path / "cut.caffemodel")
    with open(tmp_path / "cut.caffemodel", "r+b") as file:
        file.truncate(1_000_000)
    check_refused(full, tmp_path / "cut.caffemodel", r"cut\.caffemodel: expected .*; it is damaged")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda found: found.pop("inception_4e/3x3_reduce"),
            r"layer inception_4e/3x3_reduce must hold a kernel and a bias of "
            r"\[\(160, 528, 1, 1\), \(160,\)\]\. Received: nothing",
        ),
        (
            lambda found: found["conv2/3x3"].pop(),
            r"layer conv2/3x3 must hold .*\. Received: \[\(192, 64, 3, 3\)\]",
        ),
        (
            lambda found: found.update({"inception_3a/5x5": found["inception_3a/3x3"]}),
            r"layer inception_3a/5x5 must hold .* \[\(32, 16, 5, 5\), \(32,\)\]\. "
            r"Received: \[\(128, 96, 3, 3\), \(128,\)\]",
        ),
        (
            lambda found: found.update({"conv1/7x7_s2": [found["conv1/7x7_s2"][0], np.full(64, np.nan)]}),
            r"layer conv1/7x7_s2 must hold finite numbers\. Received: NaN or infinity",
        ),
    ],
)
@pytest.mark.parametrize("is_old", [True, False])
def test_layers_that_do_not_fit(full, arrays, change, message, is_old, tmp_path):
    changed = {name: list(found) for name, found in arrays.items()}
    change(changed)
    write(tmp_path / "weights.caffemodel", changed, is_old)
    check_refused(full, tmp_path / "weights.caffemodel", rf"weights\.caffemodel: {message}")


def test_a_blob_with_fewer_numbers_than_its_shape(full, arrays, tmp_path):
    kernel, bias = arrays["conv1/7x7_s2"]
    whole = blob(bias)
    short = whole[: whole.index(field(5, bias.tobytes()))] + field(5, bias[:60].tobytes())
    head = field(4, b"conv1/7x7_s2") + field(6, blob(kernel)) + field(6, short)
    others = {name: found for name, found in arrays.items() if name != "conv1/7x7_s2"}
    write(tmp_path / "weights.caffemodel", others)
    with open(tmp_path / "weights.caffemodel", "ab") as file:
        file.write(field(2, head))
    check_refused(
        full,
        tmp_path / "weights.caffemodel",
        r"layer conv1/7x7_s2 is damaged: 64 numbers of \(64,\) are expected\. Received: 60",
    )


def test_weights_do_not_fit_a_narrow_network(arrays, tmp_path):
    write(tmp_path / "weights.caffemodel", arrays)
    check_refused(
        inception_v1(channels=3, **SMALL), tmp_path / "weights.caffemodel", r"layer conv1/7x7_s2 must hold"
    )
