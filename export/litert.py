"""Exports a run's encoders for LiteRT (TFLite), which runs on phones, small boards and in web pages.

    python -m export.litert --workdir=runs/shoes --output=exports/shoes_int8 --quantize=int8

Writes `sketch_encoder.tflite`, and `photo_encoder.tflite` unless one file serves both domains: that of a
siamese run, which int8 still calibrates once on sketches and once on photos, in two files. With `--quantize`,
weights and possibly arithmetic have fewer bits:

    none      float32
    float16   weights in float16: half the size
    dynamic   weights in int8, activations quantised on the fly: a quarter of the size
    int8      all arithmetic in int8 but the normalisations: a quarter of the size

A model takes one float32 image, (1, size, size, channels) in [-1, 1], black on white, and returns its
embedding, (1, dim); the signature is `encode`, from `image` to `embedding`. Two flags change that:

    --interface=int8         image and embedding are int8, with a scale; for --quantize=int8
    --preprocessing=inside   the image is a whole canvas, (1, 256, 256, channels) uint8 in 0..255; the model
                             crops and scales it

Each file holds JSON of what it is and wants, and `encoder.json` the same beside the files' SHA-256;
docs/on_device.md explains both, and runs a model without tfsbir.

The embeddings are compared with the Keras model's on training images that int8 was not calibrated on, and
nothing is written where they differ by more than `--min_cosine` and `--max_norm_error`. The report goes to
stdout and to `report.json`; its latencies are of one thread and of two.

Where the run's distance is learned, an app ranks by inner products. `lift_query.tflite` takes a sketch's
embedding, (1, dim), and returns `lifted`, (1, dim + 1), and `constant`, (1,); `lift_photo.tflite` lifts a
photo's. The distance is the constant minus the inner product. Both are float32 whatever the flags are, and
`distance.npy` has the weights. Distances too are compared (`--max_distance_error`).
"""

import hashlib
import json

from absl import flags, logging
from ai_edge_litert.interpreter import Interpreter

from export import common
from export.description import write_description
from export.graph_edits import with_metadata
from export.line_width import line_width
from export.litert_conversion import INTERFACES, PREPROCESSINGS, QUANTIZE, convert, convert_lifting
from tfsbir import command, files
from tfsbir.errors import InputError
from tfsbir.retrieval.litert_model import LiteRTModel
from tfsbir.runs import RunDirectory

# Least cosine by quantisation. The least measured on 100 QMUL shoes with SqueezeNet encoders, at either
# working size: 1.000000, 0.999998, 0.9977 and 0.9873. Sketch-a-Net is closer.
MIN_COSINE = {"none": 0.99999, "float16": 0.9999, "dynamic": 0.99, "int8": 0.97}
# Largest error of a length by interface.
MAX_NORM_ERROR = {"float32": common.MAX_NORM_ERROR, "int8": 1e-2}
# Largest error of a learned distance by quantisation, as a share of the range of the run's. Measured on 144
# pairs of drawings with a small untrained encoder and HOLEF or Mahalanobis: 1e-6, 7e-5, 0.0015 and 0.017; its
# least int8 cosine was 0.9995, and an error grows like the root of what a cosine lacks to 1.
MAX_DISTANCE_ERROR = {"none": 1e-3, "float16": 1e-2, "dynamic": 0.1, "int8": 0.25}
NUM_CALIBRATION = 100
METADATA_VERSION = 1
NUM_THREADS = (1, 2)


def export_litert(
    workdir,
    output,
    quantize,
    interface="float32",
    preprocessing="outside",
    min_cosine=None,
    max_norm_error=None,
    num_calibration=NUM_CALIBRATION,
    max_distance_error=None,
):
    """Writes a run's encoders for LiteRT to the folder `output`, atomically.

    Args:
        workdir: Path of a finished run.
        output: Path of the folder; it must be new, empty or an older export.
        quantize: "none", "float16", "dynamic" or "int8".
        interface: "float32" or, for int8 alone, "int8": what goes in and comes out.
        preprocessing: "outside", or "inside" for models that take a whole canvas in uint8.
        min_cosine: Float, tolerance; None for `MIN_COSINE`'s.
        max_norm_error: Float, tolerance of an embedding's length, as a share of it; None for
            `MAX_NORM_ERROR`'s.
        num_calibration: Integer > 0, training images of its domain that show int8 the range of every tensor.
        max_distance_error: Float, tolerance of a learned distance, as a share of the range of the run's;
            None for `MAX_DISTANCE_ERROR`'s.
    Returns: The report, a dict.
    Raises: `ValueError` for arguments out of range; `InputError` if the run or its data cannot be read, if
        `output` is another folder, or if embeddings or distances differ from Keras' beyond the tolerance;
        `output` is then as it was.
    """
    _check_arguments(quantize, interface, preprocessing, num_calibration)
    if min_cosine is None:
        min_cosine = MIN_COSINE[quantize]
    if max_norm_error is None:
        max_norm_error = MAX_NORM_ERROR[interface]
    if max_distance_error is None:
        max_distance_error = MAX_DISTANCE_ERROR[quantize]
    common.check_output(output)
    run = RunDirectory(workdir)
    split = run.train_split()
    encoders, images = common.load_encoders(run), common.real_images(run, num_calibration, split)
    distance = common.load_learned_distance(run)
    described = {"quantize": quantize, "interface": interface, "preprocessing": preprocessing}
    general = {**_general_metadata(run, split), **described}
    with files.replacing_folder(output) as folder:
        encoder_of = {domain: f"{domain}_encoder.tflite" for domain in common.DOMAINS}
        if run.is_siamese and quantize != "int8":
            encoder_of["photo"] = encoder_of["sketch"]
        models, metadata = {}, {}
        for domain, name in encoder_of.items():
            if name in models:
                continue
            logging.info("Converting the %s encoder, quantize=%s", domain, quantize)
            canvas_size = general["canvas_size"]
            model = convert(
                encoders[domain], quantize, images[domain].calibration, interface, preprocessing, canvas_size
            )
            served = [other for other in common.DOMAINS if encoder_of[other] == name]
            channels = int(encoders[domain].input_shape[-1])
            metadata[name] = {**general, "domains": served, "channels": channels}
            models[name] = with_metadata(model, metadata[name])
            files.write_bytes(folder / name, models[name])
        lift = {} if distance is None else _write_lifting(distance, folder)
        logging.info("Comparing with Keras")
        encode = {
            domain: LiteRTModel(models[name], num_threads=1).encode for domain, name in encoder_of.items()
        }
        parity = common.compare(encoders, encode, images, min_cosine, max_norm_error)
        distance_parity = None
        if distance is not None:
            distance_parity = common.compare_distances(
                encoders, distance, encode, lift, images, max_distance_error
            )
        latency = {
            domain: [_latency(models[name], images[domain].held_out[:1], num) for num in NUM_THREADS]
            for domain, name in encoder_of.items()
        }
        report = {"kind": "litert", **described, "parity": parity, "distance_parity": distance_parity}
        report |= {
            "latency_ms": latency["sketch"][0],
            "photo_latency_ms": latency["photo"][0],
            "two_threads_latency_ms": latency["sketch"][1],
            "two_threads_photo_latency_ms": latency["photo"][1],
        }
        checksums = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())
        }
        return write_description(folder, run, report, {"files": checksums, "models": metadata})


def _check_arguments(quantize, interface, preprocessing, num_calibration):
    for name, value, known in (
        ("quantize", quantize, QUANTIZE),
        ("interface", interface, INTERFACES),
        ("preprocessing", preprocessing, PREPROCESSINGS),
    ):
        if value not in known:
            raise ValueError(f"`{name}` must be one of {known}. Received: {value!r}")
    if interface == "int8" and quantize != "int8":
        raise InputError(f'`interface` must be "float32" unless `quantize` is "int8". Received: {quantize!r}')
    if num_calibration < 1:
        raise ValueError(f"`num_calibration` must be >= 1. Received: {num_calibration}")


def _general_metadata(run, split):
    """Returns what a client must know of either encoder of a run; the keys of docs/on_device.md."""
    preprocessing = run.preprocessing().to_json()
    shared = ("image_size", "canvas_size", "polarity", "range", "mean")
    others = ("embedding_dim", "distance", "photo_input", "attributes")
    return {
        "version": METADATA_VERSION,
        "fingerprint": run.fingerprint(),
        **{name: preprocessing[name] for name in shared},
        "line_width": line_width(split.sketches),
        **{name: preprocessing[name] for name in others},
    }


def _latency(model, image, num_threads):
    runner = LiteRTModel(model, num_threads=num_threads)
    return common.measure_latency(runner.run, runner.prepare(image), num_threads)


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


def main(argv):
    """Runs the command with the flags that absl has parsed."""
    common.check_arguments(argv)
    values = flags.FLAGS
    report = export_litert(
        values.workdir,
        values.output,
        values.quantize,
        values.interface,
        values.preprocessing,
        values.min_cosine,
        values.max_norm_error,
        values.num_calibration,
        values.max_distance_error,
    )
    print(json.dumps(report, indent=2))


def _by_key(tolerances):
    return ", ".join(f"{key} {tolerance}" for key, tolerance in tolerances.items())


if __name__ == "__main__":
    common.define_flags(
        f"Fail where an embedding's cosine to Keras' is below this; by default {_by_key(MIN_COSINE)}.",
        "Fail where an embedding's length differs from Keras' by more than this share of it; by default, by "
        f"the interface, {_by_key(MAX_NORM_ERROR)}.",
        "Fail where a learned distance differs from the run's by more than this share of the range of the "
        f"run's; by default {_by_key(MAX_DISTANCE_ERROR)}.",
    )
    flags.adopt_module_key_flags(common)
    flags.DEFINE_enum("quantize", None, QUANTIZE, "What to store in fewer bits.", required=True)
    flags.DEFINE_enum(
        "interface", "float32", INTERFACES, "Type of image and embedding; int8 with --quantize=int8 only."
    )
    flags.DEFINE_enum(
        "preprocessing",
        "outside",
        PREPROCESSINGS,
        "Where a canvas in uint8 is cropped and scaled; inside makes it the model's input.",
    )
    flags.DEFINE_integer(
        "num_calibration",
        NUM_CALIBRATION,
        "Training images of each domain that show int8 the range of every tensor.",
        lower_bound=1,
    )
    command.run(main)
