"""Experiments of *Better algorithms for individually fair k-clustering* (2021): one module per group of figures."""
