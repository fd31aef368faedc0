"""Users' own folders: who belongs to whom by name, and what may be wrong with them."""

import importlib

import numpy as np
import pytest
from PIL import Image

from tests.tiny_forest import write_forest
from tfsbir.data.image_files import ImageFiles
from tfsbir.data.images import read_image, read_photo_edges
from tfsbir.data.paired_folder import paired_folder
from tfsbir.data.photo_reader import RGB, PhotoReader
from tfsbir.errors import InputError

# The package's name of the module is the function.
module = importlib.import_module("tfsbir.data.paired_folder")


@pytest.fixture
def root(tmp_path):
    """Photos shoe, shoe-1 and extra; sketches shoe, shoe-1, shoe_2 and shoe-1-1."""
    for folder in ("sketches", "photos"):
        (tmp_path / "train" / folder).mkdir(parents=True)
    for i, name in enumerate(("shoe.png", "shoe-1.png", "shoe_2.png", "shoe-1-1.jpg")):
        write(tmp_path / "train" / "sketches" / name, i)
    for i, name in enumerate(("shoe.jpg", "shoe-1.png", "extra.webp")):
        write(tmp_path / "train" / "photos" / name, 100 + i)
    return tmp_path


def write(path, seed):
    pixels = np.full((80, 60, 3), 255, np.uint8)
    left, top = np.random.default_rng(seed).integers(5, 25, 2)
    pixels[top : top + 40, left : left + 25] = (20, 60, 110)
    Image.fromarray(pixels).save(path)


def test_pairs_by_name(root):
    split = paired_folder(root, "train")
    assert (split.name, split.split, split.photo_input, split.triplets) == (
        "paired_folder",
        "train",
        "edges",
        None,
    )
    assert split.photo_ids == ("extra", "shoe", "shoe-1")
    pairs = {name: split.photo_ids[i] for name, i in zip(split.sketch_ids, split.sketch_photo, strict=True)}
    # The whole stem goes before the cut one: "shoe-1" is the sketch of photo "shoe-1".
    assert pairs == {"shoe": "shoe", "shoe_2": "shoe", "shoe-1": "shoe-1", "shoe-1-1": "shoe-1"}
    assert split.sketch_labels.tolist() == [0, 0, 0, 0]
    assert split.photo_labels.tolist() == [0, 0, 0]
    assert split.class_names == ("paired_folder",)


def test_pixels(root):
    folder = root / "train"
    edges, rgb = paired_folder(root, "train"), paired_folder(root, "train", read_photo=RGB)
    for i, name in enumerate(edges.sketch_ids):
        (path,) = folder.glob(f"sketches/{name}.*")
        np.testing.assert_array_equal(edges.sketches[i], read_image(path))
    for i, name in enumerate(edges.photo_ids):
        (path,) = folder.glob(f"photos/{name}.*")
        np.testing.assert_array_equal(edges.photos[i], read_photo_edges(path))
        np.testing.assert_array_equal(rgb.photos[i], read_image(path, channels=3))
    assert edges.photos.min() < 128
    assert rgb.photo_input == "rgb"
    assert edges.fingerprint != rgb.fingerprint


def test_photos_are_read_by_the_reader(root):
    reader = PhotoReader(edge_model=write_forest(root / "model.yml"), cache_dir=root / "cache")
    split = paired_folder(root, "train", reader)
    (path,) = (root / "train" / "photos").glob("extra.*")
    np.testing.assert_array_equal(split.photos[0], reader(path))
    assert split.fingerprint != paired_folder(root, "train").fingerprint
    assert len(list((root / "cache").rglob("*.png"))) == 3


@pytest.mark.parametrize("read_photo", [PhotoReader(), RGB])
def test_large_folders_stay_in_their_files(root, monkeypatch, read_photo):
    whole = paired_folder(root, "train", read_photo)
    monkeypatch.setattr(module, "MAX_IN_MEMORY", 3)  # There are 4 sketches and 3 photos.
    split = paired_folder(root, "train", read_photo)
    assert isinstance(split.sketches, ImageFiles)
    assert isinstance(split.photos, np.ndarray)
    monkeypatch.setattr(module, "MAX_IN_MEMORY", 2)
    split = paired_folder(root, "train", read_photo)
    assert isinstance(split.photos, ImageFiles)
    assert split.photos.shape == whole.photos.shape
    np.testing.assert_array_equal(split.sketches[:], whole.sketches)
    np.testing.assert_array_equal(split.photos[:], whole.photos)


def test_ready_edges_go_before_photos(root):
    (root / "train" / "edges").mkdir()
    for name in ("shoe", "shoe-1"):
        write(root / "train" / "edges" / f"{name}.png", 7)
    split = paired_folder(root, "train")
    assert split.photo_ids == ("shoe", "shoe-1")
    np.testing.assert_array_equal(split.photos[0], read_image(root / "train" / "edges" / "shoe.png"))
    assert paired_folder(root, "train", read_photo=RGB).photo_ids == ("extra", "shoe", "shoe-1")


def test_natural_order(tmp_path):
    for folder in ("sketches", "edges"):
        (tmp_path / "test" / folder).mkdir(parents=True)
        for name in ("10.png", "9.png", "1.png"):
            write(tmp_path / "test" / folder / name, 0)
    split = paired_folder(tmp_path, "test")
    assert split.photo_ids == split.sketch_ids == ("1", "9", "10")


def test_stray_files_are_ignored(root):
    fingerprint = paired_folder(root, "train").fingerprint
    for name in (".DS_Store", "Thumbs.db", "._shoe.png", "notes.txt"):
        (root / "train" / "sketches" / name).write_bytes(b"x")
        (root / "train" / "photos" / name).write_bytes(b"x")
    assert paired_folder(root, "train").fingerprint == fingerprint


def test_missing_split(root):
    with pytest.raises(
        InputError, match=r"test: expected a folder with sketches/ and photos/ or edges/; there is none"
    ):
        paired_folder(root, "test")


def test_missing_folders(root):
    folder = root / "train"
    (folder / "photos").rename(folder / "aside")
    with pytest.raises(
        InputError, match="train: expected a folder photos/ or edges/ beside sketches/; there is none"
    ):
        paired_folder(root, "train")
    (folder / "aside").rename(folder / "edges")
    with pytest.raises(InputError, match="train: expected a folder photos/ beside sketches/; there is none"):
        paired_folder(root, "train", read_photo=RGB)
    (folder / "sketches").rename(folder / "aside")
    with pytest.raises(InputError, match="sketches: expected a folder of images; there is none"):
        paired_folder(root, "train")


@pytest.mark.parametrize("folder", ["sketches", "photos"])
def test_empty_split(root, folder):
    for path in (root / "train" / folder).iterdir():
        path.unlink()
    with pytest.raises(InputError, match=rf"{folder}: expected at least one image .*; found none"):
        paired_folder(root, "train")


def test_sketch_without_photo(root):
    write(root / "train" / "sketches" / "boot-3.png", 0)
    message = r"boot-3\.png: expected its photo .*photos/boot-3\.\* or boot\.\*; there is none"
    with pytest.raises(InputError, match=message):
        paired_folder(root, "train")


def test_two_files_of_one_stem(root):
    write(root / "train" / "photos" / "shoe.png", 0)
    with pytest.raises(
        InputError, match=r"expected one file for each stem; found shoe\.jpg as well|found shoe\.png"
    ):
        paired_folder(root, "train")


@pytest.mark.parametrize("content", [b"", b"words", b"\x89PNG\r\n\x1a\n\x00"])
@pytest.mark.parametrize("folder", ["sketches", "photos"])
def test_broken_file(root, folder, content):
    (root / "train" / folder / "shoe-1.png").write_bytes(content)
    with pytest.raises(InputError, match=r"shoe-1\.png: expected an image"):
        paired_folder(root, "train")


def test_attributes(root):
    (root / "train" / "photo_attributes.csv").write_text("file,laces,heel\nshoe.jpg,1,0\nshoe-1.png,,1\n")
    split = paired_folder(root, "train")
    assert split.attribute_names == ("laces", "heel")
    assert split.sketch_attributes is None
    photos = dict(zip(split.photo_ids, split.photo_attributes.tolist(), strict=True))
    assert photos == {"shoe": [1, 0], "shoe-1": [-1, 1], "extra": [-1, -1]}
    table = root / "train" / "sketch_attributes.csv"
    table.write_text("file,laces,heel\nshoe_2.png,0,1\n")
    split = paired_folder(root, "train")
    sketches = dict(zip(split.sketch_ids, split.sketch_attributes.tolist(), strict=True))
    assert sketches["shoe_2"] == [0, 1]
    assert sketches["shoe"] == [-1, -1]
    table.write_text("file,heel,laces\nshoe_2.png,0,1\n")
    with pytest.raises(
        InputError, match=r"photo_attributes.csv: expected the columns of .*, heel,laces; found"
    ):
        paired_folder(root, "train")
