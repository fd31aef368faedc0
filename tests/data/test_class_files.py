"""What the sets of classes share."""

from pathlib import Path

import pytest

from tests.common_files import write_image
from tfsbir.data.class_files import (
    check_same_classes,
    classes_of_split,
    flatten,
    images_by_id,
    keep_split,
    log_few,
)
from tfsbir.data.held_out import held_out
from tfsbir.errors import InputError


def test_classes_of_split(tmp_path):
    (tmp_path / "unseen.txt").write_text("Cat 0\nwine-bottle 1\n", encoding="utf-8")
    keys = ("ant", "cat", "dog", "wine_bottle")
    assert classes_of_split(keys, "train") == classes_of_split(keys, "test") == keys
    assert classes_of_split(keys, "train", tmp_path / "unseen.txt") == ("ant", "dog")
    assert classes_of_split(keys, "test", tmp_path / "unseen.txt") == ("cat", "wine_bottle")
    with pytest.raises(InputError, match=r"`split` must be train or test\. Received: val"):
        classes_of_split(keys, "val")


@pytest.mark.parametrize("missing", [0, 1])
def test_classes_that_differ(missing):
    sides = [
        {"cat": Path(f"root/{name}/Cat"), "dog": Path(f"root/{name}/Dog")} for name in ("sketch", "photo")
    ]
    check_same_classes(*sides)
    del sides[missing]["cat"]
    there, other = ("photo", "sketch") if missing == 0 else ("sketch", "photo")
    with pytest.raises(
        InputError, match=rf"root/{there}/Cat: expected a folder of the same class in root/{other}; there is"
    ):
        check_same_classes(*sides)


def test_files_by_id(tmp_path):
    for name in ("10.png", "2.png", "2.jpg"):
        write_image(tmp_path / name)
    found = images_by_id(tmp_path, "wine_bottle")
    assert list(found) == ["wine_bottle/2.jpg", "wine_bottle/2.png", "wine_bottle/10.png"]
    assert found["wine_bottle/10.png"] == tmp_path / "10.png"


def test_split_goes_by_name_without_suffix():
    names = [f"cat/{i}" for i in range(40)]
    items = {f"{name}{suffix}": None for name in names for suffix in (".jpg", ".png")}
    test, train = keep_split(items, "test", 0.3), keep_split(items, "train", 0.3)
    assert {*test} == {f"{name}{suffix}" for name in held_out(names, 0.3) for suffix in (".jpg", ".png")}
    assert {*test, *train} == {*items}
    assert not test.keys() & train.keys()
    assert list(keep_split(dict.fromkeys(names), "test", 0.3)) == [i[:-4] for i in test if i.endswith("jpg")]


def test_flatten():
    items, ids, labels = flatten({"ant": {"ant/1": "a"}, "bee": {}, "cat": {"cat/2": "b", "cat/1": "c"}})
    assert (items, ids, labels.tolist()) == (["a", "b", "c"], ("ant/1", "cat/2", "cat/1"), [0, 2, 2])
    assert labels.dtype == "int32"
    assert [len(part) for part in flatten({})] == [0, 0, 0]


def test_too_few_are_logged(caplog):
    log_few("toys", "sketches", {"ant": {1: 1}, "bee": {}, "cat": {1: 1, 2: 2}}, 2)
    expected = "toys: 2 of 3 classes have fewer than the 2 sketches that were published; the least has bee, 0"
    assert [record.getMessage() for record in caplog.records] == [expected]
    log_few("toys", "sketches", {"cat": {1: 1, 2: 2}}, 2)
    assert len(caplog.records) == 1
