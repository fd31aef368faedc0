"""How soon the page of `tfsbir serve` shows photos after the hand has moved, and what that looks like.

    python -m recipes.bench.page --shoes=data/shoev2_photos --sketchy=data/sketchy_mini/photo \
        --quickdraw=data/quickdraw --output=results/bench_page.json --pictures=docs/images

A headless Chromium draws real sketches with the mouse, stroke by stroke, on the page of a server of its own.
Times are from the last event of the mouse to the frame that has the photos' places, names and distances, and
to the moment when the last of their thumbnails is decoded. Needs Playwright (extra `test`), Chromium and
`make web`.
"""

import contextlib
import io
import itertools
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
from absl import flags
from PIL import Image

from recipes.bench.serving import serving
from tfsbir import command, files
from tfsbir.cli.index import find_images
from tfsbir.retrieval import Gallery, open_encoder
from tfsbir.retrieval.encoded_photos import EncodedPhoto
from tfsbir.runs import versions
from tfsbir.strokes import read_ndjson

FLAGS = flags.FLAGS
NUM_MANY = 100_000
NUM_STROKES = 60
SECONDS_A_STROKE, STEPS_A_SECOND = 0.4, 60
# Of these the drawings with so many strokes are drawn.
CLASSES, MIN_STROKES = ("airplane", "guitar", "bicycle", "umbrella", "teapot", "castle"), 5
# Which of them the pictures show: a laced boot and a guitar.
PICTURED = {"shoes": ("shoe", 1), "sketchy": ("guitar", 0)}
WIDTH, HEIGHT = 1280, 940
LISTEN = """
window.searches = [];
document.addEventListener("found", async ({ detail }) => {
    const moved = performance.now() - detail.times.total;
    const images = [...document.querySelectorAll("#found img")];
    await Promise.all(images.map(async (image) => {
        const isEmpty = () => !image.getAttribute("src") && image.closest("li:not(.empty)");
        while (isEmpty()) await new Promise(requestAnimationFrame);
        await image.decode().catch(() => {});
    }));
    const pictures = performance.now() - moved;
    window.searches.push({ ...detail.times, pictures, encodedOn: detail.encodedOn });
});
"""


def main(_):
    drawings = [strokes for drawn in zip(*map(_drawings, CLASSES), strict=False) for strokes in drawn]
    with tempfile.TemporaryDirectory() as folder, a_browser() as browser:
        shoes, sketchy, many = (Path(folder) / name for name in ("shoes", "sketchy", "many"))
        _build("pretrained:shoes", FLAGS.shoes, shoes)
        _build("pretrained:category", FLAGS.sketchy, sketchy)
        for gallery in (shoes, sketchy):
            name, number = PICTURED[gallery.name]
            with serving(gallery) as (url, _):
                page = opened(browser, url)
                show(page, next(itertools.islice(_drawings(name), number, None)))
                _save(page.screenshot(), Path(FLAGS.pictures) / f"serve_{gallery.name}.png")
        if not FLAGS.measure:
            return
        copied(sketchy, many, NUM_MANY)
        rows = []
        for gallery, script in itertools.product((shoes, many), ("", "delete globalThis.WebAssembly;")):
            with serving(gallery) as (url, _):
                rows.append(measured(opened(browser, url, script), drawings))
            print(json.dumps(rows[-1]), flush=True)
        files.write_json(FLAGS.output, {"rows": rows, "chromium": browser.version, **versions()})


def show(page, strokes):
    """Draws strokes and waits for the photos."""
    for stroke in _on_paper(page, strokes):
        draw(page, stroke)
    wait_for(page, "document.getElementById('found').getAttribute('aria-busy') === 'false'")
    page.mouse.move(5, 5)
    page.wait_for_timeout(1000)


def measured(page, drawings):
    """Draws strokes until `NUM_STROKES` were followed by an answer; returns percentiles of times in ms."""
    times = []
    for strokes in drawings:
        page.evaluate("document.getElementById('clear').click()")
        for stroke in _on_paper(page, strokes):
            page.evaluate("window.searches.length = 0")
            draw(page, stroke)
            wait_for(page, "document.getElementById('found').getAttribute('aria-busy') === 'false'")
            page.wait_for_timeout(150)
            # Blank to the model may be what is only a dot.
            if found := page.evaluate("window.searches.at(-1)"):
                times.append(found)
        if len(times) >= NUM_STROKES:
            break
    percentiles = {
        name: dict(
            zip(("p50", "p95"), np.percentile([one[name] for one in times], (50, 95)).round(1), strict=True)
        )
        for name in ("total", "pictures", "encode", "find", "search")
    }
    return {
        "num_photos": page.evaluate(
            "fetch('gallery').then((one) => one.json()).then((one) => one.num_photos)"
        ),
        "encoded_on": times[0]["encodedOn"],
        "num_strokes": len(times),
        "ms": percentiles,
    }


def draw(page, points):
    """Draws a stroke through `(x, y)` in px of the window, at the pace of a hand."""
    page.mouse.move(*points[0])
    page.mouse.down()
    steps = round(SECONDS_A_STROKE * STEPS_A_SECOND)
    for place in np.linspace(0, len(points) - 1, steps)[1:]:
        before, share = int(place), place % 1
        after = points[min(before + 1, len(points) - 1)]
        page.mouse.move(*(points[before] + share * (after - points[before])))
        page.wait_for_timeout(1000 / STEPS_A_SECOND)
    page.mouse.up()


def opened(browser, url, script=""):
    """Returns the page, ready to be drawn on; a script runs before those of the page."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.add_init_script(LISTEN + script)
    page.goto(url)
    wait_for(page, "document.getElementById('status').textContent.startsWith('The paper is blank')")
    return page


def wait_for(page, expression):
    """Waits until an expression is true; the page's policy forbids `wait_for_function`."""
    while not page.evaluate(expression):
        page.wait_for_timeout(10)


@contextlib.contextmanager
def a_browser():
    """Yields a headless Chromium, that of this machine."""
    from playwright.sync_api import sync_playwright  # Of the extra `test`, which other rows do without.

    with sync_playwright() as playwright:
        # A container's root has no sandbox.
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


def copied(source, target, num_photos):
    """Saves a gallery of so many photos: those of another again and again, with noise in the embeddings."""
    gallery = Gallery.open(source)
    photos, embeddings = gallery.photos(), gallery.embeddings()
    places = np.arange(num_photos) % len(photos)
    noise = np.random.default_rng(0).normal(0, 0.02, (num_photos, gallery.dim)).astype("float32")
    noise[: len(photos)] = 0
    vectors = embeddings[places] + noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = (f"{number // len(photos)}/{photos[place].photo_id}" for number, place in enumerate(places))
    encoded = [
        EncodedPhoto(name, photos[place].photo_id, 1, None, "")
        for name, place in zip(names, places, strict=True)
    ]
    many = Gallery.create(target, open_encoder(gallery.encoder_path), gallery.photo_root)
    many.sync_encoded([(encoded, vectors)])
    many.save()


def _build(model, photos, path):
    Gallery.build(open_encoder(model), find_images(Path(photos)), path, progress=False)


def _drawings(name):
    """Yields real sketches of a class, lists of strokes."""
    for drawing in read_ndjson(Path(FLAGS.quickdraw) / f"{name}.ndjson"):
        if len(drawing.sketch.strokes) >= MIN_STROKES:
            yield drawing.sketch.strokes


def _on_paper(page, strokes):
    """Returns strokes in the middle of the paper, in px of the window."""
    left, top, side = page.evaluate(
        "(({ left, top, width }) => [left, top, width])"
        "(document.getElementById('pad').getBoundingClientRect())"
    )
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = 0.8 * side / max(high - low)
    middle = np.array([left, top]) + side / 2
    return [(np.asarray(stroke) - (low + high) / 2) * scale + middle for stroke in strokes]


def _save(png, path):
    image = Image.open(io.BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.FLOYDSTEINBERG)
    data = io.BytesIO()
    image.save(data, "PNG", optimize=True)
    files.write_bytes(path, data.getvalue())


if __name__ == "__main__":
    flags.DEFINE_string("shoes", None, "Folder of photos of shoes.", required=True)
    flags.DEFINE_string("sketchy", None, "Folder of photos of many classes.", required=True)
    flags.DEFINE_string("quickdraw", None, "Folder of `CLASS.ndjson` of Quick, Draw!", required=True)
    flags.DEFINE_string("output", "results/bench_page.json", "Where the JSON goes.")
    flags.DEFINE_string("pictures", "docs/images", "Folder for serve_shoes.png and serve_sketchy.png.")
    flags.DEFINE_bool("measure", True, "Whether to measure; else there are only the pictures.")
    command.run(main)
