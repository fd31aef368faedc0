"""Measures a trained run on any dataset, and prints the result as JSON.

python -m recipes.evaluate --workdir=runs/shoes --dataset=qmul_v1 --data_dir=shoes --split=test
python -m recipes.evaluate --workdir=runs/objects --dataset=bmvc14 --data_dir=bmvc14 --distractors_dir=photos

The numbers are those of the papers: acc@1 and acc@10 over all photos of the split, and, where people
annotated it, the share of their triplets that the distances order as they did (triplet_accuracy). Where there
are several classes, also precision@1 and mAP@all of finding photos of a sketch's class; where people rated
pairs, mAP@all of finding what they rated alike (mid_grain_mAP@all; see docs/metrics.md). Each distance is the
mean over ten views: the four corners and the centre, each mirrored too.

With --distractors_dir the photos of a folder are in the gallery too, and none of them is relevant. The names
of the metrics stay the same. The result says how many were added (num_distractors; they count in num_photos),
and, of each mAP, how many sketches have no relevant photo and are left out (num_left_out).
"""

import dataclasses

import numpy as np
from absl import flags

from recipes.common import data, encoders, evaluation, running
from recipes.common.keep_classes import keep_classes
from recipes.common.shared_classes import shared_classes
from tfsbir import command
from tfsbir.data.datasets import DATASETS, load
from tfsbir.data.join import join
from tfsbir.data.with_distractors import with_distractors
from tfsbir.data.worker_pool import worker_pool
from tfsbir.errors import InputError
from tfsbir.metrics import RELEVANCE_THRESHOLD
from tfsbir.runs import RunDirectory

FLAGS = flags.FLAGS

flags.DEFINE_string("split", "test", "Split of the dataset.")
flags.DEFINE_enum("num_views", "10", ["1", "10"], "Views that the distances are averaged over.")
flags.DEFINE_enum(
    "more_dataset", None, sorted(DATASETS),
    "A second data set to measure beside --dataset, on the classes that both have.",
)  # fmt: skip
flags.DEFINE_string("more_data_dir", None, "Folder of --more_dataset.")
flags.DEFINE_string(
    "classes", None, "With --more_dataset: a file of class names, one a line; only these are measured."
)
flags.DEFINE_string("sheet", None, "PNG to draw ranked results on.")
flags.DEFINE_string(
    "distractors_dir", None, "Folder of photos to add to the gallery, in a class of their own (Table 2)."
)  # fmt: skip
flags.DEFINE_integer(
    "max_distractors", None, "How many photos of --distractors_dir to add at most; by default all.",
    lower_bound=1,
)  # fmt: skip
flags.DEFINE_integer(
    "relevance_threshold", RELEVANCE_THRESHOLD,
    "Of a dataset with ratings: a photo is relevant to a sketch if its ratings sum to this or more (bmvc14 "
    "has four, of 0 to 2).",
    lower_bound=1,
)  # fmt: skip
for module in (data, running):
    flags.adopt_module_key_flags(module)


def main(_):
    if FLAGS.max_distractors is not None and FLAGS.distractors_dir is None:
        raise InputError(
            f"`max_distractors` goes with `distractors_dir`. Received: {FLAGS.max_distractors} without it"
        )
    run = RunDirectory(FLAGS.workdir)
    config, preprocessing = run.config, run.preprocessing()
    read_photo = dataclasses.replace(preprocessing.photo_reader, cache_dir=FLAGS.cache_dir)
    split = load_split(read_photo)
    check_measurable(split)
    if split.photo_input != preprocessing.photo_input:
        raise InputError(
            f"`dataset` must give photos as {preprocessing.photo_input}, as {run.path} was trained. "
            f"Received: {split.photo_input}"
        )
    num_own = len(split.photos)
    if FLAGS.distractors_dir is not None:
        split = with_distractors(split, FLAGS.distractors_dir, read_photo, FLAGS.max_distractors)
    relevance = evaluation.relevance(split, FLAGS.relevance_threshold)
    pair = encoders.load_pair(run)
    evaluate = evaluation.evaluator(pair, split, run.load_distance(), FLAGS.relevance_threshold)
    found, distances = evaluate(num_views=int(FLAGS.num_views))
    if FLAGS.sheet:
        evaluation.draw_ranked_results(
            split, distances, FLAGS.sheet, relevance_threshold=FLAGS.relevance_threshold
        )
    running.print_json({
        "recipe": config["recipe"],
        "workdir": str(run.path),
        "fingerprint": run.fingerprint(),
        "dataset": FLAGS.dataset,
        "split": FLAGS.split,
        "num_sketches": len(split.sketches),
        "num_photos": len(split.photos),
        "num_distractors": len(split.photos) - num_own,
        "num_left_out": {
            name: int(np.count_nonzero(~relevant.any(axis=1))) for name, relevant in relevance.items()
        },
        "relevance_threshold": None if split.ratings is None else FLAGS.relevance_threshold,
        "num_views": int(FLAGS.num_views),
        "metrics": found,
    })  # fmt: skip


def load_split(read_photo):
    """Returns the split to measure, of one data set or of two side by side."""
    split = data.load_split(FLAGS.split, read_photo, worker_pool(FLAGS.num_workers))
    if FLAGS.more_dataset is None:
        if FLAGS.classes is not None:
            raise InputError(f"`classes` goes with `more_dataset`. Received: {FLAGS.classes} without it")
        return split
    parts = [split, load(FLAGS.more_dataset, FLAGS.more_data_dir, FLAGS.split, read_photo)]
    return keep_classes(join(parts), shared_classes(parts, FLAGS.classes))


def check_measurable(split):
    """Raises `InputError` unless there is something to measure on a split, with the flags given."""
    can_be_found = len(split.paired_sketches) or evaluation.has_categories(split)
    if not (len(split.sketches) and len(split.photos) and can_be_found):
        raise InputError(
            "`dataset` must have photos, and sketches with a photo of their own or of several classes, in "
            f"{FLAGS.split}. Received: {FLAGS.dataset}, which has not"
        )
    if split.ratings is None:
        if FLAGS["relevance_threshold"].present:
            raise InputError(
                "`relevance_threshold` goes with a dataset that has ratings. "
                f"Received: {FLAGS.relevance_threshold} with {FLAGS.dataset}"
            )
    elif not evaluation.relevance(split, FLAGS.relevance_threshold)["mid_grain_mAP@all"].any():
        raise InputError(
            "`relevance_threshold` must leave a relevant photo for some sketch. "
            f"Received: {FLAGS.relevance_threshold}, by which there is none in {FLAGS.dataset}"
        )


if __name__ == "__main__":
    command.run(main)
