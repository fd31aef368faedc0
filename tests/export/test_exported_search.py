"""`tfsbir` searches with every kind of LiteRT export as with the run itself."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.common_processes import run_module
from tfsbir.retrieval import Gallery, open_encoder

FORMATS = [("int8", "int8", "outside"), ("int8", "int8", "inside"), ("float16", "float32", "inside")]


@pytest.mark.parametrize("key", FORMATS, ids="-".join)
def test_an_export_encodes_as_its_run_does(exported, siamese_run, key):
    encoder, expected = open_encoder(exported(*key)[0]), open_encoder(siamese_run.path)
    assert encoder.fingerprint == expected.fingerprint
    split = siamese_run.train_split()
    for found, wanted in (
        (encoder.encode_sketches, expected.encode_sketches),
        (encoder.encode_photos, expected.encode_photos),
    ):
        images = siamese_run.preprocessing().center(split.sketches[:4])
        embeddings = found(images)
        assert embeddings.dtype == np.float32
        lengths = np.linalg.norm(embeddings, axis=1)
        np.testing.assert_allclose(lengths, 1, atol=0.01)
        assert np.min(np.sum(embeddings * wanted(images), axis=1) / lengths) > 0.99


def test_index_and_search_take_an_export_of_canvases(exported, siamese_run, tmp_path):
    output = exported("int8", "int8", "inside")[0]
    data = Path(siamese_run.config["dataset"]["data_dir"]) / "train"
    command = [sys.executable, "-m", "tfsbir"]
    options = [f"--photos={data / 'edges'}", f"--gallery={tmp_path / 'gallery'}"]
    done = run_module([*command, "index", f"--model={output}", *options])
    assert done.returncode == 0, done.stderr
    options = [f"--gallery={tmp_path / 'gallery'}", f"--sketch={data / 'sketches' / '3.png'}"]
    done = run_module([*command, "search", *options, "--top=3"])
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3
    # The run's own encoder finds photos that its export has encoded.
    encoder = open_encoder(siamese_run.path)
    gallery = Gallery.open(tmp_path / "gallery", encoder)
    sketch = encoder.preprocessing.read_sketch(data / "sketches" / "3.png")
    _, indices = gallery.search(encoder.encode_sketches(sketch[None]), k=3)
    assert str(gallery.photos(indices[0])[0].path) in done.stdout.splitlines()[0]


def test_a_gallery_gives_the_example_its_embeddings(exported, siamese_run, tmp_path):
    encoder = open_encoder(exported("int8", "int8", "inside")[0])
    data = Path(siamese_run.config["dataset"]["data_dir"]) / "train"
    paths = sorted((data / "edges").glob("*.png"))
    gallery, _ = Gallery.build(encoder, paths, tmp_path / "gallery", progress=False)
    (file,) = (tmp_path / "gallery").glob("vectors-*.npy")
    embeddings = np.load(file, allow_pickle=False)
    photos = np.stack([encoder.preprocessing.read_photo(photo.path) for photo in gallery.photos()])
    np.testing.assert_allclose(embeddings, encoder.encode_photos(photos), atol=1e-6)
