"""Welfare-centric clustering: Rawlsian and Utilitarian objectives that weigh distances against representation."""

from fairclust.welfare.assign import FairAssignment, assign

__all__ = ["FairAssignment", "assign"]
