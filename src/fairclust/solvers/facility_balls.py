"""Balls as sorted neighbour lists, with coinciding points merged: the input of the fair-radii LP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from fairclust._validation import check_number, check_points

__all__ = ["Balls", "balls_within", "nearest_balls"]

#: Distances are compared with radii up to this relative error, so that a point at the radius is in, however either
#: was rounded.
ROUNDING = 1e-12

_jit = numba.njit(cache=True, nogil=True)


@dataclass(frozen=True, eq=False)
class Balls:
    r"""For each demand its ball: the facilities within its radius, nearest first.

    A *facility* is a place where a center may open (a distinct point); a *demand* is a place and a radius (a distinct
    pair of them). Rows of X that coincide share both, so 101,766 rows with 140 distinct points are 140 of each.

    Attributes
    ----------
    start : ndarray of int64, shape (n_demands + 1,)
        The ball of demand v is ``facilities[start[v]:start[v + 1]]``.
    facilities : ndarray of int32, shape (n_edges,)
        Facilities by (distance, number) within each ball.
    distances : ndarray of float64, shape (n_edges,)
        Their distances from the demand, in the units of X.
    n_facilities : int
        m.
    facility_of_row, demand_of_row : ndarray of intp, shape (n,)
        Where each row of X went.
    row_of_facility, row_of_demand : ndarray of intp, shapes (m,) and (n_demands,)
        The first row of X at that place.

    Examples
    --------
    >>> balls = balls_within([[0.0], [1.0], [1.0], [3.0]], [1.0, 1.0, 1.0, 2.0])
    >>> balls.n_facilities, balls.n_demands, balls.facility_of_row.tolist()
    (3, 3, [0, 1, 1, 2])
    >>> [balls.facilities[balls.start[v]:balls.start[v + 1]].tolist() for v in range(3)]
    [[0, 1], [1, 0], [2, 1]]
    """

    start: NDArray[np.int64]
    facilities: NDArray[np.int32]
    distances: NDArray[np.float64]
    n_facilities: int
    facility_of_row: NDArray[np.intp]
    demand_of_row: NDArray[np.intp]
    row_of_facility: NDArray[np.intp]
    row_of_demand: NDArray[np.intp]

    @property
    def n_demands(self) -> int:
        """The number of demands."""
        return len(self.start) - 1

    @property
    def n_edges(self) -> int:
        """The number of pairs (demand, facility in its ball)."""
        return len(self.facilities)


@_jit
def _distance(points: NDArray[np.float64], i: int, j: int) -> float:
    total = 0.0
    for a in range(points.shape[1]):
        step = points[i, a] - points[j, a]
        total += step * step
    return np.sqrt(total)


@_jit
def _count(
    points: NDArray[np.float64],
    places: NDArray[np.int64],
    radii: NDArray[np.float64],
    order: NDArray[np.int64],
    line: NDArray[np.float64],
    axis: int,
    sizes: NDArray[np.int64],
) -> None:
    for v in range(len(places)):
        i = places[v]
        reach = radii[v] * (1.0 + ROUNDING)
        low = np.searchsorted(line, points[i, axis] - reach, side="left")
        high = np.searchsorted(line, points[i, axis] + reach, side="right")
        count = 0
        for p in range(low, high):
            if _distance(points, i, order[p]) <= reach:
                count += 1
        sizes[v] = count


@_jit
def _fill(
    points: NDArray[np.float64],
    places: NDArray[np.int64],
    radii: NDArray[np.float64],
    order: NDArray[np.int64],
    line: NDArray[np.float64],
    axis: int,
    start: NDArray[np.int64],
    facilities: NDArray[np.int32],
    distances: NDArray[np.float64],
) -> None:
    for v in range(len(places)):
        i = places[v]
        reach = radii[v] * (1.0 + ROUNDING)
        low = np.searchsorted(line, points[i, axis] - reach, side="left")
        high = np.searchsorted(line, points[i, axis] + reach, side="right")
        found = np.empty(start[v + 1] - start[v], np.int64)
        count = 0
        for p in range(low, high):
            if _distance(points, i, order[p]) <= reach:
                found[count] = order[p]
                count += 1
        found.sort()
        away = np.empty(count)
        for e in range(count):
            away[e] = _distance(points, i, found[e])
        by_distance = np.argsort(away, kind="mergesort")  # stable: ties keep ascending numbers
        for e in range(count):
            facilities[start[v] + e] = found[by_distance[e]]
            distances[start[v] + e] = away[by_distance[e]]


@_jit
def _nearest(
    points: NDArray[np.float64], size: int, facilities: NDArray[np.int32], distances: NDArray[np.float64]
) -> None:
    n = len(points)
    away = np.empty(n)
    for v in range(n):
        for j in range(n):
            away[j] = _distance(points, v, j)
        by_distance = np.argsort(away, kind="mergesort")
        for e in range(size):
            facilities[v * size + e] = by_distance[e]
            distances[v * size + e] = away[by_distance[e]]


def _check_span(points: NDArray[np.float64]) -> None:
    with np.errstate(over="ignore"):
        if not np.isfinite(np.square(np.ptp(points, axis=0)).sum()):
            raise ValueError("squared distances between rows of X overflow; rescale X")


def balls_within(X: Any, radii: Any) -> Balls:
    r"""Closed balls :math:`B(v) = \{u : d(u, v) \le r(v)\}` with every tie in, coinciding points merged.

    Parameters
    ----------
    X : array of shape (n, d)
        Points.
    radii : array of n numbers >= 0
        r(v), in the units of X.

    Returns
    -------
    Balls

    Raises
    ------
    ValueError
        If an entry is NaN, infinite or a negative radius, or the shapes do not fit.

    Notes
    -----
    O(n^2 d) time at worst, scanning only the points whose widest coordinate is within the radius; O(n_edges) memory,
    never an n by n matrix. A distance counts as within the radius up to a relative error of 1e-12.

    Examples
    --------
    >>> balls_within([[0.0], [0.0], [5.0]], [5.0, 0.0, 1.0]).n_demands  # one place, two radii: two demands
    3
    """
    points = check_points(X)
    bound = np.asarray(radii, dtype=np.float64)
    if bound.shape != (len(points),):
        raise ValueError(f"radii has shape {bound.shape} but X has {len(points)} rows; give one radius per row")
    bad = np.flatnonzero(~(np.isfinite(bound) & (bound >= 0)))
    if len(bad):
        raise ValueError(f"radii must be finite and not negative; row {bad[0]} has {bound[bad[0]]}")
    _check_span(points)
    spots, row_of_facility, facility_of_row = np.unique(points, axis=0, return_index=True, return_inverse=True)
    facility_of_row = facility_of_row.reshape(-1).astype(np.intp)
    pairs, row_of_demand, demand_of_row = np.unique(
        np.column_stack([facility_of_row.astype(np.float64), bound]), axis=0, return_index=True, return_inverse=True
    )
    spots = np.ascontiguousarray(spots)
    places = pairs[:, 0].astype(np.int64)
    reach = np.ascontiguousarray(pairs[:, 1])
    axis = int(np.argmax(np.ptp(spots, axis=0)))
    order = np.argsort(spots[:, axis], kind="stable").astype(np.int64)
    line = np.ascontiguousarray(spots[order, axis])
    start = np.zeros(len(places) + 1, dtype=np.int64)
    _count(spots, places, reach, order, line, axis, start[1:])
    np.cumsum(start, out=start)
    facilities = np.empty(start[-1], dtype=np.int32)
    distances = np.empty(start[-1])
    _fill(spots, places, reach, order, line, axis, start, facilities, distances)
    return Balls(
        start,
        facilities,
        distances,
        len(spots),
        facility_of_row,
        demand_of_row.reshape(-1).astype(np.intp),
        row_of_facility.astype(np.intp),
        row_of_demand.astype(np.intp),
    )


def nearest_balls(X: Any, n_neighbors: int) -> Balls:
    r"""Balls of exactly so many points, the nearest by (distance, row): the neighbourhoods of the authors' main run.

    Rows are not merged.

    Parameters
    ----------
    X : array of shape (n, d)
        Points.
    n_neighbors : int in 1..n
        Points per ball, the point itself counted; the authors take :math:`\lfloor n/k \rfloor + 1`.

    Returns
    -------
    Balls

    Raises
    ------
    TypeError, ValueError
        If n_neighbors is not an integer in 1..n, or X is not finite.

    Notes
    -----
    O(n^2 (d + log n)) time, O(n n_neighbors) memory. Cutting a tie makes the result depend on the order of the rows,
    and a point with many duplicates may not be in its own ball; :func:`balls_within` has neither flaw.

    References
    ----------
    .. [1] Chakrabarty and Negahbani, *Better algorithms for individually fair k-clustering*, NeurIPS 2021 (their code).

    Examples
    --------
    >>> nearest_balls([[0.0], [1.0], [1.0], [1.0]], 2).facilities.reshape(4, 2).tolist()
    [[0, 1], [1, 2], [1, 2], [1, 2]]
    """
    points = check_points(X)
    _check_span(points)
    n = len(points)
    size = int(check_number(n_neighbors, "n_neighbors", low=1, high=n, integer=True))
    facilities = np.empty(n * size, dtype=np.int32)
    distances = np.empty(n * size)
    _nearest(points, size, facilities, distances)
    rows = np.arange(n)
    return Balls(np.arange(n + 1, dtype=np.int64) * size, facilities, distances, n, rows, rows, rows, rows)
