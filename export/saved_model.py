"""Exports a run's encoders as a SavedModel, which TensorFlow loads without tfsbir.

    python -m export.saved_model --workdir=runs/shoes --output=exports/shoes

It has the signatures `encode_sketch` and `encode_photo`, from `image`, float32 (batch, size, size, channels)
in [-1, 1], black on white, to `embedding`, (batch, dim); `serving_default` is `encode_sketch`.
`preprocessing.json` says how a file becomes such an image. Where the run's distance is learned, there are
`lift_query`, from `embedding`, (batch, dim), to `lifted`, (batch, dim + 1), and `constant`, (batch,), and
`lift_photo`, from `embedding` to `lifted`. The distance is the constant minus the inner product of the lifted
ones; `distance.npy` has the weights. Embeddings and distances are compared with the Keras model's on training
images, and nothing is written where they differ. The report goes to stdout and to `report.json`.
"""

import json
import os

import keras
import tensorflow as tf
from absl import flags, logging

from export import common
from export.description import write_description
from tfsbir import command, files
from tfsbir.runs import RunDirectory

MIN_COSINE = 0.99999  # Measured on SqueezeNet and Sketch-a-Net: 1 to seven digits.
MAX_DISTANCE_ERROR = 1e-3


def export_saved_model(workdir, output, min_cosine=None, max_norm_error=None, max_distance_error=None):
    """Writes the SavedModel of a run's encoders to the folder `output`, atomically.

    Args:
        workdir: Path of a finished run.
        output: Path of the folder; it must be new, empty or an older export.
        min_cosine: Float, tolerance; None for `MIN_COSINE`.
        max_norm_error: Float, tolerance of an embedding's length, as a share of it; None for
            `common.MAX_NORM_ERROR`.
        max_distance_error: Float, tolerance of a learned distance, as a share of the range of the run's;
            None for `MAX_DISTANCE_ERROR`.
    Returns: The report, a dict.
    Raises: `InputError` if the run or its data cannot be read, if `output` is another folder, or if
        embeddings or distances differ from Keras' beyond the tolerance; `output` is then as it was.
    """
    if min_cosine is None:
        min_cosine = MIN_COSINE
    if max_norm_error is None:
        max_norm_error = common.MAX_NORM_ERROR
    if max_distance_error is None:
        max_distance_error = MAX_DISTANCE_ERROR
    common.check_output(output)
    run = RunDirectory(workdir)
    encoders, images = common.load_encoders(run), common.real_images(run)
    distance = common.load_learned_distance(run)
    num_threads = tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count()
    with files.replacing_folder(output) as folder:
        logging.info("Writing the SavedModel")
        named = {f"encode_{domain}": encoders[domain] for domain in common.DOMAINS}
        write_saved_model(named, folder, distance=distance)
        logging.info("Comparing it with Keras")
        module = tf.saved_model.load(str(folder))
        encode = _encode_functions(module)
        parity = common.compare(encoders, encode, images, min_cosine, max_norm_error)
        distance_parity = None
        if distance is not None:
            lift = _lift_functions(module)
            distance_parity = common.compare_distances(
                encoders, distance, encode, lift, images, max_distance_error
            )
        latency_ms = {
            domain: common.measure_latency(encode[domain], images[domain].held_out[:1], num_threads)
            for domain in common.DOMAINS
        }
        report = {"kind": "saved_model", "quantize": "none", "parity": parity}
        report |= {"distance_parity": distance_parity, "latency_ms": latency_ms["sketch"]}
        report |= {"photo_latency_ms": latency_ms["photo"]}
        return write_description(folder, run, report)


def write_saved_model(encoders, folder, batch_size=None, distance=None):
    """Writes encoders as a SavedModel with one signature each, from `image` to `embedding`.

    Args:
        encoders: Dict of Keras models by the signature's name; a model may be there twice.
        folder: Path to write to.
        batch_size: Integer to fix the batch dimension at, or None to leave it free.
        distance: Learned layer of `tfsbir.distances`, for the signatures `lift_query` and `lift_photo`.
    """
    # `add_endpoint` tracks what it uses; `track` would store every weight a second time (Keras 3.15).
    archive = keras.export.ExportArchive()
    for name, encoder in encoders.items():
        image = tf.TensorSpec((batch_size, *encoder.input_shape[1:]), tf.float32, name="image")
        archive.add_endpoint(name, _embedding_of(encoder), input_signature=[image])
    if distance is not None:
        embedding = tf.TensorSpec((batch_size, distance.dim), tf.float32, name="embedding")
        archive.add_endpoint("lift_query", _lifted_query_of(distance), input_signature=[embedding])
        archive.add_endpoint("lift_photo", _lifted_photo_of(distance), input_signature=[embedding])
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)  # TensorFlow tells each file it writes.
    try:
        archive.write_out(str(folder), verbose=False)
    finally:
        logging.set_verbosity(verbosity)


def _embedding_of(encoder):
    return lambda image: {"embedding": encoder(image, training=False)}


def _lifted_query_of(distance):
    def lift_query(embedding):
        # The distance to where the inner product is 0.
        constant = distance.distance_of(embedding, tf.zeros_like(embedding[:, :1]))[:, 0]
        return {"lifted": distance.lift_query(embedding), "constant": constant}

    return lift_query


def _lifted_photo_of(distance):
    return lambda embedding: {"lifted": distance.lift_photo(embedding)}


def _encode_functions(module):
    def encoder(name):
        return lambda image: module.signatures[name](image=tf.constant(image))["embedding"].numpy()

    return {domain: encoder(f"encode_{domain}") for domain in common.DOMAINS}


def _lift_functions(module):
    def lift_query(embedding):
        found = module.signatures["lift_query"](embedding=tf.constant(embedding))
        return found["lifted"].numpy(), found["constant"].numpy()

    def lift_photo(embedding):
        return module.signatures["lift_photo"](embedding=tf.constant(embedding))["lifted"].numpy()

    return {"sketch": lift_query, "photo": lift_photo}


def main(argv):
    """Runs the command with the flags that absl has parsed."""
    common.check_arguments(argv)
    # The latency is of one thread, as LiteRT's is; TensorFlow takes this only before its first operation.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    values = flags.FLAGS
    report = export_saved_model(
        values.workdir, values.output, values.min_cosine, values.max_norm_error, values.max_distance_error
    )
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    common.define_flags(
        f"Fail where an embedding's cosine to Keras' is below this; by default {MIN_COSINE}.",
        "Fail where an embedding's length differs from Keras' by more than this share of it; by default "
        f"{common.MAX_NORM_ERROR}.",
        "Fail where a learned distance differs from the run's by more than this share of the range of the "
        f"run's; by default {MAX_DISTANCE_ERROR}.",
    )
    flags.adopt_module_key_flags(common)
    command.run(main)
