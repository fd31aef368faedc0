"""The vectors of class names, from files of word vectors."""

import difflib
import re
from pathlib import Path

import numpy as np

from tfsbir.data.class_lists import class_key
from tfsbir.data.word_vector_files import words_in_file
from tfsbir.errors import InputError

NUM_NEAR = 5  # Words that an error lists.


def read_word_vectors(path: str | Path, class_names: tuple[str, ...]) -> np.ndarray:
    """Reads the vectors of some class names, in one pass over the file.

    A name meets words by `class_key`: upper and lower case are one, and so are all signs between words. The
    first of these that the file has counts:

        1. the whole name as one word: `hot-air_balloon` is `hot_air_balloon`, `Hot-air_balloon`, `hot air
           balloon`; `car_(sedan)` is `car_sedan`;
        2. the whole name without signs: `hot-dog` is `hotdog`;
        3. the mean of the unit vectors of its words, all of which must be there: `car` and `sedan`.

    Of several words in the file that are one by this rule, one in lower case comes before others, then the
    first. Plurals and other forms are not guessed.

    Args:
        path: The file: `.npz` with the arrays `names` and `vectors`, `.bin` of word2vec, or text as GloVe and
            fastText have it (see `word_vector_files.words_in_file`).
        class_names: Names of classes, at least one.
    Returns: `(num_classes, dim)` float32 of unit norm.
    Raises: `InputError` naming the file, for one that is missing, broken or has another form, a class none of
        whose forms it has, with the words that come near, and a vector that is not finite or 0.
    """
    path = Path(path)
    words_of = {name: class_key(name).split("_") for name in class_names}
    wanted = {form for words in words_of.values() for form in (*words, "_".join(words), "".join(words))}
    found = {}
    for word, read in words_in_file(path):
        key = _key(word)
        if key in wanted and (key not in found or (word.islower() and not found[key][0])):
            found[key] = word.islower(), _unit(path, word, read())
    vectors = {key: vector for key, (_, vector) in found.items()}
    dims = {len(vector) for vector in vectors.values()}
    if len(dims) > 1:
        raise InputError(f"{path}: expected vectors of one length; found {min(dims)} and {max(dims)}")
    return np.stack([_vector_of(path, name, words, vectors) for name, words in words_of.items()])


def _key(word):
    return re.sub(r"[\W_]+", "_", word.casefold()).strip("_")


def _unit(path, word, vector):
    norm = np.linalg.norm(vector.astype(np.float64))
    if not 0 < norm < np.inf:
        raise InputError(f"{path}: expected finite numbers, not all 0, for {word!r}; found others")
    return (vector / norm).astype(np.float32)


def _vector_of(path, name, words, vectors):
    for whole in ("_".join(words), "".join(words)):
        if whole in vectors:
            return vectors[whole]
    missing = [word for word in words if word not in vectors]
    if not missing:
        return _unit(path, name, np.mean([vectors[word] for word in words], axis=0))
    near = _near(path, missing[0])
    raise InputError(
        f"{path}: expected a vector of the class {name}, as one word or of each of its words; found none of "
        f"{', '.join(missing)}"
        + (f" (near {missing[0]}: {', '.join(near)})" if near else f" (and nothing near {missing[0]})")
    )


def _near(path, missing):
    """Returns the words of the file that are spelled most like one that it lacks."""
    # Only those that may be near, so that memory stays small in a file of millions.
    candidates = {
        word
        for word, _ in words_in_file(path)
        if word[:1].casefold() == missing[0] and abs(len(word) - len(missing)) <= 2
    }
    return difflib.get_close_matches(missing, sorted(candidates), NUM_NEAR)
