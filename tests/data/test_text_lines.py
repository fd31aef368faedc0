"""Text files with one entry a line."""

import pytest

from tfsbir.data.text_lines import MAX_BYTES, read_lines
from tfsbir.errors import InputError


def test_lines_are_numbered(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes("\ufeff one \r\n\r\n\tzwölf\n".encode())
    assert read_lines(path, "word") == [(1, "one"), (3, "zwölf")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected one word a line; found none"),
        (b" \n\n", "expected one word a line; found none"),
        (b"ab\xff", "expected UTF-8 text; byte 2 is not"),
        (b"a\n" * MAX_BYTES, "expected a list of at most 1048576 bytes; found more"),
    ],
)
def test_other_content(tmp_path, content, message):
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"list\.txt: {message}"):
        read_lines(path, "word")


def test_no_file(tmp_path):
    with pytest.raises(
        InputError, match=r"list\.txt: expected a text file with one word a line; there is none"
    ):
        read_lines(tmp_path / "list.txt", "word")
    with pytest.raises(InputError, match=r"expected a text file with one word a line; it is a folder"):
        read_lines(tmp_path, "word")
