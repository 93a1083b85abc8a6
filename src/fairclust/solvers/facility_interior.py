r"""A primal-dual interior-point method for facility LPs that never sees the assignment variables as columns.

.. math::

    \min \sum_v \Big( \sum_{u \in B(v)} c_{vu} x_{vu} + o_v x_{v0} \Big), \quad
    \sum_{u \in B(v)} x_{vu} + x_{v0} = 1, \quad 0 \le x_{vu} \le y_u, \quad \sum_u y_u = k

with an outside option :math:`x_{v0} \ge 0` for some v. Newton's system has one unknown per edge, but the block of each
v is a diagonal plus a rank-one matrix, so all x are eliminated by hand. What is left is a dense positive definite
matrix over the facilities,

.. math:: D + \sum_v q_v q_v^\top / H_v ,

one Cholesky factorisation per iteration. Directions: Mehrotra's predictor and corrector, Gondzio's centrality
corrections, each weighted by the step it allows (Colombo and Gondzio, 2008).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from fairclust.solvers import facility_kernels as kernels
from fairclust.solvers.facility_matrix import assemble, plan_layout

__all__ = ["InteriorResult", "Program", "largest_sum", "solve_interior"]

#: A mass of at most this may be left over by a solution that counts as feasible; it is charged at the largest cost.
SHORTAGE = 1e-9
#: A value below this share of the dearest service counts as zero: gaps are relative to the larger of the two.
SMALL = 1e-6
#: Relative gap from which on Newton's equations are solved with one step of iterative refinement.
REFINE = 1e-5
#: Iterations without a tenth off the gap after which rounding is to blame.
PATIENCE = 25
#: Corrections per factorisation where that takes longer than two directions (an edge takes as long as so many
#: multiplications of the factorisation), else one; and how far each tries to lengthen the step.
N_CORRECTIONS, EDGE_FLOPS, LENGTHEN = 3, 800.0, 0.3
#: Products of complementary pairs are pushed back into this range around their target.
LOW, HIGH = 0.1, 10.0
#: Weights at which a correction is tried (see :func:`fairclust.solvers.facility_kernels.step_lengths`).
WEIGHTS = np.array([1 / 3, 2 / 3, 1.0])

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Program:
    """A facility LP: the balls with weighted costs, by ascending facility within each ball.

    Attributes
    ----------
    start : ndarray of int64, shape (n + 1,)
        Edges of demand v are ``start[v]:start[v + 1]``.
    node : ndarray of int32, shape (n_edges,)
        Facility of each edge, ascending within a ball; each of the m facilities occurs at least once.
    cost : ndarray of float64, shape (n_edges,)
        c >= 0, weights included.
    nearest : ndarray of int64, shape (n_edges,)
        Positions of the edges of each ball by (cost, facility).
    outside : ndarray of float64, shape (n,)
        o, infinite where there is no outside option.
    n_facilities : int
        m.
    n_centers : int
        k.
    capacity : ndarray of int64, shape (m,), optional
        How often each facility may open at most, where that is not once (a group may, as often as it has members).
    """

    start: NDArray[np.int64]
    node: NDArray[np.int32]
    cost: Floats
    nearest: NDArray[np.int64]
    outside: Floats
    n_facilities: int
    n_centers: int
    capacity: NDArray[np.int64] | None = None

    def upper_bound(self, y: Floats) -> tuple[float, float, Floats]:
        """The cost of openings y, the largest mass they leave unserved, and the cost share of each demand."""
        share = np.empty(len(self.outside))
        worst = kernels.serve(self.start, self.node, self.cost, self.nearest, self.outside, y, share)
        return float(share.sum()), float(worst), share

    def dearest(self) -> float:
        """The cost of serving each demand at the rim of its ball: no feasible solution needs more."""
        rim = np.maximum.reduceat(self.cost, self.start[:-1])
        return float(np.where(np.isfinite(self.outside), self.outside, rim).sum())

    def lower_bound(self, price: Floats) -> float:
        """The Lagrangian bound of prices: sum of prices minus the k largest gains, true for any prices."""
        price = np.minimum(price, self.outside)
        gain = np.empty(self.n_facilities)
        kernels.facility_gains(self.start, self.node, self.cost, price, gain)
        return float(price.sum()) - largest_sum(self.repeated(gain), self.n_centers)

    def repeated(self, gain: Floats) -> Floats:
        """Each facility's gain, as often as it may open."""
        return gain if self.capacity is None else np.repeat(gain, np.minimum(self.capacity, self.n_centers))


@dataclass(frozen=True, eq=False)
class InteriorResult:
    """Openings y and prices with the bounds they prove; status is optimal, infeasible, stalled or iteration_limit."""

    y: Floats
    price: Floats
    value: float
    lower_bound: float
    n_iterations: int
    status: str


def largest_sum(values: Floats, count: int) -> float:
    """The sum of the ``count`` largest values."""
    if count >= len(values):
        return float(values.sum())
    return float(np.partition(values, len(values) - count)[len(values) - count :].sum())


class _State:
    """Variables, directions and work space; x, s, z, b have one entry per edge, x0 and z0 one per demand."""

    def __init__(self, program: Program, cost: Floats, outside: Floats, y: Floats, price: Floats | None) -> None:
        self.program = program
        edges, n, m = len(cost), len(outside), program.n_facilities
        sizes = np.diff(program.start)
        rows = np.repeat(np.arange(n), sizes)
        self.has_outside = np.isfinite(outside)
        self.y = y
        # Half of each opening: the farthest from both of its bounds. The assignment rows start out violated.
        self.x = 0.5 * y[program.node]
        self.s = y[program.node] - self.x
        guess = np.bincount(rows, cost, n) / np.maximum(sizes, 1) if price is None else price
        # Strictly below the outside option, so that z0 = outside - price starts positive and true.
        option = np.where(self.has_outside, outside, 0.0)
        below = option - np.maximum(0.5 * option, 1e-3)
        self.price = np.where(self.has_outside, np.minimum(guess, below), guess)
        over = self.price[rows] - cost
        room = max(0.5 * float(self.price.mean()), 1e-3)
        self.b = np.maximum(over, 0.0) + room
        self.z = self.b - over
        self.x0 = np.where(self.has_outside, 0.5, 0.0)
        self.z0 = np.where(self.has_outside, option - self.price, 0.0)
        self.mu = float(np.bincount(program.node, self.b, m).mean())
        self.h, self.q, self.zx, self.bs, self.tx, self.ts = (np.empty(edges) for _ in range(6))
        self.h0, self.zx0, self.t0, self.row, self.known = (np.zeros(n) for _ in range(5))
        self.diagonal, self.right = np.empty(m), np.empty(m)
        self.matrix = np.empty((m, m))
        self.layout = plan_layout(program.start, program.node, program.nearest, m)
        self.step = _Direction(edges, n, m)
        self.correction = _Direction(edges, n, m)
        self.factor: Floats = self.matrix
        self.ones: Floats = np.ones(m)
        self.refine = False

    @property
    def n_pairs(self) -> int:
        return 2 * len(self.x) + int(self.has_outside.sum())

    def factorise(self) -> bool:
        p = self.program
        kernels.factors(
            p.start, p.node, self.x, self.z, self.s, self.b, self.x0, self.z0,
            self.h, self.q, self.h0, self.row, self.diagonal,
        )  # fmt: skip
        kernels.ratios(self.z, self.x, self.zx)
        kernels.ratios(self.b, self.s, self.bs)
        kernels.ratios(self.z0, self.x0, self.zx0)
        # Near the end the matrix is singular to working precision along directions in which y is not unique:
        # a few roundings' worth on the diagonal, only where the factorisation asks for it.
        for boost in (0.0, 1e-14, 1e-12, 1e-10):
            assemble(p.start, p.node, self.q, self.row, self.diagonal, self.layout, self.matrix)
            if boost:
                np.fill_diagonal(self.matrix, np.diag(self.matrix) * (1.0 + boost))
            self.factor, info = lapack.dpotrf(self.matrix.T, lower=0, overwrite_a=1, clean=0)
            if info == 0:
                self.ones = self.back_substitute(np.ones(p.n_facilities))
                return True
        return False

    def back_substitute(self, right: Floats) -> Floats:
        solution: Floats = lapack.dpotrs(self.factor, right, lower=0)[0]
        return solution

    def direction(self, d: _Direction, short: Floats, missing: float, excess: Floats | float) -> None:
        """Solve Newton's system for residuals (short, missing, excess) and targets (tx, ts, t0)."""
        p = self.program
        self.right[:] = excess
        kernels.newton_right_side(
            p.start, p.node, self.h, self.q, self.h0, self.row, short, self.tx, self.ts, self.t0, self.known, self.right
        )
        solution = self.back_substitute(self.right)
        d.mu = float((solution.sum() - missing) / self.ones.sum())
        d.y = solution - d.mu * self.ones
        self._spread_step(d, short)
        if self.refine:
            # The matrix has entries of very different size by now: solve once more for what the first solution missed.
            left = excess - d.mu + np.bincount(p.node, d.b, p.n_facilities).astype(np.float64)
            missed = self.back_substitute(left)
            shift = float(missed.sum() / self.ones.sum())
            d.mu += shift
            d.y += missed - shift * self.ones
            self._spread_step(d, short)

    def _spread_step(self, d: _Direction, short: Floats) -> None:
        """From the step in y, all others."""
        p = self.program
        kernels.newton_back(
            p.start, p.node, self.zx, self.bs, self.zx0, self.h, self.q, self.h0, self.row, short,
            self.tx, self.ts, self.t0, self.known, d.y, d.price, d.x, d.z, d.s, d.b, d.x0, d.z0,
        )  # fmt: skip

    def lengths(self, d: _Direction, c: _Direction) -> tuple[Floats, Floats]:
        """Primal and dual steps to the boundary (at most 1) along d + w c, for each w of WEIGHTS."""
        primal, dual = np.zeros(3), np.zeros(3)
        for x, dx, cx in ((self.x, d.x, c.x), (self.s, d.s, c.s), (self.x0, d.x0, c.x0)):
            kernels.step_lengths(x, dx, cx, primal)
        for z, dz, cz in ((self.z, d.z, c.z), (self.b, d.b, c.b), (self.z0, d.z0, c.z0)):
            kernels.step_lengths(z, dz, cz, dual)
        return 1.0 / np.maximum(primal, 1.0), 1.0 / np.maximum(dual, 1.0)

    def pairs(self, d: _Direction) -> list[tuple[Floats, Floats, Floats, Floats, Floats]]:
        return [
            (self.x, self.z, d.x, d.z, self.tx),
            (self.s, self.b, d.s, d.b, self.ts),
            (self.x0, self.z0, d.x0, d.z0, self.t0),
        ]

    def complementarity(self, primal: float = 0.0, dual: float = 0.0) -> float:
        """Mean product of the complementary pairs after a step."""
        total = sum(kernels.complementarity(x, z, dx, dz, primal, dual) for x, z, dx, dz, _ in self.pairs(self.step))
        return float(total) / self.n_pairs

    def move(self, primal: float, dual: float) -> None:
        d = self.step
        for x, dx in ((self.x, d.x), (self.s, d.s), (self.x0, d.x0), (self.y, d.y)):
            kernels.move(x, dx, primal)
        for z, dz in ((self.z, d.z), (self.b, d.b), (self.z0, d.z0), (self.price, d.price)):
            kernels.move(z, dz, dual)
        self.mu += dual * d.mu
        kernels.restore_dual(self.program.start, self.program.cost, self.price, self.z, self.b)


class _Direction:
    """A step in every variable."""

    def __init__(self, edges: int, n: int, m: int) -> None:
        self.x, self.z, self.s, self.b = (np.zeros(edges) for _ in range(4))
        self.x0, self.z0, self.price = (np.zeros(n) for _ in range(3))
        self.y = np.zeros(m)
        self.mu = 0.0

    def add(self, other: _Direction, primal: float, dual: float) -> None:
        for name in ("x", "s", "x0", "y"):
            kernels.move(getattr(self, name), getattr(other, name), primal)
        for name in ("z", "b", "z0", "price"):
            kernels.move(getattr(self, name), getattr(other, name), dual)
        self.mu += dual * other.mu


def _step(state: _State, mean: float) -> tuple[float, float]:
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
    scaled = Program(
        program.start,
        program.node,
        program.cost / scale,
        program.nearest,
        program.outside / scale,
        program.n_facilities,
        program.n_centers,
        program.capacity,
    )
    m, k = program.n_facilities, program.n_centers
    state = _State(
        scaled,
        scaled.cost,
        scaled.outside,
        np.full(m, k / m) if y is None else y.copy(),
        None if price is None else price / scale,
    )
    dearest = scaled.dearest()
    best_y, best_price, best_value, best_bound = state.y.copy(), state.price.copy(), np.inf, -np.inf
    last_value, last_bound, last_iteration = np.inf, -np.inf, 0
    status = "iteration_limit"
    iteration = 0
    for iteration in range(max_iterations + 1):
        mean = state.complementarity()
        estimate = mean * state.n_pairs
        # The two bounds cost as much as a correction: leave them out while they cannot meet. Without a feasible opening
        # after so long, the bound may be about to prove that there is none.
        due = iteration % 5 == 0 or iteration == max_iterations or (iteration > PATIENCE and best_value == np.inf)
        if due or estimate <= 20.0 * gap * max(abs(best_bound), 1e-300):
            openings = state.y * min(1.0, k / float(state.y.sum()))
            value, worst, _ = scaled.upper_bound(openings)
            bound = scaled.lower_bound(state.price)
            if worst <= shortage and value < best_value:
                best_value, best_y = value, openings.copy()
            elif best_value == np.inf and np.isfinite(openings).all():
                best_y = openings.copy()
            if bound > best_bound:
                best_bound, best_price = bound, state.price.copy()
            better = best_value - best_bound < 0.9 * (last_value - last_bound)
            if better or (best_value == np.inf and not best_bound <= last_bound + 1e-3 * abs(last_bound)):
                last_value, last_bound, last_iteration = best_value, best_bound, iteration
            if progress is not None:
                progress(iteration, best_value * scale, best_bound * scale)
            if best_bound > dearest * (1.0 + 1e-9) + 1e-9:
                status = "infeasible"
                break
            if best_value < np.inf and best_value - best_bound <= gap * max(best_value, SMALL * dearest):
                status = "optimal"
                break
        if iteration == max_iterations:
            break
        if iteration - last_iteration > PATIENCE:
            status = "stalled"
            break
        state.refine = estimate <= REFINE * max(best_bound, 1e-300)
        if not (np.isfinite(mean) and state.factorise()):
            status = "stalled"
            break
        primal, dual = _step(state, mean)
        if max(primal, dual) < 1e-10:
            status = "stalled"
            break
        back_off = min(max(0.99, 1.0 - mean), 0.9999)
        state.move(min(1.0, back_off * primal), min(1.0, back_off * dual))
    if status == "stalled" and best_value < np.inf:
        # Where rounding stops the method short of a vertex, the vertex may be had by closing what is almost closed.
        for share in (1e-6, 1e-4, 1e-2):
            openings = np.where(best_y > share * best_y.max(), best_y, 0.0)
            openings *= k / float(openings.sum())
            value, worst, _ = scaled.upper_bound(openings)
            if worst <= shortage and value < best_value:
                best_value, best_y = value, openings
        if best_value - best_bound <= gap * max(best_value, SMALL * dearest):
            status = "optimal"
    return InteriorResult(best_y, best_price * scale, best_value * scale, best_bound * scale, iteration, status)
