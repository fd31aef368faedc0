"""What tests do on the page, and what they draw."""

import base64
import json
import shutil

import numpy as np

DESKTOP = {"width": 1000, "height": 700}
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MIN_COSINE = 0.999
MODEL, SETTINGS = "sketch_encoder.tflite", "preprocessing.json"
LISTEN = """
window.searches = [];
document.addEventListener('found', ({ detail }) => window.searches.push(detail));
"""
NO_WEBASSEMBLY = "delete globalThis.WebAssembly;"
IS_IDLE = "document.getElementById('found').getAttribute('aria-busy') === 'false'"
# A chair, in shares of the paper.
STROKES = [
    [(0.3, 0.1), (0.3, 0.5), (0.25, 0.9)],
    [(0.3, 0.5), (0.7, 0.55), (0.72, 0.9)],
    [(0.3, 0.12), (0.35, 0.12), (0.36, 0.5)],
]


def find_chromium():
    """Returns the path of a Chromium, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def wait_for(page, expression, timeout=30):
    """Returns the first value of `expression` that is true. The page's policy forbids `wait_for_function`."""
    value = page.evaluate(
        f"""async () => {{
            for (const start = Date.now(); Date.now() - start < {1000 * timeout}; ) {{
                const value = {expression};
                if (value) return value;
                await new Promise((resolve) => setTimeout(resolve, 10));
            }}
        }}"""
    )
    assert value, f"{expression}: not within {timeout} s; {page.messages}"
    return value


def is_ready(page):
    """Waits until one can draw."""
    wait_for(page, "document.getElementById('status').textContent.startsWith('The paper is blank')")


def places(page, strokes):
    """Returns strokes in shares of the paper as places in the window."""
    left, top, side = page.evaluate(
        "(() => { const pad = document.getElementById('pad'); const box = pad.getBoundingClientRect();"
        "return [box.left + pad.clientLeft, box.top + pad.clientTop, pad.clientWidth]; })()"
    )
    return [[(left + x * side, top + y * side) for x, y in stroke] for stroke in strokes]


def drag(page, points):
    """Draws with the mouse through `(x, y)` in CSS px of the window."""
    page.mouse.move(*points[0])
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(x, y)
    page.mouse.up()


def swipe(page, points):
    """Draws with a finger."""
    devtools = page.context.new_cdp_session(page)
    for index, (x, y) in enumerate(points):
        kind = "touchMove" if index else "touchStart"
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def press_pen(page, points, forces):
    """Draws with a pen that presses by `forces`, in [0, 1]."""
    devtools = page.context.new_cdp_session(page)
    kinds = ["mousePressed", *["mouseMoved"] * (len(points) - 1)]
    for kind, (x, y), force in zip(kinds, points, forces, strict=True):
        pen = {"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1, "force": force}
        devtools.send("Input.dispatchMouseEvent", {**pen, "pointerType": "pen"})
    x, y = points[-1]
    lifted = {"type": "mouseReleased", "x": x, "y": y, "button": "left", "buttons": 0, "clickCount": 1}
    devtools.send("Input.dispatchMouseEvent", {**lifted, "pointerType": "pen"})


def rested(page, after):
    """Waits until searches have come after the first `after` and no more come; returns the last one.

    A dict: pixels, uint8 `(size, size)` or None, embedding, float32 `(dim,)` or None, results, times.
    """
    wait_for(page, f"window.searches.length > {after} && {IS_IDLE}")
    found = page.evaluate(
        "(({ pixels, embedding, ...others }) => ({ ...others, embedding: embedding && [...embedding],"
        "pixels: pixels && btoa(Array.from(pixels, (grey) => String.fromCharCode(grey)).join('')) }))"
        "(window.searches.at(-1))"
    )
    if found["pixels"] is not None:
        pixels = np.frombuffer(base64.b64decode(found["pixels"]), np.uint8)
        size = round(len(pixels) ** 0.5)
        found["pixels"] = pixels.reshape(size, size)
        found["embedding"] = np.array(found["embedding"], np.float32)
    return found


def after(page, act):
    """Does something and returns the search that comes of it, as `rested` does."""
    count = page.evaluate("window.searches.length")
    act()
    return rested(page, count)


def draw(page, strokes, by=drag):
    """Draws strokes on the paper and returns what was found in the end."""

    def act():
        for stroke in places(page, strokes):
            by(page, stroke)

    return after(page, act)


def ink(page):
    """Counts the black dots on the paper."""
    return page.evaluate(
        "(() => { const pad = document.getElementById('pad');"
        "const pixels = pad.getContext('2d').getImageData(0, 0, pad.width, pad.height).data;"
        "return pixels.filter((value) => value === 0).length; })()"
    )


def names(found):
    return [result["name"] for result in found["results"]]


def cosine(one, other):
    one, other = np.float64(one), np.float64(other)
    return one @ other / (np.linalg.norm(one) * np.linalg.norm(other))


def problem(page):
    """Waits for what the page says is wrong."""
    return wait_for(page, "document.querySelector('#problem .text').textContent")


def sent_queries(page):
    """Returns a list that the bodies of requests for searches are added to."""
    queries = []

    def note(request):
        if request.url.endswith("/search"):
            queries.append(json.loads(request.post_data))

    page.on("request", note)
    return queries


def opened(new_page, server, script="", block=None, **arguments):
    """Returns a page of a server, ready; requests for URLs like `block` find nothing."""
    page = new_page(script, **arguments)
    if block:
        page.route(block, lambda route: route.fulfill(status=404))
    page.goto(server.url)
    is_ready(page)
    return page
