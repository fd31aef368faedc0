"""The page in a headless Chromium, with an encoder and a gallery, started once."""

import os

import pytest

from export.litert import export_litert
from export.page_gallery import export_page_gallery
from tests.examples.chromium import Chromium, find_chromium
from tests.examples.on_page import LISTEN, WASM
from tests.examples.page_server import PAGE, PageServer
from tests.export.small_run import write_small_run
from tfsbir.data.images import list_images
from tfsbir.retrieval import Gallery, open_encoder


def need(is_there, reason):
    """Skips where a machine has no browser; a machine that checks changes must have one."""
    if not is_there:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


@pytest.fixture(scope="session")
def browser():
    need(find_chromium(), "needs Chromium on the PATH (apt-get install chromium)")
    need((PAGE / WASM).is_dir(), "needs LiteRT.js (make web)")
    with Chromium.started(find_chromium()) as started:
        yield started


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    return write_small_run(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="session")
def model(run, tmp_path_factory):
    """An export of an encoder of 64 px."""
    folder = tmp_path_factory.mktemp("export") / "model"
    export_litert(run.path, folder, "none")
    return folder


@pytest.fixture(scope="session")
def gallery(run, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery")
    photos = list_images(run.path.parent / "data" / "train" / "edges")
    Gallery.build(open_encoder(model), photos, folder / "gallery", progress=False)
    export_page_gallery(folder / "gallery", folder / "page")
    return folder / "page"


@pytest.fixture
def server(model, gallery):
    with PageServer.started() as started:
        started.folders = {"model": model, "gallery": gallery}
        yield started


@pytest.fixture
def page(browser, server):
    """The page, ready to be drawn on, in a window of a desktop."""
    browser.resize(1100, 900)
    browser.open(server.url, before=LISTEN)
    browser.wait_for("document.getElementById('status').textContent.startsWith('The paper is blank')")
    return browser
