r"""Weighted k-means by Lloyd's algorithm, run to an exact fixed point.

What one gets from a given start is what ``sklearn.cluster.KMeans(init=centers, n_init=1, tol=0)`` gives: the same
labels, and centers that agree to rounding. It differs on purpose in three corners, where scikit-learn's result hangs on
rounding or on rows that do not count:

- Rows of weight 0 take no part (they only receive a label at the end); scikit-learn may move an empty cluster's center
  onto one.
- Empty clusters are relocated unless every row is at its center *up to rounding*; scikit-learn asks for distances of
  exactly zero, and with fewer than k distinct points it may then relocate for ever.
- A cluster that relocation takes the last row from is empty; in scikit-learn it lives on if subtracting the weights
  leaves a residue of rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust._validation import (
    as_generator,
    check_centers,
    check_n_clusters,
    check_number,
    check_points,
    check_weights,
)
from fairclust.solvers.kernels import EMPTY_CLUSTER, FIXED_POINT, add_drift, lloyd_loop, nearest_rows, weighted_cost
from fairclust.solvers.seeding import check_weight_sum, dpower_sampling, rescale_cost, unit_scale

__all__ = ["KMeansResult", "kmeans", "lloyd"]

#: A row this close to its center, as a share of its norm, is at its center up to rounding.
AT_CENTER = 1e-12


@dataclass(frozen=True, eq=False)
class KMeansResult:
    """What :func:`kmeans` and :func:`lloyd` found.

    Attributes
    ----------
    centers : ndarray of shape (k, d)
        The weighted means of the clusters. If there are fewer than k distinct points of positive weight, some clusters
        are empty; from k-means++ starts their centers stand where another one stands.
    labels : ndarray of intp, shape (n,)
        Nearest center of each row, the lowest number on ties.
    cost : float
        Sum of w_i ||x_i - c_label(i)||^2, in the squared unit of X.
    n_iter : int
        Assignment passes of the winning start; the one that changed no label is counted, as scikit-learn does.
    converged : bool
        Whether labels and centers reproduce each other; if not, ``max_iter`` passes were not enough, the labels belong
        to the centers, but the centers are not the means of the labels.
    start : int
        The number of the winning start (lowest cost, then lowest number).
    costs : ndarray of shape (number of starts,)
        The cost that each start ended with.
    """

    centers: NDArray[np.float64]
    labels: NDArray[np.intp]
    cost: float
    n_iter: int
    converged: bool
    start: int
    costs: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Problem:
    """The rows at unit scale and around their mean, where distances lose no digits to a far-away origin."""

    everyone: NDArray[np.float64]
    weights: NDArray[np.float64]
    exponent: int
    shift: NDArray[np.float64]

    @classmethod
    def of(cls, X: Any, weights: Any) -> _Problem:
        points, exponent = unit_scale(check_points(X))
        w = check_weight_sum(check_weights(weights, len(points)))
        shift = points.mean(axis=0)
        points -= shift
        return cls(points, w, exponent, shift)

    def counting(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Rows and weights of those that have any."""
        if (self.weights > 0).all():
            return self.everyone, self.weights
        return self.everyone[self.weights > 0], self.weights[self.weights > 0]

    def inward(self, centers: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(over="ignore"):  # A center beyond all bounds attracts no row, and is relocated.
            return np.ldexp(centers, -self.exponent) - self.shift

    def outward(self, centers: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.ldexp(centers + self.shift, self.exponent)


def kmeans(
    X: Any,
    n_clusters: int,
    *,
    weights: Any = None,
    init: Any = "k-means++",
    n_init: int = 10,
    max_iter: int = 10_000,
    random_state: Any = None,
) -> KMeansResult:
    r"""Weighted k-means: the best of several runs of Lloyd's algorithm.

    .. math:: \min_{c_1, \dots, c_k} \; \sum_{j=1}^n w_j \min_i \|x_j - c_i\|^2

    where :math:`x_j` is row j of X and :math:`w_j \ge 0` its weight. The result is a local optimum: every center is the
    mean of its cluster and every row belongs to its nearest center.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Finite numbers.
    n_clusters : int
        k, between 1 and n.
    weights : array of shape (n,), optional
        Weights >= 0, not all 0; None means 1 for each row. A weight of 2 is the same as the row given twice, a weight
        of 0 the same as its absence.
    init : "k-means++" or array of shape (k, d), default="k-means++"
        How a run starts: at rows drawn by :func:`~fairclust.solvers.seeding.kmeans_plusplus` (greedy), or at these
        centers, and then there is just one run.
    n_init : int, default=10
        Number of runs. The first of them do not depend on how many follow.
    max_iter : int, default=10_000
        Most assignment passes in a run.
    random_state : None, int or numpy Generator
        Source of randomness; an int makes the result reproducible to the last bit.

    Returns
    -------
    KMeansResult

    Raises
    ------
    ValueError
        For NaN or infinite entries, k < 1 or k > n, bad weights, ``init`` of another shape or name, or a cost beyond
        the largest float.
    TypeError
        If ``n_clusters``, ``n_init`` or ``max_iter`` is not an integer.

    See Also
    --------
    lloyd : one run from given centers.
    fairclust.solvers.kmedian.kmedian : centers that are rows of X, any power of the distance.

    Notes
    -----
    O(n k d log k) per start for seeding; for Lloyd see :func:`lloyd`. One thread; the GIL is released.

    Examples
    --------
    >>> result = kmeans([[0.0], [2.0], [10.0], [14.0]], 2, random_state=0)
    >>> sorted(result.centers.ravel().tolist()), result.cost, result.converged
    ([1.0, 12.0], 10.0, True)
    """
    problem = _Problem.of(X, weights)
    k = check_n_clusters(n_clusters, len(problem.everyone))
    max_iter = check_number(max_iter, "max_iter", low=1, integer=True)
    n_init = check_number(n_init, "n_init", low=1, integer=True)
    rng = as_generator(random_state)
    if not isinstance(init, str):
        centers = check_centers(init, problem.everyone.shape[1], name="init")
        if len(centers) != k:
            raise ValueError(f"init has {len(centers)} centers but n_clusters={k}")
        return _best(problem, [problem.inward(centers)], max_iter)
    if init != "k-means++":
        raise ValueError(f'init must be "k-means++" or an array of {k} centers, got {init!r}')
    starts = (
        problem.everyone[dpower_sampling(problem.everyone, k, problem.weights, 2.0, None, rng)] for _ in range(n_init)
    )
    return _best(problem, starts, max_iter)


def lloyd(X: Any, centers: Any, *, weights: Any = None, max_iter: int = 10_000) -> KMeansResult:
    r"""Run Lloyd's algorithm from given centers to its fixed point.

    Two steps alternate until labels and centers reproduce each other to the last bit (a tolerance of zero):

    .. math::
        \ell_j = \operatorname{argmin}_i \|x_j - c_i\|^2, \qquad
        c_i = \frac{\sum_{j : \ell_j = i} w_j x_j}{\sum_{j : \ell_j = i} w_j}

    where the lowest i wins a tie. An empty cluster is moved to the row that is farthest from its own center (several:
    in order of their numbers, to the farthest, the second-farthest and so on; ties to the lower row), and that row
    leaves its cluster's mean: scikit-learn's rule.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Finite numbers.
    centers : array of shape (k, d)
        Where to start; they need not be rows of X, and k may be any number of at least 1.
    weights : array of shape (n,), optional
        Weights >= 0, not all 0; None means 1 for each row.
    max_iter : int, default=10_000
        Most assignment passes.

    Returns
    -------
    KMeansResult
        With ``start`` 0 and one entry in ``costs``.

    Raises
    ------
    ValueError
        For NaN or infinite entries, centers with another number of features, bad weights, or a cost beyond the largest
        float.
    TypeError
        If ``max_iter`` is not an integer.

    Notes
    -----
    A first pass costs O(n k d). In a later pass a row costs O(1) until the movement of the centers has used up the
    margin between its nearest and second-nearest center (Hamerly, *Making k-means even faster*, SDM 2010), and O(k d)
    then. The bounds are widened by more than rounding can do, so labels are those of full passes. Memory O(n + k d)
    beside a copy of X. The cost never rises from one pass to the next.

    Examples
    --------
    >>> lloyd([[0.0], [2.0], [10.0], [14.0]], [[0.0], [1.0]]).labels.tolist()
    [0, 0, 1, 1]
    """
    problem = _Problem.of(X, weights)
    start = check_centers(centers, problem.everyone.shape[1])
    return _best(problem, [problem.inward(start)], check_number(max_iter, "max_iter", low=1, integer=True))


def _best(problem: _Problem, starts: Any, max_iter: int) -> KMeansResult:
    points, weights = problem.counting()
    costs: list[float] = []
    for start in starts:
        centers, labels, n_iter, converged = _run(points, weights, start, max_iter)
        cost = weighted_cost(points, weights, centers, labels)
        if not costs or cost < min(costs):
            best = centers, labels, n_iter, converged, len(costs)
        costs.append(cost)
    centers, labels, n_iter, converged, winner = best
    if len(labels) < len(problem.everyone):
        labels, _ = nearest_rows(problem.everyone, centers)
    scaled = np.array([rescale_cost(cost, problem.exponent, 2.0) for cost in costs])
    return KMeansResult(problem.outward(centers), labels, float(scaled[winner]), n_iter, converged, winner, scaled)


def _run(
    points: NDArray[np.float64], weights: NDArray[np.float64], start: NDArray[np.float64], max_iter: int
) -> tuple[NDArray[np.float64], NDArray[np.intp], int, bool]:
    n, d = points.shape
    k = len(start)
    centers = start.copy()
    codes = np.zeros(n, dtype=np.intp)
    labels = np.full(n, -1, dtype=np.intp)
    margins, drift = np.full(n, -np.inf), np.zeros(k)
    # A distance of d terms is off by at most (d / 2 + 2) units of rounding; the rest is for the sums of bounds.
    tolerance = 4.0 * (d + 32) * float(np.finfo(np.float64).eps)
    sums, masses, counts = np.zeros((k, d)), np.zeros(k), np.zeros((k, 1), dtype=np.intp)
    progress = np.zeros(2, dtype=np.intp)
    while True:
        status = lloyd_loop(
            points, weights, codes, centers, max_iter, labels, margins, drift, tolerance, sums, masses, counts, progress
        )
        if status == EMPTY_CLUSTER:
            means = _means_without_empty(points, weights, labels, centers, sums, masses, counts[:, 0])
            if add_drift(centers, means, tolerance, drift):
                centers = means
                continue
            status = FIXED_POINT
        return centers, labels, int(progress[0]), bool(status == FIXED_POINT)


def _means_without_empty(
    points: NDArray[np.float64],
    weights: NDArray[np.float64],
    labels: NDArray[np.intp],
    centers: NDArray[np.float64],
    sums: NDArray[np.float64],
    masses: NDArray[np.float64],
    counts: NDArray[np.intp],
) -> NDArray[np.float64]:
    """The next centers, where empty clusters get the farthest rows, or else go where the heaviest cluster is."""
    means, mass, size = sums.copy(), masses.copy(), counts.copy()
    empty = np.flatnonzero(size == 0)
    with np.errstate(over="ignore"):
        distances = ((points - centers[labels]) ** 2).sum(axis=1)
    if (distances > AT_CENTER**2 * (points**2).sum(axis=1)).any():
        farthest = np.argsort(-distances, kind="stable")
        for cluster, row in zip(empty, farthest, strict=False):
            old = labels[row]
            means[old] -= points[row] * weights[row]
            means[cluster] = points[row] * weights[row]
            mass[old] -= weights[row]
            mass[cluster] = weights[row]
            size[old] -= 1
            size[cluster] = 1
    # The size decides what is empty: adding and subtracting weights need not bring a mass back to exactly zero. As in
    # scikit-learn, clusters are divided one after the other, so an empty one before the heaviest gets that one's sum.
    mass[size == 0] = 0.0
    heaviest = int(np.argmax(mass))
    for j in range(len(means)):
        if size[j]:
            means[j] /= mass[j]
        else:
            means[j] = means[heaviest]
    return means
