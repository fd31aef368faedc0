r"""Measures a trained run on any dataset, and prints the result as JSON.

python -m recipes.evaluate --workdir=runs/shoes --dataset=qmul_v1 --data_dir=shoes --split=test
python -m recipes.evaluate --workdir=runs/objects --dataset=bmvc14 --data_dir=bmvc14 --distractors_dir=photos

The numbers are those of the papers: acc@1 and acc@10 over all photos of the split, and, where people
annotated it, the share of their triplets that the distances order as they did (triplet_accuracy). Where there
are several classes, also precision@1 and mAP@all of finding photos of a sketch's class; where people rated
pairs, mAP@all of finding what they rated alike (mid_grain_mAP@all; see docs/metrics.md). Each distance is the
mean over ten views: the four corners and the centre, each mirrored too.

python -m recipes.evaluate --workdir=runs/zero_shot --dataset=sketchy --data_dir=sketchy \
    --unseen_classes=unseen.txt --generalized --codes=64 --report=report

With --unseen_classes, or with --k, mAP and precision of finding photos of the sketch's class are in every
convention (docs/metrics.md). --generalized puts the photos of the seen classes, those of the training split,
into the gallery, too (num_seen_photos; they count in num_photos); the sketches stay those of unseen classes,
and relevant is what is of the sketch's class. --codes=64 also measures binary codes of so many bits, learned
by iterative quantization from the training split and compared by Hamming distance. --report=DIR writes how
well each class is found, which are confused, and the best and the worst queries as contact sheets.

With --distractors_dir the photos of a folder are in the gallery too, and none of them is relevant. The names
of the metrics stay the same. The result says how many were added (num_distractors; they count in num_photos),
and, of each mAP, how many sketches have no relevant photo and are left out (num_left_out).
"""

import dataclasses

from absl import flags

from recipes.common import data, encoders, evaluation, running
from recipes.common.category_report import write_report
from recipes.common.code_distances import checked_num_bits, code_distances
from recipes.common.keep_classes import keep_classes
from recipes.common.shared_classes import shared_classes
from tfsbir import command
from tfsbir.data.datasets import DATASETS, load
from tfsbir.data.join import join
from tfsbir.data.with_distractors import with_distractors
from tfsbir.data.with_seen_photos import with_seen_photos
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
flags.DEFINE_bool(
    "generalized", False,
    "With --unseen_classes: the photos of the seen classes, those of the training split, are in the gallery, "
    "too.",
)  # fmt: skip
flags.DEFINE_multi_integer(
    "k", None,
    "Cut-offs of mAP@k and precision@k in every convention, each with a flag of its own; by default 100 and "
    "200 with --unseen_classes, else none.",
    lower_bound=2,
)  # fmt: skip
flags.DEFINE_integer(
    "codes", None, "Bits of binary codes to measure beside the embeddings, a multiple of 8.", lower_bound=8
)
flags.DEFINE_string(
    "report", None,
    "Folder to write a report of the classes to: average precision of each, the most confused pairs, and the "
    "best and worst queries.",
)  # fmt: skip
for module in (data, running):
    flags.adopt_module_key_flags(module)


def main(_):
    check_flags()
    run = RunDirectory(FLAGS.workdir)
    config, preprocessing = run.config, run.preprocessing()
    if FLAGS.codes is not None:
        checked_num_bits(FLAGS.codes, preprocessing)
    read_photo = dataclasses.replace(preprocessing.photo_reader, cache_dir=FLAGS.cache_dir)
    split = load_split(read_photo)
    check_measurable(split)
    if split.photo_input != preprocessing.photo_input:
        raise InputError(
            f"`dataset` must give photos as {preprocessing.photo_input}, as {run.path} was trained. "
            f"Received: {split.photo_input}"
        )
    train = load_train(read_photo) if FLAGS.generalized or FLAGS.codes else None
    num_unseen = len(split.photos)
    if FLAGS.generalized:
        split = with_seen_photos(split, train)
    num_own = len(split.photos)
    if FLAGS.distractors_dir is not None:
        split = with_distractors(split, FLAGS.distractors_dir, read_photo, FLAGS.max_distractors)
    ks = cut_offs()
    pair = encoders.load_pair(run)
    evaluate = evaluation.evaluator(pair, split, run.load_distance(), FLAGS.relevance_threshold, ks)
    found, distances = evaluate(num_views=int(FLAGS.num_views))
    codes = None if FLAGS.codes is None else measure_codes(pair, train, split, distances, ks)
    if FLAGS.report:
        write_report(split, distances, FLAGS.report, ks)
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
        "num_seen_photos": num_own - num_unseen,
        "num_distractors": len(split.photos) - num_own,
        "num_left_out": evaluation.num_left_out(split, FLAGS.relevance_threshold),
        "relevance_threshold": None if split.ratings is None else FLAGS.relevance_threshold,
        "num_views": int(FLAGS.num_views),
        "metrics": found,
        "codes": codes,
    })  # fmt: skip


def check_flags():
    """Raises `InputError` if flags do not go together."""
    if FLAGS.max_distractors is not None and FLAGS.distractors_dir is None:
        raise InputError(
            f"`max_distractors` goes with `distractors_dir`. Received: {FLAGS.max_distractors} without it"
        )
    if FLAGS.generalized and (FLAGS.unseen_classes is None or FLAGS.split != "test"):
        raise InputError(
            "`generalized` goes with `unseen_classes` and the split test. "
            f"Received: {FLAGS.unseen_classes} and {FLAGS.split}"
        )
    if FLAGS.codes is not None and (
        FLAGS.more_dataset is not None or "train" not in DATASETS[FLAGS.dataset].splits
    ):
        raise InputError(
            "`codes` goes with one dataset that has a split to train, which they are fitted on. "
            f"Received: {', '.join(filter(None, (FLAGS.dataset, FLAGS.more_dataset)))}"
        )


def load_train(read_photo):
    """Returns the training split, whose photos `--generalized` adds and which codes are fitted on."""
    return data.load_split("train", read_photo, worker_pool(FLAGS.num_workers))


def cut_offs():
    """Returns the cut-offs of the metrics, a tuple."""
    if FLAGS.k is not None:
        return tuple(sorted(set(FLAGS.k)))
    return evaluation.KS if FLAGS.unseen_classes else ()


def measure_codes(pair, train, split, distances, ks):
    """Returns what binary codes find, as a dict."""
    hamming, num_images = code_distances(pair, train, distances, split.photo_ids, FLAGS.codes)
    return {
        "num_bits": FLAGS.codes,
        "num_training_images": num_images,
        "metrics": evaluation.measure(hamming, split, FLAGS.relevance_threshold, ks),
    }


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
    left_out = evaluation.num_left_out(split, FLAGS.relevance_threshold)
    if FLAGS.report and left_out.get("mAP@all", len(split.sketches)) == len(split.sketches):
        raise InputError(
            "`report` goes with a dataset of several classes that have sketches and photos. "
            f"Received: {FLAGS.dataset}, which has not"
        )
    if split.ratings is None:
        if FLAGS["relevance_threshold"].present:
            raise InputError(
                "`relevance_threshold` goes with a dataset that has ratings. "
                f"Received: {FLAGS.relevance_threshold} with {FLAGS.dataset}"
            )
    elif left_out["mid_grain_mAP@all"] == len(split.sketches):
        raise InputError(
            "`relevance_threshold` must leave a relevant photo for some sketch. "
            f"Received: {FLAGS.relevance_threshold}, by which there is none in {FLAGS.dataset}"
        )


if __name__ == "__main__":
    command.run(main)
