"""Hands, keys, screens and the network, on the page."""

import json

import numpy as np

from tests.examples.on_page import LISTEN, MODEL, STROKES, draw, found
from tfsbir.strokes import VectorSketch, rasterize


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
