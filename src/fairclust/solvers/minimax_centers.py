r"""Socially fair k-means for any number of groups: the best centers of a partition, exactly, and Lloyd's loop on them.

For a fixed partition into clusters :math:`C_1, \dots, C_k` the cost of group h is a sum of squares around group means,

.. math:: f_h(c) = \Delta_h + \sum_i \alpha_{hi} \lVert c_i - \mu_{hi} \rVert^2, \qquad
          \alpha_{hi} = |C_i^h| / n_h, \quad \mu_{hi} = \text{mean of } C_i^h ,

so :math:`\min_c \max_h f_h(c)` is convex. For group weights :math:`\gamma` on the simplex the best centers are
:math:`c_i(\gamma) = \sum_h \gamma_h \alpha_{hi} \mu_{hi} / \sum_h \gamma_h \alpha_{hi}`, and the dual
:math:`g(\gamma) = \sum_h \gamma_h f_h(c(\gamma))` is concave with gradient :math:`f(c(\gamma))`; any :math:`\gamma`
certifies its centers by the gap :math:`\max_h f_h - g`.

For two groups this is the line search of Ghadiri, Samadi and Vempala (2021); their code stops there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from fairclust._validation import as_generator, check_labels, check_n_clusters, check_number, check_points
from fairclust.groups import Groups, encode_groups
from fairclust.solvers.kernels import nearest_rows
from fairclust.solvers.seeding import kmeans_plusplus

__all__ = ["MinimaxCenters", "SociallyFairResult", "minimax_centers", "socially_fair_kmeans"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True)
class MinimaxCenters:
    """Centers that minimise the worst group's mean cost for a given partition, with the proof.

    Attributes
    ----------
    centers : ndarray of shape (k, d)
        A cluster without members keeps NaN: no center of it matters.
    value : float
        :math:`\\max_h f_h`, the mean squared distance of the worst-off group.
    lower_bound : float
        :math:`g(\\gamma)`; no centers of this partition do better.
    gap : float
        ``value - lower_bound``, at least 0 up to rounding.
    group_weights : ndarray of shape (H,)
        :math:`\\gamma`: how much each group counts at the optimum. Zero for a group that is better off anyway.
    group_costs : ndarray of shape (H,)
        :math:`f_h` at the centers.
    """

    centers: Floats
    value: float
    lower_bound: float
    gap: float
    group_weights: Floats
    group_costs: Floats


@dataclass(frozen=True)
class SociallyFairResult:
    """A fixed point of Fair-Lloyd: centers are optimal for the partition, the partition is nearest-center.

    Attributes
    ----------
    centers : ndarray of shape (k, d)
    labels : ndarray of intp, shape (n,)
        The nearest center of each row.
    value : float
        The social cost, :math:`\\max_h` of the group's mean squared distance to its nearest centers.
    lower_bound, gap : float
        Certificate of the centers *for this partition* (another partition may be better; the problem is NP-hard).
    group_weights, group_costs : ndarray of shape (H,)
    n_iter : int
        Rounds of assignment and centers.
    converged : bool
        Whether the partition repeated before ``max_iter``.
    start_values : ndarray of shape (n_init,)
        The social cost that each start reached.
    """

    centers: Floats
    labels: NDArray[np.intp]
    value: float
    lower_bound: float
    gap: float
    group_weights: Floats
    group_costs: Floats
    n_iter: int
    converged: bool
    start_values: Floats


def minimax_centers(
    X: Any,
    labels: Any,
    sensitive_features: Any,
    *,
    n_clusters: int | None = None,
    distance_weight: float = 1.0,
    offsets: Any = None,
    tol: float = 1e-10,
) -> MinimaxCenters:
    r"""The centers of a fixed partition that are best for its worst-off group.

    .. math:: \min_{c_1, \dots, c_k} \; \max_h \; \Bigl( b_h +
              \frac{\lambda}{n_h} \sum_i \sum_{j \in C_i^h} \lVert x_j - c_i \rVert^2 \Bigr)

    With the defaults this is the social cost; with :math:`b_h = (1-\lambda) V^h / n_h` it is the Rawlsian objective of
    the welfare paper for a fixed assignment.

    Parameters
    ----------
    X : array of shape (n, d)
    labels : array of n integers
        The cluster of each row, 0..k-1.
    sensitive_features : array of n hashable labels, Groups, or None
    n_clusters : int, optional
        k; by default the largest label plus one.
    distance_weight : float in (0, 1], default=1.0
        :math:`\lambda`.
    offsets : array of shape (H,), optional
        :math:`b_h \ge 0`: what a group pays whatever the centers; by default nothing.
    tol : float, default=1e-10
        The relative duality gap at which to stop.

    Returns
    -------
    MinimaxCenters

    Raises
    ------
    ValueError
        For lengths that differ or labels out of range.

    Notes
    -----
    O(n d) once for the group means, then O(k H^2 d + H^3) per step of an interior-point method on the H dual
    weights; about 20 steps whatever H. For two groups this is the line search of Ghadiri et al. (2021), section 4.

    Examples
    --------
    Two groups of two at 0 and 10: equal weight puts the center in the middle. A third, far, smaller group moves it.

    >>> X = [[0.0], [0.0], [10.0], [10.0], [10.0]]
    >>> result = minimax_centers(X, [0, 0, 0, 0, 0], ["a", "a", "b", "b", "b"])
    >>> round(float(result.centers[0, 0]), 6), round(result.value, 6), result.group_weights.round(6).tolist()
    (5.0, 25.0, [0.5, 0.5])
    """
    points = check_points(X)
    groups = encode_groups(sensitive_features, len(points))
    codes = check_labels(labels, len(points), n_clusters)
    k = int(codes.max()) + 1 if n_clusters is None else n_clusters
    tol = check_number(tol, "tol", low=0.0)
    weight = check_number(distance_weight, "distance_weight", low=0.0, high=1.0, low_open=True)
    fixed = np.zeros(len(groups)) if offsets is None else np.asarray(offsets, dtype=np.float64)
    if fixed.shape != (len(groups),) or not (np.isfinite(fixed) & (fixed >= 0)).all():
        raise ValueError(f"offsets must be {len(groups)} finite numbers of at least 0, one per group, got {offsets!r}")
    reference = np.zeros((k, points.shape[1]))
    sizes = np.bincount(codes, minlength=k)
    for feature in range(points.shape[1]):
        reference[:, feature] = np.bincount(codes, weights=points[:, feature], minlength=k) / np.maximum(sizes, 1)
    moments = _Moments.of(points, codes, groups, reference)
    weighed = _Moments(fixed + weight * moments.scatter, weight * moments.shares, moments.means)
    return _solve(weighed, tol, None)


def socially_fair_kmeans(
    X: Any,
    n_clusters: int,
    sensitive_features: Any,
    *,
    init: Any = "k-means++",
    n_init: int = 10,
    max_iter: int = 300,
    tol: float = 1e-10,
    random_state: Any = None,
) -> SociallyFairResult:
    r"""Fair-Lloyd for any number of groups: k centers with a small social cost.

    .. math:: \min_{c_1, \dots, c_k} \; \max_h \; \frac{1}{n_h} \sum_{j \in C^h} \min_i \lVert x_j - c_i \rVert^2

    Alternates nearest-center assignment and :func:`minimax_centers`. Both lower the cost of the worst-off group or
    leave it, so the value never rises, and the partition settles. A cluster that runs empty moves to the point of the
    worst-off group that is farthest from its center, which cannot raise any group's cost.

    Parameters
    ----------
    X : array of shape (n, d)
    n_clusters : int
        k, between 1 and n.
    sensitive_features : array of n hashable labels, Groups, or None
    init : "k-means++" or array of shape (k, d)
        With "k-means++" each start draws seeds in which every group has the same total weight, so that small groups
        are seen.
    n_init : int, default=10
        Starts; the one with the smallest social cost is returned. Ignored (1) when ``init`` is an array.
    max_iter : int, default=300
    tol : float, default=1e-10
        Relative duality gap of the centers.
    random_state : None, int or Generator

    Returns
    -------
    SociallyFairResult

    Raises
    ------
    ValueError
        For k > n, NaN or infinite entries, or centers of another dimension.

    Notes
    -----
    O(n k d) per round. Ghadiri, Samadi and Vempala (2021), Algorithm 1 (Fair-Lloyd); the objective is the welfare
    paper's (2) with p = 2 and Definition 1 of the antidote paper.

    Examples
    --------
    >>> X = [[0.0], [1.0], [10.0], [11.0]]
    >>> result = socially_fair_kmeans(X, 2, ["a", "b", "a", "b"], random_state=0)
    >>> sorted(result.centers.ravel().tolist()), round(result.value, 6)
    ([0.5, 10.5], 0.25)
    """
    points = check_points(X)
    k = check_n_clusters(n_clusters, len(points))
    groups = encode_groups(sensitive_features, len(points))
    n_init = check_number(n_init, "n_init", low=1, integer=True)
    max_iter = check_number(max_iter, "max_iter", low=1, integer=True)
    tol = check_number(tol, "tol", low=0.0)
    if isinstance(init, str):
        if init != "k-means++":
            raise ValueError(f"init must be 'k-means++' or an array of shape ({k}, {points.shape[1]}), got {init!r}")
        weights = 1.0 / groups.sizes[groups.codes]
        generators = as_generator(random_state).spawn(n_init)
        starts = [points[kmeans_plusplus(points, k, weights=weights, rng=rng)] for rng in generators]
    else:
        start = check_points(init, name="init")
        if start.shape != (k, points.shape[1]):
            raise ValueError(f"init has shape {start.shape}; it must be ({k}, {points.shape[1]})")
        starts = [start]
    found = [_fair_lloyd(points, start, groups, max_iter, tol) for start in starts]
    values = np.array([result.value for result in found])
    best = found[int(np.argmin(values))]
    return SociallyFairResult(**{**best.__dict__, "start_values": values})


def _fair_lloyd(X: Floats, start: Floats, groups: Groups, max_iter: int, tol: float) -> SociallyFairResult:
    centers, weights, previous = start.copy(), None, None
    labels, squared = nearest_rows(X, centers)
    solved = None
    rounds, converged = 0, False
    while rounds < max_iter:
        rounds += 1
        labels, squared = _fill_empty(X, centers, labels, squared, groups)
        if previous is not None and np.array_equal(labels, previous):
            converged = True
            break
        previous = labels
        solved = _solve(_Moments.of(X, labels, groups, centers, squared), tol, weights)
        weights = solved.group_weights
        # Centers of clusters that could not be filled (fewer distinct points than k) stay where they were.
        centers = np.where(np.isnan(solved.centers), centers, solved.centers)
        labels, squared = nearest_rows(X, centers)
    assert solved is not None
    costs = np.bincount(groups.codes, weights=squared, minlength=len(groups)) / groups.sizes
    value = float(costs.max())
    return SociallyFairResult(
        centers,
        labels,
        value,
        solved.lower_bound,
        value - solved.lower_bound,
        solved.group_weights,
        costs,
        rounds,
        converged,
        np.array([value]),
    )


def _fill_empty(X: Floats, centers: Floats, labels: Ints, squared: Floats, groups: Groups) -> tuple[Ints, Floats]:
    """Give each empty cluster the farthest point of the worst-off group, one after the other; centers move in place."""
    for empty in np.flatnonzero(np.bincount(labels, minlength=len(centers)) == 0):
        costs = np.bincount(groups.codes, weights=squared, minlength=len(groups)) / groups.sizes
        candidates = np.where(groups.codes == int(np.argmax(costs)), squared, -1.0)
        row = int(np.argmax(candidates))
        if candidates[row] <= 0.0:  # the worst-off group sits on its centers, so everyone does
            break
        centers[empty] = X[row]
        labels, squared = nearest_rows(X, centers)
    return labels, squared


@numba.njit(cache=True, nogil=True)
def _group_sums(
    X: Floats, codes: Ints, labels: Ints, squared: Floats, n_groups: int, k: int
) -> tuple[Floats, Floats, Floats]:
    """By group and cluster the number of rows (H, k) and their sum (H, k, d); by group the sum of ``squared`` (H,)."""
    counts = np.zeros((n_groups, k))
    sums = np.zeros((n_groups, k, X.shape[1]))
    costs = np.zeros(n_groups)
    for j in range(X.shape[0]):
        h, i = codes[j], labels[j]
        counts[h, i] += 1.0
        costs[h] += squared[j]
        for f in range(X.shape[1]):
            sums[h, i, f] += X[j, f]
    return counts, sums, costs


@dataclass(frozen=True)
class _Moments:
    """What the group costs of a partition depend on: within-scatter, shares and means by group and cluster."""

    scatter: Floats  # (H,): Delta_h
    shares: Floats  # (H, k): alpha_hi
    means: Floats  # (H, k, d): mu_hi, zero where alpha_hi = 0

    @classmethod
    def of(cls, X: Floats, labels: Ints, groups: Groups, reference: Floats, squared: Floats | None = None) -> _Moments:
        """The moments of a partition, from any centers near it and (if known) the squared distances to them.

        Within-scatter is what the reference centers cost less what moving them to the group means saves; taken from raw
        second moments it would cancel for data far from the origin.
        """
        if squared is None:
            squared = ((X - reference[labels]) ** 2).sum(axis=1)
        counts, sums, costs = _group_sums(X, groups.codes, labels, squared, len(groups), len(reference))
        means = sums / np.maximum(counts, 1.0)[:, :, None]
        saved = counts * ((means - reference) ** 2).sum(axis=2)
        scatter = np.maximum(costs - np.where(counts > 0, saved, 0.0).sum(axis=1), 0.0)
        return cls(scatter / groups.sizes, counts / groups.sizes[:, None], means)

    def centers(self, weights: Floats) -> tuple[Floats, Floats]:
        """c(gamma) and the mass S_i = sum_h gamma_h alpha_hi of each cluster; NaN centers where nobody is."""
        mass = weights @ self.shares
        with np.errstate(invalid="ignore", divide="ignore"):
            centers = np.einsum("h,hi,hid->id", weights, self.shares, self.means) / mass[:, None]
        return centers, mass

    def costs(self, centers: Floats) -> tuple[Floats, Floats]:
        """f_h and the offsets mu_hi - c_i (zero where alpha_hi = 0), shapes (H,) and (H, k, d)."""
        offsets = np.where(self.shares[:, :, None] > 0, self.means - centers, 0.0)
        return self.scatter + np.einsum("hi,hid,hid->h", self.shares, offsets, offsets), offsets


def _solve(moments: _Moments, tol: float, start: Floats | None) -> MinimaxCenters:
    """Interior-point Newton on the dual weights.

    The optimum is complementary: gamma_h > 0 only where f_h = z. Newton's method follows
    gamma_h (z - f_h(c(gamma))) = mu, sum gamma = 1, with mu falling to zero. The Jacobian of f with respect to gamma is
    minus the Gram matrix J_hl = 2 sum_i alpha_hi alpha_li / S_i <mu_hi - c_i, mu_li - c_i>, so each system is monotone
    and solvable.
    """
    n_groups = len(moments.scatter)
    uniform = np.full(n_groups, 1.0 / n_groups)
    # A warm start must stay off the boundary, or the first steps are tiny.
    weights = uniform if start is None else 0.9 * start + 0.1 * uniform
    best: MinimaxCenters | None = None
    bound = -np.inf
    z, mu = 0.0, 0.0
    for step in range(200):
        centers, mass = moments.centers(weights)
        costs, offsets = moments.costs(centers)
        value, dual = float(costs.max()), float(weights @ costs)
        bound = max(bound, dual)
        if best is None or value < best.value:
            best = MinimaxCenters(centers, value, bound, 0.0, weights, costs)
        scale = max(abs(best.value), np.finfo(float).tiny)
        if best.value - bound <= tol * scale or n_groups == 1:
            break
        if step == 0:
            z = value + 0.1 * scale
        slack = z - costs
        mu = 0.1 * float(weights @ slack) / n_groups
        scaled = moments.shares * np.sqrt(1.0 / np.where(mass > 0, mass, 1.0))
        gram_root = (scaled[:, :, None] * offsets).reshape(n_groups, -1)
        gram = 2.0 * gram_root @ gram_root.T
        # Unknowns (d gamma, d z): slack * d gamma + gamma * (d z + J d gamma) = mu - gamma * slack, sum d gamma = 0.
        system = np.zeros((n_groups + 1, n_groups + 1))
        system[:n_groups, :n_groups] = np.diag(slack) + weights[:, None] * gram
        system[:n_groups, n_groups] = weights
        system[n_groups, :n_groups] = 1.0
        move = np.linalg.solve(system, np.append(mu - weights * slack, 0.0))
        weights, z = _step(moments, weights, z, move)
    assert best is not None
    return MinimaxCenters(best.centers, best.value, bound, best.value - bound, best.group_weights, best.group_costs)


def _step(moments: _Moments, weights: Floats, z: float, move: Floats) -> tuple[Floats, float]:
    """The longest of the halved Newton steps that keeps gamma and all slacks positive."""
    falling = move[:-1] < 0
    length = min(1.0, 0.99 * float(np.min(-weights[falling] / move[:-1][falling]))) if falling.any() else 1.0
    for _ in range(60):
        new_weights, new_z = weights + length * move[:-1], z + length * move[-1]
        costs, _ = moments.costs(moments.centers(new_weights)[0])
        if (new_z - costs > 0).all():
            return new_weights / new_weights.sum(), new_z
        length /= 2
    # Slacks at rounding level: lift z just above the largest cost and go on from the same weights.
    costs, _ = moments.costs(moments.centers(weights)[0])
    return weights, float(costs.max()) * (1 + 1e-12) + np.finfo(float).tiny
