"""Integers and canvases at a model's ends, and that nothing between them changes."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from export import common
from export.graph_edits import with_canvas_input, with_integer_input, with_integer_output
from export.litert_conversion import HEADROOM, convert
from tfsbir.preprocessing import center_crop
from tfsbir.retrieval.litert_model import LiteRTModel


@pytest.fixture(scope="module")
def images(siamese_run):
    return common.real_images(siamese_run, num_calibration=12)["sketch"]


def model_of(exported, *key):
    return LiteRTModel((exported(*key)[0] / "sketch_encoder.tflite").read_bytes(), num_threads=1)


def test_an_int8_embedding_is_the_float_one_rounded(exported, images):
    floats, integers = model_of(exported, "int8"), model_of(exported, "int8", "int8")
    expected = floats.encode(images.held_out)
    (details,) = integers._interpreter.get_output_details()
    scale, zero_point = details["quantization"]
    largest = np.abs(floats.encode(images.calibration)).max()
    # The limit is the largest value of the float model before it was quantised.
    assert scale * 127 == pytest.approx(HEADROOM * largest, rel=0.1)
    assert zero_point == 0
    found = np.concatenate([integers.run(image[None]) for image in integers.prepare(images.held_out)])
    assert found.dtype == np.int8
    np.testing.assert_array_equal(found, np.clip(np.rint(expected / scale), -128, 127))
    np.testing.assert_allclose(integers.encode(images.held_out), scale * found.astype(np.float32), rtol=1e-6)


def test_paper_and_ink_are_integers(exported):
    model = model_of(exported, "int8", "int8")
    paper = np.ones((1, 64, 64, 1), np.float32)
    assert np.all(model.prepare(paper) == 127)
    assert np.all(model.prepare(-paper) == -127)
    (details,) = model._interpreter.get_input_details()
    scale, zero_point = details["quantization"]
    assert scale == pytest.approx(1 / 127, rel=1e-6)
    assert zero_point == 0


@pytest.mark.parametrize("key", [("float16", "float32"), ("int8", "int8")], ids="-".join)
def test_a_canvas_gives_exactly_what_its_cropped_and_scaled_image_gives(exported, key):
    canvases = np.random.default_rng(0).integers(0, 256, (4, 256, 256, 1), np.uint8)
    canvases[0, :, :, 0] = np.arange(256)  # Every value there is.
    outside, inside = model_of(exported, *key), model_of(exported, *key, "inside")
    images = center_crop(canvases, 64)
    expected = outside.encode(images)
    np.testing.assert_array_equal(
        np.concatenate([inside.run(canvas[None]) for canvas in canvases]),
        np.concatenate([outside.run(i[None]) for i in outside.prepare(images)]),
    )
    np.testing.assert_array_equal(inside.encode(images), expected)
    np.testing.assert_array_equal(center_crop(inside.prepare(images), 64), images)


def test_rgb_canvases_are_cropped_in_the_middle():
    image = keras.Input((5, 5, 3))
    model = with_canvas_input(convert(keras.Model(image, keras.layers.Flatten()(image)), "none", None), 8)
    canvas = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), np.uint8)
    found = LiteRTModel(model, num_threads=1).run(canvas)
    np.testing.assert_array_equal(found, center_crop(canvas, 5).reshape(1, -1))


def test_an_image_that_is_not_quantised_first_is_refused(images):
    image = keras.Input((64, 64, 1))
    model = convert(keras.Model(image, keras.layers.Flatten()(image)), "none", None)
    with pytest.raises(
        ValueError, match=r"`model` must read its image by one QUANTIZE\. Received: \['RESHAPE'\]"
    ):
        with_integer_input(model)


def test_what_is_larger_than_the_limit_is_cut_off():
    image = keras.Input((2, 2, 1))
    model = convert(keras.Model(image, keras.layers.Flatten()(image)), "none", None)
    interpreter = Interpreter(model_content=with_integer_output(model, 0.5))
    runner = interpreter.get_signature_runner("encode")
    with pytest.raises(ValueError, match=r"`limit` must be > 0\. Received: 0\.0"):
        with_integer_output(model, 0.0)
    values = np.float32([0.5, -0.5, 1.0, -1.0]).reshape(1, 2, 2, 1)
    np.testing.assert_array_equal(runner(image=values)["embedding"], [[127, -127, 127, -128]])
