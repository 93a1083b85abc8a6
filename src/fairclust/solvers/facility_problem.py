"""The whole facility problem: what is decided beforehand, restricted programs, and certificates on all edges."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numba
import numpy as np
from numpy.typing import NDArray

from fairclust.solvers import facility_kernels as kernels
from fairclust.solvers.facility_balls import Balls
from fairclust.solvers.facility_program import Program, largest_sum, less_rounding, rounding_of
from fairclust.solvers.infeasible_radii import InfeasibleRadiiError, disjoint_error, listed, number_of_centers

__all__ = ["FacilityProblem", "Found", "Restriction"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

_jit = numba.njit(cache=True, nogil=True)


@_jit
def _serve(start: NDArray[np.int64], node: NDArray[np.int32], cost: Floats, y: Floats, share: Floats) -> float:
    """Cheapest service of each demand under y, nearest first; returns the largest mass left over."""
    worst = 0.0
    for v in range(len(start) - 1):
        rest = 1.0
        total = 0.0
        for e in range(start[v], start[v + 1]):
            take = min(rest, y[node[e]])
            total += take * cost[e]
            rest -= take
            if rest <= 0.0:
                break
        if rest > 0.0:
            total += rest * cost[start[v + 1] - 1]
            worst = max(worst, rest)
        share[v] = total
    return worst


@_jit
def _gains(
    start: NDArray[np.int64], node: NDArray[np.int32], cost: Floats, weight: Floats, price: Floats, gain: Floats
) -> None:
    gain[:] = 0.0
    for v in range(len(start) - 1):
        for e in range(start[v], start[v + 1]):
            over = price[v] - weight[v] * cost[e]
            if over <= 0.0:
                break
            gain[node[e]] += over


@_jit
def _disjoint(
    start: NDArray[np.int64], node: NDArray[np.int32], order: Indices, taken: NDArray[np.bool_], chosen: Indices
) -> int:
    count = 0
    for v in order:
        free = True
        for e in range(start[v], start[v + 1]):
            if taken[node[e]]:
                free = False
                break
        if free:
            for e in range(start[v], start[v + 1]):
                taken[node[e]] = True
            chosen[count] = v
            count += 1
    return count


@_jit
def _cover(
    start: NDArray[np.int64],
    node: NDArray[np.int32],
    distance: Floats,
    home: Indices,
    order: Indices,
    share: float,
    chosen: NDArray[np.bool_],
) -> None:
    """Open the home of each demand, small balls first, unless a chosen place is within ``share`` of its radius."""
    for v in order:
        reach = share * distance[start[v + 1] - 1]
        covered = False
        for e in range(start[v], start[v + 1]):
            if distance[e] > reach:
                break
            if chosen[node[e]]:
                covered = True
                break
        if not covered:
            chosen[home[v]] = True


@_jit
def _spread(
    start: NDArray[np.int64],
    node: NDArray[np.int32],
    distance: Floats,
    demand: Indices,
    order: Indices,
    share: float,
    count: int,
    chosen: NDArray[np.bool_],
) -> None:
    """Choose up to ``count`` facilities in the given order, none within ``share`` of its radius of one before it."""
    found = 0
    for u in order:
        if found == count:
            break
        v = demand[u]
        reach = share * distance[start[v + 1] - 1]
        free = True
        for e in range(start[v], start[v + 1]):
            if distance[e] > reach:
                break
            if chosen[node[e]]:
                free = False
                break
        if free:
            chosen[u] = True
            found += 1


@dataclass(frozen=True, eq=False)
class Found:
    """Openings of all facilities, prices of all demands; value is infinite if nothing feasible was met."""

    openings: Floats
    prices: Floats
    value: float
    lower_bound: float
    n_iterations: int
    status: str


@dataclass(frozen=True, eq=False)
class Restriction:
    """A program over some facilities and edges, and where its demands and facilities are in the whole problem."""

    program: Program
    demands: Indices
    facilities: Indices


class FacilityProblem:
    r"""Balls, costs :math:`w_v d^p` and k, with the centers that zero-sized balls force opened beforehand."""

    def __init__(self, balls: Balls, n_centers: int, power: float, row_weights: Floats) -> None:
        self.balls, self.n_centers = balls, n_centers
        self.power, self.row_weights = power, row_weights
        self.start, self.node = balls.start, balls.facilities
        self.sizes = np.diff(balls.start)
        self.weight = np.bincount(balls.demand_of_row, row_weights, balls.n_demands)
        with np.errstate(over="ignore"):
            self.cost = balls.distances if power == 1.0 else balls.distances**power
            self.rim = self.cost[self.start[1:] - 1]
            #: The cost of serving each demand at the rim of its ball: no feasible solution needs more.
            self.dearest = float((self.rim * self.weight).sum())
        if not np.isfinite(self.dearest) or not np.isfinite(self.rim).all():
            raise ValueError(f"distances to the power {power:g} overflow; rescale X")
        # A ball of one place: that place must open fully.
        self.lone = np.flatnonzero(self.sizes == 1)
        self.is_forced = np.zeros(balls.n_facilities, dtype=bool)
        self.is_forced[self.node[self.start[:-1][self.lone]]] = True
        self.spare = n_centers - int(self.is_forced.sum())
        self.forced_cost = self._first_forced()
        self.useful = self._useful()

    def _first_forced(self) -> Floats:
        """The cost of the nearest forced center of each ball, infinite where there is none."""
        cost = np.full(len(self.sizes), np.inf)
        if self.is_forced.any():
            hits = np.flatnonzero(self.is_forced[self.node])
            demand = np.searchsorted(self.start, hits, side="right") - 1
            np.minimum.at(cost, demand, self.cost[hits])
        return cost

    def limit(self) -> Floats:
        """Cost from which on a facility is of no use to a demand: that of a forced center, 0 for a settled demand."""
        settled = (self.weight == 0.0) & np.isfinite(self.forced_cost)
        return np.where(settled, 0.0, self.forced_cost)

    def _useful(self) -> NDArray[np.bool_]:
        """Facilities that serve some demand more cheaply than a forced center does."""
        if self.spare <= 0:
            return np.zeros(self.balls.n_facilities, dtype=bool)
        return self._reach(~self.is_forced, self.limit())[1] > 0

    def _reach(self, keep: NDArray[np.bool_], limit: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How many of the facilities ``keep`` serve each demand more cheaply than its limit, and how many demands each
        of them so serves."""
        sizes, degree = np.zeros(len(self.sizes), dtype=np.int64), np.zeros(len(keep), dtype=np.int64)
        kernels.count_kept(self.start, self.node, self.cost, keep, limit, sizes, degree)
        return sizes, degree

    @property
    def order(self) -> Indices:
        """Demands by (radius, number)."""
        return np.argsort(self.balls.distances[self.start[1:] - 1], kind="stable")

    def check_disjoint(self) -> int:
        """How many disjoint balls a greedy pass meets, small balls first; raises if they are more than k."""
        taken = np.zeros(self.balls.n_facilities, dtype=bool)
        chosen = np.zeros(len(self.sizes), dtype=np.intp)
        count = _disjoint(self.start, self.node, self.order, taken, chosen)
        if count > self.n_centers:
            raise disjoint_error(self.balls.row_of_demand[chosen[:count]], self.n_centers)
        return count

    def infeasible(self, prices: Floats) -> InfeasibleRadiiError:
        r"""The error for prices whose bound exceeds every feasible cost, naming demands that cannot all be served.

        What a price exceeds the rim of its ball by, :math:`e_v`, pays for the ball alone. Openings that serve all balls
        of :math:`e_v > 0` collect :math:`\sum_v e_v` from them, but k places collect no more than the k largest
        :math:`\sum_{v : u \in B(v)} e_v`; that this is less follows from the bound and is checked here, with as few
        demands of large :math:`e_v` as bisection finds.
        """
        above_rim = np.maximum(self.lower_bound(prices)[1] - self.weight * self.rim, 0.0)
        # Cuts prove it by prices for balls alone. Should rounding spoil both proofs, all demands together are at fault.
        conflict = self._conflict(above_rim)
        if conflict is None:
            conflict = self._conflict(prices)
        if conflict is None:
            conflict = np.arange(len(self.sizes))
        rows = tuple(sorted(int(r) for r in self.balls.row_of_demand[conflict]))
        return InfeasibleRadiiError(
            f"no {number_of_centers(self.n_centers)}, not even fractional ones, can satisfy the radii of rows "
            f"{listed(rows)} together; enlarge their radii or raise n_clusters",
            rows,
            False,
        )

    def _conflict(self, paid: Floats) -> Indices | None:
        """Few demands, those that pay most, whose payments prove that k centers cannot serve their balls; None if the
        payments of all do not."""
        order = np.argsort(-paid, kind="stable")[: np.count_nonzero(paid > 0.0)]

        def proves(count: int) -> bool:
            collected = np.zeros(self.balls.n_facilities)
            for v in order[:count]:
                collected[self.node[self.start[v] : self.start[v + 1]]] += paid[v]
            return float(paid[order[:count]].sum()) > (1.0 + 1e-9) * largest_sum(collected, self.n_centers)

        low, high = self.n_centers, len(order)
        if high <= low or not proves(high):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if proves(middle) else (middle, high)
        return order[:high]

    def cover(self, share: float) -> NDArray[np.bool_]:
        """Facilities such that each demand has one within ``share`` of its radius."""
        home = self.balls.facility_of_row[self.balls.row_of_demand]
        chosen = np.zeros(self.balls.n_facilities, dtype=bool)
        _cover(self.start, self.node, self.balls.distances, home, self.order, share, chosen)
        return chosen & self.useful

    def spread(self, candidates: NDArray[np.bool_], gain: Floats, count: int) -> NDArray[np.bool_]:
        """``count`` of the candidates (all, if fewer): those of large gain first, but not all in one place."""
        if candidates.sum() <= count:
            return candidates
        order = np.flatnonzero(candidates)
        order = order[np.argsort(-gain[order], kind="stable")]
        demand = self.balls.demand_of_row[self.balls.row_of_facility]
        chosen = np.zeros(len(candidates), dtype=bool)
        share = 0.5
        while chosen.sum() < count and share > 1e-3:
            left = order[~chosen[order]]
            _spread(self.start, self.node, self.balls.distances, demand, left, share, count - chosen.sum(), chosen)
            share /= 2.0
        left = order[~chosen[order]]
        chosen[left[: count - chosen.sum()]] = True
        return chosen

    def restrict(self, keep: NDArray[np.bool_], dearest: Floats | None = None) -> Restriction:
        """The program over the facilities ``keep``, with every demand that one of them serves better than a forced
        center does, and for less than ``dearest`` if given (costs without weights, one per demand)."""
        limit = self.limit() if dearest is None else np.minimum(self.limit(), dearest)
        sizes, degree = self._reach(keep & self.useful, limit)
        facilities, demands = np.flatnonzero(degree), np.flatnonzero(sizes)
        number = np.full(len(keep), -1, dtype=np.int32)
        number[facilities] = np.arange(len(facilities))
        start = np.zeros(len(demands) + 1, dtype=np.int64)
        np.cumsum(sizes[demands], out=start[1:])
        node, cost = np.empty(start[-1], dtype=np.int32), np.empty(start[-1])
        nearest = np.empty(start[-1], dtype=np.int64)
        kernels.copy_kept(
            self.start, self.node, self.cost, self.weight, number, limit, demands, start, node, cost, nearest
        )
        program = Program(start, node, cost, nearest, self.outside()[demands], len(facilities), self.spare)
        return Restriction(program, demands, facilities)

    def outside(self) -> Floats:
        """What a demand pays at most: its nearest forced center, where there is one."""
        forced = np.isfinite(self.forced_cost)
        paid = np.where(forced, self.forced_cost, 0.0) * self.weight
        return np.where(forced, paid, np.inf)

    def openings(self, facilities: Indices, y: Floats) -> Floats:
        """Openings of all facilities from those of some, forced centers open, their sum at most k."""
        whole = self.is_forced.astype(np.float64)
        if len(y):
            capped = np.clip(y, 0.0, 1.0)
            whole[facilities] = capped * min(1.0, self.spare / float(capped.sum()))
        return whole

    def prices(self, demands: Indices, price: Floats) -> Floats:
        """Prices of all demands from those of some; the others pay the outside option, or 0 where there is none."""
        outside = self.outside()
        whole = np.where(np.isfinite(outside), outside, 0.0)
        whole[demands] = np.minimum(price, outside[demands])
        return whole

    def serve(self, openings: Floats) -> tuple[float, float, Floats]:
        """Cost of openings, largest mass they leave over (charged at the rim), and d^p shares of each demand.

        Openings that are no numbers serve nobody.
        """
        if not np.isfinite(openings).all():
            return np.inf, 1.0, np.full(len(self.sizes), np.inf)
        share = np.empty(len(self.sizes))
        worst = float(_serve(self.start, self.node, self.cost, openings, share))
        return float((share * self.weight).sum()), worst, share

    def gains(self, prices: Floats) -> Floats:
        """What opening each facility is worth at these prices."""
        gain = np.empty(self.balls.n_facilities)
        _gains(self.start, self.node, self.cost, self.weight, prices, gain)
        return gain

    def lower_bound(self, prices: Floats) -> tuple[float, Floats, Floats]:
        """The Lagrangian bound over all facilities, with the prices used and the gains.

        A point whose ball is one place u may pay for the whole of u's place among the k largest: its price and u's
        gain rise alike, which costs nothing and lets u count as open.
        """
        gain, prices = self.gains(prices), prices.copy()
        free = gain[~self.is_forced]
        places, first = np.unique(self.node[self.start[:-1][self.lone]], return_index=True)
        lift = np.maximum((float(free.max()) if len(free) else 0.0) - gain[places], 0.0)
        prices[self.lone[first]] += lift
        gain[places] += lift
        taken = largest_sum(gain, self.n_centers)
        return less_rounding(float(prices.sum()) - taken, prices, taken, self.n_centers), prices, gain

    def sure_bound(self, prices: Floats) -> tuple[float, Floats]:
        """The Lagrangian bound less all that rounding may have added to it, at least 0, and the prices used.

        Prices that are no numbers prove nothing.
        """
        if not np.isfinite(prices).all():
            return 0.0, np.zeros_like(prices)
        _, prices, gain = self.lower_bound(prices)
        taken = largest_sum(gain, self.n_centers)
        return max(float(prices.sum()) - taken - rounding_of(prices, taken, self.n_centers), 0.0), prices

    def within(self, reach: float) -> FacilityProblem | None:
        """The same problem without edges of cost above ``reach``, weights included; None if there are none."""
        keep = self.cost * np.repeat(self.weight, self.sizes) <= reach
        keep[self.start[:-1]] = True
        if keep.all():
            return None
        start = np.zeros_like(self.start)
        np.cumsum(np.add.reduceat(keep, self.start[:-1], dtype=np.int64), out=start[1:])
        balls = replace(self.balls, start=start, facilities=self.node[keep], distances=self.balls.distances[keep])
        return FacilityProblem(balls, self.n_centers, self.power, self.row_weights)
