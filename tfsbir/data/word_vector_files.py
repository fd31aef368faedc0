"""Files of word vectors, read word by word."""

import functools
import mmap
import re
import sys
import zipfile

import numpy as np
from tqdm import tqdm

from tfsbir.errors import InputError

MAX_WORD_BYTES = 1000
MAX_LINE_BYTES = 2**20
MAX_DIM = 10_000


def words_in_file(path):
    """Yields the words of a file, each with a function that returns its vector.

    A file whose name ends in `.npz` has the arrays `names` and `vectors`; one in `.bin` is word2vec's binary
    format; any other is text, a word and its numbers a line, with a first line of two whole numbers
    (fastText) or without (GloVe). Of the last two, only the vectors that are asked for are parsed.

    Args:
        path: `pathlib.Path` of the file.
    Yields: `(word, read)`; `read()` returns `(dim,)` float32 and must be called before the next word.
    Raises: `InputError` naming the file, and the line or the word where one is at fault.
    """
    if not path.is_file():
        found = "it is a folder" if path.is_dir() else "there is no such file"
        raise InputError(f"{path}: expected a file of word vectors; {found}")
    read = {".npz": _npz, ".bin": _binary}.get(path.suffix, _text)
    yield from read(path)


def _npz(path):
    try:
        with np.load(path, allow_pickle=False) as file:
            names, vectors = file["names"], file["vectors"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: expected the arrays `names` and `vectors`; {str(error).splitlines()[0]}"
        ) from None
    if names.dtype.kind != "U" or vectors.ndim != 2 or names.shape != vectors.shape[:1]:
        raise InputError(
            f"{path}: expected `names` (num,) of text and `vectors` (num, dim); found {names.shape} "
            f"{names.dtype} and {vectors.shape} {vectors.dtype}"
        )
    for name, vector in zip(names.tolist(), vectors, strict=True):
        yield name, lambda vector=vector: vector.astype(np.float32)


def _binary(path):
    with path.open("rb") as file:
        header = re.fullmatch(rb"(\d{1,12}) (\d{1,6})\s*\n", file.readline(64))
        num_words, dim = map(int, header.groups()) if header else (0, 0)
        if not num_words or not 1 <= dim <= MAX_DIM:
            raise InputError(
                f"{path}: expected word2vec's binary format, which begins with the numbers of words and of "
                "values; found something else"
            )
        place = file.tell()
        with (
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
            _progress(path, len(data)) as progress,
        ):
            for number in range(num_words):
                end = data.find(b" ", place, place + MAX_WORD_BYTES)
                if end < 0 or end + 1 + 4 * dim > len(data):
                    raise InputError(
                        f"{path}: expected {num_words} words with {dim} values each; it ends or breaks in "
                        f"word {number + 1}"
                    )
                # Some writers put a line end behind each vector.
                word = data[place:end].lstrip(b"\n").decode("utf-8", errors="replace")
                yield word, lambda end=end: np.frombuffer(data, "<f4", dim, end + 1).copy()
                progress.update(end + 1 + 4 * dim - place)
                place = end + 1 + 4 * dim


def _text(path):
    dim = num_words = None
    with path.open("rb") as file, _progress(path, path.stat().st_size) as progress:
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            progress.update(len(line))
            if len(line) > MAX_LINE_BYTES:
                raise InputError(f"{path}: expected a word and its numbers a line; line {number} is too long")
            line = line.rstrip().decode("utf-8", errors="replace")
            if number == 1 and (header := re.fullmatch(r"(\d+) (\d+)", line)):
                num_words, dim = map(int, header.groups())
                continue
            if dim is None:
                dim = line.count(" ")
            if not 1 <= dim <= MAX_DIM:
                raise InputError(f"{path}: expected a word and its numbers a line; line {number} has none")
            # A word may hold spaces, its numbers do not.
            word = line.split(" ", 1)[0] if line.count(" ") == dim else line.rsplit(" ", dim)[0]
            numbers = line[len(word) :]
            yield word, functools.partial(_numbers, path, numbers, number, word, dim)
        if num_words is not None and number - 1 != num_words:
            raise InputError(
                f"{path}: expected {num_words} words, as its first line has it; found {number - 1}"
            )


def _numbers(path, numbers, number, word, dim):
    try:
        vector = np.array(numbers.split(), np.float32)
    except ValueError:
        vector = np.zeros(0, np.float32)
    if vector.shape != (dim,):
        raise InputError(f"{path}: expected {dim} numbers behind {word!r} in line {number}; found others")
    return vector


def _progress(path, total):
    return tqdm(
        total=total, unit="B", unit_scale=True, desc=path.name, file=sys.stderr, leave=False, delay=2
    )  # fmt: skip
