"""examples/page in a headless Chromium: pixels, embeddings and ranks as in Python, and its errors."""

import base64
import hashlib
import json
import os
import shutil
import statistics

import numpy as np
import pytest
from PIL import Image, ImageDraw

from export.litert import export_litert
from export.litert_conversion import convert
from export.page_gallery import export_page_gallery
from tests.examples.chromium import Chromium, find_chromium
from tests.examples.page_server import PAGE, PageServer
from tests.export.small_run import write_small_run
from tfsbir import files
from tfsbir.data.images import list_images, read_image
from tfsbir.models import sketch_a_net, squeezenet_encoder
from tfsbir.preprocessing import Preprocessing
from tfsbir.retrieval import Gallery, open_encoder
from tfsbir.strokes import VectorSketch, rasterize
from tfsbir.strokes.reading import bounding_frame

MIN_COSINE = 0.999
MODEL, SETTINGS = "sketch_encoder.tflite", "preprocessing.json"
LISTEN = "document.addEventListener('found', (event) => { window.last = event.detail; });"
WASM = "node_modules/@litertjs/core/wasm/"
# A chair, in shares of the paper.
STROKES = [
    [(0.3, 0.1), (0.3, 0.5), (0.25, 0.9)],
    [(0.3, 0.5), (0.7, 0.55), (0.72, 0.9)],
    [(0.3, 0.12), (0.35, 0.12), (0.36, 0.5)],
]


def need(is_there, reason):
    """Skips where a machine has no browser; a machine that checks changes must have one."""
    if not is_there:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


@pytest.fixture(scope="module")
def browser():
    need(find_chromium(), "needs Chromium on the PATH (apt-get install chromium)")
    need((PAGE / WASM).is_dir(), "needs LiteRT.js (npm ci --prefix examples/page)")
    with Chromium.started(find_chromium()) as started:
        yield started


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_small_run(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def model(run, tmp_path_factory):
    """An export of an encoder of 64 px."""
    folder = tmp_path_factory.mktemp("export") / "model"
    export_litert(run.path, folder, "none")
    return folder


@pytest.fixture(scope="module")
def gallery(run, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery")
    photos = list_images(run.path.parent / "data" / "train" / "edges")
    Gallery.build(open_encoder(model), photos, folder / "gallery", progress=False)
    export_page_gallery(folder / "gallery", folder / "page")
    return folder / "page"


@pytest.fixture
def server(model, gallery):
    with PageServer.started() as started:
        started.folders = {"model": model, "gallery": gallery}
        yield started


@pytest.fixture
def page(browser, server):
    """The page, ready to be drawn on, in a window of a desktop."""
    browser.resize(1100, 900)
    browser.open(server.url, before=LISTEN)
    browser.wait_for("document.getElementById('status').textContent.startsWith('The paper is blank')")
    return browser


def places(browser, strokes):
    """Returns strokes in shares of the paper as places in the window."""
    left, top, side = browser.evaluate(
        "(() => { const pad = document.getElementById('pad'); const box = pad.getBoundingClientRect();"
        "return [box.left + pad.clientLeft, box.top + pad.clientTop, pad.clientWidth]; })()"
    )
    return [[(left + x * side, top + y * side) for x, y in stroke] for stroke in strokes]


def found(browser):
    """Waits for the result of a search and returns it: pixels, embedding, found."""
    detail = browser.wait_for(
        "window.last && { pixels: [...last.pixels], embedding: [...last.embedding], found: last.found }"
    )
    browser.evaluate("window.last = undefined")
    pixels = np.array(detail["pixels"], np.uint8)
    size = round(len(pixels) ** 0.5)
    return pixels.reshape(size, size), np.array(detail["embedding"], np.float32), detail["found"]


def draw(browser, strokes, by="drag"):
    """Draws strokes on the paper and returns what was found after the last."""
    for stroke in places(browser, strokes):
        getattr(browser, by)(stroke)
        result = found(browser)
    return result


def cosine(one, other):
    one, other = np.float64(one), np.float64(other)
    return one @ other / (np.linalg.norm(one) * np.linalg.norm(other))


def problem(browser):
    return browser.wait_for("document.getElementById('problem').textContent")


# What is drawn on the page


def test_strokes_give_the_embedding_that_python_gives_for_their_picture(page, model, tmp_path):
    pixels, embedding, _ = draw(page, STROKES)
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
            "import('./rasterize.js').then(({ rasterize }) =>"
            f"[...rasterize({listed}, 256, 16, {line_width})])"
        )
        frame = bounding_frame(strokes)
        expected = rasterize(VectorSketch(strokes, frame), 256, line_width, margin=16).ravel()
        assert expected.min() < 230
        assert np.max(np.abs(expected.astype(int) - pixels)) <= 1


def test_where_and_how_large_one_draws_makes_no_difference(page):
    _, large, _ = draw(page, STROKES)
    page.evaluate("document.getElementById('clear').click()")
    small = [[(0.5 + x / 2, y / 2) for x, y in stroke] for stroke in STROKES]
    _, other, _ = draw(page, small)
    assert cosine(large, other) > 0.99


@pytest.mark.parametrize("kind", ["256 px", "transparent", "wide", "tall JPEG", "palette", "small", "16-bit"])
def test_a_picture_gives_the_embedding_that_python_gives(page, model, tmp_path, kind):
    path, tolerance = _write_picture(tmp_path, kind)
    page.choose_file("#file", path)
    pixels, embedding, _ = found(page)
    difference = np.abs(read_image(path)[..., 0].astype(int) - pixels)
    assert difference.max() <= tolerance
    encoder = open_encoder(model)
    expected = encoder.encode_sketches(encoder.preprocessing.read_sketch(path)[None])[0]
    assert cosine(embedding, expected) >= MIN_COSINE


def test_a_canvas_gives_the_pixels_of_its_picture(page, tmp_path):
    result = page.evaluate(
        """(async () => {
            const { SketchEncoder } = await import("./sketch_encoder.js");
            const encoder = await SketchEncoder.load("model/", "node_modules/@litertjs/core/wasm/");
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


def test_photos_are_ranked_as_by_brute_force(page, gallery):
    names = json.loads((gallery / "names.json").read_text())
    embeddings = np.fromfile(gallery / "embeddings.bin", "<f4").reshape(len(names["names"]), names["dim"])
    _, embedding, ranked = draw(page, STROKES)
    distances = np.square(embeddings.astype(np.float64) - embedding).sum(axis=1).astype(np.float32)
    expected = np.lexsort((np.arange(len(distances)), distances))[:12]
    assert [one["index"] for one in ranked] == expected.tolist()
    assert [one["name"] for one in ranked] == [names["names"][index] for index in expected]
    np.testing.assert_allclose([one["distance"] for one in ranked], distances[expected], rtol=1e-6)
    shown = page.evaluate("[...document.querySelectorAll('#found .name')].map((name) => name.title)")
    assert shown == [one["name"] for one in ranked]
    page.wait_for("[...document.images].every((image) => image.complete && image.naturalWidth === 128)")


def test_equal_photos_keep_their_order(page):
    ranked = page.evaluate(
        "import('./gallery.js').then(({ Gallery }) => {"
        "const record = { fingerprint: '', dim: 1, names: ['a', 'b', 'c', 'd'] };"
        "return new Gallery('', record, Float32Array.of(2, 1, 2, 0)).nearest(Float32Array.of(1), 3); })"
    )
    assert [(one["name"], one["distance"]) for one in ranked] == [("b", 0), ("a", 1), ("c", 1)]


# Hands, keys and screens


def test_a_finger_draws_and_nothing_is_wider_than_a_phone(browser, server):
    browser.resize(360, 740, scale=2, is_phone=True)
    browser.open(server.url, before=LISTEN)
    browser.wait_for("document.getElementById('status').textContent.startsWith('The paper is blank')")
    pixels, _, _ = draw(browser, STROKES, by="swipe")
    assert pixels.min() < 100
    assert browser.evaluate("[document.documentElement.scrollWidth, scrollY]") == [360, 0]
    heights = browser.evaluate("[...document.querySelectorAll('button')].map((one) => one.offsetHeight)")
    assert min(heights) >= 44


def test_undo_and_clear(page):
    def ink():
        """Counts the black dots on the paper."""
        return page.evaluate(
            "(() => { const pad = document.getElementById('pad');"
            "const pixels = pad.getContext('2d').getImageData(0, 0, pad.width, pad.height).data;"
            "return pixels.filter((value) => value === 0).length; })()"
        )

    def are_disabled():
        return page.evaluate("['undo', 'clear'].map((name) => document.getElementById(name).disabled)")

    assert are_disabled() == [True, True]
    first, _, _ = draw(page, STROKES[:1])
    ink_of_first = ink()
    draw(page, STROKES[1:])
    assert ink() > ink_of_first
    page.evaluate("document.getElementById('undo').click()")
    found(page)
    page.press("z", control=True)
    again, _, _ = found(page)
    np.testing.assert_array_equal(again, first)
    assert ink() == ink_of_first
    page.evaluate("document.getElementById('clear').click()")
    page.wait_for("document.getElementById('status').textContent.startsWith('The paper is blank')")
    assert ink() == 0
    assert are_disabled() == [True, True]
    assert page.evaluate("document.querySelectorAll('#found li').length") == 0


def test_the_keyboard_draws(page, model):
    page.evaluate("document.getElementById('pad').focus()")
    page.press(" ")
    for key in (
        "ArrowRight",
        "ArrowRight",
        "ArrowDown",
        "ArrowDown",
        "ArrowRight",
        "ArrowRight",
        "ArrowDown",
    ):
        page.press(key)
    page.press("ArrowDown", shift=True)
    page.press(" ")
    pixels, _, _ = found(page)
    stairs = VectorSketch([np.float32([[0, 0], [2, 0], [2, 2], [4, 2], [4, 3.25]])], (0, 0, 4, 3.25))
    width = json.loads((model / "encoder.json").read_text())["models"][MODEL]["line_width"]
    difference = np.abs(rasterize(stairs, 256, width, margin=16)[..., 0].astype(int) - pixels)
    assert difference.max() <= 1
    page.press("Backspace")
    page.wait_for("document.getElementById('status').textContent.startsWith('The paper is blank')")


def test_everything_has_a_name_for_who_cannot_see_it(page):
    draw(page, STROKES[:1])
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    named = {
        (node["role"]["value"], node["name"]["value"])
        for node in nodes
        if not node["ignored"] and "name" in node
    }
    wanted = {("application", "Paper to draw on"), ("heading", "Draw, and find the photo")}
    wanted |= {("button", name) for name in ("Undo", "Clear", "Open a picture")}
    assert wanted <= named
    assert not [role for role, name in named if role in ("button", "image", "textbox") and not name]


def test_nothing_is_asked_from_elsewhere(page, server):
    draw(page, STROKES[:1])
    origin = server.url.removesuffix("index.html")
    assert len(page.requests) > 10
    assert [url for url in page.requests if not url.startswith((origin, "data:"))] == []
    # The policy would stop what tries to.
    assert (
        page.evaluate("fetch('http://127.0.0.2:9/').then(() => 'sent', (error) => error.message)")
        == "Failed to fetch"
    )
    assert any("Content Security Policy" in message for message in page.messages)


# What is wrong is said


def test_blank_paper_is_told(page, tmp_path):
    Image.new("RGB", (100, 50), "white").save(tmp_path / "white.png")
    page.evaluate("document.getElementById('status').textContent = ''")
    page.choose_file("#file", tmp_path / "white.png")
    status = page.wait_for("document.getElementById('status').textContent")
    assert status.startswith("The paper is blank. Draw an object")


def test_a_file_that_is_no_picture_is_told(page, tmp_path):
    (tmp_path / "notes.png").write_text("no picture")
    page.choose_file("#file", tmp_path / "notes.png")
    assert problem(page) == "notes.png: This file cannot be read as a picture."
    draw(page, STROKES[:1])
    assert page.evaluate("document.getElementById('problem').hidden")


def test_a_browser_without_webassembly_is_told(browser, server):
    browser.open(server.url, before="delete globalThis.WebAssembly;")
    assert problem(browser).startswith("This browser has no WebAssembly")


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("model", r"model/.* is missing (404). README.md says how to export a model to there."),
        ("gallery", r"gallery/.* is missing (404). README.md says how to make a gallery there."),
        ("node_modules", "The LiteRT runtime is missing. Run `npm ci` in the folder of this page."),
    ],
    ids=["model", "gallery", "node_modules"],
)
def test_what_is_missing_is_told(browser, server, missing, message):
    server.folders[missing] = None
    browser.open(server.url)
    first, _, last = message.partition(".*")
    told = problem(browser)
    assert told.startswith(first)
    assert told.endswith(last)


def _change_json(path, **values):
    files.write_json(path, {**json.loads(path.read_text()), **values})


def _overwrite(path, start, data):
    content = bytearray(path.read_bytes())
    content[start : start + len(data)] = data
    path.write_bytes(content)


def _sign(folder):
    sha256 = hashlib.sha256((folder / MODEL).read_bytes()).hexdigest()
    _change_json(folder / "encoder.json", files={MODEL: sha256})


def _cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


UNFIT_MODELS = {
    "no model": (
        lambda folder: (folder / MODEL).write_text("<html>"),
        "is damaged: it must be a LiteRT model",
    ),
    "cut": (lambda folder: _cut(folder / MODEL), "is damaged: it is not the file that encoder.json"),
    "cut and signed": (lambda folder: (_cut(folder / MODEL), _sign(folder)), "is damaged, or of a kind"),
    "weights": (
        lambda folder: _overwrite(folder / MODEL, 9000, b"\xff" * 9),
        "is damaged: it is not the file",
    ),
    "size": (
        lambda folder: _change_json(folder / SETTINGS, image_size=225),
        "must take float32 [1, 225, 225, 1], as preprocessing.json says. Received: float32 [1, 64, 64, 1]",
    ),
    "dim": (
        lambda folder: _change_json(folder / SETTINGS, embedding_dim=7),
        "must give float32 [1, 7], as preprocessing.json says. Received: float32 [1, 288]",
    ),
    "settings": (lambda folder: (folder / SETTINGS).write_text("{"), "must be JSON; it is damaged"),
    "polarity": (
        lambda folder: _change_json(folder / SETTINGS, polarity="white_on_black"),
        '"polarity" must be "black_on_white" for this page. Received: "white_on_black"',
    ),
    "range": (lambda folder: _change_json(folder / SETTINGS, range=[0, 1]), '"range" must be [-1, 1]'),
    "kind": (
        lambda folder: _change_json(folder / "encoder.json", kind="saved_model"),
        '"kind" must be "litert" for this page. Received: "saved_model"',
    ),
}


@pytest.mark.parametrize("case", UNFIT_MODELS)
def test_an_unfit_model_is_told(browser, server, tmp_path, case):
    change, message = UNFIT_MODELS[case]
    shutil.copytree(server.folders["model"], tmp_path / "model")
    change(tmp_path / "model")
    server.folders["model"] = tmp_path / "model"
    browser.open(server.url)
    told = problem(browser)
    assert told.startswith("model/")
    assert message in told
    assert browser.evaluate("document.getElementById('status').textContent") == ""


@pytest.mark.parametrize(
    ("arguments", "message", "untold"),
    [
        (
            {"quantize": "int8", "interface": "int8", "num_calibration": 4, "min_cosine": 0.0},
            '"interface" must be "float32" for this page. Received: "int8"',
            "INT8 is not supported",
        ),
        (
            {"quantize": "none", "preprocessing": "inside"},
            '"preprocessing" must be "outside" for this page. Received: "inside"',
            "must take float32 [1, 64, 64, 1], as preprocessing.json says. Received: uint8 [1, 256, 256, 1]",
        ),
    ],
    ids=["int8 interface", "preprocessing inside"],
)
def test_other_kinds_of_exports_are_refused(browser, server, run, tmp_path, arguments, message, untold):
    export_litert(run.path, tmp_path / "model", **arguments, max_norm_error=1.0)
    server.folders["model"] = tmp_path / "model"
    browser.open(server.url)
    assert message in problem(browser)
    # And if the export did not say so.
    _change_json(tmp_path / "model" / "encoder.json", models={})
    browser.open(server.url)
    assert untold in problem(browser)


def test_a_distilled_encoder_searches_its_teachers_gallery(browser, server, model, tmp_path):
    shutil.copytree(model, tmp_path / "model")
    teacher = json.loads((model / "encoder.json").read_text())["fingerprint"]
    _change_json(tmp_path / "model" / "encoder.json", fingerprint="student", teacher=teacher)
    server.folders["model"] = tmp_path / "model"
    browser.open(server.url)
    browser.wait_for("document.getElementById('status').textContent.startsWith('The paper is blank')")


NAMES, EMBEDDINGS = "names.json", "embeddings.bin"
UNFIT_GALLERIES = {
    "cut": (
        lambda folder: _cut(folder / EMBEDDINGS),
        "gallery/embeddings.bin must have 18432 bytes (16 photos of 288)",
    ),
    "not JSON": (
        lambda folder: (folder / NAMES).write_text("["),
        "gallery/names.json must be JSON; it is damaged.",
    ),
    "names": (
        lambda folder: _change_json(folder / NAMES, names=[]),
        'gallery/names.json must hold "names", "dim"',
    ),
    "encoder": (
        lambda folder: _change_json(folder / NAMES, fingerprint="other"),
        "The gallery was made by another encoder than this model.",
    ),
}


@pytest.mark.parametrize("case", UNFIT_GALLERIES)
def test_an_unfit_gallery_is_told(browser, server, tmp_path, case):
    change, message = UNFIT_GALLERIES[case]
    shutil.copytree(server.folders["gallery"], tmp_path / "gallery")
    change(tmp_path / "gallery")
    server.folders["gallery"] = tmp_path / "gallery"
    browser.open(server.url)
    assert problem(browser).startswith(message)


# Encoders of the size that is trained


ENCODE_20_TIMES = """(async () => {
    const times = [];
    for (let i = 0; i < 20; i++) {
        const start = performance.now();
        await encoder.encode(pixels);
        times.push(performance.now() - start);
    }
    return times;
})()"""


@pytest.mark.parametrize("build", [squeezenet_encoder, sketch_a_net], ids=lambda build: build.__name__)
def test_an_int8_encoder_takes_less_than_40_ms(page, server, tmp_path, build):
    _write_int8_export(build(), tmp_path / "model")
    server.folders["model"] = tmp_path / "model"
    strokes = json.dumps(STROKES)
    page.evaluate(
        "import('./sketch_encoder.js').then(async ({ SketchEncoder }) => {"
        f"window.encoder = await SketchEncoder.load('model/', '{WASM}');"
        f"window.pixels = encoder.pixelsOfStrokes({strokes});"
        "for (let i = 0; i < 5; i++) await encoder.encode(pixels); })"
    )
    page.call("Performance.enable", timeDomain="threadTicks")
    # On a machine with other work the clock tells of that, so the tab's own time is checked, that of the
    # one thread that encodes; and the least of a few rounds, since two threads of a core share its caches.
    milliseconds, on_the_clock = [], []
    while len(milliseconds) < 20 and (not milliseconds or min(milliseconds) >= 40):
        before = _thread_time(page)
        on_the_clock.append(statistics.median(page.evaluate(ENCODE_20_TIMES)))
        milliseconds.append(1000 * (_thread_time(page) - before) / 20)
    print(f"{build.__name__}: {min(milliseconds):.1f} ms a sketch, {min(on_the_clock):.1f} on the clock")
    assert min(milliseconds) < 40

    embedding = page.evaluate("encoder.encode(pixels).then((embedding) => [...embedding])")
    sketch = VectorSketch(
        [np.array(stroke) for stroke in STROKES], bounding_frame(list(map(np.array, STROKES)))
    )
    encoder = open_encoder(tmp_path / "model")
    image = encoder.preprocessing.center(rasterize(sketch, 256, margin=16)[None])
    assert cosine(embedding, encoder.encode_sketches(image)[0]) >= MIN_COSINE


def _thread_time(browser):
    """Returns how long the page's thread has worked so far, in seconds."""
    metrics = browser.call("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "ThreadTime")


def _write_int8_export(encoder, folder):
    """Writes what the page reads of an int8 export, of an untrained encoder."""
    folder.mkdir()
    _, size, _, channels = encoder.input_shape
    images = np.ones((2, size, size, channels), np.float32)
    images[0, 60:170, 100:104] = images[1, 90:94, 30:200] = -1
    files.write_bytes(folder / MODEL, convert(encoder, "int8", images))
    files.write_json(folder / SETTINGS, Preprocessing(size, encoder.output_shape[1]).to_json())
    files.write_json(folder / "encoder.json", {"fingerprint": "untrained", "kind": "litert"})
