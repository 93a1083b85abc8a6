r"""The least violation of bounds on shares that a budget can buy: fair assignment under bounded cost, fixed centers.

With bounds :math:`l_h \le u_h` on group h's share of every cluster, let :math:`F(\Delta)` be the least cost of a
fractional assignment with :math:`(l_h - \Delta_h) S_i \le M_{hi} \le (u_h + \Delta_h) S_i` for all groups h and
clusters i: an LP for each vector :math:`\Delta \ge 0`. It does not rise in any :math:`\Delta_h`, and the question is
which small vectors have :math:`F(\Delta) \le U`.

F is not convex, because the bounds multiply :math:`\Delta_h` with the cluster's size. But the multipliers
:math:`\mu = (a, b)` of any LP bound it everywhere by

.. math:: q(\Delta; \mu) = \sum_j \min_i \Bigl[ c_{ji} + p_{ji}(\mu) - \sum_h \Delta_h (a_{hi} + b_{hi}) \Bigr]
          \le F(\Delta),

which costs one sweep to evaluate and is *concave in* :math:`\Delta` *and in* :math:`\mu`. So if one mixture of known
multipliers has q > U at all corners of a simplex of vectors that add up to s, then no vector in that simplex, and none
below one of its vectors, is affordable: q is above U on the simplex by concavity, and F does not rise.
"""

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

from fairclust._validation import check_number
from fairclust.groups import Groups, encode_groups
from fairclust.solvers.assignment import AssignmentSolution, solve_assignment
from fairclust.solvers.assignment_problems import bounded_terms
from fairclust.solvers.assignment_terms import InfeasibleAssignment

__all__ = ["LeastViolation", "least_costs", "least_violation"]

Floats = NDArray[np.float64]
Path = Callable[[float], Floats]
Size = Callable[[Floats], float]

#: A sum of n costs may miss the budget by this share of it and still be within: sums differ in their last digits.
ROUNDING = 1e-12
#: Bounds on shares are widened by this much, or an assignment that meets them with equality would not.
SHARE_ROUNDING = 1e-12
#: A cluster of less mass than this has no share to speak of.
EMPTY = 1e-9
#: Evaluations of q that are spent on one LP's multipliers to see how far they reach: less than the price of an LP.
REACHES = 10
#: How fine, as a share of the precision, the search for a small sum goes down each direction.
DESCENT = 0.1


@dataclass(frozen=True, eq=False)
class LeastViolation:
    r"""The least violations found, with the proof.

    Attributes
    ----------
    solution : AssignmentSolution
        The cheapest fractional assignment with these violations; its ``value``, the cost, is within the budget.
    violations : ndarray, shape (H,)
        :math:`\Delta_h` of that assignment: how far its worst cluster's share of group h lies beyond the bounds.
    lower_bound : float
        No assignment within the budget has a smaller sum (utilitarian) or maximum (egalitarian, leximin).
    n_lps : int
        Assignment LPs solved.
    """

    solution: AssignmentSolution
    violations: Floats
    lower_bound: float
    n_lps: int


def least_violation(
    costs: Any,
    groups: Any,
    budget: float,
    *,
    upper: Any,
    lower: Any,
    objective: Literal["utilitarian", "egalitarian", "leximin"] = "utilitarian",
    precision: float = 1 / 128,
    max_simplices: int = 5000,
) -> LeastViolation:
    r"""Find the least violations of bounds on shares that a budget can buy.

    .. math:: \min_{\Delta \ge 0} \; \sum_h \Delta_h \;\text{ or }\; \max_h \Delta_h
              \quad\text{s.t.}\quad F(\Delta) \le U

    or, for leximin, the smallest largest violation, then the smallest second largest, and so on.

    Parameters
    ----------
    costs : array of shape (n, k)
        :math:`c_{ji} \ge 0`.
    groups : Groups or sequence of n hashable labels
        The group of each point.
    budget : float
        U, at least the cost of sending every point to its nearest center.
    upper, lower : array of shape (H,)
        u and l, in the order of the groups' labels, with :math:`l_h \le r_h \le u_h` for the group's share of all
        points.
    objective : {"utilitarian", "egalitarian", "leximin"}, default="utilitarian"
    precision : float in (0, 1], default=1/128
        How much smaller the sum or maximum could be at most; for leximin, each level given the ones before it.
    max_simplices : int, default=5000
        The most simplices that the proof for a sum over three or more groups examines. If they do not suffice,
        ``lower_bound`` is proved to four times the precision with as many again, or sixteen times, and so on.

    Returns
    -------
    LeastViolation

    Raises
    ------
    InfeasibleAssignment
        If the budget is too small for any assignment; the message says by how much.
    ValueError
        If a parameter is out of range, or bounds exclude a group's share.

    Notes
    -----
    *Maximum.* All violations alike: a bisection, in which each refused vector's multipliers also say how far above it
    vectors are refused. *Sum over two groups* whose tolerances agree (:math:`u_0 - r_0` exceeds :math:`r_1 - l_1` by as
    much as :math:`r_0 - l_0` exceeds :math:`u_1 - r_1`, as with tolerances :math:`\delta r_h`): one violation
    determines the other, and again it is one bisection. *Any other sum.* With S the best sum so far, the vectors that
    add up to S - precision are covered by simplices. A linear program of the size (multipliers known) x (corners) looks
    for the mixture that closes one. If there is none, it names the vector where the known multipliers are weakest, and
    an LP there gives either a better solution or a new multiplier; where that vector is refused already, concavity is
    in the way, and the simplex is bisected. When all simplices are closed, S - precision is a lower bound. The problem
    is not convex, and the worst case is exponential in H; measured: 10 to 45 LPs for three groups of Bank, 7 to 14 for
    five groups of Adult, but hundreds of LPs and thousands of simplices for five groups among thirty points.
    *Leximin.* Lower all violations together; those that are proved unable to go lower by the precision are fixed, and
    the others go on. If none is stuck alone, the group is fixed whose fixing lets the others go lowest (of several, the
    first).

    Each LP takes O(nk) per sweep, each evaluation of q one such sweep.

    References
    ----------
    .. [1] S. Esmaeili, B. Brubach, A. Srinivasan, J. Dickerson. *Fair clustering under a bounded cost*. NeurIPS 2021,
       where Delta runs over a grid.

    Examples
    --------
    Two places of one color each. To mix one pair costs 2; half of a pair is what a budget of 1 buys.

    >>> import numpy as np
    >>> costs = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    >>> found = least_violation(costs, ["r", "r", "b", "b"], 1.0, upper=[0.5, 0.5], lower=[0.5, 0.5], precision=1e-6)
    >>> found.violations.round(4).tolist(), round(found.lower_bound, 4)
    ([0.25, 0.25], 0.5)
    """
    members = encode_groups(groups, name="groups")
    table = np.ascontiguousarray(costs, dtype=np.float64)
    if table.ndim != 2 or len(table) != members.n_samples:
        raise ValueError(f"costs must have one row for each of {members.n_samples} points, got shape {table.shape}")
    bad = np.flatnonzero(~((table >= 0.0) & np.isfinite(table)).all(axis=1))
    if len(bad):
        raise ValueError(f"costs must be finite and not negative; row {bad[0]} is {table[bad[0]]}")
    high, low = (_bounds(values, members, name) for values, name in ((upper, "upper"), (lower, "lower")))
    out = np.flatnonzero((low > members.shares + SHARE_ROUNDING) | (high < members.shares - SHARE_ROUNDING))
    if len(out):
        h = out[0]
        raise ValueError(
            f"bounds must enclose every group's share; group {members.labels[h]!r} has the share "
            f"{members.shares[h]:.6g} and the bounds {low[h]:.6g} and {high[h]:.6g}"
        )
    check_number(budget, "budget", low=0.0)
    check_number(precision, "precision", low=0.0, high=1.0, low_open=True)
    check_number(max_simplices, "max_simplices", low=1, integer=True)
    if objective not in ("utilitarian", "egalitarian", "leximin"):
        raise ValueError(f"objective must be 'utilitarian', 'egalitarian' or 'leximin', got {objective!r}")

    problem = _Problem(table, members, high, low, float(budget))
    if objective == "leximin":
        offer, lower_bound = _leximin(problem, precision)
    elif objective == "egalitarian":
        none, everyone = np.zeros(len(members)), np.arange(len(members))
        offer, lower_bound, _ = _lower(problem, none, everyone, problem.nearest, precision)
    elif (lead := _lead(high - members.shares, members.shares - low)) is not None:
        offer, lower_bound = _two_groups(problem, *lead, precision)
    else:
        offer, lower_bound = _least_sum(problem, precision, max_simplices)
    return LeastViolation(offer.solution, offer.violations, lower_bound, problem.n_lps)


def _bounds(values: Any, groups: Groups, name: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (len(groups),) or not np.isfinite(array).all():
        raise ValueError(f"{name} must hold {len(groups)} finite numbers, one per group, got {values!r}")
    return array


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
    """Which violations a budget can buy: F and its bounds q, see the module's head."""

    def __init__(self, costs: Floats, groups: Groups, upper: Floats, lower: Floats, budget: float) -> None:
        self.groups, self.n_lps = groups, 0
        self._costs, self._upper, self._lower = costs, upper, lower
        # Where the budget is 0, sums of zeros and of rounding are all that there is to compare.
        self._within = budget + ROUNDING * (budget + 1e-3 * float(costs.mean(axis=1).sum()))
        nearest_cost = float(costs.min(axis=1).sum())
        if not nearest_cost <= self._within:
            raise InfeasibleAssignment(
                f"no assignment meets the budget {budget:.6g}: sending every point to its nearest center costs "
                f"{nearest_cost:.6g} ({least_costs(costs, groups)}), which is {nearest_cost - budget:.3g} more",
                {"budget": nearest_cost - budget},
            )
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


def _least_sum(problem: _Problem, precision: float, max_simplices: int) -> tuple[_Offer, float]:
    """The least sum of any number of violations, by simplices of unaffordable vectors; see least_violation."""
    none = problem.solve(np.zeros(len(problem.groups)))
    if none.affordable:
        return none, 0.0
    search = _SumSearch(problem, none, precision)
    # Stopping a little short of the precision leaves room for vectors that no LP can tell from an affordable one.
    margin = 0.9 * precision
    while not search.proves(margin, max_simplices):
        # Too much work: prove less. Farther below the best the budget is missed by more, and larger simplices close.
        margin *= 4.0
    return search.best, search.proved


class _SumSearch:
    """The best offer so far, the multipliers of those refused, and a proof by simplices that nothing is much better."""

    def __init__(self, problem: _Problem, none: _Offer, precision: float) -> None:
        self.problem, self.cuts, self.step = problem, [none], DESCENT * precision
        self.best = self._down(problem.nearest.violations, problem.nearest)
        self.proved = 0.0
        self._known: dict[bytes, Floats] = {}

    def proves(self, margin: float, max_simplices: int) -> bool:
        """Whether max_simplices simplices suffice to show that no sum is smaller than the best by more than the margin.

        A simplex is the part of ``{Delta >= 0: sum Delta = target}`` in the cone of H directions. The target falls
        whenever something better is found; what was closed at a higher one stays closed, since F does not rise.
        """
        order = count()
        simplices = [(-np.inf, next(order), np.eye(len(self.problem.groups)))]
        while simplices and (target := float(self.best.violations.sum()) - margin) > 0.0:
            if max_simplices == 0:
                return False
            max_simplices -= 1
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


def least_costs(costs: Floats, groups: Groups) -> str:
    """What each group adds to the cost of the nearest centers, in words: "'a' 12.5, 'b' 3", the dearest first."""
    added = np.bincount(groups.codes, costs.min(axis=1), len(groups))
    dearest = np.argsort(-added, kind="stable")
    return ", ".join(f"{groups.labels[h]!r} {added[h]:.6g}" for h in dearest)
