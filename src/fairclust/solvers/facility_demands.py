r"""Groups of demands that count as one: a facility LP with a fraction of the demands, and prices for each of them.

Most balls of a large instance say hardly more than their neighbours' do. Let a leader stand for the demands near it:
its ball must be served for all of them, and a facility (or a group U of facilities) in its ball costs what it costs
each of them,

.. math::

    c(D, U) = \sum_{v \in D} w_v \min\Big(\min_{u \in U \cap B(v)} d(v, u)^p,\; \max_{u \in B(v)} d(v, u)^p\Big) .

That leaves out the other balls and gives all of a group the same service. Neither matters for the bounds, which are
computed on the whole: the program's openings y tell where each demand's own price may lie (what it pays for the last
bit of its service), the group's price picks a place in these intervals, and what is left is the price of the leader's
ball. Demands that y leaves short become leaders; so do some of those whose price remains doubtful.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from fairclust.solvers.facility_problem import FacilityProblem
from fairclust.solvers.facility_program import Program

__all__ = ["DemandGroups", "Grouped", "grouped_program"]

#: With each promotion leaders may stand this much closer together, in shares of their radii, down to the second number.
CLOSER, CLOSEST = 0.7, 0.01
#: Groups that hold this share of all doubt are split, but at most one in so many; so often in halves at once.
DOUBT, MOST, HALVINGS = 0.9, 20, 2
#: What y may leave unserved, or serve twice, where critical costs are read off.
SLACK = 1e-3

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Labels = NDArray[np.int32]
Starts = NDArray[np.int64]

_jit = numba.njit(cache=True, nogil=True)


@_jit
def _represent(
    start: Starts,
    node: Labels,
    distance: Floats,
    demand_start: Indices,
    demand_at: Indices,
    order: Indices,
    share: float,
    leader: Indices,
) -> None:
    """Let each demand in turn stand for those left within ``share`` of its radius (-1: still left)."""
    for v in order:
        if leader[v] >= 0:
            continue
        leader[v] = v
        reach = share * distance[start[v + 1] - 1]
        for e in range(start[v], start[v + 1]):
            if distance[e] > reach:
                break
            for i in range(demand_start[node[e]], demand_start[node[e] + 1]):
                if leader[demand_at[i]] < 0:
                    leader[demand_at[i]] = v


@_jit
def _count(
    start: Starts,
    node: Labels,
    cost: Floats,
    limit: Floats,
    group: Labels,
    leaders: Indices,
    sizes: Starts,
    met: Starts,
) -> None:
    """How many groups each leader's ball meets; ``met`` is the last leader to meet each, -1 throughout at first."""
    for d in range(len(leaders)):
        v = leaders[d]
        for e in range(start[v], start[v + 1]):
            if cost[e] >= limit[v]:
                break
            g = group[node[e]]
            if g >= 0 and met[g] != d:
                met[g] = d
                sizes[d] += 1


@_jit
def _promote_for(
    start: Starts, node: Labels, cost: Floats, limit: Floats, group: Labels, met: Starts, leader: Indices
) -> None:
    """Make leaders of the first demands whose balls meet the groups that no leader's ball met (-1)."""
    for v in range(len(leader)):
        wanted = False
        for e in range(start[v], start[v + 1]):
            if cost[e] >= limit[v]:
                break
            g = group[node[e]]
            wanted = wanted or (g >= 0 and met[g] < 0)
            if wanted and g >= 0:
                met[g] = 0
        if wanted:
            leader[v] = v


@_jit
def _fill(
    start: Starts,
    node: Labels,
    cost: Floats,
    limit: Floats,
    cap: Floats,
    weight: Floats,
    group: Labels,
    leaders: Indices,
    member_start: Indices,
    members: Indices,
    n_groups: int,
    new_start: Starts,
    new_node: Labels,
    new_cost: Floats,
) -> None:
    """The edges of the program, by ascending group, at the cost for all members together."""
    place, seen = np.full(n_groups, -1, np.int64), np.full(n_groups, -1, np.int64)
    for d in range(len(leaders)):
        v = leaders[d]
        first = end = new_start[d]
        for e in range(start[v], start[v + 1]):
            if cost[e] >= limit[v]:
                break
            g = group[node[e]]
            if g >= 0 and place[g] < 0:
                place[g] = 0
                new_node[end] = g
                end += 1
        new_node[first:end] = np.sort(new_node[first:end])
        for i in range(first, end):
            place[new_node[i]] = i
            new_cost[i] = 0.0
        far = 0.0
        for j in range(member_start[d], member_start[d + 1]):
            v = members[j]
            dearest = weight[v] * cap[v]
            far += dearest
            for e in range(start[v], start[v + 1]):
                if cost[e] >= limit[v]:
                    break
                g = group[node[e]]
                if g >= 0 and place[g] >= 0 and seen[g] != v:
                    seen[g] = v
                    new_cost[place[g]] += weight[v] * cost[e] - dearest
        for i in range(first, end):
            new_cost[i] = max(new_cost[i] + far, 0.0)
            place[new_node[i]] = -1


@_jit
def _critical(
    start: Starts,
    node: Labels,
    cost: Floats,
    limit: Floats,
    cap: Floats,
    group: Labels,
    y: Floats,
    slack: float,
    low: Floats,
    high: Floats,
    served: Floats,
) -> None:
    """Between which costs the last bit of each demand's service lies under openings y, and how much y serves of it."""
    seen = np.full(len(y), -1, np.int64)
    for v in range(len(start) - 1):
        total = 0.0
        low[v] = high[v] = cap[v]
        for e in range(start[v], start[v + 1]):
            if cost[e] >= limit[v]:
                break
            g = group[node[e]]
            if g >= 0 and seen[g] != v:
                seen[g] = v
                before = total
                total += y[g]
                if before < 1.0 - slack <= total:
                    low[v] = cost[e]
                if before <= 1.0 + slack < total:
                    high[v] = cost[e]
        served[v] = total if limit[v] == np.inf else 1.0


@_jit
def _collect(
    start: Starts,
    node: Labels,
    cost: Floats,
    weight: Floats,
    counts: NDArray[np.bool_],
    number: Indices,
    prices: Floats,
    out: Floats,
) -> None:
    """Add what the demands pay for the facilities that count to ``out`` of their groups."""
    for v in range(len(start) - 1):
        if number[v] >= 0:
            for e in range(start[v], start[v + 1]):
                over = prices[v] - weight[v] * cost[e]
                if over <= 0.0:
                    break
                if counts[node[e]]:
                    out[number[v]] += over


@_jit
def _away(start: Starts, node: Labels, distance: Floats, v: int, facility: Labels, away: Floats) -> Floats:
    """Distances of facilities from a demand, infinite outside its ball; ``away`` is infinite throughout."""
    for e in range(start[v], start[v + 1]):
        away[node[e]] = distance[e]
    found = away[facility]
    for e in range(start[v], start[v + 1]):
        away[node[e]] = np.inf
    return found


@dataclass(frozen=True, eq=False)
class Grouped:
    """A program over groups of facilities and of demands.

    Attributes
    ----------
    program : Program
    leaders : ndarray of intp
        The demands of the whole problem that lead the program's.
    number : ndarray of intp, shape (n_demands,)
        Which demand of the program each of the whole problem is in; -1 where a forced center serves it best.
    group : ndarray of int32, shape (m,)
        Which facility of the program each of the whole problem is in, or -1.
    """

    program: Program
    leaders: Indices
    number: Indices
    group: Labels

    def gains(self, price: Floats) -> tuple[Floats, float]:
        """What opening each group is worth at these prices of the demands, and from what worth on groups open."""
        gain = self.program.gains(price)
        among, k = self.program.repeated(gain), self.program.n_centers
        return gain, float(np.partition(among, len(among) - k)[len(among) - k])

    def gathered(self, prices: Floats) -> Floats:
        """Prices of the program's demands from those of the whole problem's."""
        known = self.number >= 0
        return np.bincount(self.number[known], prices[known], len(self.leaders)).astype(np.float64)


class DemandGroups:
    """A partition of the demands that can be made finer.

    Parameters
    ----------
    problem : FacilityProblem
    count : int
        At least so many groups at first (every demand on its own, if fewer).

    Attributes
    ----------
    leader : ndarray of intp, shape (n_demands,)
        The leader of each demand, which is in the leader's ball; a leader's is itself.
    """

    def __init__(self, problem: FacilityProblem, count: int) -> None:
        self.problem = problem
        self.place = problem.balls.facility_of_row[problem.balls.row_of_demand]
        self.demand_at = np.argsort(self.place, kind="stable")
        self.demand_start = np.searchsorted(self.place[self.demand_at], np.arange(problem.balls.n_facilities + 1))
        self.limit = problem.limit()
        self.cap = np.where(np.isfinite(problem.forced_cost), problem.forced_cost, problem.rim)
        #: Served best by a forced center: no part of any program, and no leader of others.
        self.idle = problem.cost[problem.start[:-1]] >= self.limit
        self.away = np.full(problem.balls.n_facilities, np.inf)
        alone = np.arange(len(problem.sizes))
        self.share = 0.5
        while True:
            left = np.where(self.idle | (problem.sizes == 1), alone, -1)
            self.leader = self._represented(left, problem.order)
            if (self.leader == alone).sum() >= count or self.share < 1e-9:
                break
            self.share *= 0.8

    def _represented(self, leader: Indices, order: Indices) -> Indices:
        p = self.problem
        _represent(
            p.start, p.node, p.balls.distances, self.demand_start, self.demand_at, order, self.share, leader
        )  # fmt: skip
        return leader

    def is_single(self) -> bool:
        """Whether each demand is its own leader."""
        return bool((self.leader == np.arange(len(self.leader))).all())

    def promote(self, shortage: Floats, tolerance: float) -> bool:
        """Let demands that lack more than the tolerance lead, those that lack most first; whether there were any.

        The others in want within ``share`` of its radius follow each.
        """
        alone = np.arange(len(self.leader))
        short = (shortage > tolerance) & (self.leader != alone)
        if not short.any():
            return False
        self.share = max(CLOSER * self.share, min(self.share, CLOSEST))
        found = self._represented(np.where(short, -1, alone), np.argsort(-shortage, kind="stable"))
        self.leader[short] = found[short]
        return True

    def split(self, leaders: Indices, doubt: Floats) -> None:
        """Split the groups of largest doubt: nine tenths of all doubt, but no more than a twentieth of the groups.

        Parameters
        ----------
        leaders : ndarray of intp
            Of some groups.
        doubt : ndarray of float64
            Of each of these groups. Where there is none, all groups are split.
        """
        size = np.bincount(self.leader, minlength=len(self.leader))[leaders]
        doubt = np.where(size > 1, doubt, 0.0)
        if doubt.any():
            order = np.argsort(-doubt, kind="stable")
            needed = int(np.searchsorted(np.cumsum(doubt[order]), DOUBT * doubt.sum())) + 1
            chosen = order[: min(needed, max(len(order) // MOST, 1))]
        else:
            chosen = np.flatnonzero(size > 1)
        by_leader = np.argsort(self.leader, kind="stable")
        first = np.searchsorted(self.leader[by_leader], leaders[chosen])
        for v, begin, count in zip(leaders[chosen], first, size[chosen], strict=True):
            pieces = [(v, by_leader[begin : begin + count])]
            for _ in range(HALVINGS):
                pieces = [half for piece in pieces for half in self._halves(*piece)]
            for head, members in pieces:
                self.leader[members] = head

    def _halves(self, leader: int, members: Indices) -> list[tuple[int, Indices]]:
        """The members near the leader, and the others with the one of smallest radius to lead them."""
        if len(members) == 1:
            return [(leader, members)]
        p = self.problem
        others = members[members != leader]
        far = _away(p.start, p.node, p.balls.distances, leader, self.place[others], self.away)
        by_distance = others[np.argsort(far, kind="stable")]
        staying, parting = by_distance[: (len(others) - 1) // 2], by_distance[(len(others) - 1) // 2 :]
        radius = p.balls.distances[p.start[parting + 1] - 1]
        head = int(parting[np.lexsort((parting, radius))[0]])
        # Who is not in the new leader's ball leads itself.
        reached = np.isfinite(_away(p.start, p.node, p.balls.distances, head, self.place[parting], self.away))
        alone = [(int(v), np.array([v])) for v in parting[~reached]]
        return [(leader, np.append(staying, leader)), (head, parting[reached]), *alone]

    def own_prices(self, grouped: Grouped, y: Floats, price: Floats) -> tuple[Floats, Floats]:
        """Prices of all demands from the program's, and how much of each y leaves unserved.

        O(n_edges).
        """
        p = self.problem
        low, high, served = (np.empty(len(self.leader)) for _ in range(3))
        _critical(p.start, p.node, p.cost, self.limit, self.cap, grouped.group, y, SLACK, low, high, served)
        low, high = low * p.weight, np.maximum(low, high) * p.weight
        least, most = grouped.gathered(low), grouped.gathered(high)
        width = np.where(most > least, most - least, 1.0)
        part = np.clip((price - least) / width, 0.0, 1.0)
        scale = np.where(price < least, price / np.where(least > 0.0, least, 1.0), 1.0)
        at = grouped.number
        prices = np.where(at >= 0, (low + part[at] * (high - low)) * scale[at], self.cap * p.weight)
        # The rest is what the leader's ball is worth.
        rest = price - grouped.gathered(prices)
        prices[grouped.leaders] += np.maximum(rest, 0.0)
        return np.minimum(prices, p.outside()), 1.0 - served

    def doubts(self, grouped: Grouped, price: Floats, prices: Floats, gain: Floats) -> Floats:
        """By how much each group's demands, each at its own price, pay more for facilities than the group itself does.

        Only facilities count whose gain at these prices is above that of the program's open groups: what they collect
        is what the bound of the whole lacks. O(n_edges).
        """
        p, program = self.problem, grouped.program
        level = grouped.gains(price)[1]
        above = np.flatnonzero((gain > level) & (grouped.group >= 0))
        is_above = np.zeros(len(gain), dtype=bool)
        is_above[above] = True
        apart = np.zeros(len(grouped.leaders))
        _collect(p.start, p.node, p.cost, p.weight, is_above, grouped.number, prices, apart)
        counts = np.bincount(grouped.group[above], minlength=program.n_facilities)
        row = np.repeat(np.arange(len(grouped.leaders)), np.diff(program.start))
        together = np.maximum(price[row] - program.cost, 0.0) * counts[program.node]
        return np.maximum(apart - np.bincount(row, together, len(apart)), 0.0)


def grouped_program(groups: DemandGroups, group: Labels) -> Grouped:
    """The program in which each group of facilities is as near as its nearest member, each group of demands one.

    Parameters
    ----------
    groups : DemandGroups
        A demand may become a leader here: each group of facilities must be in a leader's ball.
    group : ndarray of int32, shape (m,)
        0, 1, ... or -1 for facilities of no use.

    Returns
    -------
    Grouped

    Notes
    -----
    O(n_edges) time; as many edges as there are pairs of a leader and a group in its ball.
    """
    p, n_groups = groups.problem, int(group.max(initial=-1)) + 1
    given = (p.start, p.node, p.cost, groups.limit)
    while True:
        leads = (groups.leader == np.arange(len(groups.leader))) & ~groups.idle
        leaders = np.flatnonzero(leads)
        sizes, met = np.zeros(len(leaders), dtype=np.int64), np.full(n_groups, -1, dtype=np.int64)
        _count(*given, group, leaders, sizes, met)
        if (met >= 0).all():
            break
        _promote_for(*given, group, met, groups.leader)
    rank = np.where(leads, np.cumsum(leads) - 1, -1)
    number = rank[groups.leader]
    order = np.argsort(number, kind="stable")
    member_start = np.searchsorted(number[order], np.arange(len(leaders) + 1))
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    node, cost = np.empty(start[-1], dtype=np.int32), np.empty(start[-1])
    _fill(*given, groups.cap, p.weight, group, leaders, member_start, order, n_groups, start, node, cost)
    nearest = np.lexsort((node, cost, np.repeat(np.arange(len(leaders)), sizes)))
    paid = np.bincount(number[number >= 0], (groups.cap * p.weight)[number >= 0], len(leaders))
    outside = np.where(np.isfinite(p.forced_cost[leaders]), paid, np.inf)
    members = np.bincount(group[group >= 0], minlength=n_groups).astype(np.int64)
    return Grouped(Program(start, node, cost, nearest, outside, n_groups, p.spare, members), leaders, number, group)
