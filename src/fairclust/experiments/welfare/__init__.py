"""Experiments of *Welfare-centric clustering* (2025): one module per part of the paper."""

from fairclust.experiments.welfare.authors_results import authors_results
from fairclust.experiments.welfare.comparison import comparison, comparison_census_income
from fairclust.experiments.welfare.nearest import data_sizes, disutilities
from fairclust.experiments.welfare.price_of_fairness import price_of_fairness
from fairclust.experiments.welfare.several_groups import several_groups
from fairclust.experiments.welfare.theory import appendix_f, fact_e1, theorem_e2

__all__ = [
    "appendix_f",
    "authors_results",
    "comparison",
    "comparison_census_income",
    "data_sizes",
    "disutilities",
    "fact_e1",
    "price_of_fairness",
    "several_groups",
    "theorem_e2",
]
