"""The graph over plain embeddings, and where it leads nowhere."""

import faiss
import numpy as np
import pytest

from tests.retrieval.drawn_encoder import drawn_encoder, photo_paths, unit_vectors
from tfsbir.retrieval import Gallery, PhotoIndex
from tfsbir.retrieval.index_candidates import graph_candidates, index_kind


def graph_gallery(photos, path):
    encoder = drawn_encoder(photos)
    return Gallery.build(encoder, photo_paths(len(photos)), path, progress=False, index="hnsw")[0]


def test_a_graph_of_embeddings_finds_the_nearest(tmp_path):
    photos, queries = unit_vectors(2000, 8), unit_vectors(50, 8, seed=1)
    gallery = graph_gallery(photos, tmp_path / "gallery")
    distances, indices = Gallery.open(tmp_path / "gallery").search(queries, 10)
    squared = np.square(queries.astype(np.float64)[:, None] - photos[None]).sum(axis=2)
    expected = np.argsort(squared, axis=1)[:, :10]
    assert np.mean([len({*a} & {*b}) for a, b in zip(indices.tolist(), expected.tolist(), strict=True)]) > 9.9
    np.testing.assert_allclose(distances, np.take_along_axis(squared, indices, axis=1), atol=1e-6)
    assert gallery.distance == "squared_euclidean"


def test_all_photos_are_found_where_the_graph_leads_to_few(tmp_path):
    photos = np.repeat(unit_vectors(3, 4), [400, 400, 3], axis=0)  # Equal photos link to one another only.
    gallery = graph_gallery(photos, tmp_path / "gallery")
    queries = unit_vectors(3, 4)
    assert np.any(graph_candidates(gallery._store._index.index, queries, 803, 1) < 0)
    for k in (5, 803):
        distances, indices = gallery.search(queries, k, ef_search=1)
        assert all(len(set(row)) == k for row in indices.tolist())
        assert np.all(np.diff(distances, axis=1) >= 0)
    np.testing.assert_array_equal(np.sort(indices, axis=1), [np.arange(803)] * 3)


@pytest.mark.parametrize("kind", ["flat", "hnsw"])
@pytest.mark.parametrize("is_lifted", [False, True])
def test_an_index_tells_what_it_is(kind, is_lifted):
    index = PhotoIndex.build(kind, unit_vectors(20, 4), is_lifted).index
    assert index_kind(faiss.deserialize_index(faiss.serialize_index(index))) == kind
    assert (index.d, index.ntotal) == (4, 20)


def test_a_graph_of_lifted_photos_has_their_order_by_euclidean_distance():
    rng = np.random.default_rng(0)
    photos = rng.normal(size=(20, 5)).astype(np.float32)
    queries = np.column_stack([2 * rng.normal(size=(3, 4)), -np.ones(3)]).astype(np.float32)
    vectors = PhotoIndex.build("hnsw", photos, is_lifted=True).index.reconstruct_n(0, 20)
    halves = np.pad(0.5 * queries[:, :-1], ((0, 0), (0, 1)))
    surplus = np.square(halves[:, None] - vectors[None]).sum(axis=2) + queries @ photos.T
    np.testing.assert_allclose(surplus, np.tile(surplus[:, :1], (1, 20)), rtol=1e-5)


def test_building_a_graph_leaves_the_number_of_threads():
    before = faiss.omp_get_max_threads()
    PhotoIndex.build("hnsw", unit_vectors(5, 4))
    assert faiss.omp_get_max_threads() == before
