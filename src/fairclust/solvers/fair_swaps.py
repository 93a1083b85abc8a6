r"""Local search over data-point centers that exchanges one at a time and never gives up the fairness of its start.

Three searches share one engine. Each starts from given centers S and makes exchanges :math:`S - i + c` that lower

.. math:: \sum_v w_v \, d(v, S)^p.

:func:`polish` keeps every point within a limit of its own, :func:`critical_ball_swaps` (Mahabadi and Vakilian) keeps a
center in each of some balls, and :func:`vanilla_swaps` (Arya et al.) keeps nothing: it is what the other two are
compared with. Duplicate points are merged first, so 101,766 rows with 140 distinct ones cost as much as 140.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fairclust._validation import as_generator, check_n_clusters, check_number, check_rows
from fairclust.solvers.fair_swaps_search import (
    BallGuard,
    CriticalBalls,
    FairSwaps,
    LimitGuard,
    SwapSearch,
    check_limits,
)

__all__ = ["SAMPLED", "CriticalBalls", "FairSwaps", "critical_ball_swaps", "polish", "vanilla_swaps"]

#: How many candidates :func:`polish` tries by default at most; with more distinct points it draws this many.
SAMPLED = 20_000


def polish(
    X: Any,
    center_indices: Any,
    limits: Any,
    *,
    power: float = 2.0,
    weights: Any = None,
    min_gain: float = 1e-6,
    max_swaps: int = 10_000,
    n_candidates: int | None = None,
    random_state: Any = 0,
    verbose: bool = False,
) -> FairSwaps:
    r"""Lower the cost of given centers by single exchanges that keep every point within its limit.

    .. math:: \min_{S \subseteq X, |S| = k} \; \sum_v w_v \, d(v, S)^p
              \quad \text{subject to} \quad d(v, S) \le L_v \text{ for every } v

    from a start that keeps the limits. Candidates are tried in the order of the rows, round and round (of rows that
    coincide, the lowest). A candidate takes the place of the center for which the cost falls most among those that it
    may replace (ties: the lower place, the places being in the order of the start's rows), at once if the cost falls
    by more than the share ``min_gain``.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Points.
    center_indices : array of k distinct row numbers
        The start.
    limits : array of n numbers or None
        :math:`L_v \ge 0` in the units of X; infinity (or None, for all) means that no limit is set. For a guarantee of
        t times the fair radii pass ``t * radii``; to make nobody worse off, pass the distances to the start.
    power : float, default=2
        p >= 1.
    weights : array of n numbers, optional
        w >= 0, not all 0; None means 1 for each row. A row of weight 0 costs nothing but keeps its limit.
    min_gain : float in [0, 1], default=1e-6
        Least share of the cost that an exchange must save (1e-12, which is rounding, if that is more).
    max_swaps : int, default=10_000
        Most exchanges.
    n_candidates : int, optional
        How many of the distinct points are tried as new centers, drawn once without replacement. None means all of
        them, or 20,000 if there are more: a round takes O(n) for each. ``converged`` is about those that were drawn.
    random_state : None, int or Generator, default=0
        Draws the candidates; not used if all are tried.
    verbose : bool, default=False
        Show a progress bar: candidates tried since the last exchange.

    Returns
    -------
    FairSwaps

    Raises
    ------
    ValueError
        If the start breaks a limit (the message names the rows), or an argument is not valid: NaN, infinite points,
        negative limits, rows out of range or repeated, lengths that differ, power < 1.
    TypeError
        If ``center_indices`` are not integers.

    See Also
    --------
    critical_ball_swaps : Keeps a center in each of some balls instead.
    vanilla_swaps, fairclust.solvers.kmedian.kmedian : Keep nothing.

    Notes
    -----
    With the nearest and second-nearest center of each row at hand, one pass over the rows, O(n d), tells what all k
    exchanges for a candidate would change; only if one of them is an improvement do the limits have to be looked at,
    O(n d) again and O(k d) for one row. Memory O(n d), no distances but 2n of them. With all candidates a round is
    O(n^2 d). Limits are kept exactly, in terms of :func:`fairclust.distances.nearest_centers`; a start may exceed them
    by 1e-9 of themselves, for ``theta * radii`` with a theta that was computed by a division, and does not get worse.

    References
    ----------
    .. [1] Arya et al., *Local search heuristics for k-median and facility location problems*, SIAM J. Comput. 33, 2004.
    .. [2] Chakrabarty and Negahbani, *Better algorithms for individually fair k-clustering*, NeurIPS 2021, whose limits
       :math:`\alpha\, r(v)` these are; the search is not theirs.

    Examples
    --------
    Without limits the center goes to the crowd; with a limit of 6 for the last row it can go only as far as 4.

    >>> X = [[0.0], [1.0], [2.0], [4.0], [10.0]]
    >>> polish(X, [4], [20.0, 20.0, 20.0, 20.0, 20.0], power=1).center_indices.tolist()
    [2]
    >>> result = polish(X, [4], [20.0, 20.0, 20.0, 20.0, 6.0], power=1)
    >>> result.center_indices.tolist(), result.cost
    ([3], 15.0)
    """
    n_candidates = None if n_candidates is None else check_number(n_candidates, "n_candidates", low=1, integer=True)
    rng = as_generator(random_state)
    search = SwapSearch(X, power, weights, SAMPLED if n_candidates is None else n_candidates, rng)
    search.start(np.sort(check_rows(center_indices, search.n_rows)))
    if limits is not None:
        bounds = check_limits(limits, search.n_rows)
        if np.isfinite(bounds).any():
            search.guard = LimitGuard(search, bounds)
    return search.run(min_gain, max_swaps, restart=False, verbose=verbose)


def critical_ball_swaps(
    X: Any,
    center_indices: Any,
    balls: CriticalBalls,
    *,
    power: float = 2.0,
    weights: Any = None,
    min_gain: float = 0.02,
    max_swaps: int = 1000,
    verbose: bool = False,
) -> FairSwaps:
    r"""Lower the cost of given centers by single exchanges that leave no critical ball without a center.

    .. math:: \min_{S \subseteq X, |S| = k} \; \sum_v w_v \, d(v, S)^p
              \quad \text{subject to} \quad S \cap B(u, R_u) \ne \emptyset \text{ for every critical ball}

    The rule of Mahabadi and Vakilian: candidates are scanned from row 0; the first for which an allowed exchange lowers
    the cost by more than the share ``min_gain`` is exchanged for the center for which it falls most (ties: the lower
    place in ``center_indices``), and the scan begins again at row 0.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Points.
    center_indices : array of k distinct row numbers
        The start; the order is that of the places.
    balls : CriticalBalls
        Each must hold a center of the start. They may overlap; one center may serve several.
    power : float, default=2
        p >= 1.
    weights : array of n numbers, optional
        w >= 0, not all 0; None means 1 for each row.
    min_gain : float in [0, 1], default=0.02
        Least share of the cost that an exchange must save (1e-12, which is rounding, if that is more).
    max_swaps : int, default=1000
        Most exchanges.
    verbose : bool, default=False
        Show a progress bar: candidates tried since the last exchange.

    Returns
    -------
    FairSwaps

    Raises
    ------
    ValueError
        If a ball holds no center of the start (the message names them), or an argument is not valid.
    TypeError
        If ``center_indices`` are not integers.

    See Also
    --------
    fairclust.baselines.MahabadiVakilian : Finds the balls and the start, too.

    Notes
    -----
    O(n d + m d) for a candidate with m balls, O(n^2 d) for the scan that ends the search; O(n d + m k) memory. A ball
    is a set, so a candidate or a center that lies in two balls counts in both. No factor in the cost is
    promised.

    References
    ----------
    .. [1] Mahabadi and Vakilian, *Individual fairness for k-clustering*, ICML 2020.

    Examples
    --------
    >>> X = [[0.0], [1.0], [2.0], [4.0], [10.0], [11.0]]
    >>> far = CriticalBalls(np.array([4]), np.array([1.0]))
    >>> result = critical_ball_swaps(X, [0, 4], far, power=1)
    >>> result.center_indices.tolist(), result.costs.tolist()
    ([1, 4], [8.0, 6.0])
    """
    search = SwapSearch(X, power, weights, None, None)
    search.start(check_rows(center_indices, search.n_rows))
    search.guard = BallGuard(search, balls)
    return search.run(min_gain, max_swaps, restart=True, verbose=verbose)


def vanilla_swaps(
    X: Any,
    n_clusters: int,
    *,
    power: float = 2.0,
    weights: Any = None,
    init: Any = "random",
    min_gain: float = 0.02,
    max_swaps: int = 1000,
    random_state: Any = None,
    verbose: bool = False,
) -> FairSwaps:
    r"""Plain local search by single exchanges: what data-point centers cost when nobody asks for fairness.

    .. math:: \min_{S \subseteq X, |S| = k} \; \sum_v w_v \, d(v, S)^p

    by the rule of :func:`critical_ball_swaps` without balls: the first candidate that saves enough, then from row 0
    again. So what differs between the two is the fairness.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Points.
    n_clusters : int in 1..n
        k.
    power : float, default=2
        p >= 1.
    weights : array of n numbers, optional
        w >= 0, not all 0; None means 1 for each row.
    init : {"random", "k-means++"} or array of k distinct row numbers, default="random"
        The start: k rows drawn uniformly without replacement; rows drawn by
        :func:`~fairclust.solvers.seeding.kmeans_plusplus` with d^p in place of d^2; or these.
    min_gain, max_swaps, verbose
        As in :func:`critical_ball_swaps`.
    random_state : None, int or Generator
        Draws the start.

    Returns
    -------
    FairSwaps

    Raises
    ------
    ValueError
        For k > n, NaN or infinite entries, bad weights or rows, or another name for ``init``.

    See Also
    --------
    fairclust.solvers.kmedian.kmedian : Goes on where it is instead of at row 0, and ends in a full local optimum.

    Notes
    -----
    As in :func:`critical_ball_swaps`. With a small ``min_gain`` a local optimum costs at most 5 times the least cost
    for p = 1 (Arya et al.).

    References
    ----------
    .. [1] Arya et al., *Local search heuristics for k-median and facility location problems*, SIAM J. Comput. 33, 2004.

    Examples
    --------
    >>> X = [[0.0], [1.0], [2.0], [9.0], [10.0], [12.0]]
    >>> vanilla_swaps(X, 2, power=1, random_state=0).center_indices.tolist()
    [1, 4]
    """
    search = SwapSearch(X, power, weights, None, None)
    k = check_n_clusters(n_clusters, search.n_rows)
    rng = as_generator(random_state)
    if isinstance(init, str):
        if init == "random":
            rows = np.sort(rng.choice(search.n_rows, size=k, replace=False)).astype(np.intp)
        elif init == "k-means++":
            rows = np.sort(search.seeds(k, rng))
        else:
            raise ValueError(f'init must be "random", "k-means++" or an array of {k} row numbers, got {init!r}')
    else:
        rows = check_rows(init, search.n_rows, name="init")
        if len(rows) != k:
            raise ValueError(f"init has {len(rows)} row numbers but n_clusters={k}; they must agree")
    search.start(rows)
    return search.run(min_gain, max_swaps, restart=True, verbose=verbose)
