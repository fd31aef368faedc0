"""What a browser loads: the page's own files and packages, none beside them, on slow lines too."""

import asyncio

import pytest

from tests.web.conftest import client_of, run_async
from tfsbir.web import app as web_app
from tfsbir.web.guard import Guard
from tfsbir.web.measures import Measures
from tfsbir.web.page_files import PAGE_DIR, page_files
from tfsbir.web.settings import Settings


def test_the_page_s_files_are_served_and_none_beside_them(client):
    for path in [*page_files(), PAGE_DIR / "settings.json"]:
        answer = client.get(f"/page/{path.name}")
        assert (answer.status_code, answer.content) == (200, path.read_bytes())
        # It is asked for each time, and loaded once.
        assert answer.headers["Cache-Control"] == "no-cache"
        headers = {"If-None-Match": answer.headers["ETag"]}
        assert client.get(f"/page/{path.name}", headers=headers).status_code == 304
    for name in (
        "index.html",
        "package.json",
        "package-lock.json",
        ".npmrc",
        "node_modules/.package-lock.json",
        "",
    ):
        assert client.get(f"/page/{name}").status_code == 404, name


def test_of_the_packages_those_are_served_that_a_page_loads(work, tmp_path, monkeypatch):
    for name in ("@litertjs/core/a.js", "swagger-ui-dist/b.js", "@scarf/scarf/c.js", ".package-lock.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1;")
    monkeypatch.setattr(web_app, "PACKAGES_DIR", tmp_path)
    with client_of(work.gallery, work.encoder) as client:
        for name, status in (
            ("@litertjs/core/a.js", 200),
            ("swagger-ui-dist/b.js", 200),
            ("@scarf/scarf/c.js", 404),
            (".package-lock.json", 404),
        ):
            assert client.get(f"/packages/{name}").status_code == status


def test_of_an_encoder_s_files_those_are_served_that_a_page_loads(work, tmp_path):
    for name in ("sketch_encoder.tflite", "encoder.json", "preprocessing.json", "photo_encoder.tflite"):
        (tmp_path / name).write_bytes(b"1")
    with client_of(work.gallery, work.encoder, page_model=tmp_path) as client:
        assert client.get("/gallery").json()["encoder_on_device"] is True
        answer = client.get("/model/sketch_encoder.tflite")
        assert (answer.status_code, answer.content) == (200, b"1")
        assert answer.headers["Cache-Control"] == "no-cache" and answer.headers["ETag"]
        assert client.get("/model/photo_encoder.tflite").status_code == 404


@pytest.mark.parametrize(("pause", "num_sent"), [(0.2, 9), (3.0, 1)])
def test_a_slow_line_has_as_long_as_something_moves(pause, num_sent):
    """An answer in eight parts, each of which takes its time, with a limit of a second."""
    sent = []

    async def send(message):
        if sent:
            await asyncio.sleep(pause)
        sent.append(message)

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part in range(8):
            await send({"type": "http.response.body", "body": b"part", "more_body": part < 7})

    guard = Guard(app, Settings(timeout=1.0), Measures())
    scope = {"type": "http", "method": "GET", "path": "/page/a.js", "headers": [(b"host", b"localhost")]}
    run_async(guard(scope, None, send))
    assert len(sent) == num_sent
