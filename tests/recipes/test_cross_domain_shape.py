"""The two-branch recipe as users run it, on a few drawn objects of two classes."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.common_recipes import command, losses, run, run_killed_and_resumed
from tfsbir.data import synthetic, synthetic_folder
from tfsbir.models import cross_domain_net
from tfsbir.runs import RunDirectory


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Drawn chairs and shoes in a folder a class; no sketch has a photo of its own."""
    root = tmp_path_factory.mktemp("data") / "objects"
    split = synthetic("train", 20, categories=("chair", "shoe"), photo_input="rgb")
    for domain, images, labels in (
        ("sketch", split.sketches, split.sketch_labels),
        ("photo", split.photos, split.photo_labels),
    ):
        for index, label in enumerate(labels):
            path = root / domain / split.class_names[label] / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.asarray(images[index : index + 1])[0].squeeze()).save(path)
    return root


def training(folder, workdir, *flags):
    small = "--steps=6 --batch_size=4 --group_size=2 --num_views=1"
    small += " --checkpoint_every=2 --log_every=1 --eval_every=4 --num_workers=0"
    return command("cross_domain_shape", "category_folder", folder, workdir, *small.split(), *flags)


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    """The workdir of an undisturbed run."""
    workdir = tmp_path_factory.mktemp("runs") / "finished"
    done = run(training(folder, workdir))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == RunDirectory(workdir).result
    return workdir


def test_the_run_directory_holds_two_branches_that_differ(finished):
    directory = RunDirectory(finished)
    assert not directory.is_siamese
    assert directory.config["recipe"] == "cross_domain_shape"
    assert directory.config["flags"]["positive_scale"] == 0.2
    assert directory.preprocessing().image_size == 225
    assert directory.preprocessing().embedding_dim == 64
    assert set(directory.result["metrics"]) == {"precision@1", "mAP@all"}  # No pairs, no acc@k.
    assert len(losses(finished)) == 6
    for name in ("loss_curve.png", "ranked_results.png"):
        assert (directory.figures / name).is_file()
    images = np.random.default_rng(0).uniform(-1, 1, (1, 225, 225, 1)).astype("float32")
    sketch, photo = (np.asarray(directory.load_encoder(domain)(images)) for domain in ("sketch", "photo"))
    assert sketch.shape == photo.shape == (1, 64)
    assert np.abs(sketch - photo).max() > 1e-3


def test_a_killed_run_ends_like_an_undisturbed_one(folder, finished, tmp_path):
    workdir = tmp_path / "killed"
    run_killed_and_resumed(training(folder, workdir), workdir)
    np.testing.assert_allclose(losses(workdir), losses(finished), rtol=1e-5)
    assert RunDirectory(workdir).result["metrics"] == pytest.approx(RunDirectory(finished).result["metrics"])


def test_two_replicas_give_the_loss_curve_of_one(folder, finished, tmp_path):
    done = run(training(folder, tmp_path / "two", "--strategy=mirrored", "--num_replicas=2"))
    assert done.returncode == 0, done.stderr
    # Adam's division by small gradients blows up what is only rounding; pairs that are left out, or a
    # gradient that is wrong, change the first steps.
    np.testing.assert_allclose(losses(tmp_path / "two")[:3], losses(finished)[:3], rtol=1e-3)


def test_rgb_photos_give_the_photo_branch_three_channels(folder, tmp_path):
    done = run(training(folder, tmp_path / "run", "--photo_input=rgb", "--steps=1"))
    assert done.returncode == 0, done.stderr
    photo = RunDirectory(tmp_path / "run").load_encoder("photo")
    assert photo.count_params() == cross_domain_net(channels=3).count_params()


def test_a_batch_that_splits_a_group_is_refused(folder, tmp_path):
    done = run(training(folder, tmp_path / "run", "--batch_size=5"))
    assert done.returncode == 1
    assert "error: `batch_size` must be a multiple of 2 (`group_size`). Received: 5" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_one_class_is_too_few(tmp_path):
    synthetic_folder(tmp_path / "objects", num_train=2, num_test=1, seed=0)
    done = run(training(tmp_path / "objects", tmp_path / "run", "--dataset=paired_folder"))
    assert done.returncode == 1
    assert "must have sketches and photos of 2 classes or more to train on. Received: paired_folder" in (
        done.stderr
    )
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
