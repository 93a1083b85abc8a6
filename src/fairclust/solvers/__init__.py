"""Solvers: they know points, costs and groups, and no paper."""
