"""QMUL V1: the published counts on the real files, and every fault on a small imitation."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from tfsbir.data.photo_reader import RGB
from tfsbir.data.qmul_v1 import qmul_v1
from tfsbir.errors import InputError

COUNTS = [
    ("shoes", "train", 304, 135, "1"),
    ("shoes", "test", 115, 45, "305"),
    ("chairs", "train", 200, 135, "1"),
    ("chairs", "test", 97, 45, "201"),
]


@pytest.fixture
def root(tmp_path):
    """Three pairs in the published layout; ids 9, 10 and 11."""
    random = np.random.default_rng(0)
    for folder in ("sketches", "edges"):
        (tmp_path / "test" / folder).mkdir(parents=True)
        for stem in ("9", "10", "11"):
            pixels = random.integers(0, 256, (256, 256), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "test" / folder / f"{stem}.png")
    (tmp_path / "annotation").mkdir()
    part = {
        "images": ["9.jpg", "10.jpg", "11.jpg"],
        "sketches": ["9.png", "10.png", "11.png"],
        "triplets": [[[0, 1], [2, 1]], [[1, 0]], [[2, 0], [2, 0]]],
    }
    annotate(tmp_path, {"test": part})
    return tmp_path


def annotate(root, annotation):
    text = annotation if isinstance(annotation, str) else json.dumps(annotation)
    (root / "annotation" / "toys_annotation.json").write_text(text, encoding="utf-8")


def annotation_of(root):
    return json.loads((root / "annotation" / "toys_annotation.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("category", "split", "num_pairs", "num_triplets", "first"), COUNTS)
def test_published_counts(shared_data, category, split, num_pairs, num_triplets, first):
    loaded = qmul_v1(shared_data / "qmul_v1" / category, split)
    assert loaded.sketches.shape == loaded.photos.shape == (num_pairs, 256, 256, 1)
    assert loaded.photo_ids == loaded.sketch_ids
    assert loaded.photo_ids == tuple(str(int(first) + i) for i in range(num_pairs))
    assert loaded.sketch_photo.tolist() == list(range(num_pairs))
    assert np.bincount(loaded.triplets[:, 0]).tolist() == [num_triplets] * num_pairs
    for images in (loaded.sketches, loaded.photos):
        assert 240 < images.mean() < 254
        assert images[:, [0, 1, -2, -1]].min() == images[:, :, [0, 1, -2, -1]].min() == 255


def test_pairs_and_triplets_mean_something(shared_data):
    """Blurred pixels alone find a shoe among their ten nearest, and mostly agree with the people."""
    split = qmul_v1(shared_data / "qmul_v1" / "shoes", "test")

    def blurred(images):
        pixels = [cv2.GaussianBlur(255 - image[..., 0], (0, 0), 6)[::4, ::4].ravel() for image in images]
        pixels = np.array(pixels, np.float32)
        return pixels / np.linalg.norm(pixels, axis=1, keepdims=True)

    similarity = blurred(split.sketches) @ blurred(split.photos).T
    own = similarity[np.arange(115), split.sketch_photo]
    assert np.mean((similarity > own[:, None]).sum(axis=1) < 10) > 0.5
    sketch, closer, farther = split.triplets.T
    assert np.mean(similarity[sketch, closer] > similarity[sketch, farther]) > 0.6


def test_reads_the_layout(root):
    split = qmul_v1(root, "test")
    assert (split.name, split.split, split.photo_input) == ("qmul_v1", "test", "edges")
    assert split.photo_ids == split.sketch_ids == ("9", "10", "11")
    assert split.sketch_photo.tolist() == [0, 1, 2]
    assert split.sketch_labels.tolist() == split.photo_labels.tolist() == [0, 0, 0]
    expected = [[0, 0, 1], [0, 2, 1], [1, 1, 0], [2, 2, 0], [2, 2, 0]]  # Repeated rows stay.
    assert split.triplets.tolist() == expected
    with Image.open(root / "test" / "sketches" / "10.png") as sketch:
        np.testing.assert_array_equal(split.sketches[1, ..., 0], sketch)


def test_frame_is_whitened(root):
    split = qmul_v1(root, "test")
    with Image.open(root / "test" / "edges" / "10.png") as edges:
        np.testing.assert_array_equal(split.photos[1, 2:-2, 2:-2, 0], np.asarray(edges)[2:-2, 2:-2])
    frame = np.ones((256, 256), bool)
    frame[2:-2, 2:-2] = False
    assert np.all(split.photos[:, frame] == 255)
    assert np.any(split.sketches[:, frame] < 255)


def test_stray_files_are_ignored(root):
    fingerprint = qmul_v1(root, "test").fingerprint
    for folder in ("test/sketches", "test/edges", "annotation"):
        for name in (".DS_Store", "._toys_annotation.json", "Thumbs.db"):
            (root / folder / name).write_bytes(b"x")
    assert qmul_v1(root, "test").fingerprint == fingerprint


def test_photos_in_colour(root):
    message = r"`photo_input` of qmul_v1 must be edges, all that is published\. Received: rgb"
    with pytest.raises(InputError, match=message):
        qmul_v1(root, "test", RGB)


def test_missing_split(root):
    with pytest.raises(InputError, match="train: expected a folder with sketches/ and edges/; there is none"):
        qmul_v1(root, "train")


def test_missing_annotation(root):
    path = root / "annotation" / "toys_annotation.json"
    path.rename(root / "annotation" / "toys.json")
    with pytest.raises(InputError, match=r"annotation: expected one file \*_annotation\.json; found 0"):
        qmul_v1(root, "test")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected JSON; Expecting property name"),
        ("[]", 'expected an object "test" with images, sketches and triplets; there is none'),
        ('{"train": {}}', 'expected an object "test" with images, sketches and triplets; there is none'),
        ('{"test": {"images": "9.jpg"}}', 'expected a list "images" in "test"; found str'),
        ('{"test": {"images": []}}', 'expected a list "sketches" in "test"; found NoneType'),
    ],
)
def test_malformed_annotation(root, text, message):
    annotate(root, text)
    with pytest.raises(InputError, match=rf"toys_annotation\.json: {message}"):
        qmul_v1(root, "test")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("images", ["9.jpg", "10.jpg"], r'11\.png: expected its name in "images" of .*toys_annotation\.json'),
        (
            "images",
            ["9.jpg", "10.jpg", "11.jpg", "12.jpg"],
            r'"images" names 12; expected .*edges/12\.png, there is none',
        ),
        (
            "sketches",
            ["9.png", "10.png", "10.png"],
            'expected different names in "sketches"; found one twice',
        ),
        ("triplets", [[], []], "expected triplets for 3 sketches; found 2"),
        (
            "triplets",
            [[], [[0, 3]], []],
            r"triplets of sketch 1 as pairs of photo indices in 0..2; found \[0, 3\]",
        ),
        ("triplets", [[[-1, 0]], [], []], r"triplets of sketch 0 as pairs .* found \[-1, 0\]"),
        ("triplets", [[[0]], [], []], r"triplets of sketch 0 as pairs .* found \[0\]"),
        ("triplets", [[[0.0, 1]], [], []], r"triplets of sketch 0 as pairs .* found \[0\.0, 1\]"),
        ("triplets", [[], [], 5], "triplets of sketch 2 as pairs .* found 5"),
    ],
)
def test_annotation_that_does_not_fit(root, key, value, message):
    annotation = annotation_of(root)
    annotation["test"][key] = value
    annotate(root, annotation)
    with pytest.raises(InputError, match=message):
        qmul_v1(root, "test")


def test_sketch_without_photo(root):
    annotation = annotation_of(root)
    annotation["test"]["images"].pop()
    annotate(root, annotation)
    (root / "test" / "edges" / "11.png").unlink()
    with pytest.raises(
        InputError, match=r"sketches/11\.png: expected its photo .*edges/11\.png; there is none"
    ):
        qmul_v1(root, "test")


@pytest.mark.parametrize("folder", ["sketches", "edges"])
def test_broken_file(root, folder):
    (root / "test" / folder / "10.png").write_bytes(b"")
    with pytest.raises(InputError, match=rf"{folder}/10\.png: expected an image file; found an empty file"):
        qmul_v1(root, "test")
