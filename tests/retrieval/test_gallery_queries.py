"""Queries of every kind: a sketch's file, its bytes or pixels, a photo, strokes, an embedding."""

import re

import numpy as np
import pytest
from PIL import Image

from tests.retrieval.tiny_run import write_tiny_run
from tfsbir.errors import InputError
from tfsbir.retrieval import Gallery, open_encoder
from tfsbir.strokes import VectorSketch, rasterize

STROKES = [[(10, 20), (60, 70), (12, 66)], [(36, 40), (31, 47), (42, 51)]]


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    work = tmp_path_factory.mktemp("queries")
    write_tiny_run(work / "run", is_siamese=False, photo_input="rgb")
    random = np.random.default_rng(0)
    (work / "photos").mkdir()
    for number in range(6):
        pixels = random.integers(0, 256, (6, 8, 3), np.uint8)
        Image.fromarray(pixels).resize((160, 120)).save(work / "photos" / f"{number}.png")
    paths = [work / "photos" / f"{number}.png" for number in range(6)]
    Gallery.build(open_encoder(work / "run"), paths, work / "gallery", progress=False)
    return Gallery.open(work / "gallery", open_encoder(work / "run"))


@pytest.fixture(scope="module")
def sketch(gallery):
    """Strokes drawn as the library draws them, as a file."""
    frame = (10, 20, 60, 70)
    image = rasterize(VectorSketch(STROKES, frame), 256, margin=16)
    path = gallery.path.parent / "sketch.png"
    Image.fromarray(image[..., 0]).save(path)
    return path


def test_a_sketch_is_the_same_as_file_bytes_pixels_and_strokes(gallery, sketch):
    expected = gallery.encode_query(sketch=sketch)
    assert (expected.dtype, expected.shape) == (np.float32, (8,))
    prepared = gallery.preprocessing.read_sketch(sketch)
    for query in (
        {"sketch": sketch.read_bytes()},
        {"sketch": str(sketch)},
        {"sketch": prepared},
        {"strokes": STROKES},
        {"strokes": [np.array(stroke) * 3.0 - 500 for stroke in STROKES]},  # Where and how large: no matter.
    ):
        np.testing.assert_allclose(gallery.encode_query(**query), expected, atol=1e-5)
    (embedding,) = gallery.encoder.encode_sketches(prepared[None])
    np.testing.assert_allclose(expected, embedding, atol=1e-6)


def test_a_photo_finds_itself(gallery):
    path = gallery.photo("4.png").path
    for photo in (path, path.read_bytes(), gallery.preprocessing.read_photo(path)):
        first = gallery.find(gallery.encode_query(photo=photo), k=3)[0]
        assert first.photo.photo_id == "4.png"
        assert first.distance == pytest.approx(0, abs=1e-6)


def test_find_says_what_search_says(gallery, sketch):
    vector = gallery.encode_query(sketch=sketch)
    matches = gallery.find(vector, k=4)
    (distances,), (gallery_ids,) = gallery.search(vector[None], 4)
    assert [match.distance for match in matches] == distances.tolist()
    assert [match.photo for match in matches] == gallery.photos(gallery_ids)


def test_other_queries_are_refused(gallery, sketch):
    for query in ({}, {"sketch": sketch, "strokes": STROKES}):
        with pytest.raises(ValueError, match="one of `sketch`, `photo` and `strokes` must be given"):
            gallery.encode_query(**query)
    with pytest.raises(ValueError, match=re.escape("`vector` must have the shape (8,). Received: (1, 8)")):
        gallery.find(np.zeros((1, 8)))
    for query, message in (
        (
            {"sketch": b"no image"},
            "the image: expected an image (PNG, JPEG, WEBP, BMP, GIF, TIFF); found some",
        ),
        ({"sketch": b""}, "the image: expected an image file; found an empty file (0 bytes)"),
        ({"strokes": []}, "the drawing: expected a drawing; found a blank image"),
        ({"sketch": np.ones((64, 64, 1), np.float32)}, "the drawing: expected a drawing; found a blank"),
    ):
        with pytest.raises(InputError, match=re.escape(message)):
            gallery.encode_query(**query)
    for strokes in ([[(0, np.nan), (1, 1)]], [[(0, 1, 2)]], [[]]):
        with pytest.raises(ValueError, match="`strokes` must be "):
            gallery.encode_query(strokes=strokes)


def test_strokes_are_as_wide_as_in_training(tmp_path):
    encoder = open_encoder("pretrained:shoes")
    assert encoder.line_width == 0.93
    frame = (10, 20, 60, 70)
    image = rasterize(VectorSketch(STROKES, frame), 256, line_width=0.93, margin=16)
    expected = encoder.preprocessing.center(image[None])[0]
    np.testing.assert_array_equal(encoder.draw_sketch(STROKES), expected)
    assert encoder.draw_sketch([]).min() == 1.0
    assert open_encoder(write_tiny_run(tmp_path / "run").path).line_width is None
