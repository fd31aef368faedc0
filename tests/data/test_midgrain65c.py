"""MidGrain65c: sketches that common65c leaves, the gallery and its distractors."""

import importlib
import shutil

import numpy as np
import pytest

from tests.common_files import write_image, write_ndjson
from tfsbir.data.midgrain65c import midgrain65c
from tfsbir.data.photo_reader import RGB
from tfsbir.errors import InputError

# The package's name of the module is the function.
module = importlib.import_module("tfsbir.data.midgrain65c")


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Two classes of 30 drawings, of which common65c would take 20, and of 2 and 3 photos."""
    monkeypatch.setattr(module, "COARSE_SKETCHES", 20)
    monkeypatch.setattr(module, "SKETCHES_PER_CLASS", 5)
    write_ndjson(tmp_path / "quickdraw" / "cat.ndjson", range(1, 31))
    write_ndjson(tmp_path / "quickdraw" / "motorbike.ndjson", range(101, 131))
    write_ndjson(tmp_path / "quickdraw" / "zigzag.ndjson", [1])
    for name, count in (("cat", 2), ("motorcycle", 3)):
        for number in range(count):
            write_image(tmp_path / "gallery" / name / f"{number}.jpg")
    return tmp_path


def test_sketches_that_follow(root, caplog):
    split = midgrain65c(root)
    assert split.split == "test"
    assert split.class_names == ("cat", "motorcycle")
    assert split.sketch_ids == (
        *(f"cat/{i}" for i in range(21, 26)),
        *(f"motorcycle/{i}" for i in range(121, 126)),
    )
    assert split.photo_labels.tolist() == [0, 0, 1, 1, 1]
    assert split.sketches.sketch(2).strokes[0][1, 0] == 22
    assert len(split.paired_sketches) == 0
    assert not caplog.records


def test_distractors_are_a_class_without_sketches(root):
    for number in range(4):
        write_image(root / "distractors" / f"{number}.jpg")
    split = midgrain65c(root, "test", RGB)
    assert split.class_names == ("cat", "motorcycle", "distractors")
    assert split.photo_labels.tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 2]
    assert set(split.sketch_labels.tolist()) == {0, 1}
    assert split.photos.shape == (9, 256, 256, 3)


def test_queries(root):
    (root / "queries.txt").write_text("127\n4\n", encoding="utf-8")
    split = midgrain65c(root)
    assert split.sketch_ids == ("cat/4", "motorcycle/127")
    assert split.sketch_labels.tolist() == [0, 1]
    (root / "queries.txt").write_text("4\n5000\n6000\n", encoding="utf-8")
    with pytest.raises(
        InputError, match=r"queries\.txt: expected key_ids of .*; 2 of 3 are not there, the first is 5000"
    ):
        midgrain65c(root)


def test_too_few(root, caplog):
    write_ndjson(root / "quickdraw" / "cat.ndjson", range(1, 23))
    assert np.bincount(midgrain65c(root).sketch_labels).tolist() == [2, 5]
    assert caplog.records[0].getMessage() == (
        "midgrain65c: 1 of 2 classes have fewer than the 5 held-out drawings that were published; "
        "the least has cat, 2"
    )
    for word in ("cat", "motorbike"):
        write_ndjson(root / "quickdraw" / f"{word}.ndjson", range(20))
    with pytest.raises(
        InputError, match=r"quickdraw: expected more than 20 drawings of a class; found no more"
    ):
        midgrain65c(root)


def test_what_is_missing(root):
    with pytest.raises(
        InputError, match=r"`split` must be test, the only one of midgrain65c\. Received: train"
    ):
        midgrain65c(root, "train")
    (root / "quickdraw" / "motorbike.ndjson").unlink()
    with pytest.raises(
        InputError, match=r"motorbike\.ndjson: expected the drawings of motorcycle; there is none"
    ):
        midgrain65c(root)
    shutil.rmtree(root / "gallery")
    with pytest.raises(
        InputError, match=r"gallery: expected a folder with a folder for each class; there is"
    ):
        midgrain65c(root)
