r"""Distances to centers, exact to the last few bits, without an (n, k, d) array.

Every fairness number of this package is a function of Euclidean distances, so there is one place that computes them:
the sum of squared differences, always added in the same order. The expanded form
:math:`\|x\|^2 - 2 x^\top c + \|c\|^2` (what ``sklearn.metrics.pairwise_distances_argmin_min`` evaluates) is faster in
many dimensions but cancels: for data far from the origin it returns wrong distances and, for near-ties, wrong
labels. Two functions that meet the same pair of points here get the same bits, so that ``d(v, S) <= r(v)`` means what
it says.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from fairclust._validation import check_centers, check_labels, check_points, check_power

__all__ = ["assigned_costs", "check_scale", "cost_matrix", "nearest_centers", "squared_distance", "to_power"]


@numba.njit(cache=True, nogil=True)
def squared_distance(A: NDArray[np.float64], i: int, B: NDArray[np.float64], j: int) -> float:
    r"""The squared Euclidean distance :math:`\|A_i - B_j\|^2` of two rows, for use inside compiled loops.

    Parameters
    ----------
    A, B : ndarray of float64, shapes (n, d) and (m, d)
    i, j : int
        Rows of A and of B; not checked.

    Returns
    -------
    float
        The relative error is at most about (d + 2) units in the last place, whatever the scale of the data.
    """
    d = A.shape[1]
    # Four partial sums in a fixed order: the compiler may use vector instructions and the result stays the same.
    s0 = s1 = s2 = s3 = 0.0
    whole = d - d % 4
    for f in range(0, whole, 4):
        t0 = A[i, f] - B[j, f]
        t1 = A[i, f + 1] - B[j, f + 1]
        t2 = A[i, f + 2] - B[j, f + 2]
        t3 = A[i, f + 3] - B[j, f + 3]
        s0 += t0 * t0
        s1 += t1 * t1
        s2 += t2 * t2
        s3 += t3 * t3
    total = (s0 + s1) + (s2 + s3)
    for f in range(whole, d):
        t = A[i, f] - B[j, f]
        total += t * t
    return total


@numba.njit(cache=True, nogil=True)
def _nearest(X: NDArray, centers: NDArray, labels: NDArray, squared: NDArray) -> None:
    for j in range(X.shape[0]):
        best = squared_distance(X, j, centers, 0)
        label = 0
        for i in range(1, centers.shape[0]):
            s = squared_distance(X, j, centers, i)
            if s < best:  # strictly: a tie stays with the lowest index
                best = s
                label = i
        labels[j] = label
        squared[j] = best


@numba.njit(cache=True, nogil=True)
def _assigned(X: NDArray, centers: NDArray, labels: NDArray, squared: NDArray) -> None:
    for j in range(X.shape[0]):
        squared[j] = squared_distance(X, j, centers, labels[j])


@numba.njit(cache=True, nogil=True)
def _all(X: NDArray, centers: NDArray, squared: NDArray) -> None:
    for j in range(X.shape[0]):
        for i in range(centers.shape[0]):
            squared[j, i] = squared_distance(X, j, centers, i)


def nearest_centers(X: Any, centers: Any, *, squared: bool = False) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    r"""Each point's nearest center, :math:`\arg\min_i \|x_j - c_i\|`, and how far away it is.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Points.
    centers : array of shape (k, d)
        Centers, k >= 1, in the units of X.
    squared : bool, default=False
        Return squared distances (no root is taken, so nothing is lost by squaring it again).

    Returns
    -------
    labels : ndarray of intp, shape (n,)
        The nearest center; of several at the same distance the one with the lowest index.
    distances : ndarray of float64, shape (n,)
        The distance to it in the units of X, or its square.

    Raises
    ------
    ValueError
        If an entry is NaN or infinite, the numbers of features differ, or the points
        spread so far that their squared distances are not floats.

    Notes
    -----
    O(nkd) time, O(n) memory beyond the arguments.

    Examples
    --------
    >>> labels, distances = nearest_centers([[0.0, 0.0], [3.0, 4.0], [5.0, 0.0]], [[0.0, 0.0], [10.0, 0.0]])
    >>> labels.tolist(), distances.tolist()
    ([0, 0, 0], [0.0, 5.0, 5.0])
    """
    points = check_points(X)
    places = check_centers(centers, points.shape[1])
    check_scale(points, places)
    labels = np.empty(len(points), dtype=np.intp)
    values = np.empty(len(points))
    _nearest(points, places, labels, values)
    return labels, values if squared else np.sqrt(values)


def assigned_costs(X: Any, centers: Any, labels: Any, *, power: float = 2) -> NDArray[np.float64]:
    r"""Each point's cost :math:`\|x_j - c_{\phi(j)}\|^p` to the center it is assigned to, nearest or not.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Points.
    centers : array of shape (k, d)
        Centers in the units of X.
    labels : array of n integers in 0..k-1
        :math:`\phi`, the center of each point.
    power : float, default=2
        The p of :math:`d^p`, at least 1.

    Returns
    -------
    ndarray of float64, shape (n,)
        Costs in the units of X to the power p.

    Raises
    ------
    ValueError
        If an entry is NaN or infinite, shapes do not fit, a label has no center, power < 1, or
        costs are not floats.

    Notes
    -----
    O(nd) time, O(n) memory.

    Examples
    --------
    >>> assigned_costs([[0.0], [3.0]], [[0.0], [1.0]], [1, 1]).tolist()
    [1.0, 4.0]
    """
    points = check_points(X)
    places = check_centers(centers, points.shape[1])
    check_scale(points, places)
    codes = check_labels(labels, len(points), len(places))
    values = np.empty(len(points))
    _assigned(points, places, codes, values)
    return to_power(values, power)


def cost_matrix(X: Any, centers: Any, *, power: float = 2) -> NDArray[np.float64]:
    r"""All costs :math:`\|x_j - c_i\|^p`, shape (n, k).

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Points.
    centers : array of shape (k, d)
        Centers in the units of X.
    power : float, default=2
        The p of :math:`d^p`, at least 1.

    Returns
    -------
    ndarray of float64, shape (n, k)
        C-contiguous; in the units of X to the power p.

    Raises
    ------
    ValueError
        If an entry is NaN or infinite, the numbers of features differ, power < 1, or
        costs are not floats.

    Notes
    -----
    O(nkd) time, O(nk) memory.

    Examples
    --------
    >>> cost_matrix([[0.0, 0.0], [3.0, 4.0]], [[0.0, 0.0], [3.0, 0.0]], power=1).tolist()
    [[0.0, 3.0], [5.0, 4.0]]
    """
    points = check_points(X)
    places = check_centers(centers, points.shape[1])
    check_scale(points, places)
    values = np.empty((len(points), len(places)))
    _all(points, places, values)
    return to_power(values, power)


def to_power(squared: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    """Squared distances turned into d^p (2: as they are; 1: one root), with a check that they are finite."""
    p = check_power(power)
    if p == 2:
        return squared
    if p == 1:
        return np.sqrt(squared)
    with np.errstate(over="ignore"):
        values = squared ** (p / 2)
    if not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values))[0][0])
        raise ValueError(
            f"the cost of row {row}, a distance to the power {p:g}, is too large for a float; lower the power or "
            "divide the data by a common factor"
        )
    return values


def check_scale(*clouds: NDArray[np.float64]) -> None:
    """Raise if the squares of the distances within and between these (m, d) arrays leave the range of floats.

    Without this check points around 1e200 would all be infinitely far apart, and points around 1e-200 all in one place.
    """
    with np.errstate(over="ignore"):
        width = np.max([cloud.max(axis=0) for cloud in clouds], axis=0) - np.min(
            [cloud.min(axis=0) for cloud in clouds], axis=0
        )
        diagonal = float(np.sum(width * width))
    if not np.isfinite(diagonal):
        raise ValueError(
            f"the points spread over {width.max():g}, too far for their squared distances to be floats; divide all "
            "data by a common factor"
        )
    if 0.0 < width.max() < 1e-140:
        raise ValueError(
            f"the points spread over {width.max():g} only, too little for their squared distances to be floats; "
            "multiply all data by a common factor"
        )
