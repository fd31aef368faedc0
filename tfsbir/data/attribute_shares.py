"""How often each attribute is there."""

import numpy as np


def attribute_shares(attributes: np.ndarray) -> np.ndarray:
    """Computes, for every attribute, the share of 1 among its known labels.

    Args:
        attributes: `(num_images, num_attributes)` integers, 1 or 0, -1 where it is not known, such as
            `Split.photo_attributes`; concatenate those of sketches and photos for the shares of both.
    Returns: `(num_attributes,)` float64 in [0, 1]; NaN where no label is known.
    Raises: `TypeError` if `attributes` is not of integers; `ValueError` for another shape or value.
    """
    attributes = np.asarray(attributes)
    if attributes.ndim != 2:
        raise ValueError(
            f"`attributes` must be (num_images, num_attributes). Received shape: {attributes.shape}"
        )
    if not np.issubdtype(attributes.dtype, np.integer):
        raise TypeError(f"`attributes` must be of integers. Received: {attributes.dtype}")
    is_other = (attributes < -1) | (attributes > 1)
    if is_other.any():
        raise ValueError(
            f"`attributes` must be 1, 0 or -1 (not known). Received: {attributes[is_other][0]} "
            f"in row {is_other.any(axis=1).argmax()}"
        )
    num_known = np.count_nonzero(attributes >= 0, axis=0)
    num_ones = np.count_nonzero(attributes == 1, axis=0)
    return np.divide(num_ones, num_known, out=np.full(len(num_known), np.nan), where=num_known > 0)
