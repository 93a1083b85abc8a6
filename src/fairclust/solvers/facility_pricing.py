"""Large facility LPs: solve over a few facilities, price the others, let in those worth opening, certify on all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust.solvers.facility_interior import SHORTAGE, SMALL, solve_interior
from fairclust.solvers.facility_problem import FacilityProblem, Restriction

__all__ = ["N_DIRECT", "Found", "solve_directly", "solve_priced"]

#: Up to so many facilities all of them enter at once.
N_DIRECT = 2500
#: The first facilities cover each ball to this share of its radius; halved until there are at least N_FIRST.
FIRST_SHARE, N_FIRST = 0.5, 400
#: Service from nowhere costs what the rim of the ball does, and after each round that uses it so many times more.
DEARER = 4.0
#: Edges that cost more than this many times the price of their point are left out of restricted programs.
SPREAD = 2.0

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
    not suffice. Edges much dearer than a point's price are left out; the bounds are computed on all of them.
    """
    share = FIRST_SHARE
    keep = problem.cover(share)
    while keep.sum() < min(N_FIRST, problem.useful.sum()):
        share /= 2.0
        keep = problem.cover(share)
    weight = np.where(problem.weight > 0.0, problem.weight, problem.weight[problem.weight > 0.0].mean())
    penalty = 2.0 * float(problem.rim.max()) * weight
    cutoff: Floats | None = None
    openings, prices = problem.is_forced.astype(np.float64), np.zeros(len(weight))
    value, bound, whole_gap, iterations, status = np.inf, 0.0, np.inf, 0, "iteration_limit"
    failed = False
    left, returned = np.zeros_like(keep), np.zeros_like(keep)
    while iterations < max_iterations:
        nowhere = penalty if value == np.inf or failed else None
        part = problem.restrict(keep, cutoff, nowhere)
        wanted = max(0.5 * gap, min(1e-2, 0.1 * whole_gap))
        result = solve_interior(
            part.program, gap=wanted, max_iterations=max_iterations - iterations, y=_start(problem, part, openings)
        )
        iterations += max(result.n_iterations, 1)
        y = problem.openings(part.facilities, result.y)
        cost, worst, _ = problem.serve(y)
        if worst <= SHORTAGE and cost < value:
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
        reached = min(value, result.value)
        whole_gap = (reached - bound) / max(reached, SMALL * problem.dearest)
        # What an open facility is worth. Others that are worth more may enter; closed ones that are worth less leave.
        here = y[part.facilities]
        level = float(np.median(gain[part.facilities[here > 1e-3 * here.max()]]))
        new = (gain > level * (1.0 + 0.1 * gap)) & problem.useful & ~keep
        room = max(N_FIRST, len(part.facilities))
        new = problem.spread(new, gain, room)
        was, keep = keep, np.zeros_like(keep)
        keep[part.facilities] = (here > 1e-4 * here.max()) | (gain[part.facilities] > 0.9 * level)
        keep |= (openings > 1e-4) | returned
        if not new.any() and result.status == "optimal" and nowhere is None and wanted <= 0.5 * gap:
            status = "stalled"
            break
        # Who comes back stays: each facility leaves once at most, so the rounds cannot go in circles.
        returned |= new & left
        left |= was & ~keep
        keep |= new
        penalty = DEARER * penalty
        # Without an outside option the edges left may not suffice; then all come back, and the option with them.
        failed = result.status in ("infeasible", "stalled") and not np.isfinite(result.value)
        cutoff = None if failed else SPREAD * np.maximum(prices, candidate) / weight
    return Found(openings, prices, value, bound, iterations, status)


def _start(problem: FacilityProblem, part: Restriction, openings: Floats) -> Floats | None:
    """Half of the best openings so far, half of equal ones: inside, and near what was good."""
    known = openings[part.facilities]
    if not known.any():
        return None
    return 0.5 * problem.spare * (known / known.sum() + 1.0 / len(known))
