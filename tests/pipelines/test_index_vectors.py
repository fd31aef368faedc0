"""`tfsbir index --vectors`: a gallery of photos that the pipeline encoded."""

import json

import numpy as np
import pytest

from tests.cli.test_cli import run as run_cli
from tests.pipelines.bucket import BucketFileSystem
from tests.pipelines.test_encode_photos import encode
from tests.pipelines.tiny_photos import NAMES, write_photos
from tests.retrieval.tiny_run import write_tiny_run
from tfsbir.data.images import natural_key
from tfsbir.retrieval import Gallery, open_encoder


@pytest.fixture
def work(tmp_path, capsys):
    write_tiny_run(tmp_path / "run")
    write_photos(tmp_path / "photos")
    assert encode(tmp_path / "run", tmp_path / "photos", tmp_path / "vectors" / "v") == 0
    capsys.readouterr()
    return tmp_path


def index(capsys, work, *flags, model="run"):
    flags = (f"--model={work / model}", f"--gallery={work / 'gallery'}", "--json", *flags)
    return run_cli(capsys, "index", *flags)


def test_the_gallery_is_that_of_tfsbir_index(capsys, work):
    vectors = f"--vectors={work / 'vectors' / 'v'}"
    code, out, err = index(capsys, work, vectors)
    assert code == 0, err
    result = json.loads(out)
    assert (result["num_photos"], result["num_encoded"], result["num_added"]) == (6, 0, 6)
    taken = Gallery.open(work / "gallery")
    assert taken.photo_ids == tuple(sorted(NAMES, key=natural_key))
    # Photos that were taken over are not encoded again, nor taken over again.
    assert json.loads(index(capsys, work, vectors)[1])["num_unchanged"] == 6
    result = json.loads(index(capsys, work, f"--photos={work / 'photos'}")[1])
    assert (result["num_encoded"], result["num_unchanged"], result["num_skipped"]) == (0, 6, 3)
    encoder = open_encoder(work / "run")
    photos = [encoder.preprocessing.read_photo(photo.path) for photo in taken.photos()]
    np.testing.assert_allclose(taken.embeddings(), encoder.encode_photos(np.stack(photos)), atol=1e-5)


def test_another_model_or_no_vectors_are_one_line(capsys, work):
    write_tiny_run(work / "other", seed=1)
    vectors = f"--vectors={work / 'vectors' / 'v'}"
    for flags, model, message in (
        ([vectors], "other", "v: expected photos encoded by "),
        (
            [f"--vectors={work / 'absent'}"],
            "run",
            "absent.vectors.json: expected the record that encode_photos",
        ),
        ([], "run", "one of `--photos` and `--vectors` must be given. Received: none"),
        ([vectors, f"--photos={work}"], "run", "`--photos` and `--vectors` must be given. Received: both"),
        ([vectors, "--metadata=m.csv"], "run", "`--metadata` must come with --photos. Received: --vectors"),
    ):
        code, out, err = index(capsys, work, *flags, model=model)
        assert (code, out) == (1, "")
        assert err.startswith("error: ") and message in err and err.count("\n") == 1
    assert not (work / "gallery").exists()


def test_photos_at_addresses_go_into_milvus(capsys, work, monkeypatch):
    monkeypatch.setattr(BucketFileSystem, "folder", str(work))
    assert encode(work / "run", "bucket://photos", work / "far" / "v") == 0
    capsys.readouterr()
    flags = [f"--vectors={work / 'far' / 'v'}", f"--store=milvus:{work}/photos.db"]
    code, out, err = index(capsys, work, *flags)
    assert code == 0, err
    assert json.loads(out)["num_added"] == 6
    gallery = Gallery.open(work / "gallery")
    assert [photo.path for photo in gallery.photos()] == [
        f"bucket://photos/{name}" for name in sorted(NAMES, key=natural_key)
    ]
    assert json.loads(index(capsys, work, *flags)[1])["num_unchanged"] == 6
    gallery.close()
