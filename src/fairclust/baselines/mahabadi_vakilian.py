r"""Mahabadi and Vakilian's local search: low cost, and a center in every critical ball."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fairclust._estimator import FairClusterer
from fairclust._validation import check_n_clusters, check_number, check_power, check_radii
from fairclust.distances import nearest_centers
from fairclust.groups import Groups
from fairclust.metrics.radius import fair_radii, radius_violation
from fairclust.metrics.report import FairnessReport
from fairclust.solvers.ball_filter import TOLERANCE, ball_filter
from fairclust.solvers.fair_swaps import CriticalBalls, critical_ball_swaps
from fairclust.solvers.infeasible_radii import disjoint_error

__all__ = ["CRITICAL_RADII", "MahabadiVakilian", "critical_balls", "fill_farthest"]

#: Dilation of the filter that finds the critical balls, and their radius in fair radii.
CRITICAL_RADII = {"coded": (3.0, 2.0), "theory": (6.0, 1.0)}


class MahabadiVakilian(FairClusterer):
    r"""k data points of low cost, one of them in each of the critical balls.

    .. math::

        \min_{S \subseteq X, |S| = k} \; \Bigl( \sum_v d(v, S)^p \Bigr)^{1/p}
        \quad \text{subject to} \quad S \cap B(u, b\, r(u)) \ne \emptyset \text{ for every } u \in A

    by single exchanges, where A, the centers of the critical balls, is what
    :func:`~fairclust.solvers.ball_filter.ball_filter` opens at dilation a. Every point v is within
    :math:`a\, r(v)` of some u of A with :math:`r(u) \le r(v)`, whose ball holds a center, so

    .. math:: d(v, S) \le (a + b)\, r(v).

    Parameters
    ----------
    n_clusters : int, default=8
        k, the number of centers.
    power : float, default=2
        p >= 1: 2 is k-means, 1 is k-median.
    radii : array of n numbers, optional
        r(v) of each row of the X that will be fitted, in its units. By default the fair radii are computed.
    critical_radius : {"coded", "theory"}, default="coded"
        (a, b): (3, 2) as in the code with which the third paper compares, which keeps 5 r(v); or (6, 1) as in Mahabadi
        and Vakilian's analysis, for which the balls are disjoint and 7 r(v) is kept.
    min_gain : float in [0, 1], default=0.02
        Least share of the cost :math:`\sum_v d(v, S)^p` that an exchange must save.
    max_rounds : int, default=1000
        Most rounds; a round is a scan of the rows that ends with the first exchange that saves enough.
    random_state : None, int or Generator
        Not used: nothing is random here. It is there so that all methods can be called alike.
    convention : {"exclude_self", "include_self"}, default="exclude_self"
        Which fair radii, see :func:`fairclust.metrics.fair_radii`; not used if ``radii`` is given.

    Attributes
    ----------
    labels_ : ndarray of intp, shape (n,)
        The nearest center of each row (of several, the one with the lowest number).
    cluster_centers_ : ndarray of float64, shape (k, d)
        The centers.
    center_indices_ : ndarray of intp, shape (k,)
        The rows of X that they are, ascending.
    radii_ : ndarray of float64, shape (n,)
        r(v), in the units of X.
    violations_ : ndarray of float64, shape (n,)
        :math:`d(v, S) / r(v)`; NaN for rows whose radius and distance are both 0.
    cost_, objective_ : float
        The p-norm of the distances, in the units of X.
    start_cost_ : float
        The same before the first exchange.
    critical_balls_ : CriticalBalls
        ``center_indices`` (A, in the order in which the filter opened them) and ``radii`` (b r(u)).
    dilation_ : float
        a + b, the promised bound on the violations.
    n_swaps_ : int
        Exchanges made.
    converged_ : bool
        True if a scan of all rows found nothing more; False if the rounds ran out.
    report_ : FairnessReport
        All notions, with the columns about radii.
    n_features_in_ : int
        d.
    feature_names_in_ : ndarray of str, shape (d,)
        Column names, if X has them.

    Raises
    ------
    InfeasibleRadiiError
        (from ``fit``) If there are more than k critical balls: then more than k balls :math:`B(v, r(v))` are disjoint,
        so that no k centers can keep the given radii. Its message and ``rows`` name the rows. Never raised for computed
        radii.
    ValueError
        (from ``fit``) If a parameter is not valid or k > n.

    See Also
    --------
    fairclust.solvers.fair_swaps.critical_ball_swaps : The search.
    fairclust.solvers.fair_swaps.vanilla_swaps : The same search without balls.
    JungKannanLutz : Twice the radius, whatever it costs.

    Notes
    -----
    Start: the centers of the critical balls, then the farthest point from those chosen until there are k (ties: the
    lowest row; once every point coincides with a center, the lowest row left). Scan: rows 0, 1, ... as new centers; the
    first for which the best allowed exchange saves enough is made, and the scan begins again.

    The third paper's authors coded this with one ball number per row, so that where balls overlap (possible for
    "coded") a row counts only in the ball listed last: as a center it then seems to leave its other balls without one,
    and as a candidate it may not replace their centers. Here a ball is a set and a row counts in every ball in which it
    lies, which is what the method means; more exchanges are allowed, and the promise is the same. It is checked after
    every fit. Centers are exchanged one at a time, as in that code; no factor in the cost is promised for that here.

    After the radii (O(n^2 d) at most) O(n k d) for the start and O(n d) per candidate, so O(n^2 d) for the last scan;
    O(n d + k^2) memory, no matrix of distances.

    References
    ----------
    .. [1] Mahabadi and Vakilian, *Individual fairness for k-clustering*, ICML 2020.
    .. [2] Chakrabarty and Negahbani, *Better algorithms for individually fair k-clustering*, NeurIPS 2021, where it is
       the baseline "MV".

    Examples
    --------
    >>> X = [[0.0], [1.0], [2.0], [3.0], [20.0], [22.0], [27.0]]
    >>> model = MahabadiVakilian(n_clusters=2, power=1).fit(X)
    >>> model.center_indices_.tolist(), model.labels_.tolist(), model.cost_
    ([1, 5], [0, 0, 0, 0, 1, 1, 1], 11.0)
    >>> model.critical_balls_.center_indices.tolist(), model.critical_balls_.radii.tolist()
    ([1], [4.0])
    """

    cluster_centers_: NDArray[np.float64]

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        power: float = 2,
        radii: Any = None,
        critical_radius: Literal["coded", "theory"] = "coded",
        min_gain: float = 0.02,
        max_rounds: int = 1000,
        random_state: Any = None,
        convention: Literal["exclude_self", "include_self"] = "exclude_self",
    ) -> None:
        self.n_clusters = n_clusters
        self.power = power
        self.radii = radii
        self.critical_radius = critical_radius
        self.min_gain = min_gain
        self.max_rounds = max_rounds
        self.random_state = random_state
        self.convention = convention

    def _fit(self, X: NDArray[np.float64], groups: Groups) -> None:
        k = check_n_clusters(self.n_clusters, len(X))
        p = check_power(self.power)
        min_gain = check_number(self.min_gain, "min_gain", low=0.0, high=1.0)
        max_rounds = check_number(self.max_rounds, "max_rounds", low=1, integer=True)
        radii = fair_radii(X, k, convention=self.convention) if self.radii is None else check_radii(self.radii, len(X))
        balls = critical_balls(X, radii, k, critical_radius=self.critical_radius)
        start = fill_farthest(X, balls.center_indices, k)
        found = critical_ball_swaps(X, start, balls, power=p, min_gain=min_gain, max_swaps=max_rounds)
        self.dilation_ = sum(CRITICAL_RADII[self.critical_radius])
        self.radii_ = radii
        self.critical_balls_ = balls
        self.center_indices_ = found.center_indices
        self.cluster_centers_ = X[found.center_indices]
        self.n_swaps_, self.converged_ = found.n_swaps, found.converged
        self.labels_, distances = nearest_centers(X, self.cluster_centers_)
        self.violations_ = radius_violation(X, self.cluster_centers_, radii)
        self.cost_ = float(found.cost ** (1.0 / p))
        self.start_cost_ = float(found.costs[0] ** (1.0 / p))
        self.objective_ = self.cost_
        _check_promises(X, self.cluster_centers_, balls, distances, self.dilation_ * radii)
        self.report_ = FairnessReport(X, self.labels_, self.cluster_centers_, groups, radii=radii)


def critical_balls(
    X: NDArray[np.float64],
    radii: NDArray[np.float64],
    n_clusters: int,
    *,
    critical_radius: Literal["coded", "theory"] = "coded",
) -> CriticalBalls:
    r"""The balls that must hold a center: :math:`B(u, b\, r(u))` for the u that Filter(r, a) opens.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    radii : ndarray of shape (n,)
        r(v), in the units of X.
    n_clusters : int
        k, the most balls.
    critical_radius : {"coded", "theory"}, default="coded"
        (a, b), see :class:`MahabadiVakilian`.

    Returns
    -------
    CriticalBalls
        In the order in which the filter opened them, so that radii never decrease.

    Raises
    ------
    InfeasibleRadiiError
        If there are more than k; the exception lists them.
    ValueError
        If ``critical_radius`` is unknown.

    Notes
    -----
    O(n log n + n k d) time. Since a >= 2, the balls :math:`B(u, r(u))` are disjoint, so with fair radii there are at
    most k of them.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [3.0], [9.0]])
    >>> critical_balls(X, np.array([1.0, 1.0, 2.0, 1.5]), 2).center_indices.tolist()
    [0, 3]
    """
    if not isinstance(critical_radius, str) or critical_radius not in CRITICAL_RADII:
        names = ", ".join(map(repr, CRITICAL_RADII))
        raise ValueError(f"critical_radius must be one of {names}, got {critical_radius!r}")
    dilation, size = CRITICAL_RADII[critical_radius]
    rows = ball_filter(X, radii, dilation).center_indices
    if len(rows) > n_clusters:
        raise disjoint_error(rows, n_clusters)
    return CriticalBalls(rows, size * radii[rows])


def fill_farthest(X: NDArray[np.float64], rows: NDArray[np.intp], n_clusters: int) -> NDArray[np.intp]:
    r"""Add the row farthest from those chosen, :math:`\arg\max_v d(v, S)`, until there are k (Gonzalez).

    Parameters
    ----------
    X : ndarray of shape (n, d)
    rows : ndarray of intp, shape (s,)
        The rows to begin with, 1 <= s <= k, distinct.
    n_clusters : int
        k, at most n.

    Returns
    -------
    ndarray of intp, shape (k,)
        Distinct rows: the given ones, then the added ones in their order. Ties go to the lowest row; once every row
        coincides with a chosen one, the lowest rows left are added.

    Notes
    -----
    O(n k d) time, O(n) memory.

    Examples
    --------
    >>> fill_farthest(np.array([[0.0], [4.0], [9.0], [9.0]]), np.array([0]), 4).tolist()
    [0, 2, 1, 3]
    """
    chosen = list(map(int, rows))
    distances = nearest_centers(X, X[rows])[1]
    # A chosen row is no candidate, even when nothing is farther than 0 away.
    distances[rows] = -1.0
    while len(chosen) < n_clusters:
        new = int(np.argmax(distances))
        chosen.append(new)
        np.minimum(distances, nearest_centers(X, X[[new]])[1], out=distances)
        distances[new] = -1.0
    return np.array(chosen, dtype=np.intp)


def _check_promises(
    X: NDArray[np.float64],
    centers: NDArray[np.float64],
    balls: CriticalBalls,
    distances: NDArray[np.float64],
    bounds: NDArray[np.float64],
) -> None:
    """Both promises of the method: a center in every critical ball, and every point within its bound."""
    _, to_center = nearest_centers(X[balls.center_indices], centers)
    empty = np.flatnonzero(to_center > balls.radii * (1.0 + TOLERANCE))
    if len(empty):
        raise RuntimeError(
            f"the critical ball around row {balls.center_indices[empty[0]]} holds no center: the nearest is "
            f"{to_center[empty[0]]:g} away, its radius is {balls.radii[empty[0]]:g}; this is an error of fairclust"
        )
    late = np.flatnonzero(distances > bounds * (1.0 + TOLERANCE))
    if len(late):
        raise RuntimeError(
            f"row {late[0]} is {distances[late[0]]:g} away from its center, more than the promised "
            f"{bounds[late[0]]:g}; this contradicts the theorem, so it is an error of fairclust"
        )
