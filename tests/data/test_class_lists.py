"""Class names that meet across data sets, and every published list against the classes it divides."""

import numpy as np
import pytest

from tfsbir.data.class_lists import (
    class_folders,
    class_key,
    published_split,
    read_class_list,
    zero_shot_classes,
)
from tfsbir.errors import InputError

PUBLISHED = [
    ("zse_Sketchy_zeroshot0", 104, 21, "Sketchy 104/21 (Yelamarthi et al., ECCV 2018)"),
    ("zse_Sketchy_zeroshot1", 100, 25, "Sketchy 100/25 (Liu et al., ICCV 2019)"),
    ("sake_Sketchy_zeroshot1", 100, 25, "Sketchy 100/25 (Liu et al., ICCV 2019)"),
    ("zse_TUBerlin_zeroshot", 220, 30, "TU-Berlin 220/30 (Liu et al., ICCV 2019)"),
    ("sake_TUBerlin", 220, 30, "TU-Berlin 220/30 (Liu et al., ICCV 2019)"),
    ("zse_QuickDraw_zeroshot", 80, 30, "QuickDraw 80/30 (Dey et al., CVPR 2019)"),
]
ANIMALS = ("bat", "cow", "hot_dog", "palm_tree", "pig")


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Airplane", "airplane"),
        ("hot-air_balloon", "hot_air_balloon"),
        ("hot air balloon", "hot_air_balloon"),
        ("jack-o-lantern", "jack_o_lantern"),
        ("t shirt", "t_shirt"),
        ("T-Shirt", "t_shirt"),
        ("car_(sedan)", "car_sedan"),
        ("car (sedan)", "car_sedan"),
        ("  beer - mug_", "beer_mug"),
        ("hotdog", "hotdog"),
        ("tablelamp", "table_lamp"),
        ("Stra\u00dfe", "strasse"),
        ("cafe\u0301", "caf\u00e9"),
        ("CAF\u00c9", "caf\u00e9"),
        ("65C", "65c"),
    ],
)
def test_class_key(name, key):
    assert class_key(name) == key
    assert class_key(key) == key


@pytest.mark.parametrize("name", ["", " ", "()", "-_-"])
def test_class_key_of_nothing(name):
    with pytest.raises(ValueError, match=r"`name` must have a letter or a digit\. Received: '"):
        class_key(name)


def test_classes_meet_across_the_sets(shared_data):
    sketchy = set(class_folders(shared_data / "sketchy_mini" / "photo" / "tx_000000000000"))
    words = [class_key(path.stem) for path in (shared_data / "quickdraw").glob("*.ndjson")]
    assert (len(sketchy), len(words), len(set(words))) == (125, 345, 345)
    assert len(sketchy & set(words)) == 93
    for name, classes in (("sketchy", sketchy), ("tuberlin", _listed(shared_data, "zse_TUBerlin_zeroshot"))):
        for kind in ("word2vec", "glove", "fasttext"):
            with np.load(shared_data / "word_vectors" / f"{name}_{kind}.npz") as file:
                assert {class_key(str(word)) for word in file["names"]} == classes
    for name in ("zse_Sketchy_zeroshot0", "zse_Sketchy_zeroshot1"):
        assert _listed(shared_data, name) == sketchy


def _listed(shared_data, name):
    parts = [read_class_list(shared_data / "splits" / f"{name}_{part}.txt") for part in ("seen", "unseen")]
    return {key for part in parts for key in part}


@pytest.mark.parametrize(("name", "num_seen", "num_unseen", "title"), PUBLISHED)
def test_published_lists(shared_data, name, num_seen, num_unseen, title):
    seen_path, unseen_path = (shared_data / "splits" / f"{name}_{part}.txt" for part in ("seen", "unseen"))
    all_classes = sorted(_listed(shared_data, name))
    assert len(all_classes) == num_seen + num_unseen
    seen, unseen = zero_shot_classes(all_classes, unseen_path, seen_path)
    assert (len(seen), len(unseen)) == (num_seen, num_unseen)
    assert (seen, unseen) == zero_shot_classes(all_classes, unseen_path)
    assert sorted(seen + unseen) == all_classes
    assert published_split(seen[::-1], unseen) == title
    assert published_split(seen[1:], unseen) is None
    assert published_split((*seen[1:], unseen[0]), (*unseen[1:], seen[0])) is None


def test_other_published_lists(shared_data):
    """The same unseen classes, published again without numbers."""
    folder = shared_data / "splits"
    sketchy = set(read_class_list(folder / "zse_Sketchy_zeroshot0_unseen.txt"))
    assert set(read_class_list(folder / "sempcyc_test_classes_eccv_2018.txt")) == sketchy
    assert set(read_class_list(folder / "zeroshot_classes_sketchy.txt")) == sketchy
    quickdraw = set(read_class_list(folder / "zse_QuickDraw_zeroshot_unseen.txt"))
    assert set(read_class_list(folder / "zeroshot_classes_quickdraw.txt")) == quickdraw


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("pig\nhot dog\n", ("pig", "hot_dog")),
        ("\ufeffpig\r\n\r\n  hot-dog  \r\n", ("pig", "hot_dog")),
        ("pig 0\npalm tree 16\n", ("pig", "palm_tree")),
        ("pig\t0\npalm tree\t16", ("pig", "palm_tree")),
        ("pig 0\npalm tree", ("pig_0", "palm_tree")),  # Not every line ends in a number.
        ("model 1\nmodel 2", ("model_1", "model_2")),  # Alike but for the numbers.
        ("model1 0\nmodel2 1", ("model1", "model2")),
    ],
)
def test_read_class_list(tmp_path, text, keys):
    assert read_class_list(write(tmp_path / "list.txt", text)) == keys


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"list\.txt: expected one class a line; found none"),
        (" \n\n", r"list\.txt: expected one class a line; found none"),
        ("pig\n---\n", r"list\.txt, line 2: expected a class; found '---'"),
        ("hot dog\npig\n\nhot-dog", r"line 4: expected every class once; found hot_dog, as in line 1"),
        (b"pig\n\xff\xfe", r"list\.txt: expected UTF-8 text; byte 4 is not"),
        (b"a\n" * 2**20, r"list\.txt: expected a list of at most 1048576 bytes; found more"),
    ],
)
def test_broken_list(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_class_list(write(tmp_path / "list.txt", text))


def test_missing_list(tmp_path):
    with pytest.raises(
        InputError, match=r"none\.txt: expected a text file with one class a line; there is none"
    ):
        read_class_list(tmp_path / "none.txt")
    with pytest.raises(InputError, match="expected a text file with one class a line; it is a folder"):
        read_class_list(tmp_path)


def test_zero_shot_classes_keep_the_order(tmp_path):
    path = write(tmp_path / "unseen.txt", "Pig 0\nBat 1\n")
    assert zero_shot_classes(ANIMALS, path) == (("cow", "hot_dog", "palm_tree"), ("bat", "pig"))
    seen_path = write(tmp_path / "seen.txt", "palm tree\n")
    assert zero_shot_classes(ANIMALS, path, seen_path) == (("palm_tree",), ("bat", "pig"))


@pytest.mark.parametrize(
    ("unseen", "seen", "message"),
    [
        (
            "bat\nhotdog\n",
            None,
            r"unseen\.txt: expected names of the data set's 5 classes; found hotdog \(near: hot_dog\)$",
        ),
        ("bat\n", "geyser", r"/seen\.txt: expected names of the data set's 5 classes; found geyser$"),
        ("a\nb\nc\nd\ne\nf\ng", None, r"5 classes; found a.*, b.*, c.*, d.*, e.* and 2 more"),
        ("\n".join(ANIMALS), None, r"expected some of the 5 classes; found all of them, which leaves none"),
        (
            "bat\npig\ncow",
            "pig\npalm tree\ncow",
            r"unseen\.txt: expected classes that are not in .*/seen\.txt; found cow, pig",
        ),
    ],
)
def test_zero_shot_errors(tmp_path, unseen, seen, message):
    unseen_path = write(tmp_path / "unseen.txt", unseen)
    seen_path = None if seen is None else write(tmp_path / "seen.txt", seen)
    with pytest.raises(InputError, match=message):
        zero_shot_classes(ANIMALS, unseen_path, seen_path)


def test_class_folders(tmp_path):
    for name in ("hot dog", "Bat", ".hidden", "cow"):
        (tmp_path / name).mkdir()
    (tmp_path / "README").write_text("not a class", encoding="utf-8")
    assert class_folders(tmp_path) == {
        "bat": tmp_path / "Bat",
        "cow": tmp_path / "cow",
        "hot_dog": tmp_path / "hot dog",
    }
    assert list(class_folders(tmp_path)) == ["bat", "cow", "hot_dog"]


def test_class_folders_errors(tmp_path):
    with pytest.raises(InputError, match="expected a folder for each class; found none, but 0 files"):
        class_folders(tmp_path)
    with pytest.raises(
        InputError, match="none: expected a folder with a folder for each class; there is none"
    ):
        class_folders(tmp_path / "none")
    (tmp_path / "hot dog").mkdir()
    (tmp_path / "hot-dog").mkdir()
    with pytest.raises(InputError, match="hot-dog: expected one folder a class; found hot dog as well"):
        class_folders(tmp_path)
    (tmp_path / "hot-dog").rename(tmp_path / "__")
    with pytest.raises(InputError, match="__: expected the name of a class; it has no letter or digit"):
        class_folders(tmp_path)
