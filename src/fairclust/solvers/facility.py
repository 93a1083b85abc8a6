r"""The facility LP behind fair radii: open k centers fractionally so that every point is served within its ball.

.. math::

    \min \sum_v w_v \sum_{u \in B(v)} d(v, u)^p\, x_{vu}, \quad \sum_{u \in B(v)} x_{vu} = 1, \quad
    0 \le x_{vu} \le y_u \le 1, \quad \sum_u y_u \le k .

Price, restrict, certify. For given openings y each point takes the nearest first, so any y is judged in one pass; for
given prices :math:`\alpha` the Lagrangian bound is one pass too,

.. math::

    L(\alpha) = \sum_v \alpha_v - \max_{|S| = k} \sum_{u \in S} \rho_u, \qquad
    \rho_u = \sum_{v : u \in B(v)} \max(0, \alpha_v - w_v d(v, u)^p) .

What finds y and :math:`\alpha` (:mod:`~fairclust.solvers.facility_interior`,
:mod:`~fairclust.solvers.facility_refinement`, :mod:`~fairclust.solvers.facility_pricing` or
:mod:`~fairclust.solvers.facility_benders`) need not be trusted: the two passes are repeated on the whole problem at the
end, and their results are what is returned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fairclust._validation import check_n_clusters, check_number, check_power, check_weights
from fairclust.solvers.facility_balls import Balls
from fairclust.solvers.facility_benders import solve_benders
from fairclust.solvers.facility_direct import solve_directly
from fairclust.solvers.facility_pricing import is_roomy, solve_priced
from fairclust.solvers.facility_problem import FacilityProblem, Found
from fairclust.solvers.facility_program import SHORTAGE
from fairclust.solvers.facility_refinement import solve_refined
from fairclust.solvers.facility_sharpening import sharpen

__all__ = ["METHODS", "FacilityResult", "solve_facility_lp"]

#: How y and the prices are found.
METHODS = ("interior", "benders", "refined", "priced")
#: Above so many facilities "interior" prices them where balls leave room, and refines groups otherwise.
N_DIRECT = 5000
#: A result of the interior-point method that is farther from proven than this is tried again by Benders' method.
FAR_OFF = 1e-6

Floats = NDArray[np.float64]
Progress = Callable[[int, float, float], Any]


@dataclass(frozen=True, eq=False)
class FacilityResult:
    r"""A fractional opening and the bound that certifies it.

    Attributes
    ----------
    value : float
        :math:`\sum_v w_v C_v`, the cost of ``openings``; an upper bound on the LP, up to what a rounding error of y,
        some 1e-16 of a center, costs at the rim of a ball.
    lower_bound : float
        :math:`L(\alpha)` at ``prices``, less all that rounding may have added; no openings cost less.
    gap : float
        ``(value - lower_bound) / value``; 0 if both are 0.
    openings : ndarray of float64, shape (m,)
        y in [0, 1], one per facility (distinct point); they add up to at most k.
    prices : ndarray of float64, shape (n_demands,)
        :math:`\alpha`: what serving one more copy of the demand would cost, weights included.
    cost_shares : ndarray of float64, shape (n,)
        :math:`C_v = \sum_u d(v, u)^p x_{vu}`, one per row of X, weights left out.
    n_iterations : int
        Iterations of the method.
    status : str
        "optimal" if the gap asked for was reached, else "iteration_limit" or "stalled".
    """

    value: float
    lower_bound: float
    gap: float
    openings: Floats
    prices: Floats
    cost_shares: Floats
    n_iterations: int
    status: str


def solve_facility_lp(
    balls: Balls,
    n_centers: int,
    *,
    power: float = 2.0,
    weights: Any = None,
    gap: float = 1e-8,
    max_iterations: int = 5000,
    method: Literal["interior", "benders", "refined", "priced"] = "interior",
    progress: Progress | None = None,
) -> FacilityResult:
    r"""Solve the fair-radii LP over given balls to a certified relative gap.

    Parameters
    ----------
    balls : Balls
        From :func:`~fairclust.solvers.facility_balls.balls_within` or ``nearest_balls``.
    n_centers : int in 1..n
        k.
    power : float >= 1, default=2
        p.
    weights : array of n numbers >= 0, optional
        :math:`w_v` by row of X; all 1 by default. Rows of weight 0 cost nothing but keep their ball.
    gap : float in [0, 1], default=1e-8
        Stop when ``value - lower_bound <= gap * value``. Below about 1e-9 rounding decides.
    max_iterations : int, default=5000
        Interior-point iterations (Cholesky factorisations) or Benders rounds at most.
    method : {"interior", "benders", "refined", "priced"}, default="interior"
        "interior" eliminates x by hand and factorises an m by m matrix. Where there are more than 5,000 facilities it
        goes on by itself as "priced", with a few facilities to which others are added, if the balls leave room, and
        else, or if that does not pay, as "refined", with facilities and demands in groups, which it splits where that
        matters. "benders" adds cuts to a small LP solved by HiGHS, which is fast where the solution is nearly integral.
        All give the same value.
    progress : callable, optional
        Called as ``progress(iteration, value, lower_bound)``.

    Returns
    -------
    FacilityResult

    Raises
    ------
    InfeasibleRadiiError
        If no k centers satisfy the balls.
    RuntimeError
        If the iteration limit came before any feasible opening.
    ValueError, TypeError
        If an argument is out of range.

    Notes
    -----
    "interior": :math:`O(m^3 / 3 + \sum_v |B(v)|^2 / 2)` operations per iteration, 15 to 40 iterations,
    :math:`O(m^2)` memory beside the edges; fewer operations where few facilities share a ball
    (:mod:`~fairclust.solvers.facility_cholesky`).
    Points with a ball of one place have their center opened beforehand. "Feasible" allows a mass of 1e-9 per point to
    be left over; it is charged at the rim of the ball. Where the optimum is tiny beside the rims (one point far from
    all others), the problem is solved again without the far edges (:mod:`~fairclust.solvers.facility_sharpening`).

    References
    ----------
    .. [1] Chakrabarty and Negahbani, *Better algorithms for individually fair k-clustering*, NeurIPS 2021.
    .. [2] Duran-Mateluna, Ales and Elloumi, *An efficient Benders decomposition for the p-median problem*, EJOR 2023.
    .. [3] Colombo and Gondzio, *Further development of multiple centrality correctors for interior point methods*,
       Computational Optimization and Applications 41, 2008.

    Examples
    --------
    Four points on a line, two centers. Each ball holds the two places 1 apart, so one center serves each pair.

    >>> from fairclust.solvers.facility_balls import balls_within
    >>> balls = balls_within([[0.0], [1.0], [8.0], [9.0]], [1.0, 1.0, 1.0, 1.0])
    >>> result = solve_facility_lp(balls, 2)
    >>> round(result.value, 6), round(result.lower_bound, 6), result.status
    (2.0, 2.0, 'optimal')
    >>> solve_facility_lp(balls, 1)
    Traceback (most recent call last):
    ...
    fairclust.solvers.infeasible_radii.InfeasibleRadiiError: no 1 center can satisfy the radii: the balls of
    rows 0, 2 are disjoint; enlarge their radii or raise n_clusters to at least 2
    """
    n_rows = len(balls.demand_of_row)
    k = check_n_clusters(n_centers, n_rows)
    p = check_power(power)
    row_weights = check_weights(weights, n_rows)
    tolerance = float(check_number(gap, "gap", low=0.0, high=1.0))
    limit = int(check_number(max_iterations, "max_iterations", low=1, integer=True))
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(map(repr, METHODS))}, got {method!r}")
    problem = FacilityProblem(balls, k, p, row_weights)
    found = _solve(problem, tolerance, limit, method, progress)
    found = _sharpened(problem, found, tolerance, limit, method)
    if method == "interior" and _is_direct(problem) and _is_far(found):
        # Once in several hundred programs the interior-point method stops far from the optimum; the slower method then
        # helps.
        other = solve_benders(problem, gap=tolerance, max_iterations=limit, progress=progress)
        found = _joined(found, _sharpened(problem, other, tolerance, limit, "benders"))
    if found.status == "infeasible":
        raise problem.infeasible(found.prices)
    if not np.isfinite(found.value):
        raise RuntimeError(
            f"no feasible opening found in {found.n_iterations} iterations ({found.status}); raise max_iterations, or "
            "check whether the radii leave any room: centers barely suffice"
        )
    return _certified(problem, found, tolerance)


def _is_direct(problem: FacilityProblem) -> bool:
    return bool(problem.useful.sum() <= N_DIRECT)


def _solve(problem: FacilityProblem, gap: float, max_iterations: int, method: str, progress: Progress | None) -> Found:
    """By the method asked for; nothing is certified yet. Raises InfeasibleRadiiError if too many balls are disjoint."""
    n_disjoint = problem.check_disjoint()
    if problem.useful.sum() <= problem.spare:
        # Room for every place that could serve better than the forced ones.
        return _all_open(problem)
    if method == "benders":
        return solve_benders(problem, gap=gap, max_iterations=max_iterations, progress=progress)
    if method == "interior" and _is_direct(problem):
        return solve_directly(problem, gap=gap, max_iterations=max_iterations, progress=progress)
    priced = method == "priced" or (method == "interior" and is_roomy(problem, n_disjoint))
    return _solve_large(problem, gap, max_iterations, progress, priced)


def _solve_large(
    problem: FacilityProblem, gap: float, max_iterations: int, progress: Progress | None, priced: bool
) -> Found:
    """By pricing first, if wanted; by refinement if that was not, or did not suffice."""
    if not priced:
        return solve_refined(problem, gap=gap, max_iterations=max_iterations, progress=progress)
    first = solve_priced(problem, gap=gap, max_iterations=max_iterations, progress=progress)
    left = max_iterations - first.n_iterations
    if first.status != "stalled" or left < 1:
        return first
    return _joined(first, solve_refined(problem, gap=gap, max_iterations=left, progress=progress))


def _joined(first: Found, second: Found) -> Found:
    """The cheaper openings and the prices that prove more, of two methods."""
    if second.status == "infeasible" and np.isfinite(first.value):
        return first  # a feasible opening is the better proof
    by_value = min(first, second, key=lambda one: one.value)
    by_bound = max(first, second, key=lambda one: one.lower_bound)
    return Found(
        by_value.openings,
        by_bound.prices,
        by_value.value,
        by_bound.lower_bound,
        first.n_iterations + second.n_iterations,
        second.status,
    )


def _sharpened(problem: FacilityProblem, found: Found, gap: float, max_iterations: int, method: str) -> Found:
    """With both bounds recomputed, and what can still be done if they are farther apart than asked for."""
    if found.status == "infeasible" or not np.isfinite(found.value):
        return found
    value, bound = problem.serve(found.openings)[0], problem.sure_bound(found.prices)[0]
    found = replace(found, value=value, lower_bound=bound)
    if value - bound <= gap * value or found.status == "iteration_limit":
        return found
    found = replace(found, status="stalled")
    if not np.isfinite(value):
        return found  # openings that are no numbers

    def solve(part: FacilityProblem, left: int) -> Found:
        # Its bounds are those of another problem, and not for the caller's eyes.
        return _solve(part, gap, left, method, None)

    return sharpen(problem, found, solve, gap=gap, max_iterations=max_iterations)


def _is_far(found: Found) -> bool:
    """Whether a method got stuck without a feasible opening, or clearly above what its prices prove."""
    if found.status != "stalled" or not np.isfinite(found.value):
        return found.status == "stalled"
    return found.value - found.lower_bound > FAR_OFF * found.value


def _all_open(problem: FacilityProblem) -> Found:
    openings = (problem.useful | problem.is_forced).astype(np.float64)
    value, _, share = problem.serve(openings)
    return Found(openings, share * problem.weight, value, value, 0, "optimal")


def _certified(problem: FacilityProblem, found: Found, tolerance: float) -> FacilityResult:
    """Both bounds recomputed on the whole problem, whatever the method said."""
    value, worst, share = problem.serve(found.openings)
    if worst > 10.0 * SHORTAGE:  # pragma: no cover - the methods return feasible openings only
        raise RuntimeError(f"the openings found leave a mass of {worst:g} unserved")
    bound, prices = problem.sure_bound(found.prices)
    bound = min(bound, value)
    gap = (value - bound) / value if value > bound else 0.0
    status = "optimal" if gap <= tolerance else ("stalled" if found.status == "optimal" else found.status)
    return FacilityResult(
        value, bound, gap, found.openings, prices, share[problem.balls.demand_of_row], found.n_iterations, status
    )
