"""Fair clusters by clustering antidote data along (Chhabra, Singla and Mohapatra, 2022)."""

from fairclust.antidote.clustering import AntidoteClustering
from fairclust.antidote.definitions import FixedStartKMeans, KMedian
from fairclust.antidote.problem import AntidoteEvaluation, AntidoteProblem

__all__ = ["AntidoteClustering", "AntidoteEvaluation", "AntidoteProblem", "FixedStartKMeans", "KMedian"]
