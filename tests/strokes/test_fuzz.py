"""Damaged files of every format: an `InputError` or whole sketches, in no time, whatever was done to them."""

import io
import json
import pickle
import re
import struct
import time
import zipfile

import numpy as np
import pytest

from tfsbir.errors import InputError
from tfsbir.strokes import (
    QuickDrawing,
    VectorSketch,
    read_bin,
    read_coordinates,
    read_ndjson,
    read_sketch_rnn,
    read_svg,
)

NUM_INPUTS = 2_000  # Of each of the five formats.
NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?")
WORDS = [
    *b"1e308 -1e308 1e400 NaN -Infinity nan inf -1 0 -0 1e-320 1e6 0.1.2 2147483648".split(),
    b"999999999999999999999",
    b"9" * 5_000,
    b"[" * 5_000,
    b'{"a":' * 3_000,
    b"(" * 3_000,
    b"<g>" * 3_000,
    b"&e;&e;&e;&e;",
    b'<!DOCTYPE svg [<!ENTITY e "1 2 3 4"><!ENTITY f "&e;&e;&e;&e;">]>',
    b"null",
    b'"1"',
    b"[]",
    b"<svg>",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x80",
    b"\x00" * 8,
    b"\r\xff\xff\xff\xff",
    b"cposix\nsystem\n",
    b"c__builtin__\neval\n",
    b"R",
    b"b",
    b"\x85" * 2_000,
    b"2" * 200,
]


def flip(data, random):
    for place in random.integers(0, len(data), random.integers(1, 6)):
        data[place] ^= 1 << int(random.integers(8))
    return data


def truncate(data, random):
    return data[: random.integers(len(data))]


def splice(data, random):
    start, stop, place = random.integers(0, len(data), 3)
    return data[:place] + data[start : min(stop, start + 200)] + data[place:]


def cut(data, random):
    start = random.integers(len(data))
    return data[:start] + data[start + random.integers(1, 40) :]


def swap_number(data, random):
    numbers = list(NUMBER.finditer(data))
    if not numbers:
        return insert(data, random)
    start, stop = numbers[random.integers(len(numbers))].span()
    return data[:start] + WORDS[random.integers(len(WORDS))] + data[stop:]


def insert(data, random):
    place = random.integers(len(data))
    return data[:place] + WORDS[random.integers(len(WORDS))] + data[place:]


def overwrite(data, random):
    place = random.integers(len(data))
    word = WORDS[random.integers(len(WORDS))][:16]
    return data[:place] + word + data[place + len(word) :]


def mutated(data, random):
    for _ in range(random.choice([1, 1, 1, 2, 3, 6])):
        data = bytearray(data) or bytearray(b"\0")
        data = (flip, truncate, splice, cut, swap_number, insert, overwrite)[random.integers(7)](data, random)
    return bytes(data)


def ndjson_inputs(random):
    strokes = [[random.integers(0, 256, n).tolist(), random.integers(0, 256, n).tolist()] for n in (5, 1, 9)]
    times = [[x, y, list(range(len(x)))] for x, y in strokes]
    fields = {"word": "cat", "countrycode": "DE", "recognized": True, "key_id": "123"}
    lines = [json.dumps({**fields, "drawing": drawing}) for drawing in (strokes, times, [])]
    while True:
        yield mutated("\n".join(lines).encode(), random)


def bin_inputs(random):
    data = b""
    for counts in ((3, 1), (), (7, 2, 2)):
        data += struct.pack("<Q2sbIH", 7, b"US", 1, 1_500_000_000, len(counts))
        for count in counts:
            data += struct.pack("<H", count) + random.bytes(2 * count)
    while True:
        yield mutated(data, random)


def pickles(random, content):
    values = [pickle.dumps(content, protocol) for protocol in (2, 3, 4, 5)]
    while True:
        yield mutated(values[random.integers(4)], random)


def coordinates_inputs(random):
    rows = random.uniform(0, 256, (12, 3))
    rows[:, 2] = random.random(12) < 0.3
    yield from pickles(
        random, {"/train/1_1": rows, "/train/1_2": rows[:4].astype(np.float32), "/test/2_1": rows[:0]}
    )


def npz_inputs(random):
    rows = random.integers(-30, 30, (12, 3), dtype=np.int16)
    rows[:, 2] = random.random(12) < 0.3
    sketches = np.empty(3, object)
    sketches[:] = [rows, rows[:3].astype(np.float32), rows[:0]]
    whole = io.BytesIO()
    np.savez_compressed(whole, train=sketches)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": (3,)})
    for pickled in pickles(random, sketches):
        # Half the archives are whole, so that checksums do not hide what is behind them.
        if random.random() < 0.5:
            yield mutated(whole.getvalue(), random)
        else:
            data = io.BytesIO()
            with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("train.npy", header.getvalue() + pickled)
            yield data.getvalue()


def svg_inputs(random):
    text = b"""<?xml version="1.0" encoding="utf-8"?>
    <svg viewBox="0 0 800 800" width="800px" height="800" xmlns="http://www.w3.org/2000/svg" version="1.1">
    <g fill="none" stroke="black" transform="translate(3,3) scale(1) rotate(20 5 5) matrix(1 0 0 1 0 0)">
    <path id="0" d="M 100 200 C 110 210 120.5 220 130 200 S 150 200 160 210 z m5-5 h3v4"/>
    <g transform="skewX(3)"><path d="M10,10 q5 5 6 6t1,1 A10 20 30 0 1 50 60 a 5,5 0 01 3,3Z"/></g>
    <line x1="1" y1="2" x2="3" y2="4"/><polyline points="1,2 3,4 5,6"/><polygon points="1 2 3 4"/>
    <defs><path d="M1 1L2 2"/></defs></g></svg>"""
    while True:
        yield mutated(text, random)


FORMATS = {
    "ndjson": (ndjson_inputs, lambda path: list(read_ndjson(path))),
    "bin": (bin_inputs, lambda path: list(read_bin(path))),
    "coordinates": (coordinates_inputs, lambda path: list(read_coordinates(path).values())),
    "npz": (npz_inputs, lambda path: read_sketch_rnn(path, "train")),
    "svg": (svg_inputs, lambda path: [read_svg(path)]),
}


def check(path, inputs, read, num_inputs):
    """Reads many damaged files; returns how many were whole after all, and the longest time."""
    num_whole, longest = 0, 0.0
    for _ in range(num_inputs):
        path.write_bytes(next(inputs))
        start = time.process_time()
        try:
            found = read(path)
        except InputError as error:
            assert str(path) in str(error)
            assert "\n" not in str(error).replace("\\n", "")
            assert len(str(error)) < 1_000
        else:
            num_whole += 1
            for item in found:
                sketch = item.sketch if isinstance(item, QuickDrawing) else item
                assert isinstance(sketch, VectorSketch)
                assert all(np.isfinite(stroke).all() for stroke in sketch.strokes)
        longest = max(longest, time.process_time() - start)
    return num_whole, longest


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files(tmp_path, name):
    make, read = FORMATS[name]
    num_whole, longest = check(tmp_path / name, make(np.random.default_rng(0)), read, NUM_INPUTS)
    assert longest < 1
    # Had none or all of them been refused, little would have been tested.
    assert 0.005 * NUM_INPUTS < num_whole < 0.5 * NUM_INPUTS
