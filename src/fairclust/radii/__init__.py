"""Individually fair k-clustering: a center within reach of every point (Chakrabarty and Negahbani, 2021)."""

from fairclust.metrics.radius import fair_radii

__all__ = ["fair_radii"]
