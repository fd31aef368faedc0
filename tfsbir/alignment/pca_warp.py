"""An alignment without correspondences."""

import numpy as np
import scipy.linalg
from sklearn.utils.extmath import svd_flip

from tfsbir.alignment.checks import checked_as_fitted, checked_embeddings, checked_labels


class PCAWarp:
    """Warps the sketches to have the mean and the covariance of the photos.

    A sketch's coordinate along the sketches' first principal axis becomes the one along the photos' first, in
    units of the standard deviation, and so on. The common space is that of the photos, who stay.

    The axes of either domain are known up to their sign, and the equation holds for any. Of each pair of
    axes the signs are taken for which their inner product is >= 0: so the sketches move least.

    A domain may vary along fewer axes than there are dimensions (its rank): with fewer samples than
    dimensions, with constant dimensions, with one sample. Then as many axes are paired as the lower rank
    has, and what a sketch has along others is dropped. The warped sketches still have the photos' mean. Their
    covariance is the photos' if the sketches' rank is not below the photos'; else it is the photos' along the
    photos' first axes, and 0 along the others. One sketch is warped onto the photos' mean.

    Attributes, after `fit`:
        matrix: `(dim, dim)`, by which a sketch less the sketches' mean is multiplied.
        inverse_matrix: `(dim, dim)`, its pseudo-inverse.
        sketch_mean, photo_mean: `(dim,)`.
        rank: Int, how many axes are paired.
    Source: Bui et al., "Deep Manifold Alignment for Mid-grain Sketch based Image Retrieval", 2018, Eq. 1. It
        says nothing of signs nor of singular covariances, and leaves centroids of the common space where
        they are (Sec. 3.3), without `inverse_sketch`.
    """

    def __init__(self):
        self.matrix = None
        self.inverse_matrix = None
        self.sketch_mean = None
        self.photo_mean = None
        self.rank = None

    def fit(self, sketch, photo, sketch_labels=None, photo_labels=None, pairs=None):
        """Learns the warp.

        Args:
            sketch: `(num_sketches, dim)` floats.
            photo: `(num_photos, dim)` floats.
            sketch_labels, photo_labels: `(num,)` classes, or None. They are checked and not used: one warp
                is for all classes.
            pairs: Not used; every aligner takes them.
        Returns: This aligner.
        Raises: `ValueError` for other shapes, or values that are not finite.
        """
        sketch, photo = checked_embeddings(sketch, photo)
        checked_labels(sketch_labels, photo_labels, len(sketch), len(photo))
        self.sketch_mean, sketch_axes, sketch_deviations = _principal_axes(sketch)
        self.photo_mean, photo_axes, photo_deviations = _principal_axes(photo)
        self.rank = min(len(sketch_deviations), len(photo_deviations))
        sketch_axes, photo_axes = sketch_axes[:, : self.rank], photo_axes[:, : self.rank]
        photo_axes = photo_axes * np.where(np.sum(sketch_axes * photo_axes, axis=0) < 0, -1, 1)
        scales = photo_deviations[: self.rank] / sketch_deviations[: self.rank]
        self.matrix = (sketch_axes * scales) @ photo_axes.T
        self.inverse_matrix = (photo_axes / scales) @ sketch_axes.T
        return self

    def transform_sketch(self, x):
        """Warps sketches `(num, dim)`; float64."""
        x = checked_as_fitted("x", x, self._dim())
        return (x - self.sketch_mean) @ self.matrix + self.photo_mean

    def transform_photo(self, x):
        """Returns photos `(num, dim)` as they are; float64."""
        return checked_as_fitted("x", x, self._dim())

    def inverse_sketch(self, z):
        """Maps points `(num, dim)` of the common space back to the sketches; float64.

        What a point has along axes that are not paired is dropped.
        """
        z = checked_as_fitted("z", z, self._dim())
        return (z - self.photo_mean) @ self.inverse_matrix + self.sketch_mean

    def inverse_photo(self, z):
        """Returns points `(num, dim)` of the common space as they are, for it is the photos'; float64."""
        return checked_as_fitted("z", z, self._dim())

    def _dim(self):
        return None if self.matrix is None else len(self.matrix)


def _principal_axes(points):
    """Returns the mean, the axes `(dim, rank)` along which the points vary, and the standard deviations."""
    mean = np.mean(points, axis=0)
    centered = points - mean
    covariance = centered.T @ centered / max(len(points) - 1, 1)  # Of one sample, 0.
    variances, axes = scipy.linalg.eigh(covariance)
    variances, axes = variances[::-1], svd_flip(axes[:, ::-1], None)[0]
    # Rounding to float32, in which networks compute, can alone give the points this variance along an axis
    # (no singular value of an error is above its Frobenius norm). Stretched, it would be noise.
    rounding = np.finfo(np.float32).eps ** 2 * np.sum(np.square(points)) / max(len(points) - 1, 1)
    rank = int(np.sum(variances > rounding))
    return mean, axes[:, :rank], np.sqrt(variances[:rank])
