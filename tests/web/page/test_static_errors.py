"""What is wrong with a page without a server is said on it."""

import hashlib
import json
import shutil

import pytest
from PIL import Image

from export.litert import export_litert
from tests.web.page.on_page import DESKTOP, MODEL, SETTINGS, STROKES, draw, is_ready, problem
from tfsbir import files


def test_blank_paper_is_told(page, tmp_path):
    Image.new("RGB", (100, 50), "white").save(tmp_path / "white.png")
    page.evaluate("document.getElementById('status').textContent = ''")
    page.set_input_files("#file", tmp_path / "white.png")
    is_ready(page)


def test_a_file_that_is_no_picture_is_told(page, tmp_path):
    (tmp_path / "notes.png").write_text("no picture")
    page.set_input_files("#file", tmp_path / "notes.png")
    assert problem(page) == "notes.png: This file cannot be read as a picture."
    draw(page, STROKES[:1])
    assert page.locator("#problem").is_hidden()


def test_a_browser_without_webassembly_is_told(new_page, host):
    page = new_page("delete globalThis.WebAssembly;")
    page.goto(host.url)
    assert problem(page).startswith("This browser has no WebAssembly")


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("model", r"model/.* is missing (404). `python -m export.litert` writes it."),
        ("gallery", r"gallery/.* is missing (404). `python -m export.page` writes it."),
        ("packages", "LiteRT.js is missing beside the page; `make web` fetches it."),
    ],
    ids=["model", "gallery", "packages"],
)
def test_what_is_missing_is_told(new_page, host, missing, message):
    host.folders[missing] = None
    page = new_page(viewport=DESKTOP)  # In a context that has not loaded packages before.
    page.goto(host.url)
    first, _, last = message.partition(".*")
    told = problem(page)
    assert told.startswith(first)
    assert told.endswith(last)


def _change_json(path, **values):
    files.write_json(path, {**json.loads(path.read_text()), **values})


def _overwrite(path, start, data):
    content = bytearray(path.read_bytes())
    content[start : start + len(data)] = data
    path.write_bytes(content)


def _sign(folder):
    sha256 = hashlib.sha256((folder / MODEL).read_bytes()).hexdigest()
    _change_json(folder / "encoder.json", files={MODEL: sha256})


def _cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


UNFIT_MODELS = {
    "no model": (
        lambda folder: (folder / MODEL).write_text("<html>"),
        "is damaged: it must be a LiteRT model",
    ),
    "cut": (lambda folder: _cut(folder / MODEL), "is damaged: it is not the file that encoder.json"),
    "cut and signed": (lambda folder: (_cut(folder / MODEL), _sign(folder)), "is damaged, or of a kind"),
    "weights": (
        lambda folder: _overwrite(folder / MODEL, 9000, b"\xff" * 9),
        "is damaged: it is not the file",
    ),
    "size": (
        lambda folder: _change_json(folder / SETTINGS, image_size=225),
        "must take float32 [1, 225, 225, 1], as preprocessing.json says. Received: float32 [1, 64, 64, 1]",
    ),
    "dim": (
        lambda folder: _change_json(folder / SETTINGS, embedding_dim=7),
        "must give float32 [1, 7], as preprocessing.json says. Received: float32 [1, 288]",
    ),
    "settings": (lambda folder: (folder / SETTINGS).write_text("{"), "must be JSON; it is damaged"),
    "polarity": (
        lambda folder: _change_json(folder / SETTINGS, polarity="white_on_black"),
        '"polarity" must be "black_on_white" for this page. Received: "white_on_black"',
    ),
    "range": (lambda folder: _change_json(folder / SETTINGS, range=[0, 1]), '"range" must be [-1, 1]'),
    "kind": (
        lambda folder: _change_json(folder / "encoder.json", kind="saved_model"),
        '"kind" must be "litert" for this page. Received: "saved_model"',
    ),
}


@pytest.mark.parametrize("case", UNFIT_MODELS)
def test_an_unfit_model_is_told(new_page, host, site, tmp_path, case):
    change, message = UNFIT_MODELS[case]
    shutil.copytree(site / "model", tmp_path / "model")
    change(tmp_path / "model")
    host.folders["model"] = tmp_path / "model"
    page = new_page()
    page.goto(host.url)
    told = problem(page)
    assert told.startswith("model/")
    assert message in told
    assert page.text_content("#status") == ""


@pytest.mark.parametrize(
    ("arguments", "message", "untold"),
    [
        (
            {"quantize": "int8", "interface": "int8", "num_calibration": 4, "min_cosine": 0.0},
            '"interface" must be "float32" for this page. Received: "int8"',
            "INT8 is not supported",
        ),
        (
            {"quantize": "none", "preprocessing": "inside"},
            '"preprocessing" must be "outside" for this page. Received: "inside"',
            "must take float32 [1, 64, 64, 1], as preprocessing.json says. Received: uint8 [1, 256, 256, 1]",
        ),
    ],
    ids=["int8 interface", "preprocessing inside"],
)
def test_other_kinds_of_exports_are_refused(new_page, host, run, tmp_path, arguments, message, untold):
    export_litert(run.path, tmp_path / "model", **arguments, max_norm_error=1.0)
    host.folders["model"] = tmp_path / "model"
    page = new_page()
    page.goto(host.url)
    assert message in problem(page)
    # And if the export did not say so.
    _change_json(tmp_path / "model" / "encoder.json", models={})
    page.goto(host.url)
    assert untold in problem(page)


def test_a_distilled_encoder_searches_its_teachers_gallery(new_page, host, model, tmp_path):
    shutil.copytree(model, tmp_path / "model")
    teacher = json.loads((model / "encoder.json").read_text())["fingerprint"]
    _change_json(tmp_path / "model" / "encoder.json", fingerprint="student", teacher=teacher)
    host.folders["model"] = tmp_path / "model"
    page = new_page()
    page.goto(host.url)
    is_ready(page)


NAMES, EMBEDDINGS = "names.json", "embeddings.bin"
UNFIT_GALLERIES = {
    "cut": (
        lambda folder: _cut(folder / EMBEDDINGS),
        "gallery/embeddings.bin must have 18432 bytes (16 photos of 288)",
    ),
    "not JSON": (
        lambda folder: (folder / NAMES).write_text("["),
        "gallery/names.json must be JSON; it is damaged.",
    ),
    "names": (
        lambda folder: _change_json(folder / NAMES, names=[]),
        'gallery/names.json must hold "names", "dim"',
    ),
    "encoder": (
        lambda folder: _change_json(folder / NAMES, fingerprint="other"),
        "The gallery was made by another encoder than the page's.",
    ),
}


@pytest.mark.parametrize("case", UNFIT_GALLERIES)
def test_an_unfit_gallery_is_told(new_page, host, site, tmp_path, case):
    change, message = UNFIT_GALLERIES[case]
    shutil.copytree(site / "gallery", tmp_path / "gallery")
    change(tmp_path / "gallery")
    host.folders["gallery"] = tmp_path / "gallery"
    page = new_page()
    page.goto(host.url)
    assert problem(page).startswith(message)
