"""Two clouds of points and pairs of them, and the rotations that join such."""

import numpy as np


def rotation(dim, rng):
    return np.linalg.qr(rng.normal(size=(dim, dim)))[0]


def one_to_one(num):
    return np.stack([np.arange(num)] * 2, axis=1)


def drawn(num_sketches=14, num_photos=11, dim=3, seed=0):
    """Two clouds, and few-to-many pairs of them, of which one is given twice."""
    rng = np.random.default_rng(seed)
    sketch, photo = rng.normal(size=(num_sketches, dim)), 2 * rng.normal(size=(num_photos, dim)) + 1
    pairs = [[0, 0], [0, 1], [0, 2], [3, 5], [4, 5], [9, 10], [3, 5], [10, 3], [12, 8]]
    return sketch, photo, np.array(pairs)
