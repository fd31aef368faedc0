"""A small gallery with attributes and metadata, and servers of it: in this process, and as users start it."""

import asyncio
import concurrent.futures
import contextlib
import dataclasses

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.retrieval.tiny_run import write_tiny_run
from tests.web.page.serve_process import serving
from tfsbir.retrieval import Gallery, Photo, open_encoder
from tfsbir.web.app import make_app
from tfsbir.web.measures import Measures
from tfsbir.web.served import ServedGallery
from tfsbir.web.settings import Settings

NAMES = ("laces", "high heel", "strap")
NUM_PHOTOS = 24


@dataclasses.dataclass(frozen=True)
class Work:
    """A folder with a run, photos and their gallery, and the run's encoder."""

    path: object
    encoder: object

    @property
    def gallery(self):
        return self.path / "gallery"


def write_photos(folder, count, seed=0):
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = random.integers(0, 256, (6, 8, 3), np.uint8)
        Image.fromarray(pixels).resize((160, 120)).save(folder / f"{number}.jpg")


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    path = tmp_path_factory.mktemp("served")
    write_tiny_run(path / "run", attributes=NAMES)
    write_photos(path / "photos" / "a b", NUM_PHOTOS)
    encoder = open_encoder(path / "run")
    gallery = Gallery.create(path / "gallery", encoder, path / "photos")
    names = [f"a b/{number}.jpg" for number in range(NUM_PHOTOS)]
    for price, name in enumerate(names):
        gallery.add([Photo(name, path / "photos" / name, {"price": price, "brand": "acme"})])
    gallery.save()
    return Work(path, encoder)


def run_async(coroutine):
    """Runs a coroutine in a thread of its own: Playwright's tests leave a loop running in this one."""
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


@contextlib.contextmanager
def client_of(gallery, encoder, page_model=None, raises=True, **settings):
    """Yields a client of a server in this process, without a limit on its rate unless one is given.

    Where the server fails, it `raises` here, or answers as others see it.
    """
    measures = Measures()
    settings = Settings(**{"rate": 0.0, "allowed_hosts": ("testserver",), **settings})
    app = make_app(ServedGallery(gallery, encoder, measures), settings, measures, page_model)
    with TestClient(app, raise_server_exceptions=raises) as client:
        client.measures = measures
        yield client


@pytest.fixture(scope="session")
def client(work):
    with client_of(work.gallery, work.encoder) as client:
        yield client


@pytest.fixture(scope="session")
def server(work):
    """A server as users start it, with a limit on a body that a test can pass quickly."""
    with serving(work.gallery, "--rate=0", "--max_body_bytes=1000000", "--timeout=5") as server:
        yield server
