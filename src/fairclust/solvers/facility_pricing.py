r"""Large facility LPs whose balls leave room: solve over a few facilities, price the others, let in those worth more.

Where balls are much larger than k centers need, hardly any price pays for a ball; what a facility is worth then varies
smoothly with its place, and a thousand facilities that cover the rest tell nearly all prices. The prices of a round are
improved on all facilities by subgradient ascent before they are used: with :math:`U` the k facilities of largest gain,

.. math:: g_v = 1 - |\{u \in U \cap B(v) : w_v d(v, u)^p < \alpha_v\}|

points uphill, and a step costs one pass over the edges. That halves the gap of the first rounds; so does starting from
the best place between the prices so far and the new ones. Where balls are tight, a few facilities say nothing about the
others, and this is of no use: :mod:`~fairclust.solvers.facility_refinement`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from fairclust.solvers.facility_interior import solve_interior
from fairclust.solvers.facility_problem import FacilityProblem, Found
from fairclust.solvers.facility_program import SHORTAGE, SMALL

__all__ = ["is_roomy", "solve_priced"]

#: Balls leave room where a greedy pass finds no more disjoint ones than this share of k.
ROOMY = 0.6
#: So many facilities at first, at least, and so many more in each round at most.
N_FIRST, N_ENTER = 400, 600
#: Edges that cost more than this many times the price of their demand are left out; twice as many times after each
#: round in a row that does not pay.
SPREAD = 2.0
#: A facility counts as open from this share of the largest opening on; closed ones leave if they are worth less than
#: this share of open ones.
OPEN, WORTH = 1e-4, 0.9
#: A program is solved to this share of the gap that is left, within these bounds (the lower in gaps asked for).
PROGRESS, LOOSE, EXACT = 0.1, 1e-2, 0.3
#: Between the best prices so far and those of a round, these places are tried too: shares of the new prices.
BETWEEN = (0.0, 0.2, 0.4, 0.6, 0.8)
#: Steps of the ascent per round; the lengths of the first and of the longest, as multiples of Polyak's; how directions
#: are averaged; and by what the length is multiplied after a step that gains, and after so many in a row that do not.
N_STEPS, LENGTH, LONGEST, MEMORY = 60, 0.5, 2.0, 0.85
LONGER, SHORTER, IN_VAIN = 1.1, 0.7, 5
#: After so many rounds in a row without a fifth off the gap, the method gives up.
PATIENCE = 3

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_jit = numba.njit(cache=True, nogil=True)


@_jit
def _uphill(
    start: NDArray[np.int64],
    node: NDArray[np.int32],
    cost: Floats,
    weight: Floats,
    price: Floats,
    is_open: NDArray[np.bool_],
    out: Floats,
) -> None:
    """One minus the number of open facilities that each demand pays for."""
    for v in range(len(start) - 1):
        paid = 0
        for e in range(start[v], start[v + 1]):
            if weight[v] * cost[e] >= price[v]:
                break
            paid += is_open[node[e]]
        out[v] = 1.0 - paid


def is_roomy(problem: FacilityProblem, n_disjoint: int) -> bool:
    """Whether the method is worth trying, given how many disjoint balls a greedy pass finds."""
    return n_disjoint <= ROOMY * problem.n_centers


def solve_priced(
    problem: FacilityProblem,
    *,
    gap: float,
    max_iterations: int,
    progress: Callable[[int, float, float], Any] | None = None,
) -> Found:
    """Rounds of restrict, solve, price and ascend; both bounds hold whenever it stops.

    Parameters
    ----------
    problem : FacilityProblem
        Balls, costs and k; more useful facilities than centers are left.
    gap : float
        Stop when ``value - lower_bound <= gap * value``.
    max_iterations : int
        Interior-point iterations at most, over all programs.
    progress : callable, optional
        Called as ``progress(iteration, value, lower_bound)`` after each round.

    Returns
    -------
    Found
        Status "stalled" where the first facilities do not suffice, or rounds do not pay.

    Notes
    -----
    Programs have all demands and some hundred to three thousand facilities; per round one of them is solved, and about
    130 passes over all edges below the prices are made.
    """
    keep, share = problem.cover(0.5), 0.4
    while keep.sum() < min(max(N_FIRST, 2 * problem.spare), problem.useful.sum()):
        keep, share = problem.cover(share) if share > 1e-9 else problem.useful, 0.8 * share
    openings, prices = problem.is_forced.astype(np.float64), np.zeros(len(problem.sizes))
    found = prices
    value, bound, status, iterations = np.inf, 0.0, "iteration_limit", 0
    left, reached, idle = 1.0, np.inf, 0  # the gap, the smallest so far, and rounds in a row that did not pay
    while iterations < max_iterations:
        part = problem.restrict(keep, None if bound == 0.0 else _dearest(problem, np.maximum(prices, found), idle))
        wanted = max(min(PROGRESS * left, LOOSE), EXACT * gap)
        result = solve_interior(part.program, gap=wanted, max_iterations=max_iterations - iterations)
        iterations += max(result.n_iterations, 1)
        y = problem.openings(part.facilities, result.y)
        cost, worst, _ = problem.serve(y)
        if not np.isfinite(y).all():
            status = "stalled"
            break
        if worst <= SHORTAGE and cost < value:
            value, openings = cost, y
        found = problem.prices(part.demands, result.price)
        lower, _, gain = problem.lower_bound(found)
        if value == np.inf:
            status = "stalled"
            break
        # The bound is concave: the best place between the best prices so far and the new ones is better than both.
        places = [_at(problem, share * found + (1.0 - share) * prices) for share in BETWEEN]
        places.append(_Place(lower, found, gain))
        raised = _ascend(problem, max(places, key=lambda place: place.bound), value)
        if raised.bound > bound:
            bound, prices = raised.bound, raised.prices
        if progress is not None:
            progress(iterations, value, bound)
        left = (value - bound) / (max(value, SMALL * problem.dearest) or 1.0)
        if left <= gap:
            status = "optimal"
            break
        idle = 0 if left < 0.8 * reached else idle + 1
        reached = min(reached, left)
        here = np.zeros(len(keep), dtype=bool)
        here[part.facilities] = result.y > OPEN * result.y.max()
        staying, entering = here | (openings > OPEN), np.zeros(len(keep), dtype=bool)
        for worth in (gain, raised.gain):
            level = float(np.median(worth[here]))
            staying |= keep & (worth > WORTH * level)
            entering |= problem.spread(problem.useful & ~keep & (worth > level), worth, N_ENTER // 2)
        if idle == PATIENCE or (not entering.any() and wanted <= EXACT * gap):
            status = "stalled"
            break
        keep = (keep if idle else staying) | entering
    return Found(openings, prices, value, bound, iterations, status)


def _dearest(problem: FacilityProblem, prices: Floats, idle: int) -> Floats:
    """Up to which cost, weights left out, edges are kept."""
    light = problem.weight == 0.0
    kept: Floats = np.where(light, np.inf, SPREAD * 2.0**idle * prices / np.where(light, 1.0, problem.weight))
    return kept


class _Place(NamedTuple):
    """Prices, what they prove, and what opening each facility is worth at them."""

    bound: float
    prices: Floats
    gain: Floats


def _at(problem: FacilityProblem, prices: Floats) -> _Place:
    bound, _, gain = problem.lower_bound(prices)
    return _Place(bound, prices, gain)


def _ascend(problem: FacilityProblem, best: _Place, target: float) -> _Place:
    """The best place within a few subgradient steps.

    The steps are Polyak's toward ``target``, from the best place so far, along an average of the last directions.
    """
    here = best
    slope, mean = np.empty(len(best.prices)), np.zeros(0)
    length, in_vain = LENGTH, 0
    for _ in range(N_STEPS):
        is_open = np.zeros(len(best.gain), dtype=bool)
        is_open[np.argsort(-here.gain, kind="stable")[: problem.n_centers]] = True
        _uphill(problem.start, problem.node, problem.cost, problem.weight, here.prices, is_open, slope)
        mean = MEMORY * mean + (1.0 - MEMORY) * slope if len(mean) else slope.copy()
        steepness = float(mean @ mean)
        if steepness == 0.0 or best.bound >= target:
            break
        ahead = best.prices + length * (target - best.bound) / steepness * mean
        here = _at(problem, np.maximum(ahead, 0.0))
        if here.bound > best.bound:
            best, length, in_vain = here, min(LONGER * length, LONGEST), 0
        else:
            in_vain += 1
            if in_vain == IN_VAIN:
                length, in_vain = SHORTER * length, 0
    return best
