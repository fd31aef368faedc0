"""A distance learned from comparisons."""

import sys

import numpy as np
from sklearn.svm import LinearSVC
from tqdm import tqdm

BLOCK = 8192  # Dimensions looked at at once: of 3,000 pairs they take 100 MB.
RANK_TOLERANCE = 1e-6  # Of the largest eigenvalue: below it is the rounding of float32.


class RankSVM:
    """Learns by how much each dimension counts in the distance of a sketch and a photo.

    The distance is `w . |s - p|`, the city-block distance with a weight a dimension. A triplet says that
    `w . (|s - farther| - |s - closer|)` be positive, by a margin; `w` is the linear support vector machine,
    with squared hinge and no intercept, which separates these differences from their negatives. A weight
    may turn negative, so a distance may too.

    Of many dimensions and few comparisons a bare machine learns noise, for nothing tells it that what lies
    far apart in any dimension is far apart. So the plain distance, with all weights equal, is one more
    feature, and `prior` is its scale: the machine shrinks towards a multiple of the plain distance and
    not towards nothing. With `prior` 0 it is the bare machine.

    Where the triplets name fewer pairs than there are dimensions, the machine is trained in the space that
    the pairs span, which the eigenvectors of their Gram matrix give. That is exact (the solution lies in
    that space, and lengths are kept), and 200,000 dimensions fit in memory.

    Args:
        C: Float > 0, weight of the triplets' mean loss against `|w|^2 / 2`, where differences are scaled to a
            mean square of 1. So it means the same for other features and other numbers of triplets.
        prior: Float >= 0, scale of the plain distance as a feature, beside a mean square of 1.
    Attributes:
        weights: `(dim,)` float32 after `fit`; weights of an earlier machine may be set.
        num_iterations: Iterations of the solver in `fit`.
    Raises: `ValueError` if `C` <= 0 or `prior` < 0.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 5.2, which has a RankSVM on the annotated
        triplets and says neither what a pair's features are nor how the machine is regularised; Joachims,
        "Optimizing search engines using clickthrough data", KDD 2002, Sec. 4.2.
    """

    def __init__(self, C=10.0, prior=10.0):  # noqa: N803 - the name that scikit-learn gives it.
        if C <= 0:
            raise ValueError(f"`C` must be > 0. Received: {C}")
        if prior < 0:
            raise ValueError(f"`prior` must be >= 0. Received: {prior}")
        self.C = C
        self.prior = prior
        self.weights = None
        self.num_iterations = None

    def fit(self, sketch_features, photo_features, triplets):
        """Learns the weights.

        Args:
            sketch_features: `(num_sketches, dim)` floats.
            photo_features: `(num_photos, dim)` floats.
            triplets: `(num_triplets, 3)` integers, rows of sketch, closer photo, farther photo. A repeated
                row counts each time; people who disagree may stand in rows that contradict each other.
        Returns: This machine.
        Raises: `ValueError` for other shapes, values that are not finite, no triplet, an index outside the
            features, or triplets none of which differs in its photos' features; `TypeError` if `triplets` is
            not of integers.
        """
        sketch_features, photo_features = _checked(sketch_features, photo_features)
        triplets, counts = np.unique(
            _checked_triplets(triplets, len(sketch_features), len(photo_features)), axis=0, return_counts=True
        )
        pairs, which = np.unique(
            np.concatenate([triplets[:, [0, 1]], triplets[:, [0, 2]]]), axis=0, return_inverse=True
        )
        closer, farther = which.reshape(2, -1)
        pair_features = _PairFeatures(sketch_features, photo_features, pairs)
        short, plain = pair_features.shortened()
        differences, plain_differences = short[farther] - short[closer], plain[farther] - plain[closer]
        length = _root_mean_square(differences, counts)
        plain_length = _root_mean_square(plain_differences, counts)
        if length == 0:
            raise ValueError("`triplets` must compare photos whose features differ. Received: none that do")
        rows = differences / length
        if self.prior and plain_length:
            rows = np.concatenate([rows, self.prior / plain_length * plain_differences], axis=1)
        # Of each difference and its negative, one says all where there is no intercept.
        signs = np.where(np.arange(len(rows)) % 2, -1, 1)
        if len(rows) == 1:  # The solver asks for both signs.
            rows, signs, counts = rows.repeat(2, 0), np.array([1, -1]), counts.repeat(2)
        machine = LinearSVC(
            C=self.C / np.sum(counts), loss="squared_hinge", dual=False, fit_intercept=False, max_iter=10000
        )
        machine.fit(rows * signs[:, None], signs, sample_weight=counts)
        found = machine.coef_[0]
        dim = short.shape[1]
        weights = pair_features.lengthened(found[:dim] / length)
        if len(found) > dim:
            weights += self.prior / plain_length * found[dim]
        self.weights = weights.astype(np.float32)
        self.num_iterations = int(np.max(machine.n_iter_))
        return self

    def distances(self, sketch_features, photo_features):
        """Computes the distance of every sketch to every photo.

        Args:
            sketch_features: `(num_sketches, dim)` floats.
            photo_features: `(num_photos, dim)` floats.
        Returns: `(num_sketches, num_photos)` float32, lower is closer.
        Raises: `ValueError` before `fit`, for another `dim` than there are weights, and as `fit` does.
        """
        sketch_features, photo_features = _checked(sketch_features, photo_features)
        if self.weights is None:
            raise ValueError("`fit` must be called first, or `weights` set. Received: neither")
        if self.weights.shape != sketch_features.shape[1:]:
            raise ValueError(
                f"`sketch_features` must be of {len(self.weights)} dimensions, as there are weights. "
                f"Received: {sketch_features.shape[1]}"
            )
        found = np.empty((len(sketch_features), len(photo_features)), np.float32)
        for row, sketch in enumerate(_progress(sketch_features, "sketch", "compare")):
            found[row] = np.abs(photo_features - sketch) @ self.weights
        return found


class _PairFeatures:
    """`|s - p|` of pairs of a sketch and a photo, less the mean over the pairs of the same sketch.

    Only differences between pairs of one sketch are looked at, so the mean is of no consequence; without it
    the Gram matrix is far from singular.
    """

    def __init__(self, sketch_features, photo_features, pairs):
        self.sketch_features, self.photo_features, self.pairs = sketch_features, photo_features, pairs
        _, self.starts, self.group, self.sizes = np.unique(
            pairs[:, 0], return_index=True, return_inverse=True, return_counts=True
        )
        self.basis = None

    def shortened(self):
        """Returns the pairs in at most `num_pairs` dimensions, and the sums over all dimensions.

        `(num_pairs, short_dim)` and `(num_pairs, 1)`, float64.
        """
        num_pairs, dim = len(self.pairs), self.sketch_features.shape[1]
        if dim <= num_pairs:
            short = self._block(slice(0, dim)).astype(np.float64)
            return short, short.sum(axis=1, keepdims=True)
        gram, sums = np.zeros((num_pairs, num_pairs)), np.zeros((num_pairs, 1))
        for block in _progress(_blocks(dim), "block", "compare pairs"):
            features = self._block(block)
            gram += features @ features.T
            sums += features.sum(axis=1, keepdims=True, dtype=np.float64)
        values, vectors = np.linalg.eigh(gram)
        kept = values > RANK_TOLERANCE * values[-1]
        lengths = np.sqrt(values[kept])
        self.basis = vectors[:, kept] / lengths
        return vectors[:, kept] * lengths, sums

    def lengthened(self, weights):
        """Returns weights of the fewer dimensions as weights of all."""
        if self.basis is None:
            return weights
        pair_weights = (self.basis @ weights).astype(np.float32)
        return np.concatenate([
            pair_weights @ self._block(block) for block in _blocks(self.sketch_features.shape[1])
        ])  # fmt: skip

    def _block(self, block):
        sketch, photo = self.pairs.T
        features = np.abs(self.sketch_features[sketch, block] - self.photo_features[photo, block])
        means = np.add.reduceat(features, self.starts, axis=0) / self.sizes[:, None].astype(np.float32)
        return features - means[self.group]


def _blocks(dim):
    return [slice(start, start + BLOCK) for start in range(0, dim, BLOCK)]


def _progress(items, unit, description):
    return tqdm(items, unit=unit, desc=description, file=sys.stderr, leave=False, delay=2)


def _root_mean_square(rows, counts):
    return float(np.sqrt(np.average(np.sum(np.square(rows), axis=1), weights=counts)))


def _checked(sketch_features, photo_features):
    checked = []
    for name, features in (("sketch_features", sketch_features), ("photo_features", photo_features)):
        features = np.asarray(features, np.float32)
        if features.ndim != 2 or 0 in features.shape:
            raise ValueError(f"`{name}` must be (num, dim), not empty. Received shape: {features.shape}")
        if not np.isfinite(features).all():
            raise ValueError(f"`{name}` must be finite. Received: NaN or infinity")
        checked.append(features)
    sketch, photo = checked
    if sketch.shape[1] != photo.shape[1]:
        raise ValueError(
            "`sketch_features` and `photo_features` must have the same dim. "
            f"Received shapes: {sketch.shape} and {photo.shape}"
        )
    return sketch, photo


def _checked_triplets(triplets, num_sketches, num_photos):
    triplets = np.asarray(triplets)
    if triplets.ndim != 2 or triplets.shape[1] != 3 or not len(triplets):
        raise ValueError(
            "`triplets` must be (num_triplets, 3) with at least one triplet. "
            f"Received shape: {triplets.shape}"
        )
    if not np.issubdtype(triplets.dtype, np.integer):
        raise TypeError(f"`triplets` must be of integers. Received: {triplets.dtype}")
    outside = ((triplets < 0) | (triplets >= (num_sketches, num_photos, num_photos))).any(axis=1)
    if outside.any():
        raise ValueError(
            f"`triplets` must index {num_sketches} sketches and {num_photos} photos. "
            f"Received: {triplets[outside][0].tolist()} in row {outside.argmax()}"
        )
    return triplets
