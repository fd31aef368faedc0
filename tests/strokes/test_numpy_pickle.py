"""Pickles of arrays are read like Python would, and nothing else is done that a pickle asks for."""

import contextlib
import io
import os
import pickle
import struct
import tracemalloc

import numpy as np
import pytest

from tfsbir.strokes import numpy_pickle
from tfsbir.strokes.numpy_pickle import PickledArray


def plain(value):
    """Returns what was read with its arrays as they are."""
    if isinstance(value, PickledArray):
        return [plain(item) for item in value.values] if isinstance(value.values, list) else value.values
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(plain(item) for item in value)
    return value


def objects(*arrays):
    array = np.empty(len(arrays), object)
    array[:] = arrays
    return array


def python_2_pickle(raw, shape=b"K\x01K\x02\x86", dtype=b"f8"):
    """The pickle that Python 2 writes for {"a": array}, where bytes are strings."""
    return (
        b"\x80\x02}U\x01acnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR(K\x01"
        + shape
        + b"cnumpy\ndtype\n(U"
        + bytes([len(dtype)])
        + dtype
        + b"K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + struct.pack("<I", len(raw))
        + raw
        + b"tbs."
    )


ARRAYS = [
    np.arange(6, dtype=np.float64).reshape(2, 3),
    np.arange(6, dtype=np.int16).reshape(3, 2).T,
    np.asfortranarray(np.arange(12, dtype=np.float32).reshape(3, 4)),
    np.arange(3, dtype=">f4"),
    np.zeros((0, 3), np.uint8),
    np.array(7.5),
    np.array([True, False]),
    np.float16([1.5, np.nan, np.inf]),
]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("array", ARRAYS, ids=str)
def test_arrays(array, protocol):
    (found,) = plain(numpy_pickle.load(pickle.dumps([array], protocol)))
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype
    assert found.shape == array.shape


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_structures(protocol):
    value = {
        "arrays": [np.arange(3), np.arange(4.0)],
        "objects": objects(np.arange(2), "text", None),
        "empty": ({}, [], ()),
        "long " * 100: (1, -1, 300, 2**40, 0.5, True, False, None, "é", (1,), (1, 2), (1, 2, 3)),
        "four": (1, 2, 3, 4),
    }
    found = plain(numpy_pickle.load(pickle.dumps(value, protocol)))
    assert list(found) == list(value)
    for key in list(value)[2:]:
        assert found[key] == value[key]
    for array, expected in zip(found["arrays"], value["arrays"], strict=True):
        np.testing.assert_array_equal(array, expected)
    np.testing.assert_array_equal(found["objects"][0], np.arange(2))
    assert found["objects"][1:] == ["text", None]


def test_python_2():
    raw = struct.pack("<2d", 1.5, -7)
    assert plain(numpy_pickle.load(python_2_pickle(raw)))["a"].tolist() == [[1.5, -7]]


def test_arrays_cannot_be_written_to():
    (found,) = plain(numpy_pickle.load(pickle.dumps([np.arange(3)])))
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1


class Call:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "function", [os.system, os.mkdir, eval, exec, getattr, open, np.save, np.load, np.zeros]
)
def test_nothing_is_called(function, protocol, tmp_path):
    argument = f"mkdir {tmp_path / 'made'}" if function is os.system else str(tmp_path / "made")
    data = pickle.dumps([np.arange(3), Call(function, argument)], protocol)
    with pytest.raises(ValueError, match=rf"with '.* {function.__name__}', which is not among"):
        numpy_pickle.load(data)
    assert list(tmp_path.iterdir()) == []


def test_the_calls_above_would_do_harm(tmp_path):
    pickle.loads(pickle.dumps(Call(os.mkdir, str(tmp_path / "made"))))
    assert (tmp_path / "made").is_dir()


RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "damaged: it ends too early"),
        (b"\x80\x02", "damaged: it ends too early"),
        (b"\x80\x02.", "damaged at its end, which leaves 0 objects instead of 1"),
        (b"\x80\x02NN.", "damaged at its end, which leaves 2 objects instead of 1"),
        (b"\x80\x02t.", "damaged at byte 2, TUPLE"),
        (b"\x80\x02K\x01\x86.", "damaged at byte 4, TUPLE2"),
        (b"\x80\x02K\x01K\x02a.", "damaged: int where list is due"),
        (b"\x80\x02}NNs.", "damaged: NoneType where str is due"),
        (b"\x80\x02}(Nu.", "damaged"),
        (b"\x80\x02}(X\x01\x00\x00\x00au.", "zip"),
        (b"\x80\x02h\x05.", "damaged: it has no object 5 yet"),
        (b"\x80\x06N.", "of protocol 6 instead of 2 to 5"),
        (b"(lp0\n.", r"with the opcode b'l', which no array takes, at byte"),
        (b"\x80\x02(i__builtin__\neval\n.", r"with the opcode b'i', which no array takes, at byte"),
        (b"\x80\x02]\x81.", r"with the opcode b'\\x81', which no array takes, at byte"),
        (b"\x80\x02\x82\x01.", r"with the opcode b'\\x82', which no array takes, at byte"),
        (b"\x80\x02Va\nQ.", r"with the opcode b'V', which no array takes, at byte"),
        (b"\x80\x02N0.", r"with the opcode b'0', which no array takes, at byte"),
        (b"\x80\x02N2.", r"with the opcode b'2', which no array takes, at byte"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "with 'os system', which is not among"),
        (b"\x80\x02" + RECONSTRUCT + b"N\x85R.", "with a call of something else"),
        (b"\x80\x02cnumpy\nndarray\n)R.", "with a call of something else"),
        (b"\x80\x02cnumpy\ndtype\n)R.", "damaged at byte 16, REDUCE"),
        (b"\x80\x02]N)b.", "state"),
        (b"\x80\x02])b.", "with the state of something else than an array"),
        (b"\x80\x02N\x93.", "damaged"),
        (python_2_pickle(b"1234567"), r"damaged: 7 bytes for an array \(1, 2\) of float64"),
        (python_2_pickle(b"12345678", b"K\x01\x85", b"V8"), "with an array of dtype '<V8', not of numbers"),
        (python_2_pickle(b"12345678", b"K\x01\x85", b"c8"), "with an array of dtype '<c8', not of numbers"),
        (python_2_pickle(b"12345678", b"K\x01\x85", b"M8"), "with an array of dtype '<M8', not of numbers"),
        (
            python_2_pickle(b"12345678", b"K\x01\x85", b"f8,O"),
            "with an array of dtype '<f8,O', not of numbers",
        ),
        (python_2_pickle(b"12345678", b"K\x01\x85", b"O8"), "damaged: str where list is due"),
        (python_2_pickle(b"", b"\x8a\x09" + b"\xff" * 8 + b"\x00K\x00\x86"), "damaged: 0 bytes for an array"),
        (
            python_2_pickle(b"12345678" * 2, b"J\xff\xff\xff\xffJ\xfe\xff\xff\xff\x86"),
            "damaged: 16 bytes for",
        ),
        (python_2_pickle(b"12345678", b"(" + b"K\x01" * 30 + b"t"), "damaged: 8 bytes for an array"),
        (python_2_pickle(b"12345678", b"N\x85"), "damaged: NoneType where int is due"),
        (python_2_pickle(b"12345678", b"N"), "damaged: NoneType where tuple is due"),
    ],
)
def test_damaged(data, message):
    with pytest.raises(ValueError, match=message):
        numpy_pickle.load(data)


def test_no_array_twice():
    array = np.arange(3.0)
    with pytest.raises(ValueError, match="with one array in two places"):
        numpy_pickle.load(pickle.dumps([array, array]))
    # One string of bytes, remembered and used for a second array.
    raw = 10 * b"0123456789abcdef"
    data = python_2_pickle(raw, b"K\x0aK\x02\x86")[:-2].replace(raw, raw + b"q\x09")
    again = data[3:].replace(b"T\xa0\x00\x00\x00" + raw + b"q\x09", b"h\x09")
    numpy_pickle.load(data + b"s" + again + b"s.")
    with pytest.raises(ValueError, match="with one array's bytes in two places"):
        numpy_pickle.load(data + b"s" + (again + b"s") * 20 + b".")


def test_records_are_refused():
    with pytest.raises(ValueError, match="with an array of records"):
        numpy_pickle.load(pickle.dumps(np.zeros(3, [("x", "f8"), ("y", "f8")])))


BOMBS = {
    "memo": b"\x80\x02Nr\xff\xff\xff\xff.",
    "bytes": b"\x80\x03B\xff\xff\xff\xff.",
    "long bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b".",
    "bytearray": b"\x80\x05\x96" + struct.pack("<Q", 2**62) + b".",
    "frame": b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N.",
    "integer": b"\x80\x02\x8b\xff\xff\xff\x7f.",
    "shape": python_2_pickle(b"", b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86"),
    "nested": b"\x80\x02" + b"(" * 100_000 + b"t" * 100_000 + b".",
    "nested key": b"\x80\x02}N" + b"\x85" * 100_000 + b"Ns.",
    "doubling key": b"\x80\x02}Nq\x00" + b"h\x00h\x00\x86q\x00" * 60 + b"Ns.",
    "doubling": b"\x80\x02]q\x00" + b"h\x00h\x00\x86q\x00" * 60 + b"\x86.",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(name):
    tracemalloc.start()
    with contextlib.suppress(ValueError):
        numpy_pickle.load(BOMBS[name])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 2**20


def test_long_pickle_is_not_parsed_again():
    """Text of every length is one opcode, so that the time is linear."""
    data = io.BytesIO()
    pickle.dump(["x" * 5_000_000, np.zeros(1_000_000)], data, 4)
    text, array = plain(numpy_pickle.load(data.getvalue()))
    assert len(text) == 5_000_000
    assert array.shape == (1_000_000,)
