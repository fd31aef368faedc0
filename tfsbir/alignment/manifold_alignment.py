"""An alignment by correspondences and by who is close to whom."""

import math

import numpy as np
import scipy.linalg
from sklearn.utils.extmath import svd_flip

from tfsbir.alignment.affinity import check_neighbors, correspondence_affinity, neighbor_affinity
from tfsbir.alignment.checks import (
    checked_as_fitted,
    checked_embeddings,
    checked_labels,
    checked_pairs,
)


class ManifoldAlignment:
    """Maps both domains linearly into a space where pairs meet and neighbours stay neighbours.

    The maps minimise C1 + correspondence_weight * C2: squared distances in the common space times affinities,
    summed in C1 over ordered pairs of neighbours of a domain, in C2 over the pairs of a sketch and its photo.
    They are the first solutions of `Z^T L Z v = eigenvalue * Z^T D Z v`. The rows of Z are the sketches, with
    zeros after them, and the photos, with zeros before them; W holds all affinities, D its row sums on the
    diagonal, and `L = D - W`. Each v is a column of the sketches' map above one of the photos'.

    What the paper leaves open, or what does not work as it is printed, is settled so:

    - Each domain is centred at its mean first. Else the first solutions tell the domains apart, which few
      pairs hardly prevent. And the trivial solution, which maps all points to one and has the eigenvalue 0,
      is none of centred points, so no eigenvalue need be judged to be zero and left out.
    - `regularization_weight` times the mean diagonal of Z^T D Z times |v|^2 is added to the cost. A class of
      fewer samples than dimensions has a singular problem without it, and maps that fit anything.
    - Sums over all neighbours outweigh few pairs by far: with 5 pairs, and 200 points a domain at distances
      of about 1, Eq. 8 as printed aligns nothing. So C1 is divided by the sum of its affinities and C2 by the
      number of pairs, and `correspondence_weight` means the same for any number of either.
    - The scale of the heat kernel is that of the neighbours' distances, so that the scale of the embeddings
      is of no consequence.
    - Eq. 4 counts each two neighbours twice, Eq. 6 a sketch and its photo once. So W holds
      `correspondence_weight / 2` for a pair, times the balance above. Wang & Mahadevan count it twice.

    `ManifoldAlignment(heat_scale=1.0, is_balanced=False)` is Eq. 4 to 8 as printed, but for the centring and
    the regularisation.

    The maps are scaled so that each coordinate has a mean square of 1, weighted by D, over both domains, and
    signed so that of each v the entry of the largest size is positive.

    Args:
        dim: Int >= 1, dimensions of the common space. The paper has no value; in 3 dimensions, the 3 to 4
            pools a class which it finds can be told apart. Later dimensions align the domains less and less,
            up to not at all. There are never more than half as many as sketches or photos in the pairs (but
            one at least), for a map meets few of them by chance: of many sketches of two photos it would
            make dimensions in which other photos do not vary, and the way back from these leads far off. Nor
            are there more than dimensions of the embeddings, or than dimensions in which the samples vary.
        num_neighbors: Int >= 1, nearest neighbours to which a sample stays close. The paper has no value.
        heat_scale: Float > 0, squared distance at which an affinity has fallen to 1 / e, or None for the mean
            squared distance of neighbours, in each domain its own. The paper has 1.
        correspondence_weight: Float > 0 (alpha), default from Source.
        regularization_weight: Float > 0. On made data, of few dimensions hidden among many, 0.1 did well with
            fewer samples than dimensions and with more; far less did badly with fewer.
        is_balanced: Whether C1 and C2 are divided as said above. In the paper they are not.
    Attributes, after `fit`:
        sketch_map, photo_map: `(dim of the embeddings, dim)`.
        sketch_mean, photo_mean: `(dim of the embeddings,)`.
        eigenvalues: `(dim,)` ascending, > 0: the regularised cost of each coordinate.
    Raises: `ValueError` for an argument out of range.
    Source: Bui et al., "Deep Manifold Alignment for Mid-grain Sketch based Image Retrieval", 2018, Eq. 4-8;
        Wang & Mahadevan, "A General Framework for Manifold Alignment", AAAI Fall Symposium 2009.
    """

    def __init__(
        self,
        dim=3,
        num_neighbors=10,
        heat_scale=None,
        correspondence_weight=2.0,
        regularization_weight=0.1,
        is_balanced=True,
    ):
        if dim < 1:
            raise ValueError(f"`dim` must be >= 1. Received: {dim}")
        check_neighbors(num_neighbors, heat_scale)
        for name, weight in (
            ("correspondence_weight", correspondence_weight),
            ("regularization_weight", regularization_weight),
        ):
            if not 0 < weight < math.inf:
                raise ValueError(f"`{name}` must be finite and > 0. Received: {weight}")
        self.dim = dim
        self.num_neighbors = num_neighbors
        self.heat_scale = heat_scale
        self.correspondence_weight = correspondence_weight
        self.regularization_weight = regularization_weight
        self.is_balanced = is_balanced
        self.sketch_map = None
        self.photo_map = None
        self.sketch_mean = None
        self.photo_mean = None
        self.eigenvalues = None

    def fit(self, sketch, photo, sketch_labels=None, photo_labels=None, pairs=None):
        """Learns both maps.

        Args:
            sketch: `(num_sketches, dim)` floats.
            photo: `(num_photos, dim)` floats.
            sketch_labels, photo_labels: `(num,)` classes, or None. Neighbours are of the same class, and a
                pair must be; there is one map for all classes.
            pairs: `(num_pairs, 2)` integers, rows of a sketch's and a photo's index; a sketch may have many
                photos and a photo many sketches. A repeated row counts once.
        Returns: This aligner. If neither the sketches nor the photos vary, as in a class of one sketch and
            one photo, the common space has one dimension, where every point is 0; its eigenvalue is infinite.
        Raises: `ValueError` for other shapes, values that are not finite, no pair, a pair of an index outside
            or of two classes, or a `heat_scale` for which all affinities vanish; `TypeError` if `pairs` is
            not of integers.
        """
        sketch, photo = checked_embeddings(sketch, photo)
        labels = checked_labels(sketch_labels, photo_labels, len(sketch), len(photo))
        pairs = checked_pairs(pairs, *labels, len(sketch), len(photo))
        self.sketch_mean, self.photo_mean = _mean(sketch), _mean(photo)
        sketch, photo = sketch - self.sketch_mean, photo - self.photo_mean
        cost, spread = self._quadratic_forms(sketch, photo, labels, pairs)
        num_distinct = min(len(np.unique(column)) for column in pairs.T)
        dim = min(self.dim, max(num_distinct // 2, 1), sketch.shape[1])
        maps, self.eigenvalues = self._smallest(cost, spread, dim)
        self.sketch_map, self.photo_map = np.split(maps, 2)
        self._sketch_inverse = _regression(sketch @ self.sketch_map, sketch)
        self._photo_inverse = _regression(photo @ self.photo_map, photo)
        return self

    def transform_sketch(self, x):
        """Maps sketches `(num, dim of the embeddings)` into the common space, `(num, dim)`; float64."""
        return (checked_as_fitted("x", x, self._embedding_dim()) - self.sketch_mean) @ self.sketch_map

    def transform_photo(self, x):
        """Maps photos `(num, dim of the embeddings)` into the common space, `(num, dim)`; float64."""
        return (checked_as_fitted("x", x, self._embedding_dim()) - self.photo_mean) @ self.photo_map

    def inverse_sketch(self, z):
        """Maps points `(num, dim)` of the common space back to the sketches, `(num, dim of the embeddings)`.

        Where the common space has fewer dimensions than the embeddings, many sketches are mapped to one
        point. Returned is the one that linear regression on the sketches of `fit` expects, and
        `transform_sketch` maps it to the point again. A dimension of the common space in which these sketches
        do not vary does not count.
        """
        return checked_as_fitted("z", z, self._common_dim()) @ self._sketch_inverse + self.sketch_mean

    def inverse_photo(self, z):
        """Maps points of the common space back to the photos, as `inverse_sketch` does to the sketches."""
        return checked_as_fitted("z", z, self._common_dim()) @ self._photo_inverse + self.photo_mean

    def _quadratic_forms(self, sketch, photo, labels, pairs):
        """Returns Z^T L Z and Z^T D Z of centred embeddings, both divided by the sum of D."""
        domains = (sketch, photo)
        affinities = [
            neighbor_affinity(points, self.num_neighbors, self.heat_scale, domain_labels)
            for points, domain_labels in zip(domains, labels, strict=True)
        ]
        pair_weight = self.correspondence_weight / 2
        neighbor_sum = affinities[0].sum() + affinities[1].sum()
        if self.is_balanced and neighbor_sum:  # It is 0 where no class has two samples of a domain.
            pair_weight *= neighbor_sum / len(pairs)
        between = pair_weight * correspondence_affinity(pairs, len(sketch), len(photo))
        degrees = [affinities[0].sum(axis=1) + between.sum(axis=1)]
        degrees += [affinities[1].sum(axis=1) + between.sum(axis=0)]
        spreads, costs = [], []
        for points, affinity, degree in zip(domains, affinities, degrees, strict=True):
            spreads.append(points.T @ (degree[:, None] * points))
            costs.append(spreads[-1] - points.T @ (affinity @ points))
        across = sketch.T @ (between @ photo)
        cost = np.block([[costs[0], -across], [-across.T, costs[1]]])
        degree_sum = np.sum(degrees[0]) + np.sum(degrees[1])
        return cost / degree_sum, scipy.linalg.block_diag(*spreads) / degree_sum

    def _smallest(self, cost, spread, dim):
        """Returns the solutions `(2 * dim of the embeddings, dim)` of the smallest eigenvalues, and these."""
        size = len(cost)
        mean_spread = np.trace(spread) / size
        if mean_spread == 0:
            return np.zeros((size, 1)), np.array([math.inf])
        cost = cost + self.regularization_weight * mean_spread * np.eye(size)
        # Turned round, with the largest eigenvalues: the cost is definite where the spread is singular.
        inverse_eigenvalues, maps = scipy.linalg.eigh(spread, cost, subset_by_index=[size - dim, size - 1])
        inverse_eigenvalues, maps = inverse_eigenvalues[::-1], maps[:, ::-1]
        # Along a solution whose eigenvalue is infinite, but for rounding, no sample varies.
        is_varied = inverse_eigenvalues > 1e-10 * inverse_eigenvalues[0]
        inverse_eigenvalues, maps = inverse_eigenvalues[is_varied], maps[:, is_varied]
        maps, _ = svd_flip(maps / np.sqrt(inverse_eigenvalues), None)
        return maps, 1 / inverse_eigenvalues

    def _embedding_dim(self):
        return None if self.sketch_map is None else len(self.sketch_map)

    def _common_dim(self):
        return None if self.sketch_map is None else self.sketch_map.shape[1]


def _mean(points):
    # Of equal points this is exactly their value, which the rounded mean is not.
    return points[0] + np.mean(points - points[0], axis=0)


def _regression(coordinates, points):
    # Coordinates have a mean square of about 1. Those of far less are the rounding of a domain that does not
    # vary there, and would be blown up.
    return scipy.linalg.pinv(coordinates, atol=1e-6 * np.sqrt(len(coordinates)), rtol=0) @ points
