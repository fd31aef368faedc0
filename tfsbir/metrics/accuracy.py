"""acc@k, the measure of fine-grained retrieval."""

import numpy as np


def ranks(distances: np.ndarray, true_photo: np.ndarray) -> np.ndarray:
    """Ranks the true photo of every query among the gallery.

    Of photos at the same distance the one with the lower gallery id comes first.

    Args:
        distances: `(num_queries, num_gallery)` float array, lower is closer; infinities are allowed. The
            column is the gallery id.
        true_photo: `(num_queries,)` integers, gallery id of each query's true photo.
    Returns: `(num_queries,)` int64, in 1 .. num_gallery.
    Raises: `TypeError` if `true_photo` is not of integers; `ValueError` for another shape, no query, an id
        outside the gallery (a query without a relevant photo cannot be ranked) or NaN.
    """
    distances, true_photo = np.asarray(distances), np.asarray(true_photo)
    if distances.ndim != 2 or not len(distances):
        raise ValueError(
            "`distances` must be (num_queries, num_gallery) with at least one query. "
            f"Received shape: {distances.shape}"
        )
    if true_photo.shape != distances.shape[:1]:
        raise ValueError(
            f"`true_photo` must be of shape {distances.shape[:1]}, one gallery id a query. "
            f"Received shape: {true_photo.shape}"
        )
    if not np.issubdtype(true_photo.dtype, np.integer):
        raise TypeError(f"`true_photo` must be of integers. Received: {true_photo.dtype}")
    num_gallery = distances.shape[1]
    outside = (true_photo < 0) | (true_photo >= num_gallery)
    if outside.any():
        raise ValueError(
            f"`true_photo` must be in 0..{num_gallery - 1}, the gallery ids. "
            f"Received: {true_photo[outside][0]} for query {outside.argmax()}"
        )
    num_nan = np.isnan(distances).sum()
    if num_nan:
        raise ValueError(f"`distances` must not be NaN. Received: {num_nan} NaN of {distances.size} values")
    true_distance = np.take_along_axis(distances, true_photo[:, None], axis=1)
    is_earlier = np.arange(num_gallery) < true_photo[:, None]
    is_before = (distances < true_distance) | ((distances == true_distance) & is_earlier)
    return is_before.sum(axis=1, dtype=np.int64) + 1


def accuracy(distances: np.ndarray, true_photo: np.ndarray, k: int) -> float:
    """Computes acc@k: the fraction of queries whose true photo is among the k closest.

    Ties are ordered as in `ranks`. With `k` >= num_gallery it is 1.

    Args:
        distances: As in `ranks`.
        true_photo: As in `ranks`.
        k: Integer >= 1.
    Returns: Float in [0, 1].
    Raises: `ValueError` if `k` < 1, and what `ranks` raises.
    """
    if k < 1:
        raise ValueError(f"`k` must be >= 1. Received: {k}")
    return float(np.mean(ranks(distances, true_photo) <= k))
