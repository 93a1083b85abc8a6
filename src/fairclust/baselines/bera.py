r"""Fair assignment of Bera, Chakrabarty, Flores and Negahbani: bounds on every group's share of every cluster."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import linprog

from fairclust._estimator import FairClusterer
from fairclust._validation import check_n_clusters, check_number, check_power
from fairclust.distances import cost_matrix
from fairclust.groups import Groups, encode_groups
from fairclust.metrics.report import FairnessReport
from fairclust.solvers.assignment import AssignmentSolution, solve_assignment
from fairclust.solvers.assignment_problems import bounded_terms
from fairclust.solvers.assignment_terms import Terms
from fairclust.solvers.flow import RoundingError
from fairclust.solvers.vanilla import vanilla_centers

__all__ = ["BeraFairAssignment"]

Floats = NDArray[np.float64]

#: A sum of shares this close to a whole number is that number.
WHOLE = 1e-9
#: A variable of a vertex this close to 0 or 1 is 0 or 1.
VERTEX = 1e-7


class BeraFairAssignment(FairClusterer):
    r"""The least cost at which all clusters keep all groups' shares within bounds, for centers of vanilla clustering.

    With centers S fixed, attributes that may overlap (sex and race, say) and all their groups h,

    .. math::

        \min_\phi \; \sum_j d^p(j, \phi(j)) \quad \text{s.t.} \quad
        \beta_h |C_i| \le |C_i^h| \le \alpha_h |C_i| \;\; \forall i, h, \qquad
        \alpha_h = \frac{r_h}{1 - \delta}, \quad \beta_h = (1 - \delta)\, r_h,

    up to an additive violation: LP, then iterative rounding.

    Parameters
    ----------
    n_clusters : int, default=8
    delta : float in [0, 1), default=0.2
        How far shares may deviate; 0 asks for exact proportions.
    upper, lower : float, array of shape (H,), mapping or Series by group, optional
        Other bounds on shares: the paper's :math:`\alpha` and :math:`\beta`. With several attributes, a group's label
        is the pair (attribute, label), and the order is that of the columns, then of the labels.
    power : float, default=2
        The p of :math:`d^p`, at least 1.
    n_init : int, default=10
        Starts of the vanilla clustering: k-means for p = 2, else local search over rows.
    centers : array of shape (k, d), optional
        Use these centers in place of vanilla ones; k must be ``n_clusters``.
    random_state : None, int or Generator, default=None

    Attributes
    ----------
    labels_ : ndarray of intp, shape (n,)
        :math:`\phi`; not the nearest centers.
    cluster_centers_ : ndarray of shape (k, d)
    objective_ : float
        The cost :math:`\sum_j d^p(j, \phi(j))`, at most ``lp_value_``.
    lp_value_, lower_bound_ : float
        The LP's value, and the proof: no assignment to these centers that keeps the bounds costs less than
        ``lower_bound_``.
    gap_ : float
        ``objective_ - lower_bound_``. Negative where the rounding saves cost by violating bounds.
    additive_violation_ : float
        The most points by which a cluster misses a bound:
        :math:`\max_{i,h} \max(0, |C_i^h| - \alpha_h |C_i|, \beta_h |C_i| - |C_i^h|)`.
    additive_violations_ : Series
        The same by group.
    vanilla_cost_ : float
        The cost of the nearest centers.
    n_fractional_ : int
        Points that the LP split between centers.
    report_ : FairnessReport
        All notions, with ``slack`` such that the bounds count; for several attributes, by their intersections and
        without slack.

    Raises
    ------
    InfeasibleAssignment
        (from ``fit``) If no assignment keeps the bounds: a group's share of all points lies outside its own. A
        ValueError that says which group's and by how much. Never with the bounds from ``delta``.
    ValueError
        For k > n, a parameter out of range, NaN or infinite entries, or labels whose number is not n.

    See Also
    --------
    BoundedCostFairClustering : The least violation for a given cost.

    Notes
    -----
    *LP* by :func:`~fairclust.solvers.assignment.solve_assignment`, with the intersections of attributes as classes.

    *Rounding.* The points that the LP assigns whole are fixed; only the O(Hk) others are rounded. With T the LP's sums
    over them, their cost is minimised subject to
    :math:`\lfloor T_i \rfloor \le \sum_j x_{ji} \le \lceil T_i \rceil` for every center and
    :math:`\lfloor T_{ih} \rfloor \le \sum_{j \in h} x_{ji} \le \lceil T_{ih} \rceil` for every center and group; at a
    vertex, variables at 0 leave and those at 1 are fixed. If there is neither, a constraint with at most
    :math:`2(\Delta + 1)` variables left is dropped, :math:`\Delta` being the number of attributes: one always exists,
    since otherwise fewer constraints than variables would be tight. The paper drops all such constraints in every
    round; one at a time, the one that can go wrong least, keeps the same guarantee and violates less. Sums end at most
    :math:`2\Delta + 1` beyond their rounded values, and an additive violation at most :math:`4\Delta + 3`; this is
    checked on every fit (we can prove less than :math:`(1 + \alpha_h)(2\Delta + 2)`, which is no more unless
    :math:`\alpha_h` is close to 1, and the check allows the larger of the two). With one attribute the constraints are
    laminar, every vertex is integral and nothing is ever dropped.

    *Where this differs from the authors' code:* all points have the same coefficients in a bound (there those of the
    group itself are rounded to three decimals); the rounding's lower bounds on cluster sizes hold (there a sign is
    missing); 1 means 1 up to a tolerance; constraints are dropped one at a time.

    A fit takes the time of the vanilla clustering, O(nk) per sweep of the LP, and at most O(Hk) LPs over the split
    points; O(nk) memory.

    References
    ----------
    .. [1] S. Bera, D. Chakrabarty, N. Flores, M. Negahbani. *Fair algorithms for clustering*. NeurIPS 2019, the fair
       assignment LP, Algorithm 2 and the theorem on its additive violation.

    Examples
    --------
    >>> from fairclust.baselines.bera import BeraFairAssignment
    >>> X = [[0.0], [0.0], [0.0], [0.0], [1.0], [1.0], [1.0], [1.0]]
    >>> color = ["red"] * 4 + ["blue"] * 4
    >>> model = BeraFairAssignment(2, delta=0.5, centers=[[0.0], [1.0]]).fit(X, sensitive_features=color)
    >>> model.vanilla_cost_, round(model.lp_value_, 6), model.objective_, model.additive_violation_
    (0.0, 2.0, 2.0, 0.0)

    Several attributes are the columns of a frame:

    >>> import pandas as pd
    >>> people = pd.DataFrame({"sex": list("fmfmfmfm"), "color": color})
    >>> model.fit(X, sensitive_features=people).additive_violations_.round(2).to_dict()
    {('sex', 'f'): 0.0, ('sex', 'm'): 0.0, ('color', 'blue'): 0.0, ('color', 'red'): 0.0}
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        delta: float = 0.2,
        upper: Any = None,
        lower: Any = None,
        power: float = 2,
        n_init: int = 10,
        centers: Any = None,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.delta = delta
        self.upper = upper
        self.lower = lower
        self.power = power
        self.n_init = n_init
        self.centers = centers
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, *, sensitive_features: Any = None) -> Self:
        """Cluster the rows of X.

        Parameters
        ----------
        X : array or DataFrame of shape (n, d)
            Finite numbers.
        y : ignored
            Present for scikit-learn's sake.
        sensitive_features : array, Series or list of n hashable labels, or DataFrame or array of shape (n, m), optional
            The group of each row; m columns are m attributes, whose groups overlap. None means one group.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            See the class.
        """
        return super().fit(X, y, sensitive_features=_intersections(sensitive_features))

    def _fit(self, X: Floats, groups: Groups) -> None:
        k = check_n_clusters(self.n_clusters, len(X))
        power = check_power(self.power)
        delta = check_number(self.delta, "delta", low=0.0, high=1.0)
        if delta == 1.0:
            raise ValueError("delta must be less than 1, got 1; upper bounds are shares divided by 1 - delta")
        attributes = groups if isinstance(groups, _Intersections) else _Intersections.of_one(groups)
        shares = attributes.membership @ groups.shares
        terms = bounded_terms(
            groups,
            lower=(1.0 - delta) * shares if self.lower is None else self.lower,
            upper=shares / (1.0 - delta) if self.upper is None else self.upper,
            membership=attributes.membership,
            names=attributes.names,
        )
        centers = vanilla_centers(
            X, k, power=power, n_init=self.n_init, centers=self.centers, random_state=self.random_state
        )
        costs = cost_matrix(X, centers, power=power)
        solution = solve_assignment(costs, groups, terms)
        rounding = _IterativeRounding(costs, groups.codes, attributes, solution)

        self.labels_ = rounding.labels
        self.cluster_centers_ = centers
        self.objective_ = float(costs[np.arange(len(X)), self.labels_].sum())
        self.lp_value_, self.lower_bound_ = solution.value, solution.lower_bound
        self.gap_ = self.objective_ - self.lower_bound_
        self.vanilla_cost_ = float(costs.min(axis=1).sum())
        self.n_fractional_ = len(solution.split)
        beyond = _additive_violations(groups, self.labels_, terms, k)
        names = pd.Index(list(attributes.names), name="group", tupleize_cols=False)
        self.additive_violations_ = pd.Series(beyond, index=names, name="additive_violation")
        self.additive_violation_ = float(beyond.max())
        _check(solution, costs, self.objective_, beyond, attributes.n_attributes)
        slack: Any = 0.0
        if attributes.n_attributes == 1:
            slack = np.maximum(terms.upper - shares, 0.0), np.maximum(shares - terms.lower, 0.0)
        self.report_ = FairnessReport(X, self.labels_, centers, groups, slack=slack, power=power)


def _additive_violations(groups: Groups, labels: NDArray[np.intp], terms: Terms, n_clusters: int) -> Floats:
    """By how many points the cluster that is worst for a group misses its bounds, shape (H,)."""
    masses = np.zeros((len(groups), n_clusters))
    np.add.at(masses, (groups.codes, labels), 1.0)
    beyond = terms.violations(masses)
    return np.where(beyond > WHOLE, beyond, 0.0).max(axis=1)


def _check(solution: AssignmentSolution, costs: Floats, cost: float, beyond: Floats, depth: int) -> None:
    """Raise unless the rounding keeps what the theorem promises of cost and violations."""
    rounding = WHOLE * (solution.value + 10.0 * float(costs[solution.split].max(axis=1, initial=0.0).sum()))
    if cost > solution.value + rounding:
        raise RoundingError(f"rounding raised the cost from {solution.value:.9g} to {cost:.9g}")
    upper = np.minimum(solution.terms.upper, 1.0)
    allowed = np.maximum(4.0 * depth + 3.0, (1.0 + upper) * (2.0 * depth + 2.0))
    if (beyond > allowed).any():
        h = int(np.argmax(beyond - allowed))
        raise RoundingError(
            f"group {solution.terms.names[h]!r} misses a bound by {beyond[h]:.3g} points, more than {allowed[h]:.3g}, "
            "which the theorem allows"
        )


@dataclass(frozen=True, eq=False)
class _Intersections(Groups):
    """The classes of rows that agree on every attribute, and the attributes' groups that they make up.

    ``membership``, shape (H, T), says which of the T classes make up each of the H groups, called ``names``. Every
    class belongs to one group of each attribute.
    """

    membership: Floats
    names: tuple[Hashable, ...]
    n_attributes: int

    @classmethod
    def of_one(cls, groups: Groups) -> _Intersections:
        """One attribute: each class is a group."""
        return cls(groups.codes, groups.labels, groups.sizes, np.eye(len(groups)), groups.labels, 1)


def _intersections(sensitive_features: Any) -> Any:
    """Several columns as :class:`_Intersections`; anything else as it is."""
    if getattr(sensitive_features, "ndim", 1) != 2 or sensitive_features.shape[1] < 2:
        return sensitive_features
    frame = sensitive_features if isinstance(sensitive_features, pd.DataFrame) else pd.DataFrame(sensitive_features)
    columns = list(frame.columns)
    twice = [column for at, column in enumerate(columns) if column in columns[:at]]
    if twice:
        raise ValueError(f"sensitive_features has two columns called {twice[0]!r}; give each attribute its own name")
    encoded = [
        encode_groups(frame.iloc[:, at], name=f"sensitive_features, column {column!r},")
        for at, column in enumerate(columns)
    ]
    rows, codes = np.unique(np.column_stack([groups.codes for groups in encoded]), axis=0, return_inverse=True)
    labels = tuple(
        tuple(groups.labels[code] for groups, code in zip(encoded, row, strict=True)) for row in rows.tolist()
    )
    membership = np.vstack([rows[:, at] == np.arange(len(groups))[:, None] for at, groups in enumerate(encoded)])
    names = [(column, label) for column, groups in zip(columns, encoded, strict=True) for label in groups.labels]
    codes = codes.ravel().astype(np.intp)
    return _Intersections(
        codes, labels, np.bincount(codes).astype(np.intp), membership.astype(np.float64), tuple(names), len(columns)
    )


class _IterativeRounding:
    """Whole labels for the split points of an optimal assignment; see the notes of the estimator."""

    def __init__(
        self, costs: Floats, codes: NDArray[np.intp], attributes: _Intersections, solution: AssignmentSolution
    ) -> None:
        self.labels = solution.labels.astype(np.intp)
        rows, shares = solution.split, solution.shares
        if not len(rows):
            return
        k = shares.shape[1]
        # One variable for each point and center that share; rows of the matrix: points, centers, (group, center) pairs.
        self._points, self._centers = np.nonzero(shares > 0.0)
        self._costs = costs[rows[self._points], self._centers]
        n_variables = len(self._points)
        groups, variables = np.nonzero(attributes.membership[:, codes[rows[self._points]]])
        self._sums = sp.csr_matrix(
            (
                np.ones(n_variables + len(variables)),
                (
                    np.concatenate((self._centers, (groups + 1) * k + self._centers[variables])),
                    np.concatenate((np.arange(n_variables), variables)),
                ),
            ),
            shape=((len(attributes.names) + 1) * k, n_variables),
        )
        totals = self._sums @ shares[self._points, self._centers]
        self._least, self._most = np.floor(totals + WHOLE), np.ceil(totals - WHOLE)
        self._kept = np.ones(len(totals), dtype=bool)
        self._limit = 2 * (attributes.n_attributes + 1)
        chosen = self._round()
        self.labels[rows[self._points[chosen]]] = self._centers[chosen]

    def _round(self) -> NDArray[np.intp]:
        """The variables that end at 1, one for each point."""
        value = np.full(len(self._points), np.nan)
        while (open_ := np.isnan(value)).any():
            vertex = self._vertex(np.flatnonzero(open_), value == 1.0)
            value[vertex <= VERTEX] = 0.0
            value[vertex >= 1.0 - VERTEX] = 1.0
            if np.isnan(value).sum() == open_.sum():
                self._drop(np.isnan(value), value == 1.0)
        return np.flatnonzero(value == 1.0)

    def _vertex(self, variables: NDArray[np.intp], taken: NDArray[np.bool_]) -> Floats:
        """The open variables' values at a cheapest vertex, NaN for the others."""
        done = self._sums @ taken.astype(np.float64)
        sums = self._sums[self._kept][:, variables]
        points, position = np.unique(self._points[variables], return_inverse=True)
        scale = float(self._costs[variables].max()) or 1.0
        found = linprog(
            self._costs[variables] / scale,
            A_ub=sp.vstack((sums, -sums)),
            b_ub=np.concatenate(((self._most - done)[self._kept], (done - self._least)[self._kept])),
            A_eq=sp.csr_matrix((np.ones(len(variables)), (position, np.arange(len(variables))))),
            b_eq=np.ones(len(points)),
            bounds=(0.0, None),
            method="highs-ds",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        if found.status != 0:
            raise RoundingError(f"an LP of the rounding has no optimum: {found.message}")
        vertex = np.full(len(self._points), np.nan)
        vertex[variables] = found.x
        return vertex

    def _drop(self, open_: NDArray[np.bool_], taken: NDArray[np.bool_]) -> None:
        """Drop the constraint that may be dropped and that can end least far from its bounds; of several, the first."""
        left, done = self._sums @ open_.astype(np.float64), self._sums @ taken.astype(np.float64)
        may = np.flatnonzero(self._kept & (left > 0) & (left <= self._limit))
        if not len(may):
            raise RoundingError("a vertex of the rounding has no constraint that may be dropped; please report it")
        beyond = np.maximum(done + left - self._most, self._least - done)
        self._kept[may[np.argmin(beyond[may])]] = False
