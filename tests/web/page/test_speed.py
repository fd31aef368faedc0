"""Encoders of the size that is trained, on the page."""

import json
import statistics

import numpy as np
import pytest

from export.litert_conversion import convert
from tests.web.page.on_page import MIN_COSINE, MODEL, SETTINGS, STROKES, cosine
from tfsbir import files
from tfsbir.models import sketch_a_net, squeezenet_encoder
from tfsbir.preprocessing import Preprocessing
from tfsbir.retrieval import open_encoder
from tfsbir.strokes import VectorSketch, rasterize
from tfsbir.strokes.reading import bounding_frame

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
def test_an_int8_encoder_takes_less_than_40_ms(page, host, tmp_path, build):
    _write_int8_export(build(), tmp_path / "model")
    host.folders["model"] = tmp_path / "model"
    strokes = json.dumps(STROKES)
    page.evaluate(
        "import('/page/sketch_encoder.js').then(async ({ SketchEncoder }) => {"
        "window.encoder = await SketchEncoder.load('model/', 'packages/@litertjs/core/wasm/');"
        f"window.pixels = encoder.pixelsOfStrokes({strokes});"
        "for (let i = 0; i < 5; i++) await encoder.encode(pixels); })"
    )
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    # On a machine with other work the clock tells of that, so the tab's own time is checked, that of the
    # one thread that encodes; and the least of a few rounds, since two threads of a core share its caches.
    milliseconds, on_the_clock = [], []
    while len(milliseconds) < 20 and (not milliseconds or min(milliseconds) >= 40):
        before = _thread_time(devtools)
        on_the_clock.append(statistics.median(page.evaluate(ENCODE_20_TIMES)))
        milliseconds.append(1000 * (_thread_time(devtools) - before) / 20)
    print(f"{build.__name__}: {min(milliseconds):.1f} ms a sketch, {min(on_the_clock):.1f} on the clock")
    assert min(milliseconds) < 40

    embedding = page.evaluate("encoder.encode(pixels).then((embedding) => [...embedding])")
    sketch = VectorSketch(
        [np.array(stroke) for stroke in STROKES], bounding_frame(list(map(np.array, STROKES)))
    )
    encoder = open_encoder(tmp_path / "model")
    image = encoder.preprocessing.center(rasterize(sketch, 256, margin=16)[None])
    assert cosine(embedding, encoder.encode_sketches(image)[0]) >= MIN_COSINE


def _thread_time(devtools):
    """Returns how long the page's thread has worked so far, in seconds."""
    metrics = devtools.send("Performance.getMetrics")["metrics"]
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
