r"""Sum-of-norms (convex) clustering: a splitting method, an exact finish on the fused points, and a certificate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from fairclust._validation import check_number, check_points
from fairclust.distances import check_scale, cost_matrix
from fairclust.solvers.seeding import unit_scale
from fairclust.solvers.sum_of_norms_finish import finish
from fairclust.solvers.sum_of_norms_graph import PairGraph, complete_graph, incidence_matrix
from fairclust.solvers.sum_of_norms_kernels import (
    flow_divergence,
    slackness,
    splitting_pass,
)

__all__ = ["SumOfNormsResult", "fusion_bounds", "sum_of_norms", "sum_of_norms_reference"]

Floats = NDArray[np.float64]

#: Over-relaxation of the splitting method; anything in (0, 2) converges.
OVER = 1.7

#: Iterations between two looks at the gap.
ROUND = 25

#: Radii lambda w_l below this, at unit scale, are nothing beside the data.
NOTHING = 1e-90


@dataclass(frozen=True, eq=False)
class SumOfNormsResult:
    r"""What :func:`sum_of_norms` found.

    Attributes
    ----------
    centroids : ndarray of shape (n, d)
        :math:`\mu`, one centroid per point; those of a cluster are equal to the last bit if ``fusions_proven``.
    multipliers : ndarray of shape (n_pairs, d)
        :math:`\zeta^\top`, a vector for each pair of the graph, of length at most :math:`\lambda w_l`.
    graph : PairGraph
    labels : ndarray of intp, shape (n,)
        Clusters, numbered by their first points: the components of the pairs whose centroids are no farther apart than
        ``tolerance``.
    centers : ndarray of shape (k, d)
        The fused centroids (the mean over the cluster, where they are not quite equal).
    value, lower_bound, gap : float
        The objective at ``centroids``, the dual objective at ``multipliers``, and their difference, computed without
        cancellation; in the squared unit of X.
    tolerance : float
        :math:`2 \sqrt{\text{gap}}`. Strong convexity proves that centroids farther apart than this differ in the
        optimum too.
    fusions_proven : bool
        Whether the multipliers prove (up to rounding) that the points of each cluster are fused in the optimum. With
        ``tolerance``, which proves that the others are not, the labels are then those of the optimum.
    n_iterations : int
        Passes of the splitting method.
    status : {"optimal", "iteration limit"}
        "optimal" if the gap is at most the tolerance that was asked for.
    """

    centroids: Floats
    multipliers: Floats
    graph: PairGraph
    labels: NDArray[np.intp]
    centers: Floats
    value: float
    lower_bound: float
    gap: float
    tolerance: float
    fusions_proven: bool
    n_iterations: int
    status: str


def sum_of_norms(
    X: Any,
    regularization: float,
    *,
    graph: PairGraph | None = None,
    tol: float = 1e-9,
    max_iter: int = 5_000,
) -> SumOfNormsResult:
    r"""Cluster by pulling the centroids of all pairs of points together.

    .. math::
        \min_{\mu \in \mathbb{R}^{n \times d}} \; \tfrac12 \sum_j \|x_j - \mu_j\|^2
        + \lambda \sum_{i<j} w_{ij} \|\mu_i - \mu_j\|

    The problem is strongly convex. Its dual is
    :math:`\max_{\|\zeta_l\| \le \lambda w_l} \langle X, I \zeta^\top \rangle - \tfrac12 \|I \zeta^\top\|_F^2` with the
    node-arc incidence matrix I, so any multipliers within their balls give a lower bound, and

    .. math::
        \tfrac12 \|\mu - \mu^*\|_F^2 \le \text{gap} = \tfrac12 \|X - \mu - I \zeta^\top\|_F^2
        + \sum_l \bigl( \lambda w_l \|\eta_l\| - \langle \zeta_l, \eta_l \rangle \bigr), \qquad \eta_l = \mu_i - \mu_j.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
    regularization : float
        :math:`\lambda \ge 0`, in the unit of X. At 0 every distinct point is a cluster; see :func:`fusion_bounds` for
        where all points are one.
    graph : PairGraph, optional
        The pairs and their weights. By default all pairs with weight 1, as in the paper.
    tol : float, default=1e-9
        Stop when the gap is at most this share of the objective at :math:`\lambda = \infty`,
        :math:`\tfrac12 \sum_j \|x_j - \bar x\|^2`.
    max_iter : int, default=5000
        Most passes.

    Returns
    -------
    SumOfNormsResult

    Raises
    ------
    ValueError
        If X is bad, :math:`\lambda` is negative or not finite, or the graph has another number of nodes.
    TypeError
        If an argument is of the wrong type.

    See Also
    --------
    fairclust.solvers.sum_of_norms_graph.neighbor_graph : Fewer pairs, with Gaussian weights.

    Notes
    -----
    A pass takes ``O(|O| d)`` time; memory is two arrays of ``|O| d`` numbers. The method of multipliers finds which
    points are fused; on the fused points the objective is smooth where they are apart, and Newton's method solves it
    to the last digits. Multipliers of pairs within a cluster are then corrected to balance, and if they stay within
    their balls, the solution is proven.

    References
    ----------
    Chhabra, Singla and Mohapatra, *Fair clustering using antidote data*, 2022, Section 3.1. Pelckmans, De Brabanter,
    Suykens and De Moor, *Convex clustering shrinkage*, 2005. Hocking, Joulin, Bach and Vert, *Clusterpath*, ICML 2011.

    Examples
    --------
    Two points move towards each other by :math:`\lambda` each, and meet at half their distance.

    >>> sum_of_norms([[0.0], [4.0]], 1.0).centroids.round(6).tolist()
    [[1.0], [3.0]]
    >>> sum_of_norms([[0.0], [4.0]], 2.5).centers.tolist()
    [[2.0]]
    """
    points, exponent = unit_scale(check_points(X))
    check_scale(points)
    lam = float(check_number(regularization, "regularization", low=0.0))
    share = float(check_number(tol, "tol", low=0.0, low_open=True))
    most = check_number(max_iter, "max_iter", low=1, integer=True)
    pairs = complete_graph(len(points)) if graph is None else graph
    if pairs.n_nodes != len(points):
        raise ValueError(f"the graph has {pairs.n_nodes} nodes but X has {len(points)} rows")
    shift = points.mean(axis=0)
    points = points - shift
    radii = _radii(points, np.ldexp(lam, -exponent), pairs)
    if len(pairs) and radii.max() > NOTHING and points.any():
        state = _Splitting(points, radii, pairs)
        mu, zeta, proven, n_iterations = state.run(share * 0.5 * float((points * points).sum()), most)
    else:
        mu, zeta, proven, n_iterations = points.copy(), np.zeros((len(pairs), points.shape[1])), True, 0
    return _result(points, mu, zeta, radii, pairs, proven, n_iterations, share, exponent, shift)


def _radii(points: Floats, lam: float, pairs: PairGraph) -> Floats:
    # Multipliers without cycles never exceed this, so a larger lambda changes nothing, and cannot overflow.
    enough = 2.0 * np.sqrt(points.size) * np.linalg.norm(points)
    with np.errstate(over="ignore"):
        return np.minimum(lam * pairs.weights, enough)


def _gap(points: Floats, mu: Floats, zeta: Floats, radii: Floats, pairs: PairGraph) -> tuple[float, float]:
    """Objective and duality gap of a pair of solutions."""
    divergence = np.empty_like(points)
    flow_divergence(zeta, pairs.tails, pairs.heads, divergence)
    penalty, slack = slackness(mu, zeta, pairs.tails, pairs.heads, radii)
    residual = points - mu
    value = 0.5 * float((residual * residual).sum()) + penalty
    residual -= divergence
    return value, 0.5 * float((residual * residual).sum()) + slack


def _result(
    points: Floats,
    mu: Floats,
    zeta: Floats,
    radii: Floats,
    pairs: PairGraph,
    proven: bool,
    n_iterations: int,
    share: float,
    exponent: int,
    shift: Floats,
) -> SumOfNormsResult:
    value, gap = _gap(points, mu, zeta, radii, pairs)
    tolerance = 2.0 * np.sqrt(gap)
    apart = np.linalg.norm(mu[pairs.tails] - mu[pairs.heads], axis=1)
    labels = pairs.components(apart <= tolerance)
    sizes = np.bincount(labels)
    means = np.column_stack([np.bincount(labels, weights=column) for column in mu.T]) / sizes[:, None]
    # The mean of equal numbers need not be that number.
    first = np.unique(labels, return_index=True)[1]
    joined = np.zeros(len(sizes), dtype=bool)
    np.logical_or.at(joined, labels, (mu != mu[first[labels]]).any(axis=1))
    centers = np.where(joined[:, None], means, mu[first])
    # Joined by the tolerance, not by the finish: that points are this close does not prove that they meet.
    proven = proven and not joined.any()
    enough = gap <= share * 0.5 * float((points * points).sum())
    return SumOfNormsResult(
        centroids=np.ldexp(mu + shift, exponent),
        multipliers=np.ldexp(zeta, exponent),
        graph=pairs,
        labels=labels,
        centers=np.ldexp(centers + shift, exponent),
        value=float(np.ldexp(value, 2 * exponent)),
        lower_bound=float(np.ldexp(value - gap, 2 * exponent)),
        gap=float(np.ldexp(gap, 2 * exponent)),
        tolerance=float(np.ldexp(tolerance, exponent)),
        fusions_proven=proven,
        n_iterations=n_iterations,
        status="optimal" if enough else "iteration limit",
    )


class _Splitting:
    """The method of multipliers with eta = D mu split off, over-relaxed, rho balanced between the two residuals."""

    def __init__(self, points: Floats, radii: Floats, pairs: PairGraph) -> None:
        self.points, self.radii, self.pairs = points, radii, pairs
        self.n = len(points)
        self.v = np.zeros((len(pairs), points.shape[1]))
        self.rhs = np.zeros_like(points)
        self.rho = 1000.0 / self.n if pairs.complete else 300.0 * self.n / (2.0 * len(pairs))
        self.solve = self._solver()

    def _solver(self) -> Callable[[Floats], Floats]:
        rho = self.rho
        if self.pairs.complete:
            # (1 + rho n) mu - rho 1 1' mu = b, and 1' mu = 1' b.
            return lambda b: (b + rho * b.sum(axis=0)) / (1.0 + rho * self.n)
        incidence = incidence_matrix(self.pairs)
        factor = splu(sp.csc_matrix(sp.identity(self.n) + rho * (incidence @ incidence.T)))
        return lambda b: factor.solve(b)

    def run(self, target: float, most: int) -> tuple[Floats, Floats, bool, int]:
        """Iterate until a candidate's gap is on target; (mu, zeta, whether its fusions are proven, iterations)."""
        pairs, radii = self.pairs, self.radii
        best: tuple[float, Floats, Floats, bool] | None = None
        tried = before = np.empty(0, dtype=np.intp)
        done = again = 0
        deadline = most
        mu = self.points
        while done < deadline:
            for _ in range(min(ROUND, deadline - done)):
                mu = self.solve(self.points + self.rhs)
                splitting_pass(mu, self.v, pairs.tails, pairs.heads, radii, self.rho, OVER, self.rhs)
                done += 1
            labels = pairs.components(np.einsum("lf,lf->l", self.v, self.v) <= radii * radii)
            settled = np.array_equal(labels, before)
            before = labels
            if (settled and (not np.array_equal(labels, tried) or done >= again)) or done >= deadline:
                tried, again = labels, int(1.5 * done)
                for mu_, zeta_, proven in finish(self.points, mu, self.v, labels, radii, pairs):
                    gap = _gap(self.points, mu_, zeta_, radii, pairs)[1]
                    if best is None or gap < best[0]:
                        best = (gap, mu_, zeta_, proven)
                assert best is not None
                if best[0] <= target:
                    if best[3]:
                        break
                    # On target, but not proven; where lambda is just where points meet, no proof may exist.
                    deadline = min(deadline, 10 * done + 1000)
        assert best is not None
        return best[1], best[2], best[3], done


def fusion_bounds(X: Any) -> tuple[float, float]:
    r"""Below which :math:`\lambda` some points are apart, and from which on all are one, on the complete graph.

    .. math::
        \frac{\max_i \|x_i - \bar x\|}{n - 1} \;\le\; \lambda^*
        = \min_q \Bigl\{ \max_{i,j} \|q_{ij}\| : \sum_j q_{ij} = x_i - \bar x, \; q_{ij} = -q_{ji} \Bigr\}
        \;\le\; \frac{\max_{i,j} \|x_i - x_j\|}{n}

    All points are fused, in their mean, if and only if :math:`\lambda \ge \lambda^*`.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)

    Returns
    -------
    lower, upper : float
        In the unit of X; equal for two points, and 0 for one.

    Raises
    ------
    ValueError
        If X is bad.

    Notes
    -----
    The upper bound is :math:`q_{ij} = (x_i - x_j)/n`, and it is attained by a regular simplex; the lower one holds
    because n - 1 multipliers add up to :math:`x_i - \bar x`. On the line :math:`\lambda^*` is the largest
    :math:`(\bar x_{\text{right}} - \bar x_{\text{left}})/n` over all cuts. O(n^2 d) time, O(n^2) memory.

    Examples
    --------
    >>> fusion_bounds([[0.0], [4.0]])
    (2.0, 2.0)
    """
    points, exponent = unit_scale(check_points(X))
    n = len(points)
    if n == 1:
        return 0.0, 0.0
    lower = float(np.linalg.norm(points - points.mean(axis=0), axis=1).max()) / (n - 1)
    upper = float(np.sqrt(cost_matrix(points, points).max())) / n
    return float(np.ldexp(min(lower, upper), exponent)), float(np.ldexp(upper, exponent))


def sum_of_norms_reference(X: Any, regularization: float, *, graph: PairGraph | None = None) -> Floats:
    """The same problem, written down for cvxpy and solved by its free interior point solver, Clarabel.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
    regularization : float
    graph : PairGraph, optional

    Returns
    -------
    ndarray of shape (n, d)
        The centroids, to about six digits.

    Raises
    ------
    ValueError
        If the problem is bad, or Clarabel fails.

    Notes
    -----
    A cone for each pair: for comparison on a few hundred points at most.

    Examples
    --------
    >>> sum_of_norms_reference([[0.0], [4.0]], 1.0).round(4).tolist()
    [[1.0], [3.0]]
    """
    import cvxpy as cp

    points = check_points(X)
    lam = float(check_number(regularization, "regularization", low=0.0))
    pairs = complete_graph(len(points)) if graph is None else graph
    mu = cp.Variable(points.shape)
    cost = 0.5 * cp.sum_squares(points - mu)
    if len(pairs):
        cost += lam * (pairs.weights @ cp.norm(incidence_matrix(pairs).T @ mu, axis=1))
    problem = cp.Problem(cp.Minimize(cost))
    problem.solve(solver=cp.CLARABEL)
    if problem.status != cp.OPTIMAL:
        raise ValueError(f"Clarabel ended with status {problem.status!r}")
    return np.asarray(mu.value)
