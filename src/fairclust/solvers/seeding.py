r"""Starting centers for weighted points: :math:`D^p` sampling (k-means++ for p = 2), greedy as in scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust._validation import as_generator, check_n_clusters, check_number, check_points, check_power, check_weights
from fairclust.solvers.kernels import dpower_potentials, to_blocks

__all__ = ["check_weight_sum", "dpower_sampling", "kmeans_plusplus", "rescale_cost", "unit_scale"]


def kmeans_plusplus(
    X: Any, n_clusters: int, *, weights: Any = None, n_trials: int | None = None, power: float = 2.0, rng: Any = None
) -> NDArray[np.intp]:
    r"""Draw k rows as starting centers, each with probability proportional to its present cost.

    The first row is drawn with probability :math:`w_i / \sum_j w_j`. After rows S were chosen, T rows are drawn
    independently with

    .. math:: \Pr[i] = \frac{w_i D_i^p}{\sum_j w_j D_j^p}, \qquad D_i = \min_{s \in S} \|x_i - x_s\|,

    and the one of them is kept that leaves the smallest :math:`\sum_j w_j D_j^p` (the first drawn, on ties).

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
    n_clusters : int
        k, at most n.
    weights : array of shape (n,), optional
        Weights >= 0; None means 1 for each row. Rows of weight 0 are drawn only when nothing else is left.
    n_trials : int, optional
        T. None means 2 + floor(log k), scikit-learn's greedy k-means++; 1 is the plain k-means++ of the paper.
    power : float, default=2
        p >= 1; 2 for k-means, 1 for k-median.
    rng : None, int or numpy Generator
        Source of randomness; a Generator is advanced.

    Returns
    -------
    ndarray of intp, shape (k,)
        Distinct rows, in the order in which they were chosen. With fewer than k distinct points (of positive weight),
        all of those come first; the rest are the rows with the lowest numbers among those left, of positive weight
        first.

    Raises
    ------
    ValueError
        For NaN or infinite entries, k > n, negative weights, or weights that are all zero.
    TypeError
        If ``n_clusters`` or ``n_trials`` is not an integer, or ``rng`` is none of the above.

    Notes
    -----
    O(n k d T) time, O(n T) memory beside two copies of X. Plain k-means++ is :math:`8(\ln k + 2)`-competitive in
    expectation (Arthur and Vassilvitskii, SODA 2007, Theorem 1.1).

    Examples
    --------
    >>> rows = kmeans_plusplus([[0.0], [0.1], [9.0], [9.1]], 2, rng=0)
    >>> len(rows), bool((rows < 2).any() and (rows >= 2).any())
    (2, True)
    >>> kmeans_plusplus([[5.0], [5.0], [7.0], [5.0]], 4, rng=0).tolist()[2:]
    [1, 3]
    """
    points, _ = unit_scale(check_points(X))
    k = check_n_clusters(n_clusters, len(points))
    w = check_weight_sum(check_weights(weights, len(points)))
    if n_trials is not None:
        n_trials = check_number(n_trials, "n_trials", low=1, integer=True)
    return dpower_sampling(points, k, w, check_power(power), n_trials, as_generator(rng))


def dpower_sampling(
    points: NDArray[np.float64],
    k: int,
    weights: NDArray[np.float64],
    power: float,
    n_trials: int | None,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """:func:`kmeans_plusplus` without the checks, on points of order 1."""
    trials = 2 + int(np.log(k)) if n_trials is None else n_trials
    n = len(points)
    blocks = to_blocks(points)
    rows = np.empty(k, dtype=np.intp)
    closest = np.full(n, np.inf)
    reached = np.empty((trials, n))
    for j in range(k):
        shares = weights * closest if j else weights
        if not shares.any():
            # Every point that counts is a center already: what remains is a choice between copies.
            rows[j:] = _lowest_unchosen(weights, rows[:j], k - j)
            break
        candidates = _draw(shares, trials if j else 1, rng)
        potentials = dpower_potentials(blocks, weights, power, closest, points[candidates], reached)
        best = int(np.argmin(potentials))
        rows[j] = candidates[best]
        closest[:] = reached[best]
    return rows


def _draw(shares: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    cumulated = np.cumsum(shares)
    # side="right" steps over rows without a share; rounding may leave a draw at the very end, past the last share.
    drawn = np.searchsorted(cumulated, rng.random(count) * cumulated[-1], side="right")
    return np.minimum(drawn, np.flatnonzero(shares)[-1]).astype(np.intp)


def _lowest_unchosen(weights: NDArray[np.float64], chosen: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    free = np.ones(len(weights), dtype=bool)
    free[chosen] = False
    order = np.concatenate([np.flatnonzero(free & (weights > 0)), np.flatnonzero(free & (weights == 0))])
    return order[:count]


def unit_scale(X: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """A copy of X divided by the power of two that brings its largest entry into [1/2, 1), and that power's exponent.

    Exact (but for entries 1e-300 times smaller than the largest), and it keeps squares of differences from
    overflowing or vanishing, whatever the unit of X.
    """
    largest = float(np.abs(X).max())
    exponent = int(np.frexp(largest)[1])
    return np.ldexp(X, -exponent), exponent


def rescale_cost(cost: float, exponent: int, power: float) -> float:
    """Undo :func:`unit_scale` for a sum of d^power; an error if that is beyond the largest float."""
    try:
        result = cost * float(np.ldexp(1.0, exponent)) ** power
    except OverflowError:
        result = np.inf if cost else 0.0
    if not np.isfinite(result):
        raise ValueError(f"the cost, a sum of d^{power:g}, is beyond the largest float; express X in a larger unit")
    return float(result)


def check_weight_sum(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights, or an error if their sum is beyond the largest float."""
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not np.isfinite(total):
        raise ValueError("weights add up to more than the largest float; divide them by a common factor")
    return weights
