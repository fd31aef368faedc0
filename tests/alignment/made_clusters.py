"""Points whose clusters are known."""

import numpy as np


def made_clusters(num_clusters, num, dim=256, separation=12.0, seed=0):
    """Draws points about centres which are all `separation` apart.

    Each cluster is as long as wide on its own axes: a standard deviation of 1 that falls to 0.1.

    Returns: `(num, dim)` float64 points and `(num,)` labels; the last cluster is twice the first.
    """
    rng = np.random.default_rng(seed)
    centers = np.linalg.qr(rng.normal(size=(dim, dim)))[0][:num_clusters] * separation / np.sqrt(2)
    shares = np.linspace(1, 2, num_clusters)
    labels = np.arange(num_clusters).repeat(np.ceil(num * shares / shares.sum()).astype(int))[:num]
    labels = rng.permutation(labels)
    points = np.empty((num, dim))
    for cluster in range(num_clusters):
        axes = np.linalg.qr(rng.normal(size=(dim, dim)))[0] * np.geomspace(1, 0.1, dim)[:, None]
        is_own = labels == cluster
        points[is_own] = centers[cluster] + rng.normal(size=(is_own.sum(), dim)) @ axes
    return points, labels
