import keras
import numpy as np
import pytest

from tfsbir.models import cross_domain_net

STAGES = {
    "image": (225, 225, 1),
    "blocks": (112, 112, 1),
    "to_working_size": (100, 100, 1),
    "pool1": (22, 22, 32),
    "pool2": (8, 8, 64),
    "pool3": (3, 3, 256),
    "flatten": (2304,),
    "embedding": (64,),
}


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return cross_domain_net()


def test_every_stage_has_the_paper_s_shape(network):
    assert {name: tuple(network.get_layer(name).output.shape[1:]) for name in STAGES} == STAGES


@pytest.mark.parametrize("channels", [1, 3])
def test_parameters_are_counted_by_hand(channels):
    convolutions = [(12, channels, 32), (7, 32, 64), (3, 64, 256)]
    count = sum(side * side * inputs * outputs + outputs for side, inputs, outputs in convolutions)
    assert cross_domain_net(channels=channels).count_params() == count + 2304 * 64 + 64
    if channels == 1:
        assert count + 2304 * 64 + 64 == 400_288


def test_an_image_of_100_px_is_not_resized():
    names = {layer.name for layer in cross_domain_net(image_size=100).layers}
    assert not names & {"blocks", "to_working_size"}
    assert {layer.name for layer in cross_domain_net(image_size=200).layers} - names == {"blocks"}


def test_the_network_equals_loops():
    """Convolution, ReLU and maximum by hand, from an image of 100 px to the embedding."""
    keras.utils.set_random_seed(0)
    network = cross_domain_net(image_size=100, embedding_dim=4)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 100, 100, 1)).astype("float32")
    x = (1.0 - image[0].astype("float64")) / 2.0  # Paper is 0, ink 1.
    for index, pool in ((1, 4), (2, 2), (3, 2)):
        kernel, bias = (w.astype("float64") for w in network.get_layer(f"conv{index}").get_weights())
        windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(0, 1))
        x = np.maximum(np.einsum("yxcij,ijcf->yxf", windows, kernel, optimize=True) + bias, 0.0)
        side = x.shape[0] // pool
        x = x[: side * pool, : side * pool].reshape(side, pool, side, pool, -1).max(axis=(1, 3))
    kernel, bias = network.get_layer("embedding").get_weights()
    expected = x.reshape(-1) @ kernel + bias
    np.testing.assert_allclose(keras.ops.convert_to_numpy(network(image))[0], expected, rtol=1e-4, atol=1e-4)


def test_no_thin_line_is_lost_on_the_way_to_100_px(network):
    small = keras.Model(network.input, network.get_layer("to_working_size").output)
    images = np.ones((221, 225, 225, 1), "float32")
    images[np.arange(221), 2:-2, np.arange(2, 223)] = -1.0  # A line of one pixel in each column.
    ink = keras.ops.convert_to_numpy(small(images)).sum(axis=(1, 2, 3))
    # A line of 221 px is 98 px long and, blurred, about 0.45 px wide.
    assert ink.min() > 30
    assert ink.max() < 60


def test_images_start_close_together(network):
    """Far closer than `negative_scale`, 10, at which what is of two categories is left alone."""
    images = np.random.default_rng(0).choice([-1.0, 1.0], (8, 225, 225, 1), p=[0.1, 0.9]).astype("float32")
    embedding = keras.ops.convert_to_numpy(network(images))
    distances = np.abs(embedding[:, None] - embedding[None, :]).sum(-1)[np.triu_indices(8, 1)]
    assert distances.min() > 0.0
    assert distances.max() < 3.0


def test_an_encoder_survives_saving(network, tmp_path):
    network.save(tmp_path / "encoder.keras")
    image = np.random.default_rng(0).uniform(-1, 1, (1, 225, 225, 1)).astype("float32")
    again = keras.saving.load_model(tmp_path / "encoder.keras", safe_mode=True)
    np.testing.assert_array_equal(network(image), again(image))


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("image_size", 99, "`image_size` must be >= 100. Received: 99"),
        ("channels", 2, "`channels` must be 1 or 3. Received: 2"),
        ("embedding_dim", 0, "`embedding_dim` must be >= 1. Received: 0"),
    ],
)
def test_arguments_out_of_range_are_named(argument, value, message):
    with pytest.raises(ValueError, match=message):
        cross_domain_net(**{argument: value})
