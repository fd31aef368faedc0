"""Galleries in memory, and what stands in for the embeddings of photos and sketches."""

from pathlib import Path

import numpy as np

from tfsbir.preprocessing import Preprocessing
from tfsbir.retrieval import Gallery, PhotoIndex, open_encoder
from tfsbir.retrieval.encoded_photos import EncodedPhoto
from tfsbir.retrieval.faiss_store import FaissStore
from tfsbir.retrieval.gallery_files import FORMAT_VERSION
from tfsbir.retrieval.photo_table import PhotoTable

LATENT_DIM = 20


def gallery_of(photos, lifting=None, index="flat", path="gallery"):
    """Returns a `Gallery` of embeddings `(num_photos, dim)`, by squared distance or by a `Lifting`'s.

    It is in memory, to be saved at `path`.
    """
    is_lifted = lifting is not None
    vectors = lifting.lift_photos(photos) if is_lifted else photos
    dim = photos.shape[1]
    record = {
        "format_version": FORMAT_VERSION,
        "photo_root": "photos",
        "dim": dim,
        "metric": lifting.distance if is_lifted else "squared_euclidean",
        "encoder": {"path": "run", "kind": "run", "fingerprint": ""},
        "preprocessing": Preprocessing(225, dim).to_json(),
    }
    table = PhotoTable(Path("photos"), [(str(i), 1, 0, "", None, None) for i in range(len(photos))])
    photo_index = PhotoIndex.build(index, vectors, is_lifted)
    store = FaissStore(table, vectors, np.zeros((len(photos), 0), np.float16), photo_index, (), index)
    return Gallery(Path(path), record, store, lifting)


def served_gallery(photos, model, path):
    """Saves a gallery of embeddings `(num_photos, dim)` as if `model` had made them; returns `path`."""
    gallery = Gallery.create(path, open_encoder(model), "photos")
    names = [EncodedPhoto(f"{number}.jpg", f"{number}.jpg", 1, None, "") for number in range(len(photos))]
    gallery.sync_encoded([(names, photos)])
    gallery.save()
    return path


def random_photos(num_photos, dim):
    """Returns float32 `(num_photos, dim)` unit vectors without any structure."""
    photos = np.random.default_rng(0).normal(size=(num_photos, dim)).astype("float32")
    return photos / np.linalg.norm(photos, axis=1, keepdims=True)


def encoder_like(num_photos, num_sketches, dim=512):
    """Makes embeddings as a trained encoder with coarse-fine fusion gives, and sketches near some photos.

    Among Gaussian vectors of 512 dimensions all are equally far from each other, so that no graph of
    neighbours leads anywhere. What encoders give has few dimensions of its own: here it is a smooth random
    map of 20, and a little noise. Each half of a vector has unit norm.

    Returns: float32 `(num_photos, dim)` and `(num_sketches, dim)`.
    """
    random = np.random.default_rng(0)
    inner = random.normal(0, LATENT_DIM**-0.5, (LATENT_DIM, 128)).astype("float32")
    outer = random.normal(0, 128**-0.5, (128, dim)).astype("float32")

    def embedded(latent):
        features = np.tanh(latent @ inner) @ outer
        features += random.normal(0, 0.05, features.shape)
        halves = features.reshape(len(latent), 2, dim // 2)
        return (halves / np.linalg.norm(halves, axis=2, keepdims=True)).reshape(len(latent), dim)

    of_photos = random.normal(size=(num_photos, LATENT_DIM)).astype("float32")
    drawn = of_photos[random.integers(num_photos, size=num_sketches)]
    of_sketches = drawn + random.normal(0, 0.3, drawn.shape).astype("float32")
    return embedded(of_photos), embedded(of_sketches)


def near_identity(dim):
    """Returns float32 `(dim, dim)` weights as `HOLEF` learns them: near the identity, not symmetric."""
    noise = np.random.default_rng(1).normal(0, 0.01, (dim, dim))
    return (np.eye(dim) + noise).astype("float32")
