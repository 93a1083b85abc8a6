"""Individually fair k-clustering: a center within reach of every point (Chakrabarty and Negahbani, 2021)."""

from fairclust.metrics.radius import fair_radii
from fairclust.radii.curve import cost_violation_curve
from fairclust.radii.estimators import FairRadiiClustering
from fairclust.radii.fair_round import FairRounding, fair_round
from fairclust.radii.guarantees import Guarantees
from fairclust.radii.lp import FairRadiiLP, fair_radii_lp
from fairclust.radii.rounding import HalfIntegral
from fairclust.radii.sparse import SparseFairRounding, sparse_fair_round
from fairclust.solvers.infeasible_radii import InfeasibleRadiiError

__all__ = [
    "FairRadiiClustering",
    "FairRadiiLP",
    "FairRounding",
    "Guarantees",
    "HalfIntegral",
    "InfeasibleRadiiError",
    "SparseFairRounding",
    "cost_violation_curve",
    "fair_radii",
    "fair_radii_lp",
    "fair_round",
    "sparse_fair_round",
]
