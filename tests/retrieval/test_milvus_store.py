"""Galleries in Milvus, by Milvus Lite, against the same in FAISS."""

import numpy as np
import pytest

from tests.retrieval.drawn_encoder import drawn_encoder, photo_file, photo_paths, unit_vectors
from tests.retrieval.learned_distances import LEARNED, lifting_of
from tests.retrieval.milvus_galleries import both, found, make, photos_of
from tests.retrieval.test_learned_gallery import drawn
from tfsbir.errors import InputError
from tfsbir.retrieval import Gallery

# What would end a string, or an expression, that was pasted together.
WORDS = ["acme", "o'brien", 'a"b', "back\\slash", '\\" or id > 0 or "', "größe 🥿", "a\nb", "", "%", "["]


def test_it_finds_what_faiss_finds(tmp_path):
    embeddings = unit_vectors(300, 16)
    embeddings[200:250] = embeddings[:50]  # Ties.
    with both(tmp_path, drawn_encoder(embeddings), photo_paths(300)) as (milvus, faiss):
        assert len(milvus) == 300
        assert milvus.photo_ids == faiss.photo_ids
        queries = np.concatenate([unit_vectors(5, 16, seed=1), embeddings[:5]])
        for k in (1, 10, 300, 1000):
            assert found(milvus, queries, k) == found(faiss, queries, k)
        np.testing.assert_array_equal(milvus.embeddings(), faiss.embeddings())


@pytest.mark.parametrize("name", LEARNED)
def test_learned_distances(tmp_path, name):
    photos, queries = drawn(200, seed=0), drawn(10, seed=1)
    encoder = drawn_encoder(photos, lifting=lifting_of(LEARNED[name](photos.shape[1])))
    with both(tmp_path, encoder, photo_paths(200)) as (milvus, faiss):
        assert milvus.distance == name
        assert found(milvus, queries, 10) == found(faiss, queries, 10)
        with pytest.raises(InputError, match="`index` must be flat in Milvus"):
            Gallery.open_or_create(milvus.path, encoder, milvus.photo_root, "hnsw")


def test_ties_that_straddle_the_end_and_more_than_milvus_returns(tmp_path, monkeypatch):
    monkeypatch.setattr("tfsbir.retrieval.milvus_search.MAX_FOUND", 8)
    embeddings = np.tile(unit_vectors(3, 8), (20, 1))
    with both(tmp_path, drawn_encoder(embeddings), photo_paths(60)) as (milvus, faiss):
        for k in (1, 3, 19, 20, 21, 60):
            assert found(milvus, embeddings[:2], k) == found(faiss, embeddings[:2], k)


def test_a_graph(tmp_path):
    embeddings = unit_vectors(400, 16)
    make(tmp_path / "one", drawn_encoder(embeddings), photo_paths(400), f"milvus:{tmp_path}/photos.db")
    with both(tmp_path, drawn_encoder(embeddings), photo_paths(400), "hnsw") as (milvus, _):
        assert milvus.index_kind == "hnsw"
        queries = unit_vectors(50, 16, seed=1)
        exact = np.argsort(np.square(queries[:, None] - embeddings[None]).sum(axis=2), axis=1)[:, :10]
        names = found(milvus, queries, 10)[1]
        hits = [
            len(set(row) & {f"{one}.png" for one in near}) for row, near in zip(names, exact, strict=True)
        ]
        assert np.mean(hits) > 9.9
        assert len(milvus.find(queries[0], 1000)) == 400
        assert [match.photo.photo_id for match in milvus.find(embeddings[7], 1, ef_search=500)] == ["7.png"]
    gallery, reason = Gallery.open_or_create(
        tmp_path / "one", drawn_encoder(embeddings), photo_paths(1)[0].parent, "hnsw"
    )
    assert (reason, gallery.index_kind) == (None, "hnsw")
    assert [match.photo.photo_id for match in gallery.find(embeddings[7], 1)] == ["7.png"]
    gallery.close()


def test_photos_are_chosen_as_by_faiss(tmp_path):
    rng = np.random.default_rng(0)
    metadata = [
        {
            "word": WORDS[row % 10],
            WORDS[row % 7]: row,
            "price": row / 4 if row % 3 else row,
            "is new": row % 2 == 0,
        }
        | ({"none": None} if row % 5 == 0 else {})
        for row in range(100)
    ]
    embeddings = np.column_stack([unit_vectors(100, 8), rng.uniform(0, 1, (100, 2))]).astype(np.float32)
    embeddings[:4, 8] = 0.5, 0.49999, 0.4997, 0.50001  # Beside the threshold, rounded to float16.
    encoder = drawn_encoder(embeddings, attributes=("a'b", "größe"))
    wheres = [{"word": word} for word in WORDS]
    wheres += [{word: {"min": 3, "max": 90}} for word in WORDS[:7]] + [{word: 3} for word in WORDS[:7]]
    wheres += [
        {"price": {"min": 5.5}}, {"price": {"max": -1e-7}}, {"price": {"min": 2.0**63, "max": 1e300}},
        {"price": 5}, {"price": 5.0}, {"price": [5.25, "5.25", 6]}, {"price": True}, {"is new": True},
        {"is new": 1}, {"is new": {"min": 0}}, {"word": {"min": 0}}, {"none": None}, {"none": "None"},
        {"missing": 1}, {"missing": {"max": 1}}, {"word": []},
        {"word": WORDS, "price": {"max": 9}, "none": None},
    ]  # fmt: skip
    with both(tmp_path, encoder, photos_of(metadata)) as (milvus, faiss):
        query = unit_vectors(1, 10, seed=1)
        counts = set()
        for where in wheres:
            chosen, expected = milvus.choose(where), faiss.choose(where)
            assert milvus.count(chosen) == faiss.count(expected), where
            assert found(milvus, query, 5, chosen) == found(faiss, query, 5, expected)
            counts.add(faiss.count(expected))
        assert len(counts) > 8
        for present, absent in ((["a'b"], []), ([], ["größe"]), (["a'b"], ["größe"]), (["a'b", "größe"], [])):
            matches = milvus.find(query[0], 50, {"is new": True}, present, absent)
            assert matches == faiss.find(query[0], 50, {"is new": True}, present, absent)
            assert matches
        np.testing.assert_array_equal(milvus.attribute_probabilities(), faiss.attribute_probabilities())
        for choose in (milvus.choose, faiss.choose):
            with pytest.raises(InputError, match=r"an attribute must be one of a'b, größe\. Received: heel"):
                choose(present=["heel"])
        with pytest.raises(ValueError, match="`among` must be what `choose` returns"):
            milvus.search(query, 1, among=np.ones(100, bool))


def state(gallery):
    photos = gallery.photos()
    order = np.argsort([photo.photo_id for photo in photos])
    stamps = gallery._store.stamps([photos[row].photo_id for row in order])
    return [photos[row] for row in order], stamps, gallery.embeddings()[order].tolist()


def test_photos_change_come_and_go_as_in_faiss(tmp_path):
    paths = [photo_file(f"changing/{row}.png") for row in range(8)]
    embeddings, seen = unit_vectors(8, 8), []
    encoder = drawn_encoder(embeddings, before_batch=lambda: seen.append(1))
    with both(tmp_path, encoder, paths[:6]) as (milvus, faiss):
        assert state(milvus) == state(faiss)
        seen.clear()
        for gallery in (milvus, faiss):
            changes = gallery.update()
            assert (changes.num_unchanged, changes.num_added + changes.num_replaced) == (6, 0)
        assert not seen
        paths[0].write_text("changed")
        paths[1].touch()
        paths[2].unlink()
        embeddings[0] = unit_vectors(1, 8, seed=9)
        for gallery in (milvus, faiss):
            changes = gallery.update()
            assert (changes.num_replaced, changes.num_unchanged, changes.num_removed) == (1, 4, 1)
            changes = gallery.add([*paths[5:], paths[7]])
            assert (changes.num_added, changes.num_replaced, changes.num_unchanged) == (2, 0, 1)
            gallery.remove(["changing/3.png", "changing/7.png"])
            gallery.save()
        assert len(milvus) == 5
        assert state(milvus) == state(faiss) == state(Gallery.open(milvus.path))
        assert milvus.photo_ids == (
            "changing/0.png",
            "changing/1.png",
            "changing/4.png",
            "changing/5.png",
            "changing/6.png",
        )
        assert milvus.photo("changing/0.png").path == paths[0]
        for gallery in (milvus, faiss):
            with pytest.raises(KeyError):
                gallery.photo("changing/3.png")
            with pytest.raises(KeyError):
                gallery.remove(["changing/0.png", "changing/3.png"])
        assert len(milvus) == 5


def test_metadata_change_without_encoding(tmp_path):
    encoder = drawn_encoder(unit_vectors(3, 8))
    with both(tmp_path, encoder, photos_of([{"a": 1}, {"a": 2}, {}])) as (milvus, _):
        milvus.sync(photos_of([{"a": 1}, {"b": 2}, {"a": 1}]))
        milvus.save()
        again = Gallery.open(milvus.path)
        assert [photo.metadata for photo in again.photos()] == [{"a": 1}, {"b": 2}, {"a": 1}]
        assert again.count(again.choose({"a": 1})) == 2
        assert again.count(again.choose({"a": 2})) == 0


def test_readers_see_what_was_saved(tmp_path):
    encoder = drawn_encoder(unit_vectors(9, 8))
    with both(tmp_path, encoder, photo_paths(5)) as (writer, _):
        reader, names = Gallery.open(writer.path), [f"{row}.png" for row in range(9)]
        writer.add(photo_paths(9))
        writer.remove(["0.png"])
        assert writer.photo_ids == tuple(names[1:])
        assert reader.photo_ids == Gallery.open(writer.path).photo_ids == tuple(names[:5])
        writer.save()
        assert Gallery.open(writer.path).photo_ids == tuple(names[1:])
        assert reader.photo_ids == tuple(names[:5])  # As it was opened.
        assert len(reader.find(encoder.encode_photos(np.zeros((1, 8, 8, 1), np.float32))[0], 9)) == 5


def test_of_two_writers_the_second_is_told(tmp_path):
    with both(tmp_path, drawn_encoder(unit_vectors(9, 8)), photo_paths(5)) as (first, _):
        second = Gallery.open(first.path, first.encoder)
        first.add(photo_paths(6))
        first.save()
        for write in (second.save, lambda: second.remove(["0.png"])):
            with pytest.raises(InputError, match="no other process has changed since it was opened"):
                write()
        assert len(Gallery.open(first.path)) == 6
