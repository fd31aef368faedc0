import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from export import common
from export.full_integer import observed_ranges, quantize_to_integers
from export.litert_conversion import convert
from tfsbir.retrieval.litert_model import LiteRTModel


@pytest.fixture(scope="module")
def images():
    # Paper with some ink of every shade.
    rng = np.random.default_rng(0)
    ink = rng.uniform(0, 2, (10, 12, 12, 1)) * (rng.random((10, 12, 12, 1)) < 0.1)
    return (1 - ink).astype(np.float32)


def test_ranges_are_those_of_each_operation_alone(images):
    # The product stands between two pools, so it stays an operation, which may be overwritten by the sum.
    image = keras.Input((12, 12, 1))
    x = keras.layers.MaxPooling2D(2, 1)(image)
    x = keras.layers.Rescaling(10.0, 100.0)(x)
    model = convert(keras.Model(image, keras.layers.MaxPooling2D(2, 1)(x)), "none", None)
    output_of = {
        op["op_name"]: op["outputs"][0] for op in Interpreter(model_content=model)._get_ops_details()
    }
    ranges = observed_ranges(model, images)
    product, total = ranges[output_of["MUL"]], ranges[output_of["ADD"]]
    assert -10.0 <= product[0] <= 0.0
    assert product[1] == 10.0
    assert total == (0.0, 110.0)


def test_only_the_normalisations_stay_in_float(siamese_run):
    images = common.real_images(siamese_run, num_calibration=6)["sketch"].calibration
    encoder = siamese_run.load_encoder("sketch")
    model = convert(encoder, "int8", images)
    interpreter = Interpreter(model_content=model)
    dtypes = {d["index"]: d["dtype"] for d in interpreter.get_tensor_details()}
    for operator in interpreter._get_ops_details():
        (output,) = operator["outputs"] if operator["op_name"] != "DELEGATE" else (None,)
        if operator["op_name"] in (
            "CONV_2D",
            "DEPTHWISE_CONV_2D",
            "MAX_POOL_2D",
            "AVERAGE_POOL_2D",
            "REVERSE_V2",
        ):
            assert dtypes[output] == np.int8, operator["op_name"]
        if operator["op_name"] in ("SQUARE", "SUM", "RSQRT", "MINIMUM"):
            assert dtypes[output] == np.float32, operator["op_name"]
    embedding = LiteRTModel(model, num_threads=1).encode(images[:1])
    assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-6)


def test_lengths_stay_where_unit_parts_are_put_together(siamese_run):
    # As a fusion of attended and global features does; nothing normalises the whole.
    images = common.real_images(siamese_run, num_calibration=6)["sketch"].calibration
    encoder = siamese_run.load_encoder("sketch")
    (whole,) = [layer for layer in encoder.layers if isinstance(layer, keras.layers.Concatenate)][-1:]
    encode = LiteRTModel(
        convert(keras.Model(encoder.input, whole.output), "int8", images), num_threads=1
    ).encode
    assert np.linalg.norm(encode(images[:1])) == pytest.approx(np.sqrt(2), abs=1e-6)


def test_paper_is_exact(images):
    image = keras.Input((12, 12, 1))
    model = convert(keras.Model(image, keras.layers.MaxPooling2D(2)(image)), "int8", images)
    paper = np.ones((1, 12, 12, 1), np.float32)
    assert np.all(np.abs(LiteRTModel(model, num_threads=1).encode(paper) - 1) < 1e-6)
    assert np.all(np.abs(LiteRTModel(model, num_threads=1).encode(-paper) + 1) < 1e-6)


def test_a_dead_channel_is_no_obstacle(images):
    image = keras.Input((12, 12, 1))
    x = keras.layers.Conv2D(4, 3, activation="relu", bias_initializer=keras.initializers.Constant(-100.0))(
        image
    )
    y = keras.layers.Conv2D(4, 3)(image)
    x = keras.layers.Concatenate()([keras.layers.Flatten()(x), keras.layers.Flatten()(y)])
    encoder = keras.Model(image, keras.layers.UnitNormalization()(x))
    embedding = LiteRTModel(convert(encoder, "int8", images), num_threads=1).encode(images[:1])
    np.testing.assert_allclose(embedding, encoder(images[:1]), atol=0.01)


def test_bytes_are_the_same_for_the_same_images(images):
    image = keras.Input((12, 12, 1))
    encoder = keras.Model(image, keras.layers.Flatten()(keras.layers.Conv2D(4, 3)(image)))
    model = convert(encoder, "none", None)
    assert quantize_to_integers(model, images) == quantize_to_integers(model, images)
