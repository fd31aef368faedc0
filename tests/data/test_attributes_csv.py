"""Tables of attributes: what is read, every fault with its line, and what is written."""

import numpy as np
import pytest

from tfsbir.data.attributes_csv import read_attribute_rows, read_attributes, write_attributes
from tfsbir.errors import InputError

HEADER = "file,laces,high heel\n"


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "table.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return path

    return write


def test_values_in_the_order_of_the_files(table):
    path = table(HEADER + "b.jpg,1,0\na.jpg,0,1\nother.jpg,1,1\n")
    names, values = read_attributes(path, ["a.jpg", "b.jpg"])
    assert names == ("laces", "high heel")
    assert values.dtype == np.int8
    assert values.tolist() == [[0, 1], [1, 0]]


def test_unknown_values(table):
    """An empty cell, and a file without a row."""
    _, values = read_attributes(table(HEADER + "a.jpg,,1\nb.jpg, ,\n"), ["a.jpg", "b.jpg", "c.jpg"])
    assert values.tolist() == [[-1, 1], [-1, -1], [-1, -1]]


def test_spellings_of_a_table(table):
    """A byte order mark, Windows' ends of line, blanks, blank lines, quotes."""
    text = '\ufefffile, laces ,"high, red heel"\r\n\r\n"a.jpg", 1 ,"0"\r\n'
    names, values = read_attributes(table(text), ["a.jpg"])
    assert (names, values.tolist()) == (("laces", "high, red heel"), [[1, 0]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"table\.csv: expected one file's attributes a line; found none"),
        ("file\na.jpg\n", r"table\.csv, line 1: expected a header file,NAME,NAME with .* found file$"),
        ("\nname,laces\na.jpg,1", r"line 2: expected a header file,NAME,NAME .* found name,laces"),
        ("file;laces\na.jpg;1", r"line 1: expected a header file,NAME,NAME .* found file;laces"),
        ("file,laces,laces\n", r"line 1: expected a header .* with different names; found file,laces,laces"),
        ("file,laces,\n", r"line 1: expected a header .* found file,laces,$"),
        (HEADER, r"table\.csv: expected rows of files such as a\.jpg; found a header alone"),
        (
            HEADER + "x.png,1,1\nb.png,1,1",
            r"expected rows of files such as a\.jpg; found 2 rows of others, such as b\.png",
        ),
        (HEADER + "a.jpg,1\n", r"table\.csv, line 2: expected 2 values; found 1"),
        (HEADER + "\na.jpg,1,0,1\n", r"table\.csv, line 3: expected 2 values; found 3"),
        (HEADER + "a.jpg,1,2\n", r"line 2, high heel: expected 0, 1 or nothing; found 2"),
        (HEADER + "a.jpg,1,0\nx.jpg,1,yes\n", r"line 3, high heel: expected 0, 1 or nothing; found yes"),
        (
            HEADER + "a.jpg,1,0\nb.jpg,1,0\na.jpg,1,0",
            r"line 4: expected every file once; found a\.jpg, as in line 2",
        ),
        (HEADER + 'a.jpg,"1,0\n', r"table\.csv, line 2: expected comma-separated values; "),
        (b"file,laces\n\xff.jpg,1", r"table\.csv: expected UTF-8 text; byte 11 is not"),
    ],
)
def test_broken_tables(table, text, message):
    with pytest.raises(InputError, match=message):
        read_attributes(table(text), ["a.jpg"])


def test_missing_table(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: expected a text file .*; there is none"):
        read_attributes(tmp_path / "none.csv", ["a.jpg"])


def test_all_rows_in_the_order_of_the_table(table):
    names, rows = read_attribute_rows(table(HEADER + "b.jpg,1,0\na,,1\n"))
    assert names == ("laces", "high heel")
    assert list(rows.items()) == [("b.jpg", [1, 0]), ("a", [-1, 1])]
    assert read_attribute_rows(table(HEADER)) == (names, {})


def test_a_file_asked_for_twice_is_there_twice(table):
    _, values = read_attributes(table(HEADER + "a.jpg,0,1\n"), ["a.jpg", "b.jpg", "a.jpg"])
    assert values.tolist() == [[0, 1], [-1, -1], [0, 1]]


def test_a_written_table_to_the_byte(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("an older one")
    write_attributes(path, ["a.jpg", 'b, "new".png'], ["laces", "heel"], [[1, 0], [-1, 1]])
    assert path.read_bytes() == b'file,laces,heel\na.jpg,1,0\n"b, ""new"".png",,1\n'
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_written_is_what_is_read(tmp_path):
    files = [f"{i}.png" for i in range(50)] + ["Schuh, größer.jpg", "'quoted'", '"', "#1", "a  b", "$5"]
    names = ["1", "laces; zip", 'say "x"', "größe", "file"]
    values = np.random.default_rng(0).integers(-1, 2, (len(files), len(names)), dtype=np.int8)
    values[3] = -1  # A row that is empty.
    write_attributes(tmp_path / "table.csv", files, names, values)
    read_names, read_values = read_attributes(tmp_path / "table.csv", files)
    assert read_names == tuple(names)
    assert read_values.dtype == np.int8
    np.testing.assert_array_equal(read_values, values)
    assert list(read_attribute_rows(tmp_path / "table.csv")[1]) == files


@pytest.mark.parametrize(
    ("files", "names", "values", "message"),
    [
        ([], ["x"], [], r"`files` must be one or more different names\. Received: 0 different of 0"),
        (["a", "a"], ["x"], [[1], [0]], r"`files` must be .*Received: 1 different of 2"),
        (["a"], [], [[]], r"`names` must be one or more different names\. Received: 0 different of 0"),
        (["a"], ["x", "x"], [[1, 0]], r"`names` must be .* Received: 1 different of 2"),
        ([" a"], ["x"], [[1]], r"`files` must have no blanks at the ends .* Received: ' a'"),
        (["a\u2028b"], ["x"], [[1]], r"`files` must have .* no line breaks\. Received: 'a\\u2028b'"),
        (["a"], [""], [[1]], r"`names` must have no blanks .* Received: ''"),
        (["a"], ["x\ny"], [[1]], r"`names` must have .* Received: 'x\\ny'"),
        (["a"], ["x"], [1], r"`values` must be \(1, 1\)\. Received: \(1,\)"),
        (["a"], ["x", "y"], [[1, 2]], r"`values` must be 1, 0 or -1\. Received: 2"),
        (["a"], ["x"], [[np.nan]], r"`values` must be 1, 0 or -1\. Received: nan"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(tmp_path, files, names, values, message):
    with pytest.raises(ValueError, match=message):
        write_attributes(tmp_path / "table.csv", files, names, values)
    assert not list(tmp_path.iterdir())
