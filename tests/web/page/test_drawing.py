"""Pixels, embeddings and ranks of the page are those of Python."""

import base64
import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.web.page.on_page import MIN_COSINE, MODEL, STROKES, after, cosine, draw, names, wait_for
from tfsbir.data.images import read_image
from tfsbir.retrieval import open_encoder
from tfsbir.strokes import VectorSketch, rasterize
from tfsbir.strokes.reading import bounding_frame


def test_strokes_give_the_embedding_that_python_gives_for_their_picture(page, model, tmp_path):
    found = draw(page, STROKES)
    pixels, embedding = found["pixels"], found["embedding"]
    png = page.evaluate("document.querySelector('#seen canvas').toDataURL('image/png')")
    (tmp_path / "drawn.png").write_bytes(base64.b64decode(png.partition(",")[2]))
    np.testing.assert_array_equal(read_image(tmp_path / "drawn.png")[..., 0], pixels)
    encoder = open_encoder(model)
    sketch = encoder.preprocessing.read_sketch(tmp_path / "drawn.png")
    expected = encoder.encode_sketches(sketch[None])[0]
    assert cosine(embedding, expected) >= MIN_COSINE
    # And another drawing is another one.
    blank = encoder.encode_sketches(np.ones_like(sketch)[None])[0]
    assert cosine(expected, blank) < MIN_COSINE

    sketch = VectorSketch([np.array(stroke) for stroke in STROKES], (0.25, 0.1, 0.72, 0.9))
    width = json.loads((model / "encoder.json").read_text())["models"][MODEL]["line_width"]
    assert 0.5 < width < 1.5  # The run's drawings have a line of 1 px.
    drawn = rasterize(sketch, 256, width, margin=16)[..., 0]
    # The pointer's places are whole px of the screen.
    assert np.mean(np.abs(drawn.astype(int) - pixels)) < 1


@pytest.mark.parametrize("line_width", [0.4, 1, 2, 3.7])
def test_strokes_are_drawn_as_in_python(page, line_width):
    rng = np.random.default_rng(0)
    sketches = [
        [rng.uniform(-3, 300, (count, 2)) for count in (2, 40, 1, 7)],
        [np.cumsum(rng.normal(0, 1, (200, 2)), axis=0)],
        [np.float64([[5, 5]])],
        [np.float64([[1, 2], [1, 2], [1, 9], [1, 9]])],
        [np.float64([[0, 0], [9, 0]]), np.float64([[0, 0], [4, 3], [9, 9], [0, 9]])],
    ]
    for strokes in sketches:
        strokes = [np.float32(stroke) for stroke in strokes]
        listed = json.dumps([stroke.tolist() for stroke in strokes])
        pixels = page.evaluate(
            "import('/page/rasterize.js').then(({ rasterize }) =>"
            f"[...rasterize({listed}, 256, 16, {line_width})])"
        )
        frame = bounding_frame(strokes)
        expected = rasterize(VectorSketch(strokes, frame), 256, line_width, margin=16).ravel()
        assert expected.min() < 230
        assert np.max(np.abs(expected.astype(int) - pixels)) <= 1


def test_where_and_how_large_one_draws_makes_no_difference(page):
    large = draw(page, STROKES)["embedding"]
    page.click("#clear")
    small = [[(0.5 + x / 2, y / 2) for x, y in stroke] for stroke in STROKES]
    other = draw(page, small)
    assert cosine(large, other["embedding"]) > 0.99


@pytest.mark.parametrize("kind", ["256 px", "transparent", "wide", "tall JPEG", "palette", "small", "16-bit"])
def test_a_picture_gives_the_embedding_that_python_gives(page, model, tmp_path, kind):
    path, tolerance = _write_picture(tmp_path, kind)
    found = after(page, lambda: page.set_input_files("#file", path))
    pixels, embedding = found["pixels"], found["embedding"]
    difference = np.abs(read_image(path)[..., 0].astype(int) - pixels)
    assert difference.max() <= tolerance
    encoder = open_encoder(model)
    expected = encoder.encode_sketches(encoder.preprocessing.read_sketch(path)[None])[0]
    assert cosine(embedding, expected) >= MIN_COSINE


def test_a_canvas_gives_the_pixels_of_its_picture(page, tmp_path):
    result = page.evaluate(
        """(async () => {
            const { SketchEncoder } = await import("/page/sketch_encoder.js");
            const encoder = await SketchEncoder.load("model/", "packages/@litertjs/core/wasm/");
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [300, 200];
            const context = canvas.getContext("2d");
            for (const [x, y] of [[40, 160], [250, 20], [150, 190]]) context.lineTo(x, y);
            context.stroke();
            const pixels = [...(await encoder.pixelsOfImage(canvas))];
            encoder.delete();
            return { png: canvas.toDataURL("image/png"), pixels };
        })()"""
    )
    (tmp_path / "canvas.png").write_bytes(base64.b64decode(result["png"].partition(",")[2]))
    expected = read_image(tmp_path / "canvas.png").ravel()
    assert expected.min() < 128
    assert np.max(np.abs(expected.astype(int) - result["pixels"])) <= 1


def _write_picture(folder, kind):
    """Returns the path of a picture of lines, and by how much its greys may differ from Python's, at most."""
    size = {"wide": (1001, 333), "tall JPEG": (301, 787), "small": (60, 41)}.get(kind, (256, 256))
    mode, paper = ("RGBA", (0, 0, 0, 0)) if kind == "transparent" else ("RGB", "white")
    image = Image.new(mode, size, paper)
    pen = ImageDraw.Draw(image)
    rng = np.random.default_rng(1)
    for color in ("black", "red", (40, 90, 200), "black"):
        points = (rng.uniform(0.1, 0.9, (6, 2)) * size).ravel().tolist()
        pen.line(points, fill=color, width=max(1, max(size) // 100), joint="curve")
    if kind == "tall JPEG":
        image.save(folder / "sketch.jpg", quality=90)
        return (
            folder / "sketch.jpg",
            24,
        )  # Red lines have less of their colour in one decoder than in another.
    if kind == "palette":
        image = image.quantize(7)
    elif kind == "16-bit":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    image.save(folder / "sketch.png")
    return folder / "sketch.png", 1 if kind == "transparent" else 0


def test_photos_are_ranked_as_by_brute_force(page, site):
    record = json.loads((site / "gallery" / "names.json").read_text())
    embeddings = np.fromfile(site / "gallery" / "embeddings.bin", "<f4").reshape(-1, record["dim"])
    assert len(embeddings) == len(record["names"])
    found = draw(page, STROKES)
    distances = np.square(embeddings.astype(np.float64) - found["embedding"]).sum(axis=1).astype(np.float32)
    expected = np.lexsort((np.arange(len(distances)), distances))[:12]
    assert names(found) == [record["names"][index] for index in expected]
    found_distances = [result["distance"] for result in found["results"]]
    np.testing.assert_allclose(found_distances, distances[expected], rtol=1e-6)
    shown = page.locator("#found .name").all_text_contents()
    assert shown == [name.removesuffix(".png") for name in names(found)]
    wait_for(
        page, "[...document.querySelectorAll('#found img')].every((image) => image.naturalWidth === 256)"
    )


def test_equal_photos_keep_their_order(page):
    ranked = page.evaluate(
        "import('/page/gallery.js').then(({ Gallery }) => {"
        "const record = { fingerprint: '', dim: 1, names: ['a', 'b', 'c', 'd'] };"
        "const gallery = new Gallery('', record, Float32Array.of(2, 1, 2, 0));"
        "return gallery.find({ vector: Float32Array.of(1) }, { count: 3 }); })"
    )
    assert [(one["name"], one["distance"]) for one in ranked["results"]] == [("b", 0), ("a", 1), ("c", 1)]
