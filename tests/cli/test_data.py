"""`tfsbir data`: counts, problems and the sheet."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.cli.test_cli import run
from tfsbir.data import DATASETS, synthetic


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


def run_data(capsys, folder, *argv):
    return run(capsys, "data", "--dataset=paired_folder", f"--data_dir={folder}", *argv)


def test_counts_by_split(capsys, dataset):
    code, out, err = run_data(capsys, dataset)
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert lines == [
        ["split", "sketches", "photos", "triplets", "classes"],
        ["train", "4", "3", "0", "1"],
        ["test", "2", "2", "0", "1"],
        ["0", "problems", "found"],
    ]
    code, out, err = run_data(capsys, dataset, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "dataset": "paired_folder",
        "data_dir": str(dataset),
        "splits": {
            "train": {"sketches": 4, "photos": 3, "triplets": 0, "classes": 1},
            "test": {"sketches": 2, "photos": 2, "triplets": 0, "classes": 1},
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
    monkeypatch.setitem(DATASETS, "synthetic", lambda data_dir, split: synthetic(split, num_instances=4))
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
        "train": {"sketches": 200, "photos": 200, "triplets": 200 * 135, "classes": 1},
        "test": {"sketches": 97, "photos": 97, "triplets": 97 * 45, "classes": 1},
    }
