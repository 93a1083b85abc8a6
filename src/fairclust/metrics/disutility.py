r"""Disutility of a group: its distances and its misrepresentation in one number (welfare-centric clustering).

With clusters :math:`C_1, \dots, C_k`, groups :math:`C^1, \dots, C^H`, :math:`C_i^h = C_i \cap C^h`, shares
:math:`r_h = |C^h| / n` and an assignment :math:`\phi` of points to centers, the paper's equations (4) to (9) are

.. math::

    D^h &= \sum_{j \in C^h} d^p(j, \phi(j)), \qquad V^h = \sum_i |C_i| \Delta_i^h, \\
    \Delta_i^h &= \max\Bigl\{0,\; \frac{|C_i^h|}{|C_i|} - (r_h + \alpha_h),\;
                  (r_h - \beta_h) - \frac{|C_i^h|}{|C_i|}\Bigr\}, \\
    \text{disutil}_h &= \frac{\lambda D^h + (1 - \lambda) V^h}{|C^h|}, \qquad
    R = \max_h \text{disutil}_h, \qquad U = \sum_h \text{disutil}_h.

The labels are those of the assignment, which need not be nearest centers: a point may be sent farther away so that
its group is better represented. An empty cluster contributes nothing to V.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairclust._validation import check_labels, check_number
from fairclust.distances import assigned_costs
from fairclust.groups import Groups, encode_groups
from fairclust.metrics.by_group import cluster_counts, group_sums, labels_and_groups, occupied_contingency

__all__ = [
    "cluster_violations",
    "disutility",
    "disutility_from_costs",
    "proportional_violation",
    "rawlsian",
    "resolve_slack",
    "utilitarian",
]


def resolve_slack(slack: Any, groups: Groups) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""The tolerances :math:`(\alpha_h, \beta_h)` that ``slack`` stands for.

    Parameters
    ----------
    slack : float, or a pair (alpha, beta)
        A number :math:`\delta \ge 0` means :math:`\alpha_h = \beta_h = \delta r_h`. In a pair (tuple or list of two),
        alpha and beta are absolute shares, each a number for all groups, an array of H numbers in the order of
        ``groups.labels``, or a mapping or Series from every group's label to its number.
    groups : Groups
        The groups.

    Returns
    -------
    alpha, beta : ndarray of float64, shape (H,)
        How far a cluster's share of group h may lie above and below :math:`r_h` without counting as a violation.

    Raises
    ------
    ValueError
        If a tolerance is negative or not finite, there are not H of them, or labels do not match.
    TypeError
        If ``slack`` is neither a number nor a pair.

    Examples
    --------
    >>> groups = encode_groups(["f", "m", "m", "m"])
    >>> alpha, beta = resolve_slack(0.2, groups)
    >>> alpha.round(3).tolist(), beta.round(3).tolist()
    ([0.05, 0.15], [0.05, 0.15])
    >>> resolve_slack((0.1, {"m": 0.3, "f": 0.2}), groups)[1].tolist()
    [0.2, 0.3]
    """
    if isinstance(slack, (Mapping, pd.Series, pd.DataFrame, str)):
        raise TypeError(
            f"slack must be a number or a pair (alpha, beta), got {type(slack).__name__}; for one tolerance per group "
            "give the pair (values, values)"
        )
    if isinstance(slack, (tuple, list)) or np.ndim(slack) > 0:
        if len(slack) != 2:
            raise ValueError(f"slack must be a number or a pair (alpha, beta), got {len(slack)} entries")
        alpha, beta = slack
        return _per_group(alpha, groups, "alpha"), _per_group(beta, groups, "beta")
    delta = check_number(slack, "slack", low=0.0)
    return delta * groups.shares, delta * groups.shares


def _per_group(values: Any, groups: Groups, name: str) -> NDArray[np.float64]:
    if isinstance(values, (Mapping, pd.Series)):
        given = dict(values.items())
        missing = [label for label in groups.labels if label not in given]
        unknown = [label for label in given if label not in groups.labels]
        if missing or unknown:
            raise ValueError(
                f"{name} must name every group once; "
                + "; ".join(
                    f"{what} {', '.join(map(repr, which))}"
                    for what, which in (("missing:", missing), ("no such group:", unknown))
                    if which
                )
            )
        values = [given[label] for label in groups.labels]
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0:
        array = np.full(len(groups), float(array))
    if array.shape != (len(groups),):
        raise ValueError(f"{name} has shape {array.shape} but there are {len(groups)} groups; give one number for each")
    bad = np.flatnonzero(~(np.isfinite(array) & (array >= 0)))
    if len(bad):
        raise ValueError(
            f"{name} must be finite and not negative; group {groups.labels[bad[0]]!r} has {array[bad[0]]:g}"
        )
    return array


def disutility(
    X: Any,
    labels: Any,
    centers: Any,
    sensitive_features: Any,
    *,
    distance_weight: float = 0.5,
    slack: Any = 0.0,
    power: float = 2,
) -> pd.Series:
    r"""Each group's average disutility.

    .. math:: \text{disutil}_h = \frac{\lambda D^h + (1 - \lambda) V^h}{|C^h|}

    with :math:`D^h` the group's distance cost and :math:`V^h` its proportional violation, as the head of this module
    writes them out.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Points.
    labels : array of n integers in 0..k-1
        The center that each point is assigned to, nearest or not.
    centers : array of shape (k, d)
        Centers in the units of X; those without a point are empty clusters.
    sensitive_features : None, array, Series or list of n hashable labels
        The group of each row; None puts all rows into one group.
    distance_weight : float in [0, 1], default=0.5
        :math:`\lambda`.
    slack : float or pair (alpha, beta), default=0.0
        Tolerances, see :func:`resolve_slack`.
    power : float, default=2
        The p of :math:`d^p`, at least 1.

    Returns
    -------
    Series of float, one per group, index ``group``
        At least 0. Distances enter in the units of X to the power p, violations as shares, so the scale of X acts
        like :math:`\lambda`.

    Raises
    ------
    ValueError
        If an entry is NaN or infinite, shapes do not fit, a label has no center, or a parameter is out of range.

    See Also
    --------
    rawlsian, utilitarian : The largest and the sum of these numbers.
    disutility_from_costs : The same from costs in place of points.

    Notes
    -----
    O(nd + kH) time, O(n + kH) memory. With :math:`\lambda = 1` and nearest centers it is the social cost of the group.

    References
    ----------
    .. [1] *Welfare-centric clustering*, 2025, equations (4) to (7).

    Examples
    --------
    >>> X = [[0.0], [1.0], [10.0], [12.0]]
    >>> disutility(X, [0, 0, 1, 1], [[0.0], [10.0]], ["a", "a", "a", "b"]).round(6).to_dict()
    {'a': 0.333333, 'b': 2.5}
    """
    costs = assigned_costs(X, centers, labels, power=power)
    groups = encode_groups(sensitive_features, len(costs))
    return disutility_from_costs(costs, labels, groups, distance_weight=distance_weight, slack=slack)


def disutility_from_costs(
    costs: Any,
    labels: Any,
    groups: Any,
    n_clusters: int | None = None,
    *,
    distance_weight: float = 0.5,
    slack: Any = 0.0,
) -> pd.Series:
    r"""Each group's average disutility, from costs that are already known.

    Parameters
    ----------
    costs : array of shape (n,) or (n, k)
        :math:`d^p(j, \phi(j))` of each point, or :math:`d^p(j, i)` to every center (then the labels choose).
    labels : array of n integers in 0..k-1
        :math:`\phi`.
    groups : Groups, or None, array, Series or list of n hashable labels
        The group of each row.
    n_clusters : int, optional
        k, only to check the labels against; by default the number of columns of a cost matrix.
    distance_weight : float in [0, 1], default=0.5
        :math:`\lambda`.
    slack : float or pair (alpha, beta), default=0.0
        Tolerances, see :func:`resolve_slack`.

    Returns
    -------
    Series of float, one per group, index ``group``

    Raises
    ------
    ValueError
        If a cost is NaN or infinite, lengths differ, a label is not below k, or a parameter is out of range.

    Notes
    -----
    O(n + kH) time and memory.

    Examples
    --------
    >>> costs = [[0.0, 4.0], [1.0, 9.0]]
    >>> disutility_from_costs(costs, [0, 1], ["a", "b"], distance_weight=1.0).to_dict()
    {'a': 0.0, 'b': 9.0}
    """
    lam = check_number(distance_weight, "distance_weight", low=0.0, high=1.0)
    matrix = np.asarray(costs, dtype=np.float64)
    if matrix.ndim not in (1, 2):
        raise ValueError(f"costs must have shape (n,) or (n, k), got {matrix.shape}")
    if n_clusters is None and matrix.ndim == 2:
        n_clusters = matrix.shape[1]
    codes = check_labels(labels, len(matrix), n_clusters)
    encoded = encode_groups(groups, len(matrix))
    chosen = matrix if matrix.ndim == 1 else matrix[np.arange(len(matrix)), codes]
    bad = np.flatnonzero(~np.isfinite(chosen))
    if len(bad):
        raise ValueError(f"costs must be finite; the cost of row {bad[0]} is {chosen[bad[0]]}")
    violation = _violation_sums(codes, encoded, slack)
    return encoded.series((lam * group_sums(chosen, encoded) + (1 - lam) * violation) / encoded.sizes, "disutility")


def proportional_violation(labels: Any, sensitive_features: Any, *, slack: Any = 0.0) -> pd.Series:
    r"""Each group's proportional violation per member, :math:`V^h / |C^h|`.

    .. math::

        \frac{V^h}{|C^h|} = \frac{1}{|C^h|} \sum_i \max\bigl\{0,\; |C_i^h| - (r_h + \alpha_h) |C_i|,\;
                            (r_h - \beta_h) |C_i| - |C_i^h|\bigr\}

    Parameters
    ----------
    labels : array of n integers in 0..k-1
        The cluster of each row.
    sensitive_features : None, array, Series or list of n hashable labels
        The group of each row; None puts all rows into one group.
    slack : float or pair (alpha, beta), default=0.0
        Tolerances, see :func:`resolve_slack`.

    Returns
    -------
    Series of float, one per group, index ``group``
        In :math:`[0, 2(1 - r_h)]` (Fact E.1; the upper end is reached when every cluster has one group only and
        slack is 0).

    Raises
    ------
    ValueError
        If the lengths differ, a label is missing, a cluster number is negative, or a tolerance is.

    See Also
    --------
    cluster_violations : :math:`\Delta_i^h` of every cluster.

    Notes
    -----
    O(n + kH) time and memory.

    References
    ----------
    .. [1] *Welfare-centric clustering*, 2025, equations (5) and (6), Fact E.1.

    Examples
    --------
    >>> proportional_violation([0, 0, 1, 1], ["a", "a", "b", "b"]).to_dict()
    {'a': 1.0, 'b': 1.0}
    >>> proportional_violation([0, 0, 1, 1], ["a", "a", "b", "b"], slack=0.5).to_dict()
    {'a': 0.5, 'b': 0.5}
    """
    codes, groups = labels_and_groups(labels, sensitive_features)
    return groups.series(_violation_sums(codes, groups, slack) / groups.sizes, "proportional_violation")


def cluster_violations(
    labels: Any, sensitive_features: Any, *, slack: Any = 0.0, n_clusters: int | None = None
) -> pd.DataFrame:
    r"""The proportional violation :math:`\Delta_i^h` of every group in every cluster.

    .. math::

        \Delta_i^h = \max\Bigl\{0,\; \frac{|C_i^h|}{|C_i|} - (r_h + \alpha_h),\;
                     (r_h - \beta_h) - \frac{|C_i^h|}{|C_i|}\Bigr\}

    Parameters
    ----------
    labels : array of n integers in 0..k-1
        The cluster of each row.
    sensitive_features : None, array, Series or list of n hashable labels
        The group of each row.
    slack : float or pair (alpha, beta), default=0.0
        Tolerances, see :func:`resolve_slack`.
    n_clusters : int, optional
        Make rows 0..n_clusters-1; an empty cluster's are NaN. By default the rows are the clusters that have a
        member.

    Returns
    -------
    DataFrame of float with index ``cluster`` and columns ``group``
        Shares in [0, 1].

    Raises
    ------
    ValueError
        As :func:`proportional_violation`, or if a label is not below ``n_clusters``.

    Notes
    -----
    O(n log n) time, O(n + kH) memory.

    References
    ----------
    .. [1] *Welfare-centric clustering*, 2025, equation (6).

    Examples
    --------
    >>> cluster_violations([0, 0, 0, 1], ["a", "a", "b", "b"]).round(3)
    group        a      b
    cluster
    0        0.167  0.167
    1        0.500  0.500
    """
    clusters, counts, groups = cluster_counts(labels, sensitive_features, n_clusters)
    sizes = counts.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        cells = _weighted_violations(counts, groups, slack) / sizes
    return pd.DataFrame(cells, index=clusters, columns=groups.series(groups.sizes).index)


def rawlsian(
    X: Any,
    labels: Any,
    centers: Any,
    sensitive_features: Any,
    *,
    distance_weight: float = 0.5,
    slack: Any = 0.0,
    power: float = 2,
) -> float:
    r"""The Rawlsian objective :math:`R = \max_h \text{disutil}_h`: how the group that is worst off fares.

    Parameters
    ----------
    X, labels, centers, sensitive_features, distance_weight, slack, power
        As in :func:`disutility`.

    Returns
    -------
    float
        At least 0.

    Raises
    ------
    ValueError
        As :func:`disutility`.

    Notes
    -----
    O(nd + kH) time, O(n + kH) memory.

    References
    ----------
    .. [1] *Welfare-centric clustering*, 2025, equation (8).

    Examples
    --------
    >>> X = [[0.0], [1.0], [10.0], [12.0]]
    >>> rawlsian(X, [0, 0, 1, 1], [[0.0], [10.0]], ["a", "a", "a", "b"])
    2.5
    """
    values = disutility(
        X, labels, centers, sensitive_features, distance_weight=distance_weight, slack=slack, power=power
    )
    return float(np.max(values.to_numpy()))


def utilitarian(
    X: Any,
    labels: Any,
    centers: Any,
    sensitive_features: Any,
    *,
    distance_weight: float = 0.5,
    slack: Any = 0.0,
    power: float = 2,
) -> float:
    r"""The Utilitarian objective :math:`U = \sum_h \text{disutil}_h`.

    Parameters
    ----------
    X, labels, centers, sensitive_features, distance_weight, slack, power
        As in :func:`disutility`.

    Returns
    -------
    float
        At least the Rawlsian objective and at most H times it.

    Raises
    ------
    ValueError
        As :func:`disutility`.

    Notes
    -----
    O(nd + kH) time, O(n + kH) memory.

    References
    ----------
    .. [1] *Welfare-centric clustering*, 2025, equation (9).

    Examples
    --------
    >>> X = [[0.0], [1.0], [10.0], [12.0]]
    >>> round(utilitarian(X, [0, 0, 1, 1], [[0.0], [10.0]], ["a", "a", "a", "b"]), 6)
    2.833333
    """
    values = disutility(
        X, labels, centers, sensitive_features, distance_weight=distance_weight, slack=slack, power=power
    )
    return float(np.sum(values.to_numpy()))


def _violation_sums(codes: NDArray[np.intp], groups: Groups, slack: Any) -> NDArray[np.float64]:
    """V^h for every group."""
    return _weighted_violations(occupied_contingency(codes, groups), groups, slack).sum(axis=0)


def _weighted_violations(counts: NDArray[np.int64], groups: Groups, slack: Any) -> NDArray[np.float64]:
    r""":math:`|C_i| \Delta_i^h`, which needs no division and is 0 for an empty cluster by itself."""
    alpha, beta = resolve_slack(slack, groups)
    sizes = counts.sum(axis=1, keepdims=True)
    # n |C_i^h| - |C^h| |C_i| is a whole number: a proportional cluster has excess 0, not 1e-17.
    excess = (counts * groups.n_samples - groups.sizes * sizes) / groups.n_samples
    return np.maximum(0.0, np.maximum(excess - alpha * sizes, -excess - beta * sizes))
