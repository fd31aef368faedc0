"""QMUL-Handbag: what is read from where, and every fault, on a small imitation."""

import numpy as np
import pytest
from PIL import Image

from tfsbir.data.handbag import handbag
from tfsbir.data.images import read_image, read_photo_edges
from tfsbir.data.photo_reader import RGB
from tfsbir.errors import InputError


@pytest.fixture
def root(tmp_path):
    """Sketches 9 and 10, edge maps 9, 10 and 11, no photos."""
    random = np.random.default_rng(0)
    for folder, stems in (("sketches", ("9", "10")), ("edges", ("9", "10", "11"))):
        (tmp_path / "test" / folder).mkdir(parents=True)
        for stem in stems:
            pixels = random.integers(0, 256, (256, 256), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "test" / folder / f"{stem}.png")
    return tmp_path


@pytest.fixture
def with_photos(root):
    """The same with photos 9 and 10 beside the edge maps."""
    (root / "test" / "photos").mkdir()
    for seed, stem in enumerate(("9", "10")):
        pixels = np.full((60, 80, 3), 255, np.uint8)
        pixels[20:50, 10 + seed : 60] = (40, 20, 90)
        Image.fromarray(pixels).save(root / "test" / "photos" / f"{stem}.jpg")
    return root


def test_reads_the_layout(root):
    split = handbag(root, "test")
    assert (split.name, split.split, split.photo_input) == ("handbag", "test", "edges")
    assert split.triplets is None
    assert split.sketch_ids == ("9", "10")
    assert split.photo_ids == ("9", "10", "11")  # Photo 11 is a distractor.
    assert split.sketch_photo.tolist() == [0, 1]
    for i, stem in enumerate(split.sketch_ids):
        np.testing.assert_array_equal(
            split.sketches[i], read_image(root / "test" / "sketches" / f"{stem}.png")
        )


def test_frame_is_whitened(root):
    split = handbag(root, "test")
    with Image.open(root / "test" / "edges" / "10.png") as edges:
        np.testing.assert_array_equal(split.photos[1, 2:-2, 2:-2, 0], np.asarray(edges)[2:-2, 2:-2])
    frame = np.ones((256, 256), bool)
    frame[2:-2, 2:-2] = False
    assert np.all(split.photos[:, frame] == 255)
    assert np.any(split.sketches[:, frame] < 255)


def test_photos(with_photos):
    """Ready edge maps go before photos; without them the photos' own are made."""
    folder = with_photos / "test"
    rgb = handbag(with_photos, "test", RGB)
    assert (rgb.photo_input, rgb.photo_ids) == ("rgb", ("9", "10"))
    assert handbag(with_photos, "test").photo_ids == ("9", "10", "11")
    (folder / "edges").rename(folder / "aside")
    edges = handbag(with_photos, "test")
    for i, stem in enumerate(edges.photo_ids):
        path = folder / "photos" / f"{stem}.jpg"
        np.testing.assert_array_equal(rgb.photos[i], read_image(path, channels=3))
        np.testing.assert_array_equal(edges.photos[i], read_photo_edges(path))


def test_missing_folders(root):
    expected = r"expected sketches/ID\.png with edges/ID\.png or photos/ID\.jpg; there is no folder"
    with pytest.raises(InputError, match=rf"train: {expected} sketches/"):
        handbag(root, "train")
    with pytest.raises(InputError, match=r"test: .* with photos/ID\.jpg; there is no folder photos/"):
        handbag(root, "test", RGB)
    (root / "test" / "edges").rename(root / "test" / "aside")
    with pytest.raises(InputError, match=rf"test: {expected} photos/"):
        handbag(root, "test")


def test_sketch_without_photo(root):
    (root / "test" / "edges" / "10.png").unlink()
    with pytest.raises(
        InputError, match=r"sketches/10\.png: expected its photo .*edges/10\.\*; there is none"
    ):
        handbag(root, "test")


@pytest.mark.parametrize("folder", ["sketches", "edges"])
def test_broken_file(root, folder):
    (root / "test" / folder / "9.png").write_bytes(b"")
    with pytest.raises(InputError, match=rf"{folder}/9\.png: expected an image file; found an empty file"):
        handbag(root, "test")
