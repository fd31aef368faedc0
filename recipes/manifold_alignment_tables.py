r"""The tables of Deep manifold alignment for mid-grain retrieval (Bui et al., ACCV 2018).

python -m recipes.manifold_alignment_tables --table=grid --workdir=runs/tables --sketchy_dir=sketchy \
    --quickdraw_dir=quickdraw --bmvc14_dir=bmvc14 \
    --weights=squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5

    --table=grid     aligners and clusterers on 12 classes (Fig. 4a-b)
    --table=2        the model and the baselines on all classes that both data sets have, with and without
                     distractors (--distractors_dir)
    --table=alpha    how much correspondences weigh, on the 12 classes (Fig. 4c); also draws the curve

Trains on Sketchy's photos with its sketches and Quick, Draw!'s. Each row is one training, which measures
itself on the test split of both (mAP@all over the classes); recipes.evaluate measures it on bmvc14
(mid_grain_mAP@all, by people's ratings), and both with distractors. Runs what the rows need, with every seed;
what is finished is not run again. What was measured here stands in docs/manifold_alignment.md.
"""

import os
from pathlib import Path

from absl import flags

from recipes import tables
from recipes.tables import Command, Row, Table, path_of
from tfsbir import command, figures
from tfsbir.errors import InputError

FLAGS = flags.FLAGS
RECIPE = "manifold_alignment"
# The paper's 12 of 65 classes were not published. These are the six that bmvc14, with its ratings, shares
# with Sketchy and Quick, Draw! (its train is not one of Sketchy's), three more that the paper shows (bench,
# church, elephant) or speaks of (piano), and two that look different from different sides or folded.
CLASSES = Path(__file__).with_name("manifold_alignment_classes.txt")
FAST = {"precision": "mixed_bfloat16", "batch_size": 32, "eval_every": 10_000, "num_views": 1}
# What every row of a network is trained with.
SETTINGS = {
    "inception_v1": {**FAST, "learning_rate": 2e-4, "embedding_dim": 256},
    "pooled_squeezenet": {**FAST, "learning_rate": 3e-5, "train_from": "fire5_squeeze1x1"},
    "squeezenet": {
        **FAST, "learning_rate": 2e-4, "embedding_dim": 256, "train_from": "fire5_squeeze1x1",
    },
}  # fmt: skip
NETWORKS = {
    "inception_v1": "Inception-v1",
    "pooled_squeezenet": "pooled SqueezeNet",
    "squeezenet": "SqueezeNet",
}
# What single methods have in Table 2 in their place. Branches that begin in one space lose it in a warm-up
# with classifiers of their own, and the baselines collapse at this rate.
OWN_SETTINGS = {"pooled_squeezenet": {"manifold_alignment": {"learning_rate": 5e-4, "warmup_steps": 0}}}
# The epochs of the paper are steps here; the first of them are the warm-up. Rows of the 12 classes differ in
# what comes after it alone, so they share one.
SCHEDULES = {
    "grid": {"steps": 70, "warmup_steps": 40, "refresh_every": 15, "max_staleness": 5},
    "2": {"steps": 300, "warmup_steps": 100, "refresh_every": 100, "max_staleness": 50},
}
NUM_DISTRACTORS = 500
START_STEPS = 1  # What fits the start to the training images comes before the first step.
METRICS = ("mAP@all", "mid_grain_mAP@all")
# What a measurement is called in a table, and at the end of its name.
JOINED, BMVC14 = "joined test split", "bmvc14"
JOINED_WITH, BMVC14_WITH = f"{JOINED}, distractors", f"{BMVC14}, distractors"
NAMES = {
    JOINED: "joined", JOINED_WITH: "joined_distractors", BMVC14: "bmvc14", BMVC14_WITH: "bmvc14_distractors",
}  # fmt: skip
ALIGNERS = {"MA": "manifold", "LTM": "linear_transform", "PCA": "pca"}
POOLERS = {"GMM": "gaussian_mixture", "KMeans": "kmeans", "MeanShift": "mean_shift", "DBSCAN": "dbscan"}
# What the text says of Fig. 4, in percent; the other bars have no number.
PAPER_GRID = {
    "MA-GMM": {BMVC14: {"mid_grain_mAP@all": 41.1}},
    "LTM-KMeans": {JOINED: {"mAP@all": 61.9}, BMVC14: {"mid_grain_mAP@all": 33.2}},
    "PCA-GMM": {JOINED: {"mAP@all": 74.2}},
    "PCA-MeanShift": {JOINED: {"mAP@all": 76.3}},
    "PCA-DBSCAN": {JOINED: {"mAP@all": 75.9}},
}
# Label, --method, and the paper's mid-grain and class-level mAP, each with and without distractors, as it
# prints them.
METHODS = (
    ("MA-GMM", "manifold_alignment", "42.10 48.40 65.31 79.17"),
    ("MS-reg-HM", "regression", "36.08 45.58 53.52 74.01"),
    ("SS-triplet-HM", "triplet", "32.13 43.39 45.85 69.35"),
    ("SS-contrast-HM", "contrastive", "22.34 42.65 31.64 66.82"),
    ("Sketchy", None, "12.86 39.72 12.65 47.82"),
)
# Baselines that have as many steps on the 12 classes as a row and the warm-up that it shares.
GRID_BASELINES = {"SS-triplet-HM": "triplet", "SS-contrast-HM": "contrastive"}
ALPHA = 2.0  # The recipe's default, and the paper's.
ALPHAS = (0.25, 0.5, 1.0, ALPHA, 4.0, 8.0)
TITLES = {
    "grid": "Fig. 4a-b: aligners and clusterers on 12 classes",
    "2": "Table 2: the model and the baselines",
    "alpha": "Fig. 4c: how much correspondences weigh, on 12 classes",
}

flags.DEFINE_enum("table", None, sorted(TITLES), "Which table.", required=True)
flags.DEFINE_enum("backbone", "squeezenet", sorted(SETTINGS), "The network; inception_v1 is the paper's.")
flags.DEFINE_string("sketchy_dir", None, "Folder of the dataset sketchy.")
flags.DEFINE_string("quickdraw_dir", None, "Folder of the dataset quickdraw.")
flags.DEFINE_string("bmvc14_dir", None, "Folder of the dataset bmvc14; without it, no mid-grain numbers.")
flags.DEFINE_string(
    "distractors_dir", None, "Of --table=2: folder of photos to add to the galleries; without it, none are."
)
flags.DEFINE_string("weights", None, "ImageNet weights that all rows start from; else from scratch.")
flags.DEFINE_integer(
    "steps",
    None,
    "Steps of every row, in place of those of SCHEDULES; the schedule shrinks with them.",
    lower_bound=2,
)
tables.define_flags(output="results/manifold_alignment/tables")
flags.adopt_module_key_flags(tables.making)


def table(number):
    """Returns the table "grid", "2" or "alpha" with the network of `--backbone`."""
    make = {"grid": table_of_grid, "2": table_2, "alpha": table_of_alpha}[number]
    rows, commands, notes = make()
    title = f"{TITLES[number]}, {NETWORKS[FLAGS.backbone]}"
    return Table(
        f"table_{number}_{FLAGS.backbone}", title, METRICS, commands, rows, (*notes, *shared_notes())
    )


def table_of_grid():
    """Returns the rows, commands and notes of every aligner with every clusterer."""
    rows, commands = [], [start_command(), warmup_command()]
    for aligner in ALIGNERS:
        for pooler in POOLERS:
            trained = grid_command(aligner, pooler)
            measured = measurements(trained, (JOINED, BMVC14))
            commands += measured.values()
            paper = {JOINED: {}, BMVC14: {}, **PAPER_GRID.get(f"{aligner}-{pooler}", {})}
            rows.append(row(f"{aligner}-{pooler}", measured, paper))
    for label, method in GRID_BASELINES.items():
        flags = {**schedule("grid"), "method": method, "classes": str(CLASSES)}
        name = f"grid_{method}_{FLAGS.backbone}"
        measured = measurements(training(name, flags, {"weights": start_command().name}), (JOINED, BMVC14))
        commands += measured.values()
        rows.append(row(label, measured, {}))
    notes = (
        "MA is manifold alignment, LTM a linear transform learned from pairs, PCA a warp without pairs. The "
        "paper has 12 classes that it does not list, 1,000 sketches and 1,000 photos of each, Inception-v1 "
        "and, for both numbers, MidGrain12c; it prints the numbers of some bars of its figure alone. "
        "SS-triplet-HM and SS-contrast-HM, which it has on all classes alone, train here for as many steps "
        "as a row and its warm-up together.",
    )
    return tuple(rows), tuple(commands), notes


def table_2():
    """Returns the rows, commands and notes of the paper's Table 2."""
    start = measurements(start_command(), NAMES)
    rows, commands = [], [*start.values()]
    for label, method, printed in METHODS:
        mid_with, mid, level_with, level = map(float, printed.split())
        paper = {
            JOINED: {"mAP@all": level}, JOINED_WITH: {"mAP@all": level_with},
            BMVC14: {"mid_grain_mAP@all": mid}, BMVC14_WITH: {"mid_grain_mAP@all": mid_with},
        }  # fmt: skip
        if method is None:
            # Its model is not at hand.
            measured = {
                data: Command(f"sketchy_model_{name}", "evaluate", {}, is_runnable=False)
                for data, name in NAMES.items()
            }
        else:
            chosen = {"aligner": "manifold", "pooler": "gaussian_mixture"} if label == "MA-GMM" else {}
            own = OWN_SETTINGS.get(FLAGS.backbone, {}).get(method, {})
            flags = {**schedule("2"), "method": method, **chosen, **own}
            trained = training(f"{method}_{FLAGS.backbone}", flags, {"weights": start_command().name})
            measured = measurements(trained, NAMES)
        commands += measured.values()
        rows.append(row(label, measured, paper))
    rows.append(row("the start, nothing learned", start, {data: {} for data in NAMES}))
    notes = (
        "The paper's are 65 classes of MidGrain65c for all numbers, with 100,000 distractors. Sketchy is the "
        "published model of Sangkloy et al., which the paper did not train; it is not measured here.",
        f"The distractors are {NUM_DISTRACTORS} photos of shoes here, and shoe is one of the classes: a "
        "distractor may be right for a sketch of a shoe, and counts as wrong.",
    )
    return tuple(rows), tuple(commands), notes


def table_of_alpha():
    """Returns the rows, commands and notes of the weights of correspondences."""
    rows, commands = [], [start_command(), warmup_command()]
    for alpha in ALPHAS:
        trained = grid_command("MA", "GMM", alpha)
        measured = measurements(trained, (JOINED, BMVC14))
        commands += measured.values()
        rows.append(row(f"alpha {alpha:g}", measured, {JOINED: {}, BMVC14: {}}))
    notes = ("MA-GMM of the grid; the paper has no numbers beside its curve.",)
    return tuple(rows), tuple(commands), notes


def start_command():
    """Returns the training where all others start: ImageNet's weights, fitted to all training images once."""
    flags = {"method": "softmax", "steps": START_STEPS, "weights": path_of("weights")}
    return training(f"start_{FLAGS.backbone}", flags, {}, is_seeded=False)


def warmup_command():
    """Returns the warm-up on the 12 classes, which the rows on these share."""
    flags = {"method": "softmax", "steps": schedule("grid")["warmup_steps"], "classes": str(CLASSES)}
    return training(f"grid_warmup_{FLAGS.backbone}", flags, {"weights": start_command().name})


def grid_command(aligner, pooler, alpha=ALPHA):
    """Returns the training of a row on the 12 classes; the default weight is that of the grid's row."""
    name = f"grid_{ALIGNERS[aligner]}_{POOLERS[pooler]}_{FLAGS.backbone}"
    changes = {"method": "manifold_alignment", "aligner": ALIGNERS[aligner], "pooler": POOLERS[pooler]}
    if alpha != ALPHA:
        name, changes = f"alpha_{alpha:g}_{FLAGS.backbone}", {**changes, "correspondence_weight": alpha}
    steps = schedule("grid")
    steps |= {"steps": steps["steps"] - steps["warmup_steps"], "warmup_steps": 0}
    flags = {**steps, **changes, "classes": str(CLASSES)}
    return training(name, flags, {"weights": warmup_command().name})


def training(name, flags, needs, is_seeded=True):
    """Returns a command of the recipe."""
    settings = {
        **SETTINGS[FLAGS.backbone], "backbone": FLAGS.backbone, **joined(), "photo_input": "rgb", **flags,
    }  # fmt: skip
    is_runnable = None not in (FLAGS.sketchy_dir, FLAGS.quickdraw_dir)
    return Command(name, RECIPE, settings, needs, is_seeded, is_runnable)


def schedule(number):
    """Returns the flags of SCHEDULES, in proportion to `--steps` if that is given."""
    chosen = SCHEDULES[number]
    scale = 1 if FLAGS.steps is None else FLAGS.steps / chosen["steps"]
    return {name: max(1, round(scale * steps)) for name, steps in chosen.items()}


def measurements(trained, data):
    """Returns a dict from each of `data` to the command whose result is a training's on it.

    Of the joined test split that is the training itself.
    """
    found = {JOINED: trained}
    for one in data:
        if one == JOINED:
            continue
        given = joined() if one == JOINED_WITH else {"dataset": BMVC14, "data_dir": path_of("bmvc14_dir")}
        if one in (JOINED_WITH, BMVC14_WITH):
            given |= {"distractors_dir": path_of("distractors_dir"), "max_distractors": NUM_DISTRACTORS}
        is_given = all(value is not None for name, value in given.items() if name.endswith("_dir"))
        found[one] = Command(
            f"{trained.name}_{NAMES[one]}",
            "evaluate",
            {**given, "num_views": 1},
            is_seeded=trained.is_seeded,
            is_runnable=trained.is_runnable and is_given,
            measures=trained.name,
        )
    return found


def joined():
    """Returns the flags of Sketchy and Quick, Draw! side by side."""
    return {
        "dataset": "sketchy", "data_dir": path_of("sketchy_dir"),
        "more_dataset": "quickdraw", "more_data_dir": path_of("quickdraw_dir"),
    }  # fmt: skip


def row(label, measured, paper):
    """Returns a row from its measurements by data."""
    return Row(label, {data: command.name for data, command in measured.items()}, paper)


def shared_notes():
    """Returns the notes of all tables."""
    return (
        "The joined test split is that of Sketchy and Quick, Draw!, where a photo of the sketch's class is "
        "relevant. In bmvc14 a photo is relevant to mid-grain mAP where people rated it like the sketch; its "
        "classes are seven, of which one, train, is not trained on. The paper measures both on one set, "
        "MidGrain. One view counts, the centre.",
    )


def draw_alpha(made, path):
    """Draws how the metrics change with the weight of correspondences, of which two or more were measured.

    Returns: Whether it did.
    """
    runs = tables.schedule(made, tables.read_seeds(FLAGS.seeds), Path(os.path.abspath(FLAGS.workdir)))
    rows = tables.collect(made, runs)["rows"]
    curves = {}
    for data, metric in ((JOINED, "mAP@all"), (BMVC14, "mAP@all"), (BMVC14, "mid_grain_mAP@all")):
        values = [found["data"][data]["metrics"][metric]["values"] for found in rows]
        measured = {alpha: runs for alpha, runs in zip(ALPHAS, values, strict=True) if runs}
        if len(measured) > 1:
            curves[f"{data}, {metric.replace('_', ' ')}"] = measured
    if curves:
        figures.metric_sweep(curves, path, "weight of correspondences (alpha)", ALPHA)
    return bool(curves)


def main(_):
    for name in ("sketchy_dir", "quickdraw_dir"):
        if not FLAGS.collect and not FLAGS[name].value:
            raise InputError(f"`{name}` must be given, but to collect. Received: nothing")
    made = table(FLAGS.table)
    tables.make(made)
    if FLAGS.table == "alpha" and not FLAGS.dry_run:
        draw_alpha(made, Path(FLAGS.output) / f"{made.name}_curve.png")


if __name__ == "__main__":
    command.run(main)
