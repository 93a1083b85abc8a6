r"""A facility LP by the edges of its balls, and the two bounds that any openings and any prices give.

.. math::

    \min \sum_v \Big( \sum_{u \in B(v)} c_{vu} x_{vu} + o_v x_{v0} \Big), \quad
    \sum_{u \in B(v)} x_{vu} + x_{v0} = 1, \quad 0 \le x_{vu} \le y_u, \quad \sum_u y_u = k

with an outside option :math:`x_{v0} \ge 0` for some v.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fairclust.solvers import facility_kernels as kernels

__all__ = ["SHORTAGE", "SMALL", "UNSURE", "Program", "largest_sum", "less_rounding", "rounding_of"]

#: A mass of at most this may be left over by a solution that counts as feasible; it is charged at the largest cost.
SHORTAGE = 1e-9
#: A value below this share of the dearest service counts as zero: gaps are relative to the larger of the two.
SMALL = 1e-6
#: Rounding of a bound is looked at only above this share of it; what is returned in the end is always made sure.
UNSURE = 1e-8

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

    def gains(self, price: Floats) -> Floats:
        """What opening each facility is worth at these prices."""
        gain = np.empty(self.n_facilities)
        kernels.facility_gains(self.start, self.node, self.cost, price, gain)
        return gain

    def lower_bound(self, price: Floats) -> float:
        """The Lagrangian bound of prices: sum of prices minus the k largest gains, true for any prices."""
        price = np.minimum(price, self.outside)
        taken = largest_sum(self.repeated(self.gains(price)), self.n_centers)
        return less_rounding(float(price.sum()) - taken, price, taken, self.n_centers)

    def renumbered(self, position: NDArray[np.int64]) -> Program:
        """The same program with facility u called ``position[u]``; edges of equal cost keep their order."""
        node, cost = np.empty_like(self.node), np.empty_like(self.cost)
        nearest = np.empty_like(self.nearest)
        kernels.renumber(
            self.start, self.node, self.cost, self.nearest, position, self.n_facilities, node, cost, nearest
        )
        capacity = None
        if self.capacity is not None:
            capacity = np.empty_like(self.capacity)
            capacity[position] = self.capacity
        return replace(self, node=node, cost=cost, nearest=nearest, capacity=capacity)

    def repeated(self, gain: Floats) -> Floats:
        """Each facility's gain, as often as it may open."""
        return gain if self.capacity is None else np.repeat(gain, np.minimum(self.capacity, self.n_centers))


def rounding_of(price: Floats, taken: float, n_centers: int) -> float:
    r"""By how much rounding may have raised a Lagrangian bound: the prices less the k largest gains, ``taken`` in all.

    With the unit roundoff :math:`\varepsilon = 2^{-53}`, a gain, which adds at most n terms :math:`\alpha_v - w_v
    c_{vu}` one after another, is off by at most :math:`(n + 2)\, \varepsilon` times itself and :math:`2 \varepsilon`
    times the prices in it. The two sums add a few :math:`\varepsilon` of theirs, pairwise as numpy adds. Costs are what
    they are as floating-point numbers.
    """
    return 2.0**-53 * ((len(price) + 64) * abs(taken) + (2 * n_centers + 64) * float(np.abs(price).sum()))


def less_rounding(bound: float, price: Floats, taken: float, n_centers: int) -> float:
    """The bound, less what rounding may have added where that could decide its eighth digit.

    Methods compare bounds of all sizes; only what is returned in the end must be sure to the last digit.
    """
    unsure = rounding_of(price, taken, n_centers)
    return bound if unsure <= UNSURE * abs(bound) else bound - unsure


def largest_sum(values: Floats, count: int) -> float:
    """The sum of the ``count`` largest values."""
    if count >= len(values):
        return float(values.sum())
    return float(np.partition(values, len(values) - count)[len(values) - count :].sum())
