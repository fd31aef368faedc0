"""`tfsbir index` given again, with metadata, and searches that choose by these or look for a photo."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.cli.test_cli import run
from tests.retrieval.tiny_run import write_tiny_run

NUM_PHOTOS = 8


@pytest.fixture
def work(tmp_path):
    write_tiny_run(tmp_path / "run")
    random = np.random.default_rng(0)
    for number in range(NUM_PHOTOS):
        path = tmp_path / "photos" / "shelf" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8)).resize((160, 120)).save(path)
    sketch = np.full((50, 50), 255, np.uint8)
    sketch[20:24, 5:45] = 0
    Image.fromarray(sketch).save(tmp_path / "sketch.png")
    return tmp_path


def index(capsys, work, *flags, model="run"):
    argv = (f"--model={work / model}", f"--photos={work / 'photos'}", f"--gallery={work / 'gallery'}")
    return run(capsys, "index", *argv, *flags)


def search(capsys, work, *flags):
    code, out, err = run(capsys, "search", f"--gallery={work / 'gallery'}", *flags, "--json")
    assert code == 0, err
    return json.loads(out)


def counts(out):
    result = json.loads(out)
    return {name: result[f"num_{name}"] for name in ("photos", "encoded", "replaced", "removed", "unchanged")}


def test_given_again_it_encodes_what_is_new(capsys, work):
    assert counts(index(capsys, work, "--json")[1])["encoded"] == NUM_PHOTOS
    shelf = work / "photos" / "shelf"
    (shelf / "0.jpg").unlink()
    Image.open(shelf / "1.jpg").rotate(180).save(shelf / "1.jpg")
    Image.open(shelf / "2.jpg").save(shelf / "new.png")
    assert counts(index(capsys, work, "--json")[1]) == {
        "photos": NUM_PHOTOS, "encoded": 2, "replaced": 1, "removed": 1, "unchanged": NUM_PHOTOS - 2
    }  # fmt: skip
    assert counts(index(capsys, work, "--json", "--index=hnsw")[1])["encoded"] == 0
    found = search(capsys, work, f"--photo={shelf / 'new.png'}", "--top=2")
    assert found["index"] == "hnsw" and found["photo"] == str(shelf / "new.png")
    assert {result["photo_id"] for result in found["results"]} >= {"shelf/new.png"}
    assert found["results"][0]["distance"] == pytest.approx(0, abs=1e-4)


def test_why_a_gallery_is_made_anew_is_said(capsys, work):
    index(capsys, work)
    write_tiny_run(work / "other", seed=1)
    code, out, err = index(capsys, work, "--json", model="other")
    assert code == 0 and counts(out)["encoded"] == NUM_PHOTOS
    assert err.startswith(f"made anew: {work / 'gallery'}: expected the encoder that made this gallery, ")


def test_photos_are_chosen_by_metadata(capsys, work):
    lines = ["photo_id,brand,price"]
    lines += [f"shelf/{number}.jpg,{'acme' if number % 2 else 'ajax'},{number}" for number in range(7)]
    (work / "photos.csv").write_text("\n".join(lines))
    code, out, err = index(capsys, work, f"--metadata={work / 'photos.csv'}", "--json")
    assert code == 0, err
    sketch = f"--sketch={work / 'sketch.png'}"
    found = search(capsys, work, sketch, '--where={"brand": "acme", "price": {"min": 3}}')
    assert (found["num_searched"], found["where"]) == (2, {"brand": "acme", "price": {"min": 3}})
    assert sorted(result["photo_id"] for result in found["results"]) == ["shelf/3.jpg", "shelf/5.jpg"]
    assert all(result["metadata"]["brand"] == "acme" for result in found["results"])
    code, out, err = run(
        capsys, "search", f"--gallery={work / 'gallery'}", sketch, '--where={"brand": "none"}'
    )
    assert (code, out) == (1, "")
    assert err == (
        f"error: {work / 'gallery'}: expected at least one photo where "
        '{"brand": "none"}; found none among 8\n'
    )
    # Other metadata need no encoding, and what a table does not name has none.
    (work / "photos.csv").write_text("photo_id,brand\nshelf/7.jpg,new\n")
    assert counts(index(capsys, work, f"--metadata={work / 'photos.csv'}", "--json")[1])["encoded"] == 0
    found = search(capsys, work, sketch, '--where={"brand": ["new", "acme"]}')
    assert [result["photo_id"] for result in found["results"]] == ["shelf/7.jpg"]


def test_bad_metadata_and_conditions_are_one_line(capsys, work):
    (work / "photos.csv").write_text("photo_id,brand\nshelf/70.jpg,x\n")
    code, out, err = index(capsys, work, f"--metadata={work / 'photos.csv'}")
    assert (code, out) == (1, "")
    assert err == (
        f"error: {work / 'photos.csv'}: expected photos in {work / 'photos'}; found shelf/70.jpg and 0 more "
        "that are not there\n"
    )
    assert not (work / "gallery").exists()
    index(capsys, work)
    for where, message in (
        ("[1]", "`where` must be an object"),
        ('{"a": {"b": 1}}', "`where` must give 'a'"),
    ):
        code, out, err = run(
            capsys,
            "search",
            f"--gallery={work / 'gallery'}",
            f"--sketch={work / 'sketch.png'}",
            f"--where={where}",
        )
        assert (code, out) == (1, "")
        assert err.startswith(f"error: {message}") and err.count("\n") == 1


def test_too_few_photos_for_the_index_are_told_before_any_is_encoded(capsys, work):
    code, out, err = index(capsys, work, "--index=ivfpq")
    assert (code, out) == (1, "")
    assert err.endswith(
        "`index` ivfpq needs at least 9984 photos (flat and hnsw take any number). Received: 8\n"
    )
    assert not (work / "gallery").exists()
