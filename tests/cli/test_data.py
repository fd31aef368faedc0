"""`tfsbir data`: counts, problems and the sheet."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.cli.test_cli import run
from tfsbir.data.datasets import DATASETS, Dataset
from tfsbir.data.synthetic import synthetic


def write_drawing(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    drawing = np.random.default_rng(seed).integers(0, 256, (16, 16), np.uint8)
    Image.fromarray(drawing).resize((64, 64)).save(path)


@pytest.fixture
def dataset(tmp_path):
    """A paired folder: three photos and four sketches to train on, two of each to test on."""
    for split, first, photos in (("train", 0, 3), ("test", 10, 2)):
        for number in range(first, first + photos):
            write_drawing(tmp_path / split / "edges" / f"{number}.png", number)
            write_drawing(tmp_path / split / "sketches" / f"{number}.png", 100 + number)
    write_drawing(tmp_path / "train" / "sketches" / "0-2.png", 200)
    return tmp_path


def counts(sketches, photos, pairs, triplets=0, classes=1, attributes=0):
    return {
        "sketches": sketches, "photos": photos, "pairs": pairs, "triplets": triplets, "classes": classes,
        "attributes": attributes,
    }  # fmt: skip


def run_data(capsys, folder, *argv):
    return run(capsys, "data", "--dataset=paired_folder", f"--data_dir={folder}", *argv)


def test_counts_by_split(capsys, dataset):
    code, out, err = run_data(capsys, dataset)
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert lines == [
        ["split", "sketches", "photos", "pairs", "triplets", "classes", "attributes"],
        ["train", "4", "3", "4", "0", "1", "0"],
        ["test", "2", "2", "2", "0", "1", "0"],
        ["0", "problems", "found"],
    ]
    code, out, err = run_data(capsys, dataset, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "dataset": "paired_folder",
        "data_dir": str(dataset),
        "splits": {
            "train": counts(sketches=4, photos=3, pairs=4),
            "test": counts(sketches=2, photos=2, pairs=2),
        },
        "problems": [],
    }


def test_one_split_is_enough_for_a_paired_folder(capsys, dataset):
    (dataset / "train").rename(dataset / "draft")
    code, out, _ = run_data(capsys, dataset, "--json")
    assert code == 0
    assert list(json.loads(out)["splits"]) == ["test"]
    (dataset / "test").rename(dataset / "other")
    code, out, err = run_data(capsys, dataset, "--json")
    assert code == 1
    assert json.loads(out)["splits"] == {}
    assert err.startswith(f"problem: train: {dataset / 'train'}: expected a folder with sketches/ and ")


def test_problems_are_listed_and_exit_with_1(capsys, dataset):
    (dataset / "train" / "sketches" / "1.png").write_bytes(b"no image")
    Image.new("L", (64, 64), 255).save(dataset / "test" / "sketches" / "10.png")
    code, out, err = run_data(capsys, dataset, "--json")
    assert code == 1
    result = json.loads(out)
    assert list(result["splits"]) == ["test"]
    assert result["problems"] == [
        {"split": "train", "problem": result["problems"][0]["problem"]},
        {"split": "test", "problem": "sketch 10 is blank"},
    ]
    assert "sketches/1.png: expected an image" in result["problems"][0]["problem"]
    assert [line.split(":")[:2] for line in err.splitlines()] == [["problem", " train"], ["problem", " test"]]
    assert "2 problems found" in run_data(capsys, dataset)[1]


def test_a_photo_of_both_splits_is_a_problem(capsys, dataset):
    for number, copy in ((0, 10), (1, 11)):
        (dataset / "test" / "edges" / f"{copy}.png").write_bytes(
            (dataset / "train" / "edges" / f"{number}.png").read_bytes()
        )
    code, _, err = run_data(capsys, dataset)
    assert code == 1
    assert err == "problem: test: photo 10 is also in train, as 0 (and 1 more)\n"


def test_the_sheet_is_a_picture_of_pairs(capsys, dataset, tmp_path):
    code, _, err = run_data(capsys, dataset, f"--sheet={tmp_path / 'sheet.png'}")
    assert (code, err) == (0, "")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"
        assert sheet.width > 8 * 128  # Four pairs.
        assert sheet.height > 2 * 128  # Two splits.


def test_synthetic_needs_no_folder(capsys, monkeypatch):
    # The default counts take many seconds to draw.
    few = Dataset(lambda root, split, read_photo: synthetic(split, num_instances=4), has_folder=False)
    monkeypatch.setitem(DATASETS, "synthetic", few)
    code, out, err = run(capsys, "data", "--dataset=synthetic", "--json")
    assert (code, err) == (0, "")
    splits = json.loads(out)["splits"]
    assert {name: counts["sketches"] for name, counts in splits.items()} == {"train": 4, "test": 4}


def test_real_chairs_have_their_published_counts(capsys, shared_data):
    code, out, _ = run(
        capsys, "data", "--dataset=qmul_v1", f"--data_dir={shared_data / 'qmul_v1' / 'chairs'}", "--json"
    )
    assert code == 0
    assert json.loads(out)["splits"] == {
        "train": counts(sketches=200, photos=200, pairs=200, triplets=200 * 135),
        "test": counts(sketches=97, photos=97, pairs=97, triplets=97 * 45),
    }


@pytest.fixture
def classes(tmp_path):
    """A category folder: three classes of four sketches and four photos."""
    for number, name in enumerate(("cat", "dog", "owl")):
        for item in range(4):
            write_drawing(tmp_path / "all" / "sketch" / name / f"{item}.png", 10 * number + item)
            write_drawing(tmp_path / "all" / "photo" / name / f"{item}.jpg", 100 + 10 * number + item)
    (tmp_path / "unseen.txt").write_text("owl\n")
    return tmp_path


def test_zero_shot_and_colour(capsys, classes):
    argv = ["--dataset=category_folder", f"--data_dir={classes / 'all'}", "--photo_input=rgb", "--json"]
    code, out, err = run(
        capsys,
        "data",
        *argv,
        f"--unseen_classes={classes / 'unseen.txt'}",
        f"--sheet={classes / 'sheet.png'}",
    )
    assert (code, err) == (0, "")
    assert json.loads(out)["splits"] == {
        "train": counts(sketches=8, photos=8, pairs=0, classes=2),
        "test": counts(sketches=4, photos=4, pairs=0, classes=1),
    }
    assert (classes / "sheet.png").exists()


def test_photos_without_sketches(capsys, tmp_path):
    for number in range(8):
        write_drawing(tmp_path / "shoes" / f"{number}.png", number)
    code, out, err = run(
        capsys, "data", "--dataset=photo_folder", f"--data_dir={tmp_path / 'shoes'}", "--photo_input=rgb",
        f"--sheet={tmp_path / 'sheet.png'}", "--json",
    )  # fmt: skip
    assert (code, err) == (0, "")
    splits = json.loads(out)["splits"]
    num_test = splits["test"]["photos"]
    assert splits == {
        "train": counts(sketches=0, photos=8 - num_test, pairs=0),
        "test": counts(sketches=0, photos=num_test, pairs=0),
    }
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert 4 * 128 < sheet.width < 6 * 128  # Four photos, none beside a sketch.


def test_every_broken_image_of_a_large_set_is_counted(capsys, classes):
    for item in (0, 1):
        (classes / "all" / "photo" / "cat" / f"{item}.jpg").write_bytes(b"no image")
    code, _, err = run(
        capsys, "data", "--dataset=category_folder", f"--data_dir={classes / 'all'}",
        f"--unseen_classes={classes / 'unseen.txt'}",
    )  # fmt: skip
    assert code == 1
    assert "photo/cat/0.jpg: expected an image" in err
    assert err.endswith("(and 1 more)\n")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--dataset=mnist"], "`dataset` must be one of bmvc14, category_folder, chairv2, "),
        (["--dataset=qmul_v1"], "`data_dir` must be given for the dataset qmul_v1. Received: nothing"),
        (
            ["--dataset=qmul_v1", "--data_dir=/none"],
            "/none: expected the folder of qmul_v1; there is no such",
        ),
        (
            ["--dataset=synthetic", "--unseen_classes=list.txt"],
            "`unseen_classes` goes with one of category_folder, quickdraw, quickdraw_extended, sketchy, ",
        ),
    ],
)
def test_one_line_for_a_wrong_command(capsys, argv, message):
    code, out, err = run(capsys, "data", *argv)
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {message}")
    assert err.count("\n") == 1
