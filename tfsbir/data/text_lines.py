"""Short text files with one entry a line."""

from pathlib import Path

from tfsbir.errors import InputError

MAX_BYTES = 2**20


def read_lines(path, what):
    """Reads a text file, without blank lines and without the blanks around an entry.

    Args:
        path: The file, UTF-8.
        what: What a line holds, for the error messages.
    Returns: A list of `(number, line)`, the numbers counted from 1; at least one.
    Raises: `InputError` if the file is missing, larger than `MAX_BYTES`, not text or has no entry.
    """
    path = Path(path)
    if not path.is_file():
        found = "it is a folder" if path.is_dir() else "there is none"
        raise InputError(f"{path}: expected a text file with one {what} a line; {found}")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise InputError(f"{path}: expected a list of at most {MAX_BYTES} bytes; found more")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected UTF-8 text; byte {error.start} is not") from None
    entries = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    if not entries:
        raise InputError(f"{path}: expected one {what} a line; found none")
    return entries
