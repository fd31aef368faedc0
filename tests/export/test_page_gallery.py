"""The files that a web page ranks photos by."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from export.page_gallery import export_page_gallery
from tests.common_processes import run_module
from tests.retrieval.drawn_encoder import drawn_encoder, unit_vectors
from tests.retrieval.learned_distances import LEARNED, lifting_of
from tfsbir.data.images import read_image
from tfsbir.errors import InputError
from tfsbir.retrieval import Gallery

DIM = 6


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
def test_a_page_gets_embeddings_names_and_thumbnails(photos, tmp_path, index):
    embeddings = unit_vectors(len(photos), DIM)
    encoder = drawn_encoder(embeddings, fingerprint="of the encoder")
    gallery, _ = Gallery.build(encoder, photos, tmp_path / "gallery", progress=False, index=index)
    np.testing.assert_array_equal(gallery.embeddings(), embeddings)
    result = export_page_gallery(tmp_path / "gallery", tmp_path / "page")

    output = tmp_path / "page"
    stored = np.fromfile(output / "embeddings.bin", "<f4").reshape(-1, DIM)
    np.testing.assert_array_equal(stored, embeddings)
    assert json.loads((output / "names.json").read_text()) == {
        "fingerprint": "of the encoder",
        "dim": DIM,
        "names": ["red shoes/0.png", *(f"{index}.png" for index in range(1, 8))],
    }
    for index, photo in enumerate(photos):
        with Image.open(output / "thumbnails" / f"{index}.jpg") as thumbnail:
            assert (thumbnail.format, thumbnail.size, thumbnail.mode) == ("JPEG", (128, 128), "RGB")
            difference = np.asarray(thumbnail, int) - read_image(photo, 128, channels=3)
        assert np.mean(np.abs(difference)) < 3
    assert len(list((output / "thumbnails").iterdir())) == len(photos)
    size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    assert result == {"num_photos": 8, "dim": DIM, "size_bytes": size}


def test_an_older_one_is_replaced_and_nothing_else_is(photos, tmp_path):
    build(photos, tmp_path / "gallery")
    for _ in range(2):
        export_page_gallery(tmp_path / "gallery", tmp_path / "page")
    with pytest.raises(InputError, match="`output` must be a new folder, an empty one or an older gallery"):
        export_page_gallery(tmp_path / "gallery", tmp_path / "gallery")
    assert len(Gallery.open(tmp_path / "gallery")) == 8
    (tmp_path / "file").write_text("a file")
    with pytest.raises(InputError, match="`output` must be a new folder"):
        export_page_gallery(tmp_path / "gallery", tmp_path / "file")
    with pytest.raises(InputError, match="`output` must lie in a folder"):
        export_page_gallery(tmp_path / "gallery", tmp_path / "file" / "page")


def test_a_missing_photo_is_named_and_nothing_is_written(photos, tmp_path):
    build(photos, tmp_path / "gallery")
    photos[3].unlink()
    with pytest.raises(InputError, match=r"3\.png: expected an image file"):
        export_page_gallery(tmp_path / "gallery", tmp_path / "page")
    assert {path.name for path in tmp_path.iterdir()} == {"gallery", "photos"}


def test_too_many_photos_are_refused(photos, tmp_path):
    build(photos, tmp_path / "gallery")
    with pytest.raises(InputError, match=r"expected at most 7 photos \(`max_photos`\); found 8"):
        export_page_gallery(tmp_path / "gallery", tmp_path / "page", max_photos=7)
    with pytest.raises(ValueError, match=r"`max_photos` must be >= 1\. Received: 0"):
        export_page_gallery(tmp_path / "gallery", tmp_path / "page", max_photos=0)
    assert not (tmp_path / "page").exists()


@pytest.mark.parametrize("name", list(LEARNED))
def test_a_learned_distance_is_refused(photos, tmp_path, name):
    build(photos, tmp_path / "gallery", lifting=lifting_of(LEARNED[name](DIM)))
    with pytest.raises(InputError, match="expected a gallery that ranks by squared_euclidean"):
        export_page_gallery(tmp_path / "gallery", tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_the_command_prints_what_it_wrote_or_one_line(photos, tmp_path):
    build(photos, tmp_path / "gallery")
    command = [sys.executable, "-m", "export.page_gallery", f"--gallery={tmp_path / 'gallery'}"]
    done = run_module([*command, f"--output={tmp_path / 'page'}"])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["num_photos"] == 8
    failed = run_module([*command, f"--output={tmp_path / 'other'}", "--max_photos=2"])
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.splitlines()[-1].startswith(
        f"error: {tmp_path / 'gallery'}: expected at most 2 photos"
    )
