r"""Sparse-Fair-Round: the LP on few representatives, the rounding on all points.

The LP is what takes time. So a filter with small dilation :math:`\delta` picks representatives, every row v standing
within :math:`\delta\, r(v)` of its own, j(v), with :math:`r(j(v)) \le r(v)`; the LP is solved for them alone, each
weighing as much as the rows it stands for, its radius unchanged; and all rows are rounded with

.. math:: C_v = C_{j(v)} + d(v, j(v))^p .

Two things the sparse LP is not. It need not be feasible: with :math:`(1 + 2\delta)\, r` it always is for fair radii,
and these are taken where unchanged ones fail. And its value is neither a lower nor an upper bound on the LP of all
rows.

What is proved. Where the filter of the rounding leaves at most k rows, every v is within :math:`2 r(v)`, at a cost of
at most :math:`2^p \rho \sum_v w_v C_v`. Where it leaves more, the openings of the representatives are taken for what
they are: a solution for all rows with radii :math:`(s + \delta)\, r`, s being 1 or :math:`1 + 2\delta`, at a cost that
can be computed exactly. It is rounded like any other, to within :math:`8 (s + \delta)\, r(v)`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust._validation import check_n_clusters, check_number, check_points, check_power, check_radii, check_weights
from fairclust.distances import assigned_costs, cost_matrix
from fairclust.metrics.radius import fair_radii
from fairclust.radii.fair_round import FairRounding, filter_or_none, round_openings
from fairclust.radii.lp import FairRadiiLP, fair_radii_lp
from fairclust.radii.rounding import MASS_TOLERANCE
from fairclust.solvers.ball_filter import TOLERANCE, ball_filter
from fairclust.solvers.infeasible_radii import InfeasibleRadiiError, listed

__all__ = ["SparseFairRounding", "served_costs", "sparse_fair_round"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

#: Entries of a block of distances.
BLOCK = 1 << 22


@dataclass(frozen=True, eq=False)
class SparseFairRounding:
    r"""What Sparse-Fair-Round opened, and the LP behind it.

    Attributes
    ----------
    rounding : FairRounding
        Of all rows of X. Its guarantees are measured against r(v) and :math:`C_v`; after a "half-integral" rounding
        against r(v), with :math:`8 (s + \delta)` as the bound, and the exact cost of the openings.
    lp : FairRadiiLP
        Of the representatives.
    representatives : ndarray of intp, shape (m,)
        Rows of X that the LP was solved for; ``lp`` counts rows in this order.
    labels : ndarray of intp, shape (n,)
        For each row of X the position of its representative.
    radii_factor : float
        s: 1, or :math:`1 + 2\delta` where no solution keeps the unchanged radii.
    """

    rounding: FairRounding
    lp: FairRadiiLP
    representatives: Indices
    labels: Indices
    radii_factor: float


def sparse_fair_round(
    X: Any,
    n_clusters: int,
    sparsification: float,
    *,
    power: float = 2,
    radii: Any = None,
    weights: Any = None,
    shortcut: bool = True,
    **lp_options: Any,
) -> SparseFairRounding:
    r"""Fair-Round with the LP solved on Filter(r, delta) only.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Points.
    n_clusters : int in 1..n
        k.
    sparsification : float >= 0
        :math:`\delta`. The paper takes 0.3 for bank, 0.05 for census and 0.01 for diabetes. With 0 only rows that
        coincide are merged.
    power : float >= 1, default=2
        p.
    radii : array of n numbers >= 0, optional
        r(v) in the units of X; fair radii by default.
    weights : array of n numbers >= 0, optional
        :math:`w_v`; 1 by default.
    shortcut : bool, default=True
        As in :func:`fairclust.radii.fair_round`.
    **lp_options
        ``gap``, ``max_iterations``, ``method``, ``callback`` and ``verbose`` of :func:`fairclust.radii.fair_radii_lp`.

    Returns
    -------
    SparseFairRounding

    Raises
    ------
    InfeasibleRadiiError
        If the LP on the representatives is infeasible even with :math:`(1 + 2\delta) r`; for fair radii it never is.
        ``rows`` are rows of X.
    ValueError
        If an argument is out of range.

    Notes
    -----
    For m representatives the LP takes about :math:`m^3` instead of :math:`n^3`; the rest O(n (m + k) d) time and O(n)
    memory.

    References
    ----------
    .. [1] Chakrabarty and Negahbani, *Better algorithms for individually fair k-clustering*, NeurIPS 2021, Lemma 5 and
       appendix A.4.

    Examples
    --------
    >>> X = [[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]]
    >>> found = sparse_fair_round(X, 2, 0.5)
    >>> found.representatives.tolist(), found.rounding.center_indices.tolist()
    ([2, 3], [2, 3])
    """
    points = check_points(X)
    k = check_n_clusters(n_clusters, len(points))
    delta = float(check_number(sparsification, "sparsification", low=0.0))
    p = check_power(power)
    row_weights = check_weights(weights, len(points))
    bounds = fair_radii(points, k) if radii is None else check_radii(radii, len(points))
    chosen = ball_filter(points, bounds, delta)
    rows, labels = chosen.center_indices, chosen.labels
    mass = np.bincount(labels, weights=row_weights, minlength=len(rows)).astype(np.float64)
    lp, factor = _solve(points, k, rows, bounds, mass, delta, p, lp_options)
    shares = lp.cost_shares[labels] + assigned_costs(points, points[rows], labels, power=p)
    rounding = filter_or_none(points, k, bounds, shares, power=p, weights=row_weights, shortcut=shortcut)
    if rounding is None:
        rounding = _rounded(points, k, lp, bounds, factor + delta, power=p, weights=row_weights)
    return SparseFairRounding(rounding, lp, rows, labels, factor)


def _solve(
    X: Floats, k: int, rows: Indices, radii: Floats, mass: Floats, delta: float, p: float, options: dict[str, Any]
) -> tuple[FairRadiiLP, float]:
    """The LP on the representatives, and the factor of the radii with which it is feasible."""
    most = min(k, len(rows))
    last: InfeasibleRadiiError | None = None
    for factor in (1.0, 1.0 + 2.0 * delta):
        try:
            return fair_radii_lp(X[rows], most, power=p, radii=factor * radii[rows], weights=mass, **options), factor
        except InfeasibleRadiiError as error:
            last = error
    assert last is not None
    named = tuple(sorted(int(rows[row]) for row in last.rows))
    raise InfeasibleRadiiError(
        f"no {k} centers among the {len(rows)} representatives of sparsification={delta:g} can satisfy the radii, not "
        f"even {1.0 + 2.0 * delta:g} times as large; the points in conflict are rows {listed(named)}; lower "
        "sparsification, enlarge their radii or raise n_clusters",
        named,
        last.disjoint,
    )


def _rounded(
    X: Floats, k: int, lp: FairRadiiLP, radii: Floats, reach: float, *, power: float, weights: Floats
) -> FairRounding:
    """The half-integral rounding of the representatives' openings, as a solution for all rows."""
    wide = reach * radii * (1.0 + TOLERANCE)
    shares, worst = served_costs(X, lp.points, lp.openings, wide, power=power)
    if worst > MASS_TOLERANCE:
        raise RuntimeError(f"the openings of the representatives leave {worst:g} of a row unserved")
    found = round_openings(X, k, lp.points, lp.openings, wide, shares, power=power, weights=weights)
    kept = found.guarantees
    # Measured against r itself, not against the wider radii that were rounded for.
    kept = replace(kept, violation=kept.violation * reach, violation_bound=kept.violation_bound * reach)
    return replace(found, guarantees=kept)


def served_costs(X: Floats, places: Floats, openings: Floats, radii: Floats, *, power: float) -> tuple[Floats, float]:
    r"""What each row pays for its cheapest service by given openings within its radius, and the most left unserved.

    .. math:: C_v = \min \sum_u d(v, u)^p x_{vu}, \quad \sum_u x_{vu} = 1, \quad 0 \le x_{vu} \le y_u, \quad
        x_{vu} = 0 \text{ if } d(v, u) > r(v)

    Parameters
    ----------
    X : ndarray of float64, shape (n, d)
        Points.
    places : ndarray of float64, shape (m, d)
        Where y is.
    openings : ndarray of float64, shape (m,)
        y in [0, 1].
    radii : ndarray of float64, shape (n,)
        r(v).
    power : float >= 1
        p.

    Returns
    -------
    shares : ndarray of float64, shape (n,)
        :math:`C_v`; what is left unserved is charged at :math:`r(v)^p`.
    worst : float
        The largest mass left unserved.

    Notes
    -----
    O(n m (d + log m)) time for m places with y > 0, blocks of 32 MB.

    Examples
    --------
    >>> X, places = np.array([[0.0]]), np.array([[1.0], [3.0], [9.0]])
    >>> shares, worst = served_costs(X, places, np.array([0.5, 0.25, 1.0]), np.array([4.0]), power=1)
    >>> shares.tolist(), worst
    ([2.25], 0.25)
    """
    used = np.flatnonzero(openings > 0.0)
    shares, worst = np.empty(len(X)), 0.0
    for start in range(0, len(X), max(1, BLOCK // max(1, len(used)))):
        rows = slice(start, start + max(1, BLOCK // max(1, len(used))))
        away = cost_matrix(X[rows], places[used], power=1)
        order = np.argsort(away, axis=1, kind="stable")
        away = np.take_along_axis(away, order, axis=1)
        offered = np.where(away <= radii[rows, None], openings[used][order], 0.0)
        before = np.cumsum(offered, axis=1) - offered
        taken = np.clip(1.0 - before, 0.0, offered)
        rest = np.maximum(1.0 - taken.sum(axis=1), 0.0)
        with np.errstate(over="ignore"):
            shares[rows] = (taken * np.where(taken > 0.0, away, 0.0) ** power).sum(axis=1) + rest * radii[rows] ** power
        worst = max(worst, float(rest.max()))
    return shares, worst
