"""The sketches that a classifier finds typical of their category."""

import math

import numpy as np


def representative_sketches(class_scores, labels, share=0.6):
    """Finds, in each category, the sketches that score highest for it; the others are outliers.

    A category keeps `share` of its sketches, rounded up, hence at least one. Of equal scores the lower index
    is kept first. Logits and probabilities may keep different sketches, for a softmax weighs a sketch against
    the other categories too.

    Args:
        class_scores: `(num_sketches, num_classes)` finite floats, higher is likelier.
        labels: `(num_sketches,)` integers, the column of each sketch's own category.
        share: Float in (0, 1], default from Source.
    Returns: `(num_kept,)` int64 indices of sketches, in order.
    Raises: `ValueError` if these do not fit together, for a score that is not finite or a `share` outside
        (0, 1]; `TypeError` if `labels` are not integers.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 4.4, step 3.
    """
    class_scores, labels = np.asarray(class_scores), np.asarray(labels)
    if not 0 < share <= 1:
        raise ValueError(f"`share` must be in (0, 1]. Received: {share}")
    if class_scores.ndim != 2 or labels.shape != class_scores.shape[:1]:
        raise ValueError(
            "`class_scores` must be (num_sketches, num_classes) and `labels` (num_sketches,). "
            f"Received shapes: {class_scores.shape} and {labels.shape}"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(f"`labels` must be integers. Received: {labels.dtype}")
    num_classes = class_scores.shape[1]
    is_outside = (labels < 0) | (labels >= num_classes)
    if is_outside.any():
        raise ValueError(
            f"`labels` must be in 0..{num_classes - 1}. Received: {labels[is_outside][0]} "
            f"at {is_outside.argmax()}"
        )
    is_broken = ~np.isfinite(class_scores).all(axis=1)
    if is_broken.any():
        raise ValueError(
            f"`class_scores` must be finite. Received: {class_scores[is_broken][0]} at {is_broken.argmax()}"
        )
    own_scores = class_scores[np.arange(len(labels)), labels]
    kept = [np.empty(0, np.int64)]
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        # Rounded before it is rounded up: 0.07 * 100 is 7.000000000000001.
        num_kept = math.ceil(round(share * len(members), 9))
        kept.append(members[np.argsort(-own_scores[members], kind="stable")[:num_kept]])
    return np.sort(np.concatenate(kept))
