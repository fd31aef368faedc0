"""An affine map learned from correspondences."""

import math

import numpy as np
import scipy.linalg
from sklearn.linear_model import Ridge

from tfsbir.alignment.checks import (
    checked_as_fitted,
    checked_embeddings,
    checked_labels,
    checked_pairs,
)


class LinearTransform:
    """Maps the sketches by the affine map, near the identity, that brings them onto their photos.

    `W` and `b` minimise `mean |u W + b - v|^2 / 2 + regularization_weight * |W - I|^2 / 2` over the pairs of
    a sketch u and its photo v; the translation `b` is free. In `W - I` this is ridge regression of `v - u`
    on u with an intercept, which has a closed form. The common space is that of the photos, who stay.

    Args:
        regularization_weight: Float > 0 (lambda), which keeps W near the identity. The paper has no value.
    Attributes, after `fit`:
        matrix: `(dim, dim)`, W.
        bias: `(dim,)`, b.
    Raises: `ValueError` if `regularization_weight` is not finite and > 0.
    Source: Bui et al., "Deep Manifold Alignment for Mid-grain Sketch based Image Retrieval", 2018, Eq. 2
        and 3. It descends the gradient, and leaves centroids of the common space where they are (Sec. 3.3),
        without `inverse_sketch`.
    """

    def __init__(self, regularization_weight=0.5):
        if not 0 < regularization_weight < math.inf:
            raise ValueError(
                f"`regularization_weight` must be finite and > 0. Received: {regularization_weight}"
            )
        self.regularization_weight = regularization_weight
        self.matrix = None
        self.bias = None

    def fit(self, sketch, photo, sketch_labels=None, photo_labels=None, pairs=None):
        """Learns the map from the pairs alone.

        Args:
            sketch: `(num_sketches, dim)` floats.
            photo: `(num_photos, dim)` floats.
            sketch_labels, photo_labels: `(num,)` classes, or None. A pair must be of one class.
            pairs: `(num_pairs, 2)` integers, rows of a sketch's and a photo's index; a sketch may have many
                photos and a photo many sketches. A repeated row counts once.
        Returns: This aligner.
        Raises: `ValueError` for other shapes, values that are not finite, no pair, or a pair of an index
            outside or of two classes; `TypeError` if `pairs` is not of integers.
        """
        sketch, photo = checked_embeddings(sketch, photo)
        labels = checked_labels(sketch_labels, photo_labels, len(sketch), len(photo))
        pairs = checked_pairs(pairs, *labels, len(sketch), len(photo))
        sketch, photo = sketch[pairs[:, 0]], photo[pairs[:, 1]]
        # Ridge sums over the pairs where Eq. 2 takes the mean.
        ridge = Ridge(alpha=self.regularization_weight * len(pairs), solver="cholesky")
        ridge.fit(sketch, photo - sketch)
        dim = sketch.shape[1]
        self.matrix = np.eye(dim) + np.reshape(ridge.coef_, (dim, dim)).T
        self.bias = np.reshape(ridge.intercept_, dim)
        return self

    def transform_sketch(self, x):
        """Maps sketches `(num, dim)`; float64."""
        x = checked_as_fitted("x", x, self._dim())
        return x @ self.matrix + self.bias

    def transform_photo(self, x):
        """Returns photos `(num, dim)` as they are; float64."""
        return checked_as_fitted("x", x, self._dim())

    def inverse_sketch(self, z):
        """Maps points `(num, dim)` of the common space back to the sketches; float64.

        Should W be singular, of the sketches that come nearest to a point the shortest is returned.
        """
        z = checked_as_fitted("z", z, self._dim())
        return (z - self.bias) @ scipy.linalg.pinv(self.matrix)

    def inverse_photo(self, z):
        """Returns points `(num, dim)` of the common space as they are, for it is the photos'; float64."""
        return checked_as_fitted("z", z, self._dim())

    def _dim(self):
        return None if self.matrix is None else len(self.matrix)
