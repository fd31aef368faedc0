"""Galleries of encoders that predict attributes: their file, the choice of photos, and search among these."""

import json
import math
import re

import faiss
import numpy as np
import pytest

from tests.retrieval.drawn_encoder import drawn_encoder, photo_paths, unit_vectors
from tests.retrieval.learned_distances import LEARNED, defined_distances, lifting_of
from tfsbir.errors import InputError
from tfsbir.retrieval import Gallery, PhotoIndex, compare_attributes, photo_index
from tfsbir.retrieval.faiss_store import FaissStore
from tfsbir.retrieval.index_candidates import graph_candidates
from tfsbir.retrieval.photo_table import PhotoTable

NAMES = ("laces", "high heel", "strap")
DIM = 8


def attributed(count, seed=0):
    """Draws embeddings of unit norm with probabilities behind them, float32 `(count, DIM + 3)`."""
    probabilities = np.random.default_rng((seed, 1)).uniform(size=(count, len(NAMES)))
    return np.column_stack([unit_vectors(count, DIM, seed), probabilities]).astype(np.float32)


def build(embeddings, path, layer=None, attributes=NAMES, **arguments):
    lifting = None if layer is None else lifting_of(layer)
    encoder = drawn_encoder(embeddings, lifting=lifting, attributes=attributes)
    return Gallery.build(encoder, photo_paths(len(embeddings)), path, progress=False, **arguments)[0]


def defined(name, layer, queries, photos):
    """Returns float64 distances `(num_queries, num_photos)` by their definition."""
    if name == "squared_euclidean":
        return np.square(queries.astype(np.float64)[:, None] - photos[None]).sum(axis=2)
    return defined_distances(name, layer.get_weights()[0], queries, photos)


def sorted_ids(distances, among):
    """Returns the ids of the photos in `among` by (distance, id), `(num_queries, num_chosen)`."""
    chosen = np.flatnonzero(among)
    return chosen[np.argsort(distances[:, chosen].astype(np.float32), axis=1, kind="stable")]


def layer_of(name, dim):
    return None if name == "squared_euclidean" else LEARNED[name](dim)


def test_the_probabilities_are_kept(tmp_path):
    embeddings = attributed(20)
    built = build(embeddings, tmp_path / "gallery", batch_size=6)
    for gallery in (built, Gallery.open(tmp_path / "gallery")):
        assert gallery.attributes == NAMES
        assert gallery.dim == DIM + 3
        probabilities = gallery.attribute_probabilities()
        assert probabilities.dtype == np.float16
        np.testing.assert_allclose(probabilities, embeddings[:, DIM:], atol=0.00025)
    record = json.loads((tmp_path / "gallery" / "gallery.json").read_text())
    assert record["preprocessing"]["attributes"] == list(NAMES)
    assert sorted(record["files"]) == ["attributes", "photos", "vectors"]
    build(embeddings[:5], tmp_path / "gallery")  # An older gallery with this file is one to replace.
    assert Gallery.open(tmp_path / "gallery").attribute_probabilities().shape == (5, 3)


def test_they_are_those_of_the_embeddings_before_lifting(tmp_path):
    embeddings = attributed(20)
    layer = LEARNED["weighted_euclidean"](DIM + 3)
    layer.scale.assign([1.0] * DIM + [0.0] * 3)  # Attributes that count for nothing are predicted still.
    build(embeddings, tmp_path / "gallery", layer, index="hnsw")
    probabilities = Gallery.open(tmp_path / "gallery").attribute_probabilities()
    np.testing.assert_array_equal(probabilities, embeddings[:, DIM:].astype(np.float16))


def test_a_gallery_without_attributes_has_none(tmp_path):
    built = build(unit_vectors(5, 4), tmp_path / "gallery", attributes=())
    for gallery in (built, Gallery.open(tmp_path / "gallery")):
        assert gallery.attributes == ()
        assert gallery.attribute_probabilities().shape == (5, 0)
        message = "gallery: expected a gallery whose model predicts attributes; found none"
        with pytest.raises(InputError, match=message):
            gallery.choose(present=["laces"])
    assert not list((tmp_path / "gallery").glob("attributes*"))


def test_values_that_rounding_pushed_over_the_ends_are_clipped(tmp_path):
    embeddings = attributed(4)
    embeddings[:, DIM:] = [[-0.004, 1.004, 0.0], [1.0, 0.5, -0.0], [0.499, 0.501, 1.02], [-0.02, 0.1, 0.2]]
    gallery = build(embeddings, tmp_path / "gallery")
    expected = [[0, 1, 0], [1, 0.5, 0], [0.499, 0.501, 1], [0, 0.1, 0.2]]
    np.testing.assert_allclose(gallery.attribute_probabilities(), expected, atol=0.00025)
    assert len(Gallery.open(tmp_path / "gallery")) == 4


@pytest.mark.parametrize("value", [-0.03, 1.03, 5.0])
def test_an_encoder_of_something_else_than_probabilities_is_refused(tmp_path, value):
    embeddings = attributed(4)
    embeddings[2, DIM] = value
    message = "/runs/drawn: expected an encoder whose last 3 values are probabilities; found others"
    with pytest.raises(InputError, match=message):
        build(embeddings, tmp_path / "gallery")
    assert list(tmp_path.iterdir()) == []


def test_probabilities_of_another_shape_are_refused():
    embeddings = attributed(5)
    table = PhotoTable("/photos", [(str(i), 1, 0, "", None, None) for i in range(5)])
    index = PhotoIndex.build("flat", embeddings)
    for probabilities, names, message in (
        (np.zeros((5, 2)), NAMES, "`probabilities` must hold (5, 3). Received: (5, 2)"),
        (np.zeros((5, 3)), (), "`probabilities` must hold (5, 0). Received: (5, 3)"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            FaissStore(table, embeddings, probabilities, index, names, "flat")


def test_photos_are_chosen_by_their_attributes(tmp_path):
    embeddings = attributed(6)
    embeddings[:, DIM:] = [[0, 0, 0], [0.5, 0, 1], [1, 1, 1], [0.49, 0.51, 0], [0.9, 0, 0.2], [0, 1, 1]]
    gallery = build(embeddings, tmp_path / "gallery")
    for present, absent, expected in (
        ([], [], [0, 1, 2, 3, 4, 5]),
        (["laces"], [], [1, 2, 4]),
        ([], ["laces"], [0, 3, 5]),
        (["strap", "laces"], [], [1, 2]),
        (["strap"], ["high heel", "laces"], []),
        ([], ["strap", "high heel"], [0, 4]),
        (["laces"], ["laces"], []),
    ):
        is_chosen = gallery.choose(None, present, absent)
        if not present and not absent:
            assert is_chosen is None
            continue
        assert is_chosen.dtype == bool
        assert np.flatnonzero(is_chosen).tolist() == expected
    for names in ({"present": ["heel"]}, {"absent": ["strap", "heel"]}):
        message = "an attribute must be one of laces, high heel, strap. Received: heel"
        with pytest.raises(InputError, match=message):
            gallery.choose(**names)


def test_a_sketch_and_a_photo_are_compared():
    names = ("neither", "both", "sketch", "photo", "just")
    sketch, photo = np.float32([0.49, 0.75, 1, 0, 0.5]), np.float16([0, 1, 0.25, 0.5, 0.5])
    assert compare_attributes(names, sketch, photo) == {
        "shared": [
            {"attribute": "both", "sketch": 0.75, "photo": 1.0},
            {"attribute": "just", "sketch": 0.5, "photo": 0.5},
        ],
        "differing": [
            {"attribute": "sketch", "sketch": 1.0, "photo": 0.25},
            {"attribute": "photo", "sketch": 0.0, "photo": 0.5},
        ],
    }


@pytest.mark.parametrize("num_queries", [1, 40])  # FAISS computes many queries in another way than few.
@pytest.mark.parametrize("name", ["squared_euclidean", *LEARNED])
def test_a_flat_gallery_searches_the_chosen_photos_exactly(tmp_path, name, num_queries):
    photos, queries = attributed(300), attributed(num_queries, seed=1)
    layer = layer_of(name, DIM + 3)
    gallery = build(photos, tmp_path / "gallery", layer)
    expected = defined(name, layer, queries, photos)
    random = np.random.default_rng(2)
    for share in (0.01, 0.3, 1.0):
        among = random.uniform(size=300) < share
        among[7] = True
        for k in (1, 10, 300):
            distances, indices = gallery.search(queries, k, among=among)
            assert distances.shape == indices.shape == (num_queries, min(k, among.sum()))
            check_exact(expected, among, distances, indices)
            if name == "squared_euclidean":
                np.testing.assert_array_equal(indices, sorted_ids(expected, among)[:, :k])


def check_exact(expected, among, distances, indices):
    """Checks found distances and ids; of a learned distance, two photos nearly as far may change places."""
    assert among[indices].all()
    assert all(len(set(row)) == len(row) for row in indices.tolist())
    assert np.all(np.diff(distances, axis=1) >= 0)
    tolerance = {"rtol": 1e-4, "atol": 1e-4}
    np.testing.assert_allclose(distances, np.take_along_axis(expected, indices, axis=1), **tolerance)
    nearest = np.sort(expected[:, among], axis=1)[:, : distances.shape[1]]
    np.testing.assert_allclose(distances, nearest, **tolerance)


@pytest.mark.parametrize("index", ["flat", "hnsw"])
@pytest.mark.parametrize("k", [1, 3, 29, 30, 31, 60])
def test_ties_give_the_lower_gallery_id_first_among_the_chosen_photos_too(tmp_path, index, k):
    photos = np.tile(attributed(3), (60, 1))  # Each of three photos sixty times, mixed.
    queries = attributed(5, seed=1)
    gallery = build(photos, tmp_path / "gallery", index=index)
    among = np.arange(180) % 4 < 2  # So few that the graph is not asked.
    expected = sorted_ids(defined("squared_euclidean", None, queries, photos), among)
    np.testing.assert_array_equal(gallery.search(queries, k, among=among)[1], expected[:, :k])


@pytest.fixture
def graph_searches(monkeypatch):
    """A list to which every search by way of a graph appends how many photos it keeps in view."""
    widths = []

    def observed(index, queries, k, ef_search):
        widths.append(ef_search)
        return graph_candidates(index, queries, k, ef_search)

    monkeypatch.setattr(photo_index, "graph_candidates", observed)
    return widths


@pytest.mark.parametrize("name", ["squared_euclidean", *LEARNED])
def test_a_hnsw_gallery_searches_the_chosen_photos(tmp_path, graph_searches, name):
    photos, queries = attributed(2000), attributed(40, seed=1)
    layer = layer_of(name, DIM + 3)
    gallery = build(photos, tmp_path / "gallery", layer, index="hnsw")
    expected = defined(name, layer, queries, photos)
    random = np.random.default_rng(2)
    for share in (0.1, 0.6, 0.9):
        among = random.uniform(size=2000) < share
        for k in (1, 10, 30, 2000):
            graph_searches.clear()
            distances, indices = gallery.search(queries, k, ef_search=30, among=among)
            assert indices.shape == (len(queries), min(k, among.sum()))
            if share == 0.1 or k == 2000:  # It is faster to compare so few photos, or to get so many.
                assert graph_searches == []
                check_exact(expected, among, distances, indices)
                continue
            assert graph_searches == [math.ceil(30 * 2000 / among.sum())]
            assert among[indices].all()
            np.testing.assert_allclose(
                distances, np.take_along_axis(expected, indices, axis=1), rtol=1e-4, atol=1e-4
            )
            pairs = zip(indices.tolist(), sorted_ids(expected, among)[:, :k].tolist(), strict=True)
            recall = sum(len({*found} & {*nearest}) for found, nearest in pairs) / indices.size
            assert recall > 0.9


@pytest.mark.parametrize("name", ["squared_euclidean", "holef"])
def test_the_nearest_of_the_chosen_photos_are_found_where_none_is_in_view(tmp_path, graph_searches, name):
    photos, queries = attributed(2000), attributed(3, seed=1)
    layer = layer_of(name, DIM + 3)
    gallery = build(photos, tmp_path / "gallery", layer, index="hnsw")
    # The way to a query passes many photos that are chosen. But none near it is.
    expected = defined(name, layer, queries, photos)
    among = np.ones(2000, bool)
    among[sorted_ids(expected, among)[:, :300]] = False
    assert among.sum() > 1000
    check_exact(expected, among, *gallery.search(queries, 3, among=among, ef_search=20))
    assert len(graph_searches) == 1


@pytest.mark.parametrize("index", ["flat", "hnsw"])
def test_among_no_photos_none_is_found(tmp_path, index):
    gallery = build(attributed(5), tmp_path / "gallery", index=index)
    distances, indices = gallery.search(attributed(2), 3, among=np.zeros(5, bool))
    assert distances.shape == indices.shape == (2, 0)
    assert gallery.search(attributed(2)[:0], 3, among=np.ones(5, bool))[1].shape == (0, 3)


def test_among_must_be_a_mask(tmp_path):
    gallery = build(attributed(5), tmp_path / "gallery")
    for among, found in (
        (np.ones(4, bool), "bool (4,)"),
        (np.array([0, 1]), "int64 (2,)"),
        (np.ones((1, 5), bool), "bool (1, 5)"),
    ):
        message = f"`among` must be bool of the shape (5,). Received: {found}"
        with pytest.raises(ValueError, match=re.escape(message)):
            gallery.search(attributed(1), 1, among=among)


def test_faiss_takes_a_mask_of_any_length_bit_by_bit():
    # What `_selector` builds on: bit i % 8 of byte i // 8 is photo i.
    for count in (1, 7, 8, 9, 65):
        among = np.random.default_rng(count).uniform(size=count) < 0.5
        selector = faiss.IDSelectorBitmap(np.packbits(among, bitorder="little"))
        assert [selector.is_member(i) for i in range(count)] == among.tolist()
