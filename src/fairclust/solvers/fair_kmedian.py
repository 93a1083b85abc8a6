r"""Socially fair k-median: data points as centers, chosen for the worst-off group by single swaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from fairclust._validation import as_generator, check_n_clusters, check_number, check_points, check_power
from fairclust.distances import cost_matrix, squared_distance
from fairclust.groups import encode_groups
from fairclust.solvers.seeding import kmeans_plusplus

__all__ = ["SociallyFairMedians", "socially_fair_kmedian"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

#: A swap must lower the value by more than this part of it, so that rounding cannot make the search go round.
LEAST_GAIN = 1e-12


@dataclass(frozen=True)
class SociallyFairMedians:
    """A local optimum: no exchange of one center for another row lowers the cost of the worst-off group.

    Attributes
    ----------
    center_indices : ndarray of intp, shape (k,)
        Rows of X, ascending.
    labels : ndarray of intp, shape (n,)
        The nearest center of each row, as a position in ``center_indices``.
    value : float
        The largest mean of d^p over a group.
    group_costs : ndarray of shape (H,)
        The mean of d^p by group.
    n_swaps : int
    converged : bool
        False if ``max_swaps`` came first.
    """

    center_indices: Ints
    labels: Ints
    value: float
    group_costs: Floats
    n_swaps: int
    converged: bool


def socially_fair_kmedian(
    X: Any,
    n_clusters: int,
    sensitive_features: Any,
    *,
    power: float = 1,
    max_swaps: int = 10_000,
    random_state: Any = None,
) -> SociallyFairMedians:
    r"""Choose k rows as centers so that no single exchange helps the worst-off group.

    .. math:: \min_{S \subseteq X, |S| = k} \; \max_h \; \frac{1}{n_h} \sum_{j \in C^h} \min_{i \in S} d(x_j, x_i)^p

    Parameters
    ----------
    X : array of shape (n, d)
    n_clusters : int
        k, between 1 and n.
    sensitive_features : array of n hashable labels, Groups, or None
    power : float, default=1
        p, at least 1: 1 is k-median.
    max_swaps : int, default=10_000
    random_state : None, int or Generator
        Draws the start: D^p sampling with every group at the same total weight.

    Returns
    -------
    SociallyFairMedians

    Raises
    ------
    ValueError
        For k > n, power < 1, NaN or infinite entries.

    Notes
    -----
    Candidates are tried in the order of their rows, again and again, and each is exchanged for the center whose
    removal leaves the worst-off group best, if that is an improvement. With the nearest and second-nearest center of
    each row at hand a candidate costs O(n d + H k), whichever center it replaces; a swap costs O(n k d). O(n) memory.
    A maximum can have local optima that a sum has not, so no factor is promised; the certificate of the welfare chapter
    is relative to the centers.

    References
    ----------
    *Welfare-centric clustering*, 2025, objective (2) with p = 1.

    Examples
    --------
    Two people of a, one of b; one center. At 1 the means are 0.5 and 3, at 4 they are 3.5 and 0, at 0 they are 0.5
    and 4.

    >>> result = socially_fair_kmedian([[0.0], [1.0], [4.0]], 1, ["a", "a", "b"], random_state=0)
    >>> result.center_indices.tolist(), result.value
    ([1], 3.0)
    """
    points = check_points(X)
    k = check_n_clusters(n_clusters, len(points))
    groups = encode_groups(sensitive_features, len(points))
    p = check_power(power)
    max_swaps = check_number(max_swaps, "max_swaps", low=0, integer=True)
    weights = 1.0 / groups.sizes[groups.codes]
    centers = kmeans_plusplus(points, k, weights=weights, power=p, rng=as_generator(random_state)).astype(np.intp)
    n_swaps, converged = _search(points, groups.codes, groups.sizes.astype(np.float64), centers, p, max_swaps)
    centers.sort()
    costs = cost_matrix(points, points[centers], power=p)
    labels = costs.argmin(axis=1).astype(np.intp)
    nearest = costs[np.arange(len(points)), labels]
    means = np.bincount(groups.codes, weights=nearest, minlength=len(groups)) / groups.sizes
    return SociallyFairMedians(centers, labels, float(means.max()), means, int(n_swaps), bool(converged))


@numba.njit(cache=True, nogil=True)
def _cost(X: Floats, i: int, j: int, power: float) -> float:
    squared = squared_distance(X, i, X, j)
    if power == 2.0:
        return squared
    root = np.sqrt(squared)
    return root if power == 1.0 else root**power


@numba.njit(cache=True, nogil=True)
def _two_nearest(X: Floats, centers: Ints, power: float, first: Ints, d1: Floats, d2: Floats) -> None:
    for j in range(X.shape[0]):
        d1[j] = d2[j] = np.inf
        for i in range(len(centers)):
            d = _cost(X, j, centers[i], power)
            if d < d1[j]:
                d2[j] = d1[j]
                d1[j] = d
                first[j] = i
            elif d < d2[j]:
                d2[j] = d


@numba.njit(cache=True, nogil=True)
def _worst(sums: Floats, sizes: Floats) -> float:
    worst = 0.0
    for h in range(len(sizes)):
        worst = max(worst, sums[h] / sizes[h])
    return worst


@numba.njit(cache=True, nogil=True)
def _search(X: Floats, codes: Ints, sizes: Floats, centers: Ints, power: float, max_swaps: int) -> tuple[int, bool]:
    """Exchange centers in place until a round of candidates brings nothing: the swaps, and whether it ended so."""
    n, k, n_groups = X.shape[0], len(centers), len(sizes)
    first = np.empty(n, dtype=np.intp)
    d1, d2 = np.empty(n), np.empty(n)
    kept = np.empty(n_groups)  # each group's sum if the candidate is added
    lost = np.empty((k, n_groups))  # what more it pays if center i goes at the same time
    trial = np.empty(n_groups)
    _two_nearest(X, centers, power, first, d1, d2)
    sums = np.zeros(n_groups)
    for j in range(n):
        sums[codes[j]] += d1[j]
    value = _worst(sums, sizes)
    swaps, idle, candidate = 0, 0, 0
    while idle < n and value > 0.0:
        if swaps >= max_swaps:
            return swaps, False
        kept[:] = 0.0
        lost[:] = 0.0
        for j in range(n):
            d = _cost(X, j, candidate, power)
            h = codes[j]
            if d < d1[j]:
                kept[h] += d
            else:
                kept[h] += d1[j]
                lost[first[j], h] += min(d, d2[j]) - d1[j]
        best, best_value = -1, value * (1.0 - LEAST_GAIN)
        for i in range(k):
            for h in range(n_groups):
                trial[h] = kept[h] + lost[i, h]
            after = _worst(trial, sizes)
            if after < best_value:
                best, best_value = i, after
        if best >= 0:
            centers[best] = candidate
            _two_nearest(X, centers, power, first, d1, d2)
            sums[:] = 0.0
            for j in range(n):
                sums[codes[j]] += d1[j]
            value = _worst(sums, sizes)
            swaps += 1
            idle = 0
        else:
            idle += 1
        candidate = (candidate + 1) % n
    return swaps, True
