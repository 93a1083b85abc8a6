"""Welfare-centric clustering: Rawlsian and utilitarian objectives that weigh distances against representation."""

from fairclust.welfare.assign import FairAssignment, assign
from fairclust.welfare.estimators import RawlsianClustering, UtilitarianClustering

__all__ = ["FairAssignment", "RawlsianClustering", "UtilitarianClustering", "assign"]
