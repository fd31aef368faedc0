"""Shoes with attributes: the real counts, whether attributes fit, and every fault on a small imitation."""

import hashlib
import importlib

import numpy as np
import pytest
from PIL import Image

from tfsbir.data.images import read_image, read_photo_edges
from tfsbir.data.photo_reader import RGB
from tfsbir.data.shoev1_attributes import shoev1_attributes
from tfsbir.errors import InputError

SKETCHES = ("003-1", "003-2", "204-1", "204-10", "204-2", "205-1", "300-2")


@pytest.fixture
def root(tmp_path):
    """Photos 3 and 204 to train, 205, 299 and 300 to test; photo 299 has no sketch."""
    for folder in ("photo", "sketch"):
        (tmp_path / folder).mkdir()
    for stem in ("003", "204", "205", "299", "300"):
        write(tmp_path / "photo" / f"{stem}.jpg", int(stem), (90, 60))
    for i, stem in enumerate(SKETCHES):
        write(tmp_path / "sketch" / f"{stem}.png", i, (64, 64))
    table(tmp_path / "photo_attributes.csv", {"003.jpg": "1,0", "204.jpg": "0,1", "205.jpg": "1,1"})
    table(tmp_path / "sketch_attributes.csv", {"204-10.png": "0,0", "003-2.png": ",1", "300-2.png": "1,0"})
    return tmp_path


def write(path, seed, size):
    pixels = np.full((size[1], size[0], 3), 255, np.uint8)
    left, top = np.random.default_rng(seed).integers(2, 20, 2)
    pixels[top : top + 30, left : left + 25] = (30, 60, 90)
    Image.fromarray(pixels).save(path)


def table(path, rows, header="file,laces,heel"):
    lines = [header, *(f"{file},{cells}" for file, cells in rows.items())]
    path.write_text("\n".join(lines), encoding="utf-8")


@pytest.mark.parametrize(("split", "ids"), [("train", range(1, 205)), ("test", range(205, 305))])
def test_published_counts(shared_data, split, ids):
    loaded = shoev1_attributes(shared_data / "shoev1_attributes", split)
    assert loaded.photo_ids == tuple(f"{photo:03d}" for photo in ids)
    assert loaded.sketch_ids == tuple(f"{photo:03d}-{k}" for photo in ids for k in (1, 2, 3))
    assert loaded.sketch_photo.tolist() == [index for index in range(len(ids)) for _ in range(3)]
    assert loaded.attribute_names == tuple(f"attribute_{number:02d}" for number in range(1, 14))
    for attributes in (loaded.sketch_attributes, loaded.photo_attributes):
        assert set(np.unique(attributes)) == {0, 1}
    # Attributes are of the sketches they stand beside: with those of any other photo, 62 % agree.
    own = loaded.photo_attributes[loaded.sketch_photo]
    other = np.roll(loaded.photo_attributes, 7, axis=0)[loaded.sketch_photo]
    assert np.mean(loaded.sketch_attributes == own) > 0.85
    assert np.mean(loaded.sketch_attributes == other) < 0.68


def test_reads_the_layout(root):
    train, test = shoev1_attributes(root, "train"), shoev1_attributes(root, "test", RGB)
    assert (train.name, train.split, train.photo_input) == ("shoev1_attributes", "train", "edges")
    assert (test.split, test.photo_input) == ("test", "rgb")
    assert train.photo_ids == ("003", "204")
    assert train.sketch_ids == ("003-1", "003-2", "204-1", "204-2", "204-10")
    assert train.sketch_photo.tolist() == [0, 0, 1, 1, 1]
    assert test.photo_ids == ("205", "299", "300")  # Photo 299 is a distractor.
    assert test.sketch_photo.tolist() == [0, 2]
    for i, stem in enumerate(train.photo_ids):
        np.testing.assert_array_equal(train.photos[i], read_photo_edges(root / "photo" / f"{stem}.jpg"))
    for i, stem in enumerate(test.photo_ids):
        np.testing.assert_array_equal(test.photos[i], read_image(root / "photo" / f"{stem}.jpg", channels=3))
    for i, stem in enumerate(test.sketch_ids):
        np.testing.assert_array_equal(test.sketches[i], read_image(root / "sketch" / f"{stem}.png"))


def test_attributes(root):
    train, test = shoev1_attributes(root, "train"), shoev1_attributes(root, "test")
    assert train.attribute_names == test.attribute_names == ("laces", "heel")
    assert train.photo_attributes.tolist() == [[1, 0], [0, 1]]
    assert train.sketch_attributes.tolist() == [[-1, -1], [-1, 1], [-1, -1], [-1, -1], [0, 0]]
    assert test.photo_attributes.tolist() == [[1, 1], [-1, -1], [-1, -1]]
    assert test.sketch_attributes.tolist() == [[-1, -1], [1, 0]]


def test_misnamed_table(root, monkeypatch):
    """Row r of the misnamed table is of sketch r // 304 + 1 of photo r % 304 + 1, whatever it is called."""
    true = {}
    rows = {}
    bits = np.random.default_rng(0).integers(0, 2, (912, 2)).tolist()
    for row in range(912):
        true[f"{row % 304 + 1:03d}-{row // 304 + 1}"] = bits[row]
        rows[f"{row // 3 + 1:03d}-{row % 3 + 1}.png"] = f"{bits[row][0]},{bits[row][1]}"
    path = root / "sketch_attributes.csv"
    table(path, rows)
    as_named = shoev1_attributes(root, "train").sketch_attributes.tolist()
    assert as_named[0] == bits[6]  # 003-1 is the seventh name.
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    # The package's name of the module is the function.
    monkeypatch.setattr(importlib.import_module("tfsbir.data.shoev1_attributes"), "MISNAMED_TABLE", digest)
    for split in ("train", "test"):
        loaded = shoev1_attributes(root, split)
        expected = [true.get(sketch, [-1, -1]) for sketch in loaded.sketch_ids]
        assert loaded.sketch_attributes.tolist() == expected


def test_stray_files_are_ignored(root):
    fingerprint = shoev1_attributes(root, "train").fingerprint
    for folder in ("photo", "sketch"):
        for name in (".DS_Store", "Thumbs.db", "._003.jpg", "notes.txt"):
            (root / folder / name).write_bytes(b"x")
    assert shoev1_attributes(root, "train").fingerprint == fingerprint


def test_other_split(root):
    with pytest.raises(InputError, match=r"`split` must be train or test\. Received: dev"):
        shoev1_attributes(root, "dev")


@pytest.mark.parametrize("name", ["photo", "sketch", "photo_attributes.csv", "sketch_attributes.csv"])
def test_missing_part(root, name):
    (root / name).rename(root / "aside")
    message = rf"{name}: expected photo/ID\.jpg, sketch/ID-k\.png, photo_attributes\.csv and .* is missing"
    with pytest.raises(InputError, match=message):
        shoev1_attributes(root, "train")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("photo/003.jpg", "photo/boot.jpg", r"boot\.jpg: expected a name of the form ID\.jpg with numbers"),
        ("sketch/003-1.png", "sketch/003_1.png", r"003_1\.png: expected a name of the form ID-k\.png"),
        (
            "sketch/003-1.png",
            "sketch/004-1.png",
            r"004-1\.png: expected its photo .*photo/004\.jpg; there is",
        ),
        ("photo/299.jpg", "photo/204.png", r"204\.png: expected one file for each stem; found 204\.jpg"),
    ],
)
def test_names_that_do_not_fit(root, old, new, message):
    (root / old).rename(root / new)
    with pytest.raises(InputError, match=message):
        shoev1_attributes(root, "train")


@pytest.mark.parametrize(
    ("split", "ids", "stems"),
    [("train", "204 or less", ("003", "204")), ("test", "205 or more", ("205", "299", "300"))],
)
def test_empty_split(root, split, ids, stems):
    for stem in stems:
        (root / "photo" / f"{stem}.jpg").unlink()
    with pytest.raises(InputError, match=rf"photo: expected images of ids {ids} for {split}; found none"):
        shoev1_attributes(root, split)


def test_columns_that_differ(root):
    table(root / "sketch_attributes.csv", {"003-1.png": "1,0"}, header="file,heel,laces")
    message = r"sketch_attributes\.csv: expected the columns of .*photo_attributes\.csv; found heel, laces"
    with pytest.raises(InputError, match=message):
        shoev1_attributes(root, "train")


@pytest.mark.parametrize("name", ["photo/003.jpg", "sketch/204-2.png"])
def test_broken_file(root, name):
    (root / name).write_bytes(b"")
    with pytest.raises(InputError, match=rf"{name}: expected an image file; found an empty file"):
        shoev1_attributes(root, "train")
