"""What is wrong is said on the page."""

import hashlib
import json
import shutil

import pytest
from PIL import Image

from export.litert import export_litert
from tests.examples.on_page import MODEL, SETTINGS, STROKES, draw, problem
from tfsbir import files


def test_blank_paper_is_told(page, tmp_path):
    Image.new("RGB", (100, 50), "white").save(tmp_path / "white.png")
    page.evaluate("document.getElementById('status').textContent = ''")
    page.choose_file("#file", tmp_path / "white.png")
    status = page.wait_for("document.getElementById('status').textContent")
    assert status.startswith("The paper is blank. Draw an object")


def test_a_file_that_is_no_picture_is_told(page, tmp_path):
    (tmp_path / "notes.png").write_text("no picture")
    page.choose_file("#file", tmp_path / "notes.png")
    assert problem(page) == "notes.png: This file cannot be read as a picture."
    draw(page, STROKES[:1])
    assert page.evaluate("document.getElementById('problem').hidden")


def test_a_browser_without_webassembly_is_told(browser, server):
    browser.open(server.url, before="delete globalThis.WebAssembly;")
    assert problem(browser).startswith("This browser has no WebAssembly")


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("model", r"model/.* is missing (404). README.md says how to export a model to there."),
        ("gallery", r"gallery/.* is missing (404). README.md says how to make a gallery there."),
        ("node_modules", "The LiteRT runtime is missing. Run `npm ci` in the folder of this page."),
    ],
    ids=["model", "gallery", "node_modules"],
)
def test_what_is_missing_is_told(browser, server, missing, message):
    server.folders[missing] = None
    browser.open(server.url)
    first, _, last = message.partition(".*")
    told = problem(browser)
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
def test_an_unfit_model_is_told(browser, server, tmp_path, case):
    change, message = UNFIT_MODELS[case]
    shutil.copytree(server.folders["model"], tmp_path / "model")
    change(tmp_path / "model")
    server.folders["model"] = tmp_path / "model"
    browser.open(server.url)
    told = problem(browser)
    assert told.startswith("model/")
    assert message in told
    assert browser.evaluate("document.getElementById('status').textContent") == ""


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
def test_other_kinds_of_exports_are_refused(browser, server, run, tmp_path, arguments, message, untold):
    export_litert(run.path, tmp_path / "model", **arguments, max_norm_error=1.0)
    server.folders["model"] = tmp_path / "model"
    browser.open(server.url)
    assert message in problem(browser)
    # And if the export did not say so.
    _change_json(tmp_path / "model" / "encoder.json", models={})
    browser.open(server.url)
    assert untold in problem(browser)


def test_a_distilled_encoder_searches_its_teachers_gallery(browser, server, model, tmp_path):
    shutil.copytree(model, tmp_path / "model")
    teacher = json.loads((model / "encoder.json").read_text())["fingerprint"]
    _change_json(tmp_path / "model" / "encoder.json", fingerprint="student", teacher=teacher)
    server.folders["model"] = tmp_path / "model"
    browser.open(server.url)
    browser.wait_for("document.getElementById('status').textContent.startsWith('The paper is blank')")


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
        "The gallery was made by another encoder than this model.",
    ),
}


@pytest.mark.parametrize("case", UNFIT_GALLERIES)
def test_an_unfit_gallery_is_told(browser, server, tmp_path, case):
    change, message = UNFIT_GALLERIES[case]
    shutil.copytree(server.folders["gallery"], tmp_path / "gallery")
    change(tmp_path / "gallery")
    server.folders["gallery"] = tmp_path / "gallery"
    browser.open(server.url)
    assert problem(browser).startswith(message)
