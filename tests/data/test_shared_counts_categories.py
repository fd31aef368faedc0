"""The real files of Sketchy and Quick, Draw!: their counts, and the published lists of classes."""

import numpy as np
import pytest

from tfsbir.data.class_lists import published_split
from tfsbir.data.quickdraw import drawing_files, quickdraw
from tfsbir.data.sketchy import sketchy


def test_sketchy_mini(shared_data):
    train, test = (sketchy(shared_data / "sketchy_mini", name) for name in ("train", "test"))
    assert len(train.class_names) == 125
    assert train.class_names == test.class_names
    for field in ("sketch_labels", "photo_labels"):
        labels = np.concatenate([getattr(train, field), getattr(test, field)])
        assert np.bincount(labels).tolist() == [25] * 125
        assert np.unique(getattr(test, field)).tolist() == list(range(125))
    for split in (train, test):
        assert len(split.paired_sketches) == len(split.sketches)
    assert not set(train.photo_ids) & set(test.photo_ids)
    assert 250 <= len(test.photos) < 450


@pytest.mark.parametrize(("version", "seen", "unseen"), [(0, 104, 21), (1, 100, 25)])
def test_sketchy_zero_shot(shared_data, version, seen, unseen):
    path = shared_data / "splits" / f"zse_Sketchy_zeroshot{version}_unseen.txt"
    train, test = (
        sketchy(shared_data / "sketchy_mini", name, unseen_classes=path) for name in ("train", "test")
    )
    assert (len(train.class_names), len(test.class_names)) == (seen, unseen)
    assert published_split(train.class_names, test.class_names).startswith(f"Sketchy {seen}/{unseen}")
    for split, count in ((train, seen), (test, unseen)):
        assert len(split.sketches) == len(split.photos) == len(split.paired_sketches) == 25 * count


def test_published_test_photos_of_sketchy(shared_data, tmp_path):
    """The list of the test photos, in the folder where the archive puts it: 322 of them are in the part."""
    (tmp_path / "info").mkdir()
    for name in ("photo", "sketch"):
        (tmp_path / name).symlink_to(shared_data / "sketchy_mini" / name)
    listed = (shared_data / "splits" / "cdotad_sketchy_test_img.txt").read_text(encoding="utf-8")
    assert len(listed.split()) == 1250
    (tmp_path / "info" / "testset.txt").write_text(listed, encoding="utf-8")
    train, test = (sketchy(tmp_path, name) for name in ("train", "test"))
    assert (len(train.photos), len(test.photos)) == (2803, 322)
    assert len(train.sketches) + len(test.sketches) == 3125


def test_quickdraw(shared_data):
    train, test = (quickdraw(shared_data / "quickdraw", name) for name in ("train", "test"))
    assert len(train.class_names) == 345
    assert len(train.sketches) + len(test.sketches) == 22_448
    assert len({*train.sketch_ids, *test.sketch_ids}) == 22_448
    assert 0.09 < len(test.sketches) / 22_448 < 0.11
    assert np.unique(test.sketch_labels).tolist() == list(range(345))
    assert train.photos.shape == (0, 256, 256, 1)


def test_shared_classes(shared_data):
    words = drawing_files(shared_data / "quickdraw")
    assert len(set(words) & set(sketchy(shared_data / "sketchy_mini", "train").class_names)) == 93
