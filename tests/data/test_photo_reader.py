"""Reading photos as edge maps or in colour, and the maps that are kept."""

import dataclasses
import pickle

import numpy as np
import pytest
from PIL import Image

from tests.tiny_forest import tiny_forest, write_forest
from tfsbir.data import photo_reader
from tfsbir.data.edge_maps import edge_map
from tfsbir.data.images import list_images, read_image, read_photo_edges
from tfsbir.data.photo_reader import EDGES, RGB, PhotoReader
from tfsbir.data.structured_edges import StructuredEdges
from tfsbir.data.worker_pool import worker_pool
from tfsbir.errors import InputError


def write_photo(path, seed=0, height=120, width=200):
    """Writes a photo of a dark box on grey, whose place follows from the seed."""
    pixels = np.full((height, width, 3), 180, np.uint8)
    top, left = np.random.default_rng(seed).integers(10, 50, 2)
    pixels[top : top + 50, left : left + 90] = (20, 60, 110)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def photo(tmp_path):
    return write_photo(tmp_path / "photo.png")


@pytest.fixture
def finds(monkeypatch):
    """A list that grows by one whenever Canny's edges are computed."""
    calls = []

    def counted(image):
        calls.append(image.shape)
        return edge_map(image)

    monkeypatch.setattr(photo_reader, "edge_map", counted)
    return calls


def kept_maps(folder):
    return sorted(folder.glob("edges/*/*.png"))


def test_edges_and_colours(photo):
    assert (EDGES.photo_input, EDGES.channels) == ("edges", 1)
    assert (RGB.photo_input, RGB.channels, RGB.edge_detector) == ("rgb", 3, None)
    edges = EDGES(photo)
    np.testing.assert_array_equal(edges, read_photo_edges(photo))
    assert (edges.shape, edges.dtype, edges.min() < 128) == ((256, 256, 1), np.uint8, True)
    np.testing.assert_array_equal(RGB(photo), read_image(photo, channels=3))
    assert EDGES == PhotoReader() != RGB == PhotoReader("rgb")


def test_forest(tmp_path):
    path = write_forest(tmp_path / "model.yml.gz")
    reader = PhotoReader(edge_model=path)
    square = write_photo(tmp_path / "square.png", height=256, width=256)
    expected = StructuredEdges(path)(read_image(square, channels=3))
    np.testing.assert_array_equal(reader(square), expected)
    assert expected.min() < 128
    # The grey photo on the white canvas has a frame which is no edge.
    wide = reader(write_photo(tmp_path / "wide.png", height=100, width=200))
    assert wide.shape == (256, 256, 1)
    assert np.all(wide[:66] == 255)
    assert np.all(wide[-66:] == 255)


def test_edge_detector_tells_forests_apart(tmp_path):
    first = PhotoReader(edge_model=write_forest(tmp_path / "a.yml"))
    copy = PhotoReader(edge_model=write_forest(tmp_path / "b.yml.gz"))
    other = PhotoReader(edge_model=write_forest(tmp_path / "c.yml", **tiny_forest(weak=0.4)))
    assert first.edge_detector == copy.edge_detector
    assert len({EDGES.edge_detector, first.edge_detector, other.edge_detector}) == 3


def test_forest_that_changed(tmp_path, photo):
    path = write_forest(tmp_path / "model.yml")
    reader = PhotoReader(edge_model=path)
    write_forest(path, **tiny_forest(weak=0.45, strong=0.9))
    with pytest.raises(InputError, match=r"model\.yml: expected the forest of before; the file has changed"):
        reader(photo)


@pytest.mark.parametrize("photo_input", ["edges", "rgb"])
def test_pickle(photo, tmp_path, photo_input):
    reader = PhotoReader(photo_input, cache_dir=tmp_path / "cache")
    again = pickle.loads(pickle.dumps(reader))
    assert again == reader
    np.testing.assert_array_equal(again(photo), reader(photo))


def test_kept_map_is_not_computed_again(tmp_path, photo, finds):
    reader = PhotoReader(cache_dir=tmp_path / "cache")
    first = reader(photo)
    np.testing.assert_array_equal(first, EDGES(photo))
    del finds[:]
    again = reader(photo)
    assert finds == []
    assert again.shape == (256, 256, 1)
    np.testing.assert_array_equal(again, first)
    (kept,) = kept_maps(tmp_path / "cache")
    assert len(kept.stem) == 64
    assert kept.parent.name == kept.stem[:2]
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]  # Nothing half written beside it.


def test_real_photos(tmp_path, shared_data, finds):
    reader = PhotoReader(cache_dir=tmp_path)
    paths = list_images(shared_data / "chairv2" / "photo")[:6]
    first = [reader(path) for path in paths]
    assert len(finds) == len(kept_maps(tmp_path)) == 6
    again = [reader(path) for path in paths]
    assert len(finds) == 6
    np.testing.assert_array_equal(again, first)
    np.testing.assert_array_equal(first, [read_photo_edges(path) for path in paths])


def test_renamed_photo_finds_its_map(tmp_path, photo, finds):
    reader = PhotoReader(cache_dir=tmp_path / "cache")
    first = reader(photo)
    (tmp_path / "elsewhere").mkdir()
    np.testing.assert_array_equal(reader(photo.rename(tmp_path / "elsewhere" / "renamed.jpg")), first)
    assert len(finds) == 1


def test_changed_photo_gets_another_map(tmp_path, photo, finds):
    reader = PhotoReader(cache_dir=tmp_path / "cache")
    first = reader(photo)
    write_photo(photo, seed=1)
    assert np.any(reader(photo) != first)
    assert len(finds) == len(kept_maps(tmp_path / "cache")) == 2


def test_other_settings_get_other_maps(tmp_path, photo, monkeypatch):
    cache = tmp_path / "cache"
    canny = PhotoReader(cache_dir=cache)(photo)
    forest = write_forest(tmp_path / "a.yml")
    structured = PhotoReader(edge_model=forest, cache_dir=cache)(photo)
    assert np.any(structured != canny)
    np.testing.assert_array_equal(structured, PhotoReader(edge_model=forest)(photo))
    other = write_forest(tmp_path / "b.yml", **tiny_forest(weak=0.45, strong=0.9))
    PhotoReader(edge_model=other, cache_dir=cache)(photo)
    monkeypatch.setattr(photo_reader, "CANNY", "canny with other settings")
    PhotoReader(cache_dir=cache)(photo)
    monkeypatch.setattr(photo_reader, "CACHE_VERSION", photo_reader.CACHE_VERSION + 1)
    PhotoReader(cache_dir=cache)(photo)
    assert len(kept_maps(cache)) == 5


def test_colours_are_not_kept(tmp_path, photo):
    np.testing.assert_array_equal(PhotoReader("rgb", cache_dir=tmp_path / "cache")(photo), RGB(photo))
    assert kept_maps(tmp_path / "cache") == []


def damage(kind, path):
    data = bytearray(path.read_bytes())
    if kind == "empty":
        data = b""
    elif kind == "words":
        data = b"words"
    elif kind == "cut":
        data = data[: len(data) // 2]
    elif kind == "one bit":
        data[len(data) // 2] ^= 4
    else:
        size, channels = (128, 1) if kind == "small" else (256, 3)
        Image.fromarray(np.zeros((size, size, channels), np.uint8).squeeze()).save(path)
        return
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["empty", "words", "cut", "one bit", "small", "colours"])
def test_damaged_map_is_made_anew(tmp_path, photo, finds, kind):
    reader = PhotoReader(cache_dir=tmp_path / "cache")
    first = reader(photo)
    (kept,) = kept_maps(tmp_path / "cache")
    whole = kept.read_bytes()
    damage(kind, kept)
    np.testing.assert_array_equal(reader(photo), first)
    assert len(finds) == 2
    assert kept.read_bytes() == whole
    reader(photo)
    assert len(finds) == 2


def test_map_damaged_anywhere(tmp_path, photo):
    """No changed byte gets through, wherever it is, nor does any other error come up."""
    reader = PhotoReader(cache_dir=tmp_path / "cache")
    first = reader(photo)
    (kept,) = kept_maps(tmp_path / "cache")
    whole = kept.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(60):
        data = bytearray(whole[: random.integers(len(whole) // 4, 2 * len(whole))])
        data[random.integers(len(data))] ^= 1 << random.integers(8)
        kept.write_bytes(data)
        np.testing.assert_array_equal(reader(photo), first)


@pytest.mark.parametrize("with_forest", [False, True])
def test_processes_share_a_folder(tmp_path, with_forest):
    model = write_forest(tmp_path / "model.yml") if with_forest else None
    paths = [write_photo(tmp_path / f"{seed}.png", seed) for seed in range(6)]
    reader = PhotoReader(edge_model=model, cache_dir=tmp_path / "cache")
    with worker_pool(2) as pool:
        maps = list(pool.map(reader, [path for path in paths for _ in range(4)]))
    expected = [PhotoReader(edge_model=model)(path) for path in paths]
    np.testing.assert_array_equal(maps[::4], expected)
    np.testing.assert_array_equal(maps[3::4], expected)
    assert len(kept_maps(tmp_path / "cache")) == 6
    assert len([path for path in (tmp_path / "cache").rglob("*") if path.is_file()]) == 6


def test_photo_that_cannot_be_read(tmp_path):
    (tmp_path / "words.png").write_text("words")
    for reader in (EDGES, RGB, PhotoReader(cache_dir=tmp_path / "cache")):
        with pytest.raises(InputError, match=r"none\.png: expected an image file; no such file"):
            reader(tmp_path / "none.png")
        with pytest.raises(InputError, match="expected an image file; found a folder"):
            reader(tmp_path)
        with pytest.raises(InputError, match=r"words\.png: expected an image \(.*; found something else"):
            reader(tmp_path / "words.png")
    assert kept_maps(tmp_path / "cache") == []


def test_folder_that_cannot_be_written_to(tmp_path, photo):
    (tmp_path / "file").write_bytes(b"")
    for folder in (tmp_path / "file", tmp_path / "file" / "cache", "/proc/no-such-folder"):
        with pytest.raises(InputError, match=rf"{folder}: expected a folder to write edge maps to; "):
            PhotoReader(cache_dir=folder)
    reader = PhotoReader(cache_dir=tmp_path / "cache")
    (tmp_path / "cache" / "edges").write_bytes(b"")
    with pytest.raises(InputError, match=r"edges/..: expected a folder to write edge maps to; not a dir"):
        reader(photo)


def test_errors(tmp_path):
    with pytest.raises(ValueError, match=r'`photo_input` must be "edges" or "rgb"\. Received: .grey.'):
        PhotoReader("grey")
    path = write_forest(tmp_path / "model.yml")
    with pytest.raises(ValueError, match=r'`edge_model` must be None where `photo_input` is "rgb"'):
        PhotoReader("rgb", edge_model=path)
    with pytest.raises(InputError, match=r"none\.yml: expected a forest such as .*; no such file"):
        PhotoReader(edge_model=tmp_path / "none.yml")
    with pytest.raises(dataclasses.FrozenInstanceError):
        EDGES.photo_input = "rgb"
