"""`tfsbir index --store=milvus:NAME.db` and searches in it, against those in FAISS, on a trained encoder."""

import json
import sys

import pytest

from tests.cli.test_cli import run
from tests.common_processes import run_module
from tfsbir.retrieval import Gallery, open_encoder


def index(capsys, photos, gallery, *flags):
    argv = [
        "index",
        "--model=pretrained:category",
        f"--photos={photos}",
        f"--gallery={gallery}",
        "--json",
        *flags,
    ]
    code, out, err = run(capsys, *argv)
    assert code == 0, err
    return json.loads(out)


def search(capsys, gallery, sketch, *flags):
    code, out, err = run(capsys, "search", f"--gallery={gallery}", f"--sketch={sketch}", "--json", *flags)
    assert code == 0, err
    return json.loads(out)["results"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Twelve drawn objects: photos, and a sketch of each."""
    from tfsbir.cli.draw import main

    folder = tmp_path_factory.mktemp("drawn") / "objects"
    main([f"--output={folder}", "--num_train=2", "--num_test=12"])
    return folder / "test"


def test_drawn_objects_as_users_run_it(drawn, tmp_path, capsys):
    store = f"--store=milvus:{tmp_path}/photos.db"
    table = tmp_path / "photos.csv"
    names = sorted(path.name for path in (drawn / "photos").iterdir())
    rows = [f'"{name}","it\'s ""{row % 3}"""' for row, name in enumerate(names)]
    table.write_text("\n".join(["photo_id,note", *rows]) + "\n")
    # In a process of its own, which leaves the file to others.
    command = [
        sys.executable,
        "-m",
        "tfsbir",
        "index",
        "--model=pretrained:category",
        f"--photos={drawn}/photos",
    ]
    done = run_module([*command, f"--gallery={tmp_path}/milvus", store, f"--metadata={table}"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        f"12 photos in {tmp_path}/milvus: 12 encoded, 0 taken over, 0 removed, 0 skipped"
    )
    assert "Traceback" not in done.stderr, done.stderr
    index(capsys, drawn / "photos", tmp_path / "faiss", f"--metadata={table}")
    for sketch in sorted((drawn / "sketches").iterdir())[:3]:
        for where in ([], ['--where={"note": "it\'s \\"1\\""}']):
            results = search(capsys, tmp_path / "milvus", sketch, *where)
            assert len(results) == (4 if where else 10)
            assert results == search(capsys, tmp_path / "faiss", sketch, *where)
    done = index(capsys, drawn / "photos", tmp_path / "milvus", f"--metadata={table}")
    assert (done["num_unchanged"], done["num_encoded"]) == (12, 0)
    Gallery.open(tmp_path / "milvus").close()


def test_real_photos_are_found_as_in_faiss(shared_data, tmp_path, capsys):
    encoder, folder = open_encoder("pretrained:category"), shared_data / "sketchy_mini" / "photo"
    photos = sorted(folder.rglob("*.jpg"))[::20]
    milvus, _ = Gallery.open_or_create(
        tmp_path / "milvus", encoder, folder, store=f"milvus:{tmp_path}/photos.db"
    )
    faiss, _ = Gallery.open_or_create(tmp_path / "faiss", encoder, folder)
    for gallery in (milvus, faiss):
        gallery.sync(photos)
        gallery.save()
    sketches = sorted((shared_data / "sketchy_mini" / "sketch").rglob("*.png"))[::300]
    assert len(photos) > 100
    assert len(sketches) > 5
    for sketch in sketches:
        vector = milvus.encode_query(sketch=sketch)
        assert milvus.find(vector, 10) == faiss.find(vector, 10)
    milvus.close()
