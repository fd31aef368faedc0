"""Measures a trained run on any dataset, and prints the result as JSON.

python -m recipes.evaluate --workdir=runs/shoes --dataset=qmul_v1 --data_dir=shoes --split=test

The numbers are those of the papers: acc@1 and acc@10 over all photos of the split, and, where people
annotated it, the share of their triplets that the distances order as they did (triplet_accuracy). Each
distance is the mean over ten views: the four corners and the centre, each mirrored too.
"""

import dataclasses

from absl import flags

from recipes.common import data, encoders, evaluation, running
from tfsbir import command
from tfsbir.data.worker_pool import worker_pool
from tfsbir.errors import InputError
from tfsbir.runs import RunDirectory

FLAGS = flags.FLAGS

flags.DEFINE_string("split", "test", "Split of the dataset.")
flags.DEFINE_enum("num_views", "10", ["1", "10"], "Views that the distances are averaged over.")
flags.DEFINE_string("sheet", None, "PNG to draw ranked results on.")
for module in (data, running):
    flags.adopt_module_key_flags(module)


def main(_):
    run = RunDirectory(FLAGS.workdir)
    config, preprocessing = run.config, run.preprocessing()
    read_photo = dataclasses.replace(preprocessing.photo_reader, cache_dir=FLAGS.cache_dir)
    split = data.load_split(FLAGS.split, read_photo, worker_pool(FLAGS.num_workers))
    if len(split.paired_sketches) == 0:
        raise InputError(
            f"`dataset` must have sketches with a photo of their own in {FLAGS.split}. "
            f"Received: {FLAGS.dataset}, which has none there"
        )
    if split.photo_input != preprocessing.photo_input:
        raise InputError(
            f"`dataset` must give photos as {preprocessing.photo_input}, as {run.path} was trained. "
            f"Received: {split.photo_input}"
        )
    pair = encoders.load_pair(run)
    found, distances = evaluation.evaluator(pair, split, run.load_distance())(num_views=int(FLAGS.num_views))
    if FLAGS.sheet:
        evaluation.draw_ranked_results(split, distances, FLAGS.sheet)
    running.print_json({
        "recipe": config["recipe"],
        "workdir": str(run.path),
        "fingerprint": run.fingerprint(),
        "dataset": FLAGS.dataset,
        "split": FLAGS.split,
        "num_sketches": len(split.sketches),
        "num_photos": len(split.photos),
        "num_views": int(FLAGS.num_views),
        "metrics": found,
    })  # fmt: skip


if __name__ == "__main__":
    command.run(main)
