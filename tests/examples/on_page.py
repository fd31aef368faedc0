"""What tests do on the page, and what they draw."""

import numpy as np

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
