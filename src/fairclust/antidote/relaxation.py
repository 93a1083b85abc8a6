r"""The relaxed bi-level problem of Algorithm 1: the whole system for cvxpy, and what is left of it when it is solved.

With :math:`\eta = \gamma (\eta + \zeta)` in place of the proximal condition, :math:`\zeta = c \eta` for
:math:`c = (1 - \gamma) / \gamma`, so :math:`\theta = c L \mu` with the graph's Laplacian :math:`L = I I^\top`, and
:math:`(\mathrm{Id} + c L) \mu = U \cup V`: the centroids are a *linear* function of U and V, and :math:`\lambda` is
gone. On the complete graph of m points :math:`L = m \mathrm{Id} - 1 1^\top`, and

.. math:: \mu_j = s z_j + (1 - s) \bar z, \qquad s = \frac{\gamma}{\gamma + (1 - \gamma) m}.

So V acts through the mean of U and V alone, and

.. math::
    F = \max_h \frac{1}{|C^h|} \sum_{j \in C^h} \|x_j - \mu_j\|^2
    = (1 - s)^2 \max_h \bigl( \sigma_h^2 + \|\bar u_h - \bar z\|^2 \bigr),

the price of one socially fair center. Its minimiser :math:`\bar z^*` depends neither on :math:`\gamma` nor on
:math:`\lambda`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust._validation import check_number, check_points
from fairclust.distances import check_scale
from fairclust.groups import Groups, encode_groups
from fairclust.solvers.sum_of_norms_graph import PairGraph, complete_graph, incidence_matrix

__all__ = ["RelaxedAntidote", "own_social_cost", "smoothing", "solve_relaxed", "solve_relaxed_system"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RelaxedAntidote:
    r"""A solution of the relaxed problem.

    Attributes
    ----------
    antidote : ndarray of shape (n_antidote, d)
        V.
    centroids : ndarray of shape (n + n_antidote, d)
        :math:`\mu` of the relaxed system, rows of U first.
    multipliers : ndarray of shape (|O|, d)
        :math:`\zeta^\top`.
    fairness : float
        What the relaxation promises: the largest average squared distance of a group's points from their own centroids.
    gamma : float
    """

    antidote: Floats
    centroids: Floats
    multipliers: Floats
    fairness: float
    gamma: float


def smoothing(n_points: int, gamma: float) -> float:
    r"""How much of its place a point keeps in the relaxed system on the complete graph.

    .. math:: s = \frac{\gamma}{\gamma + (1 - \gamma) m}

    Parameters
    ----------
    n_points : int
        m, the points of U and V together.
    gamma : float in [0, 1]

    Returns
    -------
    float
        In [0, 1]: at 0 all centroids are the mean, at 1 each is its point.

    Raises
    ------
    ValueError
        For gamma outside [0, 1] or m < 1.

    Examples
    --------
    >>> smoothing(9, 0.0), smoothing(9, 0.5), smoothing(9, 1.0)
    (0.0, 0.1, 1.0)
    """
    m = check_number(n_points, "n_points", low=1, integer=True)
    g = float(check_number(gamma, "gamma", low=0.0, high=1.0))
    return g / (g + (1.0 - g) * m)


def own_social_cost(X: Any, centroids: Any, sensitive_features: Any) -> float:
    r"""Social cost when each point pays for its *own* centroid, not for the nearest one.

    .. math:: \max_h \frac{1}{|C^h|} \sum_{j \in C^h} \|x_j - \mu_j\|^2

    This is the reading under which the paper's "F_social is clearly convex" is true. With Definition 1's minimum over
    all centers it is not: for one point at 0 the centers (0, 2) cost nothing, and neither do (2, 0), but half way
    between them (1, 1) costs 1.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
    centroids : array of shape (n, d) or more rows
        Row j belongs to row j of X; further rows (V's) are left out.
    sensitive_features : None, Groups, or n hashable labels

    Returns
    -------
    float
        Never less than :func:`fairclust.metrics.social_cost` of the same centroids.

    Raises
    ------
    ValueError
        If shapes do not fit or entries are not finite.

    Examples
    --------
    >>> own_social_cost([[0.0], [2.0]], [[1.0], [2.0]], ["a", "b"])
    1.0
    """
    points = check_points(X)
    groups = encode_groups(sensitive_features, len(points))
    mu = check_points(centroids, name="centroids")
    if len(mu) < len(points) or mu.shape[1] != points.shape[1]:
        raise ValueError(f"centroids has shape {mu.shape}; X has {points.shape}, and each row needs its own centroid")
    squared = ((points - mu[: len(points)]) ** 2).sum(axis=1)
    return float((np.bincount(groups.codes, weights=squared) / groups.sizes).max())


def solve_relaxed(
    X: Any,
    sensitive_features: Any,
    n_antidote: int,
    *,
    gamma: float = 0.5,
    bounds: Any = None,
    solver: str | None = None,
) -> RelaxedAntidote:
    r"""The relaxed problem on the complete graph with everything but the mean of V eliminated.

    .. math::
        \min_{\bar v \in B} \max_h \bigl( \sigma_h^2 + \|\bar u_h - \bar z\|^2 \bigr), \qquad
        \bar z = \frac{n \bar u + |V| \bar v}{n + |V|}

    with :math:`\sigma_h^2` the average squared distance of group h from its mean :math:`\bar u_h`. Only the mean of V
    is determined; all points of V are put there (of all solutions the one with the least spread).

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        U.
    sensitive_features : None, Groups, or n hashable labels
    n_antidote : int
        ``|V|``, at least 1.
    gamma : float in [0, 1], default=0.5
        Changes what is promised, not V. At 1 all centroids are their points, the promise is 0, and every V keeps it.
    bounds : None, "data" or (low, high), default=None
        B, where V may lie: anywhere, in the box spanned by U, or between two numbers or arrays of shape (d,). Without
        bounds the promise is independent of ``|V|`` but for s, and V lies
        :math:`(1 + n/|V|)\,\|\bar z^* - \bar u\|` away from the mean of U.
    solver : str, optional
        The name of a solver for cvxpy; by default Clarabel.

    Returns
    -------
    RelaxedAntidote

    Raises
    ------
    ValueError
        If an argument is bad or the solver fails.
    TypeError
        If ``n_antidote`` is not an integer.

    Notes
    -----
    d + 1 variables and H cones; O(nd) time to build, whatever ``|V|``.

    Examples
    --------
    Group b is one point; a center at 5, half way, would serve both groups equally.

    >>> found = solve_relaxed([[0.0], [0.0], [0.0], [10.0]], ["a", "a", "a", "b"], 1, gamma=0.0)
    >>> found.antidote.round(3).tolist(), round(found.fairness, 3)
    ([[15.0]], 25.0)
    """
    import cvxpy as cp

    points, groups, size, g, box = _arguments(X, sensitive_features, n_antidote, gamma, bounds)
    n, m = len(points), len(points) + size
    middle = points.mean(axis=0)
    scale = float(np.sqrt(((points - middle) ** 2).sum(axis=1).mean())) or 1.0
    inner = (points - middle) / scale
    means = np.stack([inner[groups.codes == h].mean(axis=0) for h in range(len(groups))])
    spread = ((inner - means[groups.codes]) ** 2).sum(axis=1)
    variances = np.bincount(groups.codes, weights=spread) / groups.sizes
    # In units of what the mean of U and V moves, which is of order 1 whatever |V|.
    shift = cp.Variable(points.shape[1])
    costs = [variances[h] + cp.sum_squares(means[h] - shift) for h in range(len(groups))]
    reach = m / size
    constraints = []
    if box is not None:
        low, high = ((side - middle) / scale for side in box)
        constraints = [reach * shift >= low, reach * shift <= high]
    _solve(cp.Problem(cp.Minimize(cp.maximum(*costs) if len(costs) > 1 else costs[0]), constraints), solver)
    place = middle + scale * reach * np.asarray(shift.value)
    if box is not None:
        place = np.clip(place, *box)
    antidote = np.tile(place, (size, 1))
    everyone = np.vstack([points, antidote])
    keep = smoothing(m, g)
    mean = (n * middle + size * place) / m
    centroids = keep * everyone + (1.0 - keep) * mean
    multipliers = _multipliers(everyone, m, keep, g)
    return RelaxedAntidote(antidote, centroids, multipliers, own_social_cost(points, centroids, groups), g)


def _multipliers(everyone: Floats, m: int, keep: float, gamma: float) -> Floats:
    """Zeta of the eliminated system: c eta, or, where gamma is 0 and any that balance will do, (z_i - z_j) / m."""
    pairs = complete_graph(m)
    factor = 1.0 / m if gamma == 0.0 else keep * (1.0 - gamma) / gamma
    return factor * (everyone[pairs.tails] - everyone[pairs.heads])


def solve_relaxed_system(
    X: Any,
    sensitive_features: Any,
    n_antidote: int,
    *,
    gamma: float = 0.5,
    bounds: Any = None,
    graph: PairGraph | None = None,
    solver: str | None = None,
) -> tuple[RelaxedAntidote, Floats, Floats]:
    r"""The relaxed problem as the paper states it, with all its variables.

    .. math::
        \min_{V, \mu, \eta, \theta, \zeta} F(\mu, U) \quad \text{s.t.} \quad \theta + \mu = U \cup V, \;
        \mu^\top I = \eta, \; I \zeta^\top = \theta, \; \eta = \gamma (\eta + \zeta)

    Parameters
    ----------
    X, sensitive_features, n_antidote, gamma, bounds, solver
        As in :func:`solve_relaxed`.
    graph : PairGraph, optional
        On the rows of U and then V; all pairs by default.

    Returns
    -------
    solution : RelaxedAntidote
    eta : ndarray of shape (|O|, d)
    theta : ndarray of shape (n + n_antidote, d)

    Raises
    ------
    ValueError
        If an argument is bad or the solver fails.

    Notes
    -----
    About :math:`m^2 d` variables: for small instances, beside which :func:`solve_relaxed` is tested.

    Examples
    --------
    >>> found, _, _ = solve_relaxed_system([[0.0], [0.0], [0.0], [10.0]], ["a", "a", "a", "b"], 1, gamma=0.0)
    >>> found.antidote.round(3).tolist(), round(found.fairness, 3)
    ([[15.0]], 25.0)
    """
    import cvxpy as cp

    points, groups, size, g, box = _arguments(X, sensitive_features, n_antidote, gamma, bounds)
    n, d = points.shape
    m = n + size
    pairs = complete_graph(m) if graph is None else graph
    if pairs.n_nodes != m:
        raise ValueError(f"the graph has {pairs.n_nodes} nodes but U and V have {m} rows")
    incidence = incidence_matrix(pairs)
    V, mu, theta = cp.Variable((size, d)), cp.Variable((m, d)), cp.Variable((m, d))
    eta, zeta = cp.Variable((len(pairs), d)), cp.Variable((len(pairs), d))
    constraints = [
        theta + mu == cp.vstack([points, V]),
        incidence.T @ mu == eta,
        incidence @ zeta == theta,
        eta == g * (eta + zeta),
    ]
    if box is not None:
        low, high = (np.broadcast_to(side, (size, d)) for side in box)
        constraints += [low <= V, high >= V]
    costs = []
    for h in range(len(groups)):
        rows = np.flatnonzero(groups.codes == h)
        costs.append(cp.sum_squares(points[rows] - mu[rows]) / len(rows))
    _solve(cp.Problem(cp.Minimize(cp.maximum(*costs) if len(costs) > 1 else costs[0]), constraints), solver)
    centroids = np.asarray(mu.value)
    fairness = own_social_cost(points, centroids, groups)
    found = RelaxedAntidote(np.asarray(V.value), centroids, np.asarray(zeta.value), fairness, g)
    return found, np.asarray(eta.value), np.asarray(theta.value)


def _arguments(
    X: Any, sensitive_features: Any, n_antidote: int, gamma: float, bounds: Any
) -> tuple[Floats, Groups, int, float, tuple[Floats, Floats] | None]:
    points = check_points(X)
    check_scale(points)
    groups = encode_groups(sensitive_features, len(points))
    size = check_number(n_antidote, "n_antidote", low=1, integer=True)
    g = float(check_number(gamma, "gamma", low=0.0, high=1.0))
    return points, groups, size, g, _box(bounds, points)


def _box(bounds: Any, points: Floats) -> tuple[Floats, Floats] | None:
    if bounds is None:
        return None
    if isinstance(bounds, str):
        if bounds != "data":
            raise ValueError(f'bounds must be None, "data" or a pair (low, high), got {bounds!r}')
        return points.min(axis=0), points.max(axis=0)
    if not isinstance(bounds, (tuple, list)) or len(bounds) != 2:
        raise ValueError(f'bounds must be None, "data" or a pair (low, high), got {bounds!r}')
    sides = []
    for name, value in zip(("low", "high"), bounds, strict=True):
        side = np.asarray(value, dtype=np.float64)
        if side.shape not in ((), (points.shape[1],)):
            raise ValueError(
                f"bounds: {name} has shape {side.shape}; give a number or one per column, {points.shape[1]}"
            )
        if not np.isfinite(side).all():
            raise ValueError(f"bounds: {name} must be finite, got {value!r}")
        sides.append(np.broadcast_to(side, points.shape[1]).copy())
    bad = np.flatnonzero(sides[0] > sides[1])
    if len(bad):
        raise ValueError(
            f"bounds: low is above high in column {bad[0]} ({sides[0][bad[0]]:g} > {sides[1][bad[0]]:g}); no V fits"
        )
    return sides[0], sides[1]


def _solve(problem: Any, solver: str | None) -> None:
    """Solve, or say what went wrong."""
    import cvxpy as cp

    name = cp.CLARABEL if solver is None else solver
    if name not in cp.installed_solvers():
        raise ValueError(f"solver must be one of those cvxpy finds, {cp.installed_solvers()}, got {solver!r}")
    try:
        problem.solve(solver=name)
    except cp.error.SolverError as error:
        raise ValueError(f"{name} failed on the relaxed problem: {error}") from error
    if problem.status != cp.OPTIMAL:
        raise ValueError(f"{name} ended with status {problem.status!r} on the relaxed problem")
