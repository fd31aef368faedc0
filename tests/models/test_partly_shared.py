import keras
import numpy as np
import pytest
from keras import ops

from tests.common_backends import tensorflow_only, value_and_gradients
from tfsbir.models import (
    EncoderPair,
    inception_v1,
    load_trained_model,
    partly_shared,
    sketch_a_net,
    squeezenet_encoder,
)


def small_inception(channels):
    return inception_v1(embedding_dim=8, image_size=31, channels=channels, width=0.125)


def small_squeezenet(channels):
    return squeezenet_encoder(111, channels, 111, head_channels=2)


def small_sketch_a_net(_):
    return sketch_a_net(embedding_dim=8, image_size=81)


# What builds an encoder, the channels of its photos, from where it is shared, a layer that stays each
# domain's own and two that are shared.
ENCODERS = [
    (small_inception, 3, "inception_4e", "inception_4d_output", ("inception_4e_3x3_reduce", "fc")),
    (small_inception, 3, "conv1_7x7_s2", "conv1_padding", ("conv1_7x7_s2", "inception_4d_1x1")),
    (small_squeezenet, 3, "fire6", "fire5_reduced", ("fire6_squeeze1x1", "fire9_reduced")),
    (small_sketch_a_net, 1, "fc6", "conv5", ("fc6", "fc7")),
    (small_sketch_a_net, 1, "image", None, ("minus_mean", "conv1")),
]


def images(encoder, count, seed=0):
    shape = (count, *encoder.input_shape[1:])
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def weighted_layers(model):
    return {layer.name: layer for layer in model.layers if layer.weights}


@pytest.mark.parametrize(("build", "channels", "from_layer", "own", "shared"), ENCODERS)
def test_layers_are_the_same_from_the_named_one_on(build, channels, from_layer, own, shared):
    keras.utils.set_random_seed(0)
    sketch, photo = build(1), build(channels)
    sketch_image, photo_image = images(sketch, 2), images(photo, 2, seed=1)
    expected = keras.ops.convert_to_numpy(sketch(sketch_image))
    pair = partly_shared(sketch, photo, from_layer)
    assert isinstance(pair, EncoderPair)
    assert pair.sketch is sketch
    assert not pair.is_siamese
    for name in shared:
        assert pair.photo.get_layer(name) is sketch.get_layer(name) is not photo.get_layer(name)
    if own is not None:
        assert pair.photo.get_layer(own) is photo.get_layer(own)
    np.testing.assert_array_equal(sketch(sketch_image), expected)

    # A photo encoder of its own weights, in which those of the shared layers are written over.
    alone = build(channels)
    shared_layers = set(map(id, pair.photo.layers)) & set(map(id, sketch.layers))
    for name, layer in weighted_layers(alone).items():
        source = sketch if id(sketch.get_layer(name)) in shared_layers else photo
        layer.set_weights(source.get_layer(name).get_weights())
    np.testing.assert_allclose(pair.photo(photo_image), alone(photo_image), atol=1e-6)
    encoded = pair.encode(sketch_image, [photo_image, photo_image[::-1]])
    np.testing.assert_allclose(encoded[0], expected, atol=1e-6)
    np.testing.assert_allclose(encoded[2], np.asarray(alone(photo_image))[::-1], atol=1e-5)


def test_all_of_a_block_and_all_behind_it_is_shared_and_nothing_else():
    sketch, photo = small_inception(1), small_inception(3)
    pair = partly_shared(sketch, photo, "inception_4e")
    shared = [layer.name for layer in pair.photo.layers if any(layer is other for other in sketch.layers)]
    first = ("inception_4e_", "pool4_", "inception_5", "pool5", "fc", "embedding")
    assert sorted(shared) == sorted(layer.name for layer in sketch.layers if layer.name.startswith(first))
    assert sum(name.startswith("inception_4e_") for name in shared) == 8  # With the pool and the output.


def test_a_head_beside_the_named_layer_stays_each_domains_own():
    sketch, photo = small_squeezenet(1), small_squeezenet(3)
    pair = partly_shared(sketch, photo, "fire6")
    assert pair.photo.get_layer("fire5_place_bias") is photo.get_layer("fire5_place_bias")
    assert pair.photo.get_layer("both_scales") is sketch.get_layer("both_scales")


def test_shared_weights_are_trained_once_with_the_gradients_of_both():
    keras.utils.set_random_seed(0)
    sketch, photo = small_sketch_a_net(1), small_sketch_a_net(1)
    sketch_image, photo_image = images(sketch, 2), images(photo, 2, seed=1)
    target = ops.convert_to_tensor(np.random.default_rng(2).normal(size=(2, 8)), "float32")
    pair = partly_shared(sketch, photo, "fc6")
    variables = pair.trainable_variables
    assert len({id(variable) for variable in variables}) == len(variables) == 14 + 10

    # The same two networks with nothing shared.
    one, other = small_sketch_a_net(1), small_sketch_a_net(1)
    one.set_weights(sketch.get_weights())
    other.set_weights(pair.photo.get_weights())

    def gradients(of_sketch, of_photo, variables):
        def cost():
            return ops.sum(of_sketch(sketch_image) * target) - ops.sum(of_photo(photo_image) * target**2)

        return value_and_gradients(cost, (), variables)[1]

    own = one.trainable_variables + other.trainable_variables
    paths = [("sketch", v.path) for v in one.trainable_variables]
    paths += [("photo", v.path) for v in other.trainable_variables]
    expected = {path: np.array(x) for path, x in zip(paths, gradients(one, other, own), strict=True)}
    before = {id(v): v.numpy() for v in variables}
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(variables)
    optimizer.apply(gradients(pair.sketch, pair.photo, variables), variables)
    for v in pair.sketch.trainable_variables:
        gradient = expected["sketch", v.path]
        if v.path.startswith(("fc6", "fc7")):
            gradient = gradient + expected["photo", v.path]
        np.testing.assert_allclose(before[id(v)] - v.numpy(), 0.1 * gradient, atol=1e-5, err_msg=v.path)
    for v in pair.photo.trainable_variables:
        if not v.path.startswith(("fc6", "fc7")):
            np.testing.assert_allclose(
                before[id(v)] - v.numpy(), 0.1 * expected["photo", v.path], atol=1e-5, err_msg=v.path
            )


@pytest.mark.parametrize(("build", "channels", "from_layer"), [entry[:3] for entry in ENCODERS])
def test_each_encoder_is_saved_whole(build, channels, from_layer, tmp_path):
    pair = partly_shared(build(1), build(channels), from_layer)
    pair.sketch.save(tmp_path / "sketch.keras")
    pair.photo.save(tmp_path / "photo.keras")
    sketch_image, photo_image = images(pair.sketch, 2), images(pair.photo, 2, seed=1)
    loaded = load_trained_model(tmp_path / "sketch.keras")
    np.testing.assert_allclose(loaded(sketch_image), pair.sketch(sketch_image), atol=1e-6)
    loaded = load_trained_model(tmp_path / "photo.keras")
    np.testing.assert_allclose(loaded(photo_image), pair.photo(photo_image), atol=1e-6)
    # In the loaded model one can look inside.
    inner = keras.Model(loaded.input, loaded.layers[-2].output)
    assert inner(photo_image).shape[0] == 2


@tensorflow_only("run directories are those of recipes, which are TensorFlow's")
def test_a_run_gives_back_what_it_saved(tmp_path):
    from tfsbir.preprocessing import Preprocessing
    from tfsbir.runs import RunDirectory

    pair = partly_shared(small_inception(1), small_inception(3), "inception_4e")
    run = RunDirectory(tmp_path / "run")
    run.save_encoders(pair.sketch, pair.photo, Preprocessing(31, 8))
    assert not run.is_siamese
    for domain, encoder in (("sketch", pair.sketch), ("photo", pair.photo)):
        image = images(encoder, 2)
        np.testing.assert_allclose(run.load_encoder(domain)(image), encoder(image), atol=1e-6)


@tensorflow_only("checkpoints are TensorFlow's")
def test_a_checkpoint_holds_the_shared_weights_once(tmp_path):
    import tensorflow as tf

    pair = partly_shared(small_sketch_a_net(1), small_sketch_a_net(1), "conv1")
    expected = pair.photo.get_weights()
    checkpoint = tf.train.Checkpoint(sketch=pair.sketch, photo=pair.photo)
    path = checkpoint.write(str(tmp_path / "checkpoint"))
    stored = [name for name, shape in tf.train.list_variables(path) if len(shape) == 4]
    assert len(stored) == 5
    for variable in pair.trainable_variables:
        variable.assign(tf.zeros_like(variable))
    checkpoint.read(path).assert_consumed()
    for weight, old in zip(pair.photo.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_a_sketch_encoder_can_be_paired_again():
    sketch, first, second = small_sketch_a_net(1), small_sketch_a_net(1), small_sketch_a_net(1)
    partly_shared(sketch, first, "conv3")
    pair = partly_shared(sketch, second, "fc6")
    assert pair.photo.get_layer("conv3") is second.get_layer("conv3")
    assert pair.photo.get_layer("fc7") is sketch.get_layer("fc7")
    again = partly_shared(pair.photo, first, "fc7")
    assert again.photo.get_layer("fc7") is sketch.get_layer("fc7")
    assert again.photo.get_layer("fc6") is first.get_layer("fc6")


def test_frozen_layers_and_other_starts_are_no_difference():
    sketch, photo = small_sketch_a_net(1), small_sketch_a_net(1)
    sketch.get_layer("fc6").trainable = False
    pair = partly_shared(sketch, photo, "fc6")
    assert not pair.photo.get_layer("fc6").trainable


def tiny(filters=2, dilation=1, names=("a", "b"), is_twice=False):
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Conv2D(2, 3, name=names[0])(image)
    y = keras.layers.Conv2D(filters, 3, padding="same", dilation_rate=dilation, name=names[1])(x)
    x = keras.layers.Concatenate(name="both")([y, y] if is_twice else [y, x])
    return keras.Model(image, keras.layers.GlobalAveragePooling2D(name="mean")(x))


@pytest.mark.parametrize(
    ("sketch", "photo", "from_layer", "message"),
    [
        (
            lambda: keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)]),
            tiny,
            "a",
            r"`sketch` must be a functional `keras\.Model`\. Received: Sequential",
        ),
        (tiny, lambda: "photo", "a", r"`photo` must be a functional `keras\.Model`\. Received: str"),
        (
            tiny,
            tiny,
            "c",
            r"`from_layer` must be a layer or a block of `sketch`: image, a, b, both, mean\. Received: c",
        ),
        (
            tiny,
            lambda: tiny(names=("c", "b")),
            "a",
            r"a block of `photo`: image, c, b, both, mean\. Received: a",
        ),
        (
            tiny,
            lambda: tiny(names=("a", "c")),
            "a",
            r"the same layers from a on\. Received: only in `sketch` \['b'\], only in `photo` \['c'\]",
        ),
        (
            lambda: tiny(filters=3),
            tiny,
            "a",
            r"the same layer b\. Received: weights \[\(3, 3, 2, 3\), \(3,\)\] and \[\(3, 3, 2, 2\), \(2,\)\]",
        ),
        (
            tiny,
            lambda: tiny(dilation=2),
            "a",
            r"the same layer b\. Received: dilation_rate \(1, 1\) and \(2, 2\)",
        ),
        (
            tiny,
            lambda: tiny(is_twice=True),
            "a",
            r"the same layer both\. Received: shared inputs \['b', 'a'\] and \['b', 'b'\]",
        ),
    ],
)
def test_encoders_that_do_not_fit(sketch, photo, from_layer, message):
    with pytest.raises(ValueError, match=message):
        partly_shared(sketch(), photo(), from_layer)
