"""Facility LPs small enough for all facilities and demands at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fairclust.solvers.facility_interior import solve_interior
from fairclust.solvers.facility_problem import FacilityProblem, Found

__all__ = ["solve_directly"]


def solve_directly(
    problem: FacilityProblem,
    *,
    gap: float,
    max_iterations: int,
    progress: Callable[[int, float, float], Any] | None = None,
) -> Found:
    """One interior-point solution of the whole program.

    Parameters
    ----------
    problem : FacilityProblem
        Balls, costs and k; more useful facilities than centers are left.
    gap : float
        Stop when ``value - lower_bound <= gap * value``.
    max_iterations : int
        Interior-point iterations at most.
    progress : callable, optional
        Called as ``progress(iteration, value, lower_bound)``.

    Returns
    -------
    Found
        Status as in :class:`~fairclust.solvers.facility_interior.InteriorResult`.
    """
    part = problem.restrict(problem.useful)
    result = solve_interior(part.program, gap=gap, max_iterations=max_iterations, progress=progress)
    return Found(
        problem.openings(part.facilities, result.y),
        problem.prices(part.demands, result.price),
        result.value,
        result.lower_bound,
        result.n_iterations,
        result.status,
    )
