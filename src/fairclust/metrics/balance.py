r"""Balance: how far each cluster's mix of groups is from the mix of the whole (Bera et al., 2019)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairclust.groups import Groups
from fairclust.metrics.by_group import cluster_counts, labels_and_groups, occupied_contingency

__all__ = ["balance", "balance_table", "group_balance"]

_KINDS = ("balance", "ratio", "share", "count")


def balance(labels: Any, sensitive_features: Any) -> float:
    r"""The worst agreement between a cluster's share of a group and the group's share of everyone.

    .. math::

        \min_{i, h} \min\Bigl(R_{ih}, \frac{1}{R_{ih}}\Bigr), \qquad
        R_{ih} = \frac{|C^h| / n}{|C_i^h| / |C_i|}

    over the groups h and the clusters i that have a member.

    Parameters
    ----------
    labels : array of n integers in 0..k-1
        The cluster of each row; numbers that no row carries are empty clusters, which are skipped.
    sensitive_features : None, array, Series or list of n hashable labels
        The group of each row; None puts all rows into one group.

    Returns
    -------
    float
        In [0, 1]: 1 if every cluster mirrors the whole (always so for one group or one cluster), 0 if some group is
        missing from some cluster. The antidote paper's cost :math:`F_{\text{balance}}` is its negative.

    Raises
    ------
    ValueError
        If the lengths differ, a label is missing, or a cluster number is negative.
    TypeError
        If cluster numbers are not integers.

    See Also
    --------
    balance_table : The ratios, shares or counts behind it.
    group_balance : The worst ratio of each group.

    Notes
    -----
    O(n + kH) time and memory. A group that is missing from a cluster has :math:`R = \infty` and counts as
    :math:`1 / R = 0`, a case that the paper leaves open.

    References
    ----------
    .. [1] Chhabra, Singla and Mohapatra, *Fair clustering using antidote data*, 2022, Definition 2.

    Examples
    --------
    >>> balance([0, 0, 0, 1, 1, 1], ["a", "a", "b", "a", "b", "b"])
    0.6666666666666666
    """
    codes, groups = labels_and_groups(labels, sensitive_features)
    return float(_agreement(occupied_contingency(codes, groups), groups).min())


def group_balance(labels: Any, sensitive_features: Any) -> pd.Series:
    r"""Each group's :math:`\min_i \min(R_{ih}, 1/R_{ih})` over the clusters that have a member.

    Parameters
    ----------
    labels : array of n integers in 0..k-1
        The cluster of each row.
    sensitive_features : None, array, Series or list of n hashable labels
        The group of each row.

    Returns
    -------
    Series of float, one per group, index ``group``
        In [0, 1]; the smallest is :func:`balance`.

    Raises
    ------
    ValueError, TypeError
        As :func:`balance`.

    Notes
    -----
    O(n + kH) time and memory.

    Examples
    --------
    >>> group_balance([0, 0, 1, 1], ["a", "b", "a", "a"]).to_dict()
    {'a': 0.6666666666666666, 'b': 0.0}
    """
    codes, groups = labels_and_groups(labels, sensitive_features)
    return groups.series(_agreement(occupied_contingency(codes, groups), groups).min(axis=0), "balance")


def balance_table(
    labels: Any,
    sensitive_features: Any,
    *,
    kind: Literal["balance", "ratio", "share", "count"] = "balance",
    n_clusters: int | None = None,
) -> pd.DataFrame:
    r"""Cluster by group: counts :math:`|C_i^h|`, shares :math:`|C_i^h| / |C_i|`, ratios R, or min(R, 1/R).

    Parameters
    ----------
    labels : array of n integers in 0..k-1
        The cluster of each row.
    sensitive_features : None, array, Series or list of n hashable labels
        The group of each row.
    kind : {"balance", "ratio", "share", "count"}, default="balance"
        What the cells hold; "ratio" is :math:`R_{ih}` (infinite where the group is missing), "balance" is
        :math:`\min(R_{ih}, 1 / R_{ih})`.
    n_clusters : int, optional
        Make rows 0..n_clusters-1; an empty cluster has count 0 and NaN elsewhere. By default the rows are the
        clusters that have a member.

    Returns
    -------
    DataFrame with index ``cluster`` and columns ``group``
        Integers for "count", floats otherwise.

    Raises
    ------
    ValueError
        As :func:`balance`, or if ``kind`` is unknown or a label is not below ``n_clusters``.

    Notes
    -----
    O(n log n) time, O(n + kH) memory.

    Examples
    --------
    >>> balance_table([0, 0, 2, 2], ["a", "b", "a", "a"], kind="share", n_clusters=3)
    group      a    b
    cluster
    0        0.5  0.5
    1        NaN  NaN
    2        1.0  0.0
    """
    if kind not in _KINDS:
        raise ValueError(f"kind must be one of {', '.join(map(repr, _KINDS))}, got {kind!r}")
    clusters, counts, groups = cluster_counts(labels, sensitive_features, n_clusters)
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "count":
            cells: NDArray = counts
        elif kind == "share":
            cells = counts / counts.sum(axis=1, keepdims=True)
        elif kind == "ratio":
            cells = (groups.sizes * counts.sum(axis=1, keepdims=True)) / (groups.n_samples * counts)
        else:
            cells = _agreement(counts, groups)
    return pd.DataFrame(cells, index=clusters, columns=groups.series(groups.sizes).index)


def _agreement(counts: NDArray[np.int64], groups: Groups) -> NDArray[np.float64]:
    """min(R, 1/R) for every cell; NaN for empty clusters."""
    # Products of whole numbers are exact, so a cluster that mirrors the whole gets 1 and not 0.9999999999999999.
    found = counts * groups.n_samples
    wanted = groups.sizes * counts.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.minimum(found, wanted) / np.maximum(found, wanted)
