r"""Algorithm 1 of the antidote paper: sum-of-norms clustering, its KKT conditions relaxed, and what comes of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from fairclust._estimator import FairClusterer
from fairclust._validation import check_number, check_points
from fairclust.antidote.kkt import KKTResiduals, kkt_residuals
from fairclust.antidote.relaxation import RelaxedAntidote, own_social_cost, solve_relaxed
from fairclust.antidote.sum_of_norms import absolute_regularization
from fairclust.distances import nearest_centers
from fairclust.groups import Groups, encode_groups
from fairclust.metrics import FairnessReport, social_cost
from fairclust.solvers.sum_of_norms import SumOfNormsResult, sum_of_norms

__all__ = ["ConvexAntidote", "gamma_lambda_study"]

Floats = NDArray[np.float64]


class ConvexAntidote(FairClusterer):
    r"""Antidote data for sum-of-norms clustering, from a convex program, judged by clustering again.

    .. math::
        \min_V \; F_{\text{social}}(\mu, U) \quad \text{s.t.} \quad \mu = C_{\text{SON}}(U \cup V), \; |V| = V_s

    Algorithm 1 replaces the clustering by its KKT conditions and relaxes the one that is not convex,
    :math:`\eta = \operatorname{prox}(\eta + \zeta)`, to :math:`\eta = \gamma (\eta + \zeta)`. What the convex program
    then promises is ``relaxed_fairness_``; ``fairness_`` is what sum-of-norms clustering of U and V really gives.

    Parameters
    ----------
    regularization : float, default=0.5
        :math:`\lambda`, or its share of :math:`\max_{i,j} \|x_i - x_j\| / n` (over U), at which all of U is one
        cluster.
    n_antidote : int, default=10
        :math:`V_s`, the size of V in the first round.
    gamma : float in [0, 1], default=0.5
        :math:`\gamma`. On the complete graph it changes the promise and not V.
    relative : bool, default=True
        Whether ``regularization`` is the share. The paper prints :math:`\lambda = 1`.
    bounds : None, "data" or (low, high), default=None
        Where V may lie; see :func:`fairclust.antidote.relaxation.solve_relaxed`. The paper has no bounds.
    target : float, optional
        :math:`\alpha`. By default there is one round, which ends where it ends. With a target V grows until
        ``fairness_`` (the paper's line 5; the real one, not the promise) meets it.
    growth : int, default=1
        :math:`\xi`, by how much V grows from one round to the next.
    max_rounds : int, default=10
        The most rounds, with a target.
    solver : str, optional
        The name of a solver for cvxpy; by default Clarabel.
    tol : float, default=1e-9
        Duality gap of sum-of-norms clustering, as a share of :math:`\tfrac12 \sum_j \|z_j - \bar z\|^2`.
    max_iter : int, default=5000
        Of sum-of-norms clustering.

    Attributes
    ----------
    antidote_ : ndarray of shape (m, d)
        V, of the round with the smallest ``fairness_`` (ties: the first). It need not be better than no V.
    fairness_, own_fairness_ : float
        F of U after clustering U and V: with each row's nearest center, as in Definition 1, and with its own centroid.
    relaxed_fairness_ : float
        The promise, to be compared with ``own_fairness_``.
    vanilla_fairness_, vanilla_own_fairness_ : float
        F of U after clustering U alone.
    target_reached_ : bool
        Whether ``fairness_`` meets the target; without one, whether it is below ``vanilla_fairness_``.
    n_rounds_ : int
    history_ : DataFrame
        A row per round: ``n_antidote``, ``relaxed``, ``own``, ``fairness``, ``n_clusters``.
    regularization_ : float
        :math:`\lambda` in the unit of X.
    kkt_residuals_ : KKTResiduals
        Of the clustering of U and V.
    relaxed_residuals_ : KKTResiduals
        Of the relaxed system at the convex program's solution.
    relaxed_as_clustering_ : KKTResiduals
        Of the *unrelaxed* system at that solution: how far the promise is from a clustering.
    centroids_ : ndarray of shape (n + m, d)
        :math:`\mu` of U and then V.
    cluster_centers_ : ndarray of shape (k, d)
        The fused centroids, those nearest to no row of U (V's own) last.
    labels_ : ndarray of intp, shape (n,)
        The nearest center of each row of U, numbered by their first rows.
    gap_ : float
        The duality gap of the clustering of U and V.
    n_iter_ : int
        Its iterations (1 if there were none to make).
    objective_ : float
        ``fairness_``.
    report_ : FairnessReport

    Raises
    ------
    ValueError
        (from ``fit``) For parameters out of range, bounds that leave no room, a solver that is not there or fails.

    Warns
    -----
    ConvergenceWarning
        If sum-of-norms clustering did not reach ``tol``.

    See Also
    --------
    fairclust.antidote.AntidoteClustering : Algorithm 2, for any clusterer.
    fairclust.antidote.relaxation : Why the relaxation is a social 1-center problem.
    gamma_lambda_study : Promise and truth over a grid.

    Notes
    -----
    The relaxed centroids are linear in V (see :mod:`fairclust.antidote.relaxation`), and so what cvxpy gets has d + 1
    variables. All time goes into clustering, O((n + m)^2 d) per iteration.

    The relaxed system knows no :math:`\lambda`. It asks V to pull the mean of all points to the socially fairest
    single center :math:`\bar z^*`, and the fewer points V has, the farther away they are. The real clustering takes far
    points for what they are: V moves the centroids of U by at most :math:`\lambda |V|` in root mean square, wherever
    it lies (each point of V pulls with a force of at most :math:`\lambda`, and the solution of a proximal problem moves
    no more than its data). If U and V are one cluster each, the center of U moves by exactly that, towards V.

    References
    ----------
    Chhabra, Singla and Mohapatra, *Fair clustering using antidote data*, 2022, Section 3.1 and Algorithm 1.

    Examples
    --------
    Where all points are fused the promise is kept; where they are not, it is about something else.

    >>> X, groups = [[0.0], [0.0], [0.0], [10.0]], ["a", "a", "a", "b"]
    >>> for regularization in (3.0, 1.0):
    ...     model = ConvexAntidote(regularization, n_antidote=1, gamma=0.0, relative=False)
    ...     model = model.fit(X, sensitive_features=groups)
    ...     costs = model.vanilla_own_fairness_, model.relaxed_fairness_, model.own_fairness_
    ...     print([round(cost, 3) for cost in costs])
    [56.25, 25.0, 25.0]
    [9.0, 25.0, 4.0]
    """

    cluster_centers_: Floats

    def __init__(
        self,
        regularization: float = 0.5,
        n_antidote: int = 10,
        gamma: float = 0.5,
        *,
        relative: bool = True,
        bounds: Any = None,
        target: float | None = None,
        growth: int = 1,
        max_rounds: int = 10,
        solver: str | None = None,
        tol: float = 1e-9,
        max_iter: int = 5_000,
    ) -> None:
        self.regularization = regularization
        self.n_antidote = n_antidote
        self.gamma = gamma
        self.relative = relative
        self.bounds = bounds
        self.target = target
        self.growth = growth
        self.max_rounds = max_rounds
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter

    def _fit(self, X: Floats, groups: Groups) -> None:
        first = check_number(self.n_antidote, "n_antidote", low=1, integer=True)
        growth = check_number(self.growth, "growth", low=1, integer=True)
        rounds = check_number(self.max_rounds, "max_rounds", low=1, integer=True)
        alpha = None if self.target is None else float(check_number(self.target, "target"))
        self.regularization_ = absolute_regularization(X, self.regularization, relative=self.relative)
        vanilla = _cluster(X, None, groups, self.regularization_, self.tol, self.max_iter)
        self.vanilla_fairness_, self.vanilla_own_fairness_ = vanilla.fairness, vanilla.own
        best: tuple[RelaxedAntidote, _Clustered] | None = None
        rows = []
        for size in range(first, first + growth * (rounds if alpha is not None else 1), growth):
            relaxed = solve_relaxed(X, groups, size, gamma=self.gamma, bounds=self.bounds, solver=self.solver)
            real = _cluster(X, relaxed.antidote, groups, self.regularization_, self.tol, self.max_iter)
            rows.append((size, relaxed.fairness, real.own, real.fairness, len(real.found.centers)))
            if best is None or real.fairness < best[1].fairness:
                best = relaxed, real
            if alpha is not None and real.fairness <= alpha:
                break
        assert best is not None
        relaxed, real = best
        self.history_ = pd.DataFrame(rows, columns=["n_antidote", "relaxed", "own", "fairness", "n_clusters"])
        self.n_rounds_ = len(rows)
        self.antidote_, self.relaxed_fairness_ = relaxed.antidote, relaxed.fairness
        self.fairness_ = self.objective_ = real.fairness
        self.own_fairness_ = real.own
        self.target_reached_ = bool(
            self.fairness_ < self.vanilla_fairness_ if alpha is None else self.fairness_ <= alpha
        )
        everyone = np.vstack([X, relaxed.antidote])
        self.kkt_residuals_ = real.residuals
        self.relaxed_residuals_, self.relaxed_as_clustering_ = (
            kkt_residuals(everyone, relaxed.centroids, relaxed.multipliers, self.regularization_, gamma=gamma)
            for gamma in (relaxed.gamma, None)
        )
        self.centroids_, self.gap_ = real.found.centroids, real.found.gap
        self.n_iter_ = max(1, real.found.n_iterations)
        self.labels_, self.cluster_centers_ = _in_order(X, real.found.centers)
        self.report_ = FairnessReport(X, self.labels_, self.cluster_centers_, groups)


@dataclass(frozen=True, eq=False)
class _Clustered:
    """A real clustering of U and V, judged on U."""

    found: SumOfNormsResult
    fairness: float
    own: float
    residuals: KKTResiduals


def _cluster(X: Floats, antidote: Floats | None, groups: Groups, lam: float, tol: float, max_iter: int) -> _Clustered:
    everyone = X if antidote is None else np.vstack([X, antidote])
    found = sum_of_norms(everyone, lam, tol=tol, max_iter=max_iter)
    if found.status != "optimal":
        warnings.warn(
            f"sum-of-norms clustering of {len(everyone)} points did not reach a gap of tol={tol:g} in "
            f"max_iter={max_iter} iterations; the gap is {found.gap:g} at an objective of {found.value:g}",
            ConvergenceWarning,
            stacklevel=4,
        )
    return _Clustered(
        found,
        social_cost(X, found.centers, groups),
        own_social_cost(X, found.centroids, groups),
        kkt_residuals(everyone, found.centroids, found.multipliers, lam, graph=found.graph),
    )


def _in_order(X: Floats, centers: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Nearest centers, numbered by the first rows that have them; centers that no row has come last."""
    nearest, _ = nearest_centers(X, centers)
    used, first = np.unique(nearest, return_index=True)
    used = used[np.argsort(first)]
    order = np.concatenate([used, np.setdiff1d(np.arange(len(centers)), used)])
    rank = np.empty(len(centers), dtype=np.intp)
    rank[order] = np.arange(len(centers))
    return rank[nearest], np.ascontiguousarray(centers[order])


def gamma_lambda_study(
    X: Any,
    groups: Any,
    gammas: Iterable[float],
    lambdas: Iterable[float],
    *,
    n_antidote: int = 10,
    relative: bool = True,
    bounds: Any = None,
    solver: str | None = None,
    tol: float = 1e-9,
    max_iter: int = 5_000,
) -> pd.DataFrame:
    r"""Promise and truth for each :math:`\gamma` and :math:`\lambda`: the relaxed system, and clustering U and V again.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        U.
    groups : None, Groups, or n hashable labels
    gammas : iterable of float in [0, 1]
    lambdas : iterable of float
        Each as ``regularization`` of :class:`ConvexAntidote`.
    n_antidote, relative, bounds, solver, tol, max_iter
        As in :class:`ConvexAntidote`.

    Returns
    -------
    DataFrame
        A row per pair, gammas outermost, with columns

        - ``gamma``, ``regularization`` (as given), ``lam`` (in the unit of X), ``n_antidote``;
        - ``distance``: of V's mean from U's, in the unit of X;
        - ``relaxed``: the promise (own centroids), and ``relaxed_nearest``, Definition 1 at the relaxed centroids of U
          and V;
        - ``vanilla_own``, ``vanilla``: after clustering U alone, with own centroids and with nearest centers;
        - ``own``, ``fairness``: the same after clustering U and V;
        - ``clusters_vanilla``, ``clusters``: fused centroids of U alone, and of U and V;
        - ``gap``, ``proven``, ``kkt_residual``: of the clustering of U and V; ``relaxed_as_clustering``: the
          unrelaxed system's residual at the relaxed solution.

    Raises
    ------
    ValueError, TypeError
        As :class:`ConvexAntidote`.

    Notes
    -----
    U and V are clustered once for each different V and :math:`\lambda`; V is the same for all :math:`\gamma`.

    Examples
    --------
    >>> X, groups = [[0.0], [0.0], [0.0], [10.0]], ["a", "a", "a", "b"]
    >>> study = gamma_lambda_study(X, groups, [0.0, 0.5], [0.5, 1.5], n_antidote=2)
    >>> print(study[["gamma", "regularization", "relaxed", "vanilla_own", "own"]].round(2).to_string(index=False))
     gamma  regularization  relaxed  vanilla_own   own
       0.0             0.5    25.00        14.06 14.06
       0.0             1.5    25.00        56.25 25.00
       0.5             0.5    18.37        14.06 14.06
       0.5             1.5    18.37        56.25 25.00
    """
    points = check_points(X)
    members = encode_groups(groups, len(points), name="groups")
    sizes = [(r, absolute_regularization(points, r, relative=relative)) for r in lambdas]
    vanilla = [_cluster(points, None, members, lam, tol, max_iter) for _, lam in sizes]
    known: dict[tuple[bytes, float], _Clustered] = {}
    rows = []
    for gamma in gammas:
        relaxed = solve_relaxed(points, members, n_antidote, gamma=gamma, bounds=bounds, solver=solver)
        everyone = np.vstack([points, relaxed.antidote])
        distance = float(np.linalg.norm(relaxed.antidote.mean(axis=0) - points.mean(axis=0)))
        nearest = social_cost(points, relaxed.centroids, members)
        for (r, lam), before in zip(sizes, vanilla, strict=True):
            key = relaxed.antidote.tobytes(), lam
            if key not in known:
                known[key] = _cluster(points, relaxed.antidote, members, lam, tol, max_iter)
            after = known[key]
            rows.append(
                {
                    "gamma": relaxed.gamma,
                    "regularization": float(r),
                    "lam": lam,
                    "n_antidote": len(relaxed.antidote),
                    "distance": distance,
                    "relaxed": relaxed.fairness,
                    "relaxed_nearest": nearest,
                    "vanilla_own": before.own,
                    "vanilla": before.fairness,
                    "own": after.own,
                    "fairness": after.fairness,
                    "clusters_vanilla": len(before.found.centers),
                    "clusters": len(after.found.centers),
                    "gap": after.found.gap,
                    "proven": after.found.fusions_proven,
                    "kkt_residual": after.residuals.largest,
                    "relaxed_as_clustering": kkt_residuals(
                        everyone, relaxed.centroids, relaxed.multipliers, lam
                    ).largest,
                }
            )
    return pd.DataFrame(rows)
