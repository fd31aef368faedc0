"""The page of `tfsbir serve`: what leaves the device, and that either way of encoding finds the same."""

import pytest

from tests.web.page.on_page import (
    NO_WEBASSEMBLY,
    STROKES,
    after,
    draw,
    names,
    opened,
    places,
    rested,
    sent_queries,
    wait_for,
)


def test_only_a_vector_leaves_the_device(new_page, server):
    page = opened(new_page, server)
    queries = sent_queries(page)
    found = draw(page, STROKES)
    assert found["encodedOn"] == "device"
    for query in queries:
        assert len(query["vector"]) == 288
        assert not {"strokes", "image"} & set(query)
    assert "only a vector leaves it" in page.text_content("#where")
    assert page.text_content("#where").startswith("16 photos.")
    origin = page.evaluate("location.origin")
    assert [url for url in page.urls if not url.startswith((origin, "data:"))] == []


@pytest.mark.parametrize(
    ("script", "block", "reason"),
    [
        (NO_WEBASSEMBLY, None, "This browser has no WebAssembly"),
        ("", "**/packages/**", "LiteRT.js is missing beside the page"),
        ("", "**/model/*.tflite", "model/sketch_encoder.tflite is missing (404)"),
    ],
    ids=["WebAssembly", "packages", "model"],
)
def test_where_it_cannot_be_encoded_here_the_server_does_it(new_page, server, script, block, reason):
    on_device = draw(opened(new_page, server), STROKES)
    page = opened(new_page, server, script, block)
    queries = sent_queries(page)
    on_server = draw(page, STROKES)
    assert on_server["encodedOn"] == "server"
    assert {"strokes"} == {"vector", "strokes", "image"} & set(queries[-1])
    assert names(on_server)[:10] == names(on_device)[:10]
    told = page.text_content("#where")
    assert "Drawings are sent to the server and encoded there." in told
    assert reason in told


def test_a_picture_is_found_by_either_way(new_page, server, run):
    sketch = run.path.parent / "data" / "train" / "sketches" / "3.png"
    found = []
    for script in ("", NO_WEBASSEMBLY):
        page = opened(new_page, server, script)
        found.append(after(page, lambda page=page: page.set_input_files("#file", sketch)))
    assert [one["encodedOn"] for one in found] == ["device", "server"]
    assert names(found[0]) == names(found[1])


def test_blank_paper_and_pictures_are_told_by_the_server_too(new_page, server, tmp_path):
    page = opened(new_page, server, NO_WEBASSEMBLY)
    (tmp_path / "notes.png").write_text("no picture")
    page.set_input_files("#file", tmp_path / "notes.png")
    wait_for(page, "document.querySelector('#problem .text').textContent")
    assert page.text_content("#problem .text") == "notes.png: This file cannot be read as a picture."
    draw(page, STROKES[:1])
    assert page.locator("#problem").is_hidden()


def test_an_older_answer_is_never_shown(new_page, server):
    page = opened(new_page, server)
    held = []

    def hold_first(route):
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/search", hold_first)
    first, second, _ = places(page, STROKES)
    for stroke in (first, second):
        page.mouse.move(*stroke[0])
        page.mouse.down()
        for x, y in stroke[1:]:
            page.mouse.move(x, y)
        page.mouse.up()
        page.wait_for_timeout(400)
    found = rested(page, 0)
    failure = held[0].request.failure
    assert failure is not None  # It was cancelled.
    shown = page.locator("#found .name").all_text_contents()
    assert shown[0] == names(found)[0].removesuffix(".png")
    assert page.evaluate("window.searches.length") >= 1
    assert page.locator("#problem").is_hidden()
