import json
import os
import shutil
import sys

import numpy as np
import pytest

from tests.common_processes import run_module
from tests.pipelines.bucket import BucketFileSystem
from tests.pipelines.tiny_photos import NAMES, REASONS, write_photos
from tests.retrieval.tiny_run import write_tiny_run
from tfsbir.data import images
from tfsbir.pipelines.encode_photos import main
from tfsbir.retrieval import open_encoder
from tfsbir.retrieval.encoded_photos import EncodedPhotos

TWO_WORKERS = ["--", "--direct_num_workers=2", "--direct_running_mode=multi_threading"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_tiny_run(tmp_path_factory.mktemp("run"), attributes=("laces",)).path


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos"))


def encode(run, photos, output, *more):
    flags = [f"--model={run}", f"--photos={photos}", f"--output={output}", "--batch_size=2", "--num_shards=3"]
    return main([*flags, *more])


def written(output):
    return {path.name: path.read_bytes() for path in output.parent.iterdir()}


def skipped(output):
    lines = [line for path in output.parent.glob("*.jsonl") for line in path.read_text().splitlines()]
    return {one["path"]: one["reason"] for one in map(json.loads, lines)}


def test_it_writes_what_the_encoder_makes_of_the_same_files(run, photos, tmp_path, capsys):
    assert encode(run, photos, tmp_path / "vectors" / "v") == 0
    assert "6 photos" in capsys.readouterr().out
    encoder = open_encoder(run)
    encoded = EncodedPhotos(tmp_path / "vectors" / "v")
    ((found, embeddings),) = encoded.batches()
    assert [photo.photo_id for photo in found] == sorted(NAMES, key=images.natural_key)
    for photo, embedding in zip(found, embeddings, strict=True):
        path = photos / photo.photo_id
        expected = encoder.encode_photos(encoder.preprocessing.read_photo(path)[None])[0]
        np.testing.assert_allclose(embedding, expected, atol=1e-6)
        assert photo.path == str(path)
        assert (photo.size, photo.mtime_ns) == (path.stat().st_size, path.stat().st_mtime_ns)
    assert (encoded.encoder_fingerprint, encoded.dim) == (encoder.fingerprint, 9)
    assert (encoded.distance, encoded.photo_root) == ("squared_euclidean", str(photos))
    assert encoded.preprocessing == json.loads(json.dumps(encoder.preprocessing.to_json()))
    assert encoded.num_skipped == 3
    reasons = skipped(tmp_path / "vectors" / "v")
    assert reasons.keys() == {str(photos / name) for name in REASONS}
    for name, reason in REASONS.items():
        assert reason in reasons[str(photos / name)]


def test_two_workers_and_a_rerun_write_the_same_bytes(run, photos, tmp_path):
    output = tmp_path / "one" / "v"
    encode(run, photos, output)
    first = written(output)
    encode(run, photos, tmp_path / "two" / "v", *TWO_WORKERS)
    assert written(tmp_path / "two" / "v") == first
    encode(run, photos, output)
    assert written(output) == first
    # Files of another number of shards are not left beside the new ones.
    encode(run, photos, output, "--num_shards=1")
    assert set(written(output)) == {
        "v-00000-of-00001.parquet",
        "v-00000-of-00001.skipped.jsonl",
        "v.vectors.json",
    }


def test_lists_of_names(run, photos, tmp_path):
    elsewhere = tmp_path / "elsewhere.png"
    elsewhere.write_bytes((photos / "2.png").read_bytes())
    (tmp_path / "a.txt").write_bytes(
        f"2.png\r\n\r\n./chairs/../10.png\r\nmissing.png\r\n{elsewhere}".encode()
    )
    (tmp_path / "b.txt").write_bytes(
        f"2.png\n{photos}/shoes/4.png\nnothing://bucket/1.png\n".encode() + b"\xff.png\n"
    )
    assert encode(run, tmp_path / "*.txt", tmp_path / "out" / "v", f"--photo_root={photos}") == 0
    ((found, embeddings),) = EncodedPhotos(tmp_path / "out" / "v").batches()
    assert [photo.photo_id for photo in found] == ["2.png", "10.png", str(elsewhere), "shoes/4.png"]
    np.testing.assert_allclose(embeddings[0], embeddings[2], atol=1e-6)
    reasons = skipped(tmp_path / "out" / "v")
    assert reasons.keys() == {str(photos / "missing.png"), "nothing://bucket/1.png", r"b'\xff.png'"}
    assert "no such file" in reasons[str(photos / "missing.png")]
    assert "filesystem" in reasons["nothing://bucket/1.png"]
    assert "UTF-8" in reasons[r"b'\xff.png'"]


def test_a_pattern_and_a_large_file(run, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("tfsbir.pipelines.photo_reading.MAX_BYTES", (photos / "2.png").stat().st_size)
    assert encode(run, photos / "*.png", tmp_path / "v") == 0
    ((found, _),) = EncodedPhotos(tmp_path / "v").batches()
    assert [photo.photo_id for photo in found] == ["2.png"]
    assert "at most" in skipped(tmp_path / "v")[str(photos / "10.png")]


def test_photos_and_vectors_at_addresses(run, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(BucketFileSystem, "folder", str(tmp_path))
    shutil.copytree(photos, tmp_path / "photos")
    for _ in range(2):  # The second time in place of older files.
        assert encode(run, "bucket://photos", "bucket://out/v") == 0
    ((found, _),) = EncodedPhotos(tmp_path / "out" / "v").batches()
    assert [photo.photo_id for photo in found] == sorted(NAMES, key=images.natural_key)
    assert [photo.path for photo in found] == [f"bucket://photos/{photo.photo_id}" for photo in found]
    assert {photo.mtime_ns for photo in found} == {None}
    (tmp_path / "some.txt").write_text("2.png\nbucket://photos/10.png\n")
    flag = "--photo_root=bucket://photos/"
    assert encode(run, "bucket://some.txt", tmp_path / "list" / "v", flag) == 0
    ((found, _),) = EncodedPhotos(tmp_path / "list" / "v").batches()
    assert [photo.photo_id for photo in found] == ["2.png", "10.png"]


def test_a_name_that_is_no_text_is_left_out(run, photos, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "2.png").write_bytes((photos / "2.png").read_bytes())
    with open(os.fsencode(tmp_path / "photos") + b"/\xff.png", "wb") as file:
        file.write((photos / "2.png").read_bytes())
    assert encode(run, tmp_path / "photos", tmp_path / "v") == 0
    assert len(EncodedPhotos(tmp_path / "v")) == 1
    assert "expected a name in UTF-8; found other bytes" in skipped(tmp_path / "v").values()


def test_no_readable_photo_is_an_error(run, photos, tmp_path, capsys):
    assert encode(run, photos / "text.*", tmp_path / "v") == 1
    assert "expected at least one readable photo" in capsys.readouterr().err


def test_embeddings_that_are_not_finite_are_left_out():
    import apache_beam as beam
    from apache_beam.ml.inference.base import PredictionResult
    from apache_beam.pvalue import TaggedOutput

    from tfsbir.pipelines.vector_files import _ToRows
    from tfsbir.retrieval.encoded_photos import EncodedPhoto

    assert issubclass(_ToRows, beam.DoFn)
    photo = EncodedPhoto("1.png", "/photos/1.png", 1, None, "")
    (left,) = _ToRows(1).process(PredictionResult(photo, np.float32([1, np.nan])))
    assert isinstance(left, TaggedOutput)
    assert left.value == ("/photos/1.png", "expected a finite embedding; found another")


def test_another_encoder_on_a_worker_ends_the_pipeline(run):
    from tfsbir.errors import InputError
    from tfsbir.pipelines.photo_encoder import PhotoEncoder

    with pytest.raises(InputError, match="expected the encoder made on every worker; found"):
        PhotoEncoder(str(run), "made").load_model()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--model=nothing"], "nothing: expected a run directory or an export"),
        (["--photos=nothing"], "`--photos` must be text files"),
        (["--photos=nothing/*.png"], "`--photos` must be text files"),
        (["--photos=nothing://bucket/photos"], "`--photos` must name files that can be listed"),
        (["--output={photos}/"], "`--output` must end in a name"),
        (["--output={photos}/2.png/v"], "`--output` must lie where files can be written"),
        (["--output={photos}/other"], "expected the record of encoded photos or no such file; found another"),
        (["--batch_size=0"], "batch_size"),
        (["--num_shards=0"], "num_shards"),
        (["--runner=FlinkRunner"], "Unknown command line flag 'runner'"),
        (["--", "--nonsense=1"], "must be options of Beam. Received: --nonsense"),
        (["--", "--direct_running_mode=x"], "invalid choice: 'x'"),
        (["--", "--runner=Nonsense"], "Unexpected pipeline runner: Nonsense"),
        (["--", "photos"], "every argument after `--` must be an option of Beam. Received: photos"),
    ],
)
def test_wrong_flags_are_told_before_anything_starts(run, photos, tmp_path, capsys, flags, message):
    (photos / "other.vectors.json").write_text("[]")
    before = sorted(photos.rglob("*"))
    assert encode(run, photos, tmp_path / "v", *(flag.format(photos=photos) for flag in flags)) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert sorted(photos.rglob("*")) == before
    (photos / "other.vectors.json").unlink()


def test_as_users_run_it(run, photos, tmp_path):
    command = [sys.executable, "-m", "tfsbir.pipelines.encode_photos", f"--model={run}", f"--photos={photos}"]
    done = run_module([*command, f"--output={tmp_path}/v"])
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"6 photos in {tmp_path}/v-*.parquet, 3 skipped ({tmp_path}/v-*.skipped.jsonl)\n"
    assert "Traceback" not in done.stderr
    assert len(EncodedPhotos(tmp_path / "v")) == 6
    done = run_module(command)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("error: `--output` must be given. Received: nothing\n")
