r"""Spectral clustering that keeps every group's share in every cluster (Kleindessner et al., 2019)."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from fairclust._estimator import FairClusterer
from fairclust._validation import as_generator, check_n_clusters, check_number
from fairclust.groups import Groups, encode_groups
from fairclust.metrics.report import FairnessReport
from fairclust.solvers.affinity import check_affinity, neighbor_graph, rbf_affinity
from fairclust.solvers.kmeans import kmeans
from fairclust.solvers.spectral import cut_value, spectral_embedding

__all__ = ["FairSpectralClustering"]

_AFFINITIES = ("nearest_neighbors", "rbf", "precomputed")


def _has_points(model: FairSpectralClustering) -> bool:
    return model.affinity != "precomputed"


class FairSpectralClustering(FairClusterer):
    r"""Cut a graph of similar rows into k parts, each with everyone's mix of groups.

    With weights W and degrees D,

    .. math:: \min_{C_1, \dots, C_k} \; \sum_i \frac{\operatorname{cut}(C_i, X \setminus C_i)}{|C_i|}
              \quad \text{s.t.} \quad \frac{|C_i^h|}{|C_i|} = \frac{n_h}{n} \;\; \forall i, h,

    relaxed: the k smallest eigenvectors of :math:`D - W` that are orthogonal to every group's centered indicator, then
    k-means on their rows. If ``normalized``, :math:`|C_i|` becomes :math:`\sum_{j \in C_i} D_{jj}` (NCut in place of
    RatioCut). Neither k-means nor the relaxation promises fairness: look at ``report_.balance``.

    Without ``sensitive_features``, or with ``fair=False``, this is plain spectral clustering by the same solver.

    Parameters
    ----------
    n_clusters : int, default=8
        k; at most n - (H - 1) if fair.
    affinity : {"nearest_neighbors", "rbf", "precomputed"}, default="nearest_neighbors"
        W: :func:`~fairclust.solvers.affinity.neighbor_graph`, which is sparse;
        :func:`~fairclust.solvers.affinity.rbf_affinity`, which is not; or X itself, a symmetric (n, n) matrix without
        negative entries, an array or a scipy sparse matrix. Weights on the diagonal never count.
    n_neighbors : int, default=10
        For "nearest_neighbors", at least 2. As in scikit-learn, the row itself is one of them.
    gamma : float, default=1.0
        For "rbf", :math:`W_{ij} = \exp(-\gamma \lVert x_i - x_j \rVert^2)`.
    normalized : bool, default=False
        NCut (the paper's Algorithm 3) in place of RatioCut (Algorithm 2).
    fair : bool, default=True
        Whether groups steer the clustering, or only appear in the report.
    n_init : int, default=10
        Starts of k-means, each run to its fixed point.
    random_state : None, int or Generator, default=None

    Attributes
    ----------
    labels_ : ndarray of intp, shape (n,)
        Not the nearest centers. Every cluster has a member: a matrix of rank k has at least k distinct rows.
    cluster_centers_ : ndarray of shape (k, d)
        The means of the clusters in X. Not with a precomputed affinity.
    objective_ : float
        The RatioCut of ``labels_`` (in the unit of the weights), or NCut if ``normalized``:
        :func:`~fairclust.solvers.spectral.cut_value`.
    lower_bound_ : float
        No *exactly fair* partition into k clusters, each with a member, has a smaller RatioCut (NCut): the sum of
        ``eigenvalues_``, less what is open about them. ``objective_`` may be smaller, since ``labels_`` need not be
        exactly fair; so there is no ``gap_``. Without groups, or with ``fair=False``, it holds for every partition.
    embedding_ : ndarray of shape (n, k)
        The rows that k-means saw; not normalised to length 1.
    eigenvalues_ : ndarray of shape (k,)
        Ascending.
    affinity_matrix_ : ndarray or scipy.sparse.csr_array of shape (n, n)
        W, with an empty diagonal.
    n_connected_components_ : int
        Of the graph.
    report_ : FairnessReport
        All notions; costs are those of the means. With a precomputed affinity there are no points but the rows of
        ``embedding_``: balance and proportional violation mean what they always do, costs are k-means' in the
        embedding.
    n_features_in_ : int
        d, or n with a precomputed affinity.

    Raises
    ------
    ValueError
        For k > n, k beyond the fair dimensions, NaN, infinite or (precomputed) negative or asymmetric entries, or
        labels whose number is not n.

    Warns
    -----
    UserWarning
        If more than k eigenvalues are 0, because the graph has too many components: each cluster is then a union of
        components, more or less arbitrarily. If normalized, rows without edges: they count as having a tiny degree.

    See Also
    --------
    fairclust.solvers.spectral.spectral_embedding : The eigenproblem, without a null-space basis.
    FairLloyd, BeraFairAssignment : Other ways to be fair.

    Notes
    -----
    For two clusterings that are both exactly fair, a smaller ``objective_`` is better; a fair and an unfair one are
    compared by both ``objective_`` and balance.

    *Why the bound holds.* The indicators of k clusters, scaled to length 1, are orthonormal columns H with
    :math:`\operatorname{tr} H^\top L H` equal to the RatioCut and, if every share is exact, :math:`F^\top H = 0`; the
    smallest value of this trace over all such H is the sum of the k smallest eigenvalues. With
    :math:`H^\top D H = I` the same holds for NCut.

    Time: the graph, a few hundred products of a vector with it, and k-means. Memory O(nnz + n (k + H)).

    ``predict`` sends new rows to the nearest mean, which need not be what the graph would do.

    References
    ----------
    .. [1] M. Kleindessner, S. Samadi, P. Awasthi, J. Morgenstern. *Guarantees for spectral clustering with fairness
       constraints*. ICML 2019.
    .. [2] J. Wang, D. Lu, I. Davidson, Z. Bai. *Scalable spectral clustering with group fairness constraints*.
       AISTATS 2023: the projection.

    Examples
    --------
    Two pairs of pairs. A cut through the middle is cheapest; with groups on either side it is not fair.

    >>> from fairclust.baselines import FairSpectralClustering
    >>> W = [[0, 3, 2, 0], [3, 0, 0, 2], [2, 0, 0, 3], [0, 2, 3, 0]]
    >>> plain = FairSpectralClustering(2, affinity="precomputed", random_state=0).fit(W)
    >>> plain.objective_, bool(plain.labels_[0] == plain.labels_[1])
    (4.0, True)
    >>> sides = ["a", "a", "b", "b"]
    >>> fair = FairSpectralClustering(2, affinity="precomputed", random_state=0).fit(W, sensitive_features=sides)
    >>> fair.objective_, round(fair.lower_bound_, 9), fair.report_.balance, bool(fair.labels_[0] == fair.labels_[1])
    (6.0, 6.0, 1.0, False)
    """

    cluster_centers_: NDArray[np.float64]

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        affinity: Literal["nearest_neighbors", "rbf", "precomputed"] = "nearest_neighbors",
        n_neighbors: int = 10,
        gamma: float = 1.0,
        normalized: bool = False,
        fair: bool = True,
        n_init: int = 10,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.affinity = affinity
        self.n_neighbors = n_neighbors
        self.gamma = gamma
        self.normalized = normalized
        self.fair = fair
        self.n_init = n_init
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        given = not _has_points(self)
        tags.input_tags.pairwise = given
        tags.input_tags.positive_only = given
        tags.input_tags.sparse = given
        return tags

    def fit(self, X: Any, y: Any = None, *, sensitive_features: Any = None) -> Self:
        """Cluster the rows of X.

        Parameters
        ----------
        X : array or DataFrame of shape (n, d), or array or sparse matrix of shape (n, n)
            Points, or their affinity if ``affinity="precomputed"``.
        y : ignored
            Present for scikit-learn's sake.
        sensitive_features : array, Series or list of n hashable labels, optional
            The group of each row; None means one group.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            See the class.
        """
        if _has_points(self):
            return super().fit(X, y, sensitive_features=sensitive_features)
        weights = check_affinity(X)
        validate_data(self, X, reset=True, skip_check_array=True)
        if hasattr(self, "cluster_centers_"):
            del self.cluster_centers_  # of an earlier fit to points
        groups = encode_groups(sensitive_features, weights.shape[0])
        check_n_clusters(self.n_clusters, weights.shape[0])
        centers = self._cut(weights, groups)
        self.report_ = FairnessReport(self.embedding_, self.labels_, centers, groups)
        return self

    @available_if(_has_points)
    def predict(self, X: Any) -> NDArray[np.intp]:
        """The nearest mean of each row of X, shape (n,); not with a precomputed affinity."""
        return super().predict(X)

    def _fit(self, X: NDArray[np.float64], groups: Groups) -> None:
        if self.affinity not in _AFFINITIES:
            raise ValueError(f"affinity must be one of {', '.join(map(repr, _AFFINITIES))}, got {self.affinity!r}")
        check_n_clusters(self.n_clusters, len(X))
        weights = neighbor_graph(X, self.n_neighbors) if self.affinity != "rbf" else rbf_affinity(X, self.gamma)
        self._cut(weights, groups)
        self.cluster_centers_ = _means(X, self.labels_)
        self.report_ = FairnessReport(X, self.labels_, self.cluster_centers_, groups)

    def _cut(self, weights: Any, groups: Groups) -> NDArray[np.float64]:
        """Everything but what needs points; the means of the clusters in the embedding."""
        for name in ("normalized", "fair"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise TypeError(f"{name} must be True or False, got {getattr(self, name)!r}")
        check_number(self.n_init, "n_init", low=1, integer=True)
        rng = as_generator(self.random_state)
        found = spectral_embedding(
            weights,
            self.n_clusters,
            sensitive_features=groups if self.fair else None,
            normalized=bool(self.normalized),
            random_state=rng,
        )
        result = kmeans(found.embedding, self.n_clusters, n_init=self.n_init, random_state=rng)
        self.labels_ = result.labels
        self.affinity_matrix_ = weights
        self.embedding_ = found.embedding
        self.eigenvalues_ = found.eigenvalues
        self.lower_bound_ = found.lower_bound
        self.n_connected_components_ = found.n_components
        self.objective_ = cut_value(weights, self.labels_, normalized=bool(self.normalized))
        return _means(found.embedding, self.labels_)


def _means(points: NDArray[np.float64], labels: NDArray[np.intp]) -> NDArray[np.float64]:
    """The mean of each cluster, computed around the mean of all, where far-away origins cost no digits."""
    shift = points.mean(axis=0)
    sums = np.zeros((int(labels.max()) + 1, points.shape[1]))
    np.add.at(sums, labels, points - shift)
    return sums / np.bincount(labels)[:, None] + shift
