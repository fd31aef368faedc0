"""Tables of attributes: what is read, and every fault with its line."""

import numpy as np
import pytest

from tfsbir.data.attributes_csv import read_attributes
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
