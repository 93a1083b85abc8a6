r"""Fair-Round: k centers from a fractional solution of the fair-radii LP.

A row v that pays little in the LP deserves a near center, and no row may be sent farther than its radius allows. So the
filter runs on

.. math:: R_v = \min\bigl\{ r(v),\; (\rho\, C_v)^{1/p} \bigr\}, \qquad \rho = 2,

and leaves rows F whose balls :math:`B(u, R_u)` are disjoint, each holding at least half a center (Markov). If they are
at most k they open; the authors' code then looks for the smallest :math:`\rho` with which they still are, which the
paper's text does not mention and the paper's data always allow. Else :mod:`~fairclust.radii.rounding` brings them to k.
:mod:`~fairclust.radii.guarantees` says what each way promises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fairclust._validation import check_n_clusters, check_points, check_power, check_weights
from fairclust.distances import nearest_centers
from fairclust.radii.guarantees import Guarantees, check_guarantees
from fairclust.radii.lp import FairRadiiLP
from fairclust.radii.rounding import HalfIntegral, round_half_integral
from fairclust.solvers.ball_filter import BallFilter, ball_filter

__all__ = ["RHO", "FairRounding", "fair_round", "filter_radii", "first_rows", "smallest_rho"]

#: The paper's rho: with it a ball of radius R holds at least half of what serves its center.
RHO = 2.0
#: The filter's dilation: with it the balls of radius R around its centers are disjoint.
DILATION = 2.0
#: How closely the authors' code searches rho.
RHO_TOLERANCE = 1e-6

Branch = Literal["shortcut", "filter", "half-integral"]
Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class FairRounding:
    r"""What Fair-Round opened, and how it came about.

    Attributes
    ----------
    center_indices : ndarray of intp, shape (s,)
        Rows of X, ascending; at most k, and of rows that coincide the first.
    branch : {"shortcut", "filter", "half-integral"}
        "shortcut": the filter left at most k rows, and the smallest rho with which it does was searched. "filter": the
        same without the search. "half-integral": the filter left more than k rows, and they were rounded.
    rho : float
        :math:`\rho` of the filter whose rows were opened or rounded.
    reach : ndarray of float64, shape (n,)
        :math:`R_v`.
    filtered : ndarray of intp, shape (f,)
        The rows F that the filter left, ascending. ``center_indices`` are among these places.
    representatives : ndarray of intp, shape (n,)
        For each row the row of F that removed it, at most :math:`2 R_v` away.
    steps : HalfIntegral or None
        The rounding, by position in ``filtered``; None where no rounding was needed.
    guarantees : Guarantees
        Measured factors and proved bounds; checked.
    """

    center_indices: Indices
    branch: Branch
    rho: float
    reach: Floats
    filtered: Indices
    representatives: Indices
    steps: HalfIntegral | None
    guarantees: Guarantees


def fair_round(
    X: Any,
    n_clusters: int,
    lp: FairRadiiLP,
    *,
    power: float = 2,
    weights: Any = None,
    shortcut: bool = True,
) -> FairRounding:
    r"""Round a fractional solution of the fair-radii LP to at most k rows.

    .. math::

        d(v, S) \le 8\, r(v) \;\; \forall v, \qquad
        \sum_v w_v\, d(v, S)^p \le 2^{2p+1} \cdot \mathrm{LP}

    and, where the filter alone leaves at most k rows, :math:`2\, r(v)` and :math:`2^p \rho \cdot \mathrm{LP}`.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        The points that `lp` was solved for.
    n_clusters : int in 1..n
        k, as in `lp`.
    lp : FairRadiiLP
        From :func:`fairclust.radii.fair_radii_lp`; solved once, it can be rounded in several ways.
    power : float >= 1, default=2
        p, as in `lp`.
    weights : array of n numbers >= 0, optional
        :math:`w_v`, as in `lp`.
    shortcut : bool, default=True
        If the filter leaves at most k rows, search rho in (0, 2] to 1e-6 and open what the smallest one leaves, as the
        authors' code does.

    Returns
    -------
    FairRounding

    Raises
    ------
    ValueError
        If `lp` was solved for other points, k or p, or for weights of another total cost, or an argument is out of
        range.
    TypeError
        If `lp` is no :class:`FairRadiiLP`.
    RuntimeError
        If a guarantee fails, which a correct `lp` rules out.

    Notes
    -----
    O(n log n + n k d) time, times 21 for the shortcut; O(n + m) memory. The number of rows that the filter leaves need
    not fall as rho grows, so the search finds a rho at which it switches, not always the smallest (as in the authors'
    code).

    References
    ----------
    .. [1] Chakrabarty and Negahbani, *Better algorithms for individually fair k-clustering*, NeurIPS 2021, Fair-Round.

    Examples
    --------
    >>> from fairclust.radii import fair_radii_lp
    >>> X = [[0.0], [1.0], [2.0], [8.0], [9.0], [10.0]]
    >>> found = fair_round(X, 2, fair_radii_lp(X, 2))
    >>> found.center_indices.tolist(), found.branch, found.guarantees.violation
    ([1, 4], 'shortcut', 0.16666666666666666)
    """
    points = check_points(X)
    k = check_n_clusters(n_clusters, len(points))
    p = check_power(power)
    row_weights = check_weights(weights, len(points))
    if not isinstance(lp, FairRadiiLP):
        raise TypeError(f"lp must be what fair_radii_lp returns, got {type(lp).__name__}")
    for name, mine, its in (("n_clusters", k, lp.n_clusters), ("power", p, lp.power)):
        if mine != its:
            raise ValueError(f"lp was solved for {name}={its:g}, but {name} is {mine:g}; give the same to both")
    if len(lp.point_of_row) != len(points) or not np.array_equal(lp.points[lp.point_of_row], points):
        raise ValueError("lp was solved for other points than X; give the X that went into fair_radii_lp")
    if not np.isclose(row_weights @ lp.cost_shares, lp.value, rtol=1e-6, atol=0.0):
        raise ValueError("lp was solved with other weights; give those that went into fair_radii_lp")
    found = filter_or_none(points, k, lp.radii, lp.cost_shares, power=p, weights=row_weights, shortcut=shortcut)
    if found is not None:
        return found
    return round_openings(points, k, lp.points, lp.openings, lp.radii, lp.cost_shares, power=p, weights=row_weights)


def filter_radii(radii: Floats, shares: Floats, rho: float, power: float) -> Floats:
    r""":math:`R_v = \min\{r(v), (\rho C_v)^{1/p}\}` of each row, shape (n,), in the units of X.

    Examples
    --------
    >>> filter_radii(np.array([3.0, 3.0]), np.array([2.0, 50.0]), 2.0, 2.0).tolist()
    [2.0, 3.0]
    """
    return np.minimum(radii, (rho * shares) ** (1.0 / power))


def smallest_rho(
    X: Floats, radii: Floats, shares: Floats, n_clusters: int, *, power: float, tol: float = RHO_TOLERANCE
) -> tuple[float, BallFilter] | None:
    """A rho in (0, 2], to within ``tol``, at which the filter leaves at most k rows, and the filter there.

    None if it leaves more at rho = 2. A bisection: just below the rho found the filter leaves more than k rows, unless
    the rho found is below ``tol``.
    """
    low, high = 0.0, RHO
    best = ball_filter(X, filter_radii(radii, shares, high, power), DILATION, max_centers=n_clusters)
    if not best.complete:
        return None
    while high - low > tol:
        middle = (low + high) / 2.0
        found = ball_filter(X, filter_radii(radii, shares, middle, power), DILATION, max_centers=n_clusters)
        if found.complete:
            high, best = middle, found
        else:
            low = middle
    return high, best


def first_rows(X: Floats, rows: Indices) -> Indices:
    """For each of the given rows the first row of X at the same place, so that ties of radii decide nothing."""
    places, first, place_of_row = np.unique(X, axis=0, return_index=True, return_inverse=True)
    del places
    return first[place_of_row.reshape(-1)[rows]].astype(np.intp)


def filter_or_none(
    X: Floats, k: int, radii: Floats, shares: Floats, *, power: float, weights: Floats, shortcut: bool
) -> FairRounding | None:
    """The rows that the filter leaves, if they are at most k; else None."""
    if shortcut:
        searched = smallest_rho(X, radii, shares, k, power=power)
        if searched is None:
            return None
        rho, found = searched
    else:
        rho = RHO
        found = ball_filter(X, filter_radii(radii, shares, rho, power), DILATION, max_centers=k)
        if not found.complete:
            return None
    filtered, representatives = _members(X, found)
    guarantees = check_guarantees(
        nearest_centers(X, X[filtered])[1],
        radii,
        shares,
        weights=weights,
        power=power,
        violation_bound=DILATION,
        cost_bound=DILATION**power * rho,
        mass_tolerance=0.0,
    )
    branch: Branch = "shortcut" if shortcut else "filter"
    reach = filter_radii(radii, shares, rho, power)
    return FairRounding(filtered, branch, rho, reach, filtered, representatives, None, guarantees)


def round_openings(
    X: Floats,
    k: int,
    places: Floats,
    openings: Floats,
    radii: Floats,
    shares: Floats,
    *,
    power: float,
    weights: Floats,
) -> FairRounding:
    r"""Filter at rho = 2 and round what is left to k centers.

    Needs openings of places that serve every row of X within its radius at cost ``shares``; else a RuntimeError says
    that a proved bound does not hold. With at most k rows left, these open (branch "filter").
    """
    reach = filter_radii(radii, shares, RHO, power)
    found = ball_filter(X, reach, DILATION)
    if len(found) <= k:
        whole = filter_or_none(X, k, radii, shares, power=power, weights=weights, shortcut=False)
        assert whole is not None
        return whole
    filtered, representatives = _members(X, found)
    # Ascending rows: a place as near to two members goes to the lower row.
    cells, _ = nearest_centers(places, X[filtered])
    position = np.searchsorted(filtered, representatives)
    mass = np.bincount(position, weights=weights, minlength=len(filtered)).astype(np.float64)
    steps = round_half_integral(openings, cells, X[filtered], mass, k, power=power)
    centers = filtered[steps.opened]
    guarantees = check_guarantees(
        nearest_centers(X, X[centers])[1],
        radii,
        shares,
        weights=weights,
        power=power,
        violation_bound=8.0,
        cost_bound=2.0 ** (2.0 * power + 1.0),
    )
    return FairRounding(centers, "half-integral", RHO, reach, filtered, representatives, steps, guarantees)


def _members(X: Floats, found: BallFilter) -> tuple[Indices, Indices]:
    """The filter's rows, ascending, each the first row at its place; and for each row of X its representative."""
    rows = first_rows(X, found.center_indices)
    return np.sort(rows), rows[found.labels]
