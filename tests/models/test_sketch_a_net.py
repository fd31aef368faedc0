import keras
import numpy as np
import pytest

from tfsbir.models import sketch_a_net

# The table of Yu et al., BMVC 2015, with the ranking network's fc7.
STAGES = {
    "image": (225, 225, 1),
    "conv1": (71, 71, 64),
    "pool1": (35, 35, 64),
    "conv2": (31, 31, 128),
    "pool2": (15, 15, 128),
    "conv3": (15, 15, 256),
    "conv4": (15, 15, 256),
    "conv5": (15, 15, 256),
    "pool5": (7, 7, 256),
    "fc6": (512,),
    "fc7": (256,),
    "embedding": (256,),
}


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return sketch_a_net()


def test_every_stage_has_the_paper_s_shape(network):
    shapes = {name: tuple(network.get_layer(name).output.shape[1:]) for name in STAGES}
    assert shapes == STAGES


def test_every_convolution_has_the_paper_s_kernel_and_stride(network):
    kernels = {f"conv{i}": network.get_layer(f"conv{i}") for i in range(1, 6)}
    assert {name: layer.kernel_size for name, layer in kernels.items()} == {
        "conv1": (15, 15), "conv2": (5, 5), "conv3": (3, 3), "conv4": (3, 3), "conv5": (3, 3),
    }  # fmt: skip
    assert kernels["conv1"].strides == (3, 3)


def test_parameters_are_counted_from_the_table(network):
    convolutions = [(15, 1, 64), (5, 64, 128), (3, 128, 256), (3, 256, 256), (3, 256, 256)]
    count = sum(side * side * inputs * outputs + outputs for side, inputs, outputs in convolutions)
    fc6 = 7 * 7 * 256 * 512 + 512
    assert network.count_params() == count + fc6 + 512 * 256 + 256 == 8_249_088
    # What is quoted as 8.5 million is the classifier: fc7 of 512 and 250 classes.
    assert count + fc6 + 512 * 512 + 512 + 512 * 250 + 250 == 8_508_666


def test_embeddings_are_unit_norm_and_tell_images_apart(network):
    images = np.random.default_rng(0).uniform(-1, 1, (3, 225, 225, 1)).astype("float32")
    embedding = keras.ops.convert_to_numpy(network(images))
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1, atol=1e-5)
    assert np.abs(embedding[0] - embedding[1]).max() > 1e-3


def test_the_mean_is_taken_on_the_0_to_255_scale(network):
    scaled = keras.Model(network.input, network.get_layer("minus_mean").output)
    paper_and_ink = np.array([1.0, -1.0], "float32")[:, None, None, None] * np.ones(
        (2, 225, 225, 1), "float32"
    )
    values = keras.ops.convert_to_numpy(scaled(paper_and_ink))[:, 0, 0, 0]
    np.testing.assert_allclose(values, [255 - 250.42, -250.42], atol=1e-3)


@pytest.mark.parametrize(("argument", "least"), [("embedding_dim", 1), ("image_size", 81)])
def test_arguments_out_of_range_are_named(argument, least):
    with pytest.raises(ValueError, match=f"`{argument}` must be >= {least}. Received: {least - 1}"):
        sketch_a_net(**{argument: least - 1})


def test_the_smallest_image_leaves_one_pixel():
    assert sketch_a_net(image_size=81).get_layer("pool5").output.shape[1:] == (1, 1, 256)
