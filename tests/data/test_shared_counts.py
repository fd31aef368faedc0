"""The counts that the README of the real data states, set by set (those by category have their own file)."""

import numpy as np
import pytest

from tfsbir.data.bmvc14 import bmvc14
from tfsbir.data.chairv2 import chairv2
from tfsbir.data.class_lists import read_class_list
from tfsbir.data.images import list_images
from tfsbir.data.photo_reader import RGB
from tfsbir.data.qmul_v1 import qmul_v1
from tfsbir.data.shoev1_attributes import shoev1_attributes


def counts(split):
    return len(split.sketches), len(split.photos), len(np.unique(split.sketch_photo))


@pytest.mark.parametrize(
    ("category", "split", "num_pairs", "num_triplets"),
    [
        ("shoes", "train", 304, 135),
        ("shoes", "test", 115, 45),
        ("chairs", "train", 200, 135),
        ("chairs", "test", 97, 45),
    ],
)
def test_qmul_v1(shared_data, category, split, num_pairs, num_triplets):
    loaded = qmul_v1(shared_data / "qmul_v1" / category, split)
    assert counts(loaded) == (num_pairs, num_pairs, num_pairs)
    assert len(loaded.triplets) == num_pairs * num_triplets


def test_chairv2(shared_data):
    root = shared_data / "chairv2"
    train, test = (chairv2(root, split, RGB) for split in ("train", "test"))
    assert (counts(train), counts(test)) == ((952, 300, 300), (323, 100, 100))
    assert len(list_images(root / "photo")) == 400


def test_shoev1_attributes(shared_data):
    root = shared_data / "shoev1_attributes"
    train, test = (shoev1_attributes(root, split, RGB) for split in ("train", "test"))
    assert (counts(train), counts(test)) == ((612, 204, 204), (300, 100, 100))
    assert len(list_images(root / "photo")) == 304
    assert len(list_images(root / "sketch")) == 912
    for split in (train, test):
        assert split.sketch_attributes.shape[1] == split.photo_attributes.shape[1] == 13
        assert split.sketch_attributes.min() == split.photo_attributes.min() == 0


def test_shoev2_photos(shared_data):
    assert len(list_images(shared_data / "shoev2_photos")) == 2000


def test_bmvc14(shared_data):
    split = bmvc14(shared_data / "bmvc14", read_photo=RGB)
    assert len(split.class_names) == 7
    assert (len(split.sketches), len(split.photos)) == (7 * 6, 7 * 60)
    assert np.sum(split.ratings >= 0) == 7 * 6 * 60 * 4


@pytest.mark.parametrize(("name", "num_classes"), [("sketchy", 125), ("tuberlin", 250)])
@pytest.mark.parametrize("kind", ["word2vec", "glove", "fasttext"])
def test_word_vectors(shared_data, name, num_classes, kind):
    with np.load(shared_data / "word_vectors" / f"{name}_{kind}.npz") as file:
        assert file["names"].shape == (num_classes,)
        assert file["vectors"].shape == (num_classes, 300)


@pytest.mark.parametrize(
    ("name", "num_seen", "num_unseen"),
    [
        ("zse_Sketchy_zeroshot0", 104, 21),
        ("zse_Sketchy_zeroshot1", 100, 25),
        ("sake_Sketchy_zeroshot1", 100, 25),
        ("zse_TUBerlin_zeroshot", 220, 30),
        ("sake_TUBerlin", 220, 30),
        ("zse_QuickDraw_zeroshot", 80, 30),
    ],
)
def test_splits(shared_data, name, num_seen, num_unseen):
    folder = shared_data / "splits"
    assert len(read_class_list(folder / f"{name}_seen.txt")) == num_seen
    assert len(read_class_list(folder / f"{name}_unseen.txt")) == num_unseen
