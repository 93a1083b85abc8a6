r"""Second thoughts on facility LPs whose optimum is tiny beside what serving every ball from its rim would cost.

One point far from all others, or k tight clusters far apart, give balls whose rims are thousands of times farther than
the centers that anyone needs. A mass of 1e-9 that a solution leaves over then costs more there than everything else
together, and prices as large as the rims leave no digits for the bound. So the far edges are put aside:

1. Solve over the edges of cost at most R only, R a few times the best value so far.
2. Price and serve the *whole* problem with what that found: prices at most R gain nothing on the edges put aside.
3. Lower R with the value; raise it where the edges were too few.

Openings next to 0, 1 or a simple fraction are rounded to it, so that nothing is left over at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fairclust.solvers.facility_problem import FacilityProblem, Found
from fairclust.solvers.facility_program import SHORTAGE
from fairclust.solvers.infeasible_radii import InfeasibleRadiiError

__all__ = ["sharpen"]

#: A value is tiny below this share of the dearest service, and below so many times what may be left over at the rims
#: without being seen in the gap.
TINY, UNSEEN = 1e-2, 100.0
#: Edges up to so many times the value are kept at first, and so many times more where they were too few.
REACH, WIDER = 4.0, 64.0
#: What was found without the far edges is as good with them if the gap grows by no more than this.
ALIKE = 1.1
#: Programs solved at most.
ROUNDS = 12
#: Openings so near to 0 or 1 are rounded.
NEAR = 1e-6
#: The denominators that openings are rounded to: vertices of such programs seldom have others.
DENOMINATORS = (1, 2, 3, 4, 5, 6, 8, 12)

Floats = NDArray[np.float64]


def sharpen(
    problem: FacilityProblem,
    found: Found,
    solve: Callable[[FacilityProblem, int], Found],
    *,
    gap: float,
    max_iterations: int,
) -> Found:
    """Better openings and prices for the same problem, where far edges had cost the digits.

    Parameters
    ----------
    problem : FacilityProblem
        Balls, costs and k.
    found : Found
        What a method found, with both bounds recomputed on the whole problem; its value must be finite.
    solve : callable
        Called as ``solve(problem, max_iterations)`` with a problem of fewer edges; may raise InfeasibleRadiiError.
    gap : float
        Stop when ``value - lower_bound <= gap * value``.
    max_iterations : int
        Iterations at most, those of ``found`` included.

    Returns
    -------
    Found
        The cheapest openings and the best prices met, with both bounds recomputed on the whole problem; never worse
        than ``found``.

    Notes
    -----
    At most 12 programs, each with fewer edges than the whole.
    """
    best = _cheapest(problem, found, found.openings)
    reach, n_iterations, n_edges = REACH * best.value, found.n_iterations, 0
    for _ in range(ROUNDS if _is_tiny(problem, best.value, gap) else 0):
        before = best
        cut = problem.within(reach)
        if best.value - best.lower_bound <= gap * best.value or cut is None or n_iterations >= max_iterations:
            break
        if cut.balls.n_edges == n_edges:
            reach *= WIDER
            continue
        n_edges = cut.balls.n_edges
        try:
            part = solve(cut, max_iterations - n_iterations)
        except InfeasibleRadiiError:
            reach *= WIDER
            continue
        n_iterations += part.n_iterations
        if part.status == "infeasible" or not np.isfinite(part.value):
            reach *= WIDER
            continue
        # With the prices as the cut problem completes them: a place that is alone in its ball there pays its own gain.
        prices = cut.lower_bound(part.prices)[1]
        bound = problem.sure_bound(prices)[0]
        if bound > best.lower_bound:
            best = replace(best, prices=prices, lower_bound=bound)
        best = _cheapest(problem, best, part.openings)
        if best.value <= 0.5 * before.value:
            reach = REACH * best.value
        elif best.value - best.lower_bound <= ALIKE * (part.value - part.lower_bound):
            break  # the far edges cost nothing any more; what is left is for the method to prove
        elif best.lower_bound - before.lower_bound <= 0.1 * (before.value - before.lower_bound):
            reach *= WIDER
    return replace(best, n_iterations=n_iterations)


def _is_tiny(problem: FacilityProblem, value: float, gap: float) -> bool:
    """Whether a value is so far below the cost of serving everyone from the rim that its digits may be rounding."""
    return 0.0 < value < TINY * problem.dearest and gap * value < UNSEEN * SHORTAGE * problem.dearest


def _cheapest(problem: FacilityProblem, best: Found, openings: Floats) -> Found:
    """The openings or what rounding makes of them, if that is feasible and cheaper."""
    for candidate in (openings, *_rounded(openings, best.prices, problem)):
        value, worst, _ = problem.serve(candidate)
        if worst <= SHORTAGE and value < best.value:
            best = replace(best, openings=candidate, value=value)
    return best


def _rounded(openings: Floats, prices: Floats, problem: FacilityProblem) -> list[Floats]:
    """Openings rounded to simple fractions; the k largest; the k that are worth most at these prices; and with those
    next to 0 or 1 rounded, the others adding up to the rest."""
    k = problem.n_centers
    # Three thirds are one but for the last digit, and what is left over must not count.
    found = [np.nextafter(np.round(openings * one) / one, 1.0) for one in DENOMINATORS]
    found = [np.where(openings > 0.5 / one, y, 0.0) for one, y in zip(DENOMINATORS, found, strict=True)]
    found = [one for one in found if one.sum() <= k * (1.0 + 1e-15)]
    for worth in (openings, problem.lower_bound(prices)[2]):
        whole = np.zeros_like(openings)
        whole[np.argsort(-worth, kind="stable")[:k]] = 1.0
        found.append(whole)
    settled = np.where(openings > 1.0 - NEAR, 1.0, np.where(openings < NEAR, 0.0, openings))
    between = (settled > 0.0) & (settled < 1.0)
    left = k - settled[~between].sum()
    if between.any() and left > 0.0:
        settled[between] = np.minimum(settled[between] * (left / settled[between].sum()), 1.0)
        found.append(settled)
    return found
