"""Measures a run in every format of a device, on a data set: size, latency, what is lost and what is found.

    python -m export.report --workdir=runs/shoes --output=exports/shoes --dataset=qmul_v1 --data_dir=shoes

Exports the run for LiteRT in each of `--formats` to OUTPUT/FORMAT, as `export.litert` does, and measures on
the split what a device would: one centred view of each image, sketches and photos both by the exported
encoders. OUTPUT/report.md has the table, report.png a plot, report.json all numbers; the table, or with
--json the numbers, go to stdout, too.

    none      float32                          int8            integers, images and embeddings in float32
    float16   weights in float16               int8_interface  integers, images and embeddings, too
    dynamic   weights in int8

Latencies are of one image with one thread and with two, warm, the median and the range from the 10th to the
90th percentile. The formats take turns, so that other work on the machine is shared by all. A cosine is that
of an exported embedding of a sketch to Keras', on average and of the worst sketch of the split.
"""

import json
from pathlib import Path

import numpy as np
from absl import flags, logging
from tqdm import tqdm

from export import common
from export.litert import export_litert
from export.quality import cosines, measure
from tfsbir import command, figures, files
from tfsbir.data.datasets import DATASETS, load
from tfsbir.errors import InputError
from tfsbir.retrieval import open_encoder
from tfsbir.retrieval.litert_model import LiteRTModel
from tfsbir.runs import RunDirectory

FORMATS = {
    "none": {"quantize": "none"},
    "float16": {"quantize": "float16"},
    "dynamic": {"quantize": "dynamic"},
    "int8": {"quantize": "int8"},
    "int8_interface": {"quantize": "int8", "interface": "int8"},
}
NUM_THREADS = (1, 2)
ROUNDS, RUNS_A_ROUND = 10, 10
JSON, TABLE, PLOT = "report.json", "report.md", "report.png"
SHOWN = ("acc@1", "acc@10", "precision@1", "mAP@all")


def write_report(
    workdir, output, dataset, data_dir, split="test", unseen_classes=None, formats=tuple(FORMATS)
):
    """Exports a run in several formats to folders of `output`, and measures them on a split.

    Args:
        workdir: Path of a finished run.
        output: Path of the folder; made, or an older report's, whose files are replaced.
        dataset: A key of `tfsbir.data.datasets.DATASETS`.
        data_dir: Its folder, None where it has none.
        split: Name of the split.
        unseen_classes: Path of a list of classes, for a zero-shot split.
        formats: Keys of `FORMATS`.
    Returns: The report, a dict.
    Raises: `InputError` if the run, the data or the folder cannot be used, or an export fails.
    """
    run, output = RunDirectory(workdir), Path(output)
    preprocessing = run.preprocessing()
    # Of a report that was broken off there are folders of formats alone.
    common.check_output(output, "report", lambda names: names <= {*FORMATS, JSON, TABLE, PLOT})
    images = load(dataset, data_dir, split, preprocessing.photo_reader, unseen_classes)
    _check_measurable(images, dataset, split)
    reference = open_encoder(workdir)
    distance = run.load_distance()
    expected = _embeddings(reference, images, "Keras")
    rows = [{"format": "Keras", "metrics": measure(expected, images, distance)}]
    output.mkdir(parents=True, exist_ok=True)
    sketch_encoders = {}
    for name in formats:
        logging.info("Format %s", name)
        folder = output / name
        exported = export_litert(workdir, folder, **FORMATS[name])
        found = _embeddings(open_encoder(folder), images, name)
        sketch_encoders[name] = folder / "sketch_encoder.tflite"
        rows.append({
            "format": name,
            "sketch_bytes": sketch_encoders[name].stat().st_size,
            "size_bytes": exported["size_bytes"],
            "cosine": cosines(found["sketch"], expected["sketch"]),
            "metrics": measure(found, images, distance),
        })  # fmt: skip
    sample = preprocessing.center(images.sketches[:1])
    for name, latency in latencies(sketch_encoders, sample).items():
        next(row for row in rows if row["format"] == name)["latency_ms"] = latency
    report = {
        "run": {"recipe": run.config.get("recipe"), "fingerprint": run.fingerprint()},
        "dataset": dataset,
        "split": split,
        "num_sketches": len(images.sketches),
        "num_photos": len(images.photos),
        "rows": rows,
    }
    files.write_json(output / JSON, report)
    files.write_text(output / TABLE, "\n".join(table(report)) + "\n")
    draw(report, output / PLOT)
    return report


def latencies(paths, image):
    """Times several models on one image, in turns.

    Args:
        paths: Dict of paths of `.tflite` files by name.
        image: float32 `(1, size, size, channels)` in [-1, 1].
    Returns: Dict by name of dicts by the number of threads, as a string: `median`, `p10` and `p90` in ms and
        the number of `runs`.
    """
    models = {
        (name, num): LiteRTModel(path.read_bytes(), num_threads=num)
        for name, path in paths.items()
        for num in NUM_THREADS
    }
    seconds = {key: [] for key in models}
    for _ in tqdm(range(ROUNDS), "latency", unit="round", delay=2, leave=False):
        for key, model in models.items():
            seconds[key] += common.seconds_of_runs(model.run, model.prepare(image), RUNS_A_ROUND)
    return {name: {str(num): common.spread_ms(seconds[name, num]) for num in NUM_THREADS} for name in paths}


def table(report):
    """Returns the lines of the report's Markdown table; metrics are in percent."""
    names = [name for name in SHOWN if name in report["rows"][0]["metrics"]]
    heads = ["format", "sketch encoder, MB", "1 thread, ms", "2 threads, ms", "cosine, mean", "worst", *names]
    lines = [f"| {' | '.join(heads)} |", f"|---|{'---:|' * (len(heads) - 1)}"]
    for row in report["rows"]:
        cells = [row["format"], "-", "-", "-", "-", "-"]
        if "cosine" in row:
            spreads = [
                f"{latency['median']:.2f} ({latency['p10']:.2f} to {latency['p90']:.2f})"
                for latency in row["latency_ms"].values()
            ]
            lost = [f"{row['cosine'][name]:.4f}" for name in ("mean", "min")]
            cells[1:] = [f"{row['sketch_bytes'] / 1e6:.2f}", *spreads, *lost]
        cells += [f"{100 * row['metrics'][name]:.1f}" for name in names]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def draw(report, path):
    """Draws the report as bars."""
    exported = [row for row in report["rows"] if "cosine" in row]
    panels = {"sketch encoder, MB": [row["sketch_bytes"] / 1e6 for row in exported]}
    for num in map(str, NUM_THREADS):
        spread = [[row["latency_ms"][num][name] for name in ("p10", "median", "p90")] for row in exported]
        panels[f"ms a sketch, {num} thread{'s' * (num != '1')}"] = spread
    for name in [name for name in SHOWN if name in exported[0]["metrics"]][:2]:
        panels[f"{name}, %"] = [100 * row["metrics"][name] for row in exported]
    title = f"{report['dataset']}, {report['num_sketches']} sketches, {report['num_photos']} photos"
    figures.format_bars([row["format"] for row in exported], panels, path, title)


def _embeddings(encoder, split, name):
    """Returns the embeddings of a split's images by domain, float32."""
    center = encoder.preprocessing.center
    found = {}
    for domain, encode, images in (
        ("sketch", encoder.encode_sketches, split.sketches),
        ("photo", encoder.encode_photos, split.photos),
    ):
        starts = range(0, len(images), 32)
        bar = tqdm(starts, f"{name}: {domain}", unit="batch", delay=2, leave=False)
        batches = [encode(center(images[np.arange(start, min(start + 32, len(images)))])) for start in bar]
        found[domain] = np.concatenate(batches)
    return found


def _check_measurable(split, dataset, name):
    can_be_found = len(split.paired_sketches) or len(np.unique(split.photo_labels)) > 1
    if not (len(split.sketches) and len(split.photos) and can_be_found):
        raise InputError(
            "`dataset` must have photos, and sketches with a photo of their own or of several classes. "
            f"Received: {dataset}, which has not in {name}"
        )


def main(argv):
    """Runs the command with the flags that absl has parsed."""
    common.check_arguments(argv)
    values = flags.FLAGS
    formats = tuple(dict.fromkeys(values.formats))
    if not formats or not set(formats) <= set(FORMATS):
        raise InputError(
            f"`formats` must be of {', '.join(FORMATS)}. Received: {', '.join(formats) or 'none'}"
        )
    report = write_report(
        values.workdir, values.output, values.dataset, values.data_dir, values.split, values.unseen_classes,
        formats,
    )  # fmt: skip
    print(json.dumps(report, indent=2) if values.json else "\n".join(table(report)))


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "The run directory.", required=True)
    flags.DEFINE_string("output", None, "Folder to write; made, or an older report's.", required=True)
    flags.DEFINE_enum("dataset", None, sorted(DATASETS), "What to measure on.", required=True)
    flags.DEFINE_string("data_dir", None, "Folder of the dataset; `synthetic` needs none.")
    flags.DEFINE_string("split", "test", "Split of the dataset.")
    flags.DEFINE_string("unseen_classes", None, "Zero-shot: a file of the classes to measure on.")
    flags.DEFINE_list("formats", list(FORMATS), "What to export, separated by commas.")
    flags.DEFINE_bool("json", False, "Print the numbers as JSON instead of the table.")
    command.run(main)
