"""The recipe on strokes, on colours, with workers and a cache; and on data that it cannot use."""

import json
import os
import pickle

import numpy as np
import pytest
from PIL import Image

from tests.common_processes import ROOT, run_module
from tests.common_recipes import command
from tests.tiny_forest import write_forest
from tfsbir.data import synthetic
from tfsbir.runs import RunDirectory


@pytest.fixture(scope="module")
def chairs(tmp_path_factory):
    """Drawn chairs in the layout of ChairV2: photos in colour, sketches as strokes."""
    root = tmp_path_factory.mktemp("chairs")
    (root / "photo").mkdir()
    rows = {}
    for name, count in (("train", 8), ("test", 5)):
        split = synthetic(name, count, categories=("chair",), photo_input="rgb", sketches_of=2)
        for photo_id, photo in zip(split.photo_ids, split.photos, strict=True):
            Image.fromarray(photo).save(root / "photo" / f"{photo_id}.png")
        for index, photo in enumerate(split.sketch_photo):
            strokes = split.sketches.sketch(index).strokes
            lifted = [np.c_[stroke, np.arange(len(stroke)) == len(stroke) - 1] for stroke in strokes]
            rows[f"/{name}/{split.photo_ids[photo]}_{index}"] = np.concatenate(lifted).astype(np.float64)
    (root / "ChairV2_Coordinate").write_bytes(pickle.dumps(rows, protocol=2))
    return root


def run(recipe, data_dir, workdir, *flags, dataset="chairv2"):
    return run_module(command(recipe, dataset, data_dir, workdir, *flags))


def train(data_dir, workdir, *flags, dataset="chairv2"):
    small = ("--steps=2", "--batch_size=4", "--num_views=1")
    return run("sketch_me_that_shoe", data_dir, workdir, *small, *flags, dataset=dataset)


def losses(workdir):
    return [line["train/loss"] for line in RunDirectory(workdir).metrics() if "train/loss" in line]


def test_strokes_are_bent_alike_by_any_number_of_workers(chairs, tmp_path):
    flags = ("--removal_shares=0.3", "--removal_shares=0.5", "--deformation=1", "--rotation=5", "--scale=0.1")
    for name, workers in (("alone", 0), ("helped", 2)):
        done = train(chairs, tmp_path / name, *flags, f"--num_workers={workers}")
        assert done.returncode == 0, done.stderr
    plain = train(chairs, tmp_path / "plain")
    assert plain.returncode == 0, plain.stderr
    assert losses(tmp_path / "alone") == losses(tmp_path / "helped") != losses(tmp_path / "plain")


def test_colours(chairs, tmp_path):
    done = train(
        chairs, tmp_path / "run", "--photo_input=rgb", "--branches=heterogeneous", "--backbone=squeezenet"
    )
    assert done.returncode == 0, done.stderr
    run_directory = RunDirectory(tmp_path / "run")
    assert run_directory.preprocessing().photo_input == "rgb"
    assert run_directory.load_encoder("photo").input_shape == (None, 225, 225, 3)
    assert run_directory.train_split().photo_input == "rgb"
    again = run("evaluate", chairs, tmp_path / "run", "--num_views=1")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["metrics"] == run_directory.result["metrics"]


def test_a_forest_finds_the_edges_of_training_and_of_search(chairs, tmp_path):
    forest = write_forest(tmp_path / "forest.yml.gz")
    done = train(
        chairs,
        tmp_path / "run",
        f"--edge_model={os.path.relpath(forest, ROOT)}",
        f"--cache_dir={tmp_path / 'cache'}",
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "cache" / "edges").rglob("*.png"))) == 13
    preprocessing = RunDirectory(tmp_path / "run").preprocessing()
    photo = chairs / "photo" / "test-0-chair.png"
    expected = preprocessing.center(preprocessing.photo_reader(photo)[None])[0]
    np.testing.assert_array_equal(preprocessing.read_photo(photo), expected)
    assert preprocessing.photo_reader.edge_model == str(forest)
    forest.unlink()
    lost = run("evaluate", chairs, tmp_path / "run", "--num_views=1")
    assert lost.returncode == 1
    assert lost.stderr.splitlines()[-1].startswith(f"error: {forest}: ")


@pytest.mark.parametrize(
    ("dataset", "flags", "message"),
    [
        ("qmul_v1", ["--deformation=1"], "expected a folder"),
        (
            "chairv2",
            ["--edge_model=f.yml", "--photo_input=rgb"],
            "`edge_model` goes with `photo_input` edges.",
        ),
        ("bmvc14", [], "`dataset` must have a split to train. Received: bmvc14, which has none"),
        ("chairv2", ["--unseen_classes=list.txt"], "`unseen_classes` goes with one of category_folder"),
    ],
)
def test_wrong_data_are_one_line(chairs, tmp_path, dataset, flags, message):
    done = train(chairs, tmp_path / "run", *flags, dataset=dataset)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last
    assert not (tmp_path / "run").exists()


def test_pixels_have_no_strokes(tmp_path):
    for name in ("train", "test"):
        for kind in ("sketches", "edges"):
            (tmp_path / "data" / name / kind).mkdir(parents=True)
            for index in range(4):
                pixels = np.random.default_rng(index).integers(0, 256, (64, 64), np.uint8)
                Image.fromarray(pixels).save(tmp_path / "data" / name / kind / f"{index}.png")
    done = train(tmp_path / "data", tmp_path / "run", "--deformation=1", dataset="paired_folder")
    assert done.returncode == 1
    assert "`deformation` and `removal_shares` need sketches as strokes" in done.stderr.splitlines()[-1]


def test_classes_alone_have_no_true_matches(tmp_path):
    for domain, suffix in (("sketch", "png"), ("photo", "jpg")):
        for index in range(6):
            path = tmp_path / "data" / domain / "cat" / f"{index}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(index).integers(0, 256, (64, 64), np.uint8)
            Image.fromarray(pixels).save(path)
    done = train(tmp_path / "data", tmp_path / "run", dataset="category_folder")
    assert done.returncode == 1
    assert "expected 2 training photos with a sketch or more; found 0" in done.stderr.splitlines()[-1]
