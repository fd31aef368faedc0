"""The index of short codes: right distances, few photos missed, photos that come and go."""

import numpy as np
import pytest

from tests.retrieval.drawn_encoder import drawn_encoder
from tests.retrieval.learned_distances import LEARNED, defined_distances, lifting_of
from tests.retrieval.test_gallery import brute_force
from tfsbir.errors import InputError
from tfsbir.retrieval import Gallery, PhotoIndex
from tfsbir.retrieval.photo_index import MIN_PHOTOS

NUM_PHOTOS, DIM = 12_000, 18


def clustered(count, seed):
    """Draws float32 `(count, DIM)` around 300 centres, as an encoder's embeddings are."""
    centres = np.random.default_rng(0).normal(size=(300, DIM))
    random = np.random.default_rng(seed)
    vectors = centres[random.integers(0, 300, count)] + 0.8 * random.normal(size=(count, DIM))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def recall(found, expected):
    pairs = zip(found.tolist(), expected.tolist(), strict=True)
    return np.mean([len({*one} & {*other}) / len(other) for one, other in pairs])


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number in range(NUM_PHOTOS):
        (folder / f"{number}.png").write_text(str(number))
    return folder


def build(path, encoder, photos, numbers):
    gallery, _ = Gallery.open_or_create(path, encoder, photos, "ivfpq")
    gallery.sync([photos / f"{number}.png" for number in numbers], batch_size=1000)
    gallery.save()
    return Gallery.open(path)


def test_it_finds_most_of_the_nearest_while_photos_come_and_go(tmp_path, photos):
    vectors, queries = clustered(NUM_PHOTOS, seed=1), clustered(40, seed=2)
    encoder = drawn_encoder(vectors)
    for numbers in (range(11_000), range(500, NUM_PHOTOS)):
        gallery = build(tmp_path / "gallery", encoder, photos, numbers)
        assert gallery.index_kind == "ivfpq"
        held = vectors[list(numbers)]
        _, expected = brute_force(queries, held, 10)
        distances, found = gallery.search(queries, 10)
        assert recall(found, expected) > 0.95
        assert recall(gallery.search(queries, 10, nprobe=10_000)[1], expected) > 0.97
        assert recall(gallery.search(queries, 10, nprobe=1)[1], expected) < 0.9
        # What is found has its own distance, not that of its code.
        own = np.square(queries[:, None].astype(np.float64) - held[found]).sum(axis=2)
        np.testing.assert_allclose(distances, own, atol=1e-6)
        assert np.all(np.diff(distances, axis=1) >= 0)
        # Among a few photos all of these are found, in however many lists they are.
        among = np.zeros(len(held), bool)
        among[:7] = True
        for row in gallery.search(queries, 10, among=among)[1]:
            assert sorted(row) == list(range(7))
    # The index was not built anew: it holds the photos that are gone.
    assert gallery._store._index.index.ntotal == NUM_PHOTOS
    assert len(gallery) == 11_500


@pytest.mark.parametrize("name", LEARNED)
def test_learned_distances_too(name):
    layer = LEARNED[name](DIM)
    vectors, queries = clustered(NUM_PHOTOS, seed=1), clustered(20, seed=2)
    lifting = lifting_of(layer)
    lifted, (lifted_queries, constants) = lifting.lift_photos(vectors), lifting.lift_queries(queries)
    index = PhotoIndex.build("ivfpq", lifted, is_lifted=True)
    distances = defined_distances(name, layer.get_weights()[0], queries, vectors)
    expected = np.argsort(distances, axis=1, kind="stable")[:, :10]
    found = index.candidates(lifted_queries, constants, 10)
    assert recall(np.array([rows[:256] for rows in found]), expected) > 0.95


def test_it_needs_photos_to_learn_its_codes_from(tmp_path, photos):
    message = f"`index` ivfpq needs at least {MIN_PHOTOS['ivfpq']} photos .*. Received: 100"
    encoder = drawn_encoder(clustered(100, seed=1), before_batch=lambda: pytest.fail("encoded in vain"))
    with pytest.raises(InputError, match=message):
        build(tmp_path / "gallery", encoder, photos, range(100))
    assert not (tmp_path / "gallery").exists()
    with pytest.raises(ValueError, match="`index` ivfpq needs at least"):
        PhotoIndex.build("ivfpq", clustered(100, seed=1))


def test_nprobe_is_for_lists(tmp_path, photos):
    vectors = clustered(10, seed=1)
    gallery = Gallery.create(tmp_path / "gallery", drawn_encoder(vectors), photos)
    gallery.add([photos / "1.png"])
    with pytest.raises(
        ValueError, match="`nprobe` must be >= 1, and None in a gallery whose index is not ivf"
    ):
        gallery.search(vectors, 1, nprobe=4)
