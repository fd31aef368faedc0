"""Exports a run's encoders for LiteRT (TFLite), which runs on phones, small boards and in web pages.

    python -m export.litert --workdir=runs/shoes --output=exports/shoes_int8 --quantize=int8

Writes `sketch_encoder.tflite`, and `photo_encoder.tflite` unless the run is siamese. Each takes one float32
image, (1, size, size, channels) in [-1, 1], black on white, and returns its embedding, (1, dim); the
signature is `encode`, from `image` to `embedding`. `preprocessing.json` says how a file becomes such an
image. With `--quantize`, weights and possibly arithmetic have fewer bits:

    none      float32
    float16   weights in float16: half the size
    dynamic   weights in int8, activations quantised on the fly: a quarter of the size
    int8      all arithmetic in int8 but the normalisations: a quarter of the size

The embeddings are compared with the Keras model's on training images that int8 was not calibrated on, and
nothing is written where they differ by more than `--min_cosine` and `--max_norm_error`. The report goes to
stdout and to `report.json`; its latency is of one thread.

Where the run's distance is learned, an app ranks by inner products. `lift_query.tflite` takes a sketch's
embedding, (1, dim), and returns `lifted`, (1, dim + 1), and `constant`, (1,); `lift_photo.tflite` lifts a
photo's. The distance is the constant minus the inner product. Both are float32 whatever `--quantize` is, and
`distance.npy` has the weights. Distances too are compared (`--max_distance_error`).
"""

import json
import tempfile

import numpy as np
import tensorflow as tf
from absl import flags, logging
from ai_edge_litert.interpreter import Interpreter

from export import common
from export.full_integer import quantize_to_integers
from export.saved_model import write_saved_model
from tfsbir import command, files
from tfsbir.runs import RunDirectory

# Least cosine by quantisation. The least measured on 100 QMUL shoes with SqueezeNet encoders, at either
# working size: 1.000000, 0.999998, 0.9977 and 0.9873. Sketch-a-Net is closer.
MIN_COSINE = {"none": 0.99999, "float16": 0.9999, "dynamic": 0.99, "int8": 0.97}
# Largest error of a learned distance by quantisation, as a share of the range of the run's. Measured on 144
# pairs of drawings with a small untrained encoder and HOLEF or Mahalanobis: 1e-6, 7e-5, 0.0015 and 0.017; its
# least int8 cosine was 0.9995, and an error grows like the root of what a cosine lacks to 1.
MAX_DISTANCE_ERROR = {"none": 1e-3, "float16": 1e-2, "dynamic": 0.1, "int8": 0.25}
NUM_CALIBRATION = 100


def export_litert(
    workdir,
    output,
    quantize,
    min_cosine=None,
    max_norm_error=common.MAX_NORM_ERROR,
    num_calibration=NUM_CALIBRATION,
    max_distance_error=None,
):
    """Writes a run's encoders for LiteRT to the folder `output`, atomically.

    Args:
        workdir: Path of a finished run.
        output: Path of the folder; it must be new, empty or an older export.
        quantize: A key of `MIN_COSINE`.
        min_cosine: Float, tolerance; None for `MIN_COSINE`'s.
        max_norm_error: Float, tolerance of an embedding's length, as a share of it.
        num_calibration: Integer > 0, training images that show int8 the range of every tensor. An encoder
            of both domains sees sketches and photos in equal parts.
        max_distance_error: Float, tolerance of a learned distance, as a share of the range of the run's;
            None for `MAX_DISTANCE_ERROR`'s.
    Returns: The report, a dict.
    Raises: `ValueError` for arguments out of range; `InputError` if the run or its data cannot be read, if
        `output` is another folder, or if embeddings or distances differ from Keras' beyond the tolerance;
        `output` is then as it was.
    """
    if quantize not in MIN_COSINE:
        raise ValueError(f"`quantize` must be one of {sorted(MIN_COSINE)}. Received: {quantize!r}")
    if num_calibration < 1:
        raise ValueError(f"`num_calibration` must be >= 1. Received: {num_calibration}")
    if min_cosine is None:
        min_cosine = MIN_COSINE[quantize]
    if max_distance_error is None:
        max_distance_error = MAX_DISTANCE_ERROR[quantize]
    common.check_output(output)
    run = RunDirectory(workdir)
    encoders, images = common.load_encoders(run), common.real_images(run, num_calibration)
    distance = common.load_learned_distance(run)
    with files.replacing_folder(output) as folder:
        encode = {}
        for domain in common.DOMAINS:
            if domain == "photo" and run.is_siamese:
                encode["photo"] = encode["sketch"]
                continue
            logging.info("Converting the %s encoder, quantize=%s", domain, quantize)
            calibration = images[domain].calibration
            if run.is_siamese:
                calibration = _equal_parts(calibration, images["photo"].calibration, num_calibration)
            model = convert(encoders[domain], quantize, calibration)
            files.write_bytes(folder / f"{domain}_encoder.tflite", model)
            encode[domain] = interpreter_function(model)
        lift = {} if distance is None else _write_lifting(distance, folder)
        logging.info("Comparing with Keras")
        parity = common.compare(encoders, encode, images, min_cosine, max_norm_error)
        distance_parity = None
        if distance is not None:
            distance_parity = common.compare_distances(
                encoders, distance, encode, lift, images, max_distance_error
            )
        latency_ms = {
            domain: common.measure_latency(encode[domain], images[domain].held_out[:1], num_threads=1)
            for domain in common.DOMAINS
        }
        return common.write_description(folder, run, "litert", quantize, parity, distance_parity, latency_ms)


def convert(encoder, quantize, calibration):
    """Converts a Keras encoder into a LiteRT model of batch 1.

    Args:
        encoder: `keras.Model` from an image to an embedding.
        quantize: A key of `MIN_COSINE`.
        calibration: float32 `(num, size, size, channels)`, real images; used for "int8" only.
    Returns: Bytes.
    """
    with tempfile.TemporaryDirectory() as folder:
        # By way of a SavedModel, since conversion from concrete functions leaves variables unfrozen. The
        # batch is fixed at 1 because a free one fails in the browser's runtime.
        write_saved_model({"encode": encoder}, folder, batch_size=1)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["encode"])
        if quantize in ("float16", "dynamic"):
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        model = converter.convert()
    if quantize == "int8":
        logging.info("Calibrating int8 on %d training images", len(calibration))
        model = quantize_to_integers(model, calibration)
    return model


def interpreter_function(model):
    """Returns a function from `(1, size, size, channels)` to `(1, dim)` that runs `model` on one thread."""
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    (image_details,), (embedding_details,) = interpreter.get_input_details(), interpreter.get_output_details()

    def encode(image):
        interpreter.set_tensor(image_details["index"], image)
        interpreter.invoke()
        return interpreter.get_tensor(embedding_details["index"])

    return encode


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


def _write_lifting(distance, folder):
    """Writes the lifting's two models; returns the functions that `common.compare_distances` takes."""
    runners = {}
    for name, model in convert_lifting(distance).items():
        files.write_bytes(folder / f"{name}.tflite", model)
        runners[name] = Interpreter(model_content=model, num_threads=1).get_signature_runner(name)

    def lift_query(embedding):
        found = runners["lift_query"](embedding=embedding)
        return found["lifted"], found["constant"]

    def lift_photo(embedding):
        return runners["lift_photo"](embedding=embedding)["lifted"]

    return {"sketch": lift_query, "photo": lift_photo}


def _equal_parts(sketches, photos, num_images):
    return np.concatenate([sketches[: (num_images + 1) // 2], photos[: (num_images + 1) // 2]])


def main(argv):
    """Runs the command with the flags that absl has parsed."""
    common.check_arguments(argv)
    values = flags.FLAGS
    report = export_litert(
        values.workdir,
        values.output,
        values.quantize,
        values.min_cosine,
        values.max_norm_error,
        values.num_calibration,
        values.max_distance_error,
    )
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    cosines = ", ".join(f"{quantize} {cosine}" for quantize, cosine in MIN_COSINE.items())
    errors = ", ".join(f"{quantize} {error}" for quantize, error in MAX_DISTANCE_ERROR.items())
    common.define_flags(
        f"Fail where an embedding's cosine to Keras' is below this; by default {cosines}.",
        "Fail where a learned distance differs from the run's by more than this share of the range of the "
        f"run's; by default {errors}.",
    )
    flags.adopt_module_key_flags(common)
    flags.DEFINE_enum("quantize", None, list(MIN_COSINE), "What to store in fewer bits.", required=True)
    flags.DEFINE_integer(
        "num_calibration",
        NUM_CALIBRATION,
        "Training images that show int8 the range of every tensor.",
        lower_bound=1,
    )
    command.run(main)
