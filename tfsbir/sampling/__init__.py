"""Who meets whom: which sketches and photos make a training batch."""

from tfsbir.sampling.all_images import AllImages
from tfsbir.sampling.annotated_triplets import AnnotatedTriplets
from tfsbir.sampling.attribute_triplets import AttributeTriplets
from tfsbir.sampling.category_groups import CategoryGroups
from tfsbir.sampling.category_triplets import CategoryTriplets
from tfsbir.sampling.class_examples import ClassExamples
from tfsbir.sampling.pooled_triplets import PooledTriplets
from tfsbir.sampling.representative_sketches import representative_sketches
from tfsbir.sampling.semantic_triplets import SemanticTriplets
from tfsbir.sampling.true_pairs import TruePairs

__all__ = [
    "AllImages",
    "AnnotatedTriplets",
    "AttributeTriplets",
    "CategoryGroups",
    "CategoryTriplets",
    "ClassExamples",
    "PooledTriplets",
    "SemanticTriplets",
    "TruePairs",
    "representative_sketches",
]
