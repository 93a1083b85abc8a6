r"""Weighted k-median, and any other power of the distance, with centers among the rows: single-swap local search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from fairclust._validation import (
    as_generator,
    check_n_clusters,
    check_number,
    check_points,
    check_power,
    check_rows,
    check_weights,
)
from fairclust.solvers.kernels import weighted_sum
from fairclust.solvers.seeding import check_weight_sum, dpower_sampling, rescale_cost, unit_scale
from fairclust.solvers.swap_kernels import PAIRS_PER_CALL, ROUNDING, rank_all_centers, swap_apply, swap_scan

__all__ = ["KMedianResult", "kmedian"]


@dataclass(frozen=True, eq=False)
class KMedianResult:
    """What :func:`kmedian` found.

    Attributes
    ----------
    center_indices : ndarray of intp, shape (k,)
        The rows that are centers, ascending.
    labels : ndarray of intp, shape (n,)
        Position in ``center_indices`` of each row's nearest center, the lowest on ties.
    cost : float
        Sum of w_i d(x_i, nearest center)^power (no root is taken).
    n_swaps : int
        Swaps that the winning start made.
    converged : bool
        True certifies a local optimum: all k (n - k) swaps were examined, and none lowers the cost by more than the
        share ``max(tolerance, 1e-12)`` of it. False if ``max_swaps`` was reached before.
    start : int
        The number of the winning start (lowest cost, then lowest number).
    costs : ndarray of shape (number of starts,)
        The cost that each start ended with.
    """

    center_indices: NDArray[np.intp]
    labels: NDArray[np.intp]
    cost: float
    n_swaps: int
    converged: bool
    start: int
    costs: NDArray[np.float64]


def kmedian(
    X: Any,
    n_clusters: int,
    *,
    weights: Any = None,
    power: float = 1,
    init: Any = "k-means++",
    n_init: int = 1,
    tolerance: float = 0.0,
    max_swaps: int = 100_000,
    random_state: Any = None,
    verbose: bool = False,
) -> KMedianResult:
    r"""Choose k rows as centers, so that no exchange of one of them for another row is better.

    .. math:: \min_{S \subseteq \{1..n\}, |S| = k} \; \sum_{j=1}^n w_j \min_{i \in S} \|x_j - x_i\|^p

    p = 1 is k-median, p = 2 is k-means with data-point centers. Candidates are tried in the order of the rows, round
    and round. A candidate takes the place of the center whose removal it makes up for best (ties: the lower place among
    the k, which start in the order of the rows), at once if that lowers the cost, until n in a row have failed.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        Finite numbers.
    n_clusters : int
        k, between 1 and n.
    weights : array of shape (n,), optional
        Weights >= 0, not all 0; None means 1 for each row. A row of weight 0 costs nothing but may be a center.
    power : float, default=1
        p >= 1.
    init : "k-means++" or array of k distinct row numbers, default="k-means++"
        How a start is found: by :func:`~fairclust.solvers.seeding.kmeans_plusplus` with d^p in place of d^2, or these
        rows, and then there is just one start.
    n_init : int, default=1
        Number of starts.
    tolerance : float in [0, 1], default=0
        A swap is made only if it lowers the cost by more than this share of it. 0 means any improvement that is more
        than rounding, which is 1e-12.
    max_swaps : int, default=100_000
        Most swaps in a start.
    random_state : None, int or numpy Generator
        Source of randomness; an int makes the result reproducible to the last bit.
    verbose : bool, default=False
        Show a progress bar: candidates examined since the last swap, out of n.

    Returns
    -------
    KMedianResult

    Raises
    ------
    ValueError
        For NaN or infinite entries, k < 1 or k > n, bad weights, row numbers in ``init`` that are repeated or out of
        range or not k, another name for it, a power below 1, or a cost beyond the largest float.
    TypeError
        If ``n_clusters``, ``n_init`` or ``max_swaps`` is not an integer, or ``init`` holds anything but integers.

    See Also
    --------
    fairclust.solvers.kmeans.kmeans : centers anywhere in space, power 2.

    Notes
    -----
    With each row's nearest and second-nearest center at hand, a candidate is compared with all k centers in O(n d)
    time (Schubert and Rousseeuw, *Fast and eager k-medoids clustering*, Information Systems 101, 2021); a swap costs
    O(n d), and O(k d) more for each row that loses its nearest or second-nearest center. Memory O(n d); no distances
    are kept but 2 n. A local optimum costs at most 5 times the global one for p = 1 (Arya et al., *Local search
    heuristics for k-median and facility location problems*, SIAM J. Comput. 33, 2004) and 25 times for p = 2 (Kanungo
    et al., *A local search approximation algorithm for k-means clustering*, Comput. Geom. 28, 2004, whose centers,
    too, are chosen from a finite set).

    Examples
    --------
    >>> result = kmedian([[0.0], [1.0], [2.0], [9.0], [10.0], [12.0]], 2, random_state=0)
    >>> result.center_indices.tolist(), result.labels.tolist(), result.cost
    ([1, 4], [0, 0, 0, 1, 1, 1], 5.0)
    """
    points, exponent = unit_scale(check_points(X))
    n = len(points)
    k = check_n_clusters(n_clusters, n)
    w = check_weight_sum(check_weights(weights, n))
    p = check_power(power)
    n_init = check_number(n_init, "n_init", low=1, integer=True)
    max_swaps = check_number(max_swaps, "max_swaps", low=0, integer=True)
    tolerance = check_number(tolerance, "tolerance", low=0.0, high=1.0)
    rng = as_generator(random_state)
    given = None if isinstance(init, str) and init == "k-means++" else _check_rows(init, k, n)
    runs = []
    for start in range(n_init if given is None else 1):
        rows = dpower_sampling(points, k, w, p, None, rng) if given is None else given
        search = _Search(points, w, p, rows)
        with tqdm(total=n, desc=f"k-median, start {start + 1}", unit="candidate", disable=not verbose) as bar:
            runs.append(search.run(max(tolerance, ROUNDING), max_swaps, bar))
    winner = int(np.argmin([run[2] for run in runs]))
    center_indices, labels, _, n_swaps, converged = runs[winner]
    costs = np.array([rescale_cost(run[2], exponent, p) for run in runs])
    return KMedianResult(center_indices, labels, float(costs[winner]), n_swaps, converged, winner, costs)


class _Search:
    """The state of one local search: centers by slot, and each row's two nearest of them."""

    def __init__(
        self, points: NDArray[np.float64], weights: NDArray[np.float64], power: float, rows: NDArray[np.intp]
    ) -> None:
        n = len(points)
        self.XT = np.ascontiguousarray(points.T)
        self.weights = weights
        self.power = power
        self.centers = np.sort(rows)
        self.first, self.second = np.empty(n, np.intp), np.empty(n, np.intp)
        self.near, self.next_near = np.empty(n), np.empty(n)
        self._rank()

    def _rank(self) -> None:
        rank_all_centers(self.XT, self.power, self.centers, self.first, self.second, self.near, self.next_near)

    def _cost(self) -> float:
        return float(weighted_sum(self.weights, self.near))

    def run(
        self, tolerance: float, max_swaps: int, bar: tqdm
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], float, int, bool]:
        n = len(self.weights)
        per_call = max(1, PAIRS_PER_CALL // n)
        cost = self._cost()
        n_swaps = failed = position = 0
        while failed < n:
            end = min(n, position + n - failed, position + per_call)
            candidate, slot = swap_scan(
                self.XT,
                self.weights,
                self.power,
                self.centers,
                position,
                end,
                tolerance * cost,
                self.first,
                self.near,
                self.next_near,
            )
            if slot < 0:
                failed += end - position
                bar.update(end - position)
            elif n_swaps == max_swaps:
                break
            else:
                swap_apply(
                    self.XT,
                    self.power,
                    self.centers,
                    slot,
                    candidate,
                    self.first,
                    self.second,
                    self.near,
                    self.next_near,
                )
                cost = self._cost()
                n_swaps += 1
                failed = 0
                bar.reset()
                bar.set_postfix(swaps=n_swaps, cost=f"{cost:.6g}", refresh=False)
                end = candidate + 1
            position = end % n
        # In the order of the rows, so that the result does not tell by which swaps a center came in.
        self.centers.sort()
        self._rank()
        cost = self._cost()
        return self.centers, self.first, cost, n_swaps, failed >= n


def _check_rows(init: Any, k: int, n: int) -> NDArray[np.intp]:
    if isinstance(init, str):
        raise ValueError(f'init must be "k-means++" or an array of {k} row numbers, got {init!r}')
    shape = np.shape(init)
    if shape != (k,):
        raise ValueError(f"init has shape {shape} but n_clusters={k}; give {k} row numbers")
    return check_rows(init, n, name="init")
