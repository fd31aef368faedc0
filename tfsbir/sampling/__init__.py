"""Who meets whom: which sketches and photos make a training batch."""

from tfsbir.sampling.annotated_triplets import AnnotatedTriplets
from tfsbir.sampling.true_pairs import TruePairs

__all__ = ["AnnotatedTriplets", "TruePairs"]
