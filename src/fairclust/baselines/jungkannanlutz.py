r"""Jung, Kannan and Lutz's greedy centers: every point within twice its fair radius, whatever it costs."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fairclust._estimator import FairClusterer
from fairclust._validation import check_n_clusters, check_number, check_radii
from fairclust.distances import nearest_centers
from fairclust.groups import Groups
from fairclust.metrics.radius import fair_radii, max_violation, radius_violation
from fairclust.metrics.report import FairnessReport
from fairclust.solvers.ball_filter import TOLERANCE, BallFilter, ball_filter, check_satisfiable

__all__ = ["JungKannanLutz"]


class JungKannanLutz(FairClusterer):
    r"""At most k data points such that every point has one within twice its fair radius.

    .. math:: \min_{|S| \le k,\; S \subseteq X} \; \max_v \frac{d(v, S)}{r(v)}

    approximately: a dilation :math:`t \in [1, 2]`, as small as a binary search finds one, for which
    :func:`~fairclust.solvers.ball_filter.ball_filter` opens at most k centers. Neither k-means nor k-median cost is
    looked at, and fewer than k centers may be opened.

    Parameters
    ----------
    n_clusters : int, default=8
        k, the largest number of centers.
    radii : array of n numbers, optional
        r(v) of each row of the X that will be fitted, in its units. By default the fair radii are computed.
    tol : float, default=1e-6
        The search ends when the dilation is known to within ``tol``, greater than 0.
    convention : {"exclude_self", "include_self"}, default="exclude_self"
        Which fair radii, see :func:`fairclust.metrics.fair_radii`; not used if ``radii`` is given.

    Attributes
    ----------
    labels_ : ndarray of intp, shape (n,)
        The nearest center of each row (of several, the one with the lowest number).
    cluster_centers_ : ndarray of float64, shape (s, d)
        The s <= k centers.
    center_indices_ : ndarray of intp, shape (s,)
        The rows of X that they are, in the order in which the filter opened them.
    radii_ : ndarray of float64, shape (n,)
        r(v), in the units of X.
    violations_ : ndarray of float64, shape (n,)
        :math:`d(v, S) / r(v)`; NaN for rows whose radius and distance are both 0.
    objective_ : float
        The largest violation; at most ``dilation_``.
    dilation_ : float
        The t of the filter, in [1, 2].
    report_ : FairnessReport
        All notions, with the columns about radii.
    n_features_in_ : int
        d.
    feature_names_in_ : ndarray of str, shape (d,)
        Column names, if X has them.

    Raises
    ------
    InfeasibleRadiiError
        (from ``fit``) If the given radii leave more than k disjoint balls, so that no k centers can keep them; a
        ValueError whose message and ``rows`` name the rows in conflict. Never raised for computed radii.

    See Also
    --------
    fairclust.metrics.fair_radii : The radii.
    fairclust.solvers.ball_filter : The filter, and why t = 2 always opens at most k.

    Notes
    -----
    The guarantee :math:`d(v, S) \le t\, r(v) \le 2 r(v)` is checked on every fit. The number of centers is not monotone
    in t, so the result is *a* t at which the filter opens at most k centers while it opens more at some t' in
    (t - tol, t), unless t = 1; a smaller t may do, too. After the radii (O(n^2 d) at most) a fit takes
    O((n log n + nkd) log(1/tol)) time and O(n + kd) memory.

    References
    ----------
    .. [1] Jung, Kannan and Lutz, *Service in your neighborhood: fairness in center location*, FORC 2020.
    .. [2] Chakrabarty and Negahbani, *Better algorithms for individually fair k-clustering*, NeurIPS 2021, where it is
       the baseline "JKL".

    Examples
    --------
    >>> model = JungKannanLutz(n_clusters=2, radii=[2.0, 2.0, 2.0]).fit([[0.0], [3.0], [6.0]])
    >>> model.center_indices_.tolist(), model.labels_.tolist(), model.dilation_, model.objective_
    ([0, 2], [0, 0, 1], 1.5, 1.5)
    """

    cluster_centers_: NDArray[np.float64]

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        radii: Any = None,
        tol: float = 1e-6,
        convention: Literal["exclude_self", "include_self"] = "exclude_self",
    ) -> None:
        self.n_clusters = n_clusters
        self.radii = radii
        self.tol = tol
        self.convention = convention

    def _fit(self, X: NDArray[np.float64], groups: Groups) -> None:
        k = check_n_clusters(self.n_clusters, len(X))
        tol = check_number(self.tol, "tol", low=0.0, low_open=True)
        radii = fair_radii(X, k, convention=self.convention) if self.radii is None else check_radii(self.radii, len(X))
        self.dilation_, found = _search(X, radii, k, tol)
        self.radii_ = radii
        self.center_indices_ = found.center_indices
        self.cluster_centers_ = X[found.center_indices]
        self.labels_, distances = nearest_centers(X, self.cluster_centers_)
        self.violations_ = radius_violation(X, self.cluster_centers_, radii)
        self.objective_ = max_violation(self.violations_)
        late = np.flatnonzero(distances > self.dilation_ * radii * (1.0 + TOLERANCE))
        if len(late):
            raise RuntimeError(
                f"row {late[0]} is {distances[late[0]]:g} away from its center, more than {self.dilation_:g} times its "
                f"radius {radii[late[0]]:g}; this contradicts the theorem, so it is an error of fairclust"
            )
        self.report_ = FairnessReport(X, self.labels_, self.cluster_centers_, groups, radii=radii)


def _search(X: NDArray[np.float64], radii: NDArray[np.float64], k: int, tol: float) -> tuple[float, BallFilter]:
    """A dilation in [1, 2] at which the filter opens at most k centers, and the filter there."""
    low, high = 1.0, 2.0
    best = ball_filter(X, radii, low, max_centers=k)
    if best.complete:
        return low, best
    best = ball_filter(X, radii, high, max_centers=k)
    if not best.complete:
        # Points on a lattice meet the bound 2 r(v) with equality, and rounding may put them just beyond it.
        check_satisfiable(X, radii, k)
        high *= 1.0 + TOLERANCE
        best = ball_filter(X, radii, high, max_centers=k)
    while high - low > tol:
        middle = (low + high) / 2.0
        if not low < middle < high:
            break
        found = ball_filter(X, radii, middle, max_centers=k)
        if found.complete:
            high, best = middle, found
        else:
            low = middle
    return high, best
