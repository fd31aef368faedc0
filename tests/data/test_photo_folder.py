"""A folder of photos: who is in which split, that nothing is read too early, and what may be wrong."""

import numpy as np
import pytest

from tests.common_files import write_image
from tfsbir.data.cached import cached
from tfsbir.data.datasets import load
from tfsbir.data.image_files import ImageFiles
from tfsbir.data.images import read_image, read_photo_edges
from tfsbir.data.photo_folder import photo_folder
from tfsbir.data.photo_reader import RGB
from tfsbir.errors import InputError


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "Red Shoes"
    for number in range(20):
        write_image(folder / f"{number}.jpg", size=40, seed=number)
    return folder


def test_reads_the_photos(root):
    split, rgb = photo_folder(root, "train"), photo_folder(root, "train", RGB)
    assert (split.name, split.split, split.class_names) == ("photo_folder", "train", ("red_shoes",))
    assert (split.photo_input, rgb.photo_input) == ("edges", "rgb")
    assert split.sketches.shape == (0, 256, 256, 1)
    assert isinstance(split.photos, ImageFiles)
    assert np.all(split.photo_labels == 0)
    assert (split.sketch_ids, split.triplets) == ((), None)
    path = root / split.photo_ids[3]
    np.testing.assert_array_equal(split.photos[3], read_photo_edges(path))
    np.testing.assert_array_equal(rgb.photos[3], read_image(path, channels=3))


def test_every_photo_is_in_one_split(root):
    train, test = (photo_folder(root, split).photo_ids for split in ("train", "test"))
    assert sorted(train + test) == sorted(path.name for path in root.iterdir())
    assert 1 <= len(test) < len(train)


def test_a_tenth_is_held_out_and_added_photos_move_no_others(root):
    before = [set(photo_folder(root, split).photo_ids) for split in ("train", "test")]
    for number in range(20, 520):
        (root / f"{number}.jpg").touch()
    after = [set(photo_folder(root, split).photo_ids) for split in ("train", "test")]
    assert 35 < len(after[1]) < 70
    assert before[0] < after[0]
    assert before[1] < after[1]


def test_a_photo_in_two_formats_is_in_one_split(root):
    for number in range(20):
        write_image(root / f"{number}.png", seed=number)
    for split in ("train", "test"):
        ids = photo_folder(root, split).photo_ids
        assert {i[:-4] for i in ids if i.endswith(".png")} == {i[:-4] for i in ids if i.endswith(".jpg")}


def test_stray_files_are_left_out(root):
    expected = photo_folder(root, "train").photo_ids
    (root / "1.txt").write_text("x")
    (root / ".hidden.jpg").write_bytes(b"x")
    (root / "folder.jpg").mkdir()
    assert photo_folder(root, "train").photo_ids == expected


def test_nothing_is_read_at_load(root):
    (root / "3.jpg").write_bytes(b"words")
    split = load("photo_folder", root, "train", RGB)
    with pytest.raises(InputError, match=r"3\.jpg: expected an image"):
        split.photos[:]


def test_it_can_be_cached(root, tmp_path):
    split = photo_folder(root, "train")
    again = cached(split, tmp_path / "cache")
    np.testing.assert_array_equal(again.photos[:3], split.photos[:3])
    assert again.fingerprint == split.fingerprint


def test_errors(root, tmp_path):
    with pytest.raises(InputError, match=r"`split` must be train or test\. Received: all"):
        photo_folder(root, "all")
    with pytest.raises(InputError, match=r"nowhere: expected a folder of images; there is none"):
        photo_folder(tmp_path / "nowhere", "train")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: expected at least one image .*; found none"):
        photo_folder(tmp_path / "empty", "train")
    write_image(tmp_path / "one" / "1.jpg")
    write_image(tmp_path / "one" / "1.png")
    message = r"one: expected photos of two names or more, to train and to test; found 1"
    with pytest.raises(InputError, match=message):
        photo_folder(tmp_path / "one", "test")
    root.rename(tmp_path / "__")
    with pytest.raises(InputError, match=r"__: expected the name of a class; it has no letter or digit"):
        photo_folder(tmp_path / "__", "train")


def test_the_folder_may_be_the_working_folder(root, monkeypatch):
    monkeypatch.chdir(root)
    assert photo_folder(".", "train").class_names == ("red_shoes",)


def test_real_shoes(shared_data):
    train, test = (photo_folder(shared_data / "shoev2_photos", split, RGB) for split in ("train", "test"))
    assert (len(train.photos), len(test.photos)) == (1799, 201)
    assert not set(train.photo_ids) & set(test.photo_ids)
    assert train.class_names == ("shoev2_photos",)
    assert train.photos[0].shape == (256, 256, 3)
    assert train.photos[:20].std() > 10
