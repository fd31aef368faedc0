"""Runs all rows; see the package."""

from pathlib import Path

from absl import flags

from recipes.bench.alignment import CLASSES_BESIDE, NUM_CLASSES, alignment_row, refresh_row
from recipes.bench.devices import arithmetic_lines, device_costs, device_versions
from recipes.bench.evaluation import (
    NUM_QUERIES,
    draw_evaluation_costs,
    evaluation_costs,
    evaluation_rows,
)
from recipes.bench.learned_distance import learned_distance_rows
from recipes.bench.pipeline import pipeline_rows
from recipes.bench.queries import export_row, query_rows
from recipes.bench.row import table
from recipes.bench.search import holef_rows, search_row
from recipes.bench.strokes import draw_stroke_costs, rasterize_row, stroke_costs
from tfsbir import command, files
from tfsbir.data.synthetic import synthetic
from tfsbir.data.worker_pool import worker_pool

FLAGS = flags.FLAGS

flags.DEFINE_string("output", "results/bench.json", "Where the JSON goes.")
flags.DEFINE_string("plot", None, "Where a plot of the cost of strokes by their points goes, as a PNG.")
flags.DEFINE_integer("rounds", 10, "Turns that each side of a row takes.", lower_bound=1)
flags.DEFINE_integer("num_photos", 100_000, "Photos in the gallery of HOLEF's rows.", lower_bound=200)
flags.DEFINE_string(
    "evaluation_plot", None, "Where a plot of the cost of an evaluation by its size goes, as a PNG."
)
flags.DEFINE_integer("num_queries", NUM_QUERIES, "Sketches whose retrieval is measured.", lower_bound=1)
flags.DEFINE_integer("num_classes", NUM_CLASSES, "Classes that are aligned and pooled.", lower_bound=1)


def main(_):
    split = synthetic("train", num_instances=32)
    # First, as it fails where the extra `bench` is not installed.
    of_devices, arithmetic = device_costs(split, FLAGS.rounds)
    with worker_pool(2) as pool:
        rows = [
            *pipeline_rows(split, FLAGS.rounds, pool),
            rasterize_row(split, FLAGS.rounds),
            export_row(split, FLAGS.rounds),
            *of_devices,
            *query_rows(split, FLAGS.rounds),
            search_row(FLAGS.rounds),
        ]
    rows += [*holef_rows(FLAGS.num_photos, FLAGS.rounds), *learned_distance_rows(FLAGS.rounds)]
    beside = min(FLAGS.num_classes, CLASSES_BESIDE)
    rows += [alignment_row(FLAGS.num_classes), refresh_row(FLAGS.rounds, beside)]
    rows += evaluation_rows(FLAGS.num_queries)
    costs = stroke_costs(FLAGS.rounds)
    growth = evaluation_costs(FLAGS.num_queries) if FLAGS.evaluation_plot else []
    print("\n".join([*table(rows), *arithmetic_lines(arithmetic)]))
    Path(FLAGS.output).parent.mkdir(parents=True, exist_ok=True)
    found = {
        "rows": [row.to_json() for row in rows],
        "int8_arithmetic": arithmetic,
        "stroke_costs": costs,
        "evaluation_costs": growth,
        "rounds": FLAGS.rounds,
        "versions": device_versions(),
    }
    files.write_json(FLAGS.output, found)
    if FLAGS.plot:
        draw_stroke_costs(costs, FLAGS.plot)
    if FLAGS.evaluation_plot:
        draw_evaluation_costs(growth, FLAGS.evaluation_plot)


if __name__ == "__main__":
    command.run(main)
