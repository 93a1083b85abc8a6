r"""Very large facility LPs: solve with facilities and demands in groups, split what matters, until nothing changes.

A program over groups of facilities (:mod:`~fairclust.solvers.facility_groups`) and of demands
(:mod:`~fairclust.solvers.facility_demands`) is small. Its prices, given to every demand and computed on every facility,
bound the whole from below; the members of its open groups, alone but with every demand, are another small program,
whose openings bound the whole from above. Facilities are split where groups open, demands where openings fall short of
a ball or prices are in doubt. Where the two bounds meet, most demands are still in groups: 5,500 census points, which
lie almost on a line, took 1,700 groups of demands and 3,300 of facilities to a gap of 1e-3 at k = 20.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust.solvers.facility_demands import DemandGroups, grouped_program
from fairclust.solvers.facility_groups import Groups
from fairclust.solvers.facility_interior import InteriorResult, solve_interior
from fairclust.solvers.facility_problem import FacilityProblem, Found
from fairclust.solvers.facility_program import SHORTAGE, SMALL, UNSURE, Program

__all__ = ["solve_refined"]

#: So many groups of facilities and of demands at first, at least; of demands also this share of all.
N_FIRST, N_LEADERS, LEADERS = 400, 1200, 0.08
#: A group counts as open from this share of the largest opening on, and is split if it is open or its gain is this
#: close to that of open ones; demands lead their own group if openings leave more than SHORT of them. Whenever nothing
#: is left to split, ten times as strict, at most so many times.
OPEN, NEAR, SHORT, N_SHARPER = 1e-3, 2e-4, 1e-3, 2
#: A group is halved so many times at once.
HALVINGS = 2
#: So many members of open groups at most make up the small program; twice as many where they were too many and nothing
#: is left to split, or the last round gained less than so many times the gap asked for.
N_CANDIDATES, MOST_CANDIDATES, SETTLED = 1200, 4800, 2.0
#: Programs are solved to this share of the last round's progress, at most LOOSE, at least this share of the gap asked
#: for, and no less exactly than EXACT in the end: less exact ones leave more groups open, which then are split in vain.
PROGRESS, LOOSE, EXACT = 0.4, 6e-3, 1e-4
#: Once a first feasible solution is known, and wherever the members are too many for the small program, it waits for a
#: round that gains less than this.
NEARLY = 0.01
#: Openings of groups are only a hint: they may leave this much of a demand unserved.
ROUGHLY = 1e-6
#: A program that got stuck so many times as far from its optimum as it was to come is solved once more.
FAR = 10.0
#: Where prices of single demands prove less than those of the groups by this share of the gap asked for, groups of
#: demands are split.
LAG = 0.1
#: No more groups (a matrix of 2 GB) and edges (about 190 bytes each) than this.
N_GROUPS, N_EDGES = 16_000, 20_000_000

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
    An iteration of a round takes time in proportion to its edges, pairs of a leader and a group in its ball, and to one
    factorisation over the groups. A round ends with a few passes over all edges of the whole problem.
    """
    groups = Groups(problem, max(N_FIRST, 2 * problem.spare))
    demands = DemandGroups(problem, max(N_LEADERS, int(LEADERS * len(problem.sizes))))
    openings, prices = problem.is_forced.astype(np.float64), np.zeros(len(problem.sizes))
    value, bound, status, iterations = np.inf, 0.0, "iteration_limit", 0
    last: Floats | None = None
    carried: Floats | None = None
    reached, gained, sharper, room = 0.0, 1.0, 0, N_CANDIDATES
    tried: tuple[bytes, float] | None = None
    finest = min(0.1 * gap, EXACT, LOOSE)
    while iterations < max_iterations:
        label = groups.label
        grouped = grouped_program(demands, label)
        program = grouped.program
        if program.n_facilities > N_GROUPS or len(program.node) > N_EDGES:
            status = "stalled"
            break
        wanted = min(max(PROGRESS * gained, finest), LOOSE)
        result = _solve(
            program,
            gap=wanted,
            max_iterations=max_iterations - iterations,
            price=None if last is None else grouped.gathered(last),
            y=None if carried is None else _start(carried, label, program),
            shortage=ROUGHLY,
        )
        iterations += max(result.n_iterations, 1)
        carried = np.where(label >= 0, (result.y / groups.sizes)[label], 0.0)
        last, short = demands.own_prices(grouped, result.y, result.price)
        lower, _, gain = problem.lower_bound(last)
        if lower > bound:
            bound, prices = lower, last
        if value == np.inf and bound > problem.dearest * (1.0 + 10.0 * UNSURE):
            status = "infeasible"
        is_open = result.y > OPEN * 0.1**sharper * result.y.max()
        gains, level = grouped.gains(result.price)
        split = (is_open | (gains > level * (1.0 - NEAR * 10.0**sharper))) & (groups.sizes > 1)
        promoted = demands.promote(short, SHORT * 0.1**sharper)
        idle = not (split.any() or promoted)
        again = False
        while status != "infeasible" and iterations < max_iterations:
            members, is_cut = _candidates(problem, is_open[label], openings > OPEN, gain, room)
            attempt = (members.tobytes(), wanted)
            if (gained < NEARLY or (value == np.inf and not is_cut)) and attempt != tried:
                tried = attempt
                part = problem.restrict(members)
                small = _solve(
                    part.program, gap=wanted, max_iterations=max_iterations - iterations, price=last[part.demands]
                )
                iterations += max(small.n_iterations, 1)
                y = problem.openings(part.facilities, small.y)
                cost, worst, _ = problem.serve(y)
                if np.isfinite(y).all() and worst <= SHORTAGE and cost < value:
                    value, openings = cost, y
            # Where smaller groups or more exact prices can still help much, they come first.
            is_last = (idle and wanted == finest) or (gained < SETTLED * gap and not again)
            if not (is_last and is_cut and room < MOST_CANDIDATES) or _is_within(problem, value, bound, gap):
                break
            again = True
            room *= 2
        if progress is not None:
            progress(iterations, value, bound)
        if status == "infeasible":
            break
        if _is_within(problem, value, bound, gap):
            status = "optimal"
            break
        scale = max(result.lower_bound, SMALL * problem.dearest) or 1.0
        gained, lag = abs(result.lower_bound - reached) / scale, (result.lower_bound - lower) / scale
        reached = result.lower_bound
        if split.any():
            groups.split(split, HALVINGS)
        if idle:
            gained = 0.0  # only a more exact solution can help
        if (idle or lag > LAG * gap) and not demands.is_single():
            demands.split(grouped.leaders, demands.doubts(grouped, result.price, last, gain))
        elif idle and sharper == N_SHARPER:
            status = "stalled"
            break
        elif idle:
            sharper += 1
            room = max(room, N_CANDIDATES * 2**sharper)
    return Found(openings, prices, value, bound, iterations, status)


def _solve(
    program: Program,
    *,
    gap: float,
    max_iterations: int,
    price: Floats | None,
    y: Floats | None = None,
    shortage: float = SHORTAGE,
) -> InteriorResult:
    """From prices that are nearly right, and once more from nowhere if that got stuck: exact ones are at the border."""
    result = solve_interior(program, gap=gap, max_iterations=max_iterations, price=price, y=y, shortage=shortage)
    left = max_iterations - result.n_iterations
    if price is None or result.status != "stalled" or left < 1:
        return result
    if result.value - result.lower_bound <= FAR * gap * result.value:
        return result
    again = solve_interior(program, gap=gap, max_iterations=left, shortage=shortage)
    return replace(again, n_iterations=result.n_iterations + again.n_iterations)


def _is_within(problem: FacilityProblem, value: float, bound: float, gap: float) -> bool:
    return value < np.inf and value - bound <= gap * max(value, SMALL * problem.dearest)


def _candidates(
    problem: FacilityProblem, is_open: NDArray[np.bool_], is_known: NDArray[np.bool_], gain: Floats, room: int
) -> tuple[NDArray[np.bool_], bool]:
    """Members of open groups and facilities of the best openings known, and whether there were too many for all."""
    known = problem.useful & is_known
    members = problem.useful & (is_open | known)
    is_cut = bool(members.sum() > room)
    if is_cut:
        members = known | problem.spread(members & ~known, gain, room - int(known.sum()))
    elif members.sum() < problem.spare:
        members |= problem.spread(problem.useful & ~members, gain, problem.spare - int(members.sum()))
    return members, is_cut


def _start(openings: Floats, label: NDArray[np.int32], program: Program) -> Floats:
    """Half of the last round's openings, half of equal ones: inside, and near what was good."""
    known = np.bincount(label[label >= 0], openings[label >= 0], program.n_facilities)
    k, m = program.n_centers, program.n_facilities
    start: Floats = 0.5 * k * (known / known.sum() + 1.0 / m)
    return start
