r"""Sum-of-norms (convex) clustering as an estimator: the clusterer of Algorithm 1."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from fairclust._estimator import FairClusterer
from fairclust._validation import check_number, check_points
from fairclust.groups import Groups
from fairclust.metrics import FairnessReport
from fairclust.solvers.sum_of_norms import fusion_bounds, sum_of_norms
from fairclust.solvers.sum_of_norms_graph import PairGraph, complete_graph, neighbor_graph

__all__ = ["SumOfNormsClustering", "absolute_regularization"]

Floats = NDArray[np.float64]


def absolute_regularization(X: Any, regularization: float, *, relative: bool = True, graph: Any = None) -> float:
    r""":math:`\lambda` in the unit of X.

    .. math:: \lambda = r \; \frac{\max_{i,j} \|x_i - x_j\|}{1 + \frac{2}{n} \sum_l w_l}

    On the complete graph the fraction is :math:`\max_{i,j} \|x_i - x_j\| / n`, the upper one of
    :func:`fairclust.solvers.sum_of_norms.fusion_bounds`, so that r = 1 is enough to fuse all points of X.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
    regularization : float
        r if ``relative``, else :math:`\lambda` itself; at least 0.
    relative : bool, default=True
    graph : PairGraph, optional
        The complete graph by default. On another one r = 1 has no special meaning.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If X or r is bad.
    TypeError
        If ``relative`` is not a bool.

    Examples
    --------
    >>> absolute_regularization([[0.0], [4.0]], 0.5)
    1.0
    >>> absolute_regularization([[0.0], [4.0]], 0.5, relative=False)
    0.5
    """
    r = float(check_number(regularization, "regularization", low=0.0))
    if not isinstance(relative, (bool, np.bool_)):
        raise TypeError(f"relative must be True or False, got {relative!r}")
    points = check_points(X)
    if not relative:
        return r
    upper = fusion_bounds(points)[1]
    if graph is not None and not graph.complete:
        n = len(points)
        upper *= n / (1.0 + 2.0 * float(graph.weights.sum()) / n)
    return r * upper


class SumOfNormsClustering(FairClusterer):
    r"""Convex clustering: each point has a centroid, and centroids that the penalty fuses are one cluster.

    .. math::
        \min_{\mu \in \mathbb{R}^{n \times d}} \; \tfrac12 \sum_j \|x_j - \mu_j\|^2
        + \lambda \sum_{i<j} w_{ij} \|\mu_i - \mu_j\|

    The number of clusters is not given; it falls from the number of distinct points at :math:`\lambda = 0` to 1.

    Parameters
    ----------
    regularization : float, default=0.5
        :math:`\lambda`, or its share of :math:`\max_{i,j} \|x_i - x_j\| / n`, at which all points are one cluster on
        the complete graph; see :func:`absolute_regularization`.
    relative : bool, default=True
        Which of the two it is. The paper prints :math:`\lambda = 1`: ``regularization=1, relative=False``.
    n_neighbors : int, optional
        Use only the pairs of which one is among the other's nearest neighbours (so many, or all rows if there are
        fewer), with Gaussian weights. By default all pairs with weight 1, as in the paper.
    bandwidth : float, optional
        Of the Gaussian weights; see :func:`fairclust.solvers.sum_of_norms_graph.neighbor_graph`.
    tol : float, default=1e-9
        Stop at this duality gap, as a share of :math:`\tfrac12 \sum_j \|x_j - \bar x\|^2`.
    max_iter : int, default=5000

    Attributes
    ----------
    labels_ : ndarray of intp, shape (n,)
        The clusters of fused centroids, numbered by their first rows. ``predict`` gives the nearest center instead,
        which may be another one for the same row.
    cluster_centers_ : ndarray of shape (k, d)
        The fused centroids. They are not the means of their clusters, but pulled towards all others.
    centroids_ : ndarray of shape (n, d)
        :math:`\mu`.
    multipliers_ : ndarray of shape (|O|, d)
        The dual solution :math:`\zeta^\top`.
    graph_ : PairGraph
    regularization_ : float
        :math:`\lambda` in the unit of X.
    objective_, lower_bound_, gap_ : float
        The value, a bound by the dual solution, and their difference.
    tolerance_ : float
        Centroids farther apart than this differ in the optimum too.
    fusions_proven_ : bool
        Whether the dual solution proves that those of a cluster are equal in the optimum.
    n_iter_ : int
        Iterations (1 if there were none to make).
    report_ : FairnessReport

    Raises
    ------
    ValueError
        (from ``fit``) For a negative or infinite ``regularization``, a graph that cannot be built, bad X.

    Warns
    -----
    ConvergenceWarning
        If ``max_iter`` was not enough for ``tol``.

    See Also
    --------
    fairclust.solvers.sum_of_norms.sum_of_norms : The solver, and what the certificate says.
    fairclust.antidote.ConvexAntidote : Antidote data for it.

    Notes
    -----
    O(n^2 d) time per iteration and memory on all pairs; tens to thousands of iterations, most where many points are
    about to meet. Equal rows are always in one cluster on the complete graph.

    References
    ----------
    Chhabra, Singla and Mohapatra, *Fair clustering using antidote data*, 2022, Section 3.1. Hocking, Joulin, Bach and
    Vert, *Clusterpath*, ICML 2011.

    Examples
    --------
    >>> model = SumOfNormsClustering(0.6).fit([[0.0], [1.0], [10.0], [11.0]])
    >>> model.labels_.tolist(), model.cluster_centers_.round(3).ravel().tolist()
    ([0, 0, 1, 1], [3.8, 7.2])
    """

    cluster_centers_: Floats

    def __init__(
        self,
        regularization: float = 0.5,
        *,
        relative: bool = True,
        n_neighbors: int | None = None,
        bandwidth: float | None = None,
        tol: float = 1e-9,
        max_iter: int = 5_000,
    ) -> None:
        self.regularization = regularization
        self.relative = relative
        self.n_neighbors = n_neighbors
        self.bandwidth = bandwidth
        self.tol = tol
        self.max_iter = max_iter

    def _fit(self, X: Floats, groups: Groups) -> None:
        self.graph_ = self._graph(X)
        self.regularization_ = absolute_regularization(
            X, self.regularization, relative=self.relative, graph=self.graph_
        )
        found = sum_of_norms(X, self.regularization_, graph=self.graph_, tol=self.tol, max_iter=self.max_iter)
        if found.status != "optimal":
            warnings.warn(
                f"sum-of-norms clustering did not reach a gap of tol={self.tol:g} in max_iter={self.max_iter} "
                f"iterations; the gap is {found.gap:g} at an objective of {found.value:g}",
                ConvergenceWarning,
                stacklevel=3,
            )
        self.centroids_, self.multipliers_ = found.centroids, found.multipliers
        self.labels_, self.cluster_centers_ = found.labels, found.centers
        self.objective_, self.lower_bound_, self.gap_ = found.value, found.lower_bound, found.gap
        self.tolerance_, self.fusions_proven_ = found.tolerance, found.fusions_proven
        self.n_iter_ = max(1, found.n_iterations)
        self.report_ = FairnessReport(X, self.labels_, self.cluster_centers_, groups)

    def _graph(self, X: Floats) -> PairGraph:
        if self.n_neighbors is None:
            if self.bandwidth is not None:
                raise ValueError(
                    "bandwidth is given without n_neighbors; all pairs have weight 1 on the complete graph"
                )
            return complete_graph(len(X))
        wanted = check_number(self.n_neighbors, "n_neighbors", low=1, integer=True)
        if len(X) == 1:
            return complete_graph(1)
        return neighbor_graph(X, min(wanted, len(X) - 1), bandwidth=self.bandwidth)
