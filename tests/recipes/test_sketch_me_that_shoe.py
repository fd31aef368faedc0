"""The recipe as users run it, on a few drawn objects."""

import json
import shutil
import sys

import keras
import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.common_processes import run_module
from tests.common_recipes import command, losses, run, run_killed_and_resumed
from tfsbir.data import synthetic_folder
from tfsbir.runs import RunDirectory


def training(folder, workdir, *flags):
    small = "--steps=6 --batch_size=4 --checkpoint_every=2 --log_every=1 --eval_every=4 --num_views=1"
    return command("sketch_me_that_shoe", "paired_folder", folder, workdir, *small.split(), *flags)


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    """The workdir of an undisturbed run, and what it printed."""
    workdir = tmp_path_factory.mktemp("runs") / "finished"
    done = run(training(folder, workdir))
    assert done.returncode == 0, done.stderr
    return workdir, done


def test_the_run_directory_is_as_promised(finished):
    workdir, done = finished
    found = {str(path.relative_to(workdir)) for path in workdir.rglob("*") if path.is_file()}
    expected = {
        "config.json", "metrics.jsonl", "result.json", "checkpoints/checkpoint",
        "model/sketch_encoder.keras", "model/preprocessing.json",
        "figures/loss_curve.png", "figures/ranked_results.png",
    }  # fmt: skip
    assert expected <= found
    assert "model/photo_encoder.keras" not in found  # Siamese: one file, and a note of it.
    config, result = RunDirectory(workdir).config, RunDirectory(workdir).result
    assert "siamese" in config["model"]
    assert config["flags"]["steps"] == 6
    assert config["flags"]["margin"] == 0.3
    assert json.loads(done.stdout) == result
    assert set(result) == {"recipe", "dataset", "split", "seed", "steps", "seconds", "metrics"}
    assert all(0 <= value <= 1 for value in result["metrics"].values())
    assert len(losses(workdir)) == 6
    assert "loss=" in done.stderr  # The progress bar.


def test_a_finished_run_prints_its_result_and_does_not_train(folder, finished):
    workdir, done = finished
    before = (workdir / "metrics.jsonl").read_bytes()
    again = run(training(folder, workdir))
    assert again.returncode == 0
    assert again.stdout == done.stdout
    assert (workdir / "metrics.jsonl").read_bytes() == before


def test_a_photo_of_the_test_that_changed_is_told(folder, finished, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    photo = min((data / "test" / "photos").iterdir())
    with Image.open(photo) as image:
        changed = ImageOps.invert(image.convert("RGB"))
    changed.resize((64, 64)).save(photo)
    done = run(training(data, finished[0]))
    assert done.returncode == 1
    assert f"error: test must be as when {finished[0]} was begun (or name another `workdir`)" in done.stderr


def test_a_killed_run_ends_like_an_undisturbed_one(folder, finished, tmp_path):
    workdir = tmp_path / "killed"
    run_killed_and_resumed(training(folder, workdir), workdir)
    expected = RunDirectory(finished[0])
    np.testing.assert_allclose(losses(workdir), losses(finished[0]), atol=1e-6)
    for name, value in expected.result["metrics"].items():
        assert abs(RunDirectory(workdir).result["metrics"][name] - value) <= 1e-6
    images = np.random.default_rng(0).uniform(-1, 1, (2, 225, 225, 1)).astype("float32")
    embeddings = [RunDirectory(path).load_encoder("sketch")(images) for path in (workdir, finished[0])]
    np.testing.assert_allclose(*[keras.ops.convert_to_numpy(e) for e in embeddings], atol=1e-6)


@pytest.mark.parametrize("loss", ["info_nce"])
def test_two_replicas_give_the_loss_curve_of_one(folder, tmp_path, loss):
    # Small steps of SGD: larger ones, and Adam's division by tiny gradients, blow up what is only rounding.
    # A gradient that is wrong by a factor still shows, as a difference of more than 1e-3.
    flags = (f"--loss={loss}", "--optimizer=sgd", "--learning_rate=1e-4", "--schedule=constant")
    for name, strategy in (("one", ()), ("two", ("--strategy=mirrored", "--num_replicas=2"))):
        done = run(training(folder, tmp_path / name, *flags, *strategy))
        assert done.returncode == 0, done.stderr
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(one) == 6
    assert max(one) - min(one) > 1e-3  # The curve is not flat.
    np.testing.assert_allclose(two, one, atol=1e-5)


def test_evaluate_measures_a_run_again(folder, finished):
    done = run(command("evaluate", "paired_folder", folder, finished[0], "--num_views=1"))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["metrics"] == pytest.approx(RunDirectory(finished[0]).result["metrics"])
    assert found["num_photos"] == 5


def test_a_heterogeneous_run_keeps_two_encoders(folder, tmp_path):
    done = run(
        training(folder, tmp_path / "run", "--branches=heterogeneous", "--backbone=squeezenet", "--steps=2")
    )
    assert done.returncode == 0, done.stderr
    assert not RunDirectory(tmp_path / "run").is_siamese
    again = run(command("evaluate", "paired_folder", folder, tmp_path / "run", "--num_views=1"))
    assert json.loads(again.stdout)["metrics"] == pytest.approx(
        RunDirectory(tmp_path / "run").result["metrics"]
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--data_dir=nowhere",), "nowhere"),
        (("--data_dir=",), "`data_dir` must be given for the dataset paired_folder"),
        (("--batch_size=99",), "`batch_size` must be at most 8"),
        (("--backbone=squeezenet", "--weights=setup.py"), "setup.py: expected a file of SqueezeNet"),
        (("--num_replicas=2",), "`num_replicas` > 1 needs `strategy` mirrored"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(folder, tmp_path, flags, message):
    done = run(training(folder, tmp_path / "run", *flags))
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_one_pair_is_too_few_to_rank(tmp_path):
    synthetic_folder(tmp_path / "one", num_train=1, num_test=1, seed=0)
    done = run(training(tmp_path / "one", tmp_path / "run", "--batch_size=1"))
    assert done.returncode == 1
    assert "expected 2 training photos with a sketch or more; found 1" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_margin_of_zero_is_refused_as_a_flag(folder, tmp_path):
    done = run(training(folder, tmp_path / "run", "--margin=0"))
    assert done.returncode == 1
    assert "flag --margin=0" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_not_finite_stops_the_run(folder, tmp_path):
    flags = ("--optimizer=sgd", "--learning_rate=1e30", "--loss=info_nce", "--schedule=constant")
    done = run(training(folder, tmp_path / "run", *flags))
    assert done.returncode == 1
    assert "must be finite; try a smaller `learning_rate`. Received: " in done.stderr
    assert "at step " in done.stderr and " of sketch " in done.stderr
    assert not (tmp_path / "run" / "result.json").exists()


def test_help_explains():
    done = run_module([sys.executable, "-m", "recipes.sketch_me_that_shoe", "--help"])
    assert "Sketch Me That Shoe" in done.stdout
    for flag in ("--margin", "--steps", "--dataset", "--num_replicas"):
        assert f"{flag}" in done.stdout.replace("[no]", "")
