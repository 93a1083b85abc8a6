"""Individually fair k-clustering: a center within reach of every point (Chakrabarty and Negahbani, 2021)."""

from fairclust.metrics.radius import fair_radii
from fairclust.radii.lp import FairRadiiLP, InfeasibleRadiiError, fair_radii_lp

__all__ = ["FairRadiiLP", "InfeasibleRadiiError", "fair_radii", "fair_radii_lp"]
