"""Draws what the aligners of recipes.manifold_alignment do to one class.

python -m recipes.alignment_pictures --workdir=runs/manifold --class=cat

Writes `alignment_CLASS.png` (Fig. 3 of the paper): the embeddings of the class's sketches and photos as they
are, and aligned by each of the three aligners, with a line between a sketch and its own photo. Everything is
read from the run directory and from the data that its config.json names. The paper shows embeddings from the
beginning of training; a run of few steps has these.
"""

from pathlib import Path

import numpy as np
from absl import flags

from recipes.common import encoders, evaluation
from recipes.common.keep_classes import keep_classes
from recipes.common.shared_classes import shared_classes
from tfsbir import alignment, command, figures
from tfsbir.data.class_lists import class_key
from tfsbir.data.datasets import load
from tfsbir.data.join import join
from tfsbir.errors import InputError
from tfsbir.runs import RunDirectory

FLAGS = flags.FLAGS
MOST = 200  # Sketches, and photos: more would hide each other, and take longer to encode.

flags.DEFINE_string("workdir", None, "The run directory.", required=True)
flags.DEFINE_string("class", None, "Name of the class that is aligned.", required=True)
flags.DEFINE_string("split", "train", "Split of the run's data.")
flags.DEFINE_string("output", None, "Folder of the PNG; by default the run's figures/.")


def main(_):
    run, name = RunDirectory(FLAGS.workdir), class_key(FLAGS["class"].value)
    split = load_split(run)
    if name not in split.class_names:
        raise InputError(
            f"`class` must be one of {', '.join(split.class_names[:20])}"
            f"{', ..' if len(split.class_names) > 20 else ''}. Received: {name}"
        )
    split = some_of(split, name)
    pairs = np.stack([split.paired_sketches, split.sketch_photo[split.paired_sketches]], axis=1)
    if not len(pairs):
        raise InputError(f"`class` must have sketches with a photo of their own. Received: {name}")
    pair = encoders.load_pair(run)
    sketch = evaluation.encode_images(pair.sketch, split.sketches)
    photo = evaluation.encode_images(pair.photo, split.photos)
    output = run.figures if FLAGS.output is None else Path(FLAGS.output)
    output.mkdir(parents=True, exist_ok=True)
    figures.domain_scatter(
        aligned(sketch, photo, pairs), output / f"alignment_{name}.png", pairs=pairs,
        title=f"{name}, {split.name} {split.split}: {len(sketch)} sketches, {len(photo)} photos",
    )  # fmt: skip


def load_split(run):
    """Returns the split that the run's config.json names: its data sets side by side, of its classes."""
    config, reader = run.config, run.preprocessing().photo_reader
    given = config["flags"]
    parts = [load(config["dataset"]["name"], config["dataset"]["data_dir"], FLAGS.split, reader)]
    if given.get("more_dataset"):
        parts.append(load(given["more_dataset"], given["more_data_dir"], FLAGS.split, reader))
    return keep_classes(join(parts), shared_classes(parts, given.get("classes")))


def some_of(split, name):
    """Keeps one class, and of it the sketches with a photo of their own and others up to a number."""
    split = keep_classes(split, [name])
    own_first = np.argsort(split.sketch_photo < 0, kind="stable")
    photos = np.argsort(~np.isin(np.arange(len(split.photos)), split.sketch_photo), kind="stable")
    return split.subset(photos[:MOST], own_first[:MOST])


def aligned(sketch, photo, pairs):
    """Returns a dict from titles to the embeddings of sketches and photos, before and after each aligner."""
    stages = {"no alignment": (sketch, photo)}
    for title, aligner in {
        "PCA": alignment.PCAWarp(),
        "LTM": alignment.LinearTransform(),
        "MA": alignment.ManifoldAlignment(),
    }.items():
        aligner.fit(sketch, photo, pairs=pairs)
        stages[title] = aligner.transform_sketch(sketch), aligner.transform_photo(photo)
    return stages


if __name__ == "__main__":
    command.run(main)
