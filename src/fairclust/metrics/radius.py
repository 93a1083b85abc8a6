r"""Fair radii: the distance within which a point may expect a center (Jung, Kannan and Lutz, 2020).

If k centers were spread over n points evenly, each would serve n/k of them. So a point may ask for a center within the
radius r(v) of the smallest ball around it that holds its n/k nearest points. How far a solution falls short is

.. math:: \theta(v) = \frac{d(v, S)}{r(v)}.

No solution can promise :math:`\theta \le 1` to all points of every instance; :math:`\theta \le 2` always can be had.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fairclust._validation import check_centers, check_n_clusters, check_points, check_radii
from fairclust.distances import check_scale, nearest_centers
from fairclust.metrics.kth_neighbor import kth_distances

__all__ = ["CONVENTIONS", "fair_radii", "max_violation", "radius_violation"]

#: What counts among the n/k nearest points of a point.
CONVENTIONS = ("exclude_self", "include_self")


def fair_radii(
    X: Any, n_clusters: int, *, convention: Literal["exclude_self", "include_self"] = "exclude_self"
) -> NDArray[np.float64]:
    r"""The radius within which each point may expect one of k centers.

    .. math::

        r(v) = \min \{ r : |B(v, r)| \ge m \}, \qquad
        m = \begin{cases} \lfloor n/k \rfloor + 1 & \text{"exclude\_self"} \\
                          \lceil n/k \rceil & \text{"include\_self"} \end{cases}

    where the closed ball :math:`B(v, r)` counts v itself.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Points, in the units in which distances are meant (the third paper does not standardise them).
    n_clusters : int in 1..n
        k.
    convention : {"exclude_self", "include_self"}, default="exclude_self"
        "exclude_self" is the distance to the :math:`\lfloor n/k \rfloor`-th neighbour other than the point itself, as
        in the authors' code. For k = 1 that would be an n-th neighbour, which does not exist: the farthest point
        stands in for it. "include_self" is the textbook's ball of :math:`\lceil n/k \rceil` points with v among them.

    Returns
    -------
    ndarray of float64, shape (n,)
        Radii in the units of X. Zero where enough points coincide (and, for "include_self" and k = n, everywhere).

    Raises
    ------
    ValueError
        If an entry is NaN or infinite, k is not in 1..n, or the convention is unknown.

    See Also
    --------
    radius_violation : How far a solution falls short of the radii.

    Notes
    -----
    Exact up to the rounding of a single distance, ties and duplicates included. At most O(n^2 d) time with O(nd)
    memory and a block of 32 MB, never an n by n matrix; in two or three dimensions a k-d tree makes it about
    O(n^{1.5}). Duplicate points are merged first, so 101,766 rows with 140 distinct ones cost as much as 140. Radii
    are 1-Lipschitz, :math:`|r(u) - r(v)| \le d(u, v)`, and do not grow when k does.

    References
    ----------
    .. [1] Jung, Kannan and Lutz, *Service in your neighborhood: fairness in center location*, FORC 2020.
    .. [2] Chakrabarty and Negahbani, *Better algorithms for individually fair k-clustering*, NeurIPS 2021.

    Examples
    --------
    >>> X = [[0.0], [1.0], [3.0], [7.0]]
    >>> fair_radii(X, 2).tolist()
    [3.0, 2.0, 3.0, 6.0]
    >>> fair_radii(X, 2, convention="include_self").tolist()
    [1.0, 1.0, 2.0, 4.0]
    """
    points = check_points(X)
    k = check_n_clusters(n_clusters, len(points))
    if convention not in CONVENTIONS:
        raise ValueError(f"convention must be one of {', '.join(map(repr, CONVENTIONS))}, got {convention!r}")
    n = len(points)
    m = min(n // k + 1, n) if convention == "exclude_self" else -(-n // k)
    check_scale(points)
    return kth_distances(points, m)


def radius_violation(X: Any, centers: Any, radii: Any) -> NDArray[np.float64]:
    r"""How many times its radius each point is away from the nearest center.

    .. math:: \theta(v) = \frac{d(v, S)}{r(v)}

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Points.
    centers : array of shape (k, d)
        The centers S, in the units of X.
    radii : array of n numbers
        r(v) in the units of X, for example from :func:`fair_radii`.

    Returns
    -------
    ndarray of float64, shape (n,)
        :math:`\theta`; at most 1 where the radius is kept. A point of radius 0 has NaN if it coincides with a center
        (0/0: it has what it asks for, but no ratio) and infinity if it does not.

    Raises
    ------
    ValueError
        If an entry is NaN or infinite, shapes do not fit, or a radius is negative.

    See Also
    --------
    max_violation : The largest, without the NaN.

    Notes
    -----
    O(nkd) time, O(n) memory.

    References
    ----------
    .. [1] Chakrabarty and Negahbani, *Better algorithms for individually fair k-clustering*, NeurIPS 2021, section 4.1.

    Examples
    --------
    >>> radius_violation([[0.0], [1.0], [4.0], [4.0]], [[0.0], [4.0]], [1.0, 2.0, 0.0, 1.0]).tolist()
    [0.0, 0.5, nan, 0.0]
    """
    points = check_points(X)
    places = check_centers(centers, points.shape[1])
    bounds = check_radii(radii, len(points))
    _, distances = nearest_centers(points, places)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return distances / bounds


def max_violation(violations: Any) -> float:
    r"""The largest :math:`\theta(v)`, leaving out the NaN of points whose radius and distance are both 0.

    Parameters
    ----------
    violations : array of n numbers
        What :func:`radius_violation` returns.

    Returns
    -------
    float
        At least 0, perhaps infinite; 0 if every entry is NaN (every point has what it asks for).

    Raises
    ------
    ValueError
        If it is empty or not one-dimensional.

    Examples
    --------
    >>> max_violation([0.5, float("nan"), 1.25])
    1.25
    """
    theta = np.asarray(violations, dtype=np.float64)
    if theta.ndim != 1 or not len(theta):
        raise ValueError(f"violations must be a non-empty array of one dimension, got shape {theta.shape}")
    known = theta[~np.isnan(theta)]
    return float(known.max()) if len(known) else 0.0
