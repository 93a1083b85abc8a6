r"""What an assignment LP asks for: bounds on shares, weights of costs and violations, and how they combine.

All four assignment problems of the papers see an assignment x only through each class's cost and masses. With classes
t = 1..T that partition the points (T = H when groups do not overlap), groups h = 1..H, each a union of classes
(:math:`B_{ht} \in \{0, 1\}`), and

.. math::

    D_t = \sum_{j \in t} \omega_j \sum_i c_{ji} x_{ji}, \quad
    N_{ti} = \sum_{j \in t} \omega_j x_{ji}, \quad
    M_{hi} = \sum_t B_{ht} N_{ti}, \quad S_i = \sum_t N_{ti}, \quad
    v_{hi} = \max\{0,\; M_{hi} - u_h S_i,\; l_h S_i - M_{hi}\},

the objective is the sum (Utilitarian (13), Bera et al.) or the maximum over h (Rawlsian (10)) of
:math:`\sum_t B_{ht} \kappa_t D_t + \nu_h \sum_i v_{hi}`; an infinite :math:`\nu_h` makes group h's bounds hard, and a
budget may cap :math:`\sum_t D_t`. A :class:`Terms` holds these numbers, and the formulas of primal and dual.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["InfeasibleAssignment", "Multipliers", "Terms"]

Floats = NDArray[np.float64]

#: How far a share may miss a hard bound and still count as rounding of the caller's arithmetic.
SHARE_TOLERANCE = 1e-12


class InfeasibleAssignment(ValueError):
    """No assignment meets the bounds or the budget.

    Attributes
    ----------
    shortfall : dict
        What misses, and by how much: each group's label to the distance of its share from the nearer bound, or
        ``"budget"`` to the missing cost.
    """

    def __init__(self, message: str, shortfall: dict[Hashable, float]) -> None:
        super().__init__(message)
        self.shortfall = shortfall


@dataclass(frozen=True, eq=False)
class Multipliers:
    """A point of the dual: what a unit of each coupling constraint costs.

    Attributes
    ----------
    weights : ndarray, shape (H,)
        w on the simplex for a maximum, all ones for a sum.
    upper, lower : ndarray, shape (H, k)
        a and b, at least 0: the multipliers of ``v >= M - u S`` and ``v >= l S - M``.
    budget : float
        The multiplier of the budget, at least 0.
    """

    weights: Floats
    upper: Floats
    lower: Floats
    budget: float

    def toward(self, other: Multipliers, step: float) -> Multipliers:
        """The point ``self + step (other - self)``; the dual is convex, so for step in [0, 1] it stays feasible."""
        keep = 1.0 - step
        return Multipliers(
            keep * self.weights + step * other.weights,
            keep * self.upper + step * other.upper,
            keep * self.lower + step * other.lower,
            keep * self.budget + step * other.budget,
        )


@dataclass(frozen=True, eq=False)
class Terms:
    r"""One assignment problem with its centers fixed, apart from the costs themselves.

    Attributes
    ----------
    names : tuple of length H
        The groups' labels, for messages and results.
    membership : ndarray, shape (H, T)
        B: 1 where class t belongs to group h; the identity when groups do not overlap.
    class_sizes : ndarray, shape (T,)
        The total weight of each class.
    upper, lower : ndarray, shape (H,)
        u and l: the largest and smallest share of a cluster that group h may have without a violation.
    cost_weight : ndarray, shape (T,)
        :math:`\kappa_t \ge 0`: what a unit of class t's cost counts in the objective.
    violation_weight : ndarray, shape (H,)
        :math:`\nu_h \ge 0`: what a misplaced point counts; infinity forbids violations.
    combine : {"sum", "max"}
        Whether the groups' terms are added or the largest counts.
    budget : float
        The most that the total cost may be; infinity where there is no budget.
    """

    names: tuple[Hashable, ...]
    membership: Floats
    class_sizes: Floats
    upper: Floats
    lower: Floats
    cost_weight: Floats
    violation_weight: Floats
    combine: Literal["sum", "max"]
    budget: float = np.inf

    @property
    def sizes(self) -> Floats:
        """The total weight of each group, n_h, shape (H,)."""
        return self.membership @ self.class_sizes

    @property
    def shares(self) -> Floats:
        """Each group's share of the total weight, r_h, shape (H,)."""
        return self.sizes / self.class_sizes.sum()

    @property
    def hard(self) -> NDArray[np.bool_]:
        """Which groups must not violate their bounds, shape (H,)."""
        return np.isinf(self.violation_weight)

    def violations(self, masses: Floats) -> Floats:
        """v, shape (H, k), from the classes' masses N, shape (T, k)."""
        own = self.membership @ masses
        cluster = masses.sum(axis=0)
        above = own - self.upper[:, None] * cluster
        below = self.lower[:, None] * cluster - own
        return np.maximum(0.0, np.maximum(above, below))

    def by_group(self, class_costs: Floats, masses: Floats) -> Floats:
        """Each group's term of the objective, shape (H,); hard bounds add nothing to it."""
        counted = np.where(self.hard, 0.0, self.violation_weight)
        return self.membership @ (self.cost_weight * class_costs) + counted * self.violations(masses).sum(axis=1)

    def value(self, class_costs: Floats, masses: Floats) -> float:
        """The objective of an assignment with these costs, shape (T,), and masses, shape (T, k)."""
        if self.combine == "max":
            return float(self.by_group(class_costs, masses).max())
        counted = np.where(self.hard, 0.0, self.violation_weight)
        return float(self.cost_weight @ class_costs + counted @ self.violations(masses).sum(axis=1))

    def start(self, n_clusters: int) -> Multipliers:
        """Equal weights and no prices: points then go to their nearest centers."""
        n_groups = len(self.names)
        nothing = np.zeros((n_groups, n_clusters))
        weight = 1.0 / n_groups if self.combine == "max" else 1.0
        return Multipliers(np.full(n_groups, weight), nothing, nothing, 0.0)

    def feasible(self, multipliers: Multipliers) -> Multipliers:
        r"""The multipliers made exactly feasible, so that what they certify does not rest on a solver's tolerance.

        :math:`a, b, \mu \ge 0`, w on the simplex, and :math:`a_{hi} + b_{hi} \le \nu_h w_h` for soft bounds.
        """
        weights = np.ones(len(self.names))
        if self.combine == "max":
            weights = np.maximum(multipliers.weights, 0.0)
            weights = weights / weights.sum()
        upper, lower = np.maximum(multipliers.upper, 0.0), np.maximum(multipliers.lower, 0.0)
        soft = ~self.hard
        limit = (self.violation_weight[soft] * weights[soft])[:, None]
        both = upper[soft] + lower[soft]
        shrink = np.where(both > limit, limit / np.where(both > 0, both, 1.0), 1.0)
        upper[soft] *= shrink
        lower[soft] *= shrink
        budget = max(multipliers.budget, 0.0) if np.isfinite(self.budget) else 0.0
        return Multipliers(weights, upper, lower, budget)

    def prices(self, multipliers: Multipliers) -> tuple[Floats, Floats]:
        r"""The Lagrangian's slopes, shape (T,), and prices, shape (T, k).

        A point j of class t costs :math:`\text{slope}_t c_{ji} + \text{price}_{ti}` at center i, with
        :math:`\text{price}_{ti} = \sum_h B_{ht} (a_{hi} - b_{hi}) - \sum_h (u_h a_{hi} - l_h b_{hi})`.
        """
        a, b = multipliers.upper, multipliers.lower
        counted = self.membership.T @ multipliers.weights if self.combine == "max" else 1.0
        slopes = self.cost_weight * counted + multipliers.budget
        everyone = (self.upper[:, None] * a - self.lower[:, None] * b).sum(axis=0)
        return slopes, self.membership.T @ (a - b) - everyone

    def check_bounds(self) -> None:
        r"""Raise :class:`InfeasibleAssignment` unless hard bounds can be met.

        They can exactly when :math:`l_h \le r_h \le u_h` for every hard h: sending each point to all centers in equal
        parts then gives every cluster the shares r, and summing :math:`l_h S_i \le M_{hi} \le u_h S_i` over i shows
        that nothing else could do.
        """
        shares = self.shares
        missing = np.where(self.hard, np.maximum(shares - self.upper, self.lower - shares), 0.0)
        bad = np.flatnonzero(missing > SHARE_TOLERANCE)
        if len(bad):
            parts = [
                f"group {self.names[h]!r} has the share {shares[h]:.6g}, "
                + (
                    f"above its upper bound {self.upper[h]:.6g} by {missing[h]:.3g}"
                    if shares[h] > self.upper[h]
                    else f"below its lower bound {self.lower[h]:.6g} by {missing[h]:.3g}"
                )
                for h in bad
            ]
            raise InfeasibleAssignment(
                "no assignment meets the bounds: " + "; ".join(parts) + ". Bounds must enclose every group's share",
                {self.names[h]: float(missing[h]) for h in bad},
            )
