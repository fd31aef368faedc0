"""`tfsbir search` explains results by attributes and searches photos that have some, on a tiny encoder."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from tests.cli.test_cli import run
from tests.cli.test_index_search import run_program
from tests.distances.common_distances import weighted_euclidean
from tests.retrieval.tiny_run import EMBEDDING_DIM, write_tiny_run
from tfsbir.retrieval import Gallery, open_encoder
from tfsbir.runs import RunDirectory

NAMES = ("laces", "high heel", "strap")
NUM_PHOTOS = 24


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with a run that predicts attributes, its gallery of photos and a sketch; and a run without."""
    work = tmp_path_factory.mktemp("work")
    distance = weighted_euclidean(EMBEDDING_DIM + len(NAMES))
    distance.scale.assign([1.0] * EMBEDDING_DIM + [0.5] * len(NAMES))
    write_tiny_run(work / "run", distance=distance, attributes=NAMES)
    write_tiny_run(work / "plain_run")
    random = np.random.default_rng(0)
    (work / "photos").mkdir()
    for number in range(NUM_PHOTOS):
        photo = Image.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8)).resize((160, 120))
        photo.save(work / "photos" / f"{number}.jpg")
    sketch = np.full((50, 50), 255, np.uint8)
    sketch[20:24, 5:45] = 0
    Image.fromarray(sketch).save(work / "sketch.png")
    flags = f"--model={work / 'run'}", f"--photos={work / 'photos'}", f"--gallery={work / 'gallery'}"
    code, _, err = run_program("index", *flags)
    assert code == 0, err
    for model, gallery, kind in (("run", "graph", "hnsw"), ("plain_run", "plain", "flat")):
        encoder = open_encoder(work / model)
        paths = sorted((work / "photos").iterdir())
        Gallery.build(encoder, paths, work / gallery, progress=False, index=kind)
    return work


@pytest.fixture(scope="module")
def predicted(work):
    """Embeddings of the sketch and of the photos in the gallery's order, straight from the encoder."""
    encoder = open_encoder(work / "run")
    paths = [photo.path for photo in Gallery.open(work / "gallery", encoder).photos()]
    sketch = encoder.encode_sketches(encoder.preprocessing.read_sketch(work / "sketch.png")[None])
    photos = encoder.encode_photos(np.stack([encoder.preprocessing.read_photo(path) for path in paths]))
    is_seen = photos[:, EMBEDDING_DIM:] >= 0.5
    assert np.all((is_seen.sum(axis=0) > 1) & (is_seen.sum(axis=0) < NUM_PHOTOS - 1))  # Else tests are void.
    return sketch, photos, list(map(str, paths))


def argv(work, *more, gallery="gallery"):
    return ("search", f"--gallery={work / gallery}", f"--sketch={work / 'sketch.png'}", *more)


def search(capsys, work, *more, gallery="gallery"):
    return run(capsys, *argv(work, *more, gallery=gallery))


def test_explain_as_json_compares_sketch_and_photo(work, predicted):
    code, out, err = run_program(*argv(work, "--explain", "--json", "--top=99"))
    assert (code, err) == (0, "")
    result = json.loads(out)
    sketch, photos, paths = predicted
    expected = dict(zip(NAMES, sketch[0, EMBEDDING_DIM:], strict=True))
    assert result["sketch_attributes"] == pytest.approx(expected, abs=1e-5)
    assert (result["num_photos"], result["num_searched"]) == (NUM_PHOTOS, NUM_PHOTOS)
    assert (result["with_attribute"], result["without_attribute"]) == ([], [])
    assert len(result["results"]) == NUM_PHOTOS
    for found in result["results"]:
        probabilities = photos[paths.index(found["path"]), EMBEDDING_DIM:]
        in_photo = dict(zip(NAMES, probabilities, strict=True))
        num_having = {name: int(expected[name] >= 0.5) + int(in_photo[name] >= 0.5) for name in NAMES}
        for kind, num in (("shared", 2), ("differing", 1)):
            assert [a["attribute"] for a in found[kind]] == [n for n in NAMES if num_having[n] == num]
            for entry in found[kind]:
                assert entry["sketch"] == pytest.approx(expected[entry["attribute"]], abs=1e-5)
                assert entry["photo"] == pytest.approx(in_photo[entry["attribute"]], abs=3e-4)


def test_explain_as_text_says_the_same(capsys, work):
    result = json.loads(search(capsys, work, "--explain", "--json", "--top=99")[1])
    seen = [
        f"{name} {probability:.2f}"
        for name, probability in result["sketch_attributes"].items()
        if probability >= 0.5
    ]
    lines = [f"sketch has: {', '.join(seen) or 'none'}"]
    for found in result["results"]:
        lines.append(f"{found['rank']:>3}  {found['distance']:.4f}  {found['path']}")
        shared = [f"{a['attribute']} {a['sketch']:.2f}/{a['photo']:.2f}" for a in found["shared"]]
        lines.append(f"     both have: {', '.join(shared) or 'none'}")
        for only in ("photo", "sketch"):
            names = [a["attribute"] for a in found["differing"] if a[only] >= 0.5]
            if names:
                lines.append(f"     {only} only: {', '.join(names)}")
    code, out, _ = search(capsys, work, "--explain", "--top=99")
    assert code == 0
    assert out.splitlines() == lines
    # All kinds of lines came.
    assert all(f"     {kind}: " in out for kind in ("both have", "photo only", "sketch only"))


def test_without_explain_nothing_is_explained(capsys, work):
    code, out, _ = search(capsys, work, "--json")
    assert code == 0
    result = json.loads(out)
    assert "sketch_attributes" not in result
    assert all(
        set(found) == {"rank", "distance", "path", "photo_id", "metadata"} for found in result["results"]
    )


@pytest.mark.parametrize("gallery", ["gallery", "graph"])
@pytest.mark.parametrize(
    ("present", "absent"), [(["laces"], []), ([], ["strap"]), (["high heel"], ["strap", "laces"])]
)
def test_only_photos_with_and_without_attributes_are_searched(
    capsys, work, predicted, gallery, present, absent
):
    sketch, photos, paths = predicted
    is_seen = photos[:, EMBEDDING_DIM:] >= 0.5
    among = np.ones(NUM_PHOTOS, bool)
    for number, name in enumerate(NAMES):
        if name in present:
            among &= is_seen[:, number]
        if name in absent:
            among &= ~is_seen[:, number]
    distances = np.asarray(RunDirectory(work / "run").load_distance().pairwise(sketch, photos))[0]
    chosen = np.flatnonzero(among)
    nearest = chosen[np.argsort(distances[chosen], kind="stable")]
    flags = [f"--with_attribute={name}" for name in present]
    flags += [f"--without_attribute={name}" for name in absent]
    code, out, err = search(capsys, work, *flags, "--json", "--top=99", gallery=gallery)
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert [found["path"] for found in result["results"]] == [paths[photo] for photo in nearest]
    np.testing.assert_allclose(
        [found["distance"] for found in result["results"]], distances[nearest], atol=1e-5
    )
    assert (result["with_attribute"], result["without_attribute"]) == (present, absent)
    assert (result["num_photos"], result["num_searched"]) == (NUM_PHOTOS, among.sum())

    code, out, err = search(capsys, work, *flags, "--top=2", gallery=gallery)
    assert code == 0
    assert [line.split("  ")[-1] for line in out.splitlines()] == [paths[photo] for photo in nearest[:2]]
    assert f" ms, {among.sum()} of {NUM_PHOTOS} photos searched" in err


def test_a_sheet_of_chosen_photos(capsys, work, tmp_path):
    sheet = tmp_path / "found.png"
    code, _, _ = search(capsys, work, "--explain", "--with_attribute=laces", f"--sheet={sheet}", "--top=3")
    assert code == 0
    with Image.open(sheet) as image:
        assert image.format == "PNG"


def test_flags_of_one_search_do_not_reach_the_next(capsys, work):
    assert search(capsys, work, "--with_attribute=laces", "--json")[0] == 0
    result = json.loads(search(capsys, work, "--with_attribute=strap", "--json")[1])
    assert result["with_attribute"] == ["strap"]
    assert json.loads(search(capsys, work, "--json")[1])["with_attribute"] == []


@pytest.mark.parametrize("flag", ["--with_attribute", "--without_attribute"])
def test_an_unknown_attribute_is_refused_and_the_known_ones_are_listed(capsys, work, flag):
    code, out, err = search(capsys, work, "--with_attribute=laces", f"{flag}=heel")
    assert (code, out) == (1, "")
    assert err == "error: an attribute must be one of laces, high heel, strap. Received: heel\n"


def test_no_photo_left_is_an_error(capsys, work):
    flags = ("--with_attribute=laces", "--with_attribute=strap", "--without_attribute=laces")
    code, out, err = search(capsys, work, *flags)
    assert (code, out) == (1, "")
    assert err == (
        f"error: {work / 'gallery'}: expected at least one photo with laces, with strap, without laces, as "
        f"predicted; found none among {NUM_PHOTOS}\n"
    )


@pytest.mark.parametrize("flag", ["--explain", "--with_attribute=laces", "--without_attribute=laces"])
def test_a_gallery_without_attributes_cannot_explain_or_choose(capsys, work, flag):
    code, out, err = search(capsys, work, flag, gallery="plain")
    assert (code, out) == (1, "")
    name = flag.split("=")[0]
    assert err == (
        f"error: `{name}` needs a gallery whose model predicts attributes. Received: {work / 'plain'}\n"
    )


def test_a_damaged_attribute_file_is_one_line(capsys, work):
    (path,) = (work / "gallery").glob("attributes-*.npy")
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    try:
        code, out, err = search(capsys, work)
        assert (code, out) == (1, "")
        assert re.fullmatch(rf"error: {path}: expected the file that the gallery was saved with, .*\n", err)
    finally:
        path.write_bytes(data)
