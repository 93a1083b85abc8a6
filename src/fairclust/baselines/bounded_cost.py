r"""Fair clustering under a bounded cost (FCBC): the least unfairness that a given price of fairness buys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import Any, Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.optimize import linprog

from fairclust._estimator import FairClusterer
from fairclust._validation import check_centers, check_n_clusters, check_number, check_power
from fairclust.distances import cost_matrix
from fairclust.groups import Groups
from fairclust.metrics.disutility import cluster_violations, resolve_slack
from fairclust.metrics.report import FairnessReport
from fairclust.solvers.assignment import AssignmentSolution, solve_assignment
from fairclust.solvers.assignment_problems import bounded_terms
from fairclust.solvers.assignment_terms import InfeasibleAssignment
from fairclust.solvers.flow import Rounding, RoundingError, utilitarian_flow
from fairclust.solvers.kmeans import kmeans
from fairclust.solvers.kmedian import kmedian

__all__ = ["BoundedCostFairClustering"]

Floats = NDArray[np.float64]
Path = Callable[[float], Floats]
Size = Callable[[Floats], float]

OBJECTIVES: dict[str, Size] = {
    "utilitarian": lambda violations: float(violations.sum()),
    "egalitarian": lambda violations: float(violations.max()),
    "leximin": lambda violations: float(violations.max()),
}

#: A sum of n costs may miss the budget by this share of it and still be within: sums differ in their last digits.
ROUNDING = 1e-12
#: Bounds on shares are widened by this much, or an assignment that meets them with equality would not.
SHARE_ROUNDING = 1e-12
#: A cluster of less mass than this has no share to speak of.
EMPTY = 1e-9
#: Sweeps that are spent on one certificate to see how far it reaches: about the price of half an LP.
REACHES = 10
#: How fine, as a share of the precision, the search for a small sum goes down each direction.
DESCENT = 0.1


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
        A number :math:`\delta` means :math:`\alpha_h = \beta_h = \delta r_h` (the authors take 0.05); a pair is absolute
        shares. See :func:`fairclust.metrics.disutility`.
    precision : float, default=1/128
        How much smaller obj could be at most, before rounding. In (0, 1].
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
        (from ``fit``) If the budget is below the cost of the nearest centers; a ValueError that says by how much.
    ValueError
        For k > n, a parameter out of range, NaN or infinite entries, or labels whose number is not n.

    See Also
    --------
    BeraFairAssignment : The least cost for given bounds.

    Notes
    -----
    *Search.* Let :math:`F(\Delta)` be the least cost of a fractional assignment that keeps the bounds relaxed by
    :math:`\Delta`: an LP, solved by :func:`~fairclust.solvers.assignment.solve_assignment`. F does not rise in any
    :math:`\Delta_h`, so egalitarian and each stage of leximin are bisections. For the sum over H groups the authors try
    all vectors of a grid, :math:`128^H` LPs. Here an LP's multipliers :math:`\mu` give a bound that is *concave* in
    :math:`\Delta`,

    .. math:: F(\Delta) \ge q(\Delta; \mu) = \sum_j \min_i \Bigl[ c_{ji} + \text{price}_{ji}(\mu)
              - \sum_h \Delta_h (a_{hi} + b_{hi}) \Bigr],

    and concave in :math:`\mu`. So if one mixture of known multipliers has :math:`q > U` at the corners of a simplex of
    vectors that add up to s, then no vector in it, and none below, is affordable. The vectors that add up to
    (best found - precision) are covered by such simplices; where the multipliers known so far do not suffice, an LP at
    the mixture of corners where they are weakest gives either a better solution or a new multiplier, and where concavity
    is in the way the simplex is bisected. When all are closed, ``lower_bound_`` is proved. F is not convex in
    :math:`\Delta` (the bounds multiply it with cluster sizes), but nearly so in practice, and a few dozen LPs do for
    three groups. For two groups whose slacks agree, one violation determines the other, and it is one bisection.

    *Rounding* by the min-cost flow of :func:`~fairclust.solvers.flow.utilitarian_flow` with plain costs: the cost does
    not rise, and :math:`\Delta_h` rises by at most 2 / (size of the smallest cluster that has a member), which is
    checked on every fit.

    *Where this differs from the authors' code:* violations are found to ``precision`` by bisection and not on a grid;
    more than two groups with the utilitarian objective; the majority's bound does not stay relaxed after a large
    :math:`\Delta` was tried; all points of a group have the same coefficient (there own-group ones are rounded to three
    decimals); flow costs are exact, not integers of a thousandth; centers are seeded; leximin fixes at each level the
    groups that are proved unable to go lower, where the code pushes all up by 0.02 first and draws one at random if it
    finds none (if none is stuck alone, the choice that lets the others go lowest is taken); slack may be a pair.

    A fit takes the time of the vanilla clustering and ``n_lps_`` LPs of O(nk) per sweep, O(nk) memory.

    References
    ----------
    .. [1] S. Esmaeili, B. Brubach, A. Srinivasan, J. Dickerson. *Fair clustering under a bounded cost*. NeurIPS 2021.
    .. [2] *Welfare-centric clustering*, 2025, Section 5 and Appendix D.

    Examples
    --------
    Two places, two colors: the nearest centers separate them completely. Mixing one pair costs 2 of the budget of 2.25.

    >>> from fairclust.baselines.bounded_cost import BoundedCostFairClustering
    >>> X = [[0.0], [0.0], [1.0], [1.0], [0.5], [0.5]]
    >>> color = ["red", "red", "blue", "blue", "red", "blue"]
    >>> model = BoundedCostFairClustering(
    ...     2, centers=[[0.0], [1.0]], price_of_fairness=5.0, price_applies_to="cost"
    ... ).fit(X, sensitive_features=color)
    >>> model.vanilla_cost_, model.budget_, model.cost_, model.violations_.round(4).to_dict()
    (0.5, 2.5, 2.5, {'blue': 0.0, 'red': 0.0})
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
        max_iter: int = 5000,
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
        self.max_iter = max_iter
        self.power = power
        self.n_init = n_init
        self.centers = centers
        self.random_state = random_state

    def _fit(self, X: Floats, groups: Groups) -> None:
        k = check_n_clusters(self.n_clusters, len(X))
        power = check_power(self.power)
        precision = check_number(self.precision, "precision", low=0.0, high=1.0, low_open=True)
        max_iter = check_number(self.max_iter, "max_iter", low=1, integer=True)
        price = check_number(self.price_of_fairness, "price_of_fairness", low=0.0)
        for name, value, known in (
            ("objective", self.objective, tuple(OBJECTIVES)),
            ("price_applies_to", self.price_applies_to, ("root", "cost")),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}, got {value!r}")
        alpha, beta = resolve_slack(self.slack, groups)

        centers = self._vanilla_centers(X, k, power)
        costs = cost_matrix(X, centers, power=power)
        vanilla = float(costs.min(axis=1).sum())
        budget = vanilla * (price**power if self.price_applies_to == "root" else price)
        if budget < vanilla:
            raise InfeasibleAssignment(
                f"price_of_fairness={self.price_of_fairness!r} allows a cost of {budget:.6g}, but sending every point to "
                f"its nearest center costs {vanilla:.6g} already, {vanilla - budget:.3g} more; price_of_fairness must be "
                "at least 1",
                {"budget": vanilla - budget},
            )
        problem = _Problem(costs, groups, groups.shares + alpha, groups.shares - beta, budget)
        if self.objective == "leximin":
            offer, lower_bound = _leximin(problem, precision)
        elif self.objective == "egalitarian":
            offer, lower_bound = _egalitarian(problem, precision)
        elif (lead := _lead(alpha, beta)) is not None:
            offer, lower_bound = _two_groups(problem, *lead, precision)
        else:
            offer, lower_bound = _least_sum(problem, precision, max_iter)
        rounding = utilitarian_flow(costs, groups, offer.solution, cost_weight=np.ones(len(groups)))

        self.labels_ = rounding.labels.astype(np.intp)
        self.cluster_centers_ = centers
        violations = cluster_violations(self.labels_, groups, slack=(alpha, beta)).max(axis=0).to_numpy()
        _check_rounding(rounding, offer, violations)
        self.violations_ = groups.series(violations, name="violation")
        self.lp_violations_ = groups.series(offer.violations, name="violation")
        self.objective_ = OBJECTIVES[self.objective](violations)
        self.lower_bound_ = min(lower_bound, self.objective_)
        self.gap_ = self.objective_ - self.lower_bound_
        self.cost_ = float(costs[np.arange(len(X)), self.labels_].sum())
        self.budget_, self.vanilla_cost_ = budget, vanilla
        self.n_lps_ = problem.n_lps
        self.report_ = FairnessReport(X, self.labels_, centers, groups, slack=(alpha, beta), power=power)

    def _vanilla_centers(self, X: Floats, k: int, power: float) -> Floats:
        if self.centers is not None:
            centers = check_centers(self.centers, X.shape[1])
            if len(centers) != k:
                raise ValueError(f"centers has {len(centers)} rows but n_clusters={k}; they must agree")
            return centers
        if power == 2:
            return kmeans(X, k, n_init=self.n_init, random_state=self.random_state).centers
        found = kmedian(X, k, power=power, n_init=self.n_init, random_state=self.random_state)
        return X[found.center_indices]


@dataclass(frozen=True, eq=False)
class _Offer:
    """The cheapest assignment whose violations are at most some vector, and what its multipliers prove.

    ``prices``, shape (T, k), are those at no violation; a unit of violation of group h lowers the price of center i,
    for everyone, by ``relief[h, i]``, shape (H, k).
    """

    solution: AssignmentSolution
    violations: Floats
    affordable: bool
    prices: Floats
    relief: Floats


class _Problem:
    """Which violations a budget can buy: F and its bounds q, see the notes of the estimator."""

    def __init__(self, costs: Floats, groups: Groups, upper: Floats, lower: Floats, budget: float) -> None:
        self.groups, self.n_lps = groups, 0
        self._costs, self._upper, self._lower = costs, upper, lower
        # Where the budget is 0, sums of zeros and of rounding are all that there is to compare.
        self._within = budget + ROUNDING * (budget + 1e-3 * float(costs.mean(axis=1).sum()))
        masses = np.zeros((len(groups), costs.shape[1]))
        np.add.at(masses, (groups.codes, costs.argmin(axis=1)), 1.0)
        self.nearest = self.solve(self._violations(masses))

    def solve(self, delta: Floats) -> _Offer:
        """F(delta), and whether it is within the budget."""
        self.n_lps += 1
        wide = delta + SHARE_ROUNDING
        terms = bounded_terms(
            self.groups, lower=np.maximum(self._lower - wide, 0.0), upper=np.minimum(self._upper + wide, 1.0)
        )
        solution = solve_assignment(self._costs, self.groups, terms)
        a, b = solution.multipliers.upper, solution.multipliers.lower
        prices = a - b - (self._upper[:, None] * a - self._lower[:, None] * b).sum(axis=0)
        violations = np.minimum(self._violations(solution.masses), delta)
        return _Offer(solution, violations, solution.value <= self._within, prices, a + b)

    def excess(self, offers: list[_Offer], delta: Floats) -> Floats:
        """q(delta) - U by each offer's multipliers, shape (number of offers,); one that is positive excludes delta."""
        prices = np.array([offer.prices - delta @ offer.relief for offer in offers])
        return _least_costs(self._costs, self.groups.codes, prices) - self._within

    def _violations(self, masses: Floats) -> Floats:
        sizes = masses.sum(axis=0)
        shares = masses[:, sizes > EMPTY] / sizes[sizes > EMPTY]
        beyond = np.maximum(shares - self._upper[:, None], self._lower[:, None] - shares)
        return np.maximum(beyond.max(axis=1), 0.0)


@njit(cache=True, nogil=True)
def _least_costs(costs: Any, codes: Any, prices: Any) -> Any:
    """Every point at the center where cost and its group's price are least, added up: one sum per price matrix."""
    totals = np.zeros(len(prices))
    for c in range(len(prices)):
        for j in range(len(costs)):
            least = np.inf
            for i in range(costs.shape[1]):
                least = min(least, costs[j, i] + prices[c, codes[j], i])
            totals[c] += least
    return totals


def _descend(
    problem: _Problem,
    path: Path,
    size: Size,
    high: float,
    best: _Offer,
    precision: float,
    *,
    low_is_refused: bool = False,
) -> tuple[_Offer, float, list[_Offer]]:
    """How far down a path of violations, nowhere falling in s in [0, high], the budget reaches.

    ``best`` is affordable and has violations of at most path(high). Returns the lowest offer found on the path, a
    number s below which the path is proved unaffordable, at most ``precision`` lower in size, and the offers refused.
    """
    refused: list[_Offer] = []
    low = proved = 0.0
    trial = high / 2.0 if low_is_refused else low
    while True:
        offer = problem.solve(path(trial))
        if offer.affordable:
            best, high = offer, trial
        else:
            refused.append(offer)
            proved = _reach(problem, offer, path, proved, high)
            low = max(trial, proved)
        trial = (low + high) / 2.0
        if not low < trial < high or size(path(high)) - size(path(low)) <= precision:
            return best, proved, refused


def _reach(problem: _Problem, offer: _Offer, path: Path, low: float, high: float) -> float:
    """The largest s found for which the refused offer's multipliers exclude path(s), or low."""
    for _ in range(REACHES):
        middle = (low + high) / 2.0
        if problem.excess([offer], path(middle))[0] > 0.0:
            low = middle
        else:
            high = middle
    return low


def _egalitarian(problem: _Problem, precision: float) -> tuple[_Offer, float]:
    """The least maximum: all violations alike."""
    everyone = np.ones(len(problem.groups))
    high = float(problem.nearest.violations.max())
    best, proved, _ = _descend(problem, lambda s: s * everyone, np.max, high, problem.nearest, precision)
    return best, proved


def _lead(alpha: Floats, beta: Floats) -> tuple[int, float] | None:
    """Of two groups, the one that is violated first, and by how much it leads; None if that depends on the direction.

    A cluster's share is too high for one group exactly when it is too low for the other, so group 0 has the tolerances
    (alpha_0, beta_0) and group 1 in effect grants it (beta_1, alpha_1). If both differ by the same number e, then
    Delta_1 = max(0, Delta_0 + e) costs nothing, and the other way round; for slack delta r_h, e = delta (r_0 - r_1).
    """
    if len(alpha) != 2 or abs((alpha[0] - beta[1]) - (beta[0] - alpha[1])) > SHARE_ROUNDING:
        return None
    lead = float(alpha[0] - beta[1])
    return (1, lead) if lead > 0 else (0, -lead)


def _two_groups(problem: _Problem, first: int, lead: float, precision: float) -> tuple[_Offer, float]:
    """The least sum where one violation determines the other."""

    def path(s: float) -> Floats:
        delta = np.full(2, max(0.0, s - lead))
        delta[first] = s
        return delta

    nearest = problem.nearest.violations
    high = float(nearest[first] if nearest[1 - first] == 0.0 else max(nearest[first], nearest[1 - first] + lead))
    best, proved, _ = _descend(problem, path, np.sum, high, problem.nearest, precision)
    return best, float(path(proved).sum())


def _least_sum(problem: _Problem, precision: float, max_iter: int) -> tuple[_Offer, float]:
    """The least sum of any number of violations: simplices of unaffordable vectors, see the notes of the estimator."""
    none = problem.solve(np.zeros(len(problem.groups)))
    if none.affordable:
        return none, 0.0
    search = _SumSearch(problem, none, precision)
    # Stopping a little short of the precision leaves room for vectors that no LP can tell from an affordable one.
    margin = 0.9 * precision
    while not search.proves(margin, max_iter):
        # Too much work: prove less. Farther below the best the budget is missed by more, and larger simplices close.
        margin, max_iter = 2.0 * margin, max_iter // 2
    return search.best, search.proved


class _SumSearch:
    """The best offer so far, the multipliers of those refused, and a proof by simplices that nothing is much better."""

    def __init__(self, problem: _Problem, none: _Offer, precision: float) -> None:
        self.problem, self.cuts, self.step = problem, [none], DESCENT * precision
        self.best = self._down(problem.nearest.violations, problem.nearest)
        self.proved = 0.0
        self._known: dict[bytes, Floats] = {}

    def proves(self, margin: float, max_iter: int) -> bool:
        """Whether max_iter simplices suffice to show that no sum is smaller than the best by more than the margin.

        A simplex is the part of ``{Delta >= 0: sum Delta = target}`` in the cone of H directions. The target falls
        whenever something better is found; what was closed at a higher one stays closed, since F does not rise.
        """
        order = count()
        simplices = [(-np.inf, next(order), np.eye(len(self.problem.groups)))]
        while simplices and (target := float(self.best.violations.sum()) - margin) > 0.0:
            if max_iter == 0:
                return False
            max_iter -= 1
            # The one where the cuts are weakest comes first: if there is something better, it is likely there.
            _, _, cone = heappop(simplices)
            parts = [cone]
            while True:
                value, mixture = _game(np.column_stack([self._excess(target * corner) for corner in cone]))
                if value > 0.0:
                    parts = []
                    break
                weakest = target * (mixture @ cone)
                if (self._excess(weakest) > 0.0).any():
                    parts = _halves(cone)
                    break
                offer = self.problem.solve(weakest)
                if offer.affordable:
                    self.best = self._down(weakest, offer)
                    break
                self.cuts.append(offer)
                if (self._excess(weakest) <= 0.0).all():
                    # F exceeds the budget here by less than an LP can prove: ask for a little less.
                    margin *= 1.0 + 1e-3
                    break
            for part in parts:
                heappush(simplices, (value, next(order), part))
        self.proved = max(0.0, float(self.best.violations.sum()) - margin)
        return True

    def _down(self, direction: Floats, best: _Offer) -> _Offer:
        best, _, refused = _descend(
            self.problem, lambda s: s * direction, np.sum, 1.0, best, self.step, low_is_refused=True
        )
        self.cuts.extend(refused)
        self._known = {}
        return best

    def _excess(self, delta: Floats) -> Floats:
        """The excess at delta by all cuts; what was computed for this target already is not computed again."""
        key = delta.tobytes()
        known = self._known.get(key, np.empty(0))
        if len(known) < len(self.cuts):
            known = np.concatenate((known, self.problem.excess(self.cuts[len(known) :], delta)))
            self._known[key] = known
        return known


def _game(excess: Floats) -> tuple[float, Floats]:
    """The value of the game of cuts (rows) against corners (columns), and the corners' mixture.

    A positive value says that one mixture of cuts is positive at every corner; it is judged by what that mixture does,
    not by the LP, which is exact only to a tolerance.
    """
    n_cuts, n_corners = excess.shape
    scale = float(np.abs(excess).max()) or 1.0
    worst = excess.min(axis=1)
    if worst.max() > 0.0:
        return float(worst.max()) / scale, np.empty(0)
    found = linprog(
        np.append(np.zeros(n_corners), 1.0),
        A_ub=np.column_stack((excess / scale, -np.ones(n_cuts))),
        b_ub=np.zeros(n_cuts),
        A_eq=np.append(np.ones(n_corners), 0.0)[None, :],
        b_eq=[1.0],
        bounds=[(0.0, None)] * n_corners + [(None, None)],
        method="highs-ds",
    )
    cuts, corners = np.maximum(-found.ineqlin.marginals, 0.0), np.maximum(found.x[:-1], 0.0)
    value = float((cuts @ excess).min()) / scale
    return (value if value > ROUNDING else min(float(found.x[-1]), 0.0)), corners / corners.sum()


def _halves(cone: Floats) -> list[Floats]:
    """The two parts of a cone, cut through the middle of its longest edge (of several, the first)."""
    lengths = np.abs(cone[:, None] - cone[None]).sum(axis=2)
    first, second = np.unravel_index(int(lengths.argmax()), lengths.shape)
    middle = (cone[first] + cone[second]) / 2.0
    halves = [cone.copy(), cone.copy()]
    halves[0][first] = halves[1][second] = middle
    return halves


def _leximin(problem: _Problem, precision: float) -> tuple[_Offer, float]:
    """The leximin order: lower all violations together, fix those that cannot go on, repeat with the others."""
    n_groups = len(problem.groups)
    levels, movable = np.zeros(n_groups), np.arange(n_groups)
    best, lower_bound = problem.nearest, None
    while len(movable):
        best, proved, _ = _lower(problem, levels, movable, best, precision)
        lower_bound = proved if lower_bound is None else lower_bound
        levels[movable] = level = float(best.violations[movable].max())
        if level == 0.0 or len(movable) == 1:
            break
        stuck = []
        for h in movable:
            less = levels.copy()
            less[h] = max(0.0, level - precision)
            if not problem.solve(less).affordable:
                stuck.append(h)
        if not stuck:
            # Any one could go lower, but not all: the frontier is not convex. Fix the one whose fixing helps the most.
            next_levels = []
            for h in movable:
                others = movable[movable != h]
                next_levels.append(_lower(problem, levels, others, best, precision)[0].violations[others].max())
            stuck = [movable[int(np.argmin(next_levels))]]
        movable = np.setdiff1d(movable, stuck)
    return best, lower_bound or 0.0


def _lower(
    problem: _Problem, levels: Floats, movable: NDArray[np.intp], best: _Offer, precision: float
) -> tuple[_Offer, float, list[_Offer]]:
    """The least common violation of the movable groups while the others stay at their levels."""

    def path(s: float) -> Floats:
        delta = levels.copy()
        delta[movable] = s
        return delta

    high = float(best.violations[movable].max())
    return _descend(problem, path, lambda delta: float(delta[movable].max()), high, best, precision)


def _check_rounding(rounding: Rounding, offer: _Offer, violations: Floats) -> None:
    """Raise unless the rounding keeps what it guarantees for the violations (the flow has checked the cost)."""
    sizes = rounding.masses.sum(axis=0)
    allowed = 2.0 / float(sizes[sizes > 0].min())
    risen = violations - offer.violations
    if (risen > allowed + EMPTY).any():
        raise RoundingError(
            f"the rounding raised a violation by {risen.max():.3g}, more than 2 / (smallest cluster) = {allowed:.3g}"
        )
