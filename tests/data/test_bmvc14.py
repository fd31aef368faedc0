"""Photos and sketches with ratings: counts and order on the real files, faults on a small imitation."""

import itertools

import cv2
import numpy as np
import pytest
from PIL import Image

from tfsbir.data.bmvc14 import CRITERIA, bmvc14
from tfsbir.data.images import read_image, read_photo_edges
from tfsbir.data.photo_reader import RGB
from tfsbir.errors import InputError

RATINGS = {
    "cat": "0,1,2,0,1,1,1,1\n2,2,2,2,0,0,0,0\n1,0,1,0,2,1,2,1\n",
    "hot dog": "0,0,0,2\n2,1,0,0\n",
}


@pytest.fixture
def root(tmp_path):
    """Three photos and two sketches of cats, two photos and one sketch of hot dogs."""
    files = {"cat": (("9", "10", "2"), ("5", "12")), "hot dog": (("2", "7"), ("5",))}
    for label, (name, (photos, sketches)) in enumerate(files.items()):
        for folder, stems, suffix in (("photo", photos, "jpg"), ("sketch", sketches, "png")):
            (tmp_path / name / folder).mkdir(parents=True)
            for stem in stems:
                write(tmp_path / name / folder / f"{stem}.{suffix}", 20 * label + int(stem))
        (tmp_path / name / "ratings.csv").write_text(RATINGS[name], encoding="utf-8")
    return tmp_path


def write(path, seed):
    pixels = np.full((64, 48, 3), 255, np.uint8)
    left, top = np.random.default_rng(seed).integers(2, 15, 2)
    pixels[top : top + 30, left : left + 25] = (30, 60, 90)
    Image.fromarray(pixels).save(path)


def test_counts_and_order(shared_data):
    """Of all orders of the sketches, that of the names fits the ratings best, and so it is for the photos."""
    split = bmvc14(shared_data / "bmvc14")
    assert split.class_names == ("airplane", "bicycle", "cat", "chair", "horse", "sheep", "train")
    assert np.bincount(split.sketch_labels).tolist() == [6] * 7
    assert np.bincount(split.photo_labels).tolist() == [60] * 7
    assert split.paired_sketches.size == 0
    is_own_class = split.sketch_labels[:, None] == split.photo_labels[None, :]
    assert split.ratings.dtype == np.int8
    assert np.all(split.ratings[~is_own_class] == -1)
    assert set(np.unique(split.ratings[is_own_class])) == {0, 1, 2}

    hog = cv2.HOGDescriptor((64, 64), (16, 16), (8, 8), (8, 8), 9)

    def described(images):
        smooth = (cv2.GaussianBlur(image[..., 0], (0, 0), 3) for image in images)
        rows = [hog.compute(cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA)) for image in smooth]
        return np.array(rows) / np.linalg.norm(rows, axis=1, keepdims=True)

    def centred(matrix):
        matrix = matrix - matrix.mean(axis=0)
        matrix = matrix - matrix.mean(axis=1, keepdims=True)
        return matrix / np.linalg.norm(matrix)

    similarity = described(split.sketches) @ described(split.photos).T
    random = np.random.default_rng(0)
    shuffles = [random.permutation(60) for _ in range(100)]
    by_sketch_order, by_photo_order = 0, 0
    for label in range(7):
        of_class = np.ix_(split.sketch_labels == label, split.photo_labels == label)
        seen, rated = centred(similarity[of_class]), centred(split.ratings[of_class].sum(axis=-1))
        fits = [np.sum(seen * rated[list(order)]) for order in itertools.permutations(range(6))]
        by_sketch_order += np.array(fits)
        by_photo_order += np.array([np.sum(seen * rated[:, order]) for order in shuffles])
    assert np.argmax(by_sketch_order) == 0  # The first permutation changes nothing.
    assert by_sketch_order[0] > 1.5 * by_photo_order.max()


def test_reads_the_layout(root):
    split, rgb = bmvc14(root), bmvc14(root, "test", RGB)
    assert (split.name, split.split, split.photo_input) == ("bmvc14", "test", "edges")
    assert split.class_names == ("cat", "hot_dog")
    assert split.photo_ids == ("cat/2", "cat/9", "cat/10", "hot_dog/2", "hot_dog/7")
    assert split.sketch_ids == ("cat/5", "cat/12", "hot_dog/5")
    assert split.photo_labels.tolist() == [0, 0, 0, 1, 1]
    assert split.sketch_labels.tolist() == [0, 0, 1]
    assert split.sketch_photo.tolist() == [-1, -1, -1]
    for i, name in enumerate(("cat/photo/2", "cat/photo/9", "cat/photo/10", "hot dog/photo/2")):
        np.testing.assert_array_equal(split.photos[i], read_photo_edges(root / f"{name}.jpg"))
        np.testing.assert_array_equal(rgb.photos[i], read_image(root / f"{name}.jpg", channels=3))
    for i, name in enumerate(("cat/sketch/5", "cat/sketch/12", "hot dog/sketch/5")):
        np.testing.assert_array_equal(split.sketches[i], read_image(root / f"{name}.png"))


def test_ratings(root):
    """Cell by cell: row i is photo i, columns 4 j to 4 j + 3 are sketch j."""
    ratings = bmvc14(root).ratings
    assert ratings.shape == (3, 5, len(CRITERIA))
    expected = np.full((3, 5, 4), -1)
    for first_sketch, first_photo, name in ((0, 0, "cat"), (2, 3, "hot dog")):
        for i, line in enumerate(RATINGS[name].split()):
            for column, cell in enumerate(line.split(",")):
                expected[first_sketch + column // 4, first_photo + i, column % 4] = int(cell)
    np.testing.assert_array_equal(ratings, expected)


def test_other_split(root):
    with pytest.raises(InputError, match=r"`split` must be test, the only one of bmvc14\. Received: train"):
        bmvc14(root, "train")


@pytest.mark.parametrize("name", ["photo", "sketch", "ratings.csv"])
def test_missing_part(root, name):
    (root / "cat" / name).rename(root / "cat" / "aside")
    message = rf"cat/{name}: expected photo/, sketch/ and ratings\.csv in every folder of .* is missing"
    with pytest.raises(InputError, match=message):
        bmvc14(root)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"ratings\.csv: expected one photo's ratings a line; found none"),
        ("0,0,0,0\n", r"ratings\.csv: expected a row for each of 2 photos; found 1"),
        ("0,0,0,0\n" * 3, r"ratings\.csv: expected a row for each of 2 photos; found 3"),
        ("0,0,0,0\n\n0,0,0\n", r"ratings\.csv, line 3: expected 4 values, 4 for each of 1 sketches; found 3"),
        ("0,0,0,0\n0,0,3,0\n", r"ratings\.csv, line 2: expected ratings of 0, 1, 2; found '3'"),
        ("0,,0,0\n0,0,0,0\n", r"ratings\.csv, line 1: expected ratings of 0, 1, 2; found ''"),
    ],
)
def test_broken_ratings(root, text, message):
    (root / "hot dog" / "ratings.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        bmvc14(root)


def test_two_photos_of_one_name(root):
    write(root / "cat" / "photo" / "9.png", 0)
    with pytest.raises(InputError, match=r"9\.png: expected one file for each stem; found 9\.jpg as well"):
        bmvc14(root)


def test_broken_file(root):
    (root / "cat" / "photo" / "9.jpg").write_bytes(b"words")
    with pytest.raises(InputError, match=r"photo/9\.jpg: expected an image"):
        bmvc14(root)
