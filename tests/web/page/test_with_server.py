"""The page of `tfsbir serve`: what leaves the device, and that either way of encoding finds the same."""

import json

import pytest

from tests.retrieval.tiny_run import write_tiny_run
from tests.web.page.on_page import STROKES, after, draw, is_ready, names, places, rested, wait_for
from tests.web.page.serve_process import serving
from tfsbir.retrieval import Gallery, Photo, open_encoder

NO_WEBASSEMBLY = "delete globalThis.WebAssembly;"


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


@pytest.fixture(scope="module")
def attribute_server(run, tmp_path_factory):
    """A server of a gallery that knows attributes and metadata, whose encoder the page cannot run."""
    folder = tmp_path_factory.mktemp("attributes")
    write_tiny_run(folder / "run", attributes=("heel", "lace", "strap"))
    root = run.path.parent / "data" / "train" / "edges"
    gallery = Gallery.create(folder / "gallery", open_encoder(folder / "run"), root)
    photos = [Photo(path.name, path, {"color": "red", "price": 5}) for path in sorted(root.glob("*.png"))]
    gallery.add(photos)
    gallery.save()
    with serving(folder / "gallery") as server:
        yield server


def test_attributes_are_compared_and_choose(new_page, attribute_server):
    page = opened(new_page, attribute_server)
    assert "The server has no encoder for the page." in page.text_content("#where")
    found = draw(page, STROKES)
    for place, result in enumerate(found["results"]):
        labels = page.locator(f"#found li:nth-child({place + 1}) .label").all_text_contents()
        shared = [f"✓ {entry['attribute']}" for entry in result["shared"]]
        differing = [f"≠ {entry['attribute']}" for entry in result["differing"]]
        assert labels == shared + differing
        assert all(min(entry["sketch"], entry["photo"]) >= 0.5 for entry in result["shared"])
    assert any(result["shared"] or result["differing"] for result in found["results"])

    page.click("#filters summary")
    choices = page.locator("#filters .choices button")
    assert choices.all_text_contents() == ["heel", "lace", "strap"]
    queries = sent_queries(page)
    chosen = []
    for wanted in ({"with_attributes": ["lace"]}, {"without_attributes": ["lace"]}, {}):
        chosen.append(after(page, lambda: choices.nth(1).click()))
        sent = {name: queries[-1][name] for name in ("with_attributes", "without_attributes")}
        assert sent == {"with_attributes": [], "without_attributes": [], **wanted}
    with_it, without_it, any_of_them = (set(names(one)) for one in chosen)
    assert not with_it & without_it
    assert names(chosen[2]) == names(found)
    assert with_it or without_it
    assert any_of_them


def test_metadata_is_shown(new_page, attribute_server):
    page = opened(new_page, attribute_server)
    draw(page, STROKES)
    assert page.text_content("#found li:first-child .more") == "color: red, price: 5"
    page.click("#found li:first-child .card")
    assert page.locator("dialog dt").all_text_contents() == ["file", "color", "price"]
    assert page.locator("dialog dd").all_text_contents()[1:] == ["red", "5"]


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
