r"""From split points to whole ones: the rounding networks of the welfare paper.

An optimal assignment x has O(Hk) split points; all others are fixed, and only the split ones enter a network. Every
arc's capacity is an integer, so a minimum-cost flow that is a vertex is integral: each point ends up at one center.

Costs enter exactly. A float is a fraction whose denominator is a power of two, so all costs times one common
denominator are integers (Python's are as long as they need to be), and networkx's network simplex computes with these
alone: the flow is optimal for the costs as given, not for rounded ones. That is why a graph library is used here and
not an LP code: the networks are tiny, and the guarantees need no tolerance for the solver.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from fairclust.groups import encode_groups
from fairclust.solvers.assignment import AssignmentSolution
from fairclust.solvers.assignment_sweep import CostBlocks

__all__ = ["Rounding", "RoundingError", "rawlsian_flow", "utilitarian_flow"]

Floats = NDArray[np.float64]
Counts = NDArray[np.intp]

#: A sum of shares this close to a whole number is that number.
WHOLE = 1e-9


class RoundingError(RuntimeError):
    """A guarantee of the rounding does not hold: a fault of this package, not of the input; please report it."""


@dataclass(frozen=True, eq=False)
class Rounding:
    r"""A whole assignment near a fractional one.

    Attributes
    ----------
    labels : ndarray of int32, shape (n,)
        Each point's center. Read-only.
    class_costs : ndarray, shape (T,)
        :math:`D_t` of these labels. Read-only.
    masses : ndarray, shape (T, k)
        How many points of class t are in cluster i. Read-only.
    n_split : int
        How many points the fractional assignment had split.
    """

    labels: NDArray[np.int32]
    class_costs: Floats
    masses: Floats
    n_split: int


def rawlsian_flow(costs: Any, groups: Any, solution: AssignmentSolution) -> Rounding:
    r"""Round an optimal assignment by one flow per group, so that no group's cost rises.

    For group h and its split points j: each supplies one unit; center i takes
    :math:`\lfloor \sum_j x_{ji} \rfloor`, and one more may pass from it to a sink when that sum is fractional; arcs
    j -> i exist where :math:`x_{ji} > 0` and cost :math:`c_{ji}`. The result has, for every group h and center i,

    .. math:: D_h^{int} \le D_h^{LP} \quad (11), \qquad
              \Bigl\lfloor \sum_{j \in C^h} x_{ji} \Bigr\rfloor \le |C_i^h|
              \le \Bigl\lceil \sum_{j \in C^h} x_{ji} \Bigr\rceil \quad (12).

    Parameters
    ----------
    costs : array of shape (n, k)
        The costs that the solution is for (only the split points' rows are read).
    groups : Groups or sequence of n hashable labels
        The classes that the solution is for.
    solution : AssignmentSolution
        From :func:`~fairclust.solvers.assignment.solve_assignment`, without point weights.

    Returns
    -------
    Rounding

    Raises
    ------
    ValueError
        If points have weights (a point of weight 3 cannot be sent to two centers), or sizes do not fit.
    RoundingError
        If (11) or (12) fails; both are checked on every call.

    Notes
    -----
    O(n) plus the network simplex on m + k + 1 nodes for m split points, m being O(Hk).

    References
    ----------
    .. [1] *Welfare-centric clustering*, 2025, the rounding of Section 4 and inequalities (11), (12).

    Examples
    --------
    >>> import numpy as np
    >>> from fairclust.solvers.assignment import solve_assignment
    >>> from fairclust.solvers.assignment_problems import rawlsian_terms
    >>> costs = np.array([[0.0, 4.0], [0.0, 4.0], [0.0, 4.0], [4.0, 0.0], [4.0, 0.0]])
    >>> colors = ["red", "red", "red", "blue", "blue"]
    >>> solution = solve_assignment(costs, colors, rawlsian_terms(colors, distance_weight=0.1))
    >>> rounding = rawlsian_flow(costs, colors, solution)
    >>> solution.masses[1].round(6).tolist(), rounding.masses[1].tolist()
    ([1.5, 1.5], [2.0, 1.0])
    """
    split = _Split(costs, groups, solution)
    for t in range(split.n_classes):
        members = np.flatnonzero(split.classes == t)
        network = _Network()
        for p in members:
            for i in np.flatnonzero(split.shares[p] > 0.0):
                network.arc(("point", p), ("center", int(i)), 1, Fraction(float(split.costs[p, i])))
            network.give(("point", p), 1)
        least, most = _floor(split.sums[t]), _ceil(split.sums[t])
        for center in range(split.n_clusters):
            network.give(("center", center), -int(least[center]))
            network.arc(("center", center), "sink", int(most[center] - least[center]), Fraction(0))
        network.give("sink", -(len(members) - int(least.sum())))
        split.send(network.solve(), members)
    rounding = split.finish()
    split.check_masses(rounding)
    excess = rounding.class_costs - solution.class_costs
    if (excess > split.cost_tolerance).any():
        worst = int(np.argmax(excess - split.cost_tolerance))
        raise RoundingError(f"inequality (11) fails: the cost of class {worst} rose by {excess[worst]:.3g}")
    return rounding


def utilitarian_flow(
    costs: Any, groups: Any, solution: AssignmentSolution, *, cost_weight: Iterable[float] | None = None
) -> Rounding:
    r"""Round an optimal assignment by one flow for all groups, so that clusters keep their sizes too.

    Each split point j of group h supplies one unit; node (i, h) takes :math:`\lfloor \sum_{j \in C^h} x_{ji} \rfloor`
    and may pass one more to node i, which takes :math:`\lfloor \sum_j x_{ji} \rfloor` in all and may pass one more to
    a sink; arcs j -> (i, h) cost :math:`c_{ji} / |C^h|`. The result has, for every group h and center i,

    .. math::

        \sum_h \frac{D_h^{int}}{|C^h|} &\le \sum_h \frac{D_h^{LP}}{|C^h|} && (14) \\
        \Bigl\lfloor \sum_{j \in C^h} x_{ji} \Bigr\rfloor \le |C_i^h| &\le \Bigl\lceil \sum_{j \in C^h} x_{ji}
        \Bigr\rceil && (15) \\
        \Bigl\lfloor \sum_j x_{ji} \Bigr\rfloor \le |C_i| &\le \Bigl\lceil \sum_j x_{ji} \Bigr\rceil && (16)

    Parameters
    ----------
    costs, groups, solution
        See :func:`rawlsian_flow`.
    cost_weight : iterable of T numbers, optional
        What a unit of each group's cost counts, at least 0, in place of :math:`1 / |C^h|` (FCBC: all 1).

    Returns
    -------
    Rounding

    Raises
    ------
    ValueError
        If points have weights, or sizes do not fit.
    RoundingError
        If (14), (15) or (16) fails; all are checked on every call.

    References
    ----------
    .. [1] *Welfare-centric clustering*, 2025, the rounding of Section 4 and inequalities (14) to (16).

    Examples
    --------
    >>> import numpy as np
    >>> from fairclust.solvers.assignment import solve_assignment
    >>> from fairclust.solvers.assignment_problems import utilitarian_terms
    >>> costs = np.array([[0.0, 4.0], [0.0, 4.0], [0.0, 4.0], [4.0, 0.0], [4.0, 0.0]])
    >>> colors = ["red", "red", "red", "blue", "blue"]
    >>> solution = solve_assignment(costs, colors, utilitarian_terms(colors, distance_weight=0.1))
    >>> utilitarian_flow(costs, colors, solution).masses.sum()
    np.float64(5.0)
    """
    split = _Split(costs, groups, solution)
    if cost_weight is None:
        counted = [Fraction(1, int(size)) for size in solution.terms.class_sizes]
    else:
        counted = [Fraction(float(weight)) for weight in cost_weight]
        if len(counted) != split.n_classes or min(counted) < 0:
            raise ValueError(f"cost_weight must hold {split.n_classes} numbers that are at least 0")
    network = _Network()
    for p, t in enumerate(split.classes.tolist()):
        for i in np.flatnonzero(split.shares[p] > 0.0):
            network.arc(("point", p), ("group", int(i), t), 1, Fraction(float(split.costs[p, i])) * counted[t])
        network.give(("point", p), 1)
    least, most = _floor(split.sums), _ceil(split.sums)
    cluster = _whole(split.sums.sum(axis=0))
    low, high = _floor(cluster), _ceil(cluster)
    for center in range(split.n_clusters):
        for t in range(split.n_classes):
            network.give(("group", center, t), -int(least[t, center]))
            extra = int(most[t, center] - least[t, center])
            network.arc(("group", center, t), ("center", center), extra, Fraction(0))
        network.give(("center", center), -int(low[center] - least[:, center].sum()))
        network.arc(("center", center), "sink", int(high[center] - low[center]), Fraction(0))
    network.give("sink", -(len(split.classes) - int(low.sum())))
    split.send(network.solve(), np.arange(len(split.classes)))
    rounding = split.finish()
    split.check_masses(rounding)
    sizes, fixed = rounding.masses.sum(axis=0), split.fixed.sum(axis=0)
    if (sizes < fixed + low).any() or (sizes > fixed + high).any():
        raise RoundingError(f"inequality (16) fails: cluster sizes {sizes} from {fixed + cluster}")
    weights = np.array([float(weight) for weight in counted])
    excess = float(weights @ (rounding.class_costs - solution.class_costs))
    if excess > float(weights @ split.cost_tolerance):
        raise RoundingError(f"inequality (14) fails: the weighted cost rose by {excess:.3g}")
    return rounding


class _Split:
    """The split points of a solution, and the labels they get."""

    def __init__(self, costs: Any, groups: Any, solution: AssignmentSolution) -> None:
        if solution.weighted:
            raise ValueError(
                "rounding needs points of weight 1: a heavier point cannot be divided between centers. Repeat rows "
                "in place of whole-number weights"
            )
        blocks = CostBlocks(costs)
        codes = encode_groups(groups, name="groups").codes
        n = len(solution.labels)
        self.n_classes, self.n_clusters = solution.masses.shape
        if (blocks.n_points, blocks.n_clusters) != (n, self.n_clusters) or len(codes) != n:
            raise ValueError(
                f"the solution is for {n} points and {self.n_clusters} centers, but costs has {blocks.n_points} rows "
                f"and {blocks.n_clusters} columns and groups has {len(codes)} entries"
            )
        self._solution, self._rows = solution, solution.split
        self.shares = solution.shares
        self.costs, self.classes = blocks.take(self._rows), codes[self._rows]
        self.labels = solution.labels.copy()
        self.labels[self._rows] = -1
        self.sums = np.zeros((self.n_classes, self.n_clusters))
        np.add.at(self.sums, self.classes, self.shares)
        self.sums = _whole(self.sums)
        whole = np.flatnonzero(self.labels >= 0)
        pairs = codes[whole] * self.n_clusters + self.labels[whole]
        self.fixed: Counts = np.bincount(pairs, minlength=self.sums.size).reshape(self.sums.shape)
        # What a group's cost may rise by: nothing but the rounding of its sums to whole numbers and of its total.
        largest = np.zeros(self.n_classes)
        np.maximum.at(largest, self.classes, self.costs.max(axis=1, initial=0.0))
        self.cost_tolerance = 10 * WHOLE * largest + 1e-12 * solution.class_costs

    def send(self, flow: dict[Any, dict[Any, int]], members: Counts) -> None:
        """Give each member the center that its unit went to."""
        for p in members:
            target = [node for node, units in flow[("point", p)].items() if units]
            self.labels[self._rows[p]] = target[0][1]

    def finish(self) -> Rounding:
        """The labels with their costs and masses."""
        old, new = self._solution, self.labels[self._rows]
        costs = old.class_costs.copy()
        picked = self.costs[np.arange(len(new)), new]
        np.add.at(costs, self.classes, picked - (self.shares * self.costs).sum(axis=1))
        masses = self.fixed.copy()
        np.add.at(masses, (self.classes, new), 1)
        rounding = Rounding(self.labels, costs, masses.astype(np.float64), len(new))
        for array in (rounding.labels, rounding.class_costs, rounding.masses):
            array.flags.writeable = False
        return rounding

    def check_masses(self, rounding: Rounding) -> None:
        """(12), which is also (15)."""
        low, high = self.fixed + _floor(self.sums), self.fixed + _ceil(self.sums)
        if (rounding.masses < low).any() or (rounding.masses > high).any():
            raise RoundingError(
                f"inequality (12) fails: {rounding.masses.tolist()} from {(self.fixed + self.sums).tolist()}"
            )


class _Network:
    """A minimum-cost flow problem with exact costs; arcs without capacity are left out."""

    def __init__(self) -> None:
        self._arcs: list[tuple[Any, Any, int, Fraction]] = []
        self._supply: dict[Any, int] = {}

    def arc(self, tail: Any, head: Any, capacity: int, cost: Fraction) -> None:
        if capacity > 0:
            self._arcs.append((tail, head, capacity, cost))

    def give(self, node: Any, units: int) -> None:
        self._supply[node] = units

    def solve(self) -> dict[Any, dict[Any, int]]:
        """The flow on each arc, whole numbers."""
        scale = math.lcm(*(cost.denominator for _, _, _, cost in self._arcs))
        graph = nx.DiGraph()
        for node, units in self._supply.items():
            graph.add_node(node, demand=-units)
        for tail, head, capacity, cost in self._arcs:
            graph.add_edge(tail, head, capacity=capacity, weight=int(cost * scale))
        try:
            return nx.network_simplex(graph)[1]
        except nx.NetworkXUnfeasible as error:
            raise RoundingError(f"the rounding network has no flow ({error})") from error


def _whole(sums: Floats) -> Floats:
    """The sums, with those that are whole numbers up to rounding made so."""
    nearest = np.round(sums)
    return np.where(np.abs(sums - nearest) <= WHOLE, nearest, sums)


def _floor(sums: Floats) -> Counts:
    return np.floor(sums).astype(np.intp)


def _ceil(sums: Floats) -> Counts:
    return np.ceil(sums).astype(np.intp)
