"""An encoder that looks embeddings up, so that a test of a gallery needs neither a model nor images."""

import atexit
import shutil
import tempfile
from pathlib import Path

import numpy as np

from tfsbir.errors import InputError
from tfsbir.preprocessing import Preprocessing
from tfsbir.retrieval import Encoder

PHOTOS = Path(tempfile.mkdtemp(prefix="photos-"))
atexit.register(shutil.rmtree, PHOTOS)


class DrawnPreprocessing(Preprocessing):
    """Reads the photo `NUMBER.png` as an image full of that number; `broken.png` cannot be read."""

    def read_photo(self, path):
        if path.stem == "broken":
            raise InputError(f"{path}: expected an image file; found something else")
        return np.full((8, 8, 1), int(path.stem), np.float32)


def drawn_encoder(embeddings, fingerprint="made", before_batch=None, lifting=None, attributes=()):
    """Returns an `Encoder` which gives photo `NUMBER.png` the embedding of that row.

    Where it predicts `attributes`, their probabilities are the last values of a row.
    """

    def encode(images):
        if before_batch is not None:
            before_batch()
        return embeddings[images[:, 0, 0, 0].astype(int)]

    preprocessing = DrawnPreprocessing(
        image_size=8,
        embedding_dim=embeddings.shape[1],
        distance=lifting.distance if lifting else "squared_euclidean",
        attributes=attributes,
    )
    return Encoder(Path("/runs/drawn"), "run", fingerprint, preprocessing, encode, encode, lifting)


def unit_vectors(count, dim, seed=0):
    """Returns random float32 unit vectors `(count, dim)`."""
    vectors = np.random.default_rng(seed).normal(size=(count, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def photo_file(name):
    """Returns the path of a photo, `NUMBER.png`, maybe in a folder, which the encoder knows by its name."""
    path = PHOTOS / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, errors="surrogateescape")
    return path


def photo_paths(count):
    return [photo_file(f"{index}.png") for index in range(count)]
