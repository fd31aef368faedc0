"""The recipe as users run it, on a few drawn objects."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from tests.common_recipes import SMALL, command, losses, run, run_killed_and_resumed
from tfsbir.distances import distance_name
from tfsbir.models import sketch_a_net
from tfsbir.runs import RunDirectory


def attention(folder, workdir, *flags):
    return command("spatial_semantic_attention", "paired_folder", folder, workdir, *SMALL, *flags)


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    """The workdir of an undisturbed run of the full model, and what it printed."""
    workdir = tmp_path_factory.mktemp("runs") / "finished"
    done = run(attention(folder, workdir))
    assert done.returncode == 0, done.stderr
    return workdir, done


@pytest.fixture(scope="module")
def base(folder, tmp_path_factory):
    """A run of the base model that learned nothing, at a rate of 0, from an encoder in a file."""
    root = tmp_path_factory.mktemp("base")
    sketch_a_net().save(root / "base.keras")
    flags = ["--steps=1", "--learning_rate=0", "--weight_decay=0", "--nofusion", "--attention=none"]
    flags += ["--distance=squared_euclidean", f"--weights={root / 'base.keras'}"]
    done = run(attention(folder, root / "run", *flags))
    assert done.returncode == 0, done.stderr
    assert "new weights" not in done.stderr
    return RunDirectory(root / "run")


def test_the_run_directory_has_the_distance_and_the_pictures(finished):
    workdir, done = finished
    found = {str(path.relative_to(workdir)) for path in workdir.rglob("*") if path.is_file()}
    assert {
        "config.json", "metrics.jsonl", "result.json", "model/sketch_encoder.keras", "model/distance.keras",
        "model/preprocessing.json", "figures/loss_curve.png", "figures/ranked_results.png",
        "figures/attention.png",
    } <= found  # fmt: skip
    trained = RunDirectory(workdir)
    assert json.loads(done.stdout) == trained.result
    assert trained.preprocessing().distance == "holef"
    assert trained.preprocessing().embedding_dim == 512
    distance = trained.load_distance()
    assert distance_name(distance) == "holef"
    weights = np.array(distance.pair_weights)
    assert not np.array_equal(weights, np.eye(512))  # It was trained,
    assert np.abs(weights - np.eye(512)).max() < 0.1  # and stayed near.


def test_evaluate_measures_with_the_learned_distance(folder, finished):
    workdir, _ = finished
    done = run(command("evaluate", "paired_folder", folder, workdir, "--num_views=1"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metrics"] == pytest.approx(RunDirectory(workdir).result["metrics"])


def test_a_killed_run_ends_like_an_undisturbed_one(folder, finished, tmp_path):
    workdir = tmp_path / "killed"
    run_killed_and_resumed(attention(folder, workdir), workdir)
    np.testing.assert_allclose(losses(workdir), losses(finished[0]), atol=1e-6)
    # The distance and its optimizer's momentum came back, too.
    weights = [RunDirectory(path).load_distance().get_weights() for path in (workdir, finished[0])]
    np.testing.assert_allclose(*weights, atol=1e-7)


def test_two_replicas_train_what_one_does(folder, tmp_path):
    # Small steps of SGD, as larger ones blow up what is only rounding. The regularizer counts once.
    flags = ("--optimizer=sgd", "--learning_rate=1e-4", "--schedule=constant",
             "--regularization_weight=0.1")  # fmt: skip
    for name, strategy in (("one", ()), ("two", ("--strategy=mirrored", "--num_replicas=2"))):
        done = run(attention(folder, tmp_path / name, *flags, *strategy))
        assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(losses(tmp_path / "one"), losses(tmp_path / "two"), rtol=1e-3)
    weights = [RunDirectory(tmp_path / name).load_distance().get_weights()[0] for name in ("one", "two")]
    np.testing.assert_allclose(*weights, atol=1e-5)


@pytest.mark.parametrize(
    ("flags", "dim", "distance"),
    [
        (
            "--attention=plain --distance=mahalanobis --loss=triplet --precision=mixed_bfloat16",
            512,
            "mahalanobis",
        ),
        ("--backbone=squeezenet --embedding_dim=32 --distance=weighted_euclidean", 544, "weighted_euclidean"),
    ],
)
def test_every_part_can_be_left_out_or_exchanged(folder, tmp_path, flags, dim, distance):
    done = run(attention(folder, tmp_path / "run", "--steps=1", *flags.split()))
    assert done.returncode == 0, done.stderr
    trained = RunDirectory(tmp_path / "run")
    assert trained.preprocessing().embedding_dim == dim
    assert distance_name(trained.load_distance()) == distance
    assert (trained.figures / "attention.png").exists()
    assert all(0 <= value <= 1 for value in trained.result["metrics"].values())


def test_without_its_parts_it_is_the_base_model_from_where_it_starts(base):
    assert not (base.figures / "attention.png").exists()
    assert not (base.model / "distance.keras").exists()
    images = np.random.default_rng(0).uniform(-1, 1, (2, 225, 225, 1)).astype("float32")
    start = keras.saving.load_model(base.path.parent / "base.keras")
    np.testing.assert_allclose(base.load_encoder("sketch")(images), start(images), atol=1e-5)


def test_a_run_of_its_own_is_where_it_starts(folder, finished, tmp_path):
    flags = "--steps=1 --learning_rate=0 --weight_decay=0"
    again = run(attention(folder, tmp_path / "run", *flags.split(), f"--weights={finished[0]}"))
    assert again.returncode == 0, again.stderr
    assert "new weights" not in again.stderr
    images = np.random.default_rng(0).uniform(-1, 1, (2, 225, 225, 1)).astype("float32")
    found = [RunDirectory(path).load_encoder("sketch")(images) for path in (tmp_path / "run", finished[0])]
    np.testing.assert_allclose(*[np.asarray(one) for one in found], atol=1e-5)


def test_pictures_of_a_run_beside_its_base(folder, finished, base, tmp_path):
    output = tmp_path / "pictures"
    flags = (f"--base_run={base.path}", f"--output={output}", "--num_views=1")
    done = run(command("attention_pictures", "paired_folder", folder, finished[0], *flags))
    assert done.returncode == 0, done.stderr
    with Image.open(output / "attention.png") as picture:
        assert picture.format == "PNG"
    with Image.open(output / "compared_results.png") as picture:
        assert picture.height > 10 * 128  # Two rows for each of the five queries.
    arguments = command("attention_pictures", "paired_folder", folder, base.path, f"--output={tmp_path}/no")
    without = run(arguments)
    assert without.returncode == 1
    assert without.stderr.splitlines()[-1] == (
        f"error: {base.path}: expected a run with attention; its encoders have none"
    )
    assert not (tmp_path / "no").exists()


def test_errors_say_what_is_wrong(folder, tmp_path):
    cases = {
        "--weights=missing.keras": "missing.keras: expected a trained encoder; there is no such file",
        "--weights=w.h5": "`weights` of sketch_a_net must be a run or a .keras encoder. Received: w.h5",
    }
    for flag, message in cases.items():
        done = run(attention(folder, tmp_path / "run", flag))
        assert done.returncode == 1
        assert message in done.stderr
        assert not (tmp_path / "run").exists()
