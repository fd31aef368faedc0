"""The run directory: the one thing that passes from training to everything after it."""

import hashlib
import json
import platform
import subprocess
import weakref
from importlib import metadata
from pathlib import Path

from tfsbir import files
from tfsbir.data.datasets import load
from tfsbir.data.photo_reader import PhotoReader
from tfsbir.distances import SquaredEuclidean, distance_name, load_distance, save_distance
from tfsbir.errors import InputError
from tfsbir.models.trained_model import load_trained_model
from tfsbir.preprocessing import Preprocessing

PACKAGES = ("tfsbir", "tensorflow", "keras", "numpy", "opencv-contrib-python-headless", "pillow")
SKETCH_ENCODER, PHOTO_ENCODER = "sketch_encoder.keras", "photo_encoder.keras"
DISTANCE = "distance.keras"
CLASSIFIER, CLASSES = "classifier.keras", "classes.json"
LOCK = "lock"  # Held by the program that is at work on the run; a killed one leaves it free.


class RunDirectory:
    """Reads and writes one recipe's run.

    Holds `config.json`, `metrics.jsonl`, `result.json`, `checkpoints/`, `model/` and `figures/`. Opening
    one reads nothing and makes nothing; `start` makes the folder.

    Args:
        path: Path of the run directory (the recipes' `--workdir`).
    """

    def __init__(self, path):
        self.path = Path(path)
        self.checkpoints = self.path / "checkpoints"
        self.figures = self.path / "figures"
        self.model = self.path / "model"
        self._keeps_others_out = False

    @property
    def config(self):
        """The run's `config.json` as a dict; `InputError` where it is missing."""
        return self._read_json("config.json")

    @property
    def result(self):
        """The run's `result.json` as a dict, or None while the run has not finished."""
        return self._read_json("result.json") if (self.path / "result.json").exists() else None

    @property
    def is_siamese(self):
        """Whether sketches and photos share one encoder (then one file holds it)."""
        return not (self.model / PHOTO_ENCODER).exists()

    def start(self, config, may_differ=()):
        """Makes the folder with its `config.json`, or checks that it belongs to the same command.

        Until the program ends no other one can start the same run, unless it is finished.

        Args:
            config: Dict with `flags`, `dataset` and whatever else describes the run. A `fingerprint` in
                `dataset` and all in `other_fingerprints`, a dict, stay the same.
            may_differ: Names of flags that a resumed run may change, such as how often to log.
        Raises:
            InputError: if the folder belongs to a run with other flags or other data, another program is at
                work on it, or it cannot be written to.
        """
        config = {**config, "versions": versions(), "git_revision": git_revision()}
        try:
            self._start(config, may_differ)
        except OSError as error:
            raise InputError(
                f"`workdir` must be a folder that can be written to. Received: {self.path}; {error.strerror}"
            ) from None

    def check_is_there(self):
        """Checks that the folder has not been moved or removed meanwhile: nothing is to come back in part.

        Raises: `InputError` if it has.
        """
        if not (self.path / "config.json").exists():
            raise InputError(f"{self.path}: expected the run directory that was begun; it is gone")

    def note(self, **notes):
        """Adds facts that are known only later, such as the encoders' files, to `config.json`."""
        files.write_json(self.path / "config.json", {**self.config, **notes})

    def log_metrics(self, step, values):
        """Appends `{"step": step, **values}` to `metrics.jsonl`; values become Python floats."""
        line = {"step": int(step), **{name: float(value) for name, value in values.items()}}
        files.append_json_line(self.path / "metrics.jsonl", line)

    def metrics(self):
        """Returns the lines of `metrics.jsonl` as dicts, without one that is cut off."""
        return [json.loads(line) for line in self._logged_lines()]

    def num_logged(self, last_step):
        """Returns how many lines `metrics.jsonl` has up to and with those of `last_step`."""
        return sum(line["step"] <= last_step for line in self.metrics())

    def rewind_metrics(self, num_lines):
        """Keeps the first lines alone: a killed run may have logged beyond its last checkpoint."""
        path, kept = self.path / "metrics.jsonl", b"".join(self._logged_lines()[:num_lines])
        if path.exists() and path.read_bytes() != kept:
            files.write_bytes(path, kept)

    def write_result(self, result):
        """Writes `result.json`, atomically and last: its presence says that the run is finished."""
        files.write_json(self.path / "result.json", result)

    def save_encoders(
        self, sketch_encoder, photo_encoder, preprocessing, classifier=None, class_names=(), distance=None
    ):
        """Writes `model/`: the encoders, once where both are the same model, and how to feed them.

        Args:
            sketch_encoder, photo_encoder: `keras.Model`.
            preprocessing: `Preprocessing`.
            classifier: `keras.Model` to logits over `class_names`, of a run that learned to classify.
            class_names: Names of the classes.
            distance: Layer of `tfsbir.distances` that compares the embeddings, None for
                `SquaredEuclidean`; one that is learned gets a file of its own.
        Raises: `ValueError` if `preprocessing` names another distance.
        """
        name = distance_name(SquaredEuclidean() if distance is None else distance)
        if preprocessing.distance != name:
            raise ValueError(f"`preprocessing` must name {name}. Received: {preprocessing.distance}")
        with files.replacing_folder(self.model) as folder:
            sketch_encoder.save(folder / SKETCH_ENCODER)
            if photo_encoder is not sketch_encoder:
                photo_encoder.save(folder / PHOTO_ENCODER)
            if classifier is not None:
                classifier.save(folder / CLASSIFIER)
                files.write_json(folder / CLASSES, list(class_names))
            if name != "squared_euclidean":
                save_distance(distance, folder / DISTANCE)
            files.write_json(folder / "preprocessing.json", preprocessing.to_json())

    def load_encoder(self, domain):
        """Returns the `"sketch"` or the `"photo"` encoder as a Keras model.

        Keras' safe mode stays on, so a model file cannot bring code of its own.

        Raises:
            InputError: if the run has no model yet or its file cannot be read.
        """
        if domain not in ("sketch", "photo"):
            raise ValueError(f'`domain` must be "sketch" or "photo". Received: {domain!r}')
        return load_trained_model(
            self.model / (PHOTO_ENCODER if domain == "photo" and not self.is_siamese else SKETCH_ENCODER),
            "the encoder of a finished run",
        )

    def load_distance(self):
        """Returns the distance that the encoders were trained for, a layer of `tfsbir.distances`.

        Raises:
            InputError: if the run has no model yet, or its distance is missing or another one.
        """
        preprocessing = self.preprocessing()
        if preprocessing.distance == "squared_euclidean":
            return SquaredEuclidean()
        distance = load_distance(self.model / DISTANCE)
        found = distance_name(distance), distance.dim
        if found != (preprocessing.distance, preprocessing.embedding_dim):
            raise InputError(
                f"{self.model / DISTANCE}: expected {preprocessing.distance} of embeddings of "
                f"{preprocessing.embedding_dim}; found {found[0]} of {found[1]}"
            )
        return distance

    def load_classifier(self):
        """Returns the classifier of a run that learned to classify, and the names of its classes.

        Returns: `(keras.Model, tuple of str)`; the model gives logits in the order of the names.
        Raises:
            InputError: if the run has no classifier or its files cannot be read.
        """
        classifier = load_trained_model(self.model / CLASSIFIER, "the classifier of a finished run")
        class_names = tuple(self._read_json(f"{self.model.name}/{CLASSES}"))
        if len(class_names) != classifier.output_shape[-1]:
            raise InputError(
                f"{self.model / CLASSES}: expected the names of {classifier.output_shape[-1]} classes; "
                f"found {len(class_names)}"
            )
        return classifier, class_names

    def preprocessing(self):
        """Returns how images become this run's inputs."""
        return Preprocessing.from_json(self.model / "preprocessing.json")

    @property
    def teacher_fingerprint(self):
        """Fingerprint of the run that this one was distilled from, or None where it was not."""
        path = self.path / "config.json"
        return self.config.get("teacher", {}).get("fingerprint") if path.exists() else None

    def fingerprint(self):
        """Returns the SHA-256 of the model's files: which trained encoders and distance these are."""
        digest = hashlib.sha256()
        for name in (SKETCH_ENCODER, PHOTO_ENCODER, DISTANCE):
            path = self.model / name
            if path.exists():
                digest.update(path.read_bytes())
        return digest.hexdigest()

    def train_split(self):
        """Loads the training split that the run was trained on, from its `config.json`."""
        dataset = self.config["dataset"]
        # The first runs had no choice of these.
        read_photo = PhotoReader(dataset.get("photo_input", "edges"), dataset.get("edge_model"))
        return load(dataset["name"], dataset["data_dir"], "train", read_photo, dataset.get("unseen_classes"))

    def _logged_lines(self):
        path = self.path / "metrics.jsonl"
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        return [line for line in lines if line.endswith(b"}\n")]

    def _start(self, config, may_differ):
        if (self.path / "config.json").exists():
            self._check_same(config, may_differ)
            if self.result is None:
                self._keep_others_out()
        else:
            # A start that was killed leaves the lock, and maybe a config that is not whole.
            if self.path.exists() and (
                not self.path.is_dir()
                or any(
                    path.name != LOCK and not path.name.startswith(".config.json.")
                    for path in self.path.iterdir()
                )
            ):
                raise InputError(f"`workdir` must be empty or a run directory. Received: {self.path}")
            self.path.mkdir(parents=True, exist_ok=True)
            self._keep_others_out()
            for path in self.path.glob(".config.json.*"):
                path.unlink()
            files.write_json(self.path / "config.json", config)
        if self.result is None:
            for folder in (self.checkpoints, self.figures):
                folder.mkdir(exist_ok=True)

    def _keep_others_out(self):
        if self._keeps_others_out:
            return
        try:
            lock = files.lock(self.path / LOCK)
        except BlockingIOError:
            raise InputError(
                f"`workdir` must not be in use by another program. Received: {self.path}"
            ) from None
        weakref.finalize(self, lock.close)
        self._keeps_others_out = True

    def _read_json(self, name):
        path = self.path / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(f"{path}: expected a run directory with {name}; there is no such file") from None
        except ValueError as error:
            raise InputError(f"{path}: expected JSON; {error}") from None

    def _check_same(self, config, may_differ):
        known = self.config
        for name, value in config["flags"].items():
            before = known["flags"].get(name)
            if name not in may_differ and before != value:
                raise InputError(
                    f"`{name}` must be {before!r}, as when {self.path} was begun (or name another "
                    f"`workdir`). Received: {value!r}"
                )
        if known["dataset"].get("fingerprint") != config["dataset"].get("fingerprint"):
            raise InputError(
                f"`data_dir` must hold the data that {self.path} was begun with; its images have changed. "
                f"Received: {config['dataset'].get('data_dir')}"
            )
        # Earlier runs have none.
        for name, before in known.get("other_fingerprints", {}).items():
            if before != config.get("other_fingerprints", {}).get(name):
                raise InputError(
                    f"{name} must be as when {self.path} was begun (or name another `workdir`). Received: "
                    "one that has changed"
                )


def versions():
    """Returns the versions of Python and of the packages that decide a result."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def git_revision():
    """Returns the source tree's git revision, or None outside a git checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
