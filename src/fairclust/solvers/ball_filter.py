r"""Ball filters: centers chosen so that every point has one within a multiple of its radius.

The greedy filter behind every algorithm of the third paper (Jung-Kannan-Lutz, Fair-Round, its sparse variant, and the
anchors of Mahabadi and Vakilian). Take the points by increasing radius; the first one left becomes a center and removes
every point that it serves, :math:`d(u, v) \le t R_v`; go on with the rest.

Two facts make it useful. A removed point has a center within :math:`t R_v`, by construction. And for
:math:`t \ge 2` the balls :math:`B(u, R_u)` of the centers are pairwise disjoint: a center u that came after c has
:math:`d(c, u) > 2 R_u \ge R_c + R_u`. So if each ball holds at least n/k points there are at most k centers, and if
there are more than k, no k points of space can serve everyone within the radius itself.

What is *not* true: the number of centers need not fall when the dilation t grows, because a different set of early
centers changes all that follows. Searches over t find a switching point, not necessarily the smallest t that will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from fairclust._validation import check_n_clusters, check_number, check_points, check_radii
from fairclust.distances import check_scale, squared_distance
from fairclust.solvers.infeasible_radii import disjoint_error

__all__ = ["TOLERANCE", "BallFilter", "ball_filter", "check_satisfiable"]

#: Relative tolerance of statements about distances that hold in exact arithmetic; rounding is a million times smaller.
TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class BallFilter:
    r"""What a filter chose, and for whom.

    Attributes
    ----------
    center_indices : ndarray of intp, shape (s,)
        Rows that became centers, in the order in which they did (radii never decrease along it).
    labels : ndarray of intp, shape (n,)
        For each row the position in ``center_indices`` of the center that removed it (its representative, not
        necessarily its nearest center); a center's own is itself. -1 for rows not reached, if ``complete`` is False.
    complete : bool
        False if the filter stopped early because more than ``max_centers`` centers were needed.
    """

    center_indices: NDArray[np.intp]
    labels: NDArray[np.intp]
    complete: bool

    def __len__(self) -> int:
        """The number of centers, s."""
        return len(self.center_indices)


@numba.njit(cache=True, nogil=True)
def _filter(
    X: NDArray, radii: NDArray, order: NDArray, dilation: float, most: int, chosen: NDArray, labels: NDArray
) -> int:
    opened = 0
    # The centers lie side by side, so that looking at all of them reads memory in order.
    places = np.empty((min(most + 1, 64), X.shape[1]))
    for v in order:
        reach = dilation * radii[v]
        # Beyond this even after rounding; in between the root decides, as it does in every other distance.
        certain = reach * reach * (1.0 + 1e-12)
        label = -1
        for i in range(opened):
            s = squared_distance(X, v, places, i)
            if s <= certain and np.sqrt(s) <= reach:
                label = i
                break
        if label < 0:
            if opened == len(places) and opened <= most:
                grown = np.empty((2 * opened, X.shape[1]))
                grown[:opened] = places
                places = grown
            label = opened
            chosen[opened] = v
            places[opened] = X[v]
            opened += 1
        labels[v] = label
        if opened > most:
            break
    return opened


def ball_filter(X: Any, radii: Any, dilation: float, *, max_centers: int | None = None) -> BallFilter:
    r"""Filter(R, t): centers such that every point v has one within :math:`t R_v`.

    Points are visited by increasing :math:`(R_v, v)`. A point v is represented by the earliest center u with

    .. math:: d(u, v) \le t R_v

    and becomes a center itself if there is none (the same outcome as letting each new center remove the points that it
    serves).

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Points.
    radii : array of n numbers
        :math:`R_v \ge 0` in the units of X.
    dilation : float
        :math:`t \ge 0`. With 0, or for a point of radius 0, only coinciding points are served.
    max_centers : int, optional
        Stop as soon as this many centers do not suffice; the result then has one center more and is not complete.

    Returns
    -------
    BallFilter
        Centers, representatives, and whether all rows were reached.

    Raises
    ------
    ValueError
        If an entry of X is NaN or infinite, a radius or the dilation is negative, or the lengths differ.

    See Also
    --------
    check_satisfiable : Whether k centers can keep all radii, as far as the filter can tell.

    Notes
    -----
    O(n log n + n s d) time for s centers, less because most points meet their representative early; O(n + s d) memory.
    Deterministic, ties in the radius going to the lower row.

    References
    ----------
    .. [1] Jung, Kannan and Lutz, *Service in your neighborhood: fairness in center location*, FORC 2020.
    .. [2] Chakrabarty and Negahbani, *Better algorithms for individually fair k-clustering*, NeurIPS 2021, Algorithm 1.

    Examples
    --------
    >>> found = ball_filter([[0.0], [1.0], [3.0], [7.0]], [3.0, 2.0, 3.0, 6.0], 1.0)
    >>> found.center_indices.tolist(), found.labels.tolist()
    ([1], [0, 0, 0, 0])
    >>> ball_filter([[0.0], [1.0], [3.0], [7.0]], [1.0, 1.0, 2.0, 4.0], 1.0).center_indices.tolist()
    [0, 2]
    """
    points = check_points(X)
    n = len(points)
    bounds = check_radii(radii, n)
    t = check_number(dilation, "dilation", low=0.0)
    most = n if max_centers is None else check_number(max_centers, "max_centers", low=1, integer=True)
    check_scale(points)
    # Adding zero turns -0.0 into 0.0, and a stable sort orders equal radii by row.
    order = np.argsort(bounds + 0.0, kind="stable")
    chosen = np.empty(n, dtype=np.intp)
    labels = np.full(n, -1, dtype=np.intp)
    opened = _filter(points, bounds, order, t, min(most, n), chosen, labels)
    return BallFilter(chosen[:opened].copy(), labels, opened <= most)


def check_satisfiable(X: Any, radii: Any, n_clusters: int) -> None:
    r"""Raise if k centers provably cannot serve every point v within :math:`R_v`, naming the points in conflict.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Points.
    radii : array of n numbers
        :math:`R_v \ge 0` in the units of X.
    n_clusters : int in 1..n
        k.

    Raises
    ------
    InfeasibleRadiiError
        If there are more than k rows whose balls :math:`B(v, R_v)` are pairwise disjoint: each needs a center of its
        own, wherever in space centers may lie. The exception lists them.
    ValueError
        If an argument is not valid.

    Notes
    -----
    The rows are the centers of Filter(R, 2). If there are at most k, they serve everyone within
    :math:`2 R_v`; whether some k centers serve everyone within :math:`R_v` is NP-hard to say. Distances are compared
    with a relative tolerance of 1e-9, so that balls that touch are never called disjoint because of rounding.
    O(nkd) time if the radii pass.

    Examples
    --------
    >>> check_satisfiable([[0.0], [5.0], [9.0]], [1.0, 1.0, 1.0], 2)
    Traceback (most recent call last):
        ...
    fairclust.solvers.infeasible_radii.InfeasibleRadiiError: no 2 centers can satisfy the radii: the balls of rows 0, 1,
    2 are disjoint; enlarge their radii or raise n_clusters to at least 3
    """
    points = check_points(X)
    bounds = check_radii(radii, len(points))
    k = check_n_clusters(n_clusters, len(points))
    dilation = 2.0 * (1.0 + TOLERANCE)
    if ball_filter(points, bounds, dilation, max_centers=k).complete:
        return
    raise disjoint_error(ball_filter(points, bounds, dilation).center_indices, k)
