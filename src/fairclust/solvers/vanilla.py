"""The centers that fairness is added to: plain clustering's, or given ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust._validation import check_centers, check_n_clusters, check_points, check_power
from fairclust.solvers.kmeans import kmeans
from fairclust.solvers.kmedian import kmedian

__all__ = ["vanilla_centers"]


def vanilla_centers(
    X: Any,
    n_clusters: int,
    *,
    power: float = 2,
    n_init: int = 10,
    centers: Any = None,
    random_state: Any = None,
) -> NDArray[np.float64]:
    r"""Centers of small cost :math:`\sum_j \min_i \lVert x_j - c_i \rVert^p`, by the usual method for p.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Finite numbers.
    n_clusters : int
        k, between 1 and n.
    power : float, default=2
        p: for 2, k-means with centers anywhere; for another power of at least 1, local search among the rows.
    n_init : int, default=10
        Starts, of which the best is kept.
    centers : array of shape (k, d), optional
        Take these and search for none.
    random_state : None, int or Generator, default=None

    Returns
    -------
    ndarray of shape (k, d)

    Raises
    ------
    ValueError
        For k > n, NaN or infinite entries, or given centers whose number is not k.

    See Also
    --------
    fairclust.solvers.kmeans.kmeans, fairclust.solvers.kmedian.kmedian : The methods, and what they take.

    Examples
    --------
    >>> X = [[0.0], [2.0], [9.0]]
    >>> sorted(vanilla_centers(X, 2, random_state=0).ravel().tolist())
    [1.0, 9.0]
    >>> vanilla_centers(X, 1, power=1, random_state=0).tolist()
    [[2.0]]
    """
    points = check_points(X)
    k = check_n_clusters(n_clusters, len(points))
    p = check_power(power)
    if centers is not None:
        given = check_centers(centers, points.shape[1])
        if len(given) != k:
            raise ValueError(f"centers has {len(given)} rows but n_clusters={k}; they must agree")
        return given
    if p == 2:
        return kmeans(points, k, n_init=n_init, random_state=random_state).centers
    return points[kmedian(points, k, power=p, n_init=n_init, random_state=random_state).center_indices]
