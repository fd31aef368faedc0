"""The run directory of a recipe's command, from its start to its result."""

import atexit
import hashlib
import json
import os
import shutil
import sys
import tempfile

import numpy as np
from absl import flags

from recipes.common import strategies
from recipes.common.checkpoints import saved_steps
from recipes.common.data import photo_reader
from tfsbir import figures, files
from tfsbir.distances import distance_name
from tfsbir.preprocessing import Preprocessing
from tfsbir.runs import LOCK, RunDirectory

FLAGS = flags.FLAGS
# Flags that a resumed run may change. The data have a fingerprint; other replicas round differently, and
# all else in here leaves the numbers as they are.
MAY_DIFFER = (
    "workdir", "data_dir", "more_data_dir", "cache_dir", "num_workers", "log_every", "checkpoint_every",
    "strategy", "num_replicas", "jit",
)  # fmt: skip

flags.DEFINE_string("workdir", None, "The run directory; made, or resumed.", required=True)


def start_run(recipe, train, others, strategy=None, read_photo=None):
    """Opens the run directory with the config of this command and this data.

    Of several processes that train together only the first writes to it. The others get a copy of what it
    has, which is gone when they end; they read its checkpoints.

    Args:
        recipe: Name of the recipe.
        train: `Split` that is trained on.
        others: Dict from a name to what else decides the numbers and is not in a checkpoint: the `Split`s
            that are measured, a teacher's `RunDirectory`, an array, or bytes. A run that is resumed must have
            the same.
        strategy: `tf.distribute.Strategy` of a recipe that has one.
        read_photo: The `PhotoReader` of the data, by default the one that the flags ask for.
    Returns: `RunDirectory`.
    Raises: `InputError` as `RunDirectory.start`, or if the others are gone or see other checkpoints.
    """
    read_photo = photo_reader() if read_photo is None else read_photo
    flag_names = sorted({flag.name for flag in FLAGS.get_key_flags_for_module(sys.argv[0])})
    run = RunDirectory(FLAGS.workdir)
    config = {
        "recipe": recipe,
        "flags": {name: FLAGS[name].value for name in flag_names},
        "given_flags": {name: FLAGS[name].value for name in flag_names if FLAGS[name].present},
        "dataset": {
            "name": FLAGS.dataset,
            "data_dir": FLAGS.data_dir and os.path.abspath(FLAGS.data_dir),
            "photo_input": train.photo_input,
            "edge_model": read_photo.edge_model,
            "unseen_classes": FLAGS.unseen_classes and os.path.abspath(FLAGS.unseen_classes),
            "fingerprint": train.fingerprint,
        },
        "other_fingerprints": {name: _fingerprint(value) for name, value in others.items()},
    }
    if strategy is None or strategies.is_chief(strategy):
        run.start(config, may_differ=MAY_DIFFER)
    if strategy is not None:
        strategies.barrier(strategy)
        strategies.check_begins_with_all(strategy, max(saved_steps(run), default=0))
        if not strategies.is_chief(strategy):
            run = _copied(run)
            run.start(config, may_differ=MAY_DIFFER)
    return run


def _fingerprint(value):
    """Returns what tells a `Split`, a `RunDirectory`, an array or bytes from others."""
    if isinstance(value, RunDirectory):
        return value.fingerprint()
    if isinstance(value, (bytes, np.ndarray)):
        return hashlib.sha256(value if isinstance(value, bytes) else value.tobytes()).hexdigest()
    return value.fingerprint


def share(run, name, strategy):
    """Waits for a file of the first process' run directory, and gives the others theirs of it."""
    strategies.barrier(strategy)
    if not strategies.is_chief(strategy):
        files.write_bytes(run.path / name, (run.checkpoints.parent / name).read_bytes())


def _copied(run):
    folder = tempfile.mkdtemp(prefix="tfsbir-worker-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = RunDirectory(folder)
    for path in run.path.iterdir():
        if path.is_file() and path.name != LOCK and not path.name.startswith("."):
            shutil.copy(path, copy.path)
    copy.figures.mkdir()
    copy.checkpoints = run.checkpoints
    return copy


def save_pair(run, pair, train, classifier=None, distance=None, attributes=(), read_photo=None):
    """Writes the encoders of an `EncoderPair` and how images become their inputs.

    With them goes a classifier, or a distance other than `SquaredEuclidean`, if given. `attributes` are the
    names of those that the encoders predict. `read_photo` is as for `start_run`.
    """
    run.check_is_there()
    reader = photo_reader() if read_photo is None else read_photo
    preprocessing = Preprocessing(
        pair.sketch.input_shape[1],
        pair.sketch.output_shape[-1],
        train.photo_input,
        edge_model=reader.edge_model,
        edge_detector=reader.edge_detector,
        distance="squared_euclidean" if distance is None else distance_name(distance),
        attributes=attributes,
    )
    run.save_encoders(pair.sketch, pair.photo, preprocessing, classifier, train.class_names, distance)
    if pair.is_siamese:
        run.note(model="photo_encoder.keras is sketch_encoder.keras: the branches are siamese")


def finish_run(run, split_name, found, seconds):
    """Draws the curves and writes, last, the result of a run that has trained; prints it.

    Args:
        run: `RunDirectory` with its model.
        split_name: Name of the split that was measured.
        found: Dict of metrics on it.
        seconds: Seconds of training.
    """
    run.log_metrics(FLAGS.steps, {f"{split_name}/{name}": value for name, value in found.items()})
    figures.loss_curve(run.metrics(), run.figures / "loss_curve.png")
    result = {
        "recipe": run.config["recipe"],
        "dataset": FLAGS.dataset,
        "split": split_name,
        "seed": FLAGS.seed,
        "steps": FLAGS.steps,
        "seconds": round(seconds, 1),
        "metrics": found,
    }
    run.write_result(result)
    print_json(result)


def print_json(value):
    """Prints `value` as one JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
    sys.stdout.flush()
