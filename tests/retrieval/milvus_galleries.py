"""The same photos in a gallery in Milvus Lite and in one of FAISS."""

import contextlib

from tests.retrieval.drawn_encoder import PHOTOS, photo_paths
from tfsbir.retrieval import Gallery, Photo


def photos_of(metadata):
    """Returns a `Photo` for each of a list of dicts."""
    paths = photo_paths(len(metadata))
    return [Photo(path.name, path, values) for path, values in zip(paths, metadata, strict=True)]


def make(path, encoder, photos, store=None, index="flat"):
    """Brings the gallery at `path` up to date, saves it and returns it."""
    gallery, _ = Gallery.open_or_create(path, encoder, PHOTOS, index, store)
    gallery.sync(photos)
    gallery.save()
    return gallery


@contextlib.contextmanager
def both(folder, encoder, photos, index="flat"):
    """Yields a gallery in Milvus and one of FAISS, both opened anew, and closes the file."""
    make(folder / "milvus", encoder, photos, f"milvus:{folder}/photos.db", index)
    make(folder / "faiss", encoder, photos, "faiss", index)
    milvus = Gallery.open(folder / "milvus", encoder)
    try:
        yield milvus, Gallery.open(folder / "faiss", encoder)
    finally:
        milvus.close()


def found(gallery, queries, k, among=None):
    """Returns the distances, and the ids of the photos, which two galleries number in other ways."""
    distances, gallery_ids = gallery.search(queries, k, among=among)
    return distances.tolist(), [[photo.photo_id for photo in gallery.photos(row)] for row in gallery_ids]
