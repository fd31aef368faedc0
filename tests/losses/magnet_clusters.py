"""Clusters of four classes, and samples of them, that the tests of the magnet loss are about."""

import numpy as np

# Four classes with three, one, two and one clusters, not in order.
CLUSTER_LABELS = np.array([5, 0, 5, 2**24, 2, 2, 5])
CENTERS = np.random.default_rng(1).normal(size=(7, 4)).astype("float32")
CLUSTER = np.array([0, 6, 3, 4, 4, 1, 5, 2, 0])
