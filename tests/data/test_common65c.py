"""Common65c: which classes are common, and what is drawn from the three copies."""

import importlib
import shutil

import numpy as np
import pytest

from tests.common_files import write_image, write_ndjson
from tfsbir.data.common65c import common65c
from tfsbir.data.drawings import Drawings
from tfsbir.data.held_out import name_fraction
from tfsbir.data.image_files import ImageFiles
from tfsbir.errors import InputError

# The package's name of the module is the function.
module = importlib.import_module("tfsbir.data.common65c")

PHOTOS = "sketchy/photo/tx_000000000000"
SKETCHES = "sketchy/sketch/tx_000000000000"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Common are airplane (by a folder of its name), cat (by two WordNet ids) and motorcycle (by alias)."""
    for name, value in (("COARSE_SKETCHES", 20), ("COARSE_PHOTOS", 6), ("FINE_PHOTOS", 2)):
        monkeypatch.setattr(module, name, value)
    words = ("airplane", "cat", "motorbike", "zigzag", "zebra")
    for label, word in enumerate(words):
        write_ndjson(tmp_path / "quickdraw" / f"{word}.ndjson", range(100 * label + 1, 100 * label + 31))
    sketchy = {"airplane": "n01", "cat": "n02", "motorcycle": "n03", "zebra": "n04", "ape": "n05"}
    for name, wnid in sketchy.items():
        for number in range(6):
            stem = f"{wnid}_{number}"
            write_image(tmp_path / PHOTOS / name / f"{stem}.jpg")
            for sketch in range(number):
                write_image(tmp_path / SKETCHES / name / f"{stem}-{sketch + 1}.png", seed=number)
    write_image(tmp_path / PHOTOS / "cat" / "n06_1.jpg")
    for folder, count in (("airplane", 8), ("n02", 4), ("n06", 4), ("n03", 8), ("n05", 8), ("n99", 8)):
        for number in range(count):
            write_image(tmp_path / "imagenet" / folder / f"{folder}_{number}.JPEG")
    return tmp_path


def test_coarse_part(root, caplog):
    split = common65c(root, "train")
    assert split.class_names == ("airplane", "cat", "motorcycle")
    assert split.sketch_ids == tuple(
        f"{name}/{100 * label + i}" for label, name in enumerate(split.class_names) for i in range(1, 21)
    )[:40] + tuple(f"motorcycle/{200 + i}" for i in range(1, 21))
    assert isinstance(split.sketches, Drawings)
    assert isinstance(split.photos, ImageFiles)
    assert np.bincount(split.photo_labels).tolist() == [6, 6, 6]
    cats = [f"cat/{wnid}_{i}.JPEG" for wnid in ("n02", "n06") for i in range(4)]
    assert split.photo_ids[6:12] == tuple(sorted(cats, key=name_fraction)[:6])
    assert len(split.paired_sketches) == 0
    assert not caplog.records


def test_fine_part(root, caplog):
    split = common65c(root, "fine")
    assert split.class_names == ("airplane", "cat", "motorcycle")
    assert (len(split.photos), len(split.sketches)) == (6, 18)
    assert isinstance(split.sketches, ImageFiles)
    assert split.sketch_photo.tolist() == np.arange(6).repeat(3).tolist()
    for index, sketch_id in enumerate(split.sketch_ids):
        photo_id = split.photo_ids[split.sketch_photo[index]]
        assert sketch_id.rsplit("-", 1)[0] == photo_id.removesuffix(".jpg")
    numbers = {int(photo_id[-5]) for photo_id in split.photo_ids}
    assert numbers <= {3, 4, 5}  # As many sketches has the photo of that number.
    airplanes = sorted((f"airplane/n01_{i}.jpg" for i in (3, 4, 5)), key=name_fraction)[:2]
    assert split.photo_ids[:2] == tuple(airplanes)
    assert not caplog.records


def test_classes_can_be_narrowed(root):
    (root / "classes.txt").write_text("motorcycle\nairplane\n", encoding="utf-8")
    for name in ("train", "fine"):
        assert common65c(root, name).class_names == ("airplane", "motorcycle")
    (root / "classes.txt").write_text("airplane\nzebra\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"classes\.txt: expected classes that quickdraw/, .*; found zebra"):
        common65c(root, "train")


def test_queries_are_not_trained_on(root):
    (root / "queries.txt").write_text("3\n105\n", encoding="utf-8")
    split = common65c(root, "train")
    assert np.bincount(split.sketch_labels).tolist() == [20, 20, 20]
    assert not {"airplane/3", "cat/105"} & set(split.sketch_ids)
    assert {"airplane/21", "cat/121", "motorcycle/220"} <= set(split.sketch_ids)
    (root / "queries.txt").write_text("3\ncat/105\n", encoding="utf-8")
    with pytest.raises(
        InputError, match=r"queries\.txt, line 2: expected a key_id, only digits; found 'cat/105'"
    ):
        common65c(root, "train")


def test_too_few_are_logged(root, caplog):
    write_ndjson(root / "quickdraw" / "cat.ndjson", range(7))
    for number in range(3):
        (root / "imagenet" / "n03" / f"n03_{number}.JPEG").unlink()
    (root / SKETCHES / "airplane" / "n01_3-2.png").unlink()
    (root / SKETCHES / "airplane" / "n01_4-2.png").unlink()
    (root / SKETCHES / "airplane" / "n01_4-3.png").unlink()
    common65c(root, "train")
    common65c(root, "fine")
    template = "common65c: 1 of 3 classes have fewer than the {} that were published; the least has {}"
    assert [record.getMessage() for record in caplog.records] == [
        template.format("20 drawings", "cat, 7"),
        template.format("6 ImageNet photos", "motorcycle, 5"),
        template.format("2 photos with 3 sketches", "airplane, 1"),
    ]


def test_nothing_in_common(root):
    shutil.rmtree(root / "imagenet")
    with pytest.raises(InputError, match=r"imagenet: expected a folder with ImageNet photos, WNID/\*; there"):
        common65c(root, "train")
    (root / "imagenet" / "n77").mkdir(parents=True)
    with pytest.raises(InputError, match=r"expected a class that quickdraw/, imagenet/ and sketchy/ have in"):
        common65c(root, "train")


def test_other_split(root):
    with pytest.raises(
        InputError, match=r"`split` must be train or fine, those of common65c\. Received: test"
    ):
        common65c(root, "test")
