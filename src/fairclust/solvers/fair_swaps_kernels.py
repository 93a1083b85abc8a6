"""Compiled checks of what an exchange of centers must not break: limits on distances, and balls that need a center.

Both decide with the root of :func:`~fairclust.distances.squared_distance`, like every other statement about distances
in this package, so that a point that meets its limit to the last bit counts as within it.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from fairclust.distances import squared_distance

__all__ = ["limits_hold", "members"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@njit(cache=True, nogil=True)
def limits_hold(
    X: Floats,
    limits: Floats,
    sure: Floats,
    centers: Ints,
    slot: int,
    candidate: int,
    first: Ints,
    second: Ints,
    near: Floats,
) -> bool:
    """Whether every row keeps a center within its limit if row ``candidate`` takes the place ``centers[slot]``.

    Parameters
    ----------
    X : (n, d), by row
    limits : (n,), may be infinite
    sure : (n,), what ``near`` is compared with: at most this means surely within the limit, whatever the rounding
    centers : (k,), rows
    slot, candidate : the exchange
    first, second, near : (n,), slots of the two nearest centers and d^p of the first, see
        :mod:`~fairclust.solvers.swap_kernels`

    Notes
    -----
    O(n) and O(d) for each row that loses its center, until the first row that has no other (it looks at all k).
    """
    for v in range(X.shape[0]):
        if first[v] != slot and near[v] <= sure[v]:
            continue
        limit = limits[v]
        if np.sqrt(squared_distance(X, v, X, candidate)) <= limit:
            continue
        j = second[v]
        if j >= 0 and j != slot and np.sqrt(squared_distance(X, v, X, centers[j])) <= limit:
            continue
        # The order of first and second comes from powers of distances; what they hide is at most the last bit.
        kept = False
        for j in range(len(centers)):
            if j != slot and np.sqrt(squared_distance(X, v, X, centers[j])) <= limit:
                kept = True
                break
        if not kept:
            return False
    return True


@njit(cache=True, nogil=True)
def members(X: Floats, row: int, balls: Ints, radii: Floats) -> NDArray[np.bool_]:
    """In which of the closed balls (rows of their centers, radii) a row lies, shape (number of balls,). O(m d)."""
    inside = np.empty(len(balls), np.bool_)
    for b in range(len(balls)):
        inside[b] = np.sqrt(squared_distance(X, row, X, balls[b])) <= radii[b]
    return inside
