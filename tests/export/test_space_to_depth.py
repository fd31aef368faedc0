import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from export.litert_conversion import convert
from export.space_to_depth import with_deep_convolutions
from tfsbir.models import sketch_a_net, squeezenet_encoder
from tfsbir.retrieval.litert_model import LiteRTModel

IMAGES = np.random.default_rng(0).choice([-1.0, 1.0], (6, 225, 225, 1), p=[0.1, 0.9]).astype("float32")


def convolution(size=(12, 12), channels=1, **changes):
    keras.utils.set_random_seed(0)
    image = keras.Input((*size, channels))
    options = {"filters": 3, "kernel_size": (6, 3), "strides": 3, "activation": "relu", **changes}
    x = keras.layers.Conv2D(**options, bias_initializer="normal", name="first")(image)
    return keras.Model(image, keras.layers.Dense(4)(keras.layers.Flatten()(x)))


@pytest.mark.parametrize(("size", "changes"), [((12, 12), {}), ((9, 15), {"use_bias": False})])
def test_the_sums_are_those_of_a_loop_over_pixels(size, changes):
    encoder = convolution(size, **changes)
    images = np.random.default_rng(0).normal(size=(2, *size, 1)).astype("float32")
    kernel, *bias = encoder.get_layer("first").get_weights()
    rows, columns = (size[0] - 6) // 3 + 1, (size[1] - 3) // 3 + 1
    expected = np.zeros((2, rows, columns, 3))
    for row in range(rows):
        for column in range(columns):
            window = images[:, 3 * row : 3 * row + 6, 3 * column : 3 * column + 3, 0]
            expected[:, row, column] = np.einsum("bij,ijf->bf", window, kernel[:, :, 0])
    expected = np.maximum(expected + (bias[0] if bias else 0), 0)
    deep = with_deep_convolutions(encoder)
    assert deep is not encoder
    found = keras.Model(deep.input, deep.get_layer("first").output)(images)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, atol=1e-5)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(deep(images)), keras.ops.convert_to_numpy(encoder(images)), atol=1e-5
    )


@pytest.mark.parametrize(
    ("size", "channels", "changes"),
    [
        ((12, 12), 3, {}),
        ((13, 12), 1, {}),
        ((12, 12), 1, {"kernel_size": (5, 3)}),
        ((12, 12), 1, {"strides": 1}),
        ((12, 12), 1, {"strides": (3, 1)}),
        ((12, 12), 1, {"padding": "same"}),
        ((12, 12), 1, {"strides": 1, "dilation_rate": 3, "kernel_size": 3}),
    ],
)
def test_what_is_no_such_convolution_stays(size, channels, changes):
    encoder = convolution(size, channels, **changes)
    assert with_deep_convolutions(encoder) is encoder


def test_a_squeezenet_has_none():
    encoder = squeezenet_encoder(embedding_dim=8)
    assert with_deep_convolutions(encoder) is encoder


@pytest.mark.parametrize(("quantize", "least"), [("none", 0.999999), ("int8", 0.998)])
def test_an_exported_sketch_a_net_begins_with_blocks(quantize, least):
    keras.utils.set_random_seed(0)
    encoder = sketch_a_net()
    model = convert(encoder, quantize, IMAGES[:4])
    parsed = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
    codes = [parsed.operatorCodes[op.opcodeIndex].builtinCode for op in parsed.subgraphs[0].operators]
    assert codes.count(schema.BuiltinOperator.SPACE_TO_DEPTH) == 1
    found, expected = LiteRTModel(model).encode(IMAGES), encoder.predict(IMAGES, verbose=0)
    assert np.sum(found * expected, axis=1).min() > least
