r"""Very large facility LPs: solve with facilities in groups, split the groups that are opened, until nothing changes.

The grouped program (:mod:`~fairclust.solvers.facility_groups`) bounds the whole from below, and so do its prices,
computed on every facility. The members of the open groups, alone, are a small program whose openings bound the whole
from above. Where the two bounds meet, the groups far from any open facility are still coarse: 8,000 census points,
which lie almost on a line, took 1,155 to 2,021 groups to a gap of 1e-3, depending on how groups are split. In more
dimensions less is saved: 2,588 groups of the 4,513 places of Bank left a gap of 0.25.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust.solvers.facility_groups import Groups, grouped_program
from fairclust.solvers.facility_interior import solve_interior
from fairclust.solvers.facility_pricing import Found
from fairclust.solvers.facility_problem import FacilityProblem
from fairclust.solvers.facility_program import SHORTAGE, SMALL

__all__ = ["solve_refined"]

#: So many groups at first, at least.
N_FIRST = 400
#: A group counts as open from this share of the largest opening on, and is split if it is open or its gain is this
#: close to that of open ones. Whenever no group is left to split, ten times as strict, at most so many times.
OPEN, NEAR, N_SHARPER = 1e-3, 2e-4, 2
#: A group is halved so many times at once.
HALVINGS = 2
#: So many members of open groups at most make up the small program; twice as many whenever no group is left to split.
N_CANDIDATES = 600
#: Programs are solved to at most this gap: less exact ones leave more groups open, which then are split in vain.
EXACT = 1e-5
#: Openings of groups are only a hint: they may leave this much of a demand unserved.
ROUGHLY = 1e-6
#: Above twice so many demands, about so many that stand for all decide the first groups, at no less than this gap.
N_THIN, THIN_GAP = 4000, 3e-3
#: No more groups (a matrix of 1.2 GB) and edges (about 190 bytes each) than this.
N_GROUPS, N_EDGES = 12_000, 20_000_000

Floats = NDArray[np.float64]


def solve_refined(
    problem: FacilityProblem,
    *,
    gap: float,
    max_iterations: int,
    progress: Callable[[int, float, float], Any] | None = None,
) -> Found:
    """Rounds of group, solve, certify and split; both bounds hold whenever it stops.

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
        Status "stalled" where the groups became too many or splitting them brought nothing more.

    Notes
    -----
    An iteration of a round takes time in proportion to its edges, pairs of a demand and a group in its ball, and to
    the cube of the number of groups. A round ends with one pass over all edges of the whole problem.
    """
    start, groups = None, Groups(problem, max(N_FIRST, 2 * problem.spare))
    if len(problem.sizes) > 2 * N_THIN:
        thin = problem.thinned(N_THIN)
        # Each facility must be in some ball that is left.
        if np.array_equal(thin.useful, problem.useful):
            silent = progress and (lambda iteration, *_: progress(iteration, np.inf, 0.0))
            start = _refine(thin, groups, None, True, max(gap, THIN_GAP), max_iterations * 3 // 4, silent)
            # A demand's part of the price of the one that stood for it: near enough to start from.
            stood = thin.balls.demand_of_row[problem.balls.row_of_demand]
            share = problem.weight / np.where(thin.weight[stood] > 0.0, thin.weight[stood], 1.0)
            start = replace(start, prices=start.prices[stood] * share)
    return _refine(problem, groups, start, False, gap, max_iterations, progress)


def _refine(
    problem: FacilityProblem,
    groups: Groups,
    start: Found | None,
    thin: bool,
    gap: float,
    max_iterations: int,
    progress: Callable[[int, float, float], Any] | None,
) -> Found:
    """Rounds from the given groups on; ``start`` tells where centers may be and how many iterations are spent. Where
    only the groups matter (``thin``), openings are not sought before few facilities are left to choose from."""
    openings = problem.is_forced.astype(np.float64) if start is None else start.openings
    iterations = 0 if start is None else start.n_iterations
    prices, value, bound, status = np.zeros(len(problem.sizes)), np.inf, 0.0, "iteration_limit"
    wanted, sharper = min(0.25 * gap, EXACT), 0
    tried, last = b"", None if start is None else start.prices
    while iterations < max_iterations:
        label = groups.label
        grouped = grouped_program(problem, label)
        if grouped.program.n_facilities > N_GROUPS or len(grouped.program.node) > N_EDGES:
            status = "stalled"
            break
        result = solve_interior(
            grouped.program,
            gap=wanted,
            max_iterations=max_iterations - iterations,
            price=None if last is None else last[grouped.demands],
            shortage=ROUGHLY,
        )
        iterations += max(result.n_iterations, 1)
        last = candidate = problem.prices(grouped.demands, result.price)
        lower, _, gain = problem.lower_bound(candidate)
        if lower > bound:
            bound, prices = lower, candidate
        if bound > problem.dearest * (1.0 + 1e-9):
            status = "infeasible"
        is_open = result.y > OPEN * 0.1**sharper * result.y.max()
        known = problem.useful & (openings > OPEN)
        members = problem.useful & (is_open[label] | known)
        room = N_CANDIDATES * 2**sharper
        if members.sum() > room and value == np.inf and not thin:
            members = known | problem.spread(members & ~known, gain, max(room - int(known.sum()), 0))
        elif members.sum() < problem.spare:
            members |= problem.spread(problem.useful & ~members, gain, problem.spare - int(members.sum()))
        attempt = members.tobytes()
        if status != "infeasible" and iterations < max_iterations and members.sum() <= room and attempt != tried:
            tried = attempt
            part = problem.restrict(members)
            small = solve_interior(part.program, gap=wanted, max_iterations=max_iterations - iterations)
            iterations += max(small.n_iterations, 1)
            y = problem.openings(part.facilities, small.y)
            cost, worst, _ = problem.serve(y)
            if np.isfinite(y).all() and worst <= SHORTAGE and cost < value:
                value, openings = cost, y
        if progress is not None:
            progress(iterations, value, bound)
        if status == "infeasible":
            break
        if value < np.inf and value - bound <= gap * max(value, SMALL * problem.dearest):
            status = "optimal"
            break
        gains, level = grouped.gains(result.price)
        split = (is_open | (gains > level * (1.0 - NEAR * 10.0**sharper))) & (groups.sizes > 1)
        if split.any():
            groups.split(split, HALVINGS)
        elif sharper == N_SHARPER:
            status = "stalled"
            break
        else:
            sharper += 1
    return Found(openings, prices, value, bound, iterations, status)
