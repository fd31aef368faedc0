"""Losses on embeddings and predicted attributes; each returns one value per anchor."""

from tfsbir.losses.attribute_cross_entropy import AttributeCrossEntropy
from tfsbir.losses.batch_contrastive import BatchContrastive
from tfsbir.losses.batch_triplet_ranking import BatchTripletRanking
from tfsbir.losses.cross_domain_contrastive import CrossDomainContrastive
from tfsbir.losses.domain_confusion import DomainConfusion
from tfsbir.losses.evidence_bound import EvidenceBound
from tfsbir.losses.info_nce import InfoNCE
from tfsbir.losses.magnet_loss import MagnetLoss
from tfsbir.losses.semantic_reconstruction import SemanticReconstruction
from tfsbir.losses.triplet_ranking import TripletRanking

__all__ = [
    "AttributeCrossEntropy",
    "BatchContrastive",
    "BatchTripletRanking",
    "CrossDomainContrastive",
    "DomainConfusion",
    "EvidenceBound",
    "InfoNCE",
    "MagnetLoss",
    "SemanticReconstruction",
    "TripletRanking",
]
