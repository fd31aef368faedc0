"""Attributes from tables: which row is whose, and what stays of a split's own."""

import csv
import dataclasses

import numpy as np
import pytest

from tests.common_data import small_split
from tfsbir.data.attributes_csv import write_attributes
from tfsbir.data.photo_reader import RGB
from tfsbir.data.qmul_v1 import qmul_v1
from tfsbir.data.shoev1_attributes import shoev1_attributes
from tfsbir.data.with_attributes import with_attributes
from tfsbir.data.with_more_sketches import with_more_sketches
from tfsbir.errors import InputError


@pytest.fixture
def table(tmp_path):
    def write(text, name="table.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def split():
    """Three photos p0, p1, p2 with the sketches s0 .. s5, two of each, without attributes."""
    return small_split(num_photos=3)


@pytest.fixture
def labelled(split):
    return dataclasses.replace(
        split, attribute_names=("laces", "zip"), photo_attributes=np.ones((3, 2), np.int8),
        sketch_attributes=np.zeros((6, 2), np.int8),
    )  # fmt: skip


PHOTOS = "file,laces,zip\np2.png,1,0\nother.png,1,1\np0,0,\n"
SKETCHES = "file,laces,zip\ns5.JPG,1,1\ns0.png,0,1\n"


def test_photos_alone(split, table):
    given = with_attributes(split, table(PHOTOS))
    assert given.attribute_names == ("laces", "zip")
    assert given.photo_attributes.dtype == np.int8
    assert given.photo_attributes.tolist() == [[0, -1], [-1, -1], [1, 0]]
    assert given.sketch_attributes is None
    assert given.sketches is split.sketches
    assert given.sketch_photo is split.sketch_photo


def test_sketches_alone(split, table):
    given = with_attributes(split, sketch_table=str(table(SKETCHES)))
    assert given.attribute_names == ("laces", "zip")
    assert given.sketch_attributes.tolist() == [[0, 1], *[[-1, -1]] * 4, [1, 1]]
    assert given.photo_attributes is None


def test_both(labelled, table):
    given = with_attributes(labelled, table(PHOTOS, "photos.csv"), table(SKETCHES, "sketches.csv"))
    assert given.photo_attributes.tolist() == [[0, -1], [-1, -1], [1, 0]]
    assert given.sketch_attributes[0].tolist() == [0, 1]
    assert np.all(given.sketch_attributes[1:5] == -1)


def test_without_a_table_all_stays(split, labelled):
    given = with_attributes(labelled)
    assert given.attribute_names == labelled.attribute_names
    assert given.photo_attributes is labelled.photo_attributes
    assert given.sketch_attributes is labelled.sketch_attributes
    assert with_attributes(split).attribute_names == ()


def test_what_the_other_domain_has_stays_under_the_same_names(labelled, table):
    assert with_attributes(labelled, table(PHOTOS)).sketch_attributes is labelled.sketch_attributes
    assert (
        with_attributes(labelled, sketch_table=table(SKETCHES)).photo_attributes is labelled.photo_attributes
    )
    for header in ("file,zip,laces\n", "file,laces,heel\n", "file,laces,zip,heel\n"):
        row = ",1" * header.count(",")
        given = with_attributes(labelled, table(f"{header}p0{row}\n"))
        assert (given.attribute_names, given.sketch_attributes) == (tuple(header[5:-1].split(",")), None)
        given = with_attributes(labelled, sketch_table=table(f"{header}s0{row}\n"))
        assert given.photo_attributes is None


@pytest.mark.parametrize(
    ("id_of_photo", "file", "is_met"),
    [
        ("17", "17", True),
        ("17", "17.png", True),
        ("17", "017.jpg", True),
        ("017", "17.Jpeg", True),
        ("17", "17.txt", False),
        ("17", "17.0", False),
        ("17", "17-1.png", False),
        ("17-1", "017-1.png", False),  # No number.
        ("red.shoe", "red.shoe.png", True),
        ("red.shoe", "red.shoe", True),
        ("red", "Red.png", False),
        ("cat/17.jpg", "cat/17.jpg", True),  # As in category_folder.
        ("cat/17.jpg", "17.jpg", True),
        ("cat/17", "17.png", True),
        ("cat/17", "dog/17.png", False),
        ("17", "cat/17.png", False),
    ],
)
def test_whose_a_row_is(split, table, id_of_photo, file, is_met):
    split = dataclasses.replace(split, photo_ids=(id_of_photo, "y", "z"))
    given = with_attributes(split, table(f"file,laces\ny,0\n{file},1\n"))
    assert given.photo_attributes[:, 0].tolist() == [1 if is_met else -1, 0, -1]


def test_added_sketches(split, table):
    """An own sketch goes before an added one of the same id, which still has its whole id."""
    more = dataclasses.replace(small_split(num_photos=3, sketches_of=1, seed=1), name="more")
    joined = with_more_sketches(
        dataclasses.replace(split, sketch_ids=("0", "1", "2", "3", "4", "5")),
        dataclasses.replace(more, sketch_ids=("001-1", "2", "003")),
        reframe=False,
    )
    assert joined.sketch_ids[6:] == ("more/001-1", "more/2", "more/003")
    rows = "001-1.png,1\n2.png,0\nmore/2.png,1\n003.png,1\n"
    given = with_attributes(joined, sketch_table=table(f"file,laces\n{rows}"))
    assert given.sketch_attributes[:, 0].tolist() == [-1, -1, 0, 1, -1, -1, 1, 1, -1]


def test_sketches_take_what_their_photos_have(split, table):
    sketch_photo = np.array([2, 2, 0, 1, -1, 0], np.int32)
    split = dataclasses.replace(
        split, sketch_photo=sketch_photo, sketch_labels=split.photo_labels[sketch_photo]
    )
    given = with_attributes(split, table(PHOTOS), sketches_take_photos=True)
    assert given.sketch_attributes.dtype == np.int8
    expected = [[1, 0], [1, 0], [0, -1], [-1, -1], [-1, -1], [0, -1]]
    assert given.sketch_attributes.tolist() == expected
    sketches = table("file,laces,zip\ns0,,1\ns2,,\n", "sketches.csv")
    given = with_attributes(split, table(PHOTOS), sketches, sketches_take_photos=True)
    assert given.sketch_attributes.tolist() == [[-1, 1], *expected[1:]]


def test_sketches_take_what_the_split_has_already(labelled):
    sketch_attributes = np.array([[0, 0], [-1, 0], [-1, -1], [0, 1], [-1, -1], [0, 0]], np.int8)
    labelled = dataclasses.replace(labelled, sketch_attributes=sketch_attributes)
    given = with_attributes(labelled, sketches_take_photos=True)
    assert given.sketch_attributes.tolist() == [[0, 0], [-1, 0], [1, 1], [0, 1], [1, 1], [0, 0]]
    assert labelled.sketch_attributes is sketch_attributes
    assert np.sum(sketch_attributes == -1) == 5


def test_a_split_without_photos(split, table):
    split = split.subset([], range(6))
    split = dataclasses.replace(
        split, attribute_names=("laces",), photo_attributes=np.zeros((0, 1), np.int8)
    )  # fmt: skip
    assert with_attributes(split, sketches_take_photos=True).sketch_attributes.tolist() == [[-1]] * 6
    message = r"table\.csv: expected rows of photos of small, such as none; found 3 rows of others, such as"
    with pytest.raises(InputError, match=message):
        with_attributes(split, table(PHOTOS))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "file,laces\nx.png,1\nb.png,1\n",
            r"table\.csv: expected rows of photos of small, such as 9; "
            r"found 2 rows of others, such as b\.png$",
        ),
        ("file,laces\n", r"table\.csv: expected rows of photos of small, such as 9; found a header alone$"),
        (
            "file,laces\n9.png,1\n009.jpg,1\n",
            r"table\.csv: expected one row for each of the photos of small; found 9\.png and 009\.jpg, "
            r"both of 9$",
        ),
        (
            "file,laces\n9,1\n7.png,1\n",
            r"table\.csv: expected every row to name one of the photos of small; found 7\.png, which names "
            r"cat/7 and dog/7$",
        ),
        ("file,laces\n9,2\n", r"table\.csv, line 2, laces: expected 0, 1 or nothing; found 2"),
    ],
)
def test_wrong_tables(split, table, text, message):
    split = dataclasses.replace(split, photo_ids=("9", "cat/7", "dog/7"))
    with pytest.raises(InputError, match=message):
        with_attributes(split, table(text))


def test_wrong_pairs_of_tables(split, table, tmp_path):
    sketches = table("file,zip,laces\ns0,1,1\n", "sketches.csv")
    message = r"sketches\.csv: expected the columns of .*table\.csv, laces,zip; found zip,laces$"
    with pytest.raises(InputError, match=message):
        with_attributes(split, table(PHOTOS), sketches)
    with pytest.raises(InputError, match=r"sketches\.csv: expected rows of photos of small, such as p0; "):
        with_attributes(split, sketches)
    with pytest.raises(InputError, match=r"table\.csv: expected rows of sketches of small, such as s0; "):
        with_attributes(split, sketch_table=table(PHOTOS))
    with pytest.raises(InputError, match=r"none\.csv: expected a text file .*; there is none"):
        with_attributes(split, tmp_path / "none.csv")


def test_photos_must_have_what_sketches_take(split, table):
    message = r"`sketches_take_photos` needs attributes of photos\. Received: small without"
    for sketch_table in (None, table(SKETCHES)):
        with pytest.raises(InputError, match=message):
            with_attributes(split, sketch_table=sketch_table, sketches_take_photos=True)


def test_other_objects_are_known_by_the_published_table_alone(split, table):
    split = dataclasses.replace(split, name="qmul_v1", photo_ids=("111", "112", "290"))
    given = with_attributes(split, table("file,laces\n111.jpg,1\n112.jpg,0\n290.jpg,1\n"))
    assert given.photo_attributes[:, 0].tolist() == [1, 0, 1]


def test_real_shoes(shared_data, tmp_path):
    root = shared_data / "shoev1_attributes"
    shoes = qmul_v1(shared_data / "qmul_v1" / "shoes", "train")
    more = [shoev1_attributes(root, name, RGB) for name in ("train", "test")]
    for part in more:
        shoes = with_more_sketches(shoes, part, reframe=False)
    photo_table, sketch_table = root / "photo_attributes.csv", root / "sketch_attributes.csv"
    given = with_attributes(shoes, photo_table, sketch_table)
    with photo_table.open(newline="") as file:
        (_, *names), *rows = csv.reader(file)
    assert given.attribute_names == tuple(names)
    others = [given.photo_ids.index(one) for one in ("111", "273", "290")]
    assert np.flatnonzero(np.all(given.photo_attributes < 0, axis=1)).tolist() == sorted(others)
    for file, *cells in rows:
        photo = given.photo_ids.index(str(int(file.removesuffix(".jpg"))))
        if photo not in others:
            assert given.photo_attributes[photo].tolist() == list(map(int, cells))
    # An own sketch has no row; an added one has the row that describes it, though the table misnames it.
    assert np.all(given.sketch_attributes[:304] == -1)
    known = {
        f"shoev1_attributes/{one}": row
        for part in more
        for one, row in zip(part.sketch_ids, part.sketch_attributes, strict=True)
    }
    for one, row in zip(given.sketch_ids[304:], given.sketch_attributes[304:], strict=True):
        np.testing.assert_array_equal(row, known[one])
    assert np.mean(given.sketch_attributes[304:] == given.photo_attributes[given.sketch_photo[304:]]) > 0.85
    # Without its last row the table is anybody's, and its rows are taken at their word.
    values = [list(map(int, cells)) for _, *cells in rows[:-1]]
    write_attributes(tmp_path / "copy.csv", [file for file, *_ in rows[:-1]], names, values)
    copied = with_attributes(shoes, tmp_path / "copy.csv").photo_attributes
    last = given.photo_ids.index("304")
    assert np.flatnonzero(np.all(copied < 0, axis=1)).tolist() == [last]
    taken = with_attributes(shoes, photo_table, sketch_table, sketches_take_photos=True)
    np.testing.assert_array_equal(
        taken.sketch_attributes[:304], taken.photo_attributes[taken.sketch_photo[:304]]
    )
    np.testing.assert_array_equal(taken.sketch_attributes[304:], given.sketch_attributes[304:])
    test = qmul_v1(shared_data / "qmul_v1" / "shoes", "test")
    with pytest.raises(InputError, match=r"such as 305; found 304 rows of others, such as 001\.jpg"):
        with_attributes(test, photo_table)
