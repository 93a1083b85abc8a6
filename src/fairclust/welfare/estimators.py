r"""RawlsianAlg and UtilitarianAlg as estimators: centers by the paper's rule, the LP, the rounding, the certificate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fairclust._estimator import FairClusterer
from fairclust._validation import as_generator, check_n_clusters, check_number
from fairclust.distances import cost_matrix
from fairclust.groups import Groups
from fairclust.metrics import FairnessReport, proportional_violation
from fairclust.solvers.fair_kmedian import socially_fair_kmedian
from fairclust.solvers.kmeans import kmeans
from fairclust.solvers.kmedian import kmedian
from fairclust.solvers.minimax_centers import minimax_centers, socially_fair_kmeans
from fairclust.welfare.assign import FairAssignment, assign

__all__ = ["RawlsianClustering", "UtilitarianClustering"]

Floats = NDArray[np.float64]

#: Refinement goes on while a round lowers the objective by more than this part of it.
LEAST_GAIN = 1e-9
MOST_REFINEMENTS = 100


@dataclass(frozen=True)
class _Solution:
    centers: Floats
    indices: NDArray[np.intp] | None
    assignment: FairAssignment
    refinements: int = 0


class _WelfareClustering(FairClusterer):
    """What both objectives share; a subclass says which centers to start from and how to re-optimise them."""

    _objective: Literal["rawlsian", "utilitarian"]

    def __init__(
        self,
        n_clusters: int = 8,
        distance_weight: float = 0.5,
        slack: Any = 0.0,
        power: int = 2,
        n_init: int = 10,
        refine: bool = False,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.distance_weight = distance_weight
        self.slack = slack
        self.power = power
        self.n_init = n_init
        self.refine = refine
        self.random_state = random_state

    def _fit(self, X: Floats, groups: Groups) -> None:
        k = check_n_clusters(self.n_clusters, len(X))
        n_init = check_number(self.n_init, "n_init", low=1, integer=True)
        check_number(self.distance_weight, "distance_weight", low=0.0, high=1.0)
        if self.power not in (1, 2):
            raise ValueError(
                f"power must be 1 (k-median, centers are rows of X) or 2 (k-means), got {self.power!r}; "
                "for other powers bring your own costs to fairclust.welfare.assign"
            )
        if self.refine and self.power != 2:
            raise ValueError("refine=True needs power=2: only then are the best centers of an assignment known")
        rngs = as_generator(self.random_state).spawn(n_init)
        best: _Solution | None = None
        seen: dict[bytes, float] = {}
        values = []
        for centers, indices in self._starts(X, groups, k, rngs):
            # Starts often end at the same centers; their LP is solved once.
            key = np.ascontiguousarray(centers).tobytes()
            if key not in seen:
                solution = self._solve(X, groups, centers, indices)
                seen[key] = solution.assignment.value
                if best is None or solution.assignment.value < best.assignment.value:
                    best = solution
            values.append(seen[key])
        assert best is not None
        self._keep(X, groups, best, np.array(values))

    def _solve(self, X: Floats, groups: Groups, centers: Floats, indices: NDArray[np.intp] | None) -> _Solution:
        solution = _Solution(centers, indices, self._assign(X, groups, centers))
        while self.refine and self.distance_weight > 0 and solution.refinements < MOST_REFINEMENTS:
            moved = self._best_centers(X, groups, solution.assignment.labels, solution.centers)
            assignment = self._assign(X, groups, moved)
            # Rounding may cost more than the centers gained; then the last solution stands, so the value never rises.
            if assignment.value >= solution.assignment.value * (1 - LEAST_GAIN):
                break
            solution = _Solution(moved, None, assignment, solution.refinements + 1)
        return solution

    def _assign(self, X: Floats, groups: Groups, centers: Floats) -> FairAssignment:
        return assign(
            cost_matrix(X, centers, power=float(self.power)),
            groups,
            objective=self._objective,
            distance_weight=self.distance_weight,
            slack=self.slack,
        )

    def _keep(self, X: Floats, groups: Groups, solution: _Solution, values: Floats) -> None:
        assignment = solution.assignment
        self.labels_ = assignment.labels.astype(np.intp)
        self.cluster_centers_ = solution.centers
        if solution.indices is not None:
            self.center_indices_ = solution.indices
        self.objective_ = assignment.value
        self.lp_value_ = assignment.lp_value
        self.lower_bound_ = assignment.lower_bound
        self.gap_ = assignment.gap
        self.disutilities_ = assignment.disutilities
        self.prices_ = assignment.prices
        self.group_weights_ = assignment.weights
        self.rounding_loss_ = assignment.rounding_loss
        self.rounding_bound_ = assignment.rounding_bound
        self.start_values_ = values
        self.n_refinements_ = solution.refinements
        self.report_ = FairnessReport(X, self.labels_, self.cluster_centers_, groups)

    def _starts(
        self, X: Floats, groups: Groups, k: int, rngs: list[np.random.Generator]
    ) -> Iterator[tuple[Floats, NDArray[np.intp] | None]]:
        raise NotImplementedError

    def _best_centers(self, X: Floats, groups: Groups, labels: NDArray[Any], centers: Floats) -> Floats:
        raise NotImplementedError


class RawlsianClustering(_WelfareClustering):
    r"""RawlsianAlg: a clustering whose worst-off group is as well off as can be.

    .. math:: \min_{S, \phi} \; \max_h \; \frac{\lambda D^h + (1 - \lambda) V^h}{n_h}

    with :math:`D^h = \sum_{j \in C^h} d(x_j, \phi(j))^p` and :math:`V^h = \sum_i |C_i| \Delta_i^h` the group's
    proportional violation. Centers come from socially fair clustering, the assignment from LP (10) and the Rawlsian
    rounding; of ``n_init`` starts the one with the smallest *final* objective is kept.

    Parameters
    ----------
    n_clusters : int, default=8
    distance_weight : float in [0, 1], default=0.5
        :math:`\lambda`.
    slack : float or pair (alpha, beta), default=0.0
        :math:`\delta` of :math:`\alpha_h = \beta_h = \delta r_h`, or per-group tolerances; see
        :func:`fairclust.welfare.assign`.
    power : {1, 2}, default=2
        p: 2 puts centers anywhere (k-means), 1 takes rows of X (k-median).
    n_init : int, default=10
    refine : bool, default=False
        Beyond the paper: re-optimise the centers for the assignment and assign again, while that helps. The objective
        never rises. Needs ``power=2``.
    random_state : None, int or Generator, default=None

    Attributes
    ----------
    labels_ : ndarray of shape (n,)
        Not always the nearest center.
    cluster_centers_ : ndarray of shape (k, d)
    center_indices_ : ndarray of shape (k,)
        Rows of X, for ``power=1``.
    objective_ : float
        The largest disutility.
    lower_bound_, gap_ : float
        No assignment *to these centers* has a smaller objective than ``lower_bound_``; relative gap.
    lp_value_, rounding_loss_, rounding_bound_ : float
        The LP's value, what rounding added, and what it can add at most (Lemma 4.4).
    disutilities_ : Series
        By group.
    prices_ : DataFrame of shape (H, k)
        What one more member of a group pays to enter a cluster.
    group_weights_ : Series
        The dual weights: which group's disutility decides.
    start_values_ : ndarray of shape (n_init,)
        The objective that each start reached.
    n_refinements_ : int
    report_ : FairnessReport

    Raises
    ------
    ValueError
        For k > n, NaN or infinite entries, parameters out of range, or labels whose number is not n.

    Notes
    -----
    If the centers are an :math:`\alpha`-approximation of the socially fair objective, the result is at most
    :math:`(\alpha + 2) R^* + O(k/n)` for p = 1 and :math:`(2 + \sqrt\alpha)^2 R^* + O(k/n)` for p = 2 (Theorem 4.5; the
    constant for p = 2 is derived here, the paper's is lost). Any number of groups; the paper stops at two. Per start:
    the center search, then O(nk) per sweep of the LP.

    References
    ----------
    *Welfare-centric clustering*, 2025, Algorithm 1, LP (10), Theorem 4.5.

    Examples
    --------
    Two towns, each of one color: mixing costs little distance, so it is done.

    >>> X = [[0.0], [0.1], [0.4], [0.5]]
    >>> model = RawlsianClustering(2, distance_weight=0.5, random_state=0).fit(X, sensitive_features=list("bbrr"))
    >>> round(model.objective_, 5), model.disutilities_.round(5).to_dict()
    (0.03125, {'b': 0.03125, 'r': 0.03125})
    """

    _objective = "rawlsian"

    def _starts(
        self, X: Floats, groups: Groups, k: int, rngs: list[np.random.Generator]
    ) -> Iterator[tuple[Floats, NDArray[np.intp] | None]]:
        for rng in rngs:
            if self.power == 2:
                yield socially_fair_kmeans(X, k, groups, n_init=1, random_state=rng).centers, None
            else:
                rows = socially_fair_kmedian(X, k, groups, random_state=rng).center_indices
                yield X[rows], rows

    def _best_centers(self, X: Floats, groups: Groups, labels: NDArray[Any], centers: Floats) -> Floats:
        violation = proportional_violation(labels, groups, slack=self.slack).to_numpy()
        weight = float(self.distance_weight)
        found = minimax_centers(
            X, labels, groups, n_clusters=len(centers), distance_weight=weight, offsets=(1 - weight) * violation
        )
        return np.where(np.isnan(found.centers), centers, found.centers)


class UtilitarianClustering(_WelfareClustering):
    r"""UtilitarianAlg: a clustering in which the groups together are as well off as can be.

    .. math:: \min_{S, \phi} \; \sum_h \frac{\lambda D^h + (1 - \lambda) V^h}{n_h}

    Centers come from clustering in which a member of group h weighs :math:`1 / n_h`, the assignment from LP (13) and
    the Utilitarian rounding; of ``n_init`` starts the one with the smallest *final* objective is kept.

    Parameters
    ----------
    n_clusters : int, default=8
    distance_weight : float in [0, 1], default=0.5
        :math:`\lambda`.
    slack : float or pair (alpha, beta), default=0.0
        :math:`\delta` of :math:`\alpha_h = \beta_h = \delta r_h`, or per-group tolerances; see
        :func:`fairclust.welfare.assign`.
    power : {1, 2}, default=2
        p: 2 puts centers anywhere (k-means), 1 takes rows of X (k-median).
    n_init : int, default=10
    refine : bool, default=False
        Beyond the paper: re-optimise the centers for the assignment and assign again, while that helps. The objective
        never rises. Needs ``power=2``.
    random_state : None, int or Generator, default=None

    Attributes
    ----------
    labels_ : ndarray of shape (n,)
        Not always the nearest center.
    cluster_centers_ : ndarray of shape (k, d)
    center_indices_ : ndarray of shape (k,)
        Rows of X, for ``power=1``.
    objective_ : float
        The sum of the disutilities.
    lower_bound_, gap_ : float
        No assignment *to these centers* has a smaller objective than ``lower_bound_``; relative gap.
    lp_value_, rounding_loss_, rounding_bound_ : float
        The LP's value, what rounding added, and what it can add at most (Lemma 4.10).
    disutilities_ : Series
        By group.
    prices_ : DataFrame of shape (H, k)
        What one more member of a group pays to enter a cluster.
    group_weights_ : Series
        1 for each group.
    start_values_ : ndarray of shape (n_init,)
        The objective that each start reached.
    n_refinements_ : int
    report_ : FairnessReport

    Raises
    ------
    ValueError
        For k > n, NaN or infinite entries, parameters out of range, or labels whose number is not n.

    Notes
    -----
    If the centers are an :math:`\alpha`-approximation of the weighted objective, the result is at most
    :math:`(\alpha + 2) U^* + O(k/n)` for p = 1 and :math:`(2 + \sqrt\alpha)^2 U^* + O(k/n)` for p = 2 (Theorem 4.11;
    the constant for p = 2 is derived here). Per start: the center search, then O(nk) per sweep of the LP.

    References
    ----------
    *Welfare-centric clustering*, 2025, Algorithm 2, LP (13), Theorem 4.11.

    Examples
    --------
    >>> X = [[0.0], [0.1], [0.4], [0.5]]
    >>> model = UtilitarianClustering(2, distance_weight=0.5, random_state=0).fit(X, sensitive_features=list("bbrr"))
    >>> round(model.objective_, 4), round(model.lower_bound_, 4)
    (0.0625, 0.0625)
    """

    _objective = "utilitarian"

    def _starts(
        self, X: Floats, groups: Groups, k: int, rngs: list[np.random.Generator]
    ) -> Iterator[tuple[Floats, NDArray[np.intp] | None]]:
        weights = 1.0 / groups.sizes[groups.codes]
        for rng in rngs:
            if self.power == 2:
                yield kmeans(X, k, weights=weights, n_init=1, random_state=rng).centers, None
            else:
                rows = kmedian(X, k, weights=weights, power=1, random_state=rng).center_indices
                yield X[rows], rows

    def _best_centers(self, X: Floats, groups: Groups, labels: NDArray[Any], centers: Floats) -> Floats:
        weights = 1.0 / groups.sizes[groups.codes]
        mass = np.bincount(labels, weights=weights, minlength=len(centers))
        moved = centers.copy()
        for feature in range(X.shape[1]):
            sums = np.bincount(labels, weights=weights * X[:, feature], minlength=len(centers))
            np.divide(sums, mass, out=moved[:, feature], where=mass > 0)
        return moved
