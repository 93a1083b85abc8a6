r"""A primal-dual interior-point method for facility LPs that never sees the assignment variables as columns.

One factorisation of Newton's matrix over the facilities (:mod:`~fairclust.solvers.facility_newton`) per iteration.
Directions: Mehrotra's predictor and corrector, Gondzio's centrality corrections, each weighted by the step it allows
(Colombo and Gondzio, 2008).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust.solvers import facility_kernels as kernels
from fairclust.solvers.facility_cholesky import plan_elimination
from fairclust.solvers.facility_newton import WEIGHTS, Newton
from fairclust.solvers.facility_program import SHORTAGE, SMALL, UNSURE, Program

__all__ = ["InteriorResult", "solve_interior"]

#: Relative gap from which on Newton's equations are solved with one step of iterative refinement.
REFINE = 1e-5
#: Iterations without a tenth off the gap after which rounding is to blame.
PATIENCE = 25
#: Where complementary products grow so many times beyond the smallest so far, the method has lost its way.
DIVERGED = 1e8
#: Corrections per factorisation where that takes longer than two directions (an edge takes as long as so many
#: multiplications of the factorisation), else one; and how far each tries to lengthen the step.
N_CORRECTIONS, EDGE_FLOPS, LENGTHEN = 3, 800.0, 0.3
#: Products of complementary pairs are pushed back into this range around their target.
LOW, HIGH = 0.1, 10.0
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class InteriorResult:
    """Openings y and prices with the bounds they prove; status is optimal, infeasible, stalled or iteration_limit."""

    y: Floats
    price: Floats
    value: float
    lower_bound: float
    n_iterations: int
    status: str


class _Best:
    """The cheapest feasible openings of a program that were met (the last, if none were feasible), and the best prices.

    ``is_better`` tells after each offer whether the method is still getting on.
    """

    def __init__(self, program: Program, y: Floats, price: Floats, shortage: float) -> None:
        self.program, self.shortage = program, shortage
        self.dearest = program.dearest()
        self.y, self.price, self.value, self.bound = y.copy(), price.copy(), np.inf, -np.inf
        self.last_value, self.last_bound, self.last_worst = np.inf, -np.inf, np.inf

    def offer(self, y: Floats, price: Floats) -> bool:
        """Compute both bounds; whether they, or the mass not served as long as there is some, are clearly better."""
        if not (np.isfinite(y).all() and np.isfinite(price).all()):
            return False
        openings = y * min(1.0, self.program.n_centers / float(y.sum()))
        worst = self.offer_openings(openings)
        if self.value == np.inf:
            self.y = openings
        bound = self.program.lower_bound(price)
        if bound > self.bound:
            self.bound, self.price = bound, price.copy()
        better = self.value - self.bound < 0.9 * (self.last_value - self.last_bound)
        if self.value == np.inf:
            better |= not self.bound <= self.last_bound + 1e-3 * abs(self.last_bound)
            better |= worst < 0.8 * self.last_worst
        if better:
            self.last_value, self.last_bound, self.last_worst = self.value, self.bound, worst
        return better

    def offer_openings(self, openings: Floats) -> float:
        """Keep them if they are feasible and cheaper; returns the largest mass they leave over."""
        value, worst, _ = self.program.upper_bound(openings)
        if worst <= self.shortage and value < self.value:
            self.value, self.y = value, openings.copy()
        return worst

    def is_within(self, gap: float) -> bool:
        return self.value < np.inf and self.value - self.bound <= gap * max(self.value, SMALL * self.dearest)

    def is_infeasible(self) -> bool:
        return self.value == np.inf and self.bound > self.dearest * (1.0 + 10.0 * UNSURE) + 1e-9

    def close_the_almost_closed(self) -> None:
        """Where rounding stops the method short of a vertex, that may be the vertex."""
        for share in (1e-6, 1e-4, 1e-2):
            openings = np.where(self.y > share * self.y.max(), self.y, 0.0)
            if openings.sum() > 0.0:
                self.offer_openings(openings * (self.program.n_centers / float(openings.sum())))


def _step(state: Newton, mean: float) -> tuple[float, float]:
    """Put a corrected Newton direction into ``state.step``; returns how far the primal and the dual may go along it."""
    program = state.program
    short = 1.0 - state.x0 - np.add.reduceat(state.x, program.start[:-1])
    missing = float(program.n_centers - state.y.sum())
    excess = np.bincount(program.node, state.b, program.n_facilities).astype(np.float64) - state.mu
    nothing = np.zeros_like(short)
    d, c = state.step, state.correction
    for out, source in ((state.tx, state.z), (state.ts, state.b), (state.t0, state.z0)):
        np.negative(source, out=out)
    state.direction(d, short, missing, excess)
    # Along d + 1 d the boundary comes twice as soon as along d.
    primal_lengths, dual_lengths = state.lengths(d, d)
    primal, dual = min(1.0, 2.0 * float(primal_lengths[2])), min(1.0, 2.0 * float(dual_lengths[2]))
    target = mean * float(np.clip((state.complementarity(primal, dual) / mean) ** 3, 1e-6, 0.999))
    for x, _, dx, dz, out in state.pairs(d):
        kernels.central_targets(target, x, dx, dz, out)
    dear = program.n_facilities**3 / 3.0 > 2.0 * EDGE_FLOPS * len(program.cost)
    corrections = N_CORRECTIONS if dear else 1
    for turn in range(corrections + 1):
        state.direction(c, nothing, 0.0, 0.0)
        primal_lengths, dual_lengths = state.lengths(d, c)
        # The last of equal lengths: the largest weight, the most centring.
        i = 2 - int(np.argmax(primal_lengths[::-1]))
        j = 2 - int(np.argmax(dual_lengths[::-1]))
        if turn and primal_lengths[i] + dual_lengths[j] < primal + dual + 0.05 * LENGTHEN:
            break
        d.add(c, float(WEIGHTS[i]), float(WEIGHTS[j]))
        primal, dual = float(primal_lengths[i]), float(dual_lengths[j])
        if turn == corrections or min(primal, dual) > 0.9:
            break
        ahead, ahead_dual = min(1.0, primal + LENGTHEN), min(1.0, dual + LENGTHEN)
        for x, z, dx, dz, out in state.pairs(d):
            kernels.centrality_targets(target, LOW, HIGH, ahead, ahead_dual, x, z, dx, dz, out)
    return primal, dual


def solve_interior(
    program: Program,
    *,
    gap: float = 1e-8,
    max_iterations: int = 200,
    y: Floats | None = None,
    price: Floats | None = None,
    shortage: float = SHORTAGE,
    progress: Callable[[int, float, float], Any] | None = None,
) -> InteriorResult:
    r"""Solve a facility LP to a relative gap between the cost of an opening and a Lagrangian bound.

    Parameters
    ----------
    program : Program
        Each facility must lie in at least one ball, and k must not exceed their number.
    gap : float, default=1e-8
        Stop when ``value - lower_bound <= gap * value``.
    max_iterations : int, default=200
        Factorisations at most.
    y : array of shape (m,), optional
        Where to start: positive openings that add up to k. Uniform by default.
    price : array of shape (n,), optional
        Prices to start from: those of a similar program save a quarter of the iterations. Mean costs by default.
    shortage : float, default=1e-9
        Openings count as feasible if they leave at most so much of each demand unserved.
    progress : callable, optional
        Called as ``progress(iteration, value, lower_bound)`` whenever the bounds have been computed.

    Returns
    -------
    InteriorResult
        The cheapest openings (the last, if none were feasible) and the best prices met. The bounds do not rely on the
        method: ``value`` is the cost of ``y`` recomputed, ``lower_bound`` the Lagrangian bound of ``price`` recomputed.

    Notes
    -----
    An iteration takes O(m^3 / 3 + sum_v |B(v)|^2 / 2) operations and O(m^2 + n_edges) memory. If the lower bound passes
    the cost at which every demand is served from the rim of its ball, there is no feasible solution.
    """
    mean_cost = float(program.cost.mean()) if len(program.cost) else 0.0
    scale = mean_cost if mean_cost > 0.0 else 1.0
    scaled = replace(program, cost=program.cost / scale, outside=program.outside / scale)
    plan = plan_elimination(program.start, program.node, program.n_facilities)
    if not plan.is_dense:
        scaled = scaled.renumbered(plan.position)
        y = None if y is None else y[np.argsort(plan.position)]
    newton = Newton(scaled, y, None if price is None else price / scale, plan)
    best = _Best(scaled, newton.y, newton.price, shortage)
    last_iteration, iteration, status, least = 0, 0, "iteration_limit", np.inf
    for iteration in range(max_iterations + 1):
        mean = newton.complementarity()
        least = min(least, mean)
        estimate = mean * newton.n_pairs
        # The two bounds cost as much as a correction: leave them out while they cannot meet. Without a feasible opening
        # after so long, the bound may be about to prove that there is none.
        due = iteration % 5 == 0 or iteration == max_iterations or (iteration > PATIENCE and best.value == np.inf)
        if due or estimate <= 20.0 * gap * max(abs(best.bound), 1e-300):
            if best.offer(newton.y, newton.price):
                last_iteration = iteration
            if progress is not None:
                progress(iteration, best.value * scale, best.bound * scale)
            if best.is_infeasible():
                status = "infeasible"
                break
            if best.is_within(gap):
                status = "optimal"
                break
        if iteration == max_iterations:
            break
        if iteration - last_iteration > PATIENCE:
            status = "stalled"
            break
        newton.refine = estimate <= REFINE * max(best.bound, 1e-300)
        # While no opening is feasible growth is on the way to the proof that none is.
        lost = best.value < np.inf and mean > DIVERGED * least
        if lost or not (np.isfinite(mean) and newton.factorise()):
            status = "stalled"
            break
        primal, dual = _step(newton, mean)
        if max(primal, dual) < 1e-10:
            status = "stalled"
            break
        back_off = min(max(0.99, 1.0 - mean), 0.9999)
        newton.move(min(1.0, back_off * primal), min(1.0, back_off * dual))
    if status == "stalled" and best.value < np.inf:
        best.close_the_almost_closed()
        if best.is_within(gap):
            status = "optimal"
    return InteriorResult(
        best.y[plan.position], best.price * scale, best.value * scale, best.bound * scale, iteration, status
    )
