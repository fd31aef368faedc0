"""The zero-shot baseline as users run it, on a few made images of eight classes."""

import json

import h5py
import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.common_recipes import command, losses, run, run_killed_and_resumed
from tests.models.test_squeezenet import published_layout
from tfsbir.metrics import category_metrics
from tfsbir.models import load_trained_model
from tfsbir.runs import RunDirectory

CLASSES = ("bar", "box", "cross", "disc", "frame", "ring", "stairs", "wedge")
UNSEEN = ("disc", "wedge")
SIZE = 64


def draw(name, is_sketch, shift):
    """Returns a picture of a class: lines on paper, or a coloured object on a grey ground."""
    image = Image.new("RGB", (SIZE, SIZE), "white" if is_sketch else (200, 190, 180))
    pen = ImageDraw.Draw(image)
    low, high, middle = 12 + shift, 48 + shift, 30 + shift
    fill, line = (None, "black") if is_sketch else ((150, 40, 30), (60, 20, 20))
    corners = {
        "bar": [(low, 26), (high, 34)], "box": [(low, low), (high, high)], "frame": [(low, 8), (high, 56)],
    }  # fmt: skip
    if name in corners:
        pen.rectangle(corners[name], fill=None if name == "frame" else fill, outline=line, width=2)
    elif name in ("disc", "ring"):
        pen.ellipse([(low, low), (high, high)], fill=None if name == "ring" else fill, outline=line, width=2)
    elif name == "wedge":
        pen.polygon([(low, high), (high, high), (middle, low)], fill=fill, outline=line)
    elif name == "cross":
        pen.line([(low, middle), (high, middle)], fill=line, width=3)
        pen.line([(middle, low), (middle, high)], fill=line, width=3)
    else:
        pen.line([(low, high), (low, middle), (middle, middle), (middle, low), (high, low)], line, 3)
    return image


@pytest.fixture(scope="module")
def sketchy_folder(tmp_path_factory):
    """Sketches and their photos in the layout of Sketchy, four of a class."""
    root = tmp_path_factory.mktemp("data") / "sketchy"
    for name in CLASSES:
        for domain, ending in (("sketch", "-1.png"), ("photo", ".jpg")):
            folder = root / domain / "tx_000000000000" / name
            folder.mkdir(parents=True)
            for index in range(4):
                draw(name, domain == "sketch", index).save(folder / f"n{index}{ending}")
    (root / "unseen.txt").write_text("\n".join(UNSEEN) + "\n")
    published_layout(root / "weights.h5")
    with h5py.File(root / "weights.h5", "r+") as file:
        file.visititems(to_unit_scale)
    return root


def to_unit_scale(_, item):
    """Scales kernels of standard normal values so that what they give neither grows nor fades; no biases."""
    if isinstance(item, h5py.Dataset):
        item[...] = item[...] * np.sqrt(2 / np.prod(item.shape[:-1])) if item.ndim > 1 else 0.0


def training(folder, workdir, *flags):
    small = "--steps=6 --batch_size=4 --validation_share=0.4 --latent_dim=3 --hidden_dim=16 --num_generated=8"
    small += " --num_centers=2 --checkpoint_every=2 --eval_every=2 --num_workers=0"
    given = (f"--unseen_classes={folder / 'unseen.txt'}", f"--weights={folder / 'weights.h5'}")
    return command("zero_shot_cvae", "sketchy", folder, workdir, *given, *small.split(), *flags)


@pytest.fixture(scope="module")
def finished(sketchy_folder, tmp_path_factory):
    """The workdir of an undisturbed run."""
    workdir = tmp_path_factory.mktemp("runs") / "finished"
    done = run(training(sketchy_folder, workdir))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == RunDirectory(workdir).result
    return workdir


def test_the_run_directory_is_as_promised(finished):
    directory = RunDirectory(finished)
    found = {str(path.relative_to(finished)) for path in finished.rglob("*") if path.is_file()}
    best = directory.config["best_step"]
    assert f"best-{best}.npz" in found
    assert {path for path in found if not path.startswith(("checkpoints/", "features-", "best-"))} == {
        "config.json", "lock", "metrics.jsonl", "result.json",
        "figures/loss_curve.png", "figures/ranked_results.png", "model/cvae.keras",
        "model/photo_encoder.keras", "model/preprocessing.json", "model/sketch_encoder.keras",
    }  # fmt: skip
    assert len(losses(finished)) == 6
    assert directory.config["flags"]["backbone"] == "pooled_squeezenet"
    assert directory.config["flags"]["weights"].endswith("weights.h5")
    held = directory.config["validation_classes"]
    assert len(held) >= 2
    assert not set(held) & set(UNSEEN)
    values = directory.result["metrics"]
    for split in ("", "validation/"):
        for ranking in ("", "one_vector/", "frozen/"):
            for name in ("mAP@all", "mAP@200/found", "mAP@200/min", "mAP@200/R", "mAP@200/voc"):
                assert 0 < values[f"{split}{ranking}{name}"] <= 1
            assert values[f"{split}{ranking}precision@200"] == pytest.approx(4 / 200)
    chosen = [line["validation/one_vector/mAP@all"] for line in directory.metrics()[:-1] if len(line) == 2
              and "train/loss" not in line]  # fmt: skip
    assert max(chosen) == pytest.approx(values["validation/one_vector/mAP@all"])


def test_the_rankings_are_those_of_the_files(finished):
    """The frozen features from the cache, and one vector from the encoders that search takes."""
    directory = RunDirectory(finished)
    (path,) = finished.glob("features-*.npz")
    with np.load(path, allow_pickle=False) as stored:
        features = dict(stored)
    sketch, photo = (
        features[f"test/{domain}"] - features[f"train/{domain}"].mean(axis=0)
        for domain in ("sketch", "photo")
    )
    labels = np.arange(2).repeat(4)
    unit = [values / np.linalg.norm(values, axis=1, keepdims=True) for values in (sketch, photo)]
    expected = category_metrics(*unit, labels, labels).means()
    values = directory.result["metrics"]
    assert values["frozen/mAP@all"] == pytest.approx(expected["mAP@all"])
    autoencoder = load_trained_model(finished / "model" / "cvae.keras")
    deviation = np.std(features["train/sketch"] - features["train/sketch"].mean(axis=0))
    generated = np.asarray(autoencoder.generate(np.zeros((8, 3), "float32"), sketch / deviation))
    generated = generated / np.linalg.norm(generated, axis=1, keepdims=True)
    expected = category_metrics(generated, unit[1], labels, labels).means()
    assert values["one_vector/mAP@all"] == pytest.approx(expected["mAP@all"])


def test_evaluate_measures_one_vector(sketchy_folder, finished):
    unseen = f"--unseen_classes={sketchy_folder / 'unseen.txt'}"
    done = run(
        command("evaluate", "sketchy", sketchy_folder, finished, unseen, "--num_views=1", "--num_workers=0")
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["metrics"]["mAP@all"]
    assert found == pytest.approx(RunDirectory(finished).result["metrics"]["one_vector/mAP@all"])


def test_a_killed_run_ends_like_an_undisturbed_one(sketchy_folder, finished, tmp_path):
    run_killed_and_resumed(training(sketchy_folder, tmp_path / "killed"), tmp_path / "killed")
    np.testing.assert_array_equal(losses(tmp_path / "killed"), losses(finished))
    assert RunDirectory(tmp_path / "killed").result["metrics"] == RunDirectory(finished).result["metrics"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--num_centers=9"], "`num_centers` must be at most 8 (`num_generated`). Received: 9"),
        (
            ["--pairs=own", "--batch_size=99"],
            "the training photos that have a sketch, with `pairs` own. Received: 99",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(sketchy_folder, tmp_path, flags, message):
    done = run(training(sketchy_folder, tmp_path / "run", *flags))
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last
    assert not (tmp_path / "run").exists()
