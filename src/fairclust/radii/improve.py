"""A local search after Fair-Round that lowers the cost and gives up none of the fairness reached."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairclust.distances import nearest_centers, to_power
from fairclust.metrics.radius import max_violation, radius_violation
from fairclust.solvers.fair_swaps import polish

__all__ = ["Improved", "fill_up", "improve"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Improved:
    """Centers after the search.

    Attributes
    ----------
    center_indices : ndarray of intp, shape (s,)
        Rows of X, ascending.
    n_added : int
        Centers that were added because the start had fewer than k.
    n_swaps : int
        Exchanges made.
    converged : bool
        Whether no single exchange helps any more.
    allowed : float
        The violation that was kept: the start's, or 1 if that is more.
    """

    center_indices: Indices
    n_added: int
    n_swaps: int
    converged: bool
    allowed: float


def improve(
    X: Floats,
    center_indices: Indices,
    radii: Floats,
    n_clusters: int,
    *,
    power: float,
    weights: Floats,
    verbose: bool = False,
) -> Improved:
    r"""Lower the cost of centers by opening what is missing to k and by single exchanges.

    .. math::

        \min_{|S| \le k} \sum_v w_v\, d(v, S)^p \quad \text{s.t.} \quad
        d(v, S) \le \max(\theta, 1)\, r(v) \;\; \forall v, \qquad \theta = \max_v \frac{d(v, S_0)}{r(v)}

    up to a local optimum of single exchanges, from the start :math:`S_0`. A point's own violation may rise, but to no
    more than :math:`\max(\theta, 1)`.

    Parameters
    ----------
    X : ndarray of float64, shape (n, d)
        Points.
    center_indices : ndarray of intp
        :math:`S_0`.
    radii : ndarray of float64, shape (n,)
        r(v); a row of radius 0 must coincide with a center of the start.
    n_clusters : int
        k.
    power : float >= 1
        p.
    weights : ndarray of float64, shape (n,)
        :math:`w_v`.
    verbose : bool, default=False
        Show a progress bar.

    Returns
    -------
    Improved

    Raises
    ------
    ValueError
        If the start leaves a row of radius 0 without a center at its place.

    Notes
    -----
    O(n^2 d) per round of exchanges, O(n d) memory.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [2.0], [9.0]])
    >>> found = improve(X, np.array([0, 3]), np.full(4, 2.0), 2, power=2, weights=np.ones(4))
    >>> found.center_indices.tolist(), found.allowed
    ([1, 3], 1.0)
    """
    theta = max_violation(radius_violation(X, X[center_indices], radii))
    if not np.isfinite(theta):
        raise ValueError("a row of radius 0 has no center at its place, so there is no violation to keep")
    allowed = max(theta, 1.0)
    rows = fill_up(X, center_indices, n_clusters, power=power, weights=weights)
    found = polish(X, rows, allowed * radii, power=power, weights=weights, verbose=verbose)
    return Improved(
        np.sort(found.center_indices), len(rows) - len(center_indices), found.n_swaps, found.converged, allowed
    )


def fill_up(X: Floats, center_indices: Indices, n_clusters: int, *, power: float, weights: Floats) -> Indices:
    r"""Open further centers up to k, one by one where most is paid, :math:`\arg\max_v w_v\, d(v, S)^p`.

    Fewer than k come back if nobody pays anything any more. Ties go to the lower row. O(n k d) time.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [5.0], [5.0]])
    >>> fill_up(X, np.array([0]), 3, power=2, weights=np.ones(4)).tolist(), len(
    ...     fill_up(X, np.array([0]), 4, power=2, weights=np.ones(4))
    ... )
    ([0, 2, 1], 3)
    """
    rows = [int(row) for row in center_indices]
    _, squared = nearest_centers(X, X[rows], squared=True)
    while len(rows) < n_clusters:
        paid = weights * to_power(squared, power)
        row = int(np.argmax(paid))
        if paid[row] <= 0.0:
            break
        rows.append(row)
        squared = np.minimum(squared, nearest_centers(X, X[[row]], squared=True)[1])
    return np.array(rows, dtype=np.intp)
