"""Quick, Draw!: every form of file, ids, splits and limits."""

import struct

import numpy as np
import pytest

from tests.common_files import write_ndjson
from tfsbir.data.held_out import name_fraction
from tfsbir.data.photo_reader import RGB
from tfsbir.data.quickdraw import drawing_files, drawing_files_of, quickdraw, read_drawings
from tfsbir.errors import InputError


@pytest.fixture
def root(tmp_path):
    """Three classes of 60 drawings, one as a browser names its file."""
    write_ndjson(tmp_path / "cat.ndjson", range(10**15, 10**15 + 60))
    write_ndjson(tmp_path / "full_simplified_hot air balloon.ndjson", range(2 * 10**15, 2 * 10**15 + 60))
    write_ndjson(tmp_path / "The Eiffel Tower.ndjson", range(3 * 10**15, 3 * 10**15 + 60))
    (tmp_path / "cat.npy").write_bytes(b"bitmaps, which are not read")
    (tmp_path / "._cat.ndjson").write_bytes(b"what macOS leaves")
    return tmp_path


def test_splits_by_key_id(root):
    train, test = quickdraw(root, "train"), quickdraw(root, "test")
    assert train.class_names == test.class_names == ("cat", "hot_air_balloon", "the_eiffel_tower")
    assert len(train.sketches) + len(test.sketches) == 180
    held = {f"cat/{i}" for i in range(10**15, 10**15 + 60) if name_fraction(f"cat/{i}") < 0.1}
    assert {i for i in test.sketch_ids if i.startswith("cat/")} == held
    for split in (train, test):
        assert set(split.sketch_labels.tolist()) == {0, 1, 2}
        assert split.photos.shape == (0, 256, 256, 1)
        assert len(split.paired_sketches) == 0
    assert quickdraw(root, "train", RGB).photos.shape == (0, 256, 256, 3)


def test_strokes_in_order_of_the_file(root):
    split = quickdraw(root, "train")
    for index, sketch_id in enumerate(split.sketch_ids):
        number = int(sketch_id.split("/")[1]) % 1_000
        expected = [[[0, 0], [number, 255]], [[9, 9], [99, 9]]]
        assert [stroke.tolist() for stroke in split.sketches.sketch(index).strokes] == expected


def test_limit_is_that_of_the_file(root):
    everything = {*quickdraw(root, "train").sketch_ids, *quickdraw(root, "test").sketch_ids}
    limited = [quickdraw(root, name, max_per_class=20) for name in ("train", "test")]
    ids = {*limited[0].sketch_ids, *limited[1].sketch_ids}
    assert ids == {sketch_id for sketch_id in everything if int(sketch_id.split("/")[1]) % 1_000 < 20}
    with pytest.raises(ValueError, match=r"`max_per_class` must be at least 1\. Received: 0"):
        quickdraw(root, "train", max_per_class=0)


def test_unseen_classes(root):
    (root / "unseen.txt").write_text("cat\n", encoding="utf-8")
    test = quickdraw(root, "test", unseen_classes=root / "unseen.txt")
    train = quickdraw(root, "train", unseen_classes=root / "unseen.txt")
    assert (test.class_names, train.class_names) == (("cat",), ("hot_air_balloon", "the_eiffel_tower"))
    assert (len(test.sketches), len(train.sketches)) == (60, 120)


def test_binary_and_raw_files(tmp_path):
    record = struct.pack("<Q2sbIHH", 77, b"DE", 1, 0, 1, 3) + bytes([0, 50, 100, 7, 8, 9])
    (tmp_path / "cat.bin").write_bytes(record)
    (tmp_path / "dog.ndjson").write_text(
        '{"word": "dog", "key_id": "78", "drawing": [[[5, 905], [1, 401], [0, 17]]]}\n', encoding="utf-8"
    )
    split = quickdraw(tmp_path, "train")
    assert split.sketch_ids == ("cat/77", "dog/78")
    assert [split.sketches.sketch(i).strokes[0].tolist() for i in (0, 1)] == [
        [[0, 7], [50, 8], [100, 9]],
        [[5, 1], [905, 401]],
    ]


def test_drawings_without_key_id(tmp_path):
    write_ndjson(tmp_path / "cat.ndjson", ["", 5, ""])
    drawings = read_drawings(tmp_path / "cat.ndjson", "cat")
    assert list(drawings) == ["cat/drawing-1", "cat/5", "cat/drawing-3"]
    assert drawings["cat/drawing-3"].strokes[0][1, 0] == 2


def test_skipped_drawings_do_not_count(tmp_path):
    write_ndjson(tmp_path / "cat.ndjson", range(1, 9))
    found = read_drawings(tmp_path / "cat.ndjson", "cat", limit=3, skipped_ids={"cat/2", "cat/3", "dog/4"})
    assert list(found) == ["cat/1", "cat/4", "cat/5"]


def test_files_of_classes(root):
    write_ndjson(root / "crocodile.ndjson", [1])
    found = drawing_files_of(root, ["crocodilian", "cat", "eiffel_tower"])
    assert [path.name for path in found.values()] == [
        "crocodile.ndjson",
        "cat.ndjson",
        "The Eiffel Tower.ndjson",
    ]
    with pytest.raises(
        InputError, match=r"/motorbike\.ndjson: expected the drawings of motorcycle; there is"
    ):
        drawing_files_of(root, ["cat", "motorcycle"])


def test_files_that_do_not_fit(root, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(
        InputError, match=r"expected Quick, Draw! files, WORD\.ndjson or WORD\.bin; found none"
    ):
        drawing_files(empty)
    with pytest.raises(InputError, match=r"/no: expected a folder of Quick, Draw! files, .*; there is none"):
        quickdraw(empty / "no", "train")
    with pytest.raises(InputError, match=r"cat\.npy: expected a folder .*; it is a file"):
        drawing_files(root / "cat.npy")
    (root / "Cat.bin").write_bytes(b"")
    with pytest.raises(InputError, match=r"cat\.ndjson: expected one file a class; found Cat\.bin as well"):
        quickdraw(root, "train")
    (root / "Cat.bin").rename(root / "!.bin")
    with pytest.raises(InputError, match=r"!\.bin: expected the name of a word; it has no letter or digit"):
        quickdraw(root, "train")


def test_a_drawing_twice(tmp_path):
    write_ndjson(tmp_path / "cat.ndjson", [1, 2, 1])
    with pytest.raises(InputError, match=r"cat\.ndjson: expected every drawing once; found cat/1 twice"):
        quickdraw(tmp_path, "train")


def test_broken_file(root):
    (root / "cat.ndjson").write_text("{\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"cat\.ndjson, line 1: "):
        quickdraw(root, "train")


def test_other_split(root):
    with pytest.raises(InputError, match=r"`split` must be train or test\. Received: val"):
        quickdraw(root, "val")


def test_drawings_are_fitted_and_centred(root):
    """The simplified form begins at the upper left; here the 16 px around every drawing are white."""
    images = quickdraw(root, "test").sketches[:]
    assert images.shape[1:] == (256, 256, 1)
    for ink in images[..., 0] < 128:
        rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
        box = np.array([rows[0], 255 - rows[-1], columns[0], 255 - columns[-1]])
        assert 14 <= box.min() <= 17  # The pen is 2 px wide.
        assert abs(box[0] - box[1]) <= 2
        assert abs(box[2] - box[3]) <= 2
