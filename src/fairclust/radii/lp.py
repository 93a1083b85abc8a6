r"""The fair-radii LP on points: what any k centers, even fractional ones, must cost if each point keeps its radius."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from fairclust._validation import check_n_clusters, check_points, check_power, check_radii
from fairclust.metrics.radius import fair_radii
from fairclust.solvers.facility import solve_facility_lp
from fairclust.solvers.facility_balls import balls_within, nearest_balls

__all__ = ["FairRadiiLP", "fair_radii_lp"]


@dataclass(frozen=True, eq=False)
class FairRadiiLP:
    r"""A fractional solution of the fair-radii LP and its certificate.

    Attributes
    ----------
    value : float
        :math:`\sum_v w_v \sum_u d(v, u)^p x_{vu}`, the cost of ``openings``.
    lower_bound : float
        No centers within every ball cost less, fractional or not; recomputed from ``prices`` in one pass, less all
        that rounding may have added. (With ``ties="cut"`` a center at exactly r(v) may be outside the ball of v.)
    gap : float
        ``(value - lower_bound) / value``; 0 if both are 0.
    norm : float
        ``value ** (1 / power)``: Fair-LP as the paper's figures show it.
    norm_lower_bound : float
        The same root of ``lower_bound``.
    openings : ndarray of float64, shape (m,)
        y in [0, 1] per distinct point, adding up to at most k.
    points : ndarray of float64, shape (m, d)
        The distinct points, in lexicographic order (with ``ties="cut"``: the rows of X as they are).
    point_of_row : ndarray of intp, shape (n,)
        ``points[point_of_row]`` is X.
    cost_shares : ndarray of float64, shape (n,)
        :math:`C_v = \sum_u d(v, u)^p x_{vu}` by row, without its weight.
    radii : ndarray of float64, shape (n,)
        r(v). With ``ties="cut"`` the ball of v has a given size, and r(v) is the distance of its last point.
    prices : ndarray of float64
        :math:`\alpha` of the solver's demands, which prove ``lower_bound``.
    n_iterations : int
        Iterations of the solver.
    status : str
        "optimal" if the gap asked for was reached, else "iteration_limit" or "stalled".
    n_clusters : int
        k.
    power : float
        p.
    """

    value: float
    lower_bound: float
    gap: float
    norm: float
    norm_lower_bound: float
    openings: NDArray[np.float64]
    points: NDArray[np.float64]
    point_of_row: NDArray[np.intp]
    cost_shares: NDArray[np.float64]
    radii: NDArray[np.float64]
    prices: NDArray[np.float64]
    n_iterations: int
    status: str
    n_clusters: int
    power: float


def fair_radii_lp(
    X: Any,
    n_clusters: int,
    *,
    power: float = 2,
    radii: Any = None,
    weights: Any = None,
    ties: Literal["keep", "cut"] = "keep",
    gap: float = 1e-8,
    max_iterations: int = 5000,
    method: Literal["interior", "benders"] = "interior",
    callback: Callable[[int, float, float], Any] | None = None,
    verbose: bool = False,
) -> FairRadiiLP:
    r"""Solve the LP relaxation of individually fair k-clustering, with a certificate.

    .. math::

        \min \sum_v w_v \sum_{u \in B(v)} d(v, u)^p\, x_{vu}, \quad \sum_{u \in B(v)} x_{vu} = 1, \quad
        0 \le x_{vu} \le y_u \le 1, \quad \sum_u y_u \le k, \qquad B(v) = \{u : d(u, v) \le r(v)\}.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Points, in the units in which distances are meant (the paper does not standardise them).
    n_clusters : int in 1..n
        k.
    power : float >= 1, default=2
        p: 1 for k-median, 2 for k-means.
    radii : array of n numbers >= 0, optional
        r(v); :func:`fairclust.metrics.radius.fair_radii` by default.
    weights : array of n numbers >= 0, optional
        :math:`w_v` in the objective; 1 by default. They do not change the radii.
    ties : {"keep", "cut"}, default="keep"
        "keep": closed balls with all ties in; coinciding points become one. "cut": the ball of v is exactly its
        :math:`\lfloor n/k \rfloor + 1` nearest rows by (distance, row), as in the authors' main run; needs
        ``radii=None``.
    gap : float in [0, 1], default=1e-8
        Relative gap at which to stop. 1e-3 or 1e-4 is enough for a figure and saves up to half the time.
    max_iterations : int, default=5000
        Iterations at most; the result says when they ran out.
    method : {"interior", "benders"}, default="interior"
        See :func:`fairclust.solvers.facility.solve_facility_lp`.
    callback : callable, optional
        Called as ``callback(iteration, value, lower_bound)``.
    verbose : bool, default=False
        Show a progress bar with both bounds.

    Returns
    -------
    FairRadiiLP

    Raises
    ------
    InfeasibleRadiiError
        If no k centers satisfy the radii; it names the rows that conflict.
    RuntimeError
        If ``max_iterations`` came before any feasible opening.
    ValueError, TypeError
        If an entry is NaN or infinite, k is not in 1..n, or an argument is out of range.

    Notes
    -----
    Time grows with :math:`m^3 + \sum_v |B(v)|^2` (m distinct points, about n/k of them in a ball), memory with
    :math:`m^2 + \sum_v |B(v)|`. A solution that keeps radii only approximately may cost less than ``lower_bound``:
    that is what Fair-Round often does, and no contradiction.

    References
    ----------
    .. [1] Chakrabarty and Negahbani, *Better algorithms for individually fair k-clustering*, NeurIPS 2021, Fair-LP.

    Examples
    --------
    >>> X = [[0.0], [1.0], [2.0], [8.0], [9.0], [10.0]]
    >>> lp = fair_radii_lp(X, 2)
    >>> round(lp.value, 6), round(lp.norm, 6), lp.gap < 1e-8, lp.status
    (4.0, 2.0, True, 'optimal')
    >>> lp.openings.round(4).tolist(), lp.cost_shares.round(4).tolist()
    ([0.0, 1.0, 0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
    >>> fair_radii_lp(X, 2, radii=[0.5] * 6)
    Traceback (most recent call last):
    ...
    fairclust.solvers.infeasible_radii.InfeasibleRadiiError: no 2 centers can satisfy the radii: the balls of rows 0,
    1, 2, 3, 4, 5 are disjoint; enlarge their radii or raise n_clusters to at least 6
    """
    points = check_points(X)
    k = check_n_clusters(n_clusters, len(points))
    p = check_power(power)
    if ties not in ("keep", "cut"):
        raise ValueError(f"ties must be 'keep' or 'cut', got {ties!r}")
    if ties == "cut":
        if radii is not None:
            raise ValueError("ties='cut' takes a fixed number of nearest rows and cannot be combined with radii")
        balls = nearest_balls(points, min(len(points) // k + 1, len(points)))
        bound = balls.distances[balls.start[1:] - 1]
    else:
        bound = fair_radii(points, k) if radii is None else check_radii(radii, len(points))
        balls = balls_within(points, bound)
    bar = tqdm(desc="fair-radii LP", unit=" iterations", leave=False) if verbose else None

    def progress(iteration: int, value: float, lower_bound: float) -> None:
        if bar is not None:
            bar.n = iteration
            bar.set_postfix_str(f"{lower_bound:.6g} <= LP <= {value:.6g}")
        if callback is not None:
            callback(iteration, value, lower_bound)

    with bar if bar is not None else nullcontext():
        found = solve_facility_lp(
            balls,
            k,
            power=p,
            weights=weights,
            gap=gap,
            max_iterations=max_iterations,
            method=method,
            progress=progress,
        )
    return FairRadiiLP(
        value=found.value,
        lower_bound=found.lower_bound,
        gap=found.gap,
        norm=found.value ** (1 / p),
        norm_lower_bound=found.lower_bound ** (1 / p),
        openings=found.openings,
        points=points[balls.row_of_facility],
        point_of_row=balls.facility_of_row,
        cost_shares=found.cost_shares,
        radii=np.array(bound, dtype=np.float64),
        prices=found.prices,
        n_iterations=found.n_iterations,
        status=found.status,
        n_clusters=k,
        power=p,
    )
