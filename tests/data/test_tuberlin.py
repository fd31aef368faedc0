"""TU-Berlin: pictures or strokes, with and without photos, by name and zero-shot."""

import numpy as np
import pytest

from tests.common_files import write_image
from tfsbir.data.drawings import Drawings
from tfsbir.data.held_out import name_fraction
from tfsbir.data.image_files import ImageFiles
from tfsbir.data.images import read_image, read_photo_edges
from tfsbir.data.photo_reader import RGB
from tfsbir.data.tuberlin import tuberlin
from tfsbir.errors import InputError

CLASSES = ("airplane", "alarm_clock", "t_shirt")
FOLDERS = ("airplane", "alarm clock", "t-shirt")
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 800"><path d="M {} 100 L 700 700"/></svg>'


def write_svgs(root):
    for label, name in enumerate(FOLDERS):
        (root / "svg" / name).mkdir(parents=True)
        for number in range(20 * label + 1, 20 * label + 21):
            (root / "svg" / name / f"{number}.svg").write_text(SVG.format(number), encoding="utf-8")
    (root / "svg" / "filelist.txt").write_text("airplane/1.svg\n", encoding="utf-8")


@pytest.fixture
def root(tmp_path):
    """Three classes of 20 sketches, numbered through, and of 4, 6 and 8 photos."""
    for label, name in enumerate(FOLDERS):
        for number in range(20 * label + 1, 20 * label + 21):
            write_image(tmp_path / "png" / name / f"{number}.png", seed=number)
        for number in range(4 + 2 * label):
            write_image(tmp_path / "ImageResized" / name / f"{number}.jpg", seed=number)
    return tmp_path


def test_pictures_and_photos(root):
    train, test = (tuberlin(root, name) for name in ("train", "test"))
    for side in ("sketches", "photos"):
        assert isinstance(getattr(train, side), ImageFiles)
    assert train.class_names == test.class_names == CLASSES
    assert len(train.sketches) + len(test.sketches) == 60
    assert len(train.photos) + len(test.photos) == 18
    assert not {*train.sketch_ids, *train.photo_ids} & {*test.sketch_ids, *test.photo_ids}
    assert len(train.paired_sketches) == 0
    for split in (train, test):
        labels = [CLASSES.index(sketch_id.split("/")[0]) for sketch_id in split.sketch_ids]
        assert split.sketch_labels.tolist() == labels
        assert set(split.photo_labels.tolist()) == {0, 1, 2}
    number = test.sketch_ids[0].split("/")[1]
    np.testing.assert_array_equal(test.sketches[0], read_image(root / "png" / "airplane" / number))
    number = train.photo_ids[-1].split("/")[1]
    photo = root / "ImageResized" / "t-shirt" / number
    np.testing.assert_array_equal(train.photos[-1], read_photo_edges(photo))
    np.testing.assert_array_equal(tuberlin(root, "train", RGB).photos[-1], read_image(photo, channels=3))


def test_a_third_is_held_out_by_name(root):
    held = {i for i in range(1, 61) if name_fraction(f"{CLASSES[(i - 1) // 20]}/{i}") < 1 / 3}
    assert {int(i.split("/")[1][:-4]) for i in tuberlin(root, "test").sketch_ids} == held
    assert 10 < len(held) < 30


def test_strokes(root, tmp_path_factory):
    """The same sketches are in the same splits; pictures are read where there are both."""
    drawn = tmp_path_factory.mktemp("drawn")
    write_svgs(drawn)
    for name in ("train", "test"):
        split = tuberlin(drawn, name)
        assert isinstance(split.sketches, Drawings)
        assert split.photos.shape == (0, 256, 256, 1)
        pictures = tuberlin(root, name).sketch_ids
        assert split.sketch_ids == tuple(i.replace(".png", ".svg") for i in pictures)
        sketch = split.sketches.sketch(0)
        assert sketch.frame == (0, 0, 800, 800)
        first = int(split.sketch_ids[0].split("/")[1][:-4])
        np.testing.assert_array_equal(sketch.strokes[0][[0, -1]], [[first, 100], [700, 700]])
        assert split.sketches[0].min() < 128
    write_svgs(root)
    assert isinstance(tuberlin(root, "train").sketches, ImageFiles)


def test_zero_shot(root):
    (root / "unseen.txt").write_text("T shirt 0\n", encoding="utf-8")
    train, test = (tuberlin(root, name, unseen_classes=root / "unseen.txt") for name in ("train", "test"))
    assert (train.class_names, test.class_names) == (CLASSES[:2], CLASSES[2:])
    assert (len(train.sketches), len(train.photos)) == (40, 10)
    assert (len(test.sketches), len(test.photos)) == (20, 8)


def test_without_photos(root, tmp_path_factory):
    bare = tmp_path_factory.mktemp("bare")
    (bare / "png").symlink_to(root / "png")
    split = tuberlin(bare, "train", RGB)
    assert split.photos.shape == (0, 256, 256, 3)
    assert split.photo_ids == ()


def test_what_is_missing(root, tmp_path_factory):
    with pytest.raises(InputError, match=r"`split` must be train or test\. Received: val"):
        tuberlin(root, "val")
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(
        InputError, match=r"/png: expected a folder with a folder for each class; there is none"
    ):
        tuberlin(empty, "train")
    (empty / "svg" / "airplane").mkdir(parents=True)
    with pytest.raises(
        InputError, match=r"svg/airplane: expected at least one drawing \(\.svg\); found none"
    ):
        tuberlin(empty, "train")
    (root / "ImageResized" / "airplane").rename(root / "ImageResized" / "aeroplane")
    with pytest.raises(
        InputError,
        match=r"png/airplane: expected a folder of the same class in .*ImageResized; there is none",
    ):
        tuberlin(root, "train")
