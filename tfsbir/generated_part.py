"""The part of a Markdown page that a command writes, between two comments."""

from pathlib import Path

from tfsbir import files
from tfsbir.errors import InputError


def markers(name):
    """Returns the lines around the generated part `name` of a page, the first with its line feed."""
    return f"<!-- {name}: generated -->\n", f"<!-- end of {name} -->"


def read_page(path, name):
    """Splits a page at its generated part.

    Args:
        path: Path of the page.
        name: Str, the part's name in its markers.
    Returns: What stands in the page up to and with the first marker, and from the last marker on; two str.
    Raises: `InputError` if the page cannot be read or has no such markers.
    """
    begin, end = markers(name)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: expected a Markdown page; {error.strerror}") from None
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise InputError(f"{path}: expected the lines {begin.strip()!r} and {end!r} around the table")
    return before + begin, end + after


def write_part(path, name, text):
    """Writes the generated part of a page anew, atomically, with a blank line before and after it.

    Args:
        path: As for `read_page`.
        name: As for `read_page`.
        text: Str, what stands between the markers.
    Raises: `InputError` as `read_page`; the page is then as it was.
    """
    before, after = read_page(path, name)
    body = text.strip("\n")
    files.write_text(path, f"{before}\n{body}\n\n{after}")
