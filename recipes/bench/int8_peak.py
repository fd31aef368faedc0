"""How many int8 multiply-accumulates a second one thread of this machine does at best."""

import math

import keras
import numpy as np

from export.litert_conversion import convert
from recipes.bench.onnx_graph import IR_VERSION, OPSET, one_thread_session
from recipes.bench.timing import turns
from tfsbir.retrieval.litert_model import LiteRTModel

# (rows, inner, columns) of matrix products. They are large enough that hardly anything but arithmetic takes
# time, and small enough for an L2 cache of 1 MiB, or a few of them; the first is a 3 x 3 convolution's of 256
# channels over 26 x 26 places.
SHAPES = ((676, 2304, 256), (512, 512, 512), (1024, 1024, 1024))


def int8_products(shapes=SHAPES):
    """Makes products of int8 matrices in LiteRT (1 x 1 convolutions) and in ONNX Runtime, on one thread.

    ONNX Runtime's is MatMulInteger of uint8 and int8, which is what its kernels for x86 are fastest at.

    Args:
        shapes: Triples of rows, inner and columns; rows must be even.
    Returns: Dict from a product's name to its multiply-accumulates and a function that computes it.
    """
    products = {}
    for shape in shapes:
        size, count = " x ".join(map(str, shape)), math.prod(shape)
        products[f"LiteRT 1x1 convolution, {size}"] = count, _convolution(*shape)
        products[f"ONNX Runtime MatMulInteger, {size}"] = count, _product(*shape)
    return products


def int8_rates(products, rounds):
    """Computes each of `int8_products` a few times in a row; the fastest counts.

    Returns: Dict from a product's name to multiply-accumulates a second.
    """
    return {name: count / _fastest(function, rounds) for name, (count, function) in products.items()}


def _fastest(function, rounds):
    (seconds,) = turns([function], rounds)
    return min(seconds)


def _convolution(rows, inner, columns):
    image = keras.Input((rows // 2, 2, inner))
    network = keras.Model(image, keras.layers.Conv2D(columns, 1)(image))
    images = np.random.default_rng(0).uniform(-1, 1, (2, *network.input_shape[1:])).astype("float32")
    model = LiteRTModel(convert(network, "int8", images, interface="int8"), num_threads=1)
    prepared = model.prepare(images[:1])
    return lambda: model.run(prepared)


def _product(rows, inner, columns):
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    kernel = numpy_helper.from_array(random.integers(-127, 128, (inner, columns), np.int8), "kernel")
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["features", "kernel"], ["products"])],
        "product",
        [helper.make_tensor_value_info("features", TensorProto.UINT8, (rows, inner))],
        [helper.make_tensor_value_info("products", TensorProto.INT32, (rows, columns))],
        [kernel],
    )
    session = one_thread_session(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    )
    features = random.integers(0, 256, (rows, inner), np.uint8)
    return lambda: session.run(None, {"features": features})
