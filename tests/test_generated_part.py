import pytest

from tfsbir.errors import InputError
from tfsbir.generated_part import markers, read_page, write_part


def test_a_page_is_split_at_its_markers(tmp_path):
    begin, end = markers("table_1")
    page = tmp_path / "page.md"
    page.write_text(f"Before\n{begin}old\n{end}\nAfter\n", encoding="utf-8")
    assert read_page(page, "table_1") == (f"Before\n{begin}", f"{end}\nAfter\n")


def test_a_page_without_them_is_refused(tmp_path):
    (tmp_path / "page.md").write_text("<!-- table_1: generated -->\nno end\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"page\.md: expected the lines '<!-- table_1: generated -->' and "):
        read_page(tmp_path / "page.md", "table_1")
    with pytest.raises(InputError, match=r"none\.md: expected a Markdown page; No such file"):
        read_page(tmp_path / "none.md", "table_1")


def test_a_part_takes_the_place_of_what_was_there(tmp_path):
    begin, end = markers("table_1")
    page = tmp_path / "page.md"
    page.write_text(f"Before\n{begin}old\n{end}\nAfter\n", encoding="utf-8")
    for _ in range(2):
        write_part(page, "table_1", "| a |\n| b |\n")
        assert page.read_text(encoding="utf-8") == f"Before\n{begin}\n| a |\n| b |\n\n{end}\nAfter\n"
    with pytest.raises(InputError, match="expected the lines"):
        write_part(page, "table_2", "| c |")
