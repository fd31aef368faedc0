import tracemalloc

import numpy as np
import pytest

from tests.data.written_word_vectors import write_binary, write_glove, write_npz, write_text
from tfsbir.data import read_word_vectors
from tfsbir.data.class_lists import read_class_list
from tfsbir.errors import InputError

WRITERS = {
    "words.npz": write_npz,
    "words.bin": write_binary,
    "words.vec": write_text,
    "glove.txt": write_glove,
}
FILES = pytest.mark.parametrize("name", WRITERS)


def drawn(*words, dim=4, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(len(words), dim)).astype("float32")
    return dict(zip(words, vectors, strict=True))


def unit(vector):
    return vector / np.linalg.norm(vector)


@FILES
def test_every_format_gives_the_same_unit_vectors(tmp_path, name):
    words = drawn("the", "cat", "dog", "of")
    WRITERS[name](tmp_path / name, words)
    found = read_word_vectors(tmp_path / name, ("dog", "cat"))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [unit(words["dog"]), unit(words["cat"])], atol=1e-6)


@FILES
def test_a_name_is_one_word_in_any_spelling_or_the_mean_of_its_words(tmp_path, name):
    words = drawn("Hot_air_balloon", "hot", "air", "hotdog", "dog", "car", "sedan", "jack-o-lantern")
    WRITERS[name](tmp_path / name, words)
    names = ("hot-air_balloon", "hot_dog", "car_(sedan)", "Jack_O'Lantern")
    found = read_word_vectors(tmp_path / name, names)
    expected = [
        words["Hot_air_balloon"],
        words["hotdog"],  # Before the mean of hot and dog.
        unit(words["car"]) + unit(words["sedan"]),
        words["jack-o-lantern"],
    ]
    np.testing.assert_allclose(found, [unit(one) for one in expected], atol=1e-6)


def test_lower_case_comes_first_and_then_the_first(tmp_path):
    words = drawn("Turkey", "turkey", "TURKEY", "Bat", "BAT")
    write_binary(tmp_path / "words.bin", words)
    found = read_word_vectors(tmp_path / "words.bin", ("turkey", "bat"))
    np.testing.assert_allclose(found, [unit(words["turkey"]), unit(words["Bat"])], atol=1e-6)


def test_words_of_text_may_hold_spaces(tmp_path):
    words = drawn(". . .", "hot air balloon", "cat")
    write_text(tmp_path / "words.vec", words)
    found = read_word_vectors(tmp_path / "words.vec", ("hot-air_balloon", "cat"))
    np.testing.assert_allclose(found, [unit(words["hot air balloon"]), unit(words["cat"])], atol=1e-6)


@FILES
def test_a_missing_word_is_told_with_those_near_it(tmp_path, name):
    WRITERS[name](tmp_path / name, drawn("rhinoceros", "rhino", "windmills", "cat"))
    message = (
        rf"{name}: expected a vector of the class wind_mill, as one word or of each of its words; found none"
    )
    with pytest.raises(InputError, match=message + " of wind, mill"):
        read_word_vectors(tmp_path / name, ("cat", "wind_mill"))
    with pytest.raises(InputError, match=r"of the class windmill,.*\(near windmill: windmills\)$"):
        read_word_vectors(tmp_path / name, ("windmill",))
    with pytest.raises(InputError, match=r"\(and nothing near zebra\)$"):
        read_word_vectors(tmp_path / name, ("zebra",))


@FILES
def test_a_vector_without_a_direction_is_refused(tmp_path, name):
    for value in (0.0, np.nan, np.inf):
        WRITERS[name](tmp_path / name, {"cat": np.full(3, value, "float32")})
        with pytest.raises(InputError, match="expected finite numbers, not all 0, for 'cat'"):
            read_word_vectors(tmp_path / name, ("cat",))


def test_broken_files_are_named(tmp_path):
    def refused(name, content, message):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=f"{name}: expected {message}"):
            read_word_vectors(tmp_path / name, ("cat", "dog"))

    refused("a.npz", b"no archive", "the arrays `names` and `vectors`")
    np.savez(tmp_path / "other.npz", words=np.ones(2))
    refused("b.npz", (tmp_path / "other.npz").read_bytes(), "the arrays .*; .*names is not a file")
    np.savez(tmp_path / "other.npz", names=np.array(["cat"]), vectors=np.ones((2, 3)))
    refused("c.npz", (tmp_path / "other.npz").read_bytes(), r"`names` \(num,\) of text and `vectors`")
    np.savez(tmp_path / "other.npz", names=np.array([{}]), vectors=np.ones((1, 3)))  # A pickle.
    refused("d.npz", (tmp_path / "other.npz").read_bytes(), "the arrays .*; Object arrays cannot be loaded")
    refused("a.bin", b"cat 1 2 3\n", "word2vec's binary format")
    write_binary(tmp_path / "whole.bin", drawn("cat", "dog"))
    whole = (tmp_path / "whole.bin").read_bytes()
    refused("b.bin", whole[:-3], "2 words with 4 values each; it ends or breaks in word 2")
    refused("c.bin", b"2 4\n" + b"x" * 2000, "2 words with 4 values each; it ends or breaks in word 1")
    refused("a.txt", b"cat 1 2 3\ndog 1 2\n", "3 numbers behind 'dog' in line 2")
    refused("b.txt", b"cat 1 2 x\n", "3 numbers behind 'cat' in line 1")
    refused("c.txt", b"cat\n", "a word and its numbers a line; line 1 has none")
    refused("d.txt", b"3 2\ncat 1 2\ndog 1 2\n", "3 words, as its first line has it; found 2")
    refused("e.txt", b"cat " + b"1" * 2**21, "a word and its numbers a line; line 1 is too long")
    with pytest.raises(InputError, match=r"nothing\.bin: expected a file of word vectors; there is no such"):
        read_word_vectors(tmp_path / "nothing.bin", ("cat",))
    with pytest.raises(InputError, match="expected a file of word vectors; it is a folder"):
        read_word_vectors(tmp_path, ("cat",))


def test_a_large_file_is_not_held_in_memory(tmp_path):
    words = {f"word{i}": vector for i, vector in enumerate(np.ones((4_000, 300), "float32"))}
    write_binary(tmp_path / "words.bin", words)
    assert (tmp_path / "words.bin").stat().st_size > 4e6
    tracemalloc.start()
    try:
        read_word_vectors(tmp_path / "words.bin", ("word7", "word3999"))
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("data", "lists"),
    [
        ("sketchy", ("zse_Sketchy_zeroshot0", "zse_Sketchy_zeroshot1", "sake_Sketchy_zeroshot1")),
        ("tuberlin", ("zse_TUBerlin_zeroshot", "sake_TUBerlin")),
    ],
)
@pytest.mark.parametrize("kind", ["word2vec", "glove", "fasttext"])
def test_published_vectors_have_every_class_of_published_splits(shared_data, data, lists, kind):
    for name in lists:
        seen, unseen = (
            read_class_list(shared_data / "splits" / f"{name}_{part}.txt") for part in ("seen", "unseen")
        )
        found = read_word_vectors(shared_data / "word_vectors" / f"{data}_{kind}.npz", (*seen, *unseen))
        assert found.shape == ({"sketchy": 125, "tuberlin": 250}[data], 300)
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
