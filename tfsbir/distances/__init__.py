"""Distances between sketch and photo embeddings; lower is closer, and not all are >= 0.

All have one interface. Called with `(sketch, photo)` they compare row with row. `pairwise(sketch, photo)`
compares every sketch with every photo. For an index that finds the largest inner products, such as
`faiss.IndexFlatIP`, `lift_photo` makes what is indexed and `lift_query` what is searched for;
`distance_of(sketch, inner_product)` turns what was found into distances again. A lifted embedding holds the
weights: index photos anew when a learned distance has changed. `Hamming` is that of binary codes; the others
are of float embeddings.
"""

from tfsbir.distances.distance_file import load_distance, save_distance
from tfsbir.distances.euclidean import Euclidean
from tfsbir.distances.hamming import Hamming
from tfsbir.distances.holef import HOLEF
from tfsbir.distances.mahalanobis import Mahalanobis
from tfsbir.distances.named import DISTANCES, distance_name, make_distance
from tfsbir.distances.near_identity import NearIdentity
from tfsbir.distances.squared_euclidean import SquaredEuclidean
from tfsbir.distances.weighted_euclidean import WeightedEuclidean

__all__ = [
    "DISTANCES",
    "HOLEF",
    "Euclidean",
    "Hamming",
    "Mahalanobis",
    "NearIdentity",
    "SquaredEuclidean",
    "WeightedEuclidean",
    "distance_name",
    "load_distance",
    "make_distance",
    "save_distance",
]
