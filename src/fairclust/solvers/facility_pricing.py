"""Large facility LPs: solve over a few facilities, price the others, let in those worth opening, certify on all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust.solvers.facility_interior import SHORTAGE, SMALL, solve_interior
from fairclust.solvers.facility_problem import FacilityProblem

__all__ = ["N_DIRECT", "Found", "solve_directly", "solve_priced"]

#: Up to so many facilities all of them enter at once.
N_DIRECT = 1200
#: The first facilities cover each ball to this share of its radius; halved until there are at least N_FIRST.
FIRST_SHARE, N_FIRST = 0.5, 400
#: Penalty for service from nowhere, as a multiple of the largest cost; raised tenfold while it is used.
PENALTY = 2.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Found:
    """Openings of all facilities, prices of all demands; value is infinite if nothing feasible was met."""

    openings: Floats
    prices: Floats
    value: float
    lower_bound: float
    n_iterations: int
    status: str


def solve_directly(
    problem: FacilityProblem,
    *,
    gap: float,
    max_iterations: int,
    progress: Callable[[int, float, float], Any] | None = None,
) -> Found:
    """All facilities at once."""
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


def solve_priced(
    problem: FacilityProblem,
    *,
    gap: float,
    max_iterations: int,
    progress: Callable[[int, float, float], Any] | None = None,
) -> Found:
    """Rounds of restrict, solve and price; a round's tolerance follows the gap of the whole."""
    share = FIRST_SHARE
    keep = problem.cover(share)
    while keep.sum() < min(N_FIRST, problem.useful.sum()):
        share /= 2.0
        keep = problem.cover(share)
    weight = np.where(problem.weight > 0.0, problem.weight, problem.weight[problem.weight > 0.0].mean())
    penalty = PENALTY * float(problem.rim.max()) * weight
    cutoff: Floats | None = None
    best = Found(problem.openings(np.zeros(0, np.intp), np.zeros(0)), 0.0 * weight, np.inf, 0.0, 0, "iteration_limit")
    value, bound, iterations, status = np.inf, 0.0, 0, "iteration_limit"
    openings, prices = best.openings, best.prices
    whole_gap = np.inf
    elastic = True
    prices_best = prices
    for turn in range(30):
        part = problem.restrict(keep, cutoff, penalty if elastic else None)
        wanted = max(0.5 * gap, min(1e-2, 0.1 * whole_gap))
        y0 = None
        if value < np.inf:
            m=len(part.facilities); y0 = openings[part.facilities]; y0 = .5*y0/y0.sum()*problem.spare + .5*problem.spare/m
        result = solve_interior(part.program, gap=wanted, max_iterations=max_iterations, y=y0)
        iterations += max(result.n_iterations, 1)
        y = problem.openings(part.facilities, result.y)
        cost, worst, _ = problem.serve(y)
        if worst <= SHORTAGE and cost < value:
            value, openings = cost, y
            elastic = False
        candidate = problem.prices(part.demands, result.price, penalty if elastic else None)
        lower, _, gain = problem.lower_bound(candidate)
        at = candidate
        if bound > 0.0:
            # Prices of a restricted program overshoot where facilities are missing: also try points on the way.
            for step in (0.75, 0.5, 0.25, 0.1):
                mixed = prices_best + step * (candidate - prices_best)
                between, _, gain_between = problem.lower_bound(mixed)
                if between > lower:
                    lower, at, gain = between, mixed, gain_between
        if lower > bound:
            bound, prices, prices_best = lower, at, at
        if progress is not None:
            progress(iterations, value, bound)
        import os
        if os.environ.get("FAC_DEBUG"):
            print("round", len(part.facilities), part.program.start[-1], "restricted", result.value, result.lower_bound, result.n_iterations, result.status, "worst", worst, "lower", lower, flush=True)
        if bound > problem.dearest * (1.0 + 1e-9):
            status = "infeasible"
            break
        if value < np.inf and value - bound <= gap * max(value, SMALL * problem.dearest):
            status = "optimal"
            break
        reached = min(value, result.value)
        whole_gap = (reached - bound) / max(reached, SMALL * problem.dearest)
        # What the open facilities are worth: the k-th largest gain among those kept, weighted by how open they are.
        open_enough = y[part.facilities] > 1e-3 * y.max()
        level = float(np.median(gain[part.facilities[open_enough]]))
        new = (gain > level * (1.0 + 0.1 * gap)) & problem.useful & ~keep
        used = np.zeros(len(keep), dtype=bool)
        cutoff = 2.0 * prices / weight
        used[part.facilities] = (y[part.facilities] > 1e-4 * y.max()) | (gain[part.facilities] > 0.9 * level)
        if not new.any():
            if worst > SHORTAGE and result.status == "optimal":
                penalty = 10.0 * penalty
            elif wanted <= 0.5 * gap and cutoff is None:
                status = "stalled"
                break
        elif new.sum() > max(N_FIRST, len(part.facilities)):
            room = max(N_FIRST, len(part.facilities))
            threshold = np.partition(gain[new], int(new.sum()) - room)[int(new.sum()) - room]
            new &= gain >= threshold
        keep = used | new
    return Found(openings, prices, value, bound, iterations, status)
