"""How often a ranking agrees with people's comparisons."""

import numpy as np


def triplet_accuracy(distances: np.ndarray, triplets: np.ndarray) -> float:
    """Computes the fraction of annotated triplets that the distances order as people did.

    Only a strictly smaller distance is correct. People were made to choose, so a tie disagrees with
    them; were it half correct, an encoder that maps everything to one point would score like a coin.

    Args:
        distances: `(num_sketches, num_photos)` float array, lower is closer.
        triplets: `(num_triplets, 3)` integers, columns sketch (row of `distances`), closer photo, farther
            photo (columns of it). A repeated row counts each time.
    Returns: Float in [0, 1].
    Raises: `TypeError` if `triplets` is not of integers; `ValueError` for another shape, no triplet, an index
        outside `distances` or a NaN that a triplet looks up.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 5 ("%corr."), which does not speak of ties.
    """
    distances, triplets = np.asarray(distances), np.asarray(triplets)
    if distances.ndim != 2:
        raise ValueError(f"`distances` must be (num_sketches, num_photos). Received shape: {distances.shape}")
    if triplets.ndim != 2 or triplets.shape[1] != 3 or not len(triplets):
        raise ValueError(
            "`triplets` must be (num_triplets, 3) with at least one triplet. "
            f"Received shape: {triplets.shape}"
        )
    if not np.issubdtype(triplets.dtype, np.integer):
        raise TypeError(f"`triplets` must be of integers. Received: {triplets.dtype}")
    num_sketches, num_photos = distances.shape
    outside = ((triplets < 0) | (triplets >= (num_sketches, num_photos, num_photos))).any(axis=1)
    if outside.any():
        raise ValueError(
            f"`triplets` must index {num_sketches} sketches and {num_photos} photos. "
            f"Received: {triplets[outside][0].tolist()} in row {outside.argmax()}"
        )
    sketch, closer, farther = triplets.T
    closer_distance, farther_distance = distances[sketch, closer], distances[sketch, farther]
    num_nan = (np.isnan(closer_distance) | np.isnan(farther_distance)).sum()
    if num_nan:
        raise ValueError(
            f"`distances` must not be NaN. Received: NaN in {num_nan} of {len(triplets)} triplets"
        )
    return float(np.mean(closer_distance < farther_distance))
