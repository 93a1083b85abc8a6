"""Large facility LPs: solve over a few facilities, price the others, let in those worth opening, certify on all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust.solvers.facility_interior import solve_interior
from fairclust.solvers.facility_problem import FacilityProblem, Restriction
from fairclust.solvers.facility_program import SHORTAGE, SMALL

__all__ = ["N_DIRECT", "Found", "solve_directly", "solve_priced"]

#: Up to so many facilities all of them enter at once.
N_DIRECT = 2500
#: The first facilities cover each ball to this share of its radius; halved until there are at least N_FIRST.
FIRST_SHARE, N_FIRST = 0.5, 400
#: Service from nowhere costs so many times the largest cost; so many times more when rounds do not pay.
#: Cheaper at first gives better bounds in the first rounds but took longer in all (Bank, 4,521 points).
PENALTY, DEARER = 2.0, 4.0
#: Edges that cost more than this many times the price of their point are left out of restricted programs.
SPREAD = 2.0
#: After so many rounds in a row without a fifth off the gap, facilities only enter.
IDLE = 3
#: A matrix over more facilities than this is not tried (1.2 GB).
N_DENSE = 12_000

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
    """Rounds of restrict, solve and price; a round's tolerance follows the gap of the whole.

    Until a feasible opening is known, points may also be served from nowhere at a penalty: the first facilities need
    not suffice. Edges much dearer than a point's price are left out, and closed facilities leave; the bounds are
    computed on all of them. When rounds stop paying, nothing is left out or leaves any more and others enter by gain,
    so that, while the matrix fits (N_DENSE), the rounds end with all facilities at the latest.
    """
    share = FIRST_SHARE
    keep = problem.cover(share)
    while keep.sum() < min(N_FIRST, problem.useful.sum()):
        share /= 2.0
        keep = problem.cover(share)
    weight = np.where(problem.weight > 0.0, problem.weight, problem.weight[problem.weight > 0.0].mean())
    penalty = PENALTY * float(problem.rim.max()) * weight
    cutoff: Floats | None = None
    openings, prices = problem.is_forced.astype(np.float64), np.zeros(len(weight))
    value, bound, best_gap, iterations, status = np.inf, 0.0, np.inf, 0, "iteration_limit"
    failed, idle = False, 0
    while iterations < max_iterations:
        complete = bool(keep[problem.useful].all())
        nowhere = penalty if (value == np.inf or failed) and not complete else None
        part = problem.restrict(keep, None if complete else cutoff, nowhere)
        wanted = gap if complete else max(0.5 * gap, min(1e-2, 0.1 * best_gap))
        result = solve_interior(
            part.program, gap=wanted, max_iterations=max_iterations - iterations, y=_start(problem, part, openings)
        )
        iterations += max(result.n_iterations, 1)
        y = problem.openings(part.facilities, result.y)
        cost, worst, _ = problem.serve(y)
        if np.isfinite(y).all() and worst <= SHORTAGE and cost < value:
            value, openings = cost, y
        candidate = problem.prices(part.demands, result.price, nowhere)
        lower, _, gain = problem.lower_bound(candidate)
        if lower > bound:
            bound, prices = lower, candidate
        if progress is not None:
            progress(iterations, value, bound)
        if bound > problem.dearest * (1.0 + 1e-9):
            status = "infeasible"
            break
        if value < np.inf and value - bound <= gap * max(value, SMALL * problem.dearest):
            status = "optimal"
            break
        if complete:
            status = result.status
            break
        reached = min(value, result.value, problem.dearest)
        # A restricted program with a penalty may cost less than the bound on the whole.
        whole_gap = max((reached - bound) / max(reached, SMALL * problem.dearest), gap)
        idle = 0 if whole_gap < 0.8 * best_gap else idle + 1
        best_gap = min(best_gap, whole_gap)
        # What an open facility is worth. Others that are worth more may enter; closed ones that are worth less leave.
        here = y[part.facilities]
        level = float(np.median(gain[part.facilities[here > 1e-3 * here.max()]]))
        room = max(N_FIRST, len(part.facilities))
        outside = problem.useful & ~keep
        new = problem.spread(outside & (gain > level * (1.0 + 0.1 * gap)), gain, room)
        failed = not np.isfinite(result.value)
        careful = failed or idle >= IDLE or not new.any()
        if careful:
            if keep.sum() + room > N_DENSE:
                status = "stalled"
                break
            keep = keep | problem.spread(outside, gain, room)
            penalty = DEARER * penalty
            cutoff = None
        else:
            keep = np.zeros_like(keep)
            keep[part.facilities] = (here > 1e-4 * here.max()) | (gain[part.facilities] > 0.9 * level)
            keep |= (openings > 1e-4) | new
            cutoff = SPREAD * np.maximum(prices, candidate) / weight
    return Found(openings, prices, value, bound, iterations, status)


def _start(problem: FacilityProblem, part: Restriction, openings: Floats) -> Floats | None:
    """Half of the best openings so far, half of equal ones: inside, and near what was good."""
    known = openings[part.facilities]
    if not known.any():
        return None
    return 0.5 * problem.spare * (known / known.sum() + 1.0 / len(known))
