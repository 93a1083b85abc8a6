r"""Benders decomposition of the facility LP: a small LP in the openings, cuts from one pass over the sorted balls.

For given y a point takes facilities nearest first until they add up to 1, at the *critical* cost :math:`c^*`. Its cost
is the largest of the cuts

.. math:: \theta_v \ge c^* - \sum_{u : c_{vu} < c^*} (c^* - c_{vu})\, y_u ,

and it has a cost at all only if :math:`\sum_{u \in B(v)} y_u \ge 1`. The master LP (HiGHS, warm started) holds the cuts
and rows that were once violated. Cuts are taken at the master's y and half way to the best y so far (in-out
separation); those slack for several rounds are dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import highspy
import numba
import numpy as np
from numpy.typing import NDArray

from fairclust.solvers.facility_problem import FacilityProblem, Found
from fairclust.solvers.facility_program import SHORTAGE, SMALL

__all__ = ["solve_benders"]

#: How far from the master's y toward the best y the second cuts are taken.
INWARD = 0.5
#: Rounds for which a cut may be slack before it is dropped.
PATIENCE = 4
#: Rounds in a row that may bring less than a hundredth off the gap; then rounding decides what the master returns.
IDLE = 100

Floats = NDArray[np.float64]
_jit = numba.njit(cache=True, nogil=True)


@_jit
def _separate(
    start: NDArray[np.int64],
    node: NDArray[np.int32],
    cost: Floats,
    y: Floats,
    theta: Floats,
    tolerance: float,
    critical: Floats,
) -> int:
    """``critical[v]``: c* where theta_v is too low, -1 where the ball holds less than 1, -2 where all is well."""
    found = 0
    for v in range(len(start) - 1):
        mass = 0.0
        saved = 0.0
        critical[v] = -1.0
        for e in range(start[v], start[v + 1]):
            mass += y[node[e]]
            saved += y[node[e]] * cost[e]
            if mass >= 1.0 - 1e-9:
                level = cost[e]
                # Mass beyond 1 lies at the critical cost itself.
                true_cost = saved - (mass - 1.0) * level
                critical[v] = level if true_cost > theta[v] + tolerance else -2.0
                break
        if critical[v] != -2.0:
            found += 1
    return found


class _Master:
    """min sum w theta over openings y (columns 0..m-1) and costs theta (columns m..), with the rows met so far."""

    def __init__(self, problem: FacilityProblem, scale: float) -> None:
        self.problem, self.scale = problem, scale
        m, n = problem.balls.n_facilities, len(problem.sizes)
        self.m = m
        self.highs = highspy.Highs()
        for option, value in (("output_flag", False), ("threads", 1), ("presolve", "off"), ("solver", "simplex")):
            self.highs.setOptionValue(option, value)
        for option in ("primal_feasibility_tolerance", "dual_feasibility_tolerance"):
            self.highs.setOptionValue(option, 1e-9)
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = m + n, 1
        lp.col_cost_ = np.concatenate([np.zeros(m), problem.weight])
        lp.col_lower_ = np.concatenate([problem.is_forced.astype(np.float64), np.zeros(n)])
        lp.col_upper_ = np.concatenate([np.ones(m), np.full(n, highspy.kHighsInf)])
        lp.row_lower_, lp.row_upper_ = np.array([-highspy.kHighsInf]), np.array([float(problem.n_centers)])
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.array([0, m])
        lp.a_matrix_.index_ = np.arange(m)
        lp.a_matrix_.value_ = np.ones(m)
        self.highs.passModel(lp)
        # Per row after the first: its demand, right-hand side, kind, and for how many rounds it has been slack.
        self.demand = np.zeros(0, dtype=np.intp)
        self.lower = np.zeros(0)
        self.is_cut = np.zeros(0, dtype=bool)
        self.age = np.zeros(0, dtype=np.intp)
        self.is_broken = False

    def add(self, critical: Floats) -> None:
        """Rows for every demand with something to cut."""
        p = self.problem
        starts, columns, values, lower = [0], [], [], []
        # Whoever weighs nothing costs nothing: only its ball counts.
        violated = np.flatnonzero((critical == -1.0) | ((critical >= 0.0) & (p.weight > 0.0)))
        if len(violated) == 0:
            return
        for v in violated:
            ball = slice(p.start[v], p.start[v + 1])
            if critical[v] == -1.0:
                columns.append(p.node[ball])
                values.append(np.ones(int(p.sizes[v])))
                lower.append(1.0)
            else:
                near = p.cost[ball] < critical[v]
                columns.append(np.append(p.node[ball][near], self.m + v).astype(np.int32))
                values.append(np.append((critical[v] - p.cost[ball][near]) / self.scale, 1.0))
                lower.append(critical[v] / self.scale)
            starts.append(starts[-1] + len(columns[-1]))
        status = self.highs.addRows(
            len(violated),
            np.array(lower),
            np.full(len(violated), highspy.kHighsInf),
            starts[-1],
            np.array(starts[:-1], dtype=np.int32),
            np.concatenate(columns).astype(np.int32),
            np.concatenate(values),
        )
        if status == highspy.HighsStatus.kError:
            # Coefficients of very different size, beyond what HiGHS takes.
            self.is_broken = True
            return
        self.demand = np.append(self.demand, violated)
        self.lower = np.append(self.lower, lower)
        self.is_cut = np.append(self.is_cut, critical[violated] != -1.0)
        self.age = np.append(self.age, np.zeros(len(violated), dtype=np.intp))

    def solve(self) -> str:
        if self.is_broken:
            return "stalled"
        self.highs.run()
        status = self.highs.getModelStatus()
        if status == highspy.HighsModelStatus.kOptimal:
            solution = self.highs.getSolution()
            columns = np.asarray(solution.col_value)
            self.y, self.theta = np.clip(columns[: self.m], 0.0, 1.0), columns[self.m :]
            self.y *= min(1.0, self.problem.n_centers * (1.0 + 1e-9) / max(float(self.y.sum()), 1e-300))
            self.dual = np.maximum(np.asarray(solution.row_dual)[1:], 0.0)
            return "optimal"
        if status == highspy.HighsModelStatus.kInfeasible:
            # Rows in proportion to their part in the contradiction: the prices that prove it, up to a factor.
            _, has_ray, ray = self.highs.getDualRay()
            self.dual = np.maximum(np.asarray(ray)[1:], 0.0) if has_ray else np.zeros(len(self.demand))
            return "infeasible"
        return "stalled"

    def prices(self) -> Floats:
        r"""Prices from the duals of the rows, :math:`\alpha_v = \sum \lambda c^* + \pi_v`.

        The gains they give are at most those of the rows, because max(0, .) is convex; so the Lagrangian bound is at
        least the master's value.
        """
        prices = np.bincount(self.demand, self.dual * self.lower, len(self.problem.sizes))
        return prices.astype(np.float64) * self.scale

    def drop_slack(self) -> None:
        self.age = np.where(self.dual > 1e-12, 0, self.age + 1)
        old = np.flatnonzero(self.is_cut & (self.age > PATIENCE))
        if len(old):
            self.highs.deleteRows(len(old), (old + 1).astype(np.int32))
            stay = np.ones(len(self.age), dtype=bool)
            stay[old] = False
            self.demand, self.lower = self.demand[stay], self.lower[stay]
            self.is_cut, self.age = self.is_cut[stay], self.age[stay]


def solve_benders(
    problem: FacilityProblem,
    *,
    gap: float = 1e-8,
    max_iterations: int = 200,
    progress: Callable[[int, float, float], Any] | None = None,
) -> Found:
    """Solve a facility LP by cuts; see the module's text.

    Parameters
    ----------
    problem : FacilityProblem
        Balls, costs and k.
    gap : float, default=1e-8
        Stop when ``value - lower_bound <= gap * value``, both recomputed from openings and prices.
    max_iterations : int, default=200
        Rounds (master LPs) at most.
    progress : callable, optional
        Called as ``progress(round, value, lower_bound)``.

    Returns
    -------
    Found

    Notes
    -----
    Few rounds (7 to 20), almost all time in the master, whose cuts have as many entries as a ball has places.
    """
    scale = problem.dearest / max(float(problem.weight.sum()), 1e-300) or 1.0
    master = _Master(problem, scale)
    n_rows = np.bincount(problem.balls.facility_of_row, minlength=problem.balls.n_facilities)
    centre = np.clip(problem.n_centers * n_rows / n_rows.sum(), 0.0, 1.0)
    critical = np.empty(len(problem.sizes))
    theta = np.zeros(len(problem.sizes))
    value, bound, status, turn = np.inf, 0.0, "iteration_limit", 0
    openings, prices = centre, theta
    points = [centre]
    reached, last_turn = np.inf, 0
    for turn in range(1, max_iterations + 1):
        for y in points:
            cost, worst, _ = problem.serve(y)
            if worst <= SHORTAGE and cost < value:
                value, openings = cost, y
            if _separate(problem.start, problem.node, problem.cost, y, theta * scale, 1e-10 * scale, critical):
                master.add(critical)
        outcome = master.solve()
        if outcome != "optimal":
            status = outcome
            if outcome == "infeasible":
                prices = master.prices()
            break
        theta = master.theta
        candidate = master.prices()
        lower, _, _ = problem.lower_bound(candidate)
        if lower > bound:
            bound, prices = lower, candidate
        cost, worst, _ = problem.serve(master.y)
        if worst <= SHORTAGE and cost < value:
            value, openings = cost, master.y
        if progress is not None:
            progress(turn, value, bound)
        if value < np.inf and value - bound <= gap * max(value, SMALL * problem.dearest):
            status = "optimal"
            break
        if value - bound < 0.99 * reached or not np.isfinite(value):
            reached, last_turn = value - bound, turn
        elif turn - last_turn > IDLE:
            status = "stalled"
            break
        master.drop_slack()
        points = [master.y]
        if value < np.inf:
            points.append((1.0 - INWARD) * master.y + INWARD * openings)
    return Found(openings, prices, value, bound, turn, status)
