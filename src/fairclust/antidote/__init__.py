"""Fair clusters by clustering antidote data along (Chhabra, Singla and Mohapatra, 2022)."""

from fairclust.antidote.clustering import AntidoteClustering
from fairclust.antidote.constructive import (
    ConstructiveAntidote,
    constructive_antidote,
    constructive_path,
    stacked_antidote,
)
from fairclust.antidote.definitions import FixedStartKMeans, KMedian
from fairclust.antidote.problem import AntidoteEvaluation, AntidoteProblem

__all__ = [
    "AntidoteClustering",
    "AntidoteEvaluation",
    "AntidoteProblem",
    "ConstructiveAntidote",
    "FixedStartKMeans",
    "KMedian",
    "constructive_antidote",
    "constructive_path",
    "stacked_antidote",
]
