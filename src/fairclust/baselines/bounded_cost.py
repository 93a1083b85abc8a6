r"""Fair clustering under a bounded cost (FCBC): the least unfairness that a given price of fairness buys."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fairclust._estimator import FairClusterer
from fairclust._validation import check_n_clusters, check_number, check_power
from fairclust.distances import cost_matrix
from fairclust.groups import Groups
from fairclust.metrics.disutility import cluster_violations, resolve_slack
from fairclust.metrics.report import FairnessReport
from fairclust.solvers.assignment_terms import InfeasibleAssignment
from fairclust.solvers.flow import Rounding, RoundingError, utilitarian_flow
from fairclust.solvers.least_violation import LeastViolation, least_costs, least_violation
from fairclust.solvers.vanilla import vanilla_centers

__all__ = ["BoundedCostFairClustering"]

Floats = NDArray[np.float64]
#: What the sum of a proof and of its check may differ by.
ROUNDING = 1e-9


class BoundedCostFairClustering(FairClusterer):
    r"""The least violation of proportional bounds that a bounded cost can buy, for centers of vanilla clustering.

    With centers S fixed and bounds :math:`u_h = r_h + \alpha_h`, :math:`l_h = r_h - \beta_h` on group h's share of
    every cluster,

    .. math::

        \min_{\phi, \Delta \ge 0} \; \operatorname{obj}(\Delta) \quad \text{s.t.} \quad
        (l_h - \Delta_h) |C_i| \le |C_i^h| \le (u_h + \Delta_h) |C_i|, \qquad
        \sum_j d^p(j, \phi(j)) \le U,

    where obj is the sum (utilitarian), the maximum (egalitarian, the "FCBC-Rawl" of welfare-centric clustering) or the
    leximin order, and the budget is :math:`U = (\text{POF} \cdot \text{cost}^{1/p})^p` or
    :math:`U = \text{POF} \cdot \text{cost}`, with cost that of the nearest centers.

    Parameters
    ----------
    n_clusters : int, default=8
    objective : {"utilitarian", "egalitarian", "leximin"}, default="utilitarian"
        obj. Leximin makes the largest violation as small as possible, then the second largest, and so on.
    price_of_fairness : float, default=1.1
        POF, at least 1: below that no assignment is cheap enough.
    price_applies_to : {"root", "cost"}, default="root"
        What POF multiplies: the p-th root of the cost, as the authors' code does (for k-means 1.1 then allows 1.21
        times the sum of squares), or the cost.
    slack : float or pair (alpha, beta), default=0.0
        A number :math:`\delta` means :math:`\alpha_h = \beta_h = \delta r_h` (the authors take 0.05); a pair is
        absolute shares. See :func:`fairclust.metrics.disutility`.
    precision : float, default=1/128
        How much smaller obj could be at most, before rounding. In (0, 1].
    max_simplices : int, default=5000
        The most work of the proof for a sum over three or more groups, see
        :func:`~fairclust.solvers.least_violation.least_violation`; where it does not suffice, ``lower_bound_`` is
        farther away.
    power : float, default=2
        The p of :math:`d^p`, at least 1.
    n_init : int, default=10
        Starts of the vanilla clustering: k-means for p = 2, else local search over rows.
    centers : array of shape (k, d), optional
        Use these centers, so that one set of vanilla centers serves for every POF; k must be ``n_clusters``.
    random_state : None, int or Generator, default=None

    Attributes
    ----------
    labels_ : ndarray of intp, shape (n,)
        :math:`\phi`; not the nearest centers.
    cluster_centers_ : ndarray of shape (k, d)
    violations_ : Series
        :math:`\Delta_h` by group, after rounding: the largest over the clusters that have a member.
    objective_ : float
        Their sum (utilitarian) or largest (egalitarian, leximin).
    lp_violations_ : Series
        :math:`\Delta_h` before rounding, at most ``precision`` from the best (for leximin: the largest of them).
    lower_bound_ : float
        No assignment to these centers within the budget, fractional or whole, has a smaller objective.
    gap_ : float
        ``objective_ - lower_bound_``: at most ``precision`` plus what rounding added.
    cost_, budget_, vanilla_cost_ : float
        :math:`\sum_j d^p(j, \phi(j))`, at most U; U; and the cost of the nearest centers.
    n_lps_ : int
        Assignment LPs solved.
    report_ : FairnessReport
        All notions, with this slack and power.

    Raises
    ------
    InfeasibleAssignment
        (from ``fit``) If the budget is below the cost of the nearest centers; a ValueError that says by how
        much, and what each group needs.
    ValueError
        For k > n, a parameter out of range, NaN or infinite entries, or labels whose number is not n.

    See Also
    --------
    BeraFairAssignment : The least cost for given bounds.

    Notes
    -----
    *Search* by :func:`~fairclust.solvers.least_violation.least_violation`: bisection for the maximum and for two groups
    whose tolerances agree (one violation then determines the other: with slack :math:`\delta`, the majority's is
    :math:`\max(0, \Delta_{min} - \delta (r_{maj} - r_{min}))`); for other sums a search that ends with a proof, where
    the authors' exhaustive grid would take :math:`128^H` LPs.

    *Rounding* by the min-cost flow of :func:`~fairclust.solvers.flow.utilitarian_flow` with plain costs: the cost does
    not rise, and :math:`\Delta_h` rises by at most 2 / (size of the smallest cluster that has a member); both are
    checked on every fit.

    *Where this differs from the authors' code:* violations are found to ``precision`` with a proved lower bound, not on
    a grid; the sum over more than two groups is there; the majority's bounds do not stay relaxed after a large
    :math:`\Delta` was tried; all points have the same coefficients in a bound (there those of the group itself are
    rounded to three decimals); costs in the flow are exact, not rounded to thousandths; centers are seeded; leximin
    fixes at each level the groups that are proved unable to go lower (the code first raises all by 0.02 and draws one
    at random if it finds none); slack may be a pair.

    A fit takes the time of the vanilla clustering and ``n_lps_`` LPs of O(nk) per sweep, O(nk) memory.

    References
    ----------
    .. [1] S. Esmaeili, B. Brubach, A. Srinivasan, J. Dickerson. *Fair clustering under a bounded cost*. NeurIPS 2021.
    .. [2] *Welfare-centric clustering*, 2025, Section 5 and Appendix D.

    Examples
    --------
    Two places of one color each, and a pair between them, at a cost of 0.5. For equal shares in both clusters one blue
    must go over to the reds, which costs 1 more; three times the cost just allows that.

    >>> from fairclust.baselines.bounded_cost import BoundedCostFairClustering
    >>> X = [[0.0], [0.0], [1.0], [1.0], [0.5], [0.5]]
    >>> color = ["red", "red", "blue", "blue", "red", "blue"]
    >>> model = BoundedCostFairClustering(
    ...     2, centers=[[0.0], [1.0]], price_of_fairness=3.0, price_applies_to="cost"
    ... ).fit(X, sensitive_features=color)
    >>> model.vanilla_cost_, model.budget_, model.cost_, model.violations_.round(4).to_dict()
    (0.5, 1.5, 1.5, {'blue': 0.0, 'red': 0.0})
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        objective: Literal["utilitarian", "egalitarian", "leximin"] = "utilitarian",
        price_of_fairness: float = 1.1,
        price_applies_to: Literal["root", "cost"] = "root",
        slack: Any = 0.0,
        precision: float = 1 / 128,
        max_simplices: int = 5000,
        power: float = 2,
        n_init: int = 10,
        centers: Any = None,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.objective = objective
        self.price_of_fairness = price_of_fairness
        self.price_applies_to = price_applies_to
        self.slack = slack
        self.precision = precision
        self.max_simplices = max_simplices
        self.power = power
        self.n_init = n_init
        self.centers = centers
        self.random_state = random_state

    def _fit(self, X: Floats, groups: Groups) -> None:
        k = check_n_clusters(self.n_clusters, len(X))
        power = check_power(self.power)
        price = check_number(self.price_of_fairness, "price_of_fairness", low=0.0)
        if self.objective not in ("utilitarian", "egalitarian", "leximin"):
            raise ValueError(f"objective must be 'utilitarian', 'egalitarian' or 'leximin', got {self.objective!r}")
        if self.price_applies_to not in ("root", "cost"):
            raise ValueError(f"price_applies_to must be 'root' or 'cost', got {self.price_applies_to!r}")
        alpha, beta = resolve_slack(self.slack, groups)

        centers = vanilla_centers(
            X, k, power=power, n_init=self.n_init, centers=self.centers, random_state=self.random_state
        )
        costs = cost_matrix(X, centers, power=power)
        vanilla = float(costs.min(axis=1).sum())
        with np.errstate(over="ignore"):
            factor = float(np.power(price, power)) if self.price_applies_to == "root" else price
        if not np.isfinite(budget := vanilla * factor):
            raise ValueError(f"price_of_fairness={self.price_of_fairness!r} makes a budget too large for a float")
        if budget < vanilla:
            raise InfeasibleAssignment(
                f"price_of_fairness={self.price_of_fairness!r} allows a cost of {budget:.6g}, but sending every point "
                f"to its nearest center costs {vanilla:.6g} already ({least_costs(costs, groups)}), "
                f"{vanilla - budget:.3g} more; price_of_fairness must be at least 1",
                {"budget": vanilla - budget},
            )
        found = least_violation(
            costs,
            groups,
            budget,
            upper=groups.shares + alpha,
            lower=groups.shares - beta,
            objective=self.objective,
            precision=self.precision,
            max_simplices=self.max_simplices,
        )
        rounding = utilitarian_flow(costs, groups, found.solution, cost_weight=np.ones(len(groups)))

        self.labels_ = rounding.labels.astype(np.intp)
        self.cluster_centers_ = centers
        violations = cluster_violations(self.labels_, groups, slack=(alpha, beta)).max(axis=0).to_numpy() + 0.0
        self.violations_ = groups.series(violations, name="violation")
        self.lp_violations_ = groups.series(found.violations, name="violation")
        self.objective_ = float(violations.sum() if self.objective == "utilitarian" else violations.max())
        self.lower_bound_ = min(found.lower_bound, self.objective_)
        self.gap_ = self.objective_ - self.lower_bound_
        self.cost_ = float(costs[np.arange(len(X)), self.labels_].sum())
        self.budget_, self.vanilla_cost_ = budget, vanilla
        _check(rounding, found, violations, self.objective_, self.cost_)
        self.n_lps_ = found.n_lps
        self.report_ = FairnessReport(X, self.labels_, centers, groups, slack=(alpha, beta), power=power)


def _check(rounding: Rounding, found: LeastViolation, violations: Floats, objective: float, cost: float) -> None:
    """Raise unless the rounding keeps what it guarantees, and the result what was proved."""
    sizes = rounding.masses.sum(axis=0)
    allowed = 2.0 / float(sizes[sizes > 0].min())
    risen = violations - found.violations
    if (risen > allowed + ROUNDING).any():
        raise RoundingError(
            f"rounding raised a violation by {risen.max():.3g}, more than 2 / (smallest cluster) = {allowed:.3g}"
        )
    if cost > found.solution.value * (1.0 + ROUNDING):
        raise RoundingError(f"rounding raised the cost from {found.solution.value:.9g} to {cost:.9g}")
    if objective < found.lower_bound - ROUNDING:
        raise RoundingError(f"the objective {objective:.9g} is below its proved lower bound {found.lower_bound:.9g}")
