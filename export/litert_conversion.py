"""From a Keras encoder or a learned distance to the bytes of a LiteRT model."""

import tempfile

import tensorflow as tf
from absl import logging

from export.full_integer import quantize_to_integers
from export.graph_edits import with_canvas_input, with_integer_input, with_integer_output
from export.saved_model import write_saved_model
from export.space_to_depth import with_deep_convolutions
from tfsbir.preprocessing import CANVAS_SIZE

QUANTIZE = ("none", "float16", "dynamic", "int8")
INTERFACES = ("float32", "int8")
PREPROCESSINGS = ("outside", "inside")
# An int8 embedding reaches this much farther than those of the calibration images did; beyond, it is cut off.
HEADROOM = 1.1


def convert(
    encoder,
    quantize,
    calibration,
    interface="float32",
    preprocessing="outside",
    canvas_size=CANVAS_SIZE,
):
    """Converts a Keras encoder into a LiteRT model of batch 1.

    Args:
        encoder: `keras.Model` from an image to an embedding.
        quantize: One of `QUANTIZE`.
        calibration: float32 `(num, size, size, channels)` in [-1, 1], real images; used for "int8" only.
        interface: One of `INTERFACES`; "int8" for `quantize="int8"` only. The embedding is int8, and the
            image unless it is a canvas.
        preprocessing: One of `PREPROCESSINGS`. "inside" takes a canvas, `(1, canvas_size, canvas_size,
            channels)` uint8.
        canvas_size: Integer, at least the encoder's input size.
    Returns: Bytes.
    Raises: `ValueError` for images that are not float32 of the encoder's size.
    """
    with tempfile.TemporaryDirectory() as folder:
        # By way of a SavedModel, since conversion from concrete functions leaves variables unfrozen. The
        # batch is fixed at 1 because a free one fails in the browser's runtime.
        write_saved_model({"encode": with_deep_convolutions(encoder)}, folder, batch_size=1)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["encode"])
        if quantize in ("float16", "dynamic"):
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        model = converter.convert()
    if quantize == "int8":
        _check_calibration(calibration, encoder.input_shape[1:])
        logging.info("Calibrating int8 on %d training images", len(calibration))
        model, largest = quantize_to_integers(model, calibration)
        if interface == "int8":
            model = with_integer_output(model, HEADROOM * largest)
            if preprocessing == "outside":
                model = with_integer_input(model)
    return with_canvas_input(model, canvas_size) if preprocessing == "inside" else model


def convert_lifting(distance):
    """Converts the lifting of a learned distance into LiteRT models of batch 1, in float32.

    Returns: A dict `{"lift_query": bytes, "lift_photo": bytes}`.
    """
    with tempfile.TemporaryDirectory() as folder:
        write_saved_model({}, folder, batch_size=1, distance=distance)
        return {
            name: tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[name]).convert()
            for name in ("lift_query", "lift_photo")
        }


def _check_calibration(images, shape):
    found = (images.dtype.name, images.shape[1:])
    if found != ("float32", tuple(shape)) or len(images) == 0:
        raise ValueError(
            f"`calibration` must be float32 images of {tuple(shape)}. "
            f"Received: {len(images)} of {found[0]}, {found[1]}"
        )
