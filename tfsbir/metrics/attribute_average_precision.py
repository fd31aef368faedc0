"""How well attributes are predicted."""

import numpy as np
from sklearn.metrics import average_precision_score

from tfsbir.data.attribute_shares import attribute_shares


def attribute_average_precision(
    probabilities: np.ndarray, attributes: np.ndarray, min_share: float = 0.0
) -> dict[str, np.ndarray]:
    """Computes the average precision of every attribute, and what a constant prediction would get.

    The images of which an attribute is known are ordered by its probability; those that have it are the
    relevant ones. Average precision is the sum over the thresholds of precision times the step in recall, not
    interpolated; images of equal probability pass a threshold together, so their order does not matter. Only
    the order of the probabilities counts: whether they are calibrated is not measured.

    An attribute of which only one value is known, or none, is NaN in both results; so is one whose rarer
    value has a smaller share than `min_share`. `np.nanmean` is the mean over the others.

    Args:
        probabilities: `(num_images, num_attributes)` finite floats, higher is likelier.
        attributes: `(num_images, num_attributes)` integers, 1 or 0, -1 where it is not known.
        min_share: Float in [0, 0.5], the least share of either value among the known labels: 0.05 keeps the
            attributes with at least 5 % of both.
    Returns: Dict of two `(num_attributes,)` float64 arrays in (0, 1] or NaN: `average_precision`, and
        `frequency`, the share of 1 among the known labels, which is the average precision of a constant.
    Raises: `TypeError` if `attributes` is not of integers; `ValueError` for another shape or value, or a
        `min_share` out of range.
    """
    if not 0 <= min_share <= 0.5:
        raise ValueError(f"`min_share` must be in [0, 0.5]. Received: {min_share}")
    probabilities, attributes = np.asarray(probabilities), np.asarray(attributes)
    frequency = attribute_shares(attributes)
    if probabilities.shape != attributes.shape:
        raise ValueError(
            f"`probabilities` must be of shape {attributes.shape}, that of `attributes`. "
            f"Received shape: {probabilities.shape}"
        )
    num_broken = probabilities.size - np.isfinite(probabilities).sum()
    if num_broken:
        raise ValueError(
            "`probabilities` must be finite. "
            f"Received: {num_broken} of {probabilities.size} values that are not"
        )
    average_precision = np.full(len(frequency), np.nan)
    for index, (scores, labels) in enumerate(zip(probabilities.T, attributes.T, strict=True)):
        is_known = labels >= 0
        num_rarer = min(np.count_nonzero(labels == 1), np.count_nonzero(labels == 0))
        # Counted, since 1 - 0.9 is less than 0.1.
        if num_rarer and num_rarer / np.count_nonzero(is_known) >= min_share:
            score = average_precision_score(labels[is_known], scores[is_known])
            average_precision[index] = min(score, 1.0)  # The sum of its parts may round to above 1.
    frequency[np.isnan(average_precision)] = np.nan
    return {"average_precision": average_precision, "frequency": frequency}
