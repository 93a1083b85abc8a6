r"""Newton's system of the interior-point method for facility LPs, with all assignment variables eliminated by hand.

The variables are x and s = y - x with their prices z and b, one of each per edge, y per facility, and the outside
options x_0 with z_0 per demand. The block of each demand is a diagonal plus a rank-one matrix, so what is left is a
dense positive definite matrix over the facilities,

.. math:: D + \sum_v q_v q_v^\top / H_v .
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairclust.solvers import facility_kernels as kernels
from fairclust.solvers.facility_cholesky import Elimination, PanelFactor, factorise
from fairclust.solvers.facility_matrix import assemble, plan_layout
from fairclust.solvers.facility_program import Program

__all__ = ["WEIGHTS", "Direction", "Newton"]

#: Weights at which a correction is tried (see :func:`fairclust.solvers.facility_kernels.step_lengths`).
WEIGHTS = np.array([1 / 3, 2 / 3, 1.0])
#: The first openings add up to so many times k, and the first z and b are at least so many times the price of their
#: demand, less where prices are given: on 11 LPs of the papers' data, 18 % fewer iterations than from openings that add
#: up to k with half the mean price as room.
SPREAD, ROOM, WARM_ROOM = 4.0, 1.5, 0.2

Floats = NDArray[np.float64]


class Newton:
    """Where the method stands, with directions and work space.

    Parameters
    ----------
    program : Program
    y : array of shape (m,), optional
        Positive openings to start from; equal ones by default.
    price : array of shape (n,), optional
        Prices to start from; mean costs by default.
    plan : Elimination, optional
        How to factorise the matrix, for a program numbered accordingly; dense by default.

    Notes
    -----
    x, s, z, b have one entry per edge, x0, z0 one per demand; mu is the price of the sum of y. All of them start
    strictly inside their bounds; the equations of the program need not hold yet.
    """

    def __init__(
        self,
        program: Program,
        y: Floats | None = None,
        price: Floats | None = None,
        plan: Elimination | None = None,
    ) -> None:
        self.program = program
        edges, n, m = len(program.cost), len(program.outside), program.n_facilities
        sizes = np.diff(program.start)
        rows = np.repeat(np.arange(n), sizes)
        self.has_outside = np.isfinite(program.outside)
        self.y = np.full(m, SPREAD * program.n_centers / m) if y is None else y.copy()
        # Half of each opening: the farthest from both of its bounds.
        self.x = 0.5 * self.y[program.node]
        self.s = self.y[program.node] - self.x
        guess = np.bincount(rows, program.cost, n) / np.maximum(sizes, 1) if price is None else price
        # Strictly below the outside option, so that z0 = outside - price starts positive and true.
        option = np.where(self.has_outside, program.outside, 0.0)
        below = option - np.maximum(0.5 * option, 1e-3)
        self.price = np.where(self.has_outside, np.minimum(guess, below), guess)
        over = self.price[rows] - program.cost
        least = np.maximum((ROOM if price is None else WARM_ROOM) * self.price, 1e-3)
        self.b = np.maximum(over, 0.0) + least[rows]
        self.z = self.b - over
        self.x0 = np.where(self.has_outside, 0.5, 0.0)
        self.z0 = np.where(self.has_outside, option - self.price, 0.0)
        self.mu = float(np.bincount(program.node, self.b, m).mean())
        self.h, self.q, self.zx, self.bs, self.tx, self.ts = (np.empty(edges) for _ in range(6))
        self.h0, self.zx0, self.t0, self.row, self.known = (np.zeros(n) for _ in range(5))
        self.diagonal, self.right = np.empty(m), np.empty(m)
        self.matrix = np.zeros((m, m))
        self.layout = plan_layout(program.start, program.node, program.nearest, m)
        self.step = Direction(edges, n, m)
        self.correction = Direction(edges, n, m)
        self.plan = Elimination.dense(m) if plan is None else plan
        self.factor: PanelFactor | None = None
        self.room = None if self.plan.is_dense else np.empty(self.plan.n_entries)
        self.ones: Floats = np.ones(m)
        self.refine = False

    @property
    def n_pairs(self) -> int:
        """Complementary pairs."""
        return 2 * len(self.x) + int(self.has_outside.sum())

    def factorise(self) -> bool:
        """Put the matrix at this place together and factorise it; whether that is possible."""
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
            if boost or self.plan.is_dense:
                self.matrix[:] = 0.0
            assemble(p.start, p.node, self.q, self.row, self.diagonal, self.layout, self.matrix)
            if boost:
                np.fill_diagonal(self.matrix, np.diag(self.matrix) * (1.0 + boost))
            self.factor = factorise(self.matrix, self.plan, self.room)
            if self.factor is not None:
                self.ones = self.back_substitute(np.ones(p.n_facilities))
                return True
        return False

    def back_substitute(self, right: Floats) -> Floats:
        """Solve with the factorised matrix."""
        assert self.factor is not None
        return self.factor.solve(right)

    def direction(self, d: Direction, short: Floats, missing: float, excess: Floats | float) -> None:
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

    def _spread_step(self, d: Direction, short: Floats) -> None:
        """From the step in y, all others."""
        p = self.program
        kernels.newton_back(
            p.start, p.node, self.zx, self.bs, self.zx0, self.h, self.q, self.h0, self.row, short,
            self.tx, self.ts, self.t0, self.known, d.y, d.price, d.x, d.z, d.s, d.b, d.x0, d.z0,
        )  # fmt: skip

    def lengths(self, d: Direction, c: Direction) -> tuple[Floats, Floats]:
        """Primal and dual steps to the boundary (at most 1) along d + w c, for each w of WEIGHTS."""
        primal, dual = np.zeros(3), np.zeros(3)
        for x, dx, cx in ((self.x, d.x, c.x), (self.s, d.s, c.s), (self.x0, d.x0, c.x0)):
            kernels.step_lengths(x, dx, cx, primal)
        for z, dz, cz in ((self.z, d.z, c.z), (self.b, d.b, c.b), (self.z0, d.z0, c.z0)):
            kernels.step_lengths(z, dz, cz, dual)
        return 1.0 / np.maximum(primal, 1.0), 1.0 / np.maximum(dual, 1.0)

    def pairs(self, d: Direction) -> list[tuple[Floats, Floats, Floats, Floats, Floats]]:
        """Complementary variables, their steps, and where the target of the second goes."""
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
        """Go along ``step``: the primal variables so far, the dual so far."""
        d = self.step
        for x, dx in ((self.x, d.x), (self.s, d.s), (self.x0, d.x0), (self.y, d.y)):
            kernels.move(x, dx, primal)
        for z, dz in ((self.z, d.z), (self.b, d.b), (self.z0, d.z0), (self.price, d.price)):
            kernels.move(z, dz, dual)
        self.mu += dual * d.mu
        kernels.restore_dual(self.program.start, self.program.cost, self.price, self.z, self.b)


class Direction:
    """A step in every variable."""

    def __init__(self, edges: int, n: int, m: int) -> None:
        self.x, self.z, self.s, self.b = (np.zeros(edges) for _ in range(4))
        self.x0, self.z0, self.price = (np.zeros(n) for _ in range(3))
        self.y = np.zeros(m)
        self.mu = 0.0

    def add(self, other: Direction, primal: float, dual: float) -> None:
        """Add a part of another step."""
        for name in ("x", "s", "x0", "y"):
            kernels.move(getattr(self, name), getattr(other, name), primal)
        for name in ("z", "b", "z0", "price"):
            kernels.move(getattr(self, name), getattr(other, name), dual)
        self.mu += dual * other.mu
