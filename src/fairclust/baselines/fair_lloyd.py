"""Socially fair k-means (Ghadiri, Samadi and Vempala, 2021) for any number of groups, as an estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust._estimator import FairClusterer
from fairclust.groups import Groups
from fairclust.metrics import FairnessReport
from fairclust.solvers.minimax_centers import socially_fair_kmeans

__all__ = ["FairLloyd"]


class FairLloyd(FairClusterer):
    r"""k-means whose cost is the mean cost of the worst-off group.

    .. math:: \min_{c_1, \dots, c_k} \; \max_h \; \frac{1}{n_h} \sum_{j \in C^h} \min_i \lVert x_j - c_i \rVert^2

    Lloyd's loop with one change: the centers of a partition minimise the cost of the worst-off group. They are found
    exactly, for any number of groups, with a duality gap as proof
    (:func:`fairclust.solvers.minimax_centers.minimax_centers`).

    Parameters
    ----------
    n_clusters : int, default=8
    init : "k-means++" or array of shape (k, d), default="k-means++"
        Seeds are drawn with every group at the same total weight.
    n_init : int, default=10
        Starts, of which the one with the smallest social cost is kept.
    max_iter : int, default=300
    tol : float, default=1e-10
        Relative duality gap of the centers.
    random_state : None, int or Generator, default=None

    Attributes
    ----------
    labels_ : ndarray of shape (n,)
        The nearest center of each row.
    cluster_centers_ : ndarray of shape (k, d)
    objective_ : float
        The social cost: the mean squared distance of the worst-off group.
    lower_bound_, gap_ : float
        No centers do better *for this partition*; another partition may.
    group_weights_ : Series
        The dual weights: how much each group counts in the centers. Groups with weight 0 are better off anyway.
    group_costs_ : Series
        Mean squared distance by group.
    n_iter_ : int
    report_ : FairnessReport

    Raises
    ------
    ValueError
        For k > n, NaN or infinite entries, or labels whose number is not n.

    Notes
    -----
    O(n k d) per round; about as many rounds as k-means.

    References
    ----------
    M. Ghadiri, S. Samadi, S. Vempala. *Socially fair k-means clustering*. FAccT 2021, Algorithm 1.

    Examples
    --------
    >>> from fairclust.baselines import FairLloyd
    >>> X = [[0.0], [0.0], [4.0], [10.0]]
    >>> model = FairLloyd(n_clusters=1).fit(X, sensitive_features=["a", "a", "a", "b"])
    >>> model.cluster_centers_.round(4).tolist(), model.group_costs_.round(3).tolist()
    ([[5.4615]], [20.598, 20.598])
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        n_init: int = 10,
        max_iter: int = 300,
        tol: float = 1e-10,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def _fit(self, X: NDArray[np.float64], groups: Groups) -> None:
        found = socially_fair_kmeans(
            X,
            self.n_clusters,
            groups,
            init=self.init,
            n_init=self.n_init,
            max_iter=self.max_iter,
            tol=self.tol,
            random_state=self.random_state,
        )
        self.labels_ = found.labels
        self.cluster_centers_ = found.centers
        self.objective_ = found.value
        self.lower_bound_ = found.lower_bound
        self.gap_ = found.gap
        self.group_weights_ = groups.series(found.group_weights, name="weight")
        self.group_costs_ = groups.series(found.group_costs, name="cost")
        self.n_iter_ = found.n_iter
        self.report_ = FairnessReport(X, found.labels, found.centers, groups)
