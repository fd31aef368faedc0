"""What the papers compare with: hand-made features, and a distance learned on top of any."""

from tfsbir.baselines.bag_of_hog import BagOfHOG
from tfsbir.baselines.dense_hog import dense_hog
from tfsbir.baselines.rank_svm import RankSVM

__all__ = ["BagOfHOG", "RankSVM", "dense_hog"]
