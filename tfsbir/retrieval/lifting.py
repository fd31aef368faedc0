"""Lifting in NumPy: a gallery is searched by a learned distance where there is neither model nor Keras."""

import io

import numpy as np

# The distances of tfsbir.distances that are learned, and the number of axes of their weights. Written out,
# since importing that package imports Keras.
NUM_AXES = {"weighted_euclidean": 1, "mahalanobis": 2, "holef": 2}
WEIGHTS_FILE = "distance.npy"


class Lifting:
    """Lifts embeddings by one dimension, so that a learned distance becomes an inner product.

    For a sketch and a photo, `distance = constant - <lifted sketch, lifted photo>`, where the constant is the
    sketch's. So the photos with the largest inner products are the nearest. It is the lifting of the layers
    in `tfsbir.distances` (`lift_query`, `lift_photo`), from their weights alone.

    Args:
        distance: "weighted_euclidean", "mahalanobis" or "holef".
        weights: The layer's one variable: `scale`, `(dim,)`, `projection` or `pair_weights`, `(dim, dim)`.

    Attributes:
        distance: The argument.
        weights: The argument as float32.
        dim: Int, length of an embedding.

    Raises: `ValueError` if `distance` is another one, or if `weights` are not finite or of another shape.
    """

    def __init__(self, distance, weights):
        if distance not in NUM_AXES:
            raise ValueError(f"`distance` must be one of {', '.join(NUM_AXES)}. Received: {distance!r}")
        weights = np.asarray(weights, np.float32)
        if weights.ndim != NUM_AXES[distance] or len(set(weights.shape)) > 1 or not weights.size:
            wanted = "(dim,)" if NUM_AXES[distance] == 1 else "(dim, dim)"
            raise ValueError(f"`weights` must have the shape {wanted}. Received: {weights.shape}")
        if not np.all(np.isfinite(weights)):
            raise ValueError("`weights` must be finite. Received: others")
        self.distance = distance
        self.weights = weights
        self.dim = len(weights)
        self._weights = weights.astype(np.float64)

    @classmethod
    def from_bytes(cls, distance, data):
        """Reads what `to_bytes` wrote. Raises `ValueError` where it is something else."""
        try:
            weights = np.load(io.BytesIO(data), allow_pickle=False)
        except (EOFError, OSError) as error:
            raise ValueError(str(error)) from None
        return cls(distance, weights)

    def to_bytes(self):
        """Returns the weights as a file in NumPy's `.npy` format, which programs of any language can read."""
        file = io.BytesIO()
        np.save(file, self.weights)
        return file.getvalue()

    def lift_queries(self, embeddings):
        """Lifts sketches.

        Args:
            embeddings: `(num_sketches, dim)`.
        Returns: The lifted ones, float32 `(num_sketches, dim + 1)`, and their constants, float64
            `(num_sketches,)`: the distance to an embedding of zeros.
        """
        embeddings = np.asarray(embeddings, np.float64)
        weighted = self._weigh(embeddings)
        if self.distance == "holef":
            constants = np.square(embeddings) @ self._weights.sum(axis=1)
        else:
            constants = np.square(weighted).sum(axis=1)
        lifted = np.column_stack([2.0 * weighted, np.full(len(embeddings), -1.0)])
        return lifted.astype(np.float32), constants

    def lift_photos(self, embeddings):
        """Lifts photos `(num_photos, dim)` to float32 `(num_photos, dim + 1)`."""
        embeddings = np.asarray(embeddings, np.float64)
        weighted = embeddings if self.distance == "holef" else self._weigh(embeddings)
        return self.with_last_dimension(weighted).astype(np.float32)

    def with_last_dimension(self, lifted):
        """Completes lifted photos that lack the last one, `(num_photos, dim)`; float64."""
        squared = np.square(lifted, dtype=np.float64)
        last = squared @ self._weights.sum(axis=0) if self.distance == "holef" else squared.sum(axis=1)
        return np.column_stack([lifted, last])

    def distances(self, constant, inner_products):
        """Turns inner products with lifted photos into distances; only HOLEF's may be negative."""
        found = constant - inner_products
        # The others are squares, which rounding alone can bring below 0.
        return found if self.distance == "holef" else np.maximum(found, 0.0)

    def _weigh(self, embeddings):
        if self.distance == "weighted_euclidean":
            return embeddings * self._weights
        return embeddings @ (self._weights if self.distance == "holef" else self._weights.T)
