"""The page in one headless Chromium, with an encoder and a gallery, made once."""

import os

import pytest
from playwright.sync_api import sync_playwright

from export.litert import export_litert
from export.page import export_page
from tests.export.small_run import write_small_run
from tests.web.page.on_page import DESKTOP, IS_IDLE, LISTEN, find_chromium, is_ready, wait_for
from tests.web.page.page_server import PageServer
from tests.web.page.serve_process import serving
from tfsbir.data.images import list_images
from tfsbir.retrieval import Gallery, open_encoder
from tfsbir.web.page_files import PACKAGES_DIR

# A container's root has no sandbox, and drawing as a graphics card would takes long without one.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-software-rasterizer"]


def need(is_there, reason):
    """Skips where a machine has no browser; a machine that checks changes must have one."""
    if not is_there:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


@pytest.fixture(scope="session")
def chromium():
    need(find_chromium(), "needs Chromium on the PATH (apt-get install chromium)")
    need((PACKAGES_DIR / "@litertjs" / "core" / "wasm").is_dir(), "needs LiteRT.js (make web)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def desktop(chromium):
    """A context that tests share: it compiles LiteRT.js once."""
    return chromium.new_context(viewport=DESKTOP)


def listened(page, script=""):
    """Returns a new tab with lists of its `messages` and the `urls` it asked for; a script runs first."""
    page.add_init_script(LISTEN + script)
    page.set_default_timeout(30_000)
    page.messages, page.urls = [], []
    page.on("console", lambda message: page.messages.append(message.text))
    page.on("pageerror", lambda error: page.messages.append(str(error)))
    page.on("request", lambda request: page.urls.append(request.url))
    return page


@pytest.fixture
def new_page(chromium, desktop):
    """Function that opens a tab, in a context of its own where it gets arguments for one."""
    opened = []

    def make(script="", **arguments):
        context = desktop
        if arguments:
            context = chromium.new_context(**{"viewport": DESKTOP, **arguments})
        page = listened(context.new_page(), script)
        opened.append(context if arguments else page)
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


@pytest.fixture(scope="session")
def shared_page(desktop, site_host):
    page = listened(desktop.new_page())
    page.goto(site_host.url)
    is_ready(page)
    return page


@pytest.fixture
def page(shared_page, host):
    """The page without a server, with blank paper, in a window of a desktop. Other tests have drawn on it."""
    shared_page.bring_to_front()
    shared_page.click("#pen")
    shared_page.evaluate("document.getElementById('clear').click()")
    is_ready(shared_page)
    wait_for(shared_page, IS_IDLE)
    shared_page.evaluate("window.searches.length = 0")
    return shared_page


@pytest.fixture(scope="session")
def server(gallery):
    """`tfsbir serve` of the gallery."""
    with serving(gallery) as started:
        yield started
