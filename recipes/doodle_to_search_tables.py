r"""The tables of Doodle to Search (Dey et al., CVPR 2019), measured on a part of Sketchy.

python -m recipes.doodle_to_search_tables --table=3 --workdir=runs/tables --data_dir=sketchy \
    --unseen_classes=unseen_21.txt --word_vectors=sketchy_word2vec.npz \
    --weights=squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5

    --table=3             attention, domain loss and semantic loss, one after the other, and the features of
                          the network before any training
    --table=conventions   the same runs in every convention of average precision
    --table=2             the full model beside CVAE, and on another split of the classes
                          (--more_unseen_classes)

Runs what the rows need, with every seed; what is finished is not run again. --table=3 also draws how well the
domain classifier tells the domains apart, with the reversal and without. What was measured here stands in
docs/doodle_to_search.md.
"""

from pathlib import Path

from absl import flags

from recipes import tables
from recipes.tables import Command, Row, Table, path_of
from tfsbir import command, figures
from tfsbir.errors import InputError
from tfsbir.runs import RunDirectory

FLAGS = flags.FLAGS
RECIPE = "doodle_to_search"
DATA = "Sketchy, 104 seen and 21 unseen classes"
OTHER = "Sketchy, 100 seen and 25 unseen classes"
METRICS = ("mAP@all", "mAP@200/found", "precision@200")
CONVENTIONS = ("mAP@all", "mAP@all/voc", "mAP@200/found", "mAP@200/min", "mAP@200/R", "mAP@200/voc")
# What every row of a network is trained with. The epochs of the paper's schedule are fewer here.
SETTINGS = {
    "pooled_squeezenet": {
        "precision": "mixed_bfloat16", "steps": 120, "batch_size": 32, "eval_every": 30, "patience": 4,
        "learning_rate": 5e-5, "projection_learning_rate": 1e-3, "head_learning_rate": 1e-3,
        "head_steps": 500, "margin": 0.3, "temperature": 1.0, "semantic_weight": 3.0, "domain_delay": 0.0,
        "domain_ramp": 1.0, "max_domain_factor": 0.01, "train_from": "fire5_squeeze1x1",
    },
    "vgg16": {},
}  # fmt: skip
NETWORKS = {"pooled_squeezenet": "SqueezeNet", "vgg16": "VGG-16"}
BASE = {"attention": False, "domain_weight": 0.0, "semantic_weight": 0.0}
NOTHING_LEARNED = {"steps": 1, "learning_rate": 0.0, "head_learning_rate": 0.0, "weight_decay": 0.0}
START = "frozen"  # ImageNet's weights, fitted to the training images once: where every other row starts.
# Label, name of the run, what differs from the full model, and the paper's mAP, mAP@200 and precision@200 as
# it prints them.
ROWS = (
    ("Triplet loss", "base", BASE, "30.20 38.90 30.91"),
    ("and attention", "attention", {"domain_weight": 0.0, "semantic_weight": 0.0}, "32.07 41.50 33.42"),
    ("and attention, domain", "domain", {"semantic_weight": 0.0}, "32.56 41.13 34.44"),
    ("and attention, semantics", "semantic", {"domain_weight": 0.0}, "33.92 41.46 35.86"),
    ("Full model", "full", {}, "36.91 46.06 37.04"),
    ("ImageNet features, nothing learned", START, None, ""),
    (
        "attention, domain with a reversal of 0",
        "reversal_0",
        {"semantic_weight": 0.0, "max_domain_factor": 0.0},
        "",
    ),
)
TITLES = {
    "2": "Table 2: beside CVAE, and on another split",
    "3": "Table 3: what each part adds",
    "conventions": "The rows of Table 3 in every convention",
}

flags.DEFINE_enum("table", None, sorted(TITLES), "Which table.", required=True)
flags.DEFINE_enum("backbone", "pooled_squeezenet", sorted(SETTINGS), "The network; vgg16 is the paper's.")
flags.DEFINE_string("data_dir", None, "Folder of the dataset sketchy.")
flags.DEFINE_string("unseen_classes", None, "File of the 21 classes to test on.")
flags.DEFINE_string("more_unseen_classes", None, "Of --table=2: file of the 25 classes of another split.")
flags.DEFINE_string("word_vectors", None, "Word vectors of the class names.")
flags.DEFINE_string(
    "weights", None,
    "ImageNet weights that all rows start from, a file or, of vgg16, `imagenet`; else from scratch.",
)  # fmt: skip
flags.DEFINE_integer("steps", None, "Steps of every row, in place of those of SETTINGS.", lower_bound=1)
tables.define_flags(output="results/doodle_to_search/tables")
flags.adopt_module_key_flags(tables.making)


def table(number):
    """Returns the table "2", "3" or "conventions" with the network of `--backbone`."""
    make = {"2": table_2, "3": table_3, "conventions": table_of_conventions}[number]
    return make(f"table_{number}_{FLAGS.backbone}", f"{TITLES[number]}, {NETWORKS[FLAGS.backbone]}")


def table_3(name, title):
    """Returns the paper's Table 3, a row of features that learned nothing, and one for the figure."""
    notes = (
        "The paper trains VGG-16 on Sketchy-Extended, with some 73,000 photos; here it is a part of Sketchy "
        "with 25 photos and 25 sketches of each class. Its mAP@200 is divided by the relevant photos that "
        "were found.",
        "Where the reversal is 0, the domain classifier learns and the encoders take no notice of it: it "
        "stands beside the row with the domain loss in the figure of the classifier's accuracy.",
    )  # fmt: skip
    return Table(name, title, METRICS, all_trained(), all_rows(), notes)


def table_of_conventions(name, title):
    """Returns the same runs in every convention; the paper's numbers stand in `table_3`."""
    notes = ("Each row is one ranking, measured in every way; docs/metrics.md says what these are.",)
    return Table(name, title, CONVENTIONS, all_trained(), all_rows(with_paper=False), notes)


def table_2(name, title):
    """Returns the paper's Table 2, without ZSIH, whose code was not published."""
    start = start_command()
    full = trained("full", {}, start)
    classes = {"unseen_classes": path_of("more_unseen_classes")}
    other_start = start_command(f"{START}_other_split", **classes)
    other = trained("full_other_split", classes, other_start)
    of_cvae = {
        key: value for key, value in shared_flags().items() if key not in ("word_vectors", "num_views")
    }
    cvae = Command(
        f"cvae_{FLAGS.backbone}",
        "zero_shot_cvae",
        {**of_cvae, "weights": imagenet_weights(), "eval_every": 50},
        is_runnable=full.is_runnable,
    )
    rows = (
        Row("CVAE", {DATA: cvae.name}, {DATA: printed("19.59 22.50 33.30")}),
        Row("Doodle to Search", {DATA: full.name}, {DATA: printed("36.91 46.06 37.04")}),
        Row("Doodle to Search, other classes", {OTHER: other.name}, {OTHER: {"mAP@all": 35.21}}),
    )
    notes = ("The paper gives one number of a random split into 100 seen and 25 unseen classes.",)
    return Table(name, title, METRICS, (cvae, start, full, other_start, other), rows, notes)


def all_trained():
    """Returns the commands of the rows of Table 3, and of that which is in the figure alone."""
    start = start_command()
    return (start, *(trained(name, changes, start) for _, name, changes, _ in ROWS if name != START))


def all_rows(with_paper=True):
    """Returns the rows of Table 3."""
    return tuple(
        Row(
            label,
            {DATA: f"{name}_{FLAGS.backbone}"},
            {DATA: printed(paper)} if paper and with_paper else {},
        )
        for label, name, _, paper in ROWS
    )


def start_command(name=START, **changes):
    """Returns the command of ImageNet's weights, fitted to the training images of a split once."""
    return Command(
        f"{name}_{FLAGS.backbone}",
        RECIPE,
        {**shared_flags(), **BASE, **NOTHING_LEARNED, "weights": imagenet_weights(), **changes},
        is_seeded=False,
        is_runnable=is_given(changes),
    )


def trained(name, changes, start):
    """Returns the command of a row, which starts from the run of another command."""
    steps = {} if FLAGS.steps is None else {"steps": FLAGS.steps}
    return Command(
        f"{name}_{FLAGS.backbone}",
        RECIPE,
        {**shared_flags(), **SETTINGS[FLAGS.backbone], **steps, **changes},
        {"weights": start.name},
        is_runnable=is_given(changes),
    )


def is_given(changes):
    """Returns whether there is all that training needs."""
    flags = {**shared_flags(), **changes}
    return all(flags[name] is not None for name in ("data_dir", "unseen_classes", "word_vectors"))


def shared_flags():
    """Returns the flags that all commands of the recipe have."""
    return {
        "dataset": "sketchy", "data_dir": path_of("data_dir"), "photo_input": "rgb",
        "backbone": FLAGS.backbone, "unseen_classes": path_of("unseen_classes"),
        "word_vectors": path_of("word_vectors"), "num_views": 1,
    }  # fmt: skip


def imagenet_weights():
    """Returns `--weights`: a path, made absolute, or the name by which VGG-16's are fetched."""
    return FLAGS.weights if FLAGS.weights == "imagenet" else path_of("weights")


def printed(numbers):
    """Returns the paper's numbers, a str of percents in the order of METRICS, as a dict."""
    return dict(zip(METRICS, map(float, numbers.split()), strict=True))


def draw_domain_accuracy(path):
    """Draws how well held-out sketches and photos are told apart in training, if both ways were run.

    Returns: Whether it did.
    """
    curves = {}
    factor = SETTINGS[FLAGS.backbone].get("max_domain_factor", 1.0)
    for method, name in (("reversal 0", "reversal_0"), (f"reversal growing to {factor:g}", "domain")):
        runs = [
            RunDirectory(Path(FLAGS.workdir) / f"{name}_{FLAGS.backbone}_seed{seed}")
            for seed in tables.read_seeds(FLAGS.seeds)
        ]
        points = [
            [
                (line["step"], line["validation/domain_accuracy"])
                for line in run.metrics()
                if "validation/domain_accuracy" in line
            ]
            for run in runs
            if run.result
        ]
        if not points:
            return False
        shortest = min(map(len, points))  # Early stopping ends some before others.
        curves[method] = [tuple(zip(*run[:shortest], strict=True)) for run in points]
    figures.learning_curves(curves, path, metric="accuracy of the domain classifier")
    return True


def main(_):
    for name in ("data_dir", "unseen_classes", "word_vectors"):
        if not FLAGS.collect and not FLAGS[name].value:
            raise InputError(f"`{name}` must be given, but to collect. Received: nothing")
    made = table(FLAGS.table)
    tables.make(made)
    if FLAGS.table == "3" and not FLAGS.dry_run:
        draw_domain_accuracy(Path(FLAGS.output) / f"{made.name}_domain_accuracy.png")


if __name__ == "__main__":
    command.run(main)
