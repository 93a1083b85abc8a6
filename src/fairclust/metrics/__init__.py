"""What fair means, in numbers: one module per notion, and a report of all of them.

Every function takes points, labels or centers and a sensitive feature of any kind and any number of groups, and
nothing from the rest of the package: a clustering from elsewhere is judged like one from here.
"""

from fairclust.metrics.balance import balance, balance_table, group_balance
from fairclust.metrics.disutility import (
    cluster_violations,
    disutility,
    disutility_from_costs,
    proportional_violation,
    rawlsian,
    utilitarian,
)
from fairclust.metrics.radius import fair_radii, max_violation, radius_violation
from fairclust.metrics.report import FairnessReport
from fairclust.metrics.social import social_cost, social_costs

__all__ = [
    "FairnessReport",
    "balance",
    "balance_table",
    "cluster_violations",
    "disutility",
    "disutility_from_costs",
    "fair_radii",
    "group_balance",
    "max_violation",
    "proportional_violation",
    "radius_violation",
    "rawlsian",
    "social_cost",
    "social_costs",
    "utilitarian",
]
