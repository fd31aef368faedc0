"""Runs the table, or some kinds of it; see the package."""

import sys

from absl import flags
from tqdm import tqdm

from recipes.bench import jobs
from recipes.bench.alignment import NUM_CLASSES
from recipes.bench.devices import arithmetic_lines, device_versions
from recipes.bench.evaluation import NUM_QUERIES, draw_evaluation_costs
from recipes.bench.history import append_history, circumstances, read_history, read_results, write_results
from recipes.bench.onnx_graph import require_onnx
from recipes.bench.row import KINDS, grouped_table
from recipes.bench.strokes import draw_stroke_costs
from tfsbir import command
from tfsbir.errors import InputError

FLAGS = flags.FLAGS

flags.DEFINE_list(
    "only", [], f"Kinds of rows to measure, separated by commas; by default all: {', '.join(KINDS)}."
)
flags.DEFINE_string(
    "output", None, "Where the JSON goes. Of kinds that are not measured it keeps what it has."
)
flags.DEFINE_string("history", None, "JSON lines that this run's ratios are added to.")
flags.DEFINE_string("plot", None, "Where a plot of the cost of strokes by their points goes, as a PNG.")
flags.DEFINE_string(
    "evaluation_plot", None, "Where a plot of the cost of an evaluation by its size goes, as a PNG."
)
flags.DEFINE_integer("rounds", 10, "Turns that each side of a row takes.", lower_bound=1)
flags.DEFINE_integer("num_photos", 100_000, "Photos in the gallery of HOLEF's rows.", lower_bound=200)
flags.DEFINE_integer("num_queries", NUM_QUERIES, "Sketches whose retrieval is measured.", lower_bound=1)
flags.DEFINE_integer("num_classes", NUM_CLASSES, "Classes that are aligned and pooled.", lower_bound=1)


def main(_):
    unknown = [kind for kind in FLAGS.only if kind not in KINDS]
    if unknown:
        raise InputError(f"`only` must be of {', '.join(KINDS)}. Received: {unknown[0]}")
    kinds = [kind for kind in KINDS if kind in (FLAGS.only or KINDS)]
    if "export_latency" in kinds:
        require_onnx()
    # What cannot be added to is told now, and not after all was measured.
    if FLAGS.output:
        read_results(FLAGS.output)
    if FLAGS.history:
        read_history(FLAGS.history)
    sizes = jobs.Sizes(
        FLAGS.rounds, FLAGS.num_photos, FLAGS.num_queries, FLAGS.num_classes, bool(FLAGS.evaluation_plot)
    )
    run = circumstances(FLAGS.rounds, device_versions())
    found = measure([job for job in jobs.JOBS if job.kind in kinds], sizes)
    rows_of = {kind: one["rows"] for kind, one in found.items()}
    print("\n".join(grouped_table(rows_of)))
    for one in found.values():
        if "int8_arithmetic" in one:
            print("\n".join(arithmetic_lines(one["int8_arithmetic"])))
        for left_out in one["left_out"]:
            print(f"left out: {left_out}")
    if FLAGS.output:
        write_results(
            FLAGS.output,
            {
                kind: {**run, **one, "rows": [row.to_json() for row in one["rows"]]}
                for kind, one in found.items()
            },
        )
    if FLAGS.history:
        append_history(FLAGS.history, run, rows_of)
    if FLAGS.plot and "encode" in found:
        draw_stroke_costs(found["encode"]["stroke_costs"], FLAGS.plot)
    if FLAGS.evaluation_plot and "evaluation" in found:
        draw_evaluation_costs(found["evaluation"]["evaluation_costs"], FLAGS.evaluation_plot)


def measure(chosen, sizes):
    """Does jobs one after the other, with a bar on stderr that guesses how long they take.

    Returns: Dict from a kind to a dict of `rows`, `left_out` and what else its jobs found.
    """
    found = {}
    total = sum(job.seconds for job in chosen)
    form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
    with tqdm(total=total, bar_format=form, file=sys.stderr, dynamic_ncols=True) as progress:
        for job in chosen:
            progress.set_description(f"{job.kind.replace('_', ' ')}, {job.name}")
            own = job.measure(sizes)
            one = found.setdefault(job.kind, {"rows": [], "left_out": []})
            one["rows"] += own.pop("rows")
            one["left_out"] += own.pop("left_out", [])
            one.update(own)
            progress.update(job.seconds)
    return found


if __name__ == "__main__":
    command.run(main)
