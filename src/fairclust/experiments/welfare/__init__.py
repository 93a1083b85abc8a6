"""Experiments of *Welfare-centric clustering* (2025): one module per part of the paper."""

from fairclust.experiments.welfare.nearest import data_sizes, disutilities
from fairclust.experiments.welfare.theory import appendix_f, fact_e1, theorem_e2

__all__ = ["appendix_f", "data_sizes", "disutilities", "fact_e1", "theorem_e2"]
