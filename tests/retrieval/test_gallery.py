"""Galleries: exact search with ordered ties, and folders that are whole, old or refused."""

import json
import re
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.common_processes import run_script
from tests.retrieval.drawn_encoder import PHOTOS, drawn_encoder, photo_file, photo_paths, unit_vectors
from tfsbir.errors import InputError
from tfsbir.retrieval import Gallery, check_gallery_target


def build(embeddings, path, paths=None, encoder=None, **arguments):
    paths = photo_paths(len(embeddings)) if paths is None else paths
    encoder = encoder or drawn_encoder(embeddings)
    return Gallery.build(encoder, paths, path, progress=False, **arguments)


def brute_force(queries, photos, k):
    """Sorts all photos of every query by (distance, gallery id)."""
    differences = queries.astype(np.float64)[:, None] - photos.astype(np.float64)[None]
    distances = np.square(differences).sum(axis=2).astype(np.float32)
    indices = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, indices, axis=1), indices


@pytest.mark.parametrize("num_queries", [1, 40])  # FAISS computes many queries in another way than few.
@pytest.mark.parametrize(("num_photos", "dim"), [(1, 4), (7, 2), (300, 16), (1000, 256)])
@pytest.mark.parametrize("k", [1, 5, 300])
def test_search_agrees_with_brute_force(tmp_path, num_queries, num_photos, dim, k):
    photos, queries = unit_vectors(num_photos, dim), unit_vectors(num_queries, dim, seed=1)
    gallery, _ = build(photos, tmp_path / "gallery")
    expected_distances, expected_indices = brute_force(queries, photos, k)
    for opened in (gallery, Gallery.open(tmp_path / "gallery")):
        distances, indices = opened.search(queries, k)
        assert (distances.dtype, indices.dtype) == (np.float32, np.int64)
        np.testing.assert_array_equal(indices, expected_indices)
        np.testing.assert_allclose(distances, expected_distances, atol=1e-7)


@pytest.mark.parametrize("num_queries", [1, 40])
@pytest.mark.parametrize("k", [1, 3, 29, 30, 31, 60, 100])
def test_ties_give_the_lower_gallery_id_first_even_where_they_straddle_the_end(tmp_path, num_queries, k):
    photos = np.tile(unit_vectors(3, 8), (30, 1))  # Each of three photos thirty times, mixed.
    gallery, _ = build(photos, tmp_path / "gallery")
    queries = unit_vectors(num_queries, 8, seed=1)
    _, indices = gallery.search(queries, k)
    np.testing.assert_array_equal(indices, brute_force(queries, photos, k)[1])


@pytest.mark.parametrize("num_queries", [1, 40])
def test_embeddings_may_have_any_length(tmp_path, num_queries):
    lengths = np.random.default_rng(2).uniform(0, 100, (200, 1)).astype(np.float32)
    photos, queries = lengths * unit_vectors(200, 16), lengths[:num_queries] * unit_vectors(num_queries, 16)
    photos[7] = 0
    gallery, _ = build(photos, tmp_path / "gallery")
    expected_distances, expected_indices = brute_force(queries, photos, 20)
    distances, indices = gallery.search(queries, 20)
    np.testing.assert_array_equal(indices, expected_indices)
    np.testing.assert_allclose(distances, expected_distances, rtol=1e-6)
    assert np.isfinite(gallery.search(np.zeros((1, 16)), 3)[0]).all()


def test_a_photo_finds_itself_at_distance_0(tmp_path):
    photos = unit_vectors(50, 16)
    gallery, _ = build(photos, tmp_path / "gallery")
    distances, indices = gallery.search(photos, 1)
    np.testing.assert_array_equal(indices[:, 0], np.arange(50))
    np.testing.assert_array_equal(distances, 0)


def test_more_than_the_gallery_holds_returns_all_of_it(tmp_path):
    gallery, _ = build(unit_vectors(3, 4), tmp_path / "gallery")
    distances, indices = gallery.search(unit_vectors(2, 4), 10)
    assert distances.shape == indices.shape == (2, 3)
    assert gallery.search(np.zeros((0, 4)), 10)[1].shape == (0, 3)


def test_bad_queries_are_refused(tmp_path):
    gallery, _ = build(unit_vectors(3, 4), tmp_path / "gallery")
    for queries, k, message in (
        (unit_vectors(1, 4), 0, "`k` must be >= 1. Received: 0"),
        (unit_vectors(1, 5), 1, "`embeddings` must have the shape (None, 4). Received: (1, 5)"),
        (np.full((1, 4), np.nan), 1, "`embeddings` must be finite. Received: others"),
        (np.full((1, 4), np.inf), 1, "`embeddings` must be finite. Received: others"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            gallery.search(queries, k)


def test_an_opened_gallery_is_what_was_built(tmp_path):
    encoder = drawn_encoder(unit_vectors(3, 4))
    paths = [photo_file(name) for name in ("b/1.png", "a/0.png", "b/broken.png", "a/2.png")]
    built, skipped = build(unit_vectors(3, 4), tmp_path / "new" / "gallery", paths=paths, encoder=encoder)
    opened = Gallery.open(tmp_path / "new" / "gallery", encoder)
    for gallery in (built, opened):
        assert gallery.photo_ids == ("b/1.png", "a/0.png", "a/2.png")  # Order of the list.
        assert [photo.path for photo in gallery.photos()] == [paths[0], paths[1], paths[3]]
        assert (len(gallery), gallery.dim) == (3, 4)
        assert (gallery.encoder_path, gallery.encoder_kind) == (Path("/runs/drawn"), "run")
        assert gallery.encoder_fingerprint == "made"
        assert gallery.preprocessing.image_size == 8
    assert skipped == [(paths[2], f"{paths[2]}: expected an image file; found something else")]


def test_root_is_where_photo_ids_start(tmp_path):
    embeddings = unit_vectors(2, 4)
    paths = [photo_file("a/0.png"), photo_file("a/1.png")]
    gallery, _ = build(embeddings, tmp_path / "gallery", paths=paths, root=PHOTOS)
    assert gallery.photo_ids == ("a/0.png", "a/1.png")
    with pytest.raises(ValueError, match=r"`root` must hold every photo, .* Received: /elsewhere"):
        build(embeddings, tmp_path / "gallery", paths=paths, root="/elsewhere")


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_every_batch_size_gives_the_same_gallery(tmp_path, batch_size):
    photos = unit_vectors(9, 4)
    paths = [photo_file("broken.png"), *photo_paths(9), photo_file("broken.png")]
    gallery, skipped = build(photos, tmp_path / "gallery", paths=paths, batch_size=batch_size)
    assert gallery.photo_ids == tuple(f"{index}.png" for index in range(9))
    assert len(skipped) == 2
    np.testing.assert_array_equal(gallery.search(photos, 1)[1][:, 0], np.arange(9))


def test_photos_are_decoded_ahead_of_the_encoder(tmp_path):
    read_ahead = threading.Event()
    encoder = drawn_encoder(unit_vectors(8, 4), before_batch=lambda: seen.append(read_ahead.wait(10)))
    read_photo, seen = encoder.preprocessing.read_photo, []

    def observed(path):
        if path.stem == "3":  # Of the second batch.
            read_ahead.set()
        return read_photo(path)

    object.__setattr__(encoder.preprocessing, "read_photo", observed)  # A frozen dataclass.
    build(None, tmp_path / "gallery", paths=photo_paths(8), encoder=encoder, batch_size=2)
    assert seen == [True] * 4


def test_another_encoder_is_refused(tmp_path):
    embeddings = unit_vectors(3, 4)
    build(embeddings, tmp_path / "gallery")
    Gallery.open(tmp_path / "gallery", drawn_encoder(embeddings))
    with pytest.raises(InputError, match="fingerprint made; found /runs/drawn with other"):
        Gallery.open(tmp_path / "gallery", drawn_encoder(embeddings, fingerprint="other"))


def test_embeddings_that_are_not_finite_are_refused(tmp_path):
    embeddings = unit_vectors(3, 4)
    for encoder, message in (
        (drawn_encoder(np.inf * embeddings), "expected an encoder of finite embeddings; found others"),
        (drawn_encoder(np.nan * embeddings), "expected an encoder of finite embeddings; found others"),
    ):
        with pytest.raises(InputError, match=message):
            build(embeddings, tmp_path / "gallery", encoder=encoder)
    assert list(tmp_path.iterdir()) == []


def test_a_gallery_needs_a_photo(tmp_path):
    encoder = drawn_encoder(unit_vectors(1, 4))
    with pytest.raises(InputError, match="expected at least one photo to build a gallery from; found none"):
        build(None, tmp_path / "gallery", paths=[], encoder=encoder)
    message = r"expected at least one readable photo; found none among 2 \(the first: .*/broken.png: "
    with pytest.raises(InputError, match=message):
        build(None, tmp_path / "gallery", paths=[photo_file("broken.png")] * 2, encoder=encoder)
    with pytest.raises(ValueError, match="`batch_size` must be >= 1"):
        build(None, tmp_path / "gallery", paths=photo_paths(1), encoder=encoder, batch_size=0)
    with pytest.raises(ValueError, match=r"`index` must be one of flat, hnsw, ivfpq\. Received: 'ivf'"):
        build(None, tmp_path / "gallery", paths=photo_paths(1), encoder=encoder, index="ivf")
    assert list(tmp_path.iterdir()) == []


def saved_files(path):
    """Returns the bytes of the files of a gallery, without what an unfinished build leaves for the next."""
    return {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}


def test_a_gallery_replaces_an_older_one_on_success_only(tmp_path):
    path, photos = tmp_path / "gallery", unit_vectors(3, 4)
    build(photos[:1], path)
    before = saved_files(path)

    def fail():
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        build(photos, path, encoder=drawn_encoder(photos, before_batch=fail))
    assert saved_files(path) == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["gallery"]
    build(photos, path)
    assert len(Gallery.open(path)) == 3
    assert [entry.name for entry in tmp_path.iterdir()] == ["gallery"]


def test_a_killed_build_changes_nothing(tmp_path):
    path, photos = tmp_path / "gallery", unit_vectors(3, 4)
    build(photos[:1], path)
    program = (
        "import os, signal, sys\n"
        "from tests.retrieval.drawn_encoder import drawn_encoder, photo_paths, unit_vectors\n"
        "from tfsbir.retrieval import Gallery\n"
        "batches = iter([None, None])\n"
        "def die(): next(batches, 1) and os.kill(os.getpid(), signal.SIGKILL)\n"
        "encoder = drawn_encoder(unit_vectors(9, 4), before_batch=die)\n"
        "Gallery.build(encoder, photo_paths(9), sys.argv[1], batch_size=3)\n"
    )
    killed = run_script(program, path)
    assert killed.returncode == -signal.SIGKILL
    assert [entry.name for entry in tmp_path.iterdir()] == ["gallery"]
    assert len(Gallery.open(path)) == 1


def test_nothing_but_a_gallery_is_replaced(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").touch()
    build(unit_vectors(1, 4), tmp_path / "gallery")
    (tmp_path / "gallery" / "notes.txt").touch()
    assert check_gallery_target(tmp_path / "absent") == tmp_path / "absent"
    assert check_gallery_target(tmp_path / "empty") == tmp_path / "empty"
    for name, message in (
        ("file", "file: expected a gallery to replace or no such file; found a file"),
        ("file/gallery", "file/gallery: expected a place that can be written to; .*/file cannot"),
        ("photos", "photos: expected a gallery to replace, .* found one that holds cat.png"),
        ("gallery", "gallery: expected a gallery to replace, .* found one that holds notes.txt"),
    ):
        with pytest.raises(InputError, match=message):
            build(unit_vectors(1, 4), tmp_path / name)
    build(unit_vectors(1, 4), tmp_path / "empty")
    assert len(Gallery.open(tmp_path / "empty")) == 1


def test_a_missing_or_damaged_gallery_is_named(tmp_path):
    path = tmp_path / "gallery"
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    for name, message in (
        ("absent", "absent: expected a gallery; there is no such folder"),
        ("file", "file: expected a gallery; it is not a folder"),
        ("empty", "gallery.json: expected the record of a gallery; there is no such file"),
    ):
        with pytest.raises(InputError, match=message):
            Gallery.open(tmp_path / name)
    saved = "expected the file that the gallery was saved with, SHA-256 [0-9a-f]{64}; found "
    for name, damage, message in (
        ("gallery.json", "{", "gallery.json: expected JSON; "),
        ("gallery.json", '{"format_version": 1}', "expected format version 4; found 1 \\(build the gallery"),
        ("gallery.json", "[]", "expected format version 4; found None"),
        ("gallery.json", '{"format_version": 2}', "expected format version 4; found 2 \\(build the gallery"),
        ("gallery.json", '{"format_version": 4}', "expected the record of a gallery; KeyError\\('metric'\\)"),
        ("photos-*.json", "[]", "photos-.*.json: " + saved),
        ("vectors-*.npy", "", "vectors-.*.npy: " + saved),
        ("index-*.faiss", "", "index-.*.faiss: " + saved),
        ("photos-*.json", None, "photos-.*.json: expected a file of a gallery; there is no such file"),
        ("vectors-*.npy", None, "vectors-.*.npy: expected a file of a gallery; there is no such file"),
        ("index-*.faiss", None, "index-.*.faiss: expected a file of a gallery; there is no such file"),
    ):
        build(unit_vectors(2, 4), path, index="hnsw")
        (file,) = path.glob(name)
        if damage is None:
            file.unlink()
        else:
            file.write_text(damage)
        with pytest.raises(InputError, match=message):
            Gallery.open(path)


def test_a_file_name_that_is_no_text_survives(tmp_path):
    path = photo_file("\udcff/0.png")  # How Python reads the byte 0xff in a name.
    gallery, _ = build(unit_vectors(1, 4), tmp_path / "gallery", paths=[path], root=PHOTOS)
    assert Gallery.open(tmp_path / "gallery").photo("\udcff/0.png").path == path
    assert gallery.photo("\udcff/0.png").path == path


def test_the_record_says_what_made_the_gallery(tmp_path):
    build(unit_vectors(2, 4), tmp_path / "gallery")
    record = json.loads((tmp_path / "gallery" / "gallery.json").read_text())
    assert record["encoder"] == {"path": "/runs/drawn", "kind": "run", "fingerprint": "made"}
    assert (record["format_version"], record["dim"], record["count"]) == (4, 4, 2)
    assert (record["metric"], record["photo_root"]) == ("squared_euclidean", str(PHOTOS))
    assert record["index"]["kind"] == "flat"
    assert record["preprocessing"]["sketch_shape"] == [8, 8, 1]
