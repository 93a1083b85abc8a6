"""Fair clusters by clustering antidote data along (Chhabra, Singla and Mohapatra, 2022)."""

from fairclust.antidote.clustering import AntidoteClustering
from fairclust.antidote.constructive import (
    ConstructiveAntidote,
    constructive_antidote,
    constructive_path,
    stacked_antidote,
)
from fairclust.antidote.convex import ConvexAntidote, gamma_lambda_study
from fairclust.antidote.definitions import FixedStartKMeans, KMedian
from fairclust.antidote.kkt import KKTResiduals, kkt_residuals
from fairclust.antidote.problem import AntidoteEvaluation, AntidoteProblem
from fairclust.antidote.relaxation import own_social_cost, solve_relaxed
from fairclust.antidote.sum_of_norms import SumOfNormsClustering

__all__ = [
    "AntidoteClustering",
    "AntidoteEvaluation",
    "AntidoteProblem",
    "ConstructiveAntidote",
    "ConvexAntidote",
    "FixedStartKMeans",
    "KKTResiduals",
    "KMedian",
    "SumOfNormsClustering",
    "constructive_antidote",
    "constructive_path",
    "gamma_lambda_study",
    "kkt_residuals",
    "own_social_cost",
    "solve_relaxed",
    "stacked_antidote",
]
