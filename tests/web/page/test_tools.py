"""What the buttons do, and pictures that are brought."""

import base64

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.web.page.on_page import STROKES, after, drag, draw, ink, is_ready, names, places, rested, wait_for
from tfsbir.data.images import read_image


def are_disabled(page):
    return [page.is_disabled(f"#{name}") for name in ("undo", "redo", "clear", "replay")]


def test_undo_redo_and_clear(new_page, host):
    page = new_page()
    page.goto(host.url)
    is_ready(page)
    assert are_disabled(page) == [True] * 4
    first = draw(page, STROKES[:1])
    ink_of_first = ink(page)
    all_of_it = draw(page, STROKES[1:])
    assert ink(page) > ink_of_first
    assert names(all_of_it) != names(first)
    after(page, lambda: page.click("#undo"))
    again = after(page, lambda: page.keyboard.press("Control+z"))
    np.testing.assert_array_equal(again["pixels"], first["pixels"])
    assert ink(page) == ink_of_first
    after(page, lambda: page.click("#redo"))
    redone = after(page, lambda: page.keyboard.press("Control+Shift+z"))
    np.testing.assert_array_equal(redone["pixels"], all_of_it["pixels"])
    assert are_disabled(page) == [False, True, False, False]
    page.click("#clear")
    is_ready(page)
    assert ink(page) == 0
    assert page.locator("#found li:not(.empty)").count() == 0
    # What was cleared by mistake comes back.
    back = after(page, lambda: page.click("#undo"))
    assert names(back) == names(all_of_it)


def test_what_is_drawn_after_undo_ends_redo(page):
    draw(page, STROKES[:2])
    after(page, lambda: page.click("#undo"))
    draw(page, STROKES[2:])
    assert page.is_disabled("#redo")


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_replay_draws_the_strokes_again(new_page, host, motion):
    page = new_page(reduced_motion=motion)
    page.goto(host.url)
    is_ready(page)
    first_stroke, second_stroke, _ = places(page, STROKES)
    drag(page, first_stroke)
    page.wait_for_timeout(300)
    drag(page, second_stroke)
    rested(page, 0)
    whole, searches = ink(page), page.evaluate("window.searches.length")
    seen = page.evaluate(
        """async () => {
            const pad = document.getElementById('pad');
            const count = () => pad.getContext('2d').getImageData(0, 0, pad.width, pad.height).data
                .filter((value) => value === 0).length;
            document.getElementById('replay').click();
            const seen = [], start = performance.now();
            while (document.querySelector('#replay .text').textContent === 'Stop') {
                await new Promise(requestAnimationFrame);
                seen.push([performance.now() - start, count()]);
            }
            return seen;
        }"""
    )
    amounts = [amount for _, amount in seen]
    assert amounts[-1] == whole
    assert amounts[:-1] == sorted(amounts[:-1])
    assert len(set(amounts)) >= 3
    # As long as the hand rested between the strokes.
    assert 300 <= seen[-1][0] < 3000
    # It is looked at, not searched for.
    assert page.evaluate("window.searches.length") == searches


def test_drawing_ends_a_replay(page):
    draw(page, STROKES[:1])
    page.wait_for_timeout(400)
    draw(page, STROKES[1:2])
    page.click("#replay")
    draw(page, STROKES[2:])
    assert page.text_content("#replay .text") == "Replay"


@pytest.fixture
def picture(tmp_path):
    image = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(image).line([(40, 160), (250, 20), (150, 190)], fill="black", width=3)
    image.save(tmp_path / "sketch.png")
    return tmp_path / "sketch.png"


BRING = """([kind, base64]) => {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], 'sketch.png', { type: 'image/png' }));
    const target = document.getElementById('pad');
    if (kind === 'drop') {
        for (const type of ['dragover', 'drop']) {
            const options = { dataTransfer: data, bubbles: true, cancelable: true };
            target.dispatchEvent(new DragEvent(type, options));
        }
    } else {
        document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }));
    }
}"""


@pytest.mark.parametrize("by", ["button", "drop", "paste"])
def test_a_picture_is_brought(page, picture, by):
    drawn = draw(page, STROKES)
    if by == "button":

        def act():
            with page.expect_file_chooser() as chooser:
                page.click("#open")
            chooser.value.set_files(picture)
    else:

        def act():
            page.evaluate(BRING, [by, base64.b64encode(picture.read_bytes()).decode()])

    found = after(page, act)
    assert np.max(np.abs(read_image(picture)[..., 0].astype(int) - found["pixels"])) <= 1
    # It is a step like others.
    assert names(after(page, lambda: page.click("#undo"))) == names(drawn)
    # A stroke takes its place.
    after(page, lambda: page.click("#redo"))
    line = draw(page, [[(0.1, 0.5), (0.9, 0.5)]])
    assert np.count_nonzero((line["pixels"] < 128).any(axis=1)) < 8


def test_a_photo_is_shown_large(page):
    found = draw(page, STROKES)
    page.click("#found li:nth-child(2) .card")
    assert page.locator("dialog").is_visible()
    second = found["results"][1]
    assert page.text_content("dialog h2") == second["name"].removesuffix(".png")
    assert page.text_content("dialog .rank") == f"Rank 2, distance {second['distance']:.4f}"
    wait_for(page, "document.querySelector('dialog img').naturalWidth > 0")
    page.keyboard.press("Escape")
    assert page.locator("dialog").is_hidden()
    assert page.evaluate("document.activeElement.className.startsWith('card')")
