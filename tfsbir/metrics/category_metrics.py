"""How well sketches find the photos of their category, whatever the size of the gallery."""

import keras
import numpy as np

from tfsbir.distances import SquaredEuclidean
from tfsbir.metrics.checks import checked_cutoff
from tfsbir.metrics.retrieval_metrics import RetrievalMetrics, retrieval_metrics

BLOCK_BYTES = 2**25  # Of one block's distances in float32.


def category_metrics(
    sketch: np.ndarray,
    photo: np.ndarray,
    sketch_labels: np.ndarray,
    photo_labels: np.ndarray,
    ks: tuple[int, ...] = (100, 200),
    distance: keras.layers.Layer | None = None,
    block_size: int | None = None,
    num_threads: int = 2,
) -> RetrievalMetrics:
    """Computes every measure of category-level retrieval from embeddings; see `retrieval_metrics`.

    A photo is relevant to a sketch whose label it has. Sketches of a class without photos are left out, and
    counted in `num_left_out`; photos of a class without sketches are distractors.

    Ranked is by the inner product of lifted embeddings, as an index does it (`tfsbir.distances`): the order
    is that of the distance but for the rounding of float32, and nothing of size num_sketches * num_photos is
    made. A block of sketches takes 32 MiB, or what `block_size` makes of it, and the lifted photos are a copy
    of the photos.

    Args:
        sketch: `(num_sketches, dim)` float32 embeddings, or with the distance `Hamming` uint8 codes.
        photo: `(num_photos, dim)`, likewise.
        sketch_labels: `(num_sketches,)` integers.
        photo_labels: `(num_photos,)` integers, of the same classes.
        ks: Cut-offs, integers >= 1.
        distance: Layer of `tfsbir.distances`, None for `SquaredEuclidean`.
        block_size: Integer >= 1, sketches at once; None for as many as fill `BLOCK_BYTES`.
        num_threads: Integer >= 1.
    Returns: `RetrievalMetrics`.
    Raises: `ValueError` if labels are not one an embedding, there is no sketch or photo, or an embedding is
        not `(num, dim)` or has a NaN; and what `retrieval_metrics` raises.
    """
    distance = SquaredEuclidean() if distance is None else distance
    sketch_labels = _checked_labels("sketch", sketch, sketch_labels)
    photo_labels = _checked_labels("photo", photo, photo_labels)
    if block_size is None:
        block_size = max(1, BLOCK_BYTES // (4 * len(photo)))
    checked_cutoff("block_size", block_size)
    # Products with the transposed view need no transposed copy.
    lifted_photo = keras.ops.convert_to_numpy(distance.lift_photo(photo)).T

    def distances(start, stop):
        lifted = keras.ops.convert_to_numpy(distance.lift_query(sketch[start:stop]))
        return np.negative(lifted) @ lifted_photo

    def relevant(start, stop):
        return sketch_labels[start:stop, None] == photo_labels[None, :]

    return retrieval_metrics(distances, relevant, len(sketch), ks, block_size, num_threads)


def _checked_labels(name, embedding, labels):
    labels = np.asarray(labels)
    if len(embedding) == 0:
        raise ValueError(f"`{name}` must not be empty. Received shape: {np.shape(embedding)}")
    if labels.shape != (len(embedding),):
        raise ValueError(
            f"`{name}_labels` must be ({len(embedding)},), one a {name}. Received shape: {labels.shape}"
        )
    return labels
