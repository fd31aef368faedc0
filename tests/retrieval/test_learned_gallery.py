"""Galleries of learned distances against the distances' definitions, exact and by HNSW."""

import re

import numpy as np
import pytest

from tests.retrieval.drawn_encoder import drawn_encoder, photo_paths
from tests.retrieval.learned_distances import LEARNED, defined_distances, lifting_of
from tfsbir.errors import InputError
from tfsbir.retrieval import Gallery, PhotoIndex
from tfsbir.retrieval.faiss_store import FaissStore
from tfsbir.retrieval.photo_table import PhotoTable

DIM = 16


def drawn(count, seed, lengths=(0.5, 2.0)):
    """Draws float32 embeddings `(count, DIM)` of many lengths."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, DIM))
    vectors *= rng.uniform(*lengths, (count, 1)) / np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def build(photos, path, layer, **arguments):
    encoder = drawn_encoder(photos, lifting=lifting_of(layer))
    return Gallery.build(encoder, photo_paths(len(photos)), path, progress=False, **arguments)[0]


@pytest.mark.parametrize("index", ["flat", "hnsw"])
@pytest.mark.parametrize("num_queries", [1, 40])  # FAISS computes many queries in another way than few.
@pytest.mark.parametrize("name", LEARNED)
def test_search_agrees_with_the_definition(tmp_path, name, num_queries, index):
    layer = LEARNED[name](DIM)
    photos, queries = drawn(200, seed=0), drawn(num_queries, seed=1)
    build(photos, tmp_path / "gallery", layer, index=index)
    gallery = Gallery.open(tmp_path / "gallery")  # Without the encoder.
    assert (gallery.distance, gallery.dim, gallery.index_kind) == (name, DIM, index)
    expected = defined_distances(name, layer.get_weights()[0], queries, photos)
    for k in (1, 10, 200, 500):
        distances, indices = gallery.search(queries, k)
        assert (distances.dtype, indices.dtype) == (np.float32, np.int64)
        assert distances.shape == indices.shape == (num_queries, min(k, 200))
        assert np.all(np.diff(distances, axis=1) >= 0)
        assert all(len(set(row)) == len(row) for row in indices.tolist())
        np.testing.assert_allclose(
            distances, np.take_along_axis(expected, indices, axis=1), rtol=1e-4, atol=1e-4
        )
        # Two photos nearly as far may change places, not distances.
        np.testing.assert_allclose(distances, np.sort(expected, axis=1)[:, :k], rtol=1e-4, atol=1e-4)


def test_distances_are_those_that_the_layer_gives(tmp_path):
    layer = LEARNED["holef"](DIM)
    photos, queries = drawn(50, seed=0), drawn(20, seed=1)
    distances, indices = build(photos, tmp_path / "gallery", layer).search(queries, 50)
    assert distances.min() < 0
    pairwise = np.asarray(layer.pairwise(queries, photos))
    np.testing.assert_allclose(distances, np.take_along_axis(pairwise, indices, axis=1), atol=1e-4)


@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.parametrize("num_queries", [1, 40])
@pytest.mark.parametrize("k", [1, 3, 29, 30, 31, 60])
def test_ties_give_the_lower_gallery_id_first_even_where_they_straddle_the_end(
    tmp_path, name, num_queries, k
):
    layer = LEARNED[name](DIM)
    three, queries = drawn(3, seed=0), drawn(num_queries, seed=1)
    gallery = build(np.tile(three, (20, 1)), tmp_path / "gallery", layer)
    order = np.argsort(defined_distances(name, layer.get_weights()[0], queries, three), axis=1)
    expected = [[photo + 3 * copy for photo in row for copy in range(20)] for row in order]
    np.testing.assert_array_equal(gallery.search(queries, k)[1], np.array(expected)[:, :k])


def test_no_distance_of_squares_falls_below_0(tmp_path):
    photos = drawn(50, seed=0)
    for name in ("weighted_euclidean", "mahalanobis"):
        distances, indices = build(photos, tmp_path / name, LEARNED[name](DIM)).search(photos, 1)
        np.testing.assert_array_equal(indices[:, 0], np.arange(50))
        assert distances.min() >= 0 and distances.max() < 1e-4


@pytest.mark.parametrize("name", LEARNED)
def test_a_hnsw_gallery_misses_little_whatever_the_lengths(tmp_path, name):
    layer = LEARNED[name](DIM)
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(100, DIM))
    photos, queries = (
        (centres[rng.integers(0, 100, count)] + 0.3 * rng.normal(size=(count, DIM))).astype(np.float32)
        * rng.uniform(0.5, 2, (count, 1)).astype(np.float32)
        for count in (3000, 50)
    )
    exact = build(photos, tmp_path / "flat", layer)
    graph = build(photos, tmp_path / "hnsw", layer, index="hnsw")
    expected_distances, expected = exact.search(queries, 10)
    distances, found = graph.search(queries, 10)
    recall = np.mean([len({*a} & {*b}) / 10 for a, b in zip(found.tolist(), expected.tolist(), strict=True)])
    assert recall > 0.95
    is_same = found == expected
    np.testing.assert_allclose(distances[is_same], expected_distances[is_same], rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(graph.search(queries, 10, ef_search=3000)[1], expected)


def test_the_same_photos_give_the_same_graph(tmp_path):
    photos = drawn(500, seed=0)
    for folder in ("a", "b"):
        build(photos, tmp_path / folder, LEARNED["holef"](DIM), index="hnsw")
    # A file's name tells its content.
    names = [[file.name for file in (tmp_path / folder).glob("index-*.faiss")] for folder in ("a", "b")]
    assert names[0] == names[1] and len(names[0]) == 1


def test_the_folder_holds_the_weights_and_they_are_checked(tmp_path):
    photos, layer = drawn(5, seed=0), LEARNED["holef"](DIM)
    build(photos, tmp_path / "gallery", layer, index="hnsw")
    (path,) = (tmp_path / "gallery").glob("distance-*.npy")
    np.testing.assert_array_equal(np.load(path), layer.get_weights()[0])
    path.write_bytes(lifting_of(LEARNED["mahalanobis"](DIM)).to_bytes())
    with pytest.raises(InputError, match=r"distance-.*.npy: expected the file .* saved with, SHA-256"):
        Gallery.open(tmp_path / "gallery")
    path.unlink()
    with pytest.raises(InputError, match=r"distance-.*.npy: expected a file of a gallery; there is no such"):
        Gallery.open(tmp_path / "gallery")
    build(photos, tmp_path / "gallery", layer)  # What is left is still a gallery, to be replaced.
    assert Gallery.open(tmp_path / "gallery").index_kind == "flat"


def test_wrong_arguments_are_refused(tmp_path):
    photos, layer = drawn(5, seed=0), LEARNED["holef"](DIM)
    flat = build(photos, tmp_path / "flat", layer)
    graph = build(photos, tmp_path / "hnsw", layer, index="hnsw")
    message = "`ef_search` must be >= 1, and None in a gallery whose index is not hnsw. Received: "
    for gallery, ef_search, found in (
        (flat, 10, "10 and the index flat"),
        (graph, 0, "0 and the index hnsw"),
    ):
        with pytest.raises(ValueError, match=re.escape(message + found)):
            gallery.search(photos, 1, ef_search=ef_search)
    with pytest.raises(ValueError, match=re.escape("shape (None, 16). Received: (5, 17)")):
        flat.search(np.ones((5, DIM + 1)), 1)


def test_an_index_of_other_photos_is_refused():
    photos = drawn(5, seed=0)
    table = PhotoTable("/photos", [(str(i), 1, 0, "", None, None) for i in range(5)])
    probabilities = np.zeros((5, 0), np.float16)
    index = PhotoIndex.build("flat", photos)
    assert len(FaissStore(table, photos, probabilities, index, (), "flat")) == 5
    for arguments, message in (
        ((photos, probabilities, PhotoIndex.build("flat", photos[:4])), "`index` must hold 5. Received: 4"),
        ((photos[:4], probabilities, index), "`vectors` must hold (5, 16). Received: (4, 16)"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            FaissStore(table, *arguments, (), "flat")
