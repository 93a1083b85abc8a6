r"""Everything there is on a tiny instance: all sets of centers, all assignments, and LPs (10) and (13) written out.

Nothing here uses the library's engine, flows or metrics, so that agreement with them says something.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

__all__ = ["Objective", "Tiny", "settled", "violations", "whole_lp"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Objective = Literal["rawlsian", "utilitarian"]


@dataclass(frozen=True, eq=False)
class Tiny:
    r"""A clustering problem small enough to try everything; candidate centers are the points themselves.

    Attributes
    ----------
    distances : ndarray of shape (n, n)
        :math:`d(j, i)`, a metric.
    codes : ndarray of n ints
        Each point's group, 0..H-1; every group has a member.
    k : int
    distance_weight : float
        :math:`\lambda`.
    alpha, beta : ndarray of shape (H,)
        Tolerances, in absolute shares.
    power : int
        p.
    """

    distances: Floats
    codes: Ints
    k: int
    distance_weight: float
    alpha: Floats
    beta: Floats
    power: int

    @property
    def n(self) -> int:
        """The number of points."""
        return len(self.codes)

    @cached_property
    def sizes(self) -> Ints:
        """The number of points of each group."""
        return np.bincount(self.codes)

    @cached_property
    def costs(self) -> Floats:
        """d^p."""
        return self.distances**self.power

    @cached_property
    def assignments(self) -> Ints:
        """All :math:`k^n` assignments of points to positions 0..k-1, one per row."""
        return np.array(list(itertools.product(range(self.k), repeat=self.n)), dtype=np.intp)

    @cached_property
    def violations(self) -> Floats:
        r""":math:`V^h` of every assignment, shape (:math:`k^n`, H): it does not depend on where the centers are."""
        return violations(self.assignments, self.codes, self.k, self.alpha, self.beta)

    @cached_property
    def center_sets(self) -> list[tuple[int, ...]]:
        """All sets of k points."""
        return list(itertools.combinations(range(self.n), self.k))

    def group_costs(self, labels: Ints, centers: tuple[int, ...]) -> Floats:
        r""":math:`D^h` of assignments, one per row of ``labels``; shape (rows, H)."""
        cost = np.zeros((len(labels), len(self.sizes)))
        for j, group in enumerate(self.codes):
            cost[:, group] += self.costs[j, list(centers)][labels[:, j]]
        return cost

    def values(self, labels: Ints, violation: Floats, centers: tuple[int, ...], objective: Objective) -> Floats:
        """The objective of assignments whose violations are known."""
        weight = self.distance_weight
        each = (weight * self.group_costs(labels, centers) + (1 - weight) * violation) / self.sizes
        return each.max(axis=1) if objective == "rawlsian" else each.sum(axis=1)

    def center_cost(self, centers: tuple[int, ...], objective: Objective) -> float:
        """What the paper's first step minimises: the socially fair cost (2), or the weighted one (3) with 1/n_h."""
        nearest = self.costs[:, list(centers)].min(axis=1)
        each = np.bincount(self.codes, weights=nearest) / self.sizes
        return float(each.max() if objective == "rawlsian" else each.sum())

    def best_assignment(self, centers: tuple[int, ...], objective: Objective) -> tuple[float, Ints]:
        """The best of all assignments to these centers: its value and its labels."""
        values = self.values(self.assignments, self.violations, centers, objective)
        best = int(np.argmin(values))
        return float(values[best]), self.assignments[best]


def settled(value: float) -> float:
    """A difference to twelve decimals, so that what is 0 but for rounding is stored as 0 on every machine."""
    return round(float(value), 12) + 0.0


def violations(labels: Ints, codes: Ints, k: int, alpha: Floats, beta: Floats) -> Floats:
    """V^h of equations (5) and (6) for each row of ``labels``."""
    shares = np.bincount(codes) / len(codes)
    total = np.zeros((len(labels), len(shares)))
    for i in range(k):
        inside = labels == i
        size = inside.sum(axis=1)
        for h, share in enumerate(shares):
            count = inside[:, codes == h].sum(axis=1)
            over, under = count - (share + alpha[h]) * size, (share - beta[h]) * size - count
            total[:, h] += np.maximum(0.0, np.maximum(over, under))
    return total


def whole_lp(
    costs: Floats,
    codes: Ints,
    objective: Objective,
    *,
    distance_weight: float,
    alpha: Floats,
    beta: Floats,
    fixed: Ints | None = None,
) -> float:
    r"""The optimal value of LP (10) or (13), every row and variable as printed, by HiGHS; ``fixed`` labels fix x.

    Variables are :math:`x_{ij}, u_i^h, o_i^h, v_i^h` and, for (10), z.
    """
    n, k = costs.shape
    sizes = np.bincount(codes)
    n_groups, cells = len(sizes), k * len(sizes)
    under, over, v, z = n * k, n * k + cells, n * k + 2 * cells, n * k + 3 * cells
    columns = z + 1
    rows: list[Floats] = []
    each = np.zeros((n_groups, columns))  # the left sides of (10b)
    for h, size in enumerate(sizes):
        share, members = size / n, codes == h
        for i in range(k):
            cell = i * n_groups + h
            mass, count = np.zeros(columns), np.zeros(columns)
            mass[np.arange(n) * k + i] = 1.0
            count[np.flatnonzero(members) * k + i] = 1.0
            too_few, too_many = (share - beta[h]) * mass - count, count - (share + alpha[h]) * mass
            too_few[under + cell] = too_many[over + cell] = -1.0
            rows += [too_few, too_many]  # (10c), (10d)
            for part in (under, over):  # (10e)
                row = np.zeros(columns)
                row[part + cell], row[v + cell] = 1.0, -1.0
                rows.append(row)
            each[h, np.flatnonzero(members) * k + i] = distance_weight * costs[members, i] / size
            each[h, v + cell] = (1 - distance_weight) / size
    target = np.zeros(columns)
    if objective == "rawlsian":
        target[z] = 1.0
        each[:, z] = -1.0
        rows += list(each)
    else:
        target = each.sum(axis=0)
    whole = np.zeros((n, columns))
    for j in range(n):
        whole[j, j * k : (j + 1) * k] = 1.0
    bounds = np.zeros((columns, 2))
    bounds[:, 1] = np.inf
    bounds[: n * k, 1] = 1.0
    if fixed is not None:
        bounds[: n * k] = 0.0
        bounds[np.arange(n) * k + fixed] = 1.0
    found = linprog(
        target,
        A_ub=np.array(rows),
        b_ub=np.zeros(len(rows)),
        A_eq=whole,
        b_eq=np.ones(n),
        bounds=bounds,
        method="highs",
    )
    if found.status != 0:
        raise RuntimeError(f"HiGHS did not solve a tiny LP: {found.message}")
    return float(found.fun)
