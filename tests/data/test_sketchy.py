"""Sketchy: pairs, the published test list, the split by name, zero-shot and Sketchy-Extended."""

import shutil

import numpy as np
import pytest

from tests.common_files import write_image
from tfsbir.data.held_out import name_fraction
from tfsbir.data.images import read_image, read_photo_edges
from tfsbir.data.photo_reader import RGB
from tfsbir.data.sketchy import sketchy
from tfsbir.errors import InputError

CLASSES = ("airplane", "car_sedan", "hot_air_balloon")
FOLDERS = ("airplane", "car_(sedan)", "hot-air_balloon")
PHOTOS = "photo/tx_000000000000"
SKETCHES = "sketch/tx_000000000000"


@pytest.fixture
def root(tmp_path):
    """Three classes of 20 photos; the k-th has k % 3 sketches."""
    for label, name in enumerate(FOLDERS):
        for number in range(20):
            stem = f"n0{label}_{number}"
            write_image(tmp_path / PHOTOS / name / f"{stem}.jpg", seed=number)
            for sketch in range(number % 3):
                write_image(tmp_path / SKETCHES / name / f"{stem}-{sketch + 1}.png", seed=number)
    return tmp_path


def list_test_photos(root, lines):
    (root / "info").mkdir(exist_ok=True)
    (root / "info" / "testset.txt").write_text("\n".join(lines), encoding="utf-8")


def list_unseen(root, *names):
    (root / "unseen.txt").write_text("\n".join(names), encoding="utf-8")
    return root / "unseen.txt"


def test_sketches_find_their_photos(root):
    splits = [sketchy(root, name) for name in ("train", "test")]
    assert [split.class_names for split in splits] == [CLASSES, CLASSES]
    assert sum(len(split.photos) for split in splits) == 60
    assert sum(len(split.sketches) for split in splits) == 57
    for split in splits:
        assert len(split.paired_sketches) == len(split.sketches)
        for sketch, photo in enumerate(split.sketch_photo):
            assert split.sketch_ids[sketch].rsplit("-", 1)[0] == split.photo_ids[photo].removesuffix(".jpg")
    assert "hot_air_balloon/n02_17-2.png" in splits[0].sketch_ids + splits[1].sketch_ids


def test_images_are_read_when_asked_for(root):
    split = sketchy(root, "train")
    sketch = root / SKETCHES / FOLDERS[split.sketch_labels[5]] / split.sketch_ids[5].split("/")[1]
    photo = root / PHOTOS / FOLDERS[split.photo_labels[7]] / split.photo_ids[7].split("/")[1]
    np.testing.assert_array_equal(split.sketches[5], read_image(sketch))
    np.testing.assert_array_equal(split.photos[[7]], read_photo_edges(photo)[None])
    colored = sketchy(root, "train", RGB)
    assert (colored.photo_input, colored.photos.shape) == ("rgb", (len(split.photos), 256, 256, 3))
    np.testing.assert_array_equal(colored.photos[7], read_image(photo, channels=3))


def test_split_by_name(root):
    """A tenth by the hash, at least one and never all of the photos with sketches, and of those without."""
    expected = set()
    for label, name in enumerate(CLASSES):
        for parts in ((0,), (1, 2)):
            names = [f"{name}/n0{label}_{i}" for i in range(20) if i % 3 in parts]
            fractions = sorted((name_fraction(name), name) for name in names)
            below = {name for fraction, name in fractions if fraction < 0.1}
            expected |= below or {fractions[0][1]}
    test = sketchy(root, "test")
    assert {photo_id.removesuffix(".jpg") for photo_id in test.photo_ids} == expected
    assert not set(test.photo_ids) & set(sketchy(root, "train").photo_ids)
    assert np.unique(test.sketch_labels).tolist() == np.unique(test.photo_labels).tolist() == [0, 1, 2]


def test_published_list(root, caplog):
    list_test_photos(root, ["airplane/n00_2.jpg", "car_(sedan)/n01_3.jpg", "car_(sedan)/n01_1.jpg"])
    test, train = sketchy(root, "test"), sketchy(root, "train")
    assert test.photo_ids == ("airplane/n00_2.jpg", "car_sedan/n01_1.jpg", "car_sedan/n01_3.jpg")
    assert test.sketch_ids == ("airplane/n00_2-1.png", "airplane/n00_2-2.png", "car_sedan/n01_1-1.png")
    assert test.sketch_photo.tolist() == [0, 0, 1]
    assert (len(train.photos), len(train.sketches)) == (57, 54)
    assert not caplog.records
    list_test_photos(root, ["airplane/n00_2.jpg", "zebra/n05_1.jpg", "airplane/n00_99.jpg"])
    assert sketchy(root, "test").photo_ids == ("airplane/n00_2.jpg",)
    assert caplog.records[0].getMessage() == f"{root}/info/testset.txt: 2 of 3 photos are not there"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["airplane/n00_2.jpg", "n00_3.jpg"], r", line 2: expected CLASS/PHOTO\.jpg; found 'n00_3\.jpg'"),
        (["_/n00_3.jpg"], r", line 1: expected CLASS/PHOTO\.jpg; found '_/n00_3\.jpg'"),
        (["zebra/n05_1.jpg"], r": expected photos of .*photo/tx_000000000000; found none of them"),
        ([""], ": expected one photo a line; found none"),
    ],
)
def test_other_lists(root, lines, message):
    list_test_photos(root, lines)
    with pytest.raises(InputError, match=rf"info/testset\.txt{message}"):
        sketchy(root, "test")


def test_no_sketch_to_test(root):
    list_test_photos(root, ["airplane/n00_0.jpg"])
    with pytest.raises(InputError, match="expected sketches in the split test; found none"):
        sketchy(root, "test")


def test_zero_shot(root):
    list_test_photos(root, ["no list of photos is asked for"])
    unseen = list_unseen(root, "hot air balloon 0", "Car (sedan) 1")
    test, train = (sketchy(root, name, unseen_classes=unseen) for name in ("test", "train"))
    assert (test.class_names, train.class_names) == (CLASSES[1:], CLASSES[:1])
    assert (len(test.photos), len(test.sketches)) == (40, 38)
    assert (len(train.photos), len(train.sketches)) == (20, 19)
    assert np.bincount(test.sketch_labels).tolist() == [19, 19]
    assert len(test.paired_sketches) == 38


def test_extended_photos(root):
    """The folder has the photos of Sketchy under their names, others, and other spellings of the classes."""
    for label, name in enumerate(CLASSES):
        for number in range(19):
            write_image(root / "EXTEND_image_sketchy" / name / f"n0{label}_{number}.jpg")
        write_image(root / "EXTEND_image_sketchy" / name / "ext_1.jpg")
    test = sketchy(root, "test", unseen_classes=list_unseen(root, "airplane"))
    assert test.photo_ids[:2] == ("airplane/ext_1.jpg", "airplane/n00_0.jpg")
    assert (len(test.photos), len(test.sketches)) == (20, 19)
    own = {test.sketch_ids[i]: test.photo_ids[test.sketch_photo[i]] for i in test.paired_sketches}
    assert own["airplane/n00_17-2.png"] == "airplane/n00_17.jpg"
    assert len(own) == 18  # The photo that is missing, 19, had one sketch.
    assert "ext_1" not in "".join(sketchy(root, "train").photo_ids)


def test_missing_photo(root):
    (root / PHOTOS / "airplane" / "n00_7.jpg").unlink()
    with pytest.raises(
        InputError, match=r"airplane/n00_7-1\.png: expected its photo .*airplane/n00_7\.jpg; there is none"
    ):
        sketchy(root, "train")


def test_two_photos_of_one_name(root):
    write_image(root / PHOTOS / "airplane" / "n00_7.png")
    with pytest.raises(InputError, match=r"photo.*/airplane: expected photos of different names; found one"):
        sketchy(root, "train")


def test_other_name(root):
    write_image(root / SKETCHES / "airplane" / "n00_7.png")
    with pytest.raises(InputError, match=r"n00_7\.png: expected a name like n0123_45-2\.png, PHOTO-NUMBER"):
        sketchy(root, "train")


def test_missing_folders(root):
    shutil.rmtree(root / PHOTOS / "airplane")
    with pytest.raises(
        InputError, match=r"sketch.*/airplane: expected a folder of the same class in .*photo"
    ):
        sketchy(root, "train")
    shutil.rmtree(root / PHOTOS)
    with pytest.raises(InputError, match=r"photo/tx_000000000000: expected a folder with a folder for each"):
        sketchy(root, "train")


def test_other_split(root):
    with pytest.raises(InputError, match=r"`split` must be train or test\. Received: val"):
        sketchy(root, "val")
