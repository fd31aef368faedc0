"""The page in one headless Chromium, with an encoder and a gallery, made once."""

import os

import pytest
from playwright.sync_api import sync_playwright

from export.litert import export_litert
from export.page import export_page
from tests.export.small_run import write_small_run
from tests.web.page.on_page import DESKTOP, LISTEN, find_chromium, is_ready
from tests.web.page.page_server import PageServer
from tests.web.page.serve_process import serving
from tfsbir.data.images import list_images
from tfsbir.retrieval import Gallery, open_encoder
from tfsbir.web.page_files import PACKAGES_DIR


def need(is_there, reason):
    """Skips where a machine has no browser; a machine that checks changes must have one."""
    if not is_there:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


@pytest.fixture(scope="session")
def chromium():
    need(find_chromium(), "needs Chromium on the PATH (apt-get install chromium)")
    need((PACKAGES_DIR / "@litertjs" / "core" / "wasm").is_dir(), "needs LiteRT.js (make web)")
    with sync_playwright() as playwright:
        # A container's root has no sandbox.
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def desktop(chromium):
    """A context that tests share: it compiles LiteRT.js once."""
    return chromium.new_context(viewport=DESKTOP)


@pytest.fixture
def new_page(chromium, desktop):
    """Function that opens a tab, in a context of its own where it gets arguments for one."""
    opened = []

    def make(script="", **arguments):
        context = desktop
        if arguments:
            context = chromium.new_context(**{"viewport": DESKTOP, **arguments})
        page = context.new_page()
        opened.append(context if arguments else page)
        page.add_init_script(LISTEN + script)
        page.set_default_timeout(30_000)
        page.messages = []
        page.on("console", lambda message: page.messages.append(message.text))
        page.on("pageerror", lambda error: page.messages.append(str(error)))
        page.urls = []
        page.on("request", lambda request: page.urls.append(request.url))
        return page

    yield make
    for one in opened:
        one.close()


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
    folder = tmp_path_factory.mktemp("gallery") / "gallery"
    photos = list_images(run.path.parent / "data" / "train" / "edges")
    Gallery.build(open_encoder(model), photos, folder, progress=False)
    return folder


@pytest.fixture(scope="session")
def site(model, gallery, tmp_path_factory):
    """The page without a server, as `python -m export.page` writes it."""
    folder = tmp_path_factory.mktemp("site") / "site"
    export_page(model, gallery, folder)
    return folder


@pytest.fixture(scope="session")
def site_host(site):
    with PageServer.started(site) as started:
        yield started


@pytest.fixture
def host(site_host):
    """A host of files with the site on it."""
    site_host.folders.clear()
    return site_host


@pytest.fixture
def page(new_page, host):
    """The page without a server, ready to be drawn on, in a window of a desktop."""
    page = new_page()
    page.goto(host.url)
    is_ready(page)
    return page


@pytest.fixture(scope="session")
def server(gallery):
    """`tfsbir serve` of the gallery."""
    with serving(gallery) as started:
        yield started
