"""Tables of metadata and the conditions on them."""

import re

import pytest

from tfsbir.errors import InputError
from tfsbir.retrieval.metadata import check_metadata, check_where, read_metadata
from tfsbir.retrieval.metadata_columns import MetadataColumns


def test_csv_columns_of_numbers_are_numbers(tmp_path):
    table = tmp_path / "photos.csv"
    table.write_text(
        "photo_id,brand,price,article,year,ean\n"
        'a/1.png,"Acme, Inc.",10.5,007,1990,12345678901234567890\n'
        "2.png,,8,12,-5,1\n",
        encoding="utf-8-sig",
    )
    assert read_metadata(table) == {
        "a/1.png": {
            "brand": "Acme, Inc.",
            "price": 10.5,
            "article": "007",
            "year": 1990,
            "ean": "12345678901234567890",
        },
        "2.png": {"price": 8, "article": "12", "year": -5, "ean": "1"},
    }


def test_json_lines_keep_their_types(tmp_path):
    table = tmp_path / "photos.jsonl"
    table.write_text('{"photo_id": "1", "new": true, "price": 5, "brand": null, "name": "7"}\n\n')
    assert read_metadata(table) == {"1": {"new": True, "price": 5, "brand": None, "name": "7"}}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "id,brand\n1,x\n", r"a.csv: expected a header with `photo_id`; found \['id', 'brand'\]"),
        ("a.csv", "", r"a.csv: expected a header with `photo_id`; found None"),
        ("a.csv", "photo_id,b\n1,x\n1,y\n", "a.csv, line 3: expected every photo once; found 1 again"),
        ("a.csv", "photo_id,b\n,x\n", "a.csv, line 2: expected a `photo_id`; found None"),
        ("a.csv", "photo_id,b\n1,x,y\n", "a.csv, line 2: expected 2 values; found more"),
        ("a.jsonl", '{"photo_id": "1"}\n[1]\n', r"a.jsonl, line 2: expected a JSON object; found \[1\]"),
        ("a.jsonl", "{\n", "a.jsonl, line 1: expected a JSON object; Expecting property name"),
        ("a.jsonl", '{"photo_id": 7}\n', "a.jsonl, line 1: expected a `photo_id`; found 7"),
        ("a.jsonl", '{"photo_id": "1", "p": NaN}\n', "line 1: expected text, a finite .* in 'p'; found nan"),
        ("a.jsonl", '{"photo_id": "1", "p": {}}\n', "line 1: expected text, a finite .* in 'p'; found {}"),
        ("a.jsonl", "[" * 100_000, "a.jsonl, line 1: expected a JSON object; "),
    ],
)
def test_a_table_that_is_none_is_named(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_metadata(tmp_path / name)


def test_a_table_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent.csv: expected a table of metadata .*; no such file"):
        read_metadata(tmp_path / "absent.csv")
    (tmp_path / "a.csv").write_bytes(b"photo_id\n\xff\n")
    with pytest.raises(InputError, match=r"a.csv: expected UTF-8; invalid start byte at byte 9"):
        read_metadata(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "metadata",
    [
        [],
        {1: 2},
        {"": 1},
        {"a": [1]},
        {"a": float("inf")},
        {"a": 2**63},
        {"a": "x" * 10_001},
        {"a": "\ud800"},
    ],
)
def test_other_metadata_are_refused(metadata):
    with pytest.raises(InputError, match=r"`metadata`: expected "):
        check_metadata(metadata)


METADATA = {"brand": "acme", "price": 10, "new": True, "size": None, "weight": 1.5}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (None, True),
        ({}, True),
        ({"brand": "acme"}, True),
        ({"brand": "Acme"}, False),
        ({"brand": ["ajax", "acme"]}, True),
        ({"brand": []}, False),
        ({"price": 10.0}, True),
        ({"price": {"min": 10}}, True),
        ({"price": {"min": 10, "max": 10}}, True),
        ({"price": {"max": 9.5}}, False),
        ({"brand": {"min": 0}}, False),  # A text is in no range of numbers.
        ({"new": True}, True),
        ({"new": 1}, False),
        ({"new": {"min": 0}}, False),
        ({"size": None}, True),
        ({"colour": None}, False),  # A field that is not there is not null.
        ({"brand": "acme", "price": 11}, False),
    ],
)
def test_conditions(where, expected):
    others = [{}, {"price": 10.5, "new": 1, "brand": None}] * 2
    columns = MetadataColumns([*others, METADATA, *others])
    assert columns.choose(check_where(where))[4] == expected
    assert columns.num_kept == sum(field in METADATA for field in where or {})
    # Together and alone.
    alone = [MetadataColumns([one]).choose(check_where(where))[0] for one in [*others, METADATA, *others]]
    assert columns.choose(check_where(where)).tolist() == alone


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ([], None),
        ("brand", "`where` must be an object of at most 100 fields. Received: 'brand'"),
        ({"price": {}}, "`where` must give 'price' a value, a list of them or numbers as min and max. "),
        ({"price": {"min": "a"}}, "`where` must give 'price' a value, a list of them or numbers as min and"),
        ({"price": {"min": True}}, "`where` must give 'price' a value, a list of them or numbers as min and"),
        ({"price": {"over": 1}}, "`where` must give 'price' a value, a list of them or numbers as min and"),
        ({"price": {"min": float("nan")}}, "`where` must give 'price' a value, a list of them or numbers"),
        ({"price": {"max": 10**400}}, "`where` must give 'price' a value, a list of them or numbers"),
        (
            {"price": float("nan")},
            "`where`: expected text, a finite number, true, false or null in 'price'; ",
        ),
        ({"price": [[1]]}, "`where`: expected text, a finite number, true, false or null in 'price'; "),
        ({"price": list(range(1001))}, "`where` must list at most 1000 values. Received: more"),
        ({1: 2}, "`where`: expected fields that are names; found 1"),
    ],
)
def test_other_conditions_are_refused(where, message):
    if message is None:
        assert check_where(where) == []  # Nothing is asked for.
        return
    with pytest.raises(InputError, match=re.escape(message)):
        check_where(where)
