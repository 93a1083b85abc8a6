r"""Half-integral rounding: from fractional openings to k centers among the points that a filter left.

The filter of Fair-Round leaves rows F, each at least half open within a ball of its own. If there are more than k of
them some have to close, and the three steps here say which. Write :math:`s(u)` for the member of F nearest to u, and

.. math:: D_u = W_u\, d(u, s(u))^p

for what closing u costs if those whom it represents, of total weight :math:`W_u`, go to :math:`s(u)` instead.

1. :func:`smudge_to_nearest`: every opening moves to its nearest member of F.
2. :func:`smudge_to_halves`: openings move from cheap to dear members until each is 1/2 or 1. :math:`\sum_u D_u (1 -
   y_u)` does not grow, because it is linear in y.
3. :func:`two_coloring`: the members at 1/2 are colored so that u and :math:`s(u)` never share a color. One color and
   the members at 1 are opened: at most k, and a closed u always finds :math:`s(u)` open.

A member that holds a whole opening after step 1 stays open for good. That is what fairness rests on: if u may close,
some opening within reach of u belongs to another member, which is therefore near.

All three are pure functions of small arrays, indexed by the position in F. Ties go to the lower index.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairclust.distances import cost_matrix

__all__ = [
    "MASS_TOLERANCE",
    "HalfIntegral",
    "nearest_other",
    "round_half_integral",
    "smudge_to_halves",
    "smudge_to_nearest",
    "two_coloring",
]

#: Openings of an LP solved numerically are known to about 1e-8; what is this close to 1/2 or 1 counts as that.
MASS_TOLERANCE = 1e-6

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class HalfIntegral:
    r"""The three steps of a rounding, by position in F (for pictures, and for those who want to check).

    Attributes
    ----------
    smudged : ndarray of float64, shape (s,)
        y after the first step, in [1/2, 1]; adds up to k.
    halves : ndarray of float64, shape (s,)
        y after the second step, 1/2 or 1; adds up to k.
    partner : ndarray of intp, shape (s,)
        :math:`s(u)`.
    redirect_costs : ndarray of float64, shape (s,)
        :math:`D_u`.
    colors : ndarray of int8, shape (s,)
        0 where y is 1, else 1 or -1.
    opened : ndarray of bool, shape (s,)
        The members that became centers, at most k.
    """

    smudged: Floats
    halves: Floats
    partner: Indices
    redirect_costs: Floats
    colors: NDArray[np.int8]
    opened: NDArray[np.bool_]


def nearest_other(points: Floats) -> tuple[Indices, Floats]:
    r"""Each row's nearest other row, :math:`s(u) = \arg\min_{w \ne u} d(u, w)`, and the distance to it.

    Parameters
    ----------
    points : ndarray of float64, shape (s, d)
        At least two rows.

    Returns
    -------
    partner : ndarray of intp, shape (s,)
        Of several at the same distance the lowest. With that rule the graph of all pairs u - s(u) is a forest: along a
        cycle distances could not rise, so all would be equal, and then the rule allows no cycle but a mutual pair.
    distances : ndarray of float64, shape (s,)

    Raises
    ------
    ValueError
        If there are fewer than two rows.

    Notes
    -----
    O(s^2 d) time and O(s^2) memory; s is at most 2k.

    Examples
    --------
    >>> partner, distances = nearest_other(np.array([[0.0], [2.0], [3.0]]))
    >>> partner.tolist(), distances.tolist()
    ([1, 2, 1], [2.0, 1.0, 1.0])
    """
    if len(points) < 2:
        raise ValueError(f"a row's nearest other row needs at least two rows, got {len(points)}")
    away = cost_matrix(points, points, power=1)
    np.fill_diagonal(away, np.inf)
    partner = np.argmin(away, axis=1)
    return partner, away[np.arange(len(points)), partner]


def smudge_to_nearest(openings: Floats, cells: Indices, n_members: int, n_clusters: int) -> Floats:
    r"""Move every opening to its nearest member of F, cap at 1, and hand the excess to the others in order.

    .. math:: y'_u = \min\Bigl(1, \sum_{w \,:\, u \text{ nearest to } w} y_w\Bigr) + \text{excess}

    Parameters
    ----------
    openings : ndarray of float64, shape (m,)
        y of the LP; adds up to at most k.
    cells : ndarray of intp, shape (m,)
        For each place of an opening the position in F of its nearest member.
    n_members : int
        The size of F, more than k.
    n_clusters : int
        k.

    Returns
    -------
    ndarray of float64, shape (s,)
        In [1/2, 1], adding up to k. Entries within 1e-6 of 1 are 1.

    Raises
    ------
    RuntimeError
        If a member ends below 1/2, or there are at most k of them: then F was not made by the filter of these openings.

    Examples
    --------
    Four members share three centers. The first would hold 1.2 and passes 0.2 on.

    >>> openings, cells = np.array([0.7, 0.5, 0.6, 0.6, 0.6]), np.array([0, 0, 1, 2, 3])
    >>> smudge_to_nearest(openings, cells, 4, 3).round(6).tolist()
    [1.0, 0.8, 0.6, 0.6]
    """
    if n_members <= n_clusters:
        raise RuntimeError(f"{n_members} members need no rounding to {n_clusters} centers: all of them can open")
    held = np.bincount(cells, weights=openings, minlength=n_members)
    smudged = np.minimum(held, 1.0)
    least = int(np.argmin(smudged))
    if smudged[least] < 0.5 - MASS_TOLERANCE:
        raise RuntimeError(
            f"member {least} of the filter holds {smudged[least]:.6g} of a center, less than 1/2: the filter and the "
            "openings do not fit"
        )
    smudged = np.where(smudged > 1.0 - MASS_TOLERANCE, 1.0, np.maximum(smudged, 0.5))
    excess = n_clusters - float(smudged.sum())
    for u in range(n_members):
        if excess <= 0.0:
            break
        given = min(1.0 - smudged[u], excess)
        smudged[u] += given
        excess -= given
    return np.where(smudged > 1.0 - MASS_TOLERANCE, 1.0, smudged)


def smudge_to_halves(smudged: Floats, redirect_costs: Floats, n_clusters: int) -> Floats:
    r"""Move openings from cheap members to dear ones until each is 1/2 or 1.

    .. math:: \min \sum_u D_u (1 - y_u), \qquad \sum_u y_u = k, \quad \tfrac12 \le y_u \le 1

    with the members that already are at 1 kept there. f others share :math:`k' = k` less the members at 1; the dearest
    :math:`2k' - f` of them get 1, the rest 1/2.

    Parameters
    ----------
    smudged : ndarray of float64, shape (s,)
        y in [1/2, 1], adding up to k.
    redirect_costs : ndarray of float64, shape (s,)
        :math:`D_u \ge 0`; of equals the lower index counts as dearer.
    n_clusters : int
        k.

    Returns
    -------
    ndarray of float64, shape (s,)
        1/2 or 1, adding up to exactly k.

    Raises
    ------
    RuntimeError
        If no such y exists, because the entries do not add up to k.

    Examples
    --------
    >>> smudge_to_halves(np.array([0.7, 0.6, 0.5, 0.7, 0.5]), np.array([1.0, 3.0, 9.0, 2.0, 3.0]), 3).tolist()
    [0.5, 0.5, 1.0, 0.5, 0.5]
    """
    part = np.flatnonzero(smudged < 1.0)
    n_dear = 2 * (n_clusters - (len(smudged) - len(part))) - len(part)
    if not 0 <= n_dear <= len(part):
        raise RuntimeError(f"openings that add up to {smudged.sum():.6g} cannot become halves of {n_clusters} centers")
    halves = np.ones(len(smudged))
    halves[part] = 0.5
    halves[part[np.argsort(-redirect_costs[part], kind="stable")[:n_dear]]] = 1.0
    return halves


def two_coloring(halves: Floats, partner: Indices) -> NDArray[np.int8]:
    r"""Color the members at 1/2 so that u and s(u), where both are at 1/2, differ.

    Depth first along the graph of pairs u - s(u), from the lowest index not yet seen; the first roots of the trees
    alternate between the two colors.

    Parameters
    ----------
    halves : ndarray of float64, shape (s,)
        1/2 or 1.
    partner : ndarray of intp, shape (s,)
        s(u).

    Returns
    -------
    ndarray of int8, shape (s,)
        1 or -1 for members at 1/2, 0 for the others.

    Raises
    ------
    RuntimeError
        If the graph has an odd cycle. It has none where s(u) is the nearest other member by (distance, index).

    Notes
    -----
    O(s) time and memory.

    Examples
    --------
    The path 0 - 1 - 2 and the pair 4 - 5; 3 is at 1.

    >>> two_coloring(np.array([0.5, 0.5, 0.5, 1.0, 0.5, 0.5]), np.array([1, 2, 1, 2, 5, 4])).tolist()
    [1, -1, 1, 0, -1, 1]
    """
    half = halves < 1.0
    neighbors: list[list[int]] = [[] for _ in range(len(halves))]
    for u in np.flatnonzero(half).tolist():
        near = int(partner[u])
        if half[near]:
            neighbors[u].append(near)
            neighbors[near].append(u)
    colors = np.zeros(len(halves), dtype=np.int8)
    color = 1
    for root in np.flatnonzero(half):
        if colors[root]:
            continue
        colors[root] = color
        color = -color
        stack = [int(root)]
        while stack:
            u = stack.pop()
            for other in neighbors[u]:
                if not colors[other]:
                    colors[other] = -colors[u]
                    stack.append(other)
                elif colors[other] == colors[u]:
                    raise RuntimeError(f"members {u} and {other} are in an odd cycle of partners: no two-coloring")
    return colors


def round_half_integral(
    openings: Floats, cells: Indices, members: Floats, weights: Floats, n_clusters: int, *, power: float
) -> HalfIntegral:
    r"""All three steps: which members of F open, at most k of them, for every closed u its s(u) among them.

    .. math:: \sum_{u \text{ closed}} W_u\, d(u, s(u))^p \;\le\; 2 \sum_u W_u\, d(u, s(u))^p\, (1 - y'_u)

    with :math:`y'` the openings after the first step.

    Parameters
    ----------
    openings : ndarray of float64, shape (m,)
        y of the LP; adds up to at most k.
    cells : ndarray of intp, shape (m,)
        For each opening the position of its nearest member.
    members : ndarray of float64, shape (s, d)
        The points F, more than k, all different.
    weights : ndarray of float64, shape (s,)
        :math:`W_u`, the weight of the points that u represents.
    n_clusters : int
        k.
    power : float >= 1
        p.

    Returns
    -------
    HalfIntegral
        Of the two colors the rarer one opens; if both are as frequent, the one whose closing would cost more; then
        that of the lowest index.

    Raises
    ------
    RuntimeError
        If F does not fit the openings, see :func:`smudge_to_nearest`.

    Notes
    -----
    O(m + s^2 d) time; s is at most 2k.

    References
    ----------
    .. [1] Chakrabarty and Negahbani, *Better algorithms for individually fair k-clustering*, NeurIPS 2021.
    .. [2] Charikar, Guha, Tardos and Shmoys, *A constant-factor approximation algorithm for the k-median problem*,
       JCSS 65, 2002, whose rounding it modifies.

    Examples
    --------
    Two pairs share three centers. The pair that is farther apart keeps both.

    >>> F = np.array([[0.0], [2.0], [10.0], [13.0]])
    >>> found = round_half_integral(np.full(4, 0.75), np.arange(4), F, np.ones(4), 3, power=2)
    >>> found.smudged.tolist(), found.halves.tolist(), found.opened.tolist()
    ([0.75, 0.75, 0.75, 0.75], [0.5, 0.5, 1.0, 1.0], [True, False, True, True])
    """
    partner, away = nearest_other(members)
    redirect = weights * away**power
    smudged = smudge_to_nearest(openings, cells, len(members), n_clusters)
    halves = smudge_to_halves(smudged, redirect, n_clusters)
    colors = two_coloring(halves, partner)
    sides = [np.flatnonzero(colors == side) for side in (1, -1)]
    # Opening a side saves what closing it would cost.
    rank = [(len(side), -float(redirect[side].sum()), int(side.min(initial=len(colors)))) for side in sides]
    chosen = sides[0] if rank[0] <= rank[1] else sides[1]
    opened = colors == 0
    opened[chosen] = True
    return HalfIntegral(smudged, halves, partner, redirect, colors, opened)
