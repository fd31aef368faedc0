"""The gallery that a server searches: opened, warmed up, and opened anew when it has changed."""

import asyncio
import os
import sys
import time
from pathlib import Path

import faiss
import numpy as np

from tfsbir.errors import InputError
from tfsbir.retrieval import Gallery, compare_attributes
from tfsbir.retrieval.gallery_files import RECORD_FILE
from tfsbir.web.attention import Attention
from tfsbir.web.thumbnails import checked_path

SECONDS_BETWEEN_LOOKS = 2.0


class ServedGallery:
    """A gallery with its encoder, for many requests at once.

    Args:
        path: Path of the gallery.
        encoder: `Encoder` of sketches: the gallery's own or one that was distilled from it.
        measures: `Measures`.
    Attributes:
        gallery: `Gallery` as it was opened last.
        problem: Str, why the gallery as it is now could not be opened; None where it could.
    Raises: `InputError` if the gallery cannot be opened, or was made by another encoder.
    """

    def __init__(self, path, encoder, measures):
        self.path = Path(path).resolve()
        self.encoder = encoder
        self.measures = measures
        self._state = self._look()
        self.gallery = Gallery.open(self.path, encoder)
        self.problem = None
        self.attention = Attention.of(encoder)
        measures.photos.set(len(self.gallery))
        # The first of everything takes longest.
        embedding = encoder.encode_sketches(np.ones(encoder.preprocessing.to_json()["sketch_shape"])[None])
        self.gallery.find(embedding[0], k=1)

    async def watch(self):
        """Opens the gallery anew whenever it was saved; a bad one is told of, and the old one stays."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            state = self._look()
            if state != self._state:
                self._state = state
                await asyncio.to_thread(self._open_anew)

    def _look(self):
        try:
            status = os.stat(self.path / RECORD_FILE)
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _open_anew(self):
        try:
            self.gallery = Gallery.open(self.path, self.encoder)
        except Exception as error:  # Whatever it is: who watches must go on watching.
            self.problem = str(error)
            print(f"kept the gallery as it was: {error}", file=sys.stderr, flush=True)
            self.measures.reloads.labels("failed").inc()
        else:
            self.problem = None
            self.measures.photos.set(len(self.gallery))
            self.measures.reloads.labels("opened").inc()

    def find(self, gallery, vector, request):
        """Searches one gallery as a `SearchRequest` asks; returns matches, photos searched and seconds."""
        # Requests are searched for side by side; several threads for each would wait for one another: a third
        # as many searches a second. It holds for the thread that says it.
        faiss.omp_set_num_threads(1)
        start = time.perf_counter()
        choice = (request.where, tuple(request.with_attributes), tuple(request.without_attributes))
        num_photos = gallery.count(gallery.choose(*choice)) if any(choice) else len(gallery)
        matches = gallery.find(vector, request.k, *choice) if num_photos else []
        return matches, num_photos, time.perf_counter() - start

    def compare(self, gallery, vector, matches):
        """Returns `compare_attributes` of a sketch's embedding and each match; empty where there are none."""
        if not gallery.attributes:
            return [{"shared": [], "differing": []} for _ in matches]
        sketch = self.encoder.attribute_probabilities(vector[None])[0]
        return [
            compare_attributes(gallery.attributes, sketch, list(match.attributes.values()))
            for match in matches
        ]

    def attention_of(self, gallery, photo):
        """Returns the attention map of a photo; None where its file is gone or broken."""
        try:
            path = checked_path(gallery, photo)
            return self.attention.of_photo(self.encoder.preprocessing, path)
        except (InputError, OSError):
            return None
