"""Which data a recipe trains and evaluates on."""

import os

import numpy as np
from absl import flags

from recipes.common.keep_classes import keep_classes
from recipes.common.shared_classes import shared_classes
from tfsbir.data.cached import cached
from tfsbir.data.datasets import DATASETS, load
from tfsbir.data.held_out import held_out
from tfsbir.data.join import join
from tfsbir.data.photo_reader import PhotoReader
from tfsbir.data.with_more_sketches import with_more_sketches
from tfsbir.errors import InputError

FLAGS = flags.FLAGS

flags.DEFINE_enum("dataset", None, sorted(DATASETS), "The dataset.", required=True)
flags.DEFINE_string("data_dir", None, "Folder of the dataset; `synthetic` needs none.")
flags.DEFINE_string(
    "unseen_classes", None,
    "Zero-shot: a file of class names, one a line. The test split is these, the training split all others.",
)  # fmt: skip
flags.DEFINE_string(
    "cache_dir", None,
    "Folder to keep edge maps and, of large datasets, decoded images (as TFRecords) in, for the next run.",
)  # fmt: skip
flags.DEFINE_integer(
    "num_workers", 2, "Processes that read files and draw strokes; 0 does it in the process itself.",
    lower_bound=0,
)  # fmt: skip


def define_photo_flags(photo_input="edges"):
    """Declares the flags of `photo_reader`, with a recipe's own default."""
    flags.DEFINE_enum("photo_input", photo_input, ["edges", "rgb"], "What the photo branch sees.")
    flags.DEFINE_string(
        "edge_model", None,
        "OpenCV's model of structured forests (model.yml.gz) to make edge maps with, in place of Canny.",
    )  # fmt: skip


def define_more_data_flags():
    """Declares which data set is trained on beside `--dataset`."""
    flags.DEFINE_enum(
        "more_dataset", None, sorted(DATASETS),
        "A second data set to train on. Where a recipe learns categories, it is put beside --dataset (of a "
        "zero-shot split: what it has of the seen classes); where it learns pairs, its sketches of photos "
        "with the same id are added.",
    )  # fmt: skip
    flags.DEFINE_string("more_data_dir", None, "Folder of --more_dataset.")


def define_training_data_flags():
    """Declares the flags of `load_pairs` and `load_categories`, for a recipe that trains."""
    define_photo_flags()
    define_more_data_flags()
    flags.DEFINE_multi_string(
        "more_splits", ["train"],
        "Splits of --more_dataset whose sketches are added to pairs, each with a flag of its own; also its "
        "test split, where that is of photos which --dataset trains on.",
    )  # fmt: skip
    define_holdout_flag()


def define_holdout_flag():
    """Declares the share of the training photos to choose hyper-parameters on."""
    flags.DEFINE_float(
        "holdout",
        0.0,
        "Share of the training photos to leave out and evaluate on in place of the test split: how to "
        "choose hyper-parameters.",
        lower_bound=0.0,
        upper_bound=0.9,
    )


def define_classes_flag():
    """Declares the flag of `load_shared_categories`."""
    flags.DEFINE_string(
        "classes", None,
        "A file of class names, one a line: only these are learned, out of those that all data sets have.",
    )  # fmt: skip


def define_zero_shot_flags():
    """Declares the flags of `load_zero_shot`."""
    define_more_data_flags()
    flags.DEFINE_float(
        "validation_share", 0.1,
        "Share of the seen classes to leave out of training, to tell on them when it is at its best.",
        lower_bound=0.0, upper_bound=0.9,
    )  # fmt: skip


def photo_reader():
    """Returns the `PhotoReader` that the flags ask for."""
    if FLAGS.edge_model is not None and FLAGS.photo_input == "rgb":
        raise InputError(f"`edge_model` goes with `photo_input` edges. Received: {FLAGS.edge_model} with rgb")
    # Whoever opens the run later may stand in another folder.
    edge_model = FLAGS.edge_model and os.path.abspath(FLAGS.edge_model)
    return PhotoReader(FLAGS.photo_input, edge_model, FLAGS.cache_dir)


def load_split(name, read_photo, pool=None):
    """Returns the split `name` of the dataset that the flags name."""
    split = load(FLAGS.dataset, FLAGS.data_dir, name, read_photo, FLAGS.unseen_classes)
    return split if FLAGS.cache_dir is None else cached(split, FLAGS.cache_dir, pool)


def load_pairs(pool=None):
    """Returns the split to train pairs on, the one to evaluate on, and that one's name.

    The sketches of `--more_dataset` are trained on and never evaluated on.
    """
    _check_has(*(("train",) if FLAGS.holdout else ("train", "test")))
    train = load_split("train", photo_reader(), pool)
    num_drawn = _num_drawn(train)
    if num_drawn < 2:
        raise InputError(
            f"{FLAGS.data_dir}: expected 2 training photos with a sketch or more; found {num_drawn}"
        )
    if FLAGS.holdout:
        train, test = train.holdout(FLAGS.holdout, seed=0)
    else:
        test = load_split("test", photo_reader(), pool)
    if FLAGS.batch_size > _num_drawn(train):
        raise InputError(
            f"`batch_size` must be at most {_num_drawn(train)}, the training photos that have a sketch. "
            f"Received: {FLAGS.batch_size}"
        )
    if FLAGS.more_dataset is not None:
        for name in FLAGS.more_splits:
            train = with_more_sketches(train, more_split(name, pool))
    return train, test, "holdout" if FLAGS.holdout else "test"


def load_categories(pool=None):
    """Returns the split to learn categories from, the one to evaluate on, and that one's name.

    Both are `--dataset` and `--more_dataset` side by side, classes of one name merged.
    """
    _check_has(*(("train",) if FLAGS.holdout else ("train", "test")))
    train, test = (
        None if name == "test" and FLAGS.holdout else join(_parts(name, pool)) for name in ("train", "test")
    )
    if FLAGS.holdout:
        train, test = train.holdout(FLAGS.holdout, seed=0)
    return train, test, "holdout" if FLAGS.holdout else "test"


def load_shared_categories(pool=None):
    """Returns what `load_categories` does, of the classes alone that all data sets named have.

    Kept are the classes of which each data set has something to train on, and all together both sketches and
    photos; of these, with `--classes`, those that the file names. The classes of both splits are the same, in
    the same order.

    Raises: `InputError` as `shared_classes`, or if there is no sketch or no photo to evaluate on.
    """
    _check_has(*(("train",) if FLAGS.holdout else ("train", "test")))
    parts = _parts("train", pool)
    class_names = shared_classes(parts, FLAGS.classes)
    train = keep_classes(join(parts), class_names)
    if FLAGS.holdout:
        train, test = train.holdout(FLAGS.holdout, seed=0)
    else:
        test = keep_classes(join(_parts("test", pool)), class_names)
    if not len(test.sketches) or not len(test.photos):
        raise InputError(
            f"`dataset` must have sketches and photos of the {len(class_names)} classes to evaluate on. "
            f"Received: {len(test.sketches)} sketches and {len(test.photos)} photos"
        )
    return train, test, "holdout" if FLAGS.holdout else "test"


def load_zero_shot(pool=None, read_photo=None):
    """Returns the splits to train on, to choose by, and to test on; no class is in two of them.

    The first two share the seen classes: which are held out hangs on their names alone (`held_out`). The
    last has the unseen classes. What `--more_dataset` has of the classes trained on is trained on, too, and
    nothing else of it is used. `read_photo` is a `PhotoReader`, by default that of the flags.

    Raises: `InputError` if no list of unseen classes is given, or fewer than two classes are held out, or
        left.
    """
    if FLAGS.unseen_classes is None:
        raise InputError(
            "`unseen_classes` must name a file of the classes to test on, which are not trained on. "
            "Received: nothing"
        )
    read_photo = photo_reader() if read_photo is None else read_photo
    seen = load_split("train", read_photo, pool)
    held = held_out(seen.class_names, FLAGS.validation_share)
    kept = tuple(name for name in seen.class_names if name not in held)
    if min(len(held), len(kept)) < 2:
        raise InputError(
            f"`validation_share` must leave 2 of the {len(seen.class_names)} seen classes or more on either "
            f"side. Received: {FLAGS.validation_share}, which holds out {len(held)}"
        )
    validation = keep_classes(seen, tuple(name for name in seen.class_names if name in held))
    train = seen if FLAGS.more_dataset is None else join([seen, more_split("train", pool, read_photo)])
    return keep_classes(train, kept), validation, load_split("test", read_photo, pool)


def _parts(name, pool):
    parts = [load_split(name, photo_reader(), pool)]
    if FLAGS.more_dataset is not None:
        parts.append(more_split(name, pool))
    return parts


def more_split(name, pool=None, read_photo=None):
    """Returns the split `name` of `--more_dataset`; `read_photo` as for `load_zero_shot`."""
    read_photo = photo_reader() if read_photo is None else read_photo
    split = load(FLAGS.more_dataset, FLAGS.more_data_dir, name, read_photo)
    return split if FLAGS.cache_dir is None else cached(split, FLAGS.cache_dir, pool)


def _check_has(*names):
    for name in FLAGS.more_splits:
        if FLAGS.more_dataset is not None and name not in DATASETS[FLAGS.more_dataset].splits:
            raise InputError(
                f"`more_splits` must be of {', '.join(DATASETS[FLAGS.more_dataset].splits)}, those of "
                f"{FLAGS.more_dataset}. Received: {name}"
            )
    for dataset in filter(None, (FLAGS.dataset, FLAGS.more_dataset)):
        for name in names:
            if name not in DATASETS[dataset].splits:
                raise InputError(
                    f"`dataset` must have a split to {name}. Received: {dataset}, which has none"
                )


def _num_drawn(split):
    return len(np.unique(split.sketch_photo[split.paired_sketches]))
