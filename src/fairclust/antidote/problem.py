r"""The bi-level problem of antidote data: a clusterer C, a notion F of fairness, :math:`f(V) = F(C(U \cup V), U)`."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.cluster import KMeans

from fairclust._validation import as_generator, check_centers, check_points
from fairclust.antidote.definitions import FixedStartKMeans
from fairclust.distances import nearest_centers
from fairclust.groups import Groups, encode_groups
from fairclust.metrics.by_group import contingency
from fairclust.metrics.social import social_cost
from fairclust.solvers.kmeans_oracle import KMeansOracle

__all__ = ["AntidoteEvaluation", "AntidoteProblem", "Notion"]

Floats = NDArray[np.float64]

#: What the caller may give as F.
Notion = Literal["social", "balance"] | Callable[[Floats, Floats, Groups], float]


@dataclass(frozen=True, eq=False)
class AntidoteEvaluation:
    """What one V does.

    Attributes
    ----------
    fairness : float
        F(C(U + V), U), to be minimised.
    centers : ndarray of shape (k, d)
        C(U + V), in the units of X.
    labels : ndarray of intp, shape (n,)
        The nearest center of each row of U.
    """

    fairness: float
    centers: Floats
    labels: NDArray[np.intp]


class AntidoteProblem:
    r"""How unfair the clusters of U become when V is clustered with it.

    .. math:: f(V) = F\bigl(C(U \cup V),\, U\bigr)

    C returns centers :math:`\mu \in \mathbb{R}^{k \times d}`. F sees these and U only: rows of V are in nobody's
    group, and each row of U belongs to its nearest center, whatever label the clusterer gave it.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        U.
    sensitive_features : None, Groups, array, Series or list of n hashable labels
        The group of each row of U.
    clusterer : estimator, optional
        C: anything with scikit-learn's ``fit`` that leaves ``cluster_centers_`` or ``labels_`` (the centers are then
        the means of the rows of U and V with each label). It is cloned, never changed. By default
        ``FixedStartKMeans()``.
    notion : {"social", "balance"} or callable, default="social"
        F, a cost. "social" is :func:`fairclust.metrics.social_cost`. "balance" is the negative of
        :func:`fairclust.metrics.balance`, in [-1, 0], and 0, the worst, if a cluster has no row of U. A callable
        gets ``(centers, X, groups)``, arrays of shape (k, d) and (n, d) and :class:`~fairclust.groups.Groups` (which
        all of ``fairclust.metrics`` take for sensitive features), and returns a number.
    random_state : None, int or Generator, default=None
        Where the clusterer's ``random_state`` (any of them, if it is composed) is None, an int is drawn from here,
        once, and used for every V. Where it is a generator, the int is drawn from that.
    oracle : bool, default=True
        Use the fast k-means oracle where the clusterer allows it.

    Attributes
    ----------
    X : ndarray of shape (n, d)
    groups : Groups
    clusterer : estimator
        The clone with all its seeds fixed.
    oracle : KMeansOracle or None
        What evaluates f, if the clusterer allows it. It does if it is

        - :class:`~fairclust.antidote.FixedStartKMeans`; or
        - scikit-learn's ``KMeans`` with an array as ``init`` (so one start, the same for every V), ``tol=0`` and
          ``algorithm="lloyd"``. A V for which rounding might have a say, a cluster runs empty or ``max_iter`` is not
          enough is then still given to scikit-learn.

        Other k-means (k-means++ starts drawn anew for each V, a tolerance) are other functions of V, and are refitted.
    vanilla : AntidoteEvaluation
        f of the empty V.
    n_evaluations : int
        How often f was asked, the vanilla evaluation not counted.
    n_refits : int
        How many of these the oracle did not answer.

    Raises
    ------
    ValueError
        If F returns NaN; if a fitted clusterer has neither centers nor labels, has centers that are not finite or not
        of shape (k, d), or marks rows as noise; if it gives different centers for the same data; if X or the groups
        are bad.
    TypeError
        If F does not return a number, or the clusterer cannot be cloned and fitted.

    See Also
    --------
    fairclust.antidote.AntidoteClustering : Looks for a V of small f.

    Notes
    -----
    f is a function: the same V gives the same bytes, whatever was asked before. So an optimiser's best value is not the
    luckiest of several draws, and what it reports is what the user gets.

    That an empty cluster counts as the worst balance is our reading of the paper's Definition 2, where its R is 0/0.
    Otherwise a few rows far away would claim a center for themselves, all of U would share the other ones, and with
    k = 2 f would be -1: perfect, and not a clustering of U any more.

    References
    ----------
    Chhabra, Singla and Mohapatra, *Fair clustering using antidote data*, 2022, problem P1.R.

    Examples
    --------
    >>> X, groups = [[0.0], [1.0], [4.0], [9.0], [10.0]], ["a", "b", "b", "a", "b"]
    >>> problem = AntidoteProblem(X, groups, FixedStartKMeans(2, random_state=0))
    >>> round(problem.vanilla.fairness, 4), round(problem([[8.0]]), 4)
    (2.0463, 2.2963)
    """

    def __init__(
        self,
        X: Any,
        sensitive_features: Any = None,
        clusterer: Any = None,
        notion: Notion = "social",
        *,
        random_state: Any = None,
        oracle: bool = True,
    ) -> None:
        self.X = check_points(X)
        self.groups = encode_groups(sensitive_features, len(self.X))
        if not callable(notion) and notion not in ("social", "balance"):
            raise ValueError(
                f'notion must be "social", "balance" or a function of (centers, X, groups), got {notion!r}'
            )
        self.notion = notion
        self.clusterer = _with_fixed_seeds(FixedStartKMeans() if clusterer is None else clusterer, random_state)
        self.oracle = _oracle_of(self.clusterer, self.X, self.groups) if oracle else None
        self._lloyd_will_do = isinstance(self.clusterer, FixedStartKMeans)
        self.n_evaluations = self.n_refits = 0
        nobody = np.empty((0, self.X.shape[1]))
        self.vanilla = self.evaluate(nobody)
        if self.oracle is None and not np.array_equal(self.evaluate(nobody).centers, self.vanilla.centers):
            raise ValueError(
                f"{type(self.clusterer).__name__} gave two different results for the same data, so f is no function of "
                "V; give it a random_state of type int"
            )
        self.n_evaluations = self.n_refits = 0

    def __call__(self, V: Any) -> float:
        """f(V), for V of shape (m, d) in the units of X; m may be 0."""
        return self._evaluate(V)[0]

    def evaluate(self, V: Any) -> AntidoteEvaluation:
        """f(V) with the centers and labels behind it."""
        fairness, centers, labels = self._evaluate(V)
        return AntidoteEvaluation(
            fairness, centers, nearest_centers(self.X, centers)[0] if labels is None else labels()
        )

    def _evaluate(self, V: Any) -> tuple[float, Floats, Callable[[], NDArray[np.intp]] | None]:
        self.n_evaluations += 1
        if self.oracle is not None:
            found = self.oracle(V)
            if found.fast or self._lloyd_will_do:
                oracle = self.oracle
                if self.notion == "social":
                    value = float(found.group_costs.max())
                elif self.notion == "balance":
                    value = _balance_cost(found.counts, self.groups)
                else:
                    value = self._judge(found.centers)
                return value, found.centers, lambda: oracle.labels(found)
        self.n_refits += 1
        centers = self._refit(V)
        return self._judge(centers), centers, None

    def _judge(self, centers: Floats) -> float:
        """F of centers."""
        if self.notion == "social":
            return social_cost(self.X, centers, self.groups)
        if self.notion == "balance":
            labels, _ = nearest_centers(self.X, centers)
            return _balance_cost(contingency(labels, self.groups, len(centers)), self.groups)
        assert callable(self.notion)
        value: Any = self.notion(centers, self.X, self.groups)
        name = getattr(self.notion, "__name__", type(self.notion).__name__)
        if not isinstance(value, numbers.Real) and not (isinstance(value, np.ndarray) and value.ndim == 0):
            raise TypeError(f"the notion {name} must return a number, got {value!r} of type {type(value).__name__}")
        value = float(value)
        if np.isnan(value):
            raise ValueError(
                f"the notion {name} is NaN for the centers {np.array2string(centers, precision=4, threshold=20)}; "
                "it must be a number wherever the centers lie (an empty cluster is possible)"
            )
        return value

    def _refit(self, V: Any) -> Floats:
        """C(U + V) by fitting a clone."""
        guests = np.asarray(V, dtype=np.float64)
        if guests.shape != (0, self.X.shape[1]):
            guests = check_centers(V, self.X.shape[1], name="V")
        everyone = np.vstack([self.X, guests])
        model = clone(self.clusterer)
        model.fit(everyone)
        return _centers_of(model, everyone)


def _with_fixed_seeds(clusterer: Any, random_state: Any) -> Any:
    """A clone whose random states are integers."""
    if not hasattr(clusterer, "fit") or not hasattr(clusterer, "get_params"):
        raise TypeError(f"clusterer must be a scikit-learn estimator, got {clusterer!r}")
    fixed = clone(clusterer)
    rng = as_generator(random_state)
    for name, value in sorted(fixed.get_params(deep=True).items()):
        if (name == "random_state" or name.endswith("__random_state")) and not isinstance(value, numbers.Integral):
            source = rng if value is None else as_generator(value)
            fixed.set_params(**{name: int(source.integers(2**31))})
    return fixed


def _oracle_of(clusterer: BaseEstimator, X: Floats, groups: Groups) -> KMeansOracle | None:
    """The oracle, if it computes what the clusterer computes."""
    # The type itself: a subclass may do anything.
    if type(clusterer) is FixedStartKMeans:
        return clusterer.oracle(X, groups)
    if (
        type(clusterer) is KMeans
        and not (isinstance(clusterer.init, str) or callable(clusterer.init))
        and clusterer.tol == 0
        and clusterer.algorithm == "lloyd"
        and clusterer.n_init in (1, "auto")
        and not clusterer.verbose
    ):
        return KMeansOracle(X, clusterer.n_clusters, groups, init=clusterer.init, max_iter=clusterer.max_iter)
    return None


def _centers_of(model: Any, everyone: Floats) -> Floats:
    """The centers of a fitted clusterer: its own, or the means of its labels."""
    name = type(model).__name__
    centers = getattr(model, "cluster_centers_", None)
    if centers is not None:
        array = np.asarray(centers, dtype=np.float64)
        if array.ndim != 2 or not len(array) or array.shape[1] != everyone.shape[1]:
            raise ValueError(f"{name} has cluster_centers_ of shape {array.shape}; it must be (k, {everyone.shape[1]})")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} has cluster_centers_ that are not finite")
        return np.ascontiguousarray(array)
    labels = getattr(model, "labels_", None)
    if labels is None:
        raise ValueError(
            f"{name} has neither cluster_centers_ nor labels_ after fit; antidote data need a clusterer with centers"
        )
    labels = np.asarray(labels)
    if labels.shape != (len(everyone),):
        raise ValueError(f"{name} has labels_ of shape {labels.shape} for {len(everyone)} rows")
    noise = np.flatnonzero(labels < 0)
    if len(noise):
        raise ValueError(
            f"{name} marks {len(noise)} rows as noise (the first is row {noise[0]}), which belong to no center; "
            "antidote data need a clusterer with centers"
        )
    _, codes = np.unique(labels, return_inverse=True)
    sizes = np.bincount(codes)
    sums = np.column_stack([np.bincount(codes, weights=column) for column in everyone.T])
    return np.ascontiguousarray(sums / sizes[:, None])


def _balance_cost(counts: NDArray[np.int64], groups: Groups) -> float:
    """-min(R, 1/R) over all cells of a (k, H) table; 0 if a group or everyone is missing from a cluster."""
    sizes = counts.sum(axis=1, keepdims=True)
    if not sizes.all():
        return 0.0
    # As in fairclust.metrics.balance: products of whole numbers are exact.
    found, wanted = counts * groups.n_samples, groups.sizes * sizes
    return 0.0 - float((np.minimum(found, wanted) / np.maximum(found, wanted)).min())
