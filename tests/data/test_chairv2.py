"""QMUL-ChairV2 and -ShoeV2: the published counts on the real files, and every fault on a small imitation."""

import pickle

import numpy as np
import pytest
from PIL import Image

from tfsbir.data.chairv2 import chairv2
from tfsbir.data.drawings import Drawings
from tfsbir.data.images import read_image, read_photo_edges
from tfsbir.data.photo_reader import RGB
from tfsbir.errors import InputError

# One stroke of three points and one of two.
ROWS = np.array([[10, 20, 0], [200, 30, 0], [200, 240, 1], [30, 60, 0], [90, 200, 1]], np.float64)
NAMES = ("/train/10_1", "/train/9_2", "/train/9_10", "/train/v_1-x_A1YX", "/test/20_1", "/test/20_2")


@pytest.fixture
def root(tmp_path):
    """Photos 9, 10 and v_1-x to train, 20 to test, 30 in neither split."""
    (tmp_path / "photo").mkdir()
    for seed, stem in enumerate(("9", "10", "v_1-x", "20", "30")):
        pixels = np.full((256, 256, 3), 255, np.uint8)
        pixels[50 + 5 * seed : 150, 60:180] = (90, 40, 20)
        Image.fromarray(pixels).save(tmp_path / "photo" / f"{stem}.png")
    save(tmp_path / "ChairV2_Coordinate", {name: ROWS + np.array([i, 0, 0]) for i, name in enumerate(NAMES)})
    return tmp_path


def save(path, sketches):
    path.write_bytes(pickle.dumps(sketches, protocol=2))


@pytest.mark.parametrize(("split", "num_sketches", "num_photos"), [("train", 952, 300), ("test", 323, 100)])
def test_published_counts(shared_data, split, num_sketches, num_photos):
    loaded = chairv2(shared_data / "chairv2", split, RGB)
    assert (loaded.name, loaded.photo_input) == ("chairv2", "rgb")
    assert isinstance(loaded.sketches, Drawings)
    assert loaded.sketches.shape == (num_sketches, 256, 256, 1)
    assert loaded.photos.shape == (num_photos, 256, 256, 3)
    assert set(loaded.sketch_photo) == set(range(num_photos))
    for sketch_id, photo in zip(loaded.sketch_ids, loaded.sketch_photo, strict=True):
        assert sketch_id.startswith(f"{loaded.photo_ids[photo]}_")
    few = loaded.sketches[:: num_sketches // 20]
    assert 240 < few.mean() < 254
    assert few.min() == 0


def test_splits_share_no_photo(shared_data):
    splits = [chairv2(shared_data / "chairv2", split, RGB) for split in ("train", "test")]
    train, test = (set(split.photo_ids) for split in splits)
    assert not train & test
    assert len(train | test) == len(list((shared_data / "chairv2" / "photo").iterdir())) == 400


def test_reads_the_layout(root):
    train, test = chairv2(root, "train"), chairv2(root, "test", RGB)
    assert (train.name, train.split, train.photo_input) == ("chairv2", "train", "edges")
    assert (test.split, test.photo_input) == ("test", "rgb")
    assert train.photo_ids == ("9", "10", "v_1-x")
    assert train.sketch_ids == ("9_2", "9_10", "10_1", "v_1-x_A1YX")
    assert train.sketch_photo.tolist() == [0, 0, 1, 2]
    assert (test.photo_ids, test.sketch_photo.tolist()) == (("20",), [0, 0])
    for i, stem in enumerate(train.photo_ids):
        np.testing.assert_array_equal(train.photos[i], read_photo_edges(root / "photo" / f"{stem}.png"))
    np.testing.assert_array_equal(test.photos[0], read_image(root / "photo" / "20.png", channels=3))


def test_sketches_are_strokes(root):
    sketches = chairv2(root, "train").sketches
    first, second = sketches.sketch(0).strokes  # Of "/train/9_2", the file's second.
    np.testing.assert_array_equal(first, ROWS[:3, :2] + np.array([1, 0]))
    np.testing.assert_array_equal(second, ROWS[3:, :2] + np.array([1, 0]))
    assert sketches.sketch(0).frame == (0, 0, 256, 256)
    drawn = sketches[0][..., 0]
    assert drawn[130, 201] == 0  # On the long vertical line,
    assert drawn[130, 150] == 255  # and beside it.


def test_shoev2(root):
    (root / "ChairV2_Coordinate").rename(root / "ShoeV2_Coordinate")
    split = chairv2(root, "train")
    assert split.name == "shoev2"
    assert split.photo_ids == ("9", "10", "v_1-x")


def test_stray_files_are_ignored(root):
    fingerprint = chairv2(root, "train").fingerprint
    for name in (".DS_Store", "._ChairV2_Coordinate", "photo/Thumbs.db", "photo/._9.png"):
        (root / name).write_bytes(b"x")
    assert chairv2(root, "train").fingerprint == fingerprint


def test_other_split(root):
    with pytest.raises(InputError, match=r"`split` must be train or test\. Received: dev"):
        chairv2(root, "dev")


def test_missing_parts(root):
    (root / "ChairV2_Coordinate").rename(root / "coordinates")
    message = r"expected one file ChairV2_Coordinate \(or ShoeV2_Coordinate\) beside photo/; found none"
    with pytest.raises(InputError, match=message):
        chairv2(root, "train")
    for name in ("ChairV2_Coordinate", "ShoeV2_Coordinate"):
        save(root / name, {})
    with pytest.raises(InputError, match="found ChairV2_Coordinate, ShoeV2_Coordinate"):
        chairv2(root, "train")
    (root / "photo").rename(root / "photos")
    message = r"expected photo/ID\.png and ChairV2_Coordinate; there is no folder photo/"
    with pytest.raises(InputError, match=message):
        chairv2(root, "train")


def test_sketch_without_photo(root):
    (root / "photo" / "9.png").unlink()
    message = r"ChairV2_Coordinate: expected the photo .*photo/9\.png of /train/9_2; there is none"
    with pytest.raises(InputError, match=message):
        chairv2(root, "train")
    assert chairv2(root, "test").photo_ids == ("20",)


def test_no_sketch_of_the_split(root):
    save(root / "ChairV2_Coordinate", {"/train/9_1": ROWS})
    with pytest.raises(InputError, match=r"Coordinate: expected sketches named /test/ID_k; found none"):
        chairv2(root, "test")


def test_broken_files(root):
    (root / "photo" / "9.png").write_bytes(b"words")
    with pytest.raises(InputError, match=r"photo/9\.png: expected an image"):
        chairv2(root, "train")
    (root / "ChairV2_Coordinate").write_bytes(b"words")
    with pytest.raises(InputError, match=r"ChairV2_Coordinate: expected a pickle of coordinates"):
        chairv2(root, "train")
