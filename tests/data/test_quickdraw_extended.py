"""QuickDraw-Extended: as published, and put together from Quick, Draw!."""

import importlib
import shutil

import numpy as np
import pytest

from tests.common_files import write_image, write_ndjson
from tfsbir.data.drawings import Drawings
from tfsbir.data.image_files import ImageFiles
from tfsbir.data.photo_reader import RGB
from tfsbir.data.quickdraw_extended import quickdraw_extended
from tfsbir.errors import InputError

# The package's name of the module is the function.
module = importlib.import_module("tfsbir.data.quickdraw_extended")

FOLDERS = ("bat", "crocodilian", "wine bottle")
CLASSES = ("bat", "crocodilian", "wine_bottle")
WORDS = ("bat", "crocodile", "wine bottle")


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Three classes of 12 photos and 30 drawings, of which 25 are wanted; and a word without photos."""
    monkeypatch.setattr(module, "SKETCHES_PER_CLASS", 25)
    for label, word in enumerate(WORDS):
        write_ndjson(tmp_path / "quickdraw" / f"{word}.ndjson", range(100 * label + 1, 100 * label + 31))
        for number in range(12):
            write_image(tmp_path / "photo" / FOLDERS[label] / f"{number}.jpg")
    write_ndjson(tmp_path / "quickdraw" / "zigzag.ndjson", [1])
    (tmp_path / "unseen.txt").write_text("wine bottle 0\n", encoding="utf-8")
    return tmp_path


def test_first_drawings_of_every_word(root, caplog):
    train, test = (
        quickdraw_extended(root, name, unseen_classes=root / "unseen.txt") for name in ("train", "test")
    )
    assert (train.class_names, test.class_names) == (CLASSES[:2], CLASSES[2:])
    assert train.sketch_ids == (
        *(f"bat/{number}" for number in range(1, 26)),
        *(f"crocodilian/{number}" for number in range(101, 126)),
    )
    assert train.sketch_labels.tolist() == [0] * 25 + [1] * 25
    assert (len(train.photos), len(test.sketches), len(test.photos)) == (24, 25, 12)
    assert isinstance(train.sketches, Drawings)
    assert train.sketches.sketch(27).strokes[0][1].tolist() == [2, 255]
    assert isinstance(train.photos, ImageFiles)
    assert len(train.paired_sketches) == 0
    assert not caplog.records


def test_published_sketches_go_first(root):
    for name in FOLDERS:
        for key_id in (7, 8, 9):
            write_image(root / "sketch" / name / f"{key_id}.png", seed=key_id)
    split = quickdraw_extended(root, "test", RGB, root / "unseen.txt")
    assert split.sketch_ids == ("wine_bottle/7.png", "wine_bottle/8.png", "wine_bottle/9.png")
    assert isinstance(split.sketches, ImageFiles)
    assert split.sketches[:].shape == (3, 256, 256, 1)
    assert split.photos.shape == (12, 256, 256, 3)


def test_too_few_drawings_are_logged(root, caplog):
    write_ndjson(root / "quickdraw" / "crocodile.ndjson", range(9))
    split = quickdraw_extended(root, "train", unseen_classes=root / "unseen.txt")
    assert np.bincount(split.sketch_labels).tolist() == [25, 9]
    expected = (
        "quickdraw_extended: 1 of 2 classes have fewer than the 25 sketches that were published; "
        "the least has crocodilian, 9"
    )
    assert [record.getMessage() for record in caplog.records] == [expected]


def test_split_by_name(root):
    train, test = quickdraw_extended(root, "train"), quickdraw_extended(root, "test")
    assert train.class_names == test.class_names == CLASSES
    assert len(train.sketches) + len(test.sketches) == 75
    assert len(train.photos) + len(test.photos) == 36
    assert not {*train.sketch_ids, *train.photo_ids} & {*test.sketch_ids, *test.photo_ids}
    for split in (train, test):
        assert set(split.sketch_labels.tolist()) == set(split.photo_labels.tolist()) == {0, 1, 2}


def test_what_is_missing(root):
    with pytest.raises(InputError, match=r"`split` must be train or test\. Received: val"):
        quickdraw_extended(root, "val")
    (root / "quickdraw" / "crocodile.ndjson").unlink()
    with pytest.raises(
        InputError, match=r"quickdraw/crocodile\.ndjson: expected the drawings of crocodilian; there is none"
    ):
        quickdraw_extended(root, "train")
    shutil.rmtree(root / "quickdraw")
    with pytest.raises(
        InputError, match=r"/sketch: expected a folder with a folder for each class; there is"
    ):
        quickdraw_extended(root, "train")
    write_image(root / "sketch" / "bat" / "1.png")
    with pytest.raises(
        InputError, match=r"photo/crocodilian: expected a folder of the same class in .*sketch; there is none"
    ):
        quickdraw_extended(root, "train")
    shutil.rmtree(root / "photo")
    with pytest.raises(InputError, match=r"/photo: expected a folder with a folder for each class; there is"):
        quickdraw_extended(root, "train")
