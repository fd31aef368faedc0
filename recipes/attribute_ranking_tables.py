r"""The table of Deep multi-task attribute-driven ranking (Song et al., BMVC 2016), and what its parts do.

python -m recipes.attribute_ranking_tables --table=parts --workdir=runs/tables \
    --attributes_dir=shoev1_attributes --weights=squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5

    --table=parts     the model without each of its parts, on the shoes with attributes (--attributes_dir);
                      also draws how soon attribute-driven and random sampling get there
    --table=1         the paper's, on QMUL-Shoe (--data_dir), whose attributes a run on the others predicts

Runs what the rows need, with every seed; what is finished is not run again. What was measured here stands in
docs/attribute_ranking.md.
"""

import math
import os
from pathlib import Path

from absl import flags

from recipes import tables
from recipes.tables import Command, Row, Table, path_of, printed_row
from tfsbir import command, figures
from tfsbir.errors import InputError
from tfsbir.runs import RunDirectory

FLAGS = flags.FLAGS
# But for the rows whose progress is drawn, nothing is evaluated before the end.
FAST = {"precision": "mixed_bfloat16", "batch_size": 32, "eval_every": 10_000}
DRAWN = {"eval_every": 40}
# What every row of a network is trained with.
SETTINGS = {
    "sketch_a_net": {**FAST, "steps": 150, "learning_rate": 5e-4},
    "squeezenet": {
        **FAST, "steps": 200, "learning_rate": 2e-4, "embedding_dim": 256, "train_from": "fire5_squeeze1x1",
    },
}  # fmt: skip
NETWORKS = {"sketch_a_net": "Sketch-a-Net", "squeezenet": "SqueezeNet"}
LABELLED = "shoev1_attributes"
METRICS = ("acc@1", "acc@10", "triplet_accuracy")
WITHOUT_PREDICTION = {"lambda_s": 0.0, "lambda_p": 0.0, "lambda_n": 0.0}
RANDOM = {"sampling": "random"}
# It predicts nothing, so there is nothing to weigh. All others have the recipe's weight.
SINGLE_TASK = {"lambda_a": 0.0, **WITHOUT_PREDICTION, **RANDOM, "attribute_distance_weight": "0"}
# Label, name of the run, what it leaves out, and what of its result is shown.
PARTS = (
    ("Full model", "full", DRAWN, ""),
    ("without L_a", "without_l_a", {"lambda_a": 0.0}, ""),
    ("without L_p", "without_l_p", WITHOUT_PREDICTION, ""),
    ("with random sampling", "random_sampling", {**RANDOM, **DRAWN}, ""),
    ("without the attribute distance at test time", "full", DRAWN, "/embedding"),
    ("none of them: triplet ranking of random negatives", "single_task", SINGLE_TASK, "/embedding"),
)
TITLES = {"1": "Table 1: against the triplet model", "parts": "What the parts of the model do"}
DATA = ("shoes", "chairs")

flags.DEFINE_enum("table", None, sorted(TITLES), "Which table.", required=True)
flags.DEFINE_enum("backbone", "squeezenet", sorted(SETTINGS), "The network; sketch_a_net is the paper's.")
flags.DEFINE_string("attributes_dir", None, "Folder of the dataset shoev1_attributes.")
flags.DEFINE_string("data_dir", None, "Of --table=1: folder of qmul_v1's shoes/ and chairs/.")
flags.DEFINE_string(
    "weights", None,
    "Where all rows start: of squeezenet its ImageNet weights (.h5), of sketch_a_net a finished run; without "
    "it, from scratch.",
)  # fmt: skip
flags.DEFINE_integer("steps", None, "Steps of every row, in place of those of SETTINGS.", lower_bound=1)
tables.define_flags(output="results/attribute_ranking/tables")
flags.adopt_module_key_flags(tables.making)


def table(number):
    """Returns the table "1" or "parts" with the network of `--backbone`."""
    make = {"1": table_1, "parts": table_of_parts}[number]
    return make(f"table_{number}_{FLAGS.backbone}", f"{TITLES[number]}, {NETWORKS[FLAGS.backbone]}")


def table_of_parts(name, title):
    """Returns the table of the model without each of its parts."""
    commands = {run: labelled(run, changes) for _, run, changes, _ in PARTS}
    rows = (Row(label, {LABELLED: commands[run].name}, part=part) for label, run, _, part in PARTS)
    notes = (
        "100 test photos and their 300 sketches; photos are edge maps. The weight of the attribute distance "
        "is the recipe's, which was chosen on held-out training photos, once for all rows.",
    )  # fmt: skip
    return Table(name, title, METRICS[:2], tuple(commands.values()), tuple(rows), notes)


def table_1(name, title):
    """Returns the paper's Table 1."""
    commands = [labelled("full", DRAWN)]
    for data in DATA:
        given = {"dataset": "qmul_v1", "data_dir": FLAGS.data_dir and os.path.join(path_of("data_dir"), data)}
        commands.append(
            Command(
                f"human_triplets_{FLAGS.backbone}_{data}",
                "sketch_me_that_shoe",
                {**settings(), **given, "loss": "triplet"},
                is_runnable=FLAGS.data_dir is not None,
            )
        )
        # Nobody labelled chairs, so no run can predict their attributes.
        is_runnable = data == "shoes" and None not in (FLAGS.data_dir, FLAGS.attributes_dir)
        commands.append(
            Command(
                f"predicted_attributes_{FLAGS.backbone}_{data}",
                "attribute_ranking",
                {**settings(), **given},
                {"attributes_from": commands[0].name},
                is_runnable=is_runnable,
            )
        )
    rows = (
        ("Triplet model", "human_triplets", "39.13 87.83 69.49", "69.07 97.94 72.30"),
        ("Ours", "predicted_attributes", "50.43 91.30 70.59", "78.35 98.97 73.13"),
    )
    notes = (
        "The triplet model learns from what people annotated on QMUL-Shoe and QMUL-Chair. Ours uses none of "
        "it: its attributes are those that the full model of the other table predicts for QMUL-Shoe's "
        "training pairs. That model has learned from 204 of their 304 photos, with other sketches of these.",
        "The paper's attributes of chairs were not published in a form that is at hand.",
    )  # fmt: skip
    return Table(
        name,
        title,
        METRICS,
        tuple(commands),
        tuple(
            printed_row(label, f"{run}_{FLAGS.backbone}", METRICS, DATA, dict(zip(DATA, paper, strict=True)))
            for label, run, *paper in rows
        ),
        notes,
    )


def settings():
    """Returns the flags that all rows have."""
    shared = {**SETTINGS[FLAGS.backbone], "backbone": FLAGS.backbone, "weights": path_of("weights")}
    return shared if FLAGS.steps is None else {**shared, "steps": FLAGS.steps}


def labelled(run, changes):
    """Returns the command of a row on the shoes with attributes."""
    return Command(
        f"attributes_{run}_{FLAGS.backbone}",
        "attribute_ranking",
        {**settings(), "dataset": LABELLED, "data_dir": path_of("attributes_dir"), **changes},
        is_runnable=FLAGS.attributes_dir is not None,
    )


def draw_steps(path):
    """Draws how acc@1 rises with attribute-driven and with random sampling, if both were run.

    Returns: What `figures.learning_curves` does, or None.
    """
    curves = {}
    for method, run in (("random", "random_sampling"), ("attribute-driven", "full")):
        finished = [
            directory
            for seed in tables.read_seeds(FLAGS.seeds)
            if (
                directory := RunDirectory(
                    Path(FLAGS.workdir) / f"attributes_{run}_{FLAGS.backbone}_seed{seed}"
                )
            ).result
        ]
        points = [
            [(line["step"], line["test/acc@1"]) for line in run.metrics() if "test/acc@1" in line][:-1]
            for run in finished
        ]  # The last one is the final evaluation, over ten views.
        if not points or not all(points):
            return None
        curves[method] = [tuple(zip(*run, strict=True)) for run in points]
    # What random sampling has in the end, as far as one view tells; in tenths of a percent, rounded down so
    # that it gets there itself.
    target = sum(values[-1] for _, values in curves["random"]) / len(curves["random"])
    target = math.floor(1000 * target) / 1000
    return figures.learning_curves(curves, path, target or None)


def main(_):
    if not FLAGS.collect and not FLAGS.attributes_dir:
        raise InputError("`attributes_dir` must be given, but to collect. Received: nothing")
    if not FLAGS.collect and FLAGS.table == "1" and not FLAGS.data_dir:
        raise InputError("`data_dir` must be given for table 1, but to collect. Received: nothing")
    made = table(FLAGS.table)
    tables.make(made)
    if FLAGS.table == "parts" and not FLAGS.dry_run:
        draw_steps(Path(FLAGS.output) / f"{made.name}_steps.png")


if __name__ == "__main__":
    command.run(main)
