"""Compiled passes over the points for exchanging data-point centers (k-median and its relatives).

The state of a search is the rows that are centers, by *slot*, and for every row the slots of its nearest and
second-nearest center (``first``, ``second``) with the distances to them, raised to the power (``near``,
``next_near``). Points are read by feature, ``XT`` of shape (d, n). Every kernel releases the GIL, runs on one thread
and adds in a fixed order.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from fairclust.solvers.kernels import BLOCK, to_power

__all__ = ["PAIRS_PER_CALL", "ROUNDING", "rank_all_centers", "swap_apply", "swap_deltas", "swap_scan"]

#: A swap must lower the cost by this share of it at least: beyond what rounding in a sum over n rows can feign.
ROUNDING = 1e-12

#: Row-candidate pairs per call of a kernel: some hundredths of a second, then Ctrl-C and the bar have their turn.
PAIRS_PER_CALL = 20_000_000

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@njit(cache=True, nogil=True)
def _distance(XT: Floats, i: int, l: int, power: float) -> float:
    squared = 0.0
    for f in range(XT.shape[0]):
        t = XT[f, i] - XT[f, l]
        squared += t * t
    if power == 2.0:
        return squared
    if power == 1.0:
        return float(np.sqrt(squared))
    return float(squared ** (0.5 * power))


@njit(cache=True, nogil=True)
def _rank_centers(
    XT: Floats, power: float, centers: Ints, i: int, first: Ints, second: Ints, near: Floats, next_near: Floats
) -> None:
    """Find the nearest and second-nearest center of row i (slots, ties to the lower one). O(k d)."""
    near[i] = next_near[i] = np.inf
    first[i] = second[i] = -1
    for j in range(len(centers)):
        value = _distance(XT, i, centers[j], power)
        if value < near[i]:
            second[i], next_near[i] = first[i], near[i]
            first[i], near[i] = j, value
        elif value < next_near[i]:
            second[i], next_near[i] = j, value


@njit(cache=True, nogil=True)
def rank_all_centers(
    XT: Floats, power: float, centers: Ints, first: Ints, second: Ints, near: Floats, next_near: Floats
) -> None:
    """Fill ``first``, ``second`` (slots) and ``near``, ``next_near`` (d^power), all (n,), in place. O(n k d)."""
    for i in range(XT.shape[1]):
        _rank_centers(XT, power, centers, i, first, second, near, next_near)


@njit(cache=True, nogil=True)
def swap_apply(
    XT: Floats,
    power: float,
    centers: Ints,
    slot: int,
    candidate: int,
    first: Ints,
    second: Ints,
    near: Floats,
    next_near: Floats,
) -> None:
    """Put row ``candidate`` into ``centers[slot]`` and bring the ranks up to date. O(n d) plus O(k d) per row that
    had the old center in first or second place."""
    centers[slot] = candidate
    for i in range(XT.shape[1]):
        if first[i] == slot or second[i] == slot:
            _rank_centers(XT, power, centers, i, first, second, near, next_near)
            continue
        value = _distance(XT, i, candidate, power)
        if value < near[i]:
            second[i], next_near[i] = first[i], near[i]
            first[i], near[i] = slot, value
        elif value < next_near[i]:
            second[i], next_near[i] = slot, value


@njit(cache=True, nogil=True)
def swap_deltas(
    XT: Floats,
    weights: Floats,
    power: float,
    candidate: int,
    first: Ints,
    near: Floats,
    next_near: Floats,
    deltas: Floats,
) -> None:
    r"""Change of cost for swapping ``candidate`` in for each of the k centers at once. O(n d + k), no matter what k is.

    With u and v the d^p of a row to its nearest and second-nearest center (v is infinite if there is only one) and t
    to the candidate, the row pays min(t, u) if another center leaves, and min(t, v) if its own does:

    .. math::
        \Delta_i = \sum_j w_j [\min(t_j, u_j) - u_j] + \sum_{j : first_j = i} w_j [\min(t_j, v_j) - \min(t_j, u_j)]

    The first sum, shared by all i, has no positive term and is at least minus the cost; the second has no negative
    one. So a change that is small beside the cost is known to rounding of the cost, and not of anything larger.
    """
    d, n = XT.shape
    shared, own, reach = np.zeros(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    # Four tables, so that an addition need not wait for the one before it to the same slot.
    tables = np.zeros((4, len(deltas)))
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        count = stop - start
        # Slices, because the compiler vectorizes a loop only over indices that it knows not to be negative.
        u_block, v_block, w_block = near[start:stop], next_near[start:stop], weights[start:stop]
        slots = first[start:stop]
        reach[:] = 0.0
        for f in range(d):
            x = XT[f, candidate]
            row = XT[f, start:stop]
            for b in range(len(row)):
                t = row[b] - x
                reach[b] += t * t
        to_power(reach, power)
        for b in range(len(u_block)):
            t, u, v, weight = reach[b], u_block[b], v_block[b], w_block[b]
            kept = t if t < u else u
            shared[b] += weight * (kept - u)
            own[b] = weight * ((t if t < v else v) - kept)
        b = 0
        while b + 3 < count:
            tables[0, slots[b]] += own[b]
            tables[1, slots[b + 1]] += own[b + 1]
            tables[2, slots[b + 2]] += own[b + 2]
            tables[3, slots[b + 3]] += own[b + 3]
            b += 4
        while b < count:
            tables[0, slots[b]] += own[b]
            b += 1
    gain = shared.sum()
    for j in range(len(deltas)):
        deltas[j] = gain + ((tables[0, j] + tables[1, j]) + (tables[2, j] + tables[3, j]))


@njit(cache=True, nogil=True)
def swap_scan(
    XT: Floats,
    weights: Floats,
    power: float,
    centers: Ints,
    begin: int,
    end: int,
    threshold: float,
    first: Ints,
    near: Floats,
    next_near: Floats,
) -> tuple[int, int]:
    """First candidate in [begin, end) with a swap that changes the cost by less than -threshold, and its best slot.

    (end, -1) if there is none. Ties between slots go to the lower one. O(n d) per candidate.
    """
    deltas = np.empty(len(centers))
    for candidate in range(begin, end):
        if np.any(centers == candidate):
            continue
        swap_deltas(XT, weights, power, candidate, first, near, next_near, deltas)
        slot = int(np.argmin(deltas))
        if deltas[slot] < -threshold:
            return candidate, slot
    return end, -1
