r"""Fair-Round as an estimator, with its relaxed and its sparse variant."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from fairclust._estimator import FairClusterer, also_called
from fairclust._validation import check_n_clusters, check_number, check_power, check_radii
from fairclust.distances import nearest_centers
from fairclust.groups import Groups
from fairclust.metrics.radius import fair_radii, max_violation, radius_violation
from fairclust.metrics.report import FairnessReport
from fairclust.radii.fair_round import FairRounding, fair_round
from fairclust.radii.improve import improve
from fairclust.radii.lp import fair_radii_lp
from fairclust.radii.sparse import sparse_fair_round

__all__ = ["FairRadiiClustering"]

#: A gap up to this is rounding, whatever ``lp_gap`` asks for.
UNSOLVED = 1e-6


@also_called(sparsify="sparsification")
class FairRadiiClustering(FairClusterer):
    r"""Fair-Round: k data points of low cost such that every point has one not far beyond its fair radius.

    .. math::

        \min_{S \subseteq X,\, |S| \le k} \Bigl( \sum_v d(v, S)^p \Bigr)^{1/p}
        \quad \text{s.t.} \quad d(v, S) \le r(v) \;\; \forall v

    up to constant factors in both: the linear program of :func:`~fairclust.radii.fair_radii_lp`, then the rounding of
    :func:`~fairclust.radii.fair_round`.

    Parameters
    ----------
    n_clusters : int, default=8
        k, the largest number of centers.
    power : float >= 1, default=2
        p: 2 for k-means, 1 for k-median.
    radii : array of n numbers >= 0, optional
        r(v) of each row of the X that will be fitted, in its units. By default the fair radii are computed. With
        :math:`\max\{r(v), d(v, S')\}` for the centers S' of another method this is Relaxed-Fair-Round.
    sparsification : float >= 0, default=0.0
        :math:`\delta` of Sparse-Fair-Round: the LP is solved on a filter's representatives only, every row within
        :math:`\delta\, r(v)` of its own. 0 solves it on all rows. ``sparsify=`` is accepted as well; it is kept under
        the longer name, because scikit-learn takes an attribute ``sparsify`` for a method and calls it.
    shortcut : bool, default=True
        Where the filter leaves at most k rows, search the smallest rho with which it does and open what that leaves, as
        the authors' code does. The default because the guarantee improves with rho, and because the paper's figures
        cannot be had without it. With False the rows left at rho = 2 open: mostly far fewer than k.
    polish : bool, default=False
        Beyond the paper: open what is missing to k, then exchange centers one at a time while that lowers the cost and
        leaves no point beyond ``max(1, largest violation of Fair-Round)`` times its radius.
    convention : {"exclude_self", "include_self"}, default="exclude_self"
        Which fair radii, see :func:`fairclust.metrics.fair_radii`; not used if ``radii`` is given.
    ties : {"keep", "cut"}, default="keep"
        Which rows at exactly r(v) the LP counts, see :func:`~fairclust.radii.fair_radii_lp`. "cut", the authors' main
        run, needs computed radii of the default convention and ``sparsification=0``.
    lp_gap : float >= 0, default=1e-8
        Relative gap at which the LP stops. Beyond some 2,500 rows 1e-4 saves much time.
    max_iterations : int, default=5000
        Iterations of the LP at most.
    verbose : bool, default=False
        Show progress bars.

    Attributes
    ----------
    labels_ : ndarray of intp, shape (n,)
        The nearest center of each row (of several, the one with the lowest number).
    cluster_centers_ : ndarray of float64, shape (s, d)
        The s <= k centers.
    center_indices_ : ndarray of intp, shape (s,)
        The rows of X that they are, ascending; of rows that coincide the first.
    radii_ : ndarray of float64, shape (n,)
        The r(v) that were enforced: the given ones, else the fair radii.
    violations_ : ndarray of float64, shape (n,)
        :math:`d(v, S) / r(v)` for these; NaN for rows whose radius and distance are both 0.
    fair_violations_ : ndarray of float64, shape (n,)
        The same for the fair radii, also if other radii were given: what the paper shows of Relaxed-Fair-Round.
    cost_, objective_ : float
        :math:`(\sum_v d(v, S)^p)^{1/p}`.
    lower_bound_ : float
        Fair-LP as a p-norm, certified: k rows that keep every radius cost at least this. NaN with ``sparsification``,
        whose LP bounds nothing.
    gap_ : float
        ``(cost_ - lower_bound_) / cost_``. Negative if exceeding the radii made the result cheaper than any that keeps
        them; NaN with ``sparsification``.
    lp_ : FairRadiiLP
        The LP's solution; with ``sparsification`` that of the representatives.
    rounding_ : FairRounding
        How the centers came about: ``branch``, ``rho``, the filter's rows, the steps of the rounding. Before polishing.
    guarantees_ : Guarantees
        Largest violation and cost factor of the result, and the bounds that they were checked against.
    representatives_ : ndarray of intp
        Only with ``sparsification``: the rows that the LP was solved for.
    radii_factor_ : float
        Only with ``sparsification``: 1, or :math:`1 + 2\delta` if the LP was infeasible with unchanged radii.
    n_added_, n_swaps_ : int
        Centers added and exchanged by polishing; 0 without.
    report_ : FairnessReport
        All notions, with the columns about radii.
    n_features_in_ : int
        d.
    feature_names_in_ : ndarray of str, shape (d,)
        Column names, if X has them.

    Raises
    ------
    InfeasibleRadiiError
        (from ``fit``) If no k rows, not even fractional ones, keep the given radii; a ValueError whose message and
        ``rows`` name the rows in conflict. Never raised for computed radii.
    ConvergenceWarning
        (from ``fit``, a warning) If the LP stops short of ``lp_gap``; ``lp_.gap`` says by how much.
    RuntimeError
        (from ``fit``) If a proved bound does not hold on the instance, which would be an error of fairclust.

    See Also
    --------
    fairclust.baselines.JungKannanLutz : Within twice the radius, whatever it costs.
    fairclust.baselines.MahabadiVakilian : Cheap, and less fair.
    fairclust.radii.fair_round : Rounds an LP that is at hand, in several ways if need be.
    fairclust.radii.cost_violation_curve : What laxer radii would save.

    Notes
    -----
    Checked on every fit: where the filter's rows open, :math:`d(v, S) \le 2 r(v)` and
    :math:`\sum_v d(v, S)^p \le 2^p \rho \cdot \mathrm{LP}`; where they are rounded, :math:`8 r(v)` and
    :math:`2^{2p+1} \mathrm{LP}`. The paper states :math:`2^{p+2}`, the same for p = 1; ``guarantees_.keeps_published``
    says whether it held. The proofs are in :mod:`fairclust.radii.guarantees`, those for ``sparsification`` in
    :mod:`fairclust.radii.sparse`.

    Rows have no weights, because the fair radii of weighted rows are not defined; :func:`~fairclust.radii.fair_round`
    takes weights in the cost.

    Time is the LP's, about :math:`m^3` per iteration for m distinct rows; all else is O(n^2 d) at most. No randomness.

    References
    ----------
    .. [1] Chakrabarty and Negahbani, *Better algorithms for individually fair k-clustering*, NeurIPS 2021.

    Examples
    --------
    >>> X = [[0.0], [1.0], [2.0], [8.0], [9.0], [10.0]]
    >>> model = FairRadiiClustering(n_clusters=2).fit(X)
    >>> model.center_indices_.tolist(), model.labels_.tolist(), model.cost_, round(model.lower_bound_, 6)
    ([1, 4], [0, 0, 0, 1, 1, 1], 2.0, 2.0)
    >>> model.rounding_.branch, model.guarantees_.keeps_published
    ('shortcut', True)
    """

    cluster_centers_: NDArray[np.float64]

    def __init__(
        self,
        n_clusters: int = 8,
        power: float = 2,
        radii: Any = None,
        sparsification: float = 0.0,
        *,
        shortcut: bool = True,
        polish: bool = False,
        convention: Literal["exclude_self", "include_self"] = "exclude_self",
        ties: Literal["keep", "cut"] = "keep",
        lp_gap: float = 1e-8,
        max_iterations: int = 5000,
        verbose: bool = False,
    ) -> None:
        self.n_clusters = n_clusters
        self.power = power
        self.radii = radii
        self.sparsification = sparsification
        self.shortcut = shortcut
        self.polish = polish
        self.convention = convention
        self.ties = ties
        self.lp_gap = lp_gap
        self.max_iterations = max_iterations
        self.verbose = verbose

    def _fit(self, X: NDArray[np.float64], groups: Groups) -> None:
        k = check_n_clusters(self.n_clusters, len(X))
        p = check_power(self.power)
        delta = float(check_number(self.sparsification, "sparsification", low=0.0))
        if self.ties == "cut" and (delta or self.radii is not None or self.convention != "exclude_self"):
            raise ValueError(
                "ties='cut' takes the floor(n/k) + 1 nearest rows of each row, and cannot be combined with radii, "
                "sparsification or convention='include_self'; use ties='keep'"
            )
        fair = fair_radii(X, k, convention=self.convention)
        self.radii_ = fair if self.radii is None else check_radii(self.radii, len(X))
        found = self._sparse(X, k, p, delta) if delta else self._whole(X, k, p)
        if self.lp_.gap > max(self.lp_gap, UNSOLVED):
            warnings.warn(
                f"the linear program ended {self.lp_.status} at a relative gap of {self.lp_.gap:.1g}, so that the "
                "centers may be far dearer than they need be; raise max_iterations, or lp_gap if that is enough",
                ConvergenceWarning,
                stacklevel=3,
            )
        rows = found.center_indices
        self.n_added_ = self.n_swaps_ = 0
        if self.polish:
            better = improve(X, rows, self.radii_, k, power=p, weights=np.ones(len(X)), verbose=self.verbose)
            rows, self.n_added_, self.n_swaps_ = better.center_indices, better.n_added, better.n_swaps
        self.rounding_ = found
        self.center_indices_ = rows
        self.cluster_centers_ = X[rows]
        self.labels_, distances = nearest_centers(X, self.cluster_centers_)
        self.violations_ = radius_violation(X, self.cluster_centers_, self.radii_)
        self.fair_violations_ = radius_violation(X, self.cluster_centers_, fair)
        self.cost_ = self.objective_ = float(np.sum(distances**p) ** (1.0 / p))
        self.guarantees_ = self._guarantees(X, p)
        self.lower_bound_ = float("nan") if delta else self.lp_.norm_lower_bound
        self.gap_ = (self.cost_ - self.lower_bound_) / self.cost_ if self.cost_ > 0.0 else 0.0 * self.lower_bound_
        self.report_ = FairnessReport(X, self.labels_, self.cluster_centers_, groups, radii=self.radii_)

    def _whole(self, X: NDArray[np.float64], k: int, p: float) -> FairRounding:
        self.lp_ = fair_radii_lp(
            X,
            k,
            power=p,
            radii=None if self.ties == "cut" else self.radii_,
            ties=self.ties,
            gap=self.lp_gap,
            max_iterations=self.max_iterations,
            verbose=self.verbose,
        )
        return fair_round(X, k, self.lp_, power=p, shortcut=self.shortcut)

    def _sparse(self, X: NDArray[np.float64], k: int, p: float, delta: float) -> FairRounding:
        found = sparse_fair_round(
            X,
            k,
            delta,
            power=p,
            radii=self.radii_,
            shortcut=self.shortcut,
            gap=self.lp_gap,
            max_iterations=self.max_iterations,
            verbose=self.verbose,
        )
        self.lp_, self.representatives_, self.radii_factor_ = found.lp, found.representatives, found.radii_factor
        return found.rounding

    def _guarantees(self, X: NDArray[np.float64], p: float) -> Any:
        """Those of the rounding, measured again on the final centers."""
        kept = self.rounding_.guarantees
        _, before = nearest_centers(X, X[self.rounding_.center_indices])
        cost = float(np.sum(before**p))
        factor = kept.cost_factor * (self.cost_**p / cost) if cost > 0.0 else 0.0
        return replace(kept, violation=max_violation(self.violations_), cost_factor=factor)
