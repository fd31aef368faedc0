"""Exports a run's encoders as a SavedModel, which TensorFlow loads without tfsbir.

    python -m export.saved_model --workdir=runs/shoes --output=exports/shoes

It has the signatures `encode_sketch` and `encode_photo`, from `image`, float32 (batch, size, size, channels)
in [-1, 1], black on white, to `embedding`, (batch, dim); `serving_default` is `encode_sketch`.
`preprocessing.json` says how a file becomes such an image. The embeddings are compared with the Keras model's
on training images, and nothing is written where they differ. The report goes to stdout and to `report.json`.
"""

import json
import os

import keras
import tensorflow as tf
from absl import flags, logging

from export import common
from tfsbir import command, files
from tfsbir.runs import RunDirectory

MIN_COSINE = 0.99999  # Measured on SqueezeNet and Sketch-a-Net: 1 to seven digits.


def export_saved_model(workdir, output, min_cosine=None, max_norm_error=common.MAX_NORM_ERROR):
    """Writes the SavedModel of a run's encoders to the folder `output`, atomically.

    Args:
        workdir: Path of a finished run.
        output: Path of the folder; it must be new, empty or an older export.
        min_cosine: Float, tolerance; None for `MIN_COSINE`.
        max_norm_error: Float, tolerance of an embedding's length, as a share of it.
    Returns: The report, a dict.
    Raises: `InputError` if the run or its data cannot be read, if `output` is another folder, or if the
        embeddings differ from Keras' beyond the tolerance; `output` is then as it was.
    """
    common.check_output(output)
    run = RunDirectory(workdir)
    encoders, images = common.load_encoders(run), common.real_images(run)
    num_threads = tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count()
    with files.replacing_folder(output) as folder:
        logging.info("Writing the SavedModel")
        write_saved_model({f"encode_{domain}": encoders[domain] for domain in common.DOMAINS}, folder)
        logging.info("Comparing it with Keras")
        encode = _load(folder)
        parity = common.compare(
            encoders, encode, images, MIN_COSINE if min_cosine is None else min_cosine, max_norm_error
        )
        latency_ms = {
            domain: common.measure_latency(encode[domain], images[domain].held_out[:1], num_threads)
            for domain in common.DOMAINS
        }
        return common.write_description(folder, run, "saved_model", "none", parity, latency_ms)


def write_saved_model(encoders, folder, batch_size=None):
    """Writes encoders as a SavedModel with one signature each, from `image` to `embedding`.

    Args:
        encoders: Dict of Keras models by the signature's name; a model may be there twice.
        folder: Path to write to.
        batch_size: Integer to fix the batch dimension at, or None to leave it free.
    """
    # `add_endpoint` tracks what it uses; `track` would store every weight a second time (Keras 3.15).
    archive = keras.export.ExportArchive()
    for name, encoder in encoders.items():
        image = tf.TensorSpec((batch_size, *encoder.input_shape[1:]), tf.float32, name="image")
        archive.add_endpoint(name, _embedding_of(encoder), input_signature=[image])
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)  # TensorFlow tells each file it writes.
    try:
        archive.write_out(str(folder), verbose=False)
    finally:
        logging.set_verbosity(verbosity)


def _embedding_of(encoder):
    return lambda image: {"embedding": encoder(image, training=False)}


def _load(folder):
    module = tf.saved_model.load(str(folder))

    def encoder(name):
        return lambda image: module.signatures[name](image=tf.constant(image))["embedding"].numpy()

    return {domain: encoder(f"encode_{domain}") for domain in common.DOMAINS}


def main(argv):
    """Runs the command with the flags that absl has parsed."""
    common.check_arguments(argv)
    # The latency is of one thread, as LiteRT's is; TensorFlow takes this only before its first operation.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    values = flags.FLAGS
    report = export_saved_model(values.workdir, values.output, values.min_cosine, values.max_norm_error)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    common.define_flags(f"Fail where an embedding's cosine to Keras' is below this; by default {MIN_COSINE}.")
    flags.adopt_module_key_flags(common)
    command.run(main)
