"""Users' own categories: who is in which split, that nothing is read too early, and what may be wrong."""

import numpy as np
import pytest
from PIL import Image

from tfsbir.data.category_folder import category_folder
from tfsbir.data.images import read_image, read_photo_edges
from tfsbir.data.photo_reader import RGB
from tfsbir.errors import InputError

CLASSES = ("bat", "hot_dog", "pig")


@pytest.fixture
def root(tmp_path):
    """Three classes, spelt in two ways: 12 sketches and 14 photos of each."""
    for domain, names, count in (
        ("sketch", ("Bat", "hot dog", "pig"), 12),
        ("photo", ("bat", "hot-dog", "pig"), 14),
    ):
        for label, name in enumerate(names):
            (tmp_path / domain / name).mkdir(parents=True)
            for number in range(1, count + 1):
                write(tmp_path / domain / name / f"{number}.png", 100 * label + number)
    return tmp_path


def write(path, seed):
    pixels = np.full((40, 32, 3), 255, np.uint8)
    left, top = np.random.default_rng(seed).integers(1, 12, 2)
    pixels[top : top + 20, left : left + 15] = (30, 60, 90)
    Image.fromarray(pixels).save(path)


def ids(split):
    return set(split.sketch_ids), set(split.photo_ids)


def test_reads_the_layout(root):
    split, rgb = category_folder(root, "train"), category_folder(root, "train", RGB)
    assert (split.name, split.split, split.photo_input) == ("category_folder", "train", "edges")
    assert (rgb.photo_input, rgb.photos.shape[3]) == ("rgb", 3)
    assert split.class_names == CLASSES
    assert np.all(split.sketch_photo == -1)
    for labels, image_ids in ((split.sketch_labels, split.sketch_ids), (split.photo_labels, split.photo_ids)):
        assert [CLASSES[label] for label in labels] == [name.split("/")[0] for name in image_ids]
    index = next(i for i, name in enumerate(split.photo_ids) if name.startswith("hot_dog/"))
    path = root / "photo" / "hot-dog" / split.photo_ids[index].split("/")[1]
    np.testing.assert_array_equal(split.photos[index], read_photo_edges(path))
    np.testing.assert_array_equal(rgb.photos[index], read_image(path, channels=3))
    index = next(i for i, name in enumerate(split.sketch_ids) if name.startswith("bat/"))
    path = root / "sketch" / "Bat" / split.sketch_ids[index].split("/")[1]
    np.testing.assert_array_equal(split.sketches[index], read_image(path))


def test_every_image_is_in_one_split(root):
    train, test = (category_folder(root, split) for split in ("train", "test"))
    for in_train, in_test, count in zip(ids(train), ids(test), (12, 14), strict=True):
        assert not in_train & in_test
        assert in_train | in_test == {f"{key}/{i}.png" for key in CLASSES for i in range(1, count + 1)}
    for split in (train, test):
        assert set(split.sketch_labels) == set(split.photo_labels) == {0, 1, 2}
    assert 0 < len(test.sketch_ids) < len(train.sketch_ids)


def test_a_fifth_is_held_out(tmp_path):
    for domain in ("sketch", "photo"):
        (tmp_path / domain / "cat").mkdir(parents=True)
        for number in range(500):
            (tmp_path / domain / "cat" / f"{number}.png").touch()
    test = category_folder(tmp_path, "test")
    assert 75 < len(test.sketches) < 125
    assert 75 < len(test.photos) < 125


def test_added_images_move_no_others(root):
    before = [ids(category_folder(root, split)) for split in ("train", "test")]
    for number in range(50, 80):
        write(root / "sketch" / "pig" / f"{number}.png", number)
        write(root / "photo" / "pig" / f"{number}.png", number)
    after = [ids(category_folder(root, split)) for split in ("train", "test")]
    for (old_sketches, old_photos), (new_sketches, new_photos) in zip(before, after, strict=True):
        assert old_sketches < new_sketches
        assert old_photos < new_photos


def test_small_classes_are_in_both_splits(root):
    for domain in ("sketch", "photo"):
        for path in (root / domain / "pig").iterdir():
            if path.stem not in ("1", "2"):
                path.unlink()
    for split in ("train", "test"):
        loaded = category_folder(root, split)
        assert np.sum(loaded.sketch_labels == 2) == np.sum(loaded.photo_labels == 2) == 1


def test_unseen_classes(root, tmp_path_factory):
    path = tmp_path_factory.mktemp("lists") / "unseen.txt"
    path.write_text("hot dog 0\n", encoding="utf-8")
    train, test = (category_folder(root, split, unseen_classes=path) for split in ("train", "test"))
    assert (train.class_names, test.class_names) == (("bat", "pig"), ("hot_dog",))
    assert (len(train.sketches), len(train.photos)) == (24, 28)
    assert (len(test.sketches), len(test.photos)) == (12, 14)
    assert train.sketch_labels.tolist() == [0] * 12 + [1] * 12
    assert test.photo_labels.tolist() == [0] * 14


def test_unseen_class_that_is_not_there(root, tmp_path_factory):
    path = tmp_path_factory.mktemp("lists") / "unseen.txt"
    path.write_text("hotdog\n", encoding="utf-8")
    message = r"unseen\.txt: expected names of the data set's 3 classes; found hotdog \(near: hot_dog\)"
    with pytest.raises(InputError, match=message):
        category_folder(root, "test", unseen_classes=path)


def test_nothing_is_read_at_load(root):
    for path in root.glob("*/*/*.png"):
        path.write_bytes(b"words")
    split = category_folder(root, "train")
    with pytest.raises(InputError, match=r"\.png: expected an image"):
        split.photos[0]


def test_stray_files_are_ignored(root):
    fingerprint = category_folder(root, "train").fingerprint
    (root / "sketch" / ".hidden").mkdir()
    (root / "photo" / "README.txt").write_bytes(b"x")
    for name in (".DS_Store", "Thumbs.db", "._1.png"):
        (root / "photo" / "pig" / name).write_bytes(b"x")
    assert category_folder(root, "train").fingerprint == fingerprint


def test_other_split(root):
    with pytest.raises(InputError, match=r"`split` must be train or test\. Received: dev"):
        category_folder(root, "dev")


def test_missing_domain(root, tmp_path_factory):
    expected = r"expected sketches in sketch/CLASS/ and photos in photo/CLASS/; there is no folder"
    (root / "photo").rename(root / "photos")
    with pytest.raises(InputError, match=rf"{expected} photo/, but photos, sketch$"):
        category_folder(root, "train")
    with pytest.raises(InputError, match=rf"{expected} sketch/, but nothing$"):
        category_folder(tmp_path_factory.mktemp("empty"), "train")


def test_images_without_class_folders(root):
    for path in (root / "sketch").iterdir():
        path.rename(root / path.name)
    write(root / "sketch" / "1.png", 0)
    with pytest.raises(
        InputError, match=r"sketch: expected a folder for each class; found none, but 1 files"
    ):
        category_folder(root, "train")


@pytest.mark.parametrize(("domain", "other"), [("sketch", "photo"), ("photo", "sketch")])
def test_class_in_one_domain(root, domain, other):
    (root / domain / "zebra").mkdir()
    write(root / domain / "zebra" / "1.png", 0)
    message = rf"{domain}/zebra: expected a folder of the same class in .*/{other}; there is none"
    with pytest.raises(InputError, match=message):
        category_folder(root, "train")


def test_class_that_cannot_be_divided(root, tmp_path_factory):
    for path in (root / "photo" / "bat").iterdir():
        if path.stem != "7":
            path.unlink()
    write(root / "photo" / "bat" / "7.jpg", 0)
    message = r"photo/bat: expected images of two names or more, to train and to test; found 1"
    for split in ("train", "test"):
        with pytest.raises(InputError, match=message):
            category_folder(root, split)
    path = tmp_path_factory.mktemp("lists") / "unseen.txt"
    path.write_text("pig\n", encoding="utf-8")
    assert len(category_folder(root, "train", unseen_classes=path).photos) == 2 + 14


def test_empty_class(root):
    for path in (root / "photo" / "bat").iterdir():
        path.unlink()
    with pytest.raises(InputError, match=r"photo/bat: expected at least one image .*; found none"):
        category_folder(root, "train")
