"""A server that is away, busy, closed or asked for too much: the page says so, and goes on when it can."""

import time

import numpy as np
import pytest
from PIL import Image

from tests.web.page.on_page import STROKES, drag, draw, is_ready, places, problem, rested, wait_for
from tests.web.page.serve_process import ServeProcess, free_port, serving

TOKEN = "let me in, I have a drawing"


def is_well(page):
    wait_for(page, "document.getElementById('problem').hidden")


def draw_first(page):
    """Draws a stroke and waits for nothing."""
    drag(page, places(page, STROKES)[0])


def test_the_page_waits_for_a_server_that_is_away(new_page, gallery):
    server = ServeProcess(gallery, free_port())
    server.start()
    try:
        page = new_page()
        page.goto(server.url)
        is_ready(page)
        before = draw(page, STROKES)
        server.kill()
        page.click("#undo")
        assert problem(page) == "The server does not answer."
        assert page.text_content("#problem .countdown").startswith("Trying again in")
        # Nobody presses anything from here on.
        server.start()
        found = rested(page, page.evaluate("window.searches.length"))
        is_well(page)
        assert found["results"]
        assert np.any(found["pixels"] != before["pixels"])
    finally:
        server.kill()


def test_a_page_that_finds_no_server_starts_when_there_is_one(new_page, server):
    page = new_page()
    page.route("**/gallery", lambda route: route.abort())
    page.goto(server.url)
    assert problem(page) == "The server does not answer."
    wait_for(page, "document.querySelector('#problem .again').offsetHeight > 0")
    page.unroute("**/gallery")
    page.click("#problem .again")
    is_ready(page)
    is_well(page)


@pytest.mark.parametrize("status", [429, 503])
def test_who_asks_for_a_pause_gets_it(new_page, server, status):
    page = new_page()
    page.goto(server.url)
    is_ready(page)
    times = []

    def refuse_once(route):
        times.append(time.monotonic())
        if len(times) == 1:
            route.fulfill(status=status, headers={"Retry-After": "2"}, json={"detail": "too many"})
        else:
            route.continue_()

    page.route("**/search", refuse_once)
    draw_first(page)
    assert problem(page) == "The server has much to do."
    # What is drawn meanwhile waits, too.
    drag(page, places(page, STROKES)[1])
    rested(page, 0)
    is_well(page)
    assert times[1] - times[0] >= 2


def test_a_server_that_fails_is_asked_again(new_page, server):
    page = new_page()
    page.goto(server.url)
    is_ready(page)
    answers = [500, 502]
    page.route(
        "**/search",
        lambda route: route.fulfill(status=answers.pop(0)) if answers else route.continue_(),
    )
    draw_first(page)
    assert problem(page) in ("The server has failed.", "The server does not answer.")
    rested(page, 0)
    is_well(page)


def test_the_token_is_asked_for_and_kept(new_page, gallery, tmp_path):
    (tmp_path / "token").write_text(TOKEN)
    with serving(gallery, f"--token_file={tmp_path / 'token'}") as server:
        page = new_page()
        page.goto(server.url)
        problem(page)
        for token in ("wrong", TOKEN):
            wait_for(page, "document.activeElement.id === 'token'")
            page.keyboard.type(token)
            with page.expect_response("**/gallery") as answer:
                page.keyboard.press("Enter")
            assert answer.value.status == (200 if token == TOKEN else 401)
        is_ready(page)
        is_well(page)
        found = draw(page, STROKES)
        assert found["encodedOn"] == "device"
        # An image cannot say who asks, so photos come another way.
        wait_for(page, "[...document.querySelectorAll('#found img')].every((one) => one.naturalWidth > 0)")
        page.reload()
        is_ready(page)
        assert TOKEN not in page.content()
        other = new_page()
        other.goto(server.url)
        problem(other)


def test_too_large_a_picture_is_told_before_it_is_sent(new_page, server, tmp_path):
    page = new_page("delete globalThis.WebAssembly;")
    page.goto(server.url)
    is_ready(page)
    limit = page.evaluate(
        "fetch('gallery').then((one) => one.json()).then((one) => one.limits.max_body_bytes)"
    )
    side = int((limit / 3) ** 0.5) + 64
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png", compress_level=0)
    page.set_input_files("#file", tmp_path / "noise.png")
    assert "noise.png: A picture must have at most" in problem(page)
    assert not [url for url in page.urls if url.endswith("/search")]


def test_what_the_server_refuses_is_told_in_its_words(new_page, server):
    page = new_page()
    page.goto(server.url)
    is_ready(page)
    page.route("**/search", lambda route: route.fulfill(status=413, json={"detail": "at most 3 bytes"}))
    draw_first(page)
    assert problem(page) == "at most 3 bytes"
    page.unroute("**/search")
    draw(page, STROKES[1:2])
    is_well(page)
