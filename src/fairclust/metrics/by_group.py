"""Sums over groups and clusters that several notions share; arguments are checked by the callers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fairclust._validation import check_labels, check_number
from fairclust.groups import Groups, encode_groups

__all__ = ["cluster_counts", "contingency", "group_means", "group_sums", "labels_and_groups", "occupied_contingency"]


def labels_and_groups(
    labels: Any, sensitive_features: Any, n_clusters: int | None = None
) -> tuple[NDArray[np.intp], Groups]:
    """Checked cluster numbers and groups of the same n rows."""
    codes = check_labels(labels, n_clusters=n_clusters)
    groups = encode_groups(sensitive_features, len(codes) if sensitive_features is None else None)
    if groups.n_samples != len(codes):
        raise ValueError(f"sensitive_features has {groups.n_samples} entries but labels has {len(codes)}")
    return codes, groups


def group_sums(values: NDArray[np.float64], groups: Groups) -> NDArray[np.float64]:
    """The sum of ``values`` (n,) over each group, shape (H,); O(n) time for fewer than 32,768 groups.

    Each group is added up pairwise (relative error O(log n) units in the last place), which ``numpy.bincount``,
    adding one after the other, does not do: a million points would cost it the twelfth digit.
    """
    if len(groups) == 1:
        return np.array([values.sum()])
    # A stable sort of 16-bit integers is a radix sort.
    codes = groups.codes.astype(np.int16) if len(groups) < 2**15 else groups.codes
    in_order = values[np.argsort(codes, kind="stable")]
    ends = np.cumsum(groups.sizes)
    return np.array([in_order[end - size : end].sum() for end, size in zip(ends, groups.sizes, strict=True)])


def group_means(values: NDArray[np.float64], groups: Groups) -> NDArray[np.float64]:
    """The mean of ``values`` (n,) over each group, shape (H,)."""
    return group_sums(values, groups) / groups.sizes


def contingency(labels: NDArray[np.intp], groups: Groups, n_clusters: int) -> NDArray[np.int64]:
    """How many members of each group each cluster has, shape (n_clusters, H); O(n + n_clusters H)."""
    n_groups = len(groups)
    return np.bincount(labels * n_groups + groups.codes, minlength=n_clusters * n_groups).reshape(n_clusters, n_groups)


def occupied_contingency(labels: NDArray[np.intp], groups: Groups) -> NDArray[np.int64]:
    """:func:`contingency` without the rows of empty clusters; cluster numbers may have gaps of any width."""
    if labels.max() >= 4 * len(labels) + 64:
        _, labels = np.unique(labels, return_inverse=True)
    counts = contingency(labels, groups, int(labels.max()) + 1)
    return counts[counts.any(axis=1)]


def cluster_counts(
    labels: Any, sensitive_features: Any, n_clusters: Any
) -> tuple[pd.Index[int], NDArray[np.int64], Groups]:
    """The clusters as an index, those with a member or the first ``n_clusters``; how many of each group; the groups."""
    if n_clusters is not None:
        n_clusters = check_number(n_clusters, "n_clusters", low=1, integer=True)
    codes, groups = labels_and_groups(labels, sensitive_features, n_clusters)
    if n_clusters is None:
        clusters, codes = np.unique(codes, return_inverse=True)
    else:
        clusters = np.arange(n_clusters)
    return pd.Index(clusters, name="cluster"), contingency(codes, groups, len(clusters)), groups
