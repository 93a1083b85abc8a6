"""Compiled passes over the points for k-means and seeding.

Points are read in blocks of :data:`BLOCK` rows, transposed into a small buffer that stays in cache, so that the
compiler can work on several points at a time without changing the order in which a single distance is added up.
Distances are sums of squared differences, never the expanded form: no digits cancel, and the result does not depend
on a BLAS. Every kernel releases the GIL, runs on one thread and adds in a fixed order.

Kernels that call each other stand in one file on purpose: numba's cache of a compiled function watches only the file
that function is in, so a caller in another file would keep an outdated copy. The one exception is :func:`to_power`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = [
    "BLOCK",
    "EMPTY_CLUSTER",
    "FIXED_POINT",
    "OUT_OF_PASSES",
    "add_drift",
    "dpower_potentials",
    "lloyd_loop",
    "nearest_rows",
    "reassign",
    "to_blocks",
    "to_power",
    "weighted_cost",
    "weighted_sum",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

#: Rows per block. 128 rows of up to about 30 features fit the first-level cache beside the accumulators.
BLOCK = 128

#: Unused places at the end of a block's rows: without them all its rows would compete for the same few cache sets.
_PAD = 8

_EPS = float(np.finfo(np.float64).eps)

#: Squares of differences below this may underflow; beside coordinates of order 1 it is nothing.
_TINY = 1e-150


# ---------------------------------------------------------------------------------------------------------------------
# Blocks


@njit(cache=True, nogil=True)
def _gather(X: Floats, rows: Ints, count: int, block: Floats) -> None:
    for b in range(count):
        i = rows[b]
        for f in range(X.shape[1]):
            block[f, b] = X[i, f]


@njit(cache=True, nogil=True)
def _pair(block: Floats, centers: Floats, j: int, l: int, to_j: Floats, to_l: Floats) -> None:
    """Squared distances of a block's points to centers j and l: two at once, so that each coordinate is read once."""
    d = block.shape[0]
    to_j[:] = 0.0
    to_l[:] = 0.0
    f = 0
    while f + 1 < d:
        j0, j1, l0, l1 = centers[j, f], centers[j, f + 1], centers[l, f], centers[l, f + 1]
        for b in range(BLOCK):
            x0 = block[f, b]
            x1 = block[f + 1, b]
            s = x0 - j0
            t = x1 - j1
            to_j[b] = (to_j[b] + s * s) + t * t
            s = x0 - l0
            t = x1 - l1
            to_l[b] = (to_l[b] + s * s) + t * t
        f += 2
    if f < d:
        j0, l0 = centers[j, f], centers[l, f]
        for b in range(BLOCK):
            s = block[f, b] - j0
            to_j[b] += s * s
            s = block[f, b] - l0
            to_l[b] += s * s


@njit(cache=True, nogil=True)
def _fold(values: Floats, j: int, best: Floats, second: Floats, nearest: Ints) -> None:
    """Let center j compete for first and second place; a strict comparison leaves ties with the lower index."""
    for b in range(BLOCK):
        value = values[b]
        old = best[b]
        closer = value < old
        runner = old if closer else value
        second[b] = min(second[b], runner)
        best[b] = value if closer else old
        nearest[b] = j if closer else nearest[b]


@njit(cache=True, nogil=True)
def _nearest_two(block: Floats, centers: Floats, best: Floats, second: Floats, nearest: Ints, pair: Floats) -> None:
    k = centers.shape[0]
    best[:] = np.inf
    second[:] = np.inf
    nearest[:] = 0
    for j in range(0, k, 2):
        l = min(j + 1, k - 1)
        _pair(block, centers, j, l, pair[0], pair[1])
        _fold(pair[0], j, best, second, nearest)
        if l > j:
            _fold(pair[1], l, best, second, nearest)


@njit(cache=True, nogil=True)
def nearest_rows(X: Floats, centers: Floats) -> tuple[Ints, Floats]:
    """Nearest center (lowest index on ties) and squared distance to it, for every row. O(n k d)."""
    n, d = X.shape
    labels = np.empty(n, np.intp)
    squared = np.empty(n)
    rows = np.empty(BLOCK, np.intp)
    block = np.zeros((d, BLOCK + _PAD))
    best, second, pair = np.empty(BLOCK), np.empty(BLOCK), np.empty((2, BLOCK))
    nearest = np.empty(BLOCK, np.intp)
    for start in range(0, n, BLOCK):
        count = min(BLOCK, n - start)
        for b in range(count):
            rows[b] = start + b
        _gather(X, rows, count, block)
        _nearest_two(block, centers, best, second, nearest, pair)
        for b in range(count):
            labels[start + b] = nearest[b]
            squared[start + b] = best[b]
    return labels, squared


@njit(cache=True, nogil=True)
def weighted_cost(X: Floats, weights: Floats, centers: Floats, labels: Ints) -> float:
    """Sum of w_i ||x_i - c_label(i)||^2, added up in blocks so that rounding grows with n / BLOCK + BLOCK, not n."""
    n, d = X.shape
    total = 0.0
    for start in range(0, n, BLOCK):
        part = 0.0
        for i in range(start, min(start + BLOCK, n)):
            squared = 0.0
            for f in range(d):
                t = X[i, f] - centers[labels[i], f]
                squared += t * t
            part += weights[i] * squared
        total += part
    return total


@njit(cache=True, nogil=True)
def weighted_sum(weights: Floats, values: Floats) -> float:
    """Sum of w_i v_i, added up as in :func:`weighted_cost`."""
    total = 0.0
    for start in range(0, len(values), BLOCK):
        part = 0.0
        for i in range(start, min(start + BLOCK, len(values))):
            part += weights[i] * values[i]
        total += part
    return total


# ---------------------------------------------------------------------------------------------------------------------
# k-means


@njit(cache=True, nogil=True)
def reassign(
    X: Floats,
    weights: Floats,
    codes: Ints,
    centers: Floats,
    labels: Ints,
    margins: Floats,
    drift: Floats,
    tolerance: float,
    sums: Floats,
    masses: Floats,
    counts: Ints,
) -> int:
    """One assignment pass that looks only at rows whose nearest center may have changed.

    A row that was last examined when its nearest center a was at distance u and the next one at distance l keeps its
    label as long as a and the fastest other center have together moved less than l - u (Hamerly's bound). The caller
    adds these movements up in ``drift``; ``margins[i]`` is l - u plus the drift of a at that time, so a row is skipped
    if ``margins[i] > drift[labels[i]]`` and no bound needs to be rewritten.

    Parameters
    ----------
    X, weights, codes : (n, d), (n,) positive, (n,) group codes
    centers : (k, d)
    labels : (n,), in and out; -1 for rows that have none yet
    margins : (n,), in and out; -inf forces a row to be examined
    drift : (k,)
    tolerance : relative error that a distance may have; bounds are widened by it, so that a skipped row would have
        kept its label in a full pass too, to the last bit
    sums, masses, counts : (k, d), (k,), (k, H), in and out: weighted sum of the rows of each cluster, their weight,
        and their number by group. Rows that change sides are subtracted and added.

    Returns
    -------
    Number of rows whose label changed.
    """
    n, d = X.shape
    rows = np.empty(2 * BLOCK, np.intp)
    block = np.zeros((d, BLOCK + _PAD))
    best, second, pair = np.empty(BLOCK), np.empty(BLOCK), np.empty((2, BLOCK))
    nearest = np.empty(BLOCK, np.intp)
    changed = 0
    waiting = 0
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        for i in range(start, stop):
            rows[waiting] = i
            # "not greater" rather than "at most": a margin that is not a number must be examined.
            waiting += not (margins[i] > drift[labels[i]])
        while waiting >= BLOCK or (waiting > 0 and stop == n):
            count = min(waiting, BLOCK)
            _gather(X, rows, count, block)
            _nearest_two(block, centers, best, second, nearest, pair)
            for b in range(count):
                row, new = rows[b], nearest[b]
                margin = np.sqrt(second[b]) * (1.0 - tolerance) - np.sqrt(best[b]) * (1.0 + tolerance) - _TINY
                margins[row] = margin + drift[new] * (1.0 - 2.0 * _EPS)
                old = labels[row]
                if new == old:
                    continue
                changed += 1
                labels[row] = new
                weight = weights[row]
                if old >= 0:
                    masses[old] -= weight
                    counts[old, codes[row]] -= 1
                    for f in range(d):
                        sums[old, f] -= weight * block[f, b]
                masses[new] += weight
                counts[new, codes[row]] += 1
                for f in range(d):
                    sums[new, f] += weight * block[f, b]
            waiting -= count
            for b in range(waiting):
                rows[b] = rows[BLOCK + b]
    return changed


@njit(cache=True, nogil=True)
def _add_up(X: Floats, weights: Floats, labels: Ints, sums: Floats, masses: Floats) -> None:
    """Cluster sums and weights in row order: free of what rounding left behind when rows came and went."""
    sums[:] = 0.0
    masses[:] = 0.0
    for i in range(X.shape[0]):
        j, weight = labels[i], weights[i]
        masses[j] += weight
        for f in range(X.shape[1]):
            sums[j, f] += weight * X[i, f]


@njit(cache=True, nogil=True)
def add_drift(old: Floats, new: Floats, tolerance: float, drift: Floats) -> bool:
    """Add to each center's drift its own movement and the largest of the others'; False if no center moved."""
    k = len(old)
    shift = np.zeros(k)
    largest = second = 0.0
    for j in range(k):
        squared = 0.0
        same = True
        for f in range(old.shape[1]):
            t = new[j, f] - old[j, f]
            squared += t * t
            same = same and t == 0.0
        if not same:
            shift[j] = np.sqrt(squared) * (1.0 + tolerance) + _TINY
        if shift[j] > largest:
            largest, second = shift[j], largest
        elif shift[j] > second:
            second = shift[j]
    for j in range(k):
        other = second if shift[j] == largest else largest
        drift[j] = (drift[j] + (shift[j] + other)) * (1.0 + 4.0 * _EPS)
    return largest > 0.0


#: What :func:`lloyd_loop` came back with.
FIXED_POINT, EMPTY_CLUSTER, OUT_OF_PASSES = 0, 1, 2


@njit(cache=True, nogil=True)
def lloyd_loop(
    X: Floats,
    weights: Floats,
    codes: Ints,
    centers: Floats,
    max_iter: int,
    labels: Ints,
    margins: Floats,
    drift: Floats,
    tolerance: float,
    sums: Floats,
    masses: Floats,
    counts: Ints,
    progress: Ints,
) -> int:
    """Lloyd's iterations until labels and centers reproduce each other to the last bit, or until someone must help.

    Arguments are those of :func:`reassign`; ``centers`` and ``progress`` (passes made so far; whether the last pass
    changed nothing) are updated too. Weights must be positive, and |X| of order 1, so that nothing under- or
    overflows.

    Returns
    -------
    FIXED_POINT
    OUT_OF_PASSES
        ``max_iter`` passes were made; the labels are those of the centers (one pass more).
    EMPTY_CLUSTER
        The caller must find the next centers from ``sums`` and ``masses`` (which are fresh), tell :func:`add_drift`,
        and may then call again.
    """
    k = len(centers)
    while True:
        changed = reassign(X, weights, codes, centers, labels, margins, drift, tolerance, sums, masses, counts)
        if progress[1] == 1 and changed == 0:
            # The centers are means of these very labels, added up afresh: a fixed point. This pass only confirmed it.
            return FIXED_POINT
        if progress[0] == max_iter:
            return OUT_OF_PASSES
        progress[0] += 1
        progress[1] = changed == 0
        for j in range(k):
            if counts[j].sum() == 0:
                _add_up(X, weights, labels, sums, masses)
                return EMPTY_CLUSTER
        if changed == 0:
            _add_up(X, weights, labels, sums, masses)
        means = sums / masses.reshape(k, 1)
        if not add_drift(centers, means, tolerance, drift):
            # Sums that rows came to and went from may hide a movement in the last digits; so look again.
            _add_up(X, weights, labels, sums, masses)
            means = sums / masses.reshape(k, 1)
            progress[1] = 1
            if not add_drift(centers, means, tolerance, drift):
                return FIXED_POINT
        centers[:] = means


# ---------------------------------------------------------------------------------------------------------------------
# Seeding


@njit(cache=True, nogil=True)
def to_power(squared: Floats, power: float) -> None:
    """Turn squared distances into d^power, in place."""
    if power == 2.0:
        return
    if power == 1.0:
        for b in range(len(squared)):
            squared[b] = np.sqrt(squared[b])
    else:
        for b in range(len(squared)):
            squared[b] = squared[b] ** (0.5 * power)


@njit(cache=True, nogil=True)
def to_blocks(X: Floats) -> Floats:
    """All rows of X as transposed blocks, (ceil(n / BLOCK), d, BLOCK + 8), for passes that always read every row."""
    n, d = X.shape
    blocks = np.zeros(((n + BLOCK - 1) // BLOCK, d, BLOCK + _PAD))
    rows = np.arange(n)
    for q in range(len(blocks)):
        start = q * BLOCK
        _gather(X, rows[start : start + BLOCK], min(BLOCK, n - start), blocks[q])
    return blocks


@njit(cache=True, nogil=True)
def dpower_potentials(
    blocks: Floats, weights: Floats, power: float, closest: Floats, candidates: Floats, reached: Floats
) -> Floats:
    """What would remain to be paid if one of T candidate centers (T, d) joined those chosen. O(n T d).

    Fills ``reached`` (T, n) with min(closest_i, d(x_i, candidate)^power), and returns its weighted sums (T,).
    """
    n = len(weights)
    trials = len(candidates)
    pair = np.empty((2, BLOCK))
    potentials = np.zeros(trials)
    for q in range(len(blocks)):
        start = q * BLOCK
        count = min(BLOCK, n - start)
        for j in range(0, trials, 2):
            l = min(j + 1, trials - 1)
            _pair(blocks[q], candidates, j, l, pair[0], pair[1])
            for t in range(j, l + 1):
                distances = pair[t - j]
                to_power(distances, power)
                closest_block, reached_block = closest[start : start + count], reached[t, start : start + count]
                for b in range(count):
                    reached_block[b] = min(closest_block[b], distances[b])
                part = 0.0
                for b in range(count):
                    part += weights[start + b] * reached_block[b]
                potentials[t] += part
    return potentials
