import json
import sys

import keras
import numpy as np
import pytest

from recipes.bench.devices import arithmetic_lines, int8_arithmetic
from recipes.bench.int8_peak import int8_products, int8_rates
from recipes.bench.multiply_accumulates import multiply_accumulates
from recipes.bench.onnx_graph import (
    check_close,
    check_same_net,
    encode_function,
    onnx_graph,
    quantized_graph,
)
from tests.common_processes import run_module, run_script
from tfsbir.data.synthetic import synthetic
from tfsbir.models import pooled_squeezenet_encoder, sketch_a_net
from tfsbir.preprocessing import center_crop


@pytest.fixture(scope="module")
def encoder():
    keras.utils.set_random_seed(0)
    return sketch_a_net(embedding_dim=16, image_size=129)


@pytest.fixture(scope="module")
def images():
    return center_crop(synthetic("train", num_instances=4).sketches[:4], 129)


def test_sketch_a_net_is_counted_as_by_hand():
    # Places x filters x (window x channels).
    assert multiply_accumulates(sketch_a_net()) == {
        "conv1": 71 * 71 * 64 * 15 * 15,
        "conv2": 31 * 31 * 128 * 5 * 5 * 64,
        "conv3": 15 * 15 * 256 * 3 * 3 * 128,
        "conv4": 15 * 15 * 256 * 3 * 3 * 256,
        "conv5": 15 * 15 * 256 * 3 * 3 * 256,
        "fc6": 7 * 7 * 256 * 512,
        "fc7": 512 * 256,
    }
    assert sum(multiply_accumulates(sketch_a_net()).values()) == 607_732_800


def test_each_kind_of_layer_is_counted():
    image = keras.Input((10, 8, 6))
    x = keras.layers.Conv2D(4, (3, 2), strides=2, groups=2, name="grouped")(image)
    x = keras.layers.ReLU()(x)
    x = keras.layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", name="depthwise")(x)
    within = keras.Sequential([keras.Input((4, 4, 8)), keras.layers.Dense(5, name="each_place")])
    model = keras.Model(image, within(x))
    assert multiply_accumulates(model) == {
        "grouped": 4 * 4 * 4 * (3 * 2 * 3),
        "depthwise": 4 * 4 * 8 * (3 * 3),
        "each_place": 4 * 4 * 5 * 8,
    }


def test_the_blur_of_small_encoders_is_counted():
    found = multiply_accumulates(pooled_squeezenet_encoder(is_halved=True))
    # Half of 225 px; the widest sigma of 1.8 is cut at 6 px: windows of 13, along rows and along columns.
    assert found["blur_pyramid"] == 112 * 112 * 3 * (13 + 13)
    assert found["conv1"] == 55 * 55 * 64 * 3 * 3 * 3
    assert found["projection"] == 512 * 256


def test_what_cannot_be_counted_is_named():
    image = keras.Input((8, 8, 3))
    transposed = keras.Model(image, keras.layers.Conv2DTranspose(2, 3, name="up")(image))
    with pytest.raises(ValueError, match=r"Conv2D, DepthwiseConv2D and Dense. Received: up, a Conv2DTrans"):
        multiply_accumulates(transposed)
    free = keras.Input((None, None, 3))
    with pytest.raises(
        ValueError, match=r"`model` must have a fixed size. Received: conv of \(None, None, 2"
    ):
        multiply_accumulates(keras.Model(free, keras.layers.Conv2D(2, 3, name="conv")(free)))


def test_the_onnx_graph_is_the_same_net(encoder, images):
    encode = encode_function(onnx_graph(encoder))
    expected = encoder.predict_on_batch(images)
    assert encoder.get_layer("pool5").output.shape[1:3] == (3, 3)  # Places which Flatten must keep in order.
    assert np.ptp(expected, axis=0).max() > 1e-3  # The drawings are told apart.
    np.testing.assert_allclose(encode(images), expected, atol=1e-5)
    check_same_net(encoder, encode, images)


def test_another_net_is_refused(encoder, images):
    other = keras.models.clone_model(encoder)
    other.set_weights(encoder.get_weights())
    kernel, bias = other.get_layer("fc6").get_weights()
    # As a graph would have it that flattens its channels first and does not turn fc6 to them.
    side = other.get_layer("pool5").output.shape[1]
    turned = kernel.reshape(256, side, side, 512).transpose(1, 2, 0, 3).reshape(kernel.shape)
    other.get_layer("fc6").set_weights([turned, bias])
    encode = encode_function(onnx_graph(other))
    with pytest.raises(
        ValueError, match=r"must be those of sketch_a_net in Keras, within 0.0001. Received: "
    ):
        check_same_net(encoder, encode, images)
    with pytest.raises(ValueError, match=r"a cosine of 0.97 or more to Keras'. Received: "):
        check_close(encoder, encode, images)
    with pytest.raises(ValueError, match=r"Received: a difference of nan"):
        check_same_net(encoder, lambda images: np.full((len(images), 16), np.nan), images)


def test_onnx_runtime_quantizes_the_same_net(encoder, images):
    graph = quantized_graph(onnx_graph(encoder), images)
    assert {"QuantizeLinear", "DequantizeLinear"} < {node.op_type for node in graph.graph.node}
    check_close(encoder, encode_function(graph), images)


def test_a_layer_that_sketch_a_net_has_not_is_named():
    image = keras.Input((8, 8, 1))
    with pytest.raises(ValueError, match=r"Sketch-a-Net's kinds of layers. Received: p, a AveragePooling2D"):
        onnx_graph(keras.Model(image, keras.layers.AveragePooling2D(2, name="p")(image)))
    with pytest.raises(ValueError, match=r"`encoder` must have no activation but relu. Received: c, "):
        onnx_graph(keras.Model(image, keras.layers.Conv2D(1, 1, activation="tanh", name="c")(image)))


def test_the_peak_is_of_products_in_both_runtimes():
    products = int8_products([(16, 32, 8)])
    assert [(name, count) for name, (count, _) in products.items()] == [
        ("LiteRT 1x1 convolution, 16 x 32 x 8", 16 * 32 * 8),
        ("ONNX Runtime MatMulInteger, 16 x 32 x 8", 16 * 32 * 8),
    ]
    convolution, product = (function() for _, function in products.values())
    assert convolution.shape == (1, 8, 2, 8) and convolution.dtype == np.int8
    assert product[0].shape == (16, 8) and product[0].dtype == np.int32
    assert all(rate > 0 for rate in int8_rates(products, rounds=2).values())


def test_a_share_is_what_the_products_take_at_the_peak():
    rates = {"slow": 1e9, "fast": 2e9}
    found = int8_arithmetic([("net", 4_000_000)], [[0.008, 0.004, 0.005]], rates)
    assert found == {
        "peak": 2e9,
        "product": "fast",
        "rates": rates,
        "encoders": [{
            "encoder": "net", "multiply_accumulates": 4_000_000, "ideal_seconds": 0.002, "seconds": 0.005,
            "least_seconds": 0.004, "share": pytest.approx(0.4), "largest_share": pytest.approx(0.5),
        }],
    }  # fmt: skip
    assert arithmetic_lines(found) == [
        "int8 arithmetic, one thread: at most 2 GMAC/s, the best of 2 products (fast)",
        "net: 4.0 MMAC, 2.00 ms at that rate; median 5.00 ms, 40% of it arithmetic; least 4.00 ms, 50%",
    ]


@pytest.mark.slow
def test_the_command_writes_rows_like_the_others(tmp_path):
    output = tmp_path / "new" / "device.json"
    done = run_module(
        [sys.executable, "-m", "recipes.bench.devices", "--rounds=1", f"--output={output}"], timeout=500
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text())
    lines = done.stdout.strip().splitlines()
    names = [(row["ours"].split()[0], row["peer"].split()[3]) for row in found["rows"]]
    assert names == [("int8", "float32"), ("float32", "float32"), ("int8", "int8")]
    for line, row in zip(lines[1:4], found["rows"], strict=True):
        assert set(row) == {"ours", "seconds", "peer", "peer_seconds", "ratio", "quartiles"}
        assert row["ratio"] == row["quartiles"][1] and row["quartiles"] == sorted(row["quartiles"])
        assert line.startswith(row["ours"]) and f"{row['ratio']:.2f}" in line
    arithmetic = found["int8_arithmetic"]
    assert lines[4:] == arithmetic_lines(arithmetic)
    encoders = [one["encoder"] for one in arithmetic["encoders"]]
    assert encoders == ["sketch_a_net", "squeezenet", "small_squeezenet", "small_pooled_squeezenet"]
    assert arithmetic["encoders"][0]["seconds"] == found["rows"][0]["seconds"]
    assert all(0 < one["share"] <= one["largest_share"] < 1 for one in arithmetic["encoders"])
    assert found["versions"]["onnxruntime"]


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
@pytest.mark.parametrize("module", ["recipes.bench", "recipes.bench.devices"])
def test_without_the_extra_the_commands_say_so_at_once(tmp_path, package, module):
    output = tmp_path / "bench.json"
    script = (
        "import runpy, sys\n"
        f"sys.modules[{package!r}] = None\n"
        f"sys.argv[1:] = ['--output={output}']\n"
        f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)\n"
    )
    done = run_script(script, timeout=120)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == (
        f"error: `{package}` must be installed to compare with ONNX Runtime; the extra `bench` has it: "
        'pip install ".[bench]"'
    )
    assert not output.exists()
