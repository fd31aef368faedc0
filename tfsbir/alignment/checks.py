"""What every aligner asks of its arguments."""

import numpy as np


def checked_embeddings(sketch, photo):
    """Returns both domains' embeddings as float64.

    Raises: `ValueError` unless both are `(num, dim)` of the same `dim`, not empty and finite.
    """
    sketch, photo = _checked_matrix("sketch", sketch), _checked_matrix("photo", photo)
    for name, points in (("sketch", sketch), ("photo", photo)):
        if not points.size:
            raise ValueError(f"`{name}` must not be empty. Received shape: {points.shape}")
    if sketch.shape[1] != photo.shape[1]:
        raise ValueError(
            f"`sketch` and `photo` must have the same dim. Received shapes: {sketch.shape} and {photo.shape}"
        )
    return sketch, photo


def checked_as_fitted(name, points, dim):
    """Returns points as float64, any number of them.

    Args:
        dim: The dimensions they must have; None says that there was no `fit` yet.
    Raises: `ValueError` before `fit`, or unless `points` is `(num, dim)` and finite.
    """
    if dim is None:
        raise ValueError(f"`fit` must be called before points are mapped. Received: `{name}`, and no fit")
    points = _checked_matrix(name, points)
    if points.shape[1] != dim:
        raise ValueError(f"`{name}` must be (num, {dim}), as in `fit`. Received shape: {points.shape}")
    return points


def checked_labels(sketch_labels, photo_labels, num_sketches, num_photos):
    """Returns both domains' labels, or None twice where there are none.

    Raises: `ValueError` if only one of them is given, or one is not `(num,)`.
    """
    if (sketch_labels is None) != (photo_labels is None):
        given, missing = ("photo", "sketch") if sketch_labels is None else ("sketch", "photo")
        raise ValueError(
            "`sketch_labels` and `photo_labels` must be given together. "
            f"Received: `{given}_labels` without `{missing}_labels`"
        )
    if sketch_labels is None:
        return None, None
    checked = []
    for name, labels, num in (("sketch", sketch_labels, num_sketches), ("photo", photo_labels, num_photos)):
        labels = np.asarray(labels)
        if labels.shape != (num,):
            raise ValueError(
                f"`{name}_labels` must be ({num},), one a {name}. Received shape: {labels.shape}"
            )
        checked.append(labels)
    return tuple(checked)


def checked_pairs(pairs, sketch_labels, photo_labels, num_sketches, num_photos):
    """Returns the correspondences in ascending order, each once.

    Raises: `TypeError` if `pairs` is not of integers; `ValueError` if it is None, not `(num_pairs, 2)` with a
        row at least, indexes beyond the embeddings or, where there are labels, joins two classes.
    """
    if pairs is None:
        raise ValueError("`pairs` must be given: this aligner learns from correspondences. Received: None")
    pairs = np.asarray(pairs)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not len(pairs):
        raise ValueError(
            f"`pairs` must be (num_pairs, 2) with at least one pair. Received shape: {pairs.shape}"
        )
    if not np.issubdtype(pairs.dtype, np.integer):
        raise TypeError(f"`pairs` must be of integers. Received: {pairs.dtype}")
    outside = ((pairs < 0) | (pairs >= (num_sketches, num_photos))).any(axis=1)
    if outside.any():
        raise ValueError(
            f"`pairs` must index {num_sketches} sketches and {num_photos} photos. "
            f"Received: {pairs[outside][0].tolist()} in row {outside.argmax()}"
        )
    if sketch_labels is not None:
        sketch_label, photo_label = sketch_labels[pairs[:, 0]], photo_labels[pairs[:, 1]]
        differ = sketch_label != photo_label
        if differ.any():
            row = differ.argmax()
            raise ValueError(
                f"`pairs` must join a sketch and a photo of the same class. Received: {pairs[row].tolist()} "
                f"in row {row}, of the classes {sketch_label[row]} and {photo_label[row]}"
            )
    return np.unique(pairs, axis=0)


def _checked_matrix(name, points):
    points = np.asarray(points, np.float64)
    if points.ndim != 2:
        raise ValueError(f"`{name}` must be (num, dim). Received shape: {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError(f"`{name}` must be finite. Received: NaN or infinity")
    return points
