"""Exports a run's encoders as a SavedModel, which TensorFlow and TensorFlow Serving load without tfsbir.

    python -m export.saved_model --workdir=runs/shoes --output=models/shoes/1

Its signatures, all float32 but where it says bytes:

    encode_sketch         image (batch, size, size, channels)    -> embedding (batch, dim)
    encode_photo          image (batch, size, size, channels)    -> embedding (batch, dim)
    encode_sketch_bytes   image_bytes (batch,), PNG or JPEG      -> embedding (batch, dim)
    encode_photo_bytes    image_bytes (batch,), PNG or JPEG      -> embedding (batch, dim)
    distance              sketch (num_sketches, dim),
                          photo (num_photos, dim)                -> distance (num_sketches, num_photos)
    lift_query            embedding (batch, dim)                 -> lifted (batch, dim + 1), constant (batch,)
    lift_photo            embedding (batch, dim)                 -> lifted (batch, dim + 1)

`serving_default` is `encode_sketch`. An image is in [-1, 1], black on white; `preprocessing.json` says how a
file becomes one, which is what the signatures that take bytes do (`export/image_bytes.py`).
`encode_photo_bytes` is there where the photo encoder takes RGB: the graph finds no edges. The two that lift
are there where the run's distance is learned: it is the constant minus the inner product of the lifted ones;
`distance.npy` has the weights.

Every signature is compared with Keras on training images, those that take bytes on such images as files of
many forms, and nothing is written where they differ. The report goes to stdout and to `report.json`.
docs/serving.md has requests and responses.
"""

import json
import os

import keras
import tensorflow as tf
from absl import flags, logging

from export import common
from export.description import write_description
from export.image_bytes import read_photos, read_sketches
from export.server_parity import compare_files, compare_pairwise
from export.shape_check import checked_shape
from tfsbir import command, files
from tfsbir.distances import SquaredEuclidean
from tfsbir.runs import RunDirectory

MIN_COSINE = 0.99999  # Measured on SqueezeNet and Sketch-a-Net: 1 to seven digits.
# Measured with these two on 972 files of real sketches and photos in 27 forms: 0.99995 at least, of coloured
# lines on nothing, resized; 0.9995 of 16-bit grey whose low byte matters.
MIN_BYTES_COSINE = 0.999
MAX_DISTANCE_ERROR = 1e-3
NO_PHOTO_BYTES = "photos become edge maps, which the graph does not find"


def export_saved_model(
    workdir,
    output,
    min_cosine=None,
    max_norm_error=None,
    max_distance_error=None,
    min_bytes_cosine=MIN_BYTES_COSINE,
):
    """Writes the SavedModel of a run's encoders to the folder `output`, atomically.

    Args:
        workdir: Path of a finished run.
        output: Path of the folder; it must be new, empty or an older export.
        min_cosine: Float, tolerance; None for `MIN_COSINE`.
        max_norm_error: Float, tolerance of an embedding's length, as a share of it; None for
            `common.MAX_NORM_ERROR`.
        max_distance_error: Float, tolerance of a learned distance, as a share of the range of the run's, and
            of the signature `distance`, as a share of the largest distance; None for `MAX_DISTANCE_ERROR`.
        min_bytes_cosine: Float, tolerance of an embedding of a file, to Keras' of what tfsbir reads of it.
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
        preprocessing = run.preprocessing()
        write_saved_model(named, folder, distance=distance, preprocessing=preprocessing)
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
        more = _compare_for_servers(
            encoders, distance, module.signatures, images, preprocessing, min_bytes_cosine, max_distance_error
        )
        latency_ms = {
            domain: common.measure_latency(encode[domain], images[domain].held_out[:1], num_threads)
            for domain in common.DOMAINS
        }
        report = {"kind": "saved_model", "quantize": "none", "parity": parity}
        report |= {"distance_parity": distance_parity, "latency_ms": latency_ms["sketch"]}
        report |= {"photo_latency_ms": latency_ms["photo"], **more}
        return write_description(folder, run, report)


def write_saved_model(encoders, folder, batch_size=None, distance=None, preprocessing=None):
    """Writes encoders as a SavedModel with one signature each, from `image` to `embedding`, and others.

    Args:
        encoders: Dict of Keras models by the signature's name; a model may be there twice.
        folder: Path to write to.
        batch_size: Integer to fix the batch dimension at, or None to leave it free.
        distance: Learned layer of `tfsbir.distances`, for the signatures `lift_query` and `lift_photo`.
        preprocessing: The run's `Preprocessing`, for those that a server needs: `encode_sketch_bytes`,
            `encode_photo_bytes` where photos are RGB, and `distance`. The encoders are then
            `encode_sketch` and `encode_photo`.
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
    if preprocessing is not None:
        image_bytes = tf.TensorSpec((batch_size,), tf.string, name="image_bytes")
        for name, read in (("encode_sketch", read_sketches), ("encode_photo", read_photos)):
            if name == "encode_sketch" or preprocessing.photo_input == "rgb":
                embed = _embedding_of_bytes(encoders[name], read, preprocessing)
                archive.add_endpoint(f"{name}_bytes", embed, input_signature=[image_bytes])
        embeddings = [
            tf.TensorSpec((None, preprocessing.embedding_dim), tf.float32, name=name)
            for name in common.DOMAINS
        ]
        pairwise = _pairwise_of(distance or SquaredEuclidean(), preprocessing.embedding_dim)
        archive.add_endpoint("distance", pairwise, input_signature=embeddings)
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)  # TensorFlow tells each file it writes.
    try:
        archive.write_out(str(folder), verbose=False)
    finally:
        logging.set_verbosity(verbosity)


def _embedding_of(encoder):
    return lambda image: {"embedding": encoder(image, training=False)}


def _embedding_of_bytes(encoder, read, preprocessing):
    def embed(image_bytes):
        image = read(image_bytes, preprocessing.image_size, preprocessing.canvas_size)
        return {"embedding": encoder(image, training=False)}

    return embed


def _pairwise_of(distance, dim):
    def pairwise(sketch, photo):
        sketch = checked_shape("sketch", sketch, (None, dim))
        photo = checked_shape("photo", photo, (None, dim))
        return {"distance": distance.pairwise(sketch, photo)}

    return pairwise


def _lifted_query_of(distance):
    def lift_query(embedding):
        # The distance to where the inner product is 0.
        constant = distance.distance_of(embedding, tf.zeros_like(embedding[:, :1]))[:, 0]
        return {"lifted": distance.lift_query(embedding), "constant": constant}

    return lift_query


def _lifted_photo_of(distance):
    return lambda embedding: {"lifted": distance.lift_photo(embedding)}


def _compare_for_servers(
    encoders, distance, signatures, images, preprocessing, min_bytes_cosine, max_distance_error
):
    """Compares the signatures that a server needs; returns their part of the report."""
    parity, left_out = {}, {}
    for domain in common.DOMAINS:
        name = f"encode_{domain}_bytes"
        if name not in signatures:
            left_out[name] = NO_PHOTO_BYTES
            continue
        logging.info("Comparing %s with tfsbir on files", name)
        held_out = images[domain].held_out
        parity[name] = compare_files(
            encoders[domain], signatures[name], domain, held_out, preprocessing, min_bytes_cosine
        )
    embeddings = {
        domain: encoders[domain].predict(images[domain].held_out, batch_size=16, verbose=0)
        for domain in common.DOMAINS
    }
    parity["distance"] = compare_pairwise(
        embeddings, distance or SquaredEuclidean(), signatures["distance"], max_distance_error
    )
    return {"signature_parity": parity, "left_out": left_out}


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
        values.workdir,
        values.output,
        values.min_cosine,
        values.max_norm_error,
        values.max_distance_error,
        values.min_bytes_cosine,
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
    flags.DEFINE_float(
        "min_bytes_cosine",
        MIN_BYTES_COSINE,
        "Fail where the embedding of an image file has a cosine below this to Keras' of the file as tfsbir "
        "reads it.",
        lower_bound=-1.0,
        upper_bound=1.0,
    )
    command.run(main)
