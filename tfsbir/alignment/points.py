"""What the poolers do to the points of a class before they cluster them."""

import numpy as np
from sklearn.decomposition import PCA


def checked_points(points):
    """Returns points `(num, dim)` as float64.

    Raises: `ValueError` for another shape, no points, or values that are not finite.
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or not points.size:
        raise ValueError(f"`z` must be (num, dim), both >= 1. Received shape: {points.shape}")
    is_broken = ~np.isfinite(points).all(axis=1)
    if is_broken.any():
        raise ValueError(
            f"`z` must be finite. Received: {is_broken.sum()} rows that are not, the first at "
            f"{is_broken.argmax()}"
        )
    return points


def leading_components(points, num_dimensions):
    """Projects points on their principal axes of greatest variance.

    Distances and densities say little in 256 dimensions: all points are about equally far from each other, a
    covariance has more parameters than a class has points, and posteriors are 0 or 1. The centres of K
    clusters span K - 1 dimensions, so few axes keep apart what a class can be parted into. One factor scales
    all axes so that their mean variance is 1, which makes tolerances independent of the embedding's scale.

    Args:
        points: `(num, dim)` float64.
        num_dimensions: Integer >= 1. There are fewer axes where there are fewer points or dimensions.
    Returns: `(num, kept)` float64; zeros `(num, 1)` where all points are the same.
    """
    if np.ptp(points, axis=0).max() == 0:
        return np.zeros((len(points), 1))
    kept = min(num_dimensions, points.shape[1], len(points) - 1)
    # This solver draws nothing at random.
    projected = PCA(kept, svd_solver="covariance_eigh").fit_transform(points)
    return projected / np.sqrt(projected.var(axis=0).mean())
