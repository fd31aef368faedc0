"""Hands on the page: a mouse, fingers, a pen and keys."""

import json

import numpy as np
import pytest

from tests.web.page.on_page import (
    MODEL,
    STROKES,
    after,
    drag,
    draw,
    ink,
    is_ready,
    names,
    places,
    press_pen,
    rested,
    swipe,
)
from tfsbir.strokes import VectorSketch, rasterize

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}


def test_a_finger_draws_and_the_page_stays_where_it_is(new_page, host):
    page = new_page(**PHONE, device_scale_factor=2)
    page.goto(host.url)
    is_ready(page)
    found = draw(page, STROKES, by=swipe)
    assert found["pixels"].min() < 100
    assert page.evaluate("[document.documentElement.scrollWidth, scrollY]") == [360, 0]
    # What a thumb can hit.
    heights = page.evaluate(
        "[...document.querySelectorAll('#drawing button')].map((one) => one.offsetHeight)"
    )
    assert min(height for height in heights if height) >= 44


def test_a_mouse_and_a_finger_find_the_same(page, new_page, host):
    by_mouse = draw(page, STROKES)
    phone = new_page(**PHONE)
    phone.goto(host.url)
    is_ready(phone)
    # Places are whole px of another screen, so a photo or two may change places.
    assert len({*names(by_mouse)[:10]} & {*names(draw(phone, STROKES, by=swipe))[:10]}) >= 8


def test_a_pen_presses_and_is_encoded_as_a_mouse_is(page):
    line = [(0.2 + 0.05 * step, 0.5) for step in range(13)]
    (points,) = places(page, [line])
    pressed = after(page, lambda: press_pen(page, points, np.linspace(0.1, 1, len(points))))
    start, end = (column_ink(page, share) for share in (0.25, 0.75))
    assert end > 1.5 * start
    page.click("#clear")
    by_mouse = draw(page, [line])
    assert column_ink(page, 0.25) == column_ink(page, 0.75)
    np.testing.assert_array_equal(pressed["pixels"], by_mouse["pixels"])


def column_ink(page, share):
    """Counts the dark dots in a column of the paper."""
    return page.evaluate(
        "(share) => { const pad = document.getElementById('pad');"
        "const column = pad.getContext('2d').getImageData(Math.round(share * pad.width), 0, 1, pad.height);"
        "return column.data.filter((value, index) => index % 4 === 0 && value < 128).length; }",
        share,
    )


def test_a_second_finger_is_left_out(new_page, host):
    page = new_page(**PHONE)
    page.goto(host.url)
    is_ready(page)
    (points,) = places(page, STROKES[:1])
    devtools = page.context.new_cdp_session(page)
    (x, y), (next_x, next_y), _ = points
    palm = {"x": x + 90, "y": y + 200, "id": 1}

    def act():
        for kind, touches in (
            ("touchStart", [{"x": x, "y": y, "id": 0}]),
            ("touchStart", [{"x": x, "y": y, "id": 0}, palm]),
            ("touchMove", [{"x": next_x, "y": next_y, "id": 0}, {**palm, "x": palm["x"] + 20}]),
            ("touchEnd", []),
        ):
            devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    pixels = after(page, act)["pixels"]
    # A straight line from top to bottom.
    assert np.count_nonzero((pixels < 128).any(axis=0)) < 8


def test_it_searches_while_a_stroke_grows(page):
    # All of them have ink in the middle, which is what the encoder of these tests sees.
    (points,) = places(page, [[(0.2, 0.2), (0.8, 0.8), (0.8, 0.2), (0.2, 0.8)]])
    page.mouse.move(*points[0])
    page.mouse.down()
    for step, (x, y) in enumerate(points[1:]):
        page.mouse.move(x, y, steps=5)
        found = rested(page, step)
        assert found["results"]
    # All of it before the hand was lifted.
    assert page.evaluate("window.searches.length") >= 3
    page.mouse.up()


def test_searches_come_less_often_than_moves(page):
    (points,) = places(page, [[(0.1 + 0.008 * step, 0.5) for step in range(100)]])
    start = page.evaluate("performance.now()")
    after(page, lambda: drag(page, points))
    seconds = (page.evaluate("performance.now()") - start) / 1000
    assert page.evaluate("window.searches.length") <= seconds / 0.15 + 3


def test_the_keyboard_draws(page, model):
    page.focus("#pad")

    def act():
        page.keyboard.press(" ")
        for key in ("Right", "Right", "Down", "Down", "Right", "Right", "Down"):
            page.keyboard.press(f"Arrow{key}")
        page.keyboard.press("Shift+ArrowDown")
        page.keyboard.press(" ")

    pixels = after(page, act)["pixels"]
    stairs = VectorSketch([np.float32([[0, 0], [2, 0], [2, 2], [4, 2], [4, 3.25]])], (0, 0, 4, 3.25))
    width = json.loads((model / "encoder.json").read_text())["models"][MODEL]["line_width"]
    difference = np.abs(rasterize(stairs, 256, width, margin=16)[..., 0].astype(int) - pixels)
    assert difference.max() <= 1
    page.keyboard.press("Backspace")
    is_ready(page)


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_the_eraser_removes_the_strokes_that_it_touches(page, by):
    first = draw(page, STROKES[:1])
    draw(page, [[(0.6, 0.2), (0.9, 0.2)], [(0.6, 0.4), (0.9, 0.4)]])
    page.click("#eraser")
    if by == "mouse":
        (points,) = places(page, [[(0.75, 0.15), (0.75, 0.45)]])
        found = after(page, lambda: drag(page, points))
    else:

        def act():
            page.focus("#pad")
            for key in (*["ArrowRight"] * 8, *["ArrowUp"] * 3, " ", *["ArrowUp"] * 8, " "):
                page.keyboard.press(key)

        found = after(page, act)
    np.testing.assert_array_equal(found["pixels"], first["pixels"])
    # Both strokes went by one hand's move, and come back by one press.
    assert names(after(page, lambda: page.click("#undo"))) != names(first) or ink(page) > 0
    page.click("#pen")
    assert page.get_attribute("#pen", "aria-pressed") == "true"
    assert ink(page) > 0
