"""Two clusterers whose definition leaves nothing open: k-means from fixed starts, and k-median by local search.

Whether antidote data help depends on what "k-means" means (how many starts, drawn from what, run how far), so the
definition is an object with parameters that can be named, swept and reported.
"""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.metrics import pairwise_distances_argmin
from sklearn.utils.validation import check_is_fitted, validate_data

from fairclust._validation import check_n_clusters
from fairclust.groups import Groups
from fairclust.solvers.kmeans import kmeans
from fairclust.solvers.kmeans_oracle import KMeansOracle
from fairclust.solvers.kmedian import kmedian

__all__ = ["FixedStartKMeans", "KMedian"]


class _Centers(ClusterMixin, BaseEstimator):
    """What the two have in common: X is checked as scikit-learn does, and new rows go to the nearest center."""

    labels_: NDArray[np.intp]
    cluster_centers_: NDArray[np.float64]
    n_clusters: int

    def fit(self, X: Any, y: Any = None) -> Self:
        """Cluster the rows of X.

        Parameters
        ----------
        X : array or DataFrame of shape (n, d)
            Finite numbers.
        y : ignored

        Returns
        -------
        self
        """
        points = validate_data(self, X, dtype=np.float64, order="C")
        check_n_clusters(self.n_clusters, len(points))
        self._fit(points)
        return self

    def predict(self, X: Any) -> NDArray[np.intp]:
        """The nearest center of each row of X, shape (n,)."""
        check_is_fitted(self)
        points = validate_data(self, X, dtype=np.float64, order="C", reset=False)
        return pairwise_distances_argmin(points, self.cluster_centers_).astype(np.intp)

    def _fit(self, X: NDArray[np.float64]) -> None:
        raise NotImplementedError


class FixedStartKMeans(_Centers):
    r"""k-means by Lloyd's algorithm, from starts that antidote data cannot move, run until nothing changes.

    .. math:: \min_{c_1, \dots, c_k} \; \sum_j \min_i \lVert x_j - c_i \rVert^2

    On its own it is the best of ``n_init`` k-means++ starts, with a tolerance of zero. In an antidote problem
    (:class:`~fairclust.antidote.AntidoteProblem`) the starts are drawn once, on U, and every :math:`U \cup V` is
    clustered from these: ``KMeans(random_state=0)`` of scikit-learn would draw others for each V, and so jump between
    local optima for reasons that have nothing to do with where V lies.

    Parameters
    ----------
    n_clusters : int, default=8
    start : {"seeds", "vanilla"}, default="seeds"
        In an antidote problem: start from the seeds, or from the centers that these lead to for U alone.
    n_init : int, default=10
        Starts; the one of the lowest cost is kept, anew for each V. For "vanilla" that choice is made once, for U.
    init : "k-means++" or array of shape (k, d), default="k-means++"
        How to draw starts, or the only one.
    max_iter : int, default=10_000
        Most assignment passes of a start.
    random_state : None, int or Generator, default=None

    Attributes
    ----------
    labels_ : ndarray of intp, shape (n,)
    cluster_centers_ : ndarray of shape (k, d)
    inertia_ : float
        The cost.
    n_iter_ : int
        Passes of the winning start.

    Raises
    ------
    ValueError
        (from ``fit``) For n_clusters > n, or NaN or infinite entries.

    Notes
    -----
    See :func:`fairclust.solvers.kmeans.kmeans`, which does the work, and
    :class:`fairclust.solvers.kmeans_oracle.KMeansOracle`, which does it in an antidote problem.

    Examples
    --------
    >>> FixedStartKMeans(2, random_state=0).fit([[0.0], [2.0], [10.0], [14.0]]).inertia_
    10.0
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        start: Literal["seeds", "vanilla"] = "seeds",
        n_init: int = 10,
        init: Any = "k-means++",
        max_iter: int = 10_000,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.start = start
        self.n_init = n_init
        self.init = init
        self.max_iter = max_iter
        self.random_state = random_state

    def _fit(self, X: NDArray[np.float64]) -> None:
        if self.start not in ("seeds", "vanilla"):
            raise ValueError(f'start must be "seeds" or "vanilla", got {self.start!r}')
        found = kmeans(
            X,
            self.n_clusters,
            init=self.init,
            n_init=self.n_init,
            max_iter=self.max_iter,
            random_state=self.random_state,
        )
        self.labels_ = found.labels
        self.cluster_centers_ = found.centers
        self.inertia_ = found.cost
        self.n_iter_ = found.n_iter

    def oracle(self, X: Any, groups: Groups) -> KMeansOracle:
        """This definition as a function of V, for U = X."""
        return KMeansOracle(
            X,
            self.n_clusters,
            groups,
            start=self.start,
            init=self.init,
            n_init=self.n_init,
            max_iter=self.max_iter,
            random_state=self.random_state,
        )


class KMedian(_Centers):
    r"""k-median with centers among the rows, by single-swap local search.

    .. math:: \min_{S \subseteq X, |S| = k} \; \sum_j \min_{c \in S} \lVert x_j - c \rVert^p

    Parameters
    ----------
    n_clusters : int, default=8
    power : float, default=1
        The p of d^p.
    n_init : int, default=1
        Starts (greedy seeding); the one of the lowest cost is kept.
    tolerance : float, default=0.0
        A swap must lower the cost by more than this share of it.
    random_state : None, int or Generator, default=None

    Attributes
    ----------
    labels_ : ndarray of intp, shape (n,)
    cluster_centers_ : ndarray of shape (k, d)
    center_indices_ : ndarray of intp, shape (k,)
        The rows that are centers. In an antidote problem they may be rows of V.
    inertia_ : float
        The cost.

    Raises
    ------
    ValueError
        (from ``fit``) For n_clusters > n, or NaN or infinite entries.

    Notes
    -----
    See :func:`fairclust.solvers.kmedian.kmedian`, which does the work.

    Examples
    --------
    >>> KMedian(1, random_state=0).fit([[0.0], [1.0], [5.0]]).cluster_centers_.tolist()
    [[1.0]]
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        power: float = 1,
        n_init: int = 1,
        tolerance: float = 0.0,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.power = power
        self.n_init = n_init
        self.tolerance = tolerance
        self.random_state = random_state

    def _fit(self, X: NDArray[np.float64]) -> None:
        found = kmedian(
            X,
            self.n_clusters,
            power=self.power,
            n_init=self.n_init,
            tolerance=self.tolerance,
            random_state=self.random_state,
        )
        self.center_indices_ = found.center_indices
        self.cluster_centers_ = X[found.center_indices]
        self.labels_ = found.labels
        self.inertia_ = found.cost
