"""`tfsbir index` and `tfsbir search` from photos to a contact sheet, as subprocesses on a tiny encoder."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.test_cli import run
from tests.distances.common_distances import holef
from tests.retrieval.tiny_run import EMBEDDING_DIM, write_tiny_run
from tfsbir.cli.index import FLAGS, find_images
from tfsbir.retrieval import Gallery, open_encoder
from tfsbir.retrieval.photo_index import INDEXES
from tfsbir.runs import RunDirectory

PROJECT = Path(__file__).resolve().parents[2]
NUM_PHOTOS = 12


def run_program(*argv):
    """Runs `tfsbir` in a process of its own; returns exit code, stdout and stderr."""
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-m", "tfsbir", *map(str, argv)],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with a run, another run, and photos, three of which are broken."""
    work = tmp_path_factory.mktemp("work")
    write_tiny_run(work / "run")
    write_tiny_run(work / "other_run", seed=1)
    random = np.random.default_rng(0)
    for number in range(NUM_PHOTOS):
        photo = Image.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8)).resize((160, 120))
        path = work / "photos" / f"shelf {number % 2}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        photo.save(path)
    (work / "photos" / "zero.png").touch()
    (work / "photos" / "text.JPG").write_text("This is not an image.")
    (work / "photos" / "cut.jpg").write_bytes(path.read_bytes()[:500])
    (work / "photos" / "notes.txt").write_text("no photo")
    (work / "photos" / ".hidden.png").touch()
    sketch = np.full((50, 50), 255, np.uint8)
    sketch[20:24, 5:45] = 0
    Image.fromarray(sketch).save(work / "sketch.png")
    return work


@pytest.fixture(scope="module")
def indexed(work):
    """Exit code, stdout and stderr of the `tfsbir index` that made `work / "gallery"`."""
    return run_program(
        "index",
        f"--model={work / 'run'}",
        f"--photos={work / 'photos'}",
        f"--gallery={work / 'gallery'}",
        "--json",
    )


def search(capsys, work, *argv):
    return run(capsys, "search", f"--gallery={work / 'gallery'}", *argv)


def test_index_reports_what_it_did_and_what_it_skipped(work, indexed):
    code, out, err = indexed
    assert code == 0
    result = json.loads(out)
    assert (result["num_photos"], result["num_skipped"], result["dim"]) == (NUM_PHOTOS, 3, 8)
    assert (result["metric"], result["index"]) == ("squared_euclidean", "flat")
    assert result["images_per_second"] == pytest.approx(NUM_PHOTOS / result["seconds"], rel=0.1)
    broken = [work / "photos" / name for name in ("cut.jpg", "text.JPG", "zero.png")]
    assert [Path(skipped["path"]) for skipped in result["skipped"]] == broken
    lines = err.rstrip("\n").split("\n")  # The bar redraws itself with carriage returns.
    assert "100%" in lines[0] and "images/s" in lines[0] and "left" in lines[0]  # The progress bar.
    # Nothing else: neither TensorFlow's start nor a warning.
    assert [line.split(": expected")[0] for line in lines[1:]] == [f"skipped: {path}" for path in broken]


def test_the_gallery_holds_the_photos_in_natural_order(work, indexed):
    gallery = Gallery.open(work / "gallery", open_encoder(work / "run"))
    numbers = [*range(0, NUM_PHOTOS, 2), *range(1, NUM_PHOTOS, 2)]
    assert gallery.photo_ids == tuple(f"shelf {number % 2}/{number}.jpg" for number in numbers)
    assert gallery.photo_root == work / "photos"
    assert gallery.encoder_path == work / "run"


def test_search_prints_the_nearest_photos(work, indexed):
    gallery = Gallery.open(work / "gallery")
    encoder = open_encoder(work / "run")
    embedding = encoder.encode_sketches(encoder.preprocessing.read_sketch(work / "sketch.png")[None])
    distances, indices = gallery.search(embedding, 3)
    code, out, err = run_program(
        "search", f"--gallery={work / 'gallery'}", f"--sketch={work / 'sketch.png'}", "--top=3"
    )
    assert code == 0
    assert out.splitlines() == [
        f"{rank:>3}  {distance:.4f}  {gallery.photos([index])[0].path}"
        for rank, distance, index in zip((1, 2, 3), distances[0], indices[0], strict=True)
    ]
    assert re.fullmatch(r"sketch encoded in [\d.]+ ms, 12 photos searched in [\d.]+ ms\n", err)


def test_search_as_json_with_a_sheet(capsys, work, indexed, tmp_path):
    sheet_path = tmp_path / "found.png"
    code, out, err = search(
        capsys, work, f"--sketch={work / 'sketch.png'}", "--json", f"--sheet={sheet_path}", "--top=99"
    )
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert [found["rank"] for found in result["results"]] == list(range(1, NUM_PHOTOS + 1))
    assert result["num_photos"] == NUM_PHOTOS
    assert result["encode_ms"] > 0 and result["search_ms"] > 0
    distances = [found["distance"] for found in result["results"]]
    assert distances == sorted(distances)
    assert list(tmp_path.iterdir()) == [sheet_path]
    with Image.open(sheet_path) as sheet:
        assert sheet.format == "PNG"
        assert sheet.width > 10 * 128 and sheet.height > 2 * 128  # Twelve photos in rows of ten.


def test_a_learned_distance_by_a_graph_is_searched_by_and_named(capsys, work, tmp_path):
    trained = write_tiny_run(tmp_path / "run", distance=holef(EMBEDDING_DIM))
    gallery = f"--gallery={tmp_path / 'gallery'}"
    sketch = f"--sketch={work / 'sketch.png'}"
    argv = (f"--model={trained.path}", f"--photos={work / 'photos'}", "--index=hnsw", "--json")
    code, out, _ = run(capsys, "index", gallery, *argv)
    assert code == 0
    assert (json.loads(out)["metric"], json.loads(out)["index"]) == ("holef", "hnsw")

    code, out, err = run(capsys, "search", gallery, sketch, "--top=99", "--ef_search=50", "--json")
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert (result["metric"], result["index"]) == ("holef", "hnsw")
    encoder = open_encoder(trained.path)
    paths = [Path(found["path"]) for found in result["results"]]
    embeddings = [
        encode(np.stack([read(path) for path in files]))
        for encode, read, files in (
            (encoder.encode_sketches, encoder.preprocessing.read_sketch, [work / "sketch.png"]),
            (encoder.encode_photos, encoder.preprocessing.read_photo, paths),
        )
    ]
    expected = np.asarray(trained.load_distance().pairwise(*embeddings))[0]
    assert len(paths) == NUM_PHOTOS
    assert np.all(np.diff(expected) > -1e-5)
    np.testing.assert_allclose([found["distance"] for found in result["results"]], expected, atol=1e-5)

    code, out, err = run(capsys, "search", gallery, sketch, "--top=3")
    assert code == 0
    assert [line.split("  ")[-1] for line in out.splitlines()] == [str(path) for path in paths[:3]]
    assert re.search(r", 12 photos searched approximately \(hnsw\) by holef in [\d.]+ ms\n$", err)


def test_ef_search_is_for_graphs(capsys, work, indexed):
    code, out, err = search(capsys, work, f"--sketch={work / 'sketch.png'}", "--ef_search=50")
    assert (code, out) == (1, "")
    message = f"`--ef_search` needs a gallery made with --index=hnsw. Received: {work / 'gallery'}"
    assert err == f"error: {message}\n"


def test_search_refuses_another_model_and_takes_a_moved_one(capsys, work, indexed, tmp_path):
    sketch = f"--sketch={work / 'sketch.png'}"
    code, out, err = search(capsys, work, sketch, f"--model={work / 'other_run'}")
    assert (code, out) == (1, "")
    fingerprints = [RunDirectory(work / name).fingerprint() for name in ("run", "other_run")]
    assert err.count("\n") == 1
    assert all(fingerprint in err for fingerprint in fingerprints)
    (work / "run").rename(tmp_path / "moved")
    try:
        code, out, err = search(capsys, work, sketch)
        assert (code, out) == (1, "")
        assert err == (
            f"error: {work / 'run'}: expected the model that made {work / 'gallery'}; it is not there any "
            "more (if it was moved, name it with --model)\n"
        )
        assert search(capsys, work, sketch, f"--model={tmp_path / 'moved'}")[0] == 0
    finally:
        (tmp_path / "moved").rename(work / "run")


def test_a_sketch_that_is_no_image_is_one_line(capsys, work, indexed):
    for name, message in (
        ("photos/text.JPG", "expected an image"),
        ("photos/zero.png", "expected an image file; found an empty file"),
        ("photos", "expected an image file; found a folder"),
        ("absent.png", "expected an image file; "),
    ):
        code, out, err = search(capsys, work, f"--sketch={work / name}")
        assert (code, out) == (1, "")
        assert err.startswith(f"error: {work / name}: {message}")
        assert err.count("\n") == 1


@pytest.mark.parametrize("shade", [255, 247, 0])
def test_a_blank_sketch_is_refused(capsys, work, indexed, tmp_path, shade):
    Image.new("L", (100, 80), shade).resize((256, 256)).save(tmp_path / "blank.png")
    code, out, err = search(capsys, work, f"--sketch={tmp_path / 'blank.png'}")
    assert (code, out) == (1, "")
    assert err == f"error: {tmp_path / 'blank.png'}: expected a drawing; found a blank image\n"


def test_a_photo_that_is_gone_is_named_when_the_sheet_needs_it(capsys, work, indexed, tmp_path):
    photo = work / "photos" / "shelf 1" / "5.jpg"
    photo.rename(tmp_path / "5.jpg")
    try:
        argv = (f"--sketch={work / 'sketch.png'}", "--top=99")
        assert search(capsys, work, *argv)[0] == 0
        code, out, err = search(capsys, work, *argv, f"--sheet={tmp_path / 'found.png'}")
        assert (code, out) == (1, "")
        assert err.startswith(f"error: {photo}: expected an image file; ")
        assert not (tmp_path / "found.png").exists()
    finally:
        (tmp_path / "5.jpg").rename(photo)


def test_index_needs_photos(capsys, work, tmp_path):
    argv = ("index", f"--model={work / 'run'}", f"--gallery={tmp_path / 'gallery'}")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.png").touch()
    for name, message in (
        ("absent", "absent: expected a folder of photos; there is no such folder"),
        ("empty", "empty: expected at least one image (.png, .jpg, "),
        ("broken", "broken: expected at least one readable photo; found none among 1 (the first: "),
    ):
        code, out, err = run(capsys, *argv, f"--photos={tmp_path / name}")
        assert (code, out) == (1, "")
        assert err.splitlines()[-1].startswith(f"error: {tmp_path}/{message}")
    assert not (tmp_path / "gallery").exists()


def test_index_does_not_replace_a_folder_that_is_no_gallery(capsys, work):
    argv = ("index", f"--model={work / 'run'}", f"--photos={work / 'photos'}")
    code, _, err = run(capsys, *argv, f"--gallery={work / 'photos'}")
    assert code == 1
    assert err.startswith(f"error: {work / 'photos'}: expected a gallery to replace, ")
    assert (work / "photos" / "notes.txt").exists()


def test_index_as_text(capsys, work, tmp_path):
    code, out, _ = run(
        capsys,
        "index",
        f"--model={work / 'run'}",
        f"--photos={work / 'photos'}",
        f"--gallery={tmp_path / 'gallery'}",
    )
    assert code == 0
    counts = "12 encoded, 0 taken over, 0 removed, 3 skipped"
    pattern = rf"12 photos in {tmp_path / 'gallery'}: {counts}, [\d.]+ s, [\d.]+ images/s\n"
    assert re.fullmatch(pattern, out)


def test_the_kinds_of_index_are_those_of_the_library(capsys):
    assert FLAGS["index"].parser.enum_values == list(INDEXES)
    code, _, err = run(capsys, "index", "--model=m", "--photos=p", "--gallery=g", "--index=ivf")
    assert code == 1
    assert "value should be one of <flat|hnsw|ivfpq>" in err


def test_find_images_looks_everywhere_below(tmp_path):
    for name in ("b/10.png", "b/9.PNG", "a.jpeg", ".git/x.png", "b/.x.png", "b/readme.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]
    assert found == ["a.jpeg", "b/9.PNG", "b/10.png"]
