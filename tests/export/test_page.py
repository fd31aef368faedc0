"""The page without a server: all that it needs, in one folder."""

import base64
import hashlib
import json
import re
import sys

import numpy as np
import pytest
from PIL import Image

from export.page import RUNTIME_FILES, export_page
from tests.common_processes import run_module
from tests.retrieval.drawn_encoder import drawn_encoder, unit_vectors
from tests.retrieval.learned_distances import LEARNED, lifting_of
from tfsbir import files
from tfsbir.data.images import read_image
from tfsbir.errors import InputError
from tfsbir.preprocessing import Preprocessing
from tfsbir.retrieval import Gallery
from tfsbir.web.page_files import PAGE_DIR

DIM = 6


@pytest.fixture
def model(tmp_path):
    """What is read of an export: the encoder that made the galleries here, in name."""
    return write_model(tmp_path / "model")


def write_model(folder, **values):
    folder.mkdir()
    (folder / "sketch_encoder.tflite").write_bytes(b"a model")
    files.write_json(folder / "preprocessing.json", Preprocessing(8, DIM).to_json())
    files.write_json(folder / "encoder.json", {"kind": "litert", "fingerprint": "of the encoder", **values})
    return folder


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """LiteRT.js in name."""
    folder = tmp_path_factory.mktemp("packages")
    for name in RUNTIME_FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def export(model, packages, tmp_path):
    """Function that exports the gallery in `tmp_path`."""

    def run(output="site", **arguments):
        arguments = {"model": model, "packages": packages, **arguments}
        return export_page(gallery=tmp_path / "gallery", output=tmp_path / output, **arguments)

    return run


@pytest.fixture
def photos(tmp_path):
    """Paths of eight photos of several shapes, the first in a folder of its own."""
    folder = tmp_path / "photos"
    (folder / "red shoes").mkdir(parents=True)
    paths = [folder / ("red shoes" if index == 0 else "") / f"{index}.png" for index in range(8)]
    for index, path in enumerate(paths):
        Image.new("RGB", (200, 100 + 20 * index), (30 * index, 90, 200)).save(path)
    return paths


def build(photos, path, **arguments):
    encoder = drawn_encoder(unit_vectors(len(photos), DIM), fingerprint="of the encoder", **arguments)
    gallery, _ = Gallery.build(encoder, photos, path, progress=False)
    return gallery


@pytest.mark.parametrize("index", ["flat", "hnsw"])
def test_a_page_gets_embeddings_names_and_thumbnails(photos, export, tmp_path, index):
    embeddings = unit_vectors(len(photos), DIM)
    encoder = drawn_encoder(embeddings, fingerprint="of the encoder")
    gallery, _ = Gallery.build(encoder, photos, tmp_path / "gallery", progress=False, index=index)
    np.testing.assert_array_equal(gallery.embeddings(), embeddings)
    result = export()

    output = tmp_path / "site" / "gallery"
    stored = np.fromfile(output / "embeddings.bin", "<f4").reshape(-1, DIM)
    np.testing.assert_array_equal(stored, embeddings)
    assert json.loads((output / "names.json").read_text()) == {
        "fingerprint": "of the encoder",
        "dim": DIM,
        "attributes": [],
        "names": ["red shoes/0.png", *(f"{index}.png" for index in range(1, 8))],
        "metadata": [{}] * 8,
    }
    for index, photo in enumerate(photos):
        with Image.open(output / "thumbnails" / f"{index}.jpg") as thumbnail:
            assert (thumbnail.format, thumbnail.size, thumbnail.mode) == ("JPEG", (256, 256), "RGB")
            difference = np.asarray(thumbnail, int) - read_image(photo, 256, channels=3)
        assert np.mean(np.abs(difference)) < 3
    assert len(list((output / "thumbnails").iterdir())) == len(photos)
    size = sum(path.stat().st_size for path in (tmp_path / "site").rglob("*") if path.is_file())
    assert result == {"num_photos": 8, "dim": DIM, "size_bytes": size}


def test_the_page_is_that_of_the_server_and_searches_by_itself(photos, export, packages, tmp_path):
    build(photos, tmp_path / "gallery")
    export()
    site = tmp_path / "site"
    assert {path.name for path in site.iterdir()} == {"index.html", "page", "packages", "model", "gallery"}
    assert json.loads((site / "page" / "settings.json").read_text()) == {"search": "gallery"}
    assert json.loads((PAGE_DIR / "settings.json").read_text()) == {"search": "server"}
    scripts = {path.name for path in PAGE_DIR.glob("*.js")}
    assert {path.name for path in (site / "page").iterdir()} == {*scripts, "style.css", "settings.json"}
    for name in scripts:
        assert (site / "page" / name).read_bytes() == (PAGE_DIR / name).read_bytes()
    for name in RUNTIME_FILES:
        assert (site / "packages" / name).read_text() == name
    html = (site / "index.html").read_text()
    (import_map,) = re.findall(r'<script type="importmap">(.*?)</script>', html, re.DOTALL)
    assert set(json.loads(import_map)["imports"]) == {"@litertjs/core", "@litertjs/wasm-utils"}
    digest = base64.b64encode(hashlib.sha256(import_map.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in html
    # Nothing else is written into it that the policy would stop.
    assert not re.findall(r'<script(?! type="importmap"| type="module" src=)|\son\w+=|\sstyle=', html)


def test_an_older_one_is_replaced_and_nothing_else_is(photos, export, tmp_path):
    build(photos, tmp_path / "gallery")
    for _ in range(2):
        export()
    with pytest.raises(InputError, match="`output` must be a new folder, an empty one or an older page"):
        export("gallery")
    assert len(Gallery.open(tmp_path / "gallery")) == 8
    (tmp_path / "file").write_text("a file")
    with pytest.raises(InputError, match="`output` must be a new folder"):
        export("file")
    with pytest.raises(InputError, match="`output` must lie in a folder"):
        export("file/site")


def test_a_missing_photo_is_named_and_nothing_is_written(photos, export, tmp_path):
    build(photos, tmp_path / "gallery")
    photos[3].unlink()
    with pytest.raises(InputError, match=r"3\.png: expected an image file"):
        export()
    assert {path.name for path in tmp_path.iterdir()} == {"gallery", "photos", "model"}


def test_too_many_photos_are_refused(photos, export, tmp_path):
    build(photos, tmp_path / "gallery")
    with pytest.raises(InputError, match=r"expected at most 7 photos \(`max_photos`\); found 8"):
        export(max_photos=7)
    with pytest.raises(ValueError, match=r"`max_photos` must be >= 1\. Received: 0"):
        export(max_photos=0)
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize("name", list(LEARNED))
def test_a_learned_distance_is_refused(photos, export, tmp_path, name):
    build(photos, tmp_path / "gallery", lifting=lifting_of(LEARNED[name](DIM)))
    with pytest.raises(InputError, match="expected a gallery that ranks by squared_euclidean"):
        export()
    assert not (tmp_path / "site").exists()


UNFIT_MODELS = {
    "other": ({"fingerprint": "other"}, "expected the encoder that made .*gallery.*; found other"),
    "int8": (
        {"models": {"sketch_encoder.tflite": {"interface": "int8"}}},
        "expected an export with --interface=float32 and --preprocessing=outside; found int8 and outside",
    ),
    "inside": (
        {"models": {"sketch_encoder.tflite": {"preprocessing": "inside"}}},
        "found float32 and inside",
    ),
    "no record": ({"models": []}, "encoder.json: expected the record of an export"),
}


@pytest.mark.parametrize("case", UNFIT_MODELS)
def test_an_unfit_model_is_refused(photos, export, tmp_path, case):
    build(photos, tmp_path / "gallery")
    values, message = UNFIT_MODELS[case]
    with pytest.raises(InputError, match=message):
        export(model=write_model(tmp_path / "unfit", **values))
    assert not (tmp_path / "site").exists()


def test_what_is_missing_is_named(photos, export, tmp_path, model):
    build(photos, tmp_path / "gallery")
    with pytest.raises(InputError, match=r"expected LiteRT.js, which `make web` fetches; found none"):
        export(packages=tmp_path / "none")
    files.write_json(model / "preprocessing.json", Preprocessing(8, DIM + 1).to_json())
    with pytest.raises(InputError, match=r"model: expected embeddings of 6, as in .*gallery; found 7"):
        export()
    (model / "sketch_encoder.tflite").unlink()
    with pytest.raises(
        InputError, match=r"expected an export of `export.litert`; found no sketch_encoder.tfl"
    ):
        export()


def test_a_student_searches_its_teachers_gallery(photos, export, tmp_path):
    build(photos, tmp_path / "gallery")
    student = write_model(tmp_path / "student", fingerprint="student", teacher="of the encoder")
    assert export(model=student)["num_photos"] == 8


def test_the_command_prints_one_line_of_what_is_wrong(photos, tmp_path, model):
    build(photos, tmp_path / "gallery")
    command = [sys.executable, "-m", "export.page", f"--gallery={tmp_path / 'gallery'}", f"--model={model}"]
    failed = run_module([*command, f"--output={tmp_path / 'site'}", "--max_photos=2"])
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.splitlines()[-1].startswith("error: ")
