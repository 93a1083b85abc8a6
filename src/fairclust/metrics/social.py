r"""Social fairness: what the group that is served worst pays on average (Ghadiri, Samadi and Vempala, 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fairclust._validation import check_points
from fairclust.distances import nearest_centers, to_power
from fairclust.groups import encode_groups
from fairclust.metrics.by_group import group_means

__all__ = ["social_cost", "social_costs"]


def social_costs(X: Any, centers: Any, sensitive_features: Any, *, power: float = 2) -> pd.Series:
    r"""Each group's average cost when every point goes to its nearest center.

    .. math:: \frac{\Delta(\mu, C^h)}{|C^h|} = \frac{1}{|C^h|} \sum_{x \in C^h} \min_i \|x - \mu_i\|^p

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Points.
    centers : array of shape (k, d)
        The centers :math:`\mu`, in the units of X.
    sensitive_features : None, array, Series or list of n hashable labels
        The group of each row; None puts all rows into one group.
    power : float, default=2
        The p of :math:`d^p`: 2 is k-means, 1 is k-median.

    Returns
    -------
    Series of float, one per group, index ``group``
        Mean costs in the units of X to the power p.

    Raises
    ------
    ValueError
        If an entry is NaN or infinite, shapes do not fit, power < 1, or a cost overflows.

    See Also
    --------
    social_cost : The largest of these numbers.

    Notes
    -----
    O(nkd) time, O(n) memory. The costs of s X and s centers are :math:`s^p` times as large.

    References
    ----------
    .. [1] Chhabra, Singla and Mohapatra, *Fair clustering using antidote data*, 2022, Definition 1.
    .. [2] *Welfare-centric clustering*, 2025, equation (2).

    Examples
    --------
    >>> social_costs([[0.0], [2.0], [9.0]], [[0.0], [10.0]], ["a", "a", "b"])
    group
    a    2.0
    b    1.0
    Name: social_cost, dtype: float64
    """
    points = check_points(X)
    groups = encode_groups(sensitive_features, len(points))
    _, squared = nearest_centers(points, centers, squared=True)
    return groups.series(group_means(to_power(squared, power), groups), "social_cost")


def social_cost(X: Any, centers: Any, sensitive_features: Any, *, power: float = 2) -> float:
    r"""The average cost of the group that is served worst.

    .. math:: F_{\text{social}}(\mu, U) = \max_h \frac{1}{|C^h|} \sum_{x \in C^h} \min_i \|x - \mu_i\|^p

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Points.
    centers : array of shape (k, d)
        The centers :math:`\mu`, in the units of X.
    sensitive_features : None, array, Series or list of n hashable labels
        The group of each row; None puts all rows into one group.
    power : float, default=2
        The p of :math:`d^p`: 2 is k-means, 1 is k-median.

    Returns
    -------
    float
        At least 0, in the units of X to the power p. With one group it is the clustering cost divided by n.

    Raises
    ------
    ValueError
        If an entry is NaN or infinite, shapes do not fit, power < 1, or a cost overflows.

    See Also
    --------
    social_costs : The same for every group.

    Notes
    -----
    O(nkd) time, O(n) memory. In the antidote paper (Definition 1) p is 2 and the labels of the original points are
    those of their nearest centers, whatever points the clusterer saw beside them.

    Examples
    --------
    >>> social_cost([[0.0], [2.0], [9.0]], [[0.0], [10.0]], ["a", "a", "b"])
    2.0
    """
    return float(np.max(social_costs(X, centers, sensitive_features, power=power).to_numpy()))
