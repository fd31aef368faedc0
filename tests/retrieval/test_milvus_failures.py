"""Writers that are killed, and a Milvus that is not there, or not what a gallery's record says."""

import json
import shutil
import signal
import socket
import sys
import time

import numpy as np
import pytest
from milvus_lite.server_manager import server_manager_instance

from tests.common_processes import run_script
from tests.retrieval.drawn_encoder import PHOTOS, drawn_encoder, photo_file, photo_paths, unit_vectors
from tests.retrieval.learned_distances import LEARNED, lifting_of
from tests.retrieval.milvus_galleries import both, found, make, photos_of
from tfsbir.errors import InputError
from tfsbir.retrieval import Gallery, Photo
from tfsbir.retrieval.milvus_collection import MilvusCollection

KILLED = """
import os, signal, sys
from pathlib import Path
from tests.retrieval import drawn_encoder as drawn
from tfsbir.retrieval import Gallery

path, folder, store, num_batches, action = sys.argv[1:]
drawn.PHOTOS, batches = Path(folder), []

def before_batch():
    batches.append(1)
    if len(batches) > int(num_batches):
        os.kill(os.getpid(), signal.SIGKILL)

encoder = drawn.drawn_encoder(drawn.unit_vectors(100, 8), before_batch=before_batch)
gallery, _ = Gallery.open_or_create(path, encoder, folder, store=store)
gallery.sync(drawn.photo_paths(100)[: 100 if action == "add" else 60], batch_size=8)
os.kill(os.getpid(), signal.SIGKILL)  # Before it is saved.
"""


def killed(path, store, num_batches, action):
    done = run_script(KILLED, path, PHOTOS, store, num_batches, action)
    assert done.returncode == -signal.SIGKILL, done.stderr


def collections(uri):
    from pymilvus import MilvusClient

    return MilvusClient(str(uri)).list_collections()


def test_a_killed_build_is_completed_without_doubles(tmp_path):
    path, store = tmp_path / "gallery", f"milvus:{tmp_path}/photos.db"
    photo_paths(100)
    for num_batches in (3, 6):
        killed(path, store, num_batches, "add")
        with pytest.raises(InputError, match=r"gallery\.json: expected the record of a gallery"):
            Gallery.open(path)
    gallery = make(path, drawn_encoder(unit_vectors(100, 8)), photo_paths(100), store)
    assert gallery.photo_ids == tuple(f"{row}.png" for row in range(100))
    np.testing.assert_array_equal(gallery.embeddings(), unit_vectors(100, 8))
    assert gallery._store.collection.count("id >= 0") == 100
    assert len(collections(tmp_path / "photos.db")) == 1
    gallery.close()


def test_a_killed_update_changes_nothing_for_readers(tmp_path):
    path, store = tmp_path / "gallery", f"milvus:{tmp_path}/photos.db"
    embeddings = unit_vectors(100, 8)
    # Another embedding for each photo, so that all of them are written again.
    make(path, drawn_encoder(embeddings[::-1]), photo_paths(100)[10:70], store).close()
    for file in photo_paths(100)[10:70]:
        file.write_text(f"again {time.monotonic_ns()}")
    for num_batches, action in ((4, "add"), (100, "remove")):
        killed(path, store, num_batches, action)
        reader = Gallery.open(path)
        assert reader.photo_ids == tuple(f"{row}.png" for row in range(10, 70))
        np.testing.assert_array_equal(reader.embeddings(), embeddings[::-1][10:70])
        assert len(reader.find(embeddings[0], 100)) == 60
        reader.close()
    gallery = make(path, drawn_encoder(embeddings), photo_paths(100), store)
    assert sorted(gallery.photo_ids) == sorted(f"{row}.png" for row in range(100))
    for row in (0, 10, 69, 99):
        (match,) = gallery.find(embeddings[row], 1)
        assert (match.photo.photo_id, match.distance) == (f"{row}.png", 0)
    # The next writer clears away what no reader can see any more; readers may be one generation behind.
    for row in range(3):
        gallery.remove([f"{row}.png"])
        gallery.save()
    assert gallery._store.collection.count("id >= 0") == 97 + 2
    gallery.close()


def test_a_gallery_may_change_its_store_and_its_encoder(tmp_path):
    path, encoder, photos = tmp_path / "gallery", drawn_encoder(unit_vectors(5, 8)), photo_paths(5)
    uri = tmp_path / "photos.db"
    make(path, encoder, photos)
    milvus = make(path, encoder, photos, f"milvus:{uri}")
    assert sorted(file.name for file in path.iterdir()) == ["collection.json", "gallery.json", "lock"]
    assert len(make(path, encoder, photos)) == 5  # Where it is, if not told otherwise.
    assert collections(uri) == [milvus._store.collection.name]
    other = make(path, drawn_encoder(unit_vectors(5, 8, seed=1), "other"), photos)
    assert collections(uri) == [other._store.collection.name]
    _, reason = Gallery.open_or_create(
        path, drawn_encoder(unit_vectors(5, 8, seed=1), "other"), PHOTOS, store="faiss"
    )
    assert f"its store is milvus:{uri}" in reason
    make(path, drawn_encoder(unit_vectors(5, 8, seed=1), "other"), photos, "faiss")
    assert collections(uri) == []
    milvus.close()


def test_a_learned_distance_in_milvus_needs_its_weights(tmp_path):
    encoder = drawn_encoder(unit_vectors(5, 8), lifting=lifting_of(LEARNED["holef"](8)))
    gallery = make(tmp_path / "gallery", encoder, photo_paths(5), f"milvus:{tmp_path}/photos.db")
    next(gallery.path.glob("distance-*.npy")).unlink()
    with pytest.raises(InputError, match="expected a file of a gallery; there is no such file"):
        Gallery.open(gallery.path)
    gallery.close()


@pytest.mark.parametrize(
    ("store", "index", "message"),
    [
        ("sqlite", "flat", "`store` must be faiss or milvus:URI"),
        ("milvus:photos", "flat", "a Milvus is at http"),
        ("milvus:tcp://localhost:1/a.db", "flat", "a Milvus is at http"),
        ("milvus:{tmp_path}/nothing/a.db", "flat", "expected a file in a folder that is there"),
        (
            "milvus:http://127.0.0.1:{port}",
            "flat",
            "127.0.0.1:[0-9]+: expected a Milvus that answers; Fail conn",
        ),
        (
            "milvus:{tmp_path}/a.db",
            "ivfpq",
            "Milvus Lite has the indexes flat and hnsw; a server has ivfpq, too",
        ),
    ],
)
def test_stores_that_cannot_be(tmp_path, store, index, message):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        store = store.format(tmp_path=tmp_path, port=free.getsockname()[1])
    with pytest.raises(InputError, match=message):
        Gallery.open_or_create(tmp_path / "gallery", drawn_encoder(unit_vectors(5, 8)), PHOTOS, index, store)
    assert not list(tmp_path.iterdir())


def test_a_server_that_says_nothing_is_given_up(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        is_given_up(silent, tmp_path, monkeypatch)


def test_a_closed_file_leaves_no_connection_to_its_port(tmp_path, monkeypatch):
    collection = MilvusCollection(f"{tmp_path}/a.db", "photos")
    port = int(server_manager_instance.start_and_get_uri(collection.uri).rpartition(":")[2])
    collection.close()
    with socket.create_server(("127.0.0.1", port)) as silent:
        is_given_up(silent, tmp_path, monkeypatch)


def is_given_up(silent, folder, monkeypatch):
    """Checks that a gallery in a server which takes connections, and says nothing, fails within seconds."""
    monkeypatch.setattr("tfsbir.retrieval.milvus_collection.CONNECT_SECONDS", 1)
    store, start = f"milvus:http://127.0.0.1:{silent.getsockname()[1]}", time.monotonic()
    with pytest.raises(InputError, match="expected a Milvus that answers"):
        Gallery.create(folder / "gallery", drawn_encoder(unit_vectors(5, 8)), PHOTOS, store=store)
    assert time.monotonic() - start < 10


def test_without_pymilvus(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(InputError, match=r'pip install "tfsbir\[milvus\]"; it is not installed'):
        Gallery.create(
            tmp_path / "gallery", drawn_encoder(unit_vectors(5, 8)), PHOTOS, store=f"milvus:{tmp_path}/a.db"
        )


def test_a_program_keeps_its_logging(tmp_path):
    script = """
import logging, sys
from tfsbir.retrieval.milvus_collection import MilvusCollection
class Kept(logging.StreamHandler):
    def close(self):
        print("closed")
logging.getLogger().addHandler(Kept())
collection = MilvusCollection(sys.argv[1], "photos")
logging.getLogger().removeHandler(logging.getLogger().handlers[-1])
print("made", flush=True)
collection.close()
"""
    done = run_script(script, tmp_path / "a.db")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("made")


def test_a_file_is_for_one_process(tmp_path):
    gallery = make(
        tmp_path / "g", drawn_encoder(unit_vectors(5, 8)), photo_paths(5), f"milvus:{tmp_path}/a.db"
    )
    script = "import sys; from tfsbir.retrieval import Gallery; Gallery.open(sys.argv[1])"
    done = run_script(script, gallery.path)
    assert "expected a Milvus that answers" in done.stderr
    assert "(only one process at a time may use a file)" in done.stderr
    gallery.close()
    done = run_script(script, gallery.path)
    assert done.returncode == 0, done.stderr


def change_record(path, **store):
    record = json.loads((path / "gallery.json").read_text())
    record["store"] |= store
    record["count"] = store.get("count", record["count"])
    (path / "gallery.json").write_text(json.dumps(record))


def test_a_record_that_milvus_does_not_bear_out(tmp_path):
    path, encoder = tmp_path / "gallery", drawn_encoder(unit_vectors(5, 8))
    gallery = make(path, encoder, photo_paths(5), f"milvus:{tmp_path}/a.db")
    name = gallery._store.collection.name
    change_record(path, count=6)
    with pytest.raises(InputError, match=f"expected 6 photos in the collection {name} in .*; found 5"):
        Gallery.open(path)
    other = make(
        tmp_path / "other", drawn_encoder(unit_vectors(5, 4)), photo_paths(5), f"milvus:{tmp_path}/a.db"
    )
    change_record(path, count=5, collection=other._store.collection.name)
    with pytest.raises(InputError, match=r"expected vectors of 8 values in the collection .*; found 4"):
        Gallery.open(path)
    change_record(path, collection="nothing")
    with pytest.raises(InputError, match=r"expected the collection nothing in .*; there is none"):
        Gallery.open(path)
    assert len(make(path, encoder, photo_paths(5))) == 5  # Made anew, in the same Milvus.
    gallery.close()


def test_what_milvus_does_not_hold_is_refused(tmp_path):
    encoder = drawn_encoder(unit_vectors(5, 8))
    gallery = make(tmp_path / "gallery", encoder, photo_paths(2), f"milvus:{tmp_path}/a.db")
    long = {f"field {number}": "x" * 10_000 for number in range(7)}
    with pytest.raises(InputError, match="Milvus holds metadata of at most 65535 bytes; found 70"):
        gallery.add([Photo("2.png", photo_file("2.png"), long)])
    with pytest.raises(InputError, match=r"'\\udcff.png': Milvus holds a name in UTF-8; found other bytes"):
        gallery.add([Photo("\udcff.png", photo_file("3.png"))])
    assert len(Gallery.open(gallery.path)) == 2
    gallery.close()


def test_a_failing_milvus_is_named(tmp_path):
    with both(tmp_path, drawn_encoder(unit_vectors(5, 8)), photos_of([{}] * 5)) as (milvus, faiss):
        assert found(milvus, unit_vectors(1, 8), 3) == found(faiss, unit_vectors(1, 8), 3)
        milvus._store.collection.drop()
        with pytest.raises(
            InputError, match=r"photos\.db: expected Milvus to do search on the collection tfsbir_"
        ):
            milvus.find(unit_vectors(1, 8)[0], 3)
        with pytest.raises(InputError, match="expected Milvus to do query on"):
            milvus.photo_ids  # noqa: B018
    shutil.rmtree(tmp_path / "milvus")
