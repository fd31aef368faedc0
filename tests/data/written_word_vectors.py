"""Word vectors in the formats of their publishers; each writer takes a dict from words to vectors."""

import struct

import numpy as np


def write_npz(path, words):
    np.savez(path, names=np.array(list(words)), vectors=np.array(list(words.values())))


def write_binary(path, words):
    dim = len(next(iter(words.values())))
    parts = [f"{len(words)} {dim}\n".encode()]
    for word, vector in words.items():
        parts.append(word.replace(" ", "_").encode() + b" " + struct.pack(f"<{dim}f", *vector) + b"\n")
    path.write_bytes(b"".join(parts))


def write_glove(path, words):
    lines = [" ".join([word, *(repr(float(x)) for x in vector)]) for word, vector in words.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_text(path, words):
    write_glove(path, words)
    dim = len(next(iter(words.values())))
    path.write_text(f"{len(words)} {dim}\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
