"""Draws where a run of spatial_semantic_attention looks, and what it finds beside a base model.

python -m recipes.attention_pictures --workdir=runs/full --base_run=runs/base --dataset=qmul_v1 \
    --data_dir=shoes --output=pictures

Writes `attention.png` (Fig. 4 of the paper: sketches and their photos with the attention on them) and, with
--base_run, `compared_results.png` (Fig. 5: what each of the two runs ranks first). Sketches are evenly spread
over the split. Colours end in red at three times the attention of a uniform map.
"""

import dataclasses
from pathlib import Path

from absl import flags

from recipes.common import attention_figures, data, encoders, evaluation, running
from tfsbir import command
from tfsbir.data.worker_pool import worker_pool
from tfsbir.errors import InputError
from tfsbir.models.attended_encoder import ATTENTION
from tfsbir.runs import RunDirectory

FLAGS = flags.FLAGS

flags.DEFINE_string("base_run", None, "Run directory of the model to compare with.")
flags.DEFINE_string("output", None, "Folder of the PNGs; made if there is none.", required=True)
flags.DEFINE_string("split", "test", "Split of the dataset.")
flags.DEFINE_enum("num_views", "10", ["1", "10"], "Views that the distances are averaged over.")
for module in (data, running):
    flags.adopt_module_key_flags(module)


def main(_):
    run = RunDirectory(FLAGS.workdir)
    preprocessing, backbone = run.preprocessing(), run.config["flags"]["backbone"]
    pair = encoders.load_pair(run)
    if ATTENTION not in [layer.name for layer in pair.sketch.layers]:
        raise InputError(f"{run.path}: expected a run with attention; its encoders have none")
    read_photo = dataclasses.replace(preprocessing.photo_reader, cache_dir=FLAGS.cache_dir)
    split = data.load_split(FLAGS.split, read_photo, worker_pool(FLAGS.num_workers))
    if len(split.paired_sketches) == 0:
        raise InputError(f"`dataset` must have sketches with a photo of their own. Received: {FLAGS.dataset}")
    base = RunDirectory(FLAGS.base_run) if FLAGS.base_run else None
    if base is not None and base.preprocessing().photo_input != preprocessing.photo_input:
        raise InputError(
            f"{base.path}: expected a run on photos as {preprocessing.photo_input}; "
            f"found {base.preprocessing().photo_input}"
        )
    output = Path(FLAGS.output)
    output.mkdir(parents=True, exist_ok=True)
    attention_figures.draw_attention_pairs(pair, split, backbone, output / "attention.png")
    if base is not None:
        found, base_found = distances(run, pair, split), distances(base, encoders.load_pair(base), split)
        path = output / "compared_results.png"
        attention_figures.draw_compared_results(pair, split, found, base_found, backbone, path)


def distances(run, pair, split):
    """Returns the distances between a split's sketches and photos by a run's own distance."""
    _, found = evaluation.evaluator(pair, split, run.load_distance())(num_views=int(FLAGS.num_views))
    return found


if __name__ == "__main__":
    command.run(main)
