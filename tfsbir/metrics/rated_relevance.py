"""Which photos are relevant to a sketch, by people's ratings of how alike they are."""

import numpy as np

RELEVANCE_THRESHOLD = 5


def rated_relevance(ratings: np.ndarray, threshold: int = RELEVANCE_THRESHOLD) -> np.ndarray:
    """Makes graded ratings into relevance: a photo is relevant whose ratings sum to `threshold` or more.

    The ratings of `bmvc14` are four, from 0 to 2: view, configuration, body and zoom. The sum treats them
    alike, as the score of its paper does. A pair that was not rated in every criterion is not relevant: there
    it is of two classes.

    The default asks for more than half of the 8 points, so that a photo must be more than roughly alike in
    everything, and it is the highest threshold that leaves every sketch a relevant photo. Of the 60 photos of
    a sketch's class, in 42 sketches of `bmvc14`:

        threshold   relevant: mean   median   least   most   sketches without
        1                     25.3     25.5       2     46                  0
        2                     24.5     25.5       2     43                  0
        3                     21.7     21.0       2     36                  0
        4                     20.3     19.5       2     35                  0
        5                     16.6     17.0       2     32                  0
        6                     10.1     10.0       0     24                  1
        7                      4.3      4.0       0     13                  7
        8                      1.1      1.0       0      5                 14

    Args:
        ratings: `(num_sketches, num_photos, num_criteria)` integers, higher is more alike, -1 where people
            were not asked; `Split.ratings`.
        threshold: Integer >= 1, least sum of the ratings. With other criteria than those of `bmvc14` it is to
            be chosen anew.
    Returns: `(num_sketches, num_photos)` bools.
    Raises: `TypeError` if `ratings` is not of integers; `ValueError` for another shape or `threshold` < 1.
    Source: Rule and default are ours. Bui et al., "Deep Manifold Alignment for Mid-Grain Sketch Based Image
        Retrieval", ACCV 2018, Sec. 4.1, have people choose strong matches. The ratings: Li et al.,
        "Fine-grained sketch-based image retrieval by matching deformable part models", BMVC 2014.
    """
    ratings = np.asarray(ratings)
    if ratings.ndim != 3 or not ratings.shape[2]:
        raise ValueError(
            "`ratings` must be (num_sketches, num_photos, num_criteria), with a criterion at least. "
            f"Received shape: {ratings.shape}"
        )
    if not np.issubdtype(ratings.dtype, np.integer):
        raise TypeError(f"`ratings` must be of integers. Received: {ratings.dtype}")
    if threshold < 1:
        raise ValueError(f"`threshold` must be >= 1. Received: {threshold}")
    return np.all(ratings >= 0, axis=2) & (ratings.sum(axis=2, dtype=np.int64) >= threshold)
