r"""The distance of every point to its m-th nearest point, exactly, for m of the order of n.

Libraries answer "the m nearest neighbours", which costs O(m) memory a point and a heap of m entries; with m = n/k that
is a full sort for every point. Only one number is wanted here, so both ways below *count* instead of collecting.

- A k-d tree, where a short trial shows that it helps (few features, or data that live on few dimensions). A point's
  m-th distance is 1-Lipschitz, :math:`|r(u) - r(v)| \le d(u, v)`, so the results of the last points, which lie close
  by, leave a thin shell in which the radius of this one must end. Boxes inside the shell are counted whole, boxes
  outside are skipped, only boxes that meet the shell are opened.
- Otherwise blocks of rows against all points through one matrix product, which gives squared distances with a known
  error bound; a sample of the row brackets the m-th, and what can be the m-th is computed again exactly.

Duplicate points are merged first and carry their number as a weight.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from fairclust.distances import squared_distance

__all__ = ["kth_distances"]

#: The tree is not even tried with more features than this.
TREE_FEATURES = 16

#: The tree is used if a point opens at most this share of all points: opening one costs four times what a block pays
#: for it (measured).
TREE_WORTH = 0.25

#: The trial that decides: this many stretches of this many points in leaf order.
TRIALS, TRIAL = 8, 32

#: Points in a leaf of the tree.
LEAF = 24

#: How many points before it in leaf order a point looks at for its shell.
MEMORY = 24

#: Entries of a block of the matrix product: 32 MB of float64.
BLOCK_ENTRIES = 2**22

#: Relative slack on every comparison that decides without exact distances; rounding errors are hundreds of times less.
GUARD = 1e-12


def kth_distances(X: NDArray[np.float64], m: int) -> NDArray[np.float64]:
    """The m-th smallest of each point's n distances to all points, itself (distance 0, m = 1) among them.

    Parameters
    ----------
    X : ndarray of float64, shape (n, d)
        Finite points; duplicates count as often as they occur.
    m : int in 1..n

    Returns
    -------
    ndarray of float64, shape (n,)
        The root of :func:`~fairclust.distances.squared_distance` of one pair each, to the bit.

    Notes
    -----
    At most O(n^2 d) time; in two or three dimensions far less. O(nd) memory and one block.

    Examples
    --------
    >>> kth_distances(np.array([[0.0], [1.0], [1.0], [5.0]]), 3).tolist()
    [1.0, 1.0, 1.0, 4.0]
    """
    distinct, inverse, weights = np.unique(X, axis=0, return_inverse=True, return_counts=True)
    distinct = np.ascontiguousarray(distinct)
    weights = weights.astype(np.int64)
    squared = _by_tree(distinct, weights, m)
    if squared is None:
        squared = _by_blocks(distinct, weights, m)
    return np.sqrt(squared)[inverse.reshape(-1)]


def _by_tree(
    X: NDArray[np.float64], weights: NDArray[np.int64], m: int, worth: float = TREE_WORTH
) -> NDArray[np.float64] | None:
    """Squared distances, or None if a trial finds that a query opens more than ``worth`` of all points."""
    n, d = X.shape
    if d > TREE_FEATURES and worth < 1.0:
        return None
    order, starts, low, high = _build(X, LEAF)
    placed = np.ascontiguousarray(X[order])
    heavy = weights[order]
    sums = np.concatenate([[0], np.cumsum(heavy)])
    values = np.empty(n)
    if n > TRIAL * TRIALS and worth < 1.0:
        # Whether boxes help depends on the data, not only on d; the count decides, never the clock.
        opened = 0
        for begin in np.linspace(0, n - TRIAL, TRIALS).astype(np.int64):
            opened += _search(placed, heavy, sums, starts, low, high, m, begin, begin + TRIAL, values)
        if opened > worth * n * (TRIAL - 1) * TRIALS:
            return None
    _search(placed, heavy, sums, starts, low, high, m, 0, n, values)
    squared = np.empty(n)
    squared[order] = values
    return squared


@numba.njit(cache=True, nogil=True)
def _build(X: NDArray, leaf: int) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """A balanced k-d tree in heap order: node i has the children 2i+1 and 2i+2 and the points order[starts[i]]."""
    n, d = X.shape
    depth = 0
    while (n >> depth) > leaf:
        depth += 1
    n_nodes = 2 ** (depth + 1) - 1
    order = np.arange(n)
    starts = np.empty((n_nodes, 2), dtype=np.int64)
    low = np.empty((n_nodes, d))
    high = np.empty((n_nodes, d))
    starts[0, 0] = 0
    starts[0, 1] = n
    for node in range(n_nodes):
        begin, end = starts[node]
        widest = 0
        for f in range(d):
            low[node, f] = np.inf
            high[node, f] = -np.inf
            for position in range(begin, end):
                value = X[order[position], f]
                low[node, f] = min(low[node, f], value)
                high[node, f] = max(high[node, f], value)
            if high[node, f] - low[node, f] > high[node, widest] - low[node, widest]:
                widest = f
        left = 2 * node + 1
        if left < n_nodes:
            part = order[begin:end].copy()
            values = np.empty(end - begin)
            for position in range(end - begin):
                values[position] = X[part[position], widest]
            order[begin:end] = part[np.argsort(values, kind="mergesort")]
            middle = begin + (end - begin) // 2
            starts[left, 0] = begin
            starts[left, 1] = middle
            starts[left + 1, 0] = middle
            starts[left + 1, 1] = end
    return order, starts, low, high


@numba.njit(cache=True, nogil=True)
def _search(
    X: NDArray,
    weights: NDArray,
    sums: NDArray,
    starts: NDArray,
    low: NDArray,
    high: NDArray,
    m: int,
    begin: int,
    end: int,
    squared: NDArray,
) -> int:
    """Fill ``squared[begin:end]``; return how many points were opened, not counting those of the first query."""
    n, d = X.shape
    n_nodes = len(starts)
    opened = 0
    found = np.empty(n)
    found_weight = np.empty(n, dtype=np.int64)
    stack = np.empty(128, dtype=np.int64)
    for query in range(begin, end):
        near = -1.0
        far = np.inf
        # Neighbours in leaf order are neighbours in space, so their radii differ little.
        for other in range(max(begin, query - MEMORY), query):
            step = np.sqrt(squared_distance(X, query, X, other))
            radius = np.sqrt(squared[other])
            near = max(near, radius - step - GUARD * (radius + step))
            far = min(far, (radius + step) * (1.0 + GUARD))
        near2 = near * near if near > 0.0 else -1.0
        far2 = far * far
        while True:
            inside = 0
            n_found = 0
            stack[0] = 0
            top = 1
            while top > 0:
                top -= 1
                node = stack[top]
                nearest2 = 0.0
                farthest2 = 0.0
                for f in range(d):
                    below = low[node, f] - X[query, f]
                    above = X[query, f] - high[node, f]
                    gap = max(0.0, max(below, above))
                    nearest2 += gap * gap
                    reach = max(-below, -above)
                    farthest2 += reach * reach
                if nearest2 * (1.0 - GUARD) > far2:
                    continue
                if farthest2 * (1.0 + GUARD) < near2:
                    inside += sums[starts[node, 1]] - sums[starts[node, 0]]
                    continue
                if 2 * node + 1 < n_nodes:
                    stack[top] = 2 * node + 1
                    stack[top + 1] = 2 * node + 2
                    top += 2
                    continue
                if query > begin:
                    opened += starts[node, 1] - starts[node, 0]
                for position in range(starts[node, 0], starts[node, 1]):
                    s = squared_distance(X, query, X, position)
                    if s < near2:
                        inside += weights[position]
                    elif s <= far2:
                        found[n_found] = s
                        found_weight[n_found] = weights[position]
                        n_found += 1
            value = _weighted_kth(found[:n_found], found_weight[:n_found], m - inside, -1.0)
            if value >= 0.0:
                break
            # The shell missed it, which rounding alone cannot cause; search without a shell rather than be wrong.
            near2 = -1.0
            far2 = np.inf
        squared[query] = value
    return opened


@numba.njit(cache=True, nogil=True)
def _weighted_kth(values: NDArray, weights: NDArray, m: int, none: float) -> float:
    """The m-th smallest of ``values``, each repeated ``weights`` times, or ``none``. Reorders both arrays."""
    if m < 1:
        return none
    left = 0
    right = len(values) - 1
    while left < right:
        a, b, c = values[left], values[(left + right) // 2], values[right]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = left, right
        weight_left = 0
        while i <= j:
            while values[i] < pivot:
                weight_left += weights[i]
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                weights[i], weights[j] = weights[j], weights[i]
                weight_left += weights[i]
                i += 1
                j -= 1
        # Now values[left..j] <= pivot, values[i..right] >= pivot and weight_left belongs to left..i-1.
        middle = 0
        for position in range(j + 1, i):
            middle += weights[position]
        if m <= weight_left - middle:
            right = j
        elif m <= weight_left:
            return pivot
        else:
            m -= weight_left
            left = i
    if left > right or m > weights[left]:
        return none
    return values[left]


def _by_blocks(X: NDArray[np.float64], weights: NDArray[np.int64], m: int) -> NDArray[np.float64]:
    n = len(X)
    # Centred, the products are no larger than they must be; a subtraction has a relative error of one unit only.
    low = X.min(axis=0)
    centred = X - (low + (X - low).mean(axis=0))
    norms = np.einsum("ij,ij->i", centred, centred)
    squared = np.empty(n)
    rows = min(n, max(1, BLOCK_ENTRIES // n))
    block = np.empty((rows, n))
    for begin in range(0, n, rows):
        part = centred[begin : begin + rows]
        products = np.matmul(part, centred.T, out=block[: len(part)])
        _select(X, weights, norms, products, begin, m, squared)
    return squared


@numba.njit(cache=True, nogil=True)
def _select(
    X: NDArray, weights: NDArray, norms: NDArray, products: NDArray, begin: int, m: int, squared: NDArray
) -> None:
    n, d = X.shape
    total = weights.sum()
    largest = norms.max()
    found = np.empty(n)
    found_weight = np.empty(n, dtype=np.int64)
    stride = max(1, int(n ** (1 / 3)))
    n_sample = (n + stride - 1) // stride
    sample = np.empty(n_sample)
    row_values = np.empty(n)
    found_row = np.empty(n, dtype=np.int64)
    wanted = m / total * n_sample
    for row in range(products.shape[0]):
        query = begin + row
        # |computed - true| <= error for every entry: d + 4 roundings of terms of at most (|x| + |y|)^2, doubled
        # several times over.
        error = 16.0 * (d + 8) * 2.3e-16 * (norms[query] + largest)
        for j in range(n):
            row_values[j] = (norms[query] - 2.0 * products[row, j]) + norms[j]
        for position in range(n_sample):
            sample[position] = row_values[position * stride]
        margin = 2.0 * np.sqrt(wanted * max(0.0, 1.0 - m / total)) + 2.0
        while True:
            first = int(np.floor(wanted - margin))
            last = int(np.ceil(wanted + margin))
            upper = sample
            if first >= 0:
                upper = np.partition(sample, first)[first:]
            near = upper[0] if first >= 0 else -np.inf
            far = np.partition(upper, last - max(0, first))[last - max(0, first)] if last < n_sample else np.inf
            inside = 0
            n_found = 0
            # Two loops: the first has no branch and runs on vector instructions.
            for j in range(n):
                if row_values[j] < near:
                    inside += weights[j]
            for j in range(n):
                if (row_values[j] >= near) & (row_values[j] <= far):
                    found_row[n_found] = j
                    found[n_found] = row_values[j]
                    found_weight[n_found] = weights[j]
                    n_found += 1
            guess = _weighted_kth(found[:n_found], found_weight[:n_found], m - inside, -np.inf)
            # The m-th true value is within one error of the m-th computed one, so every entry that can be it is
            # within two. All of them must lie in the bracket.
            if guess > -np.inf and guess - 2.0 * error >= near and guess + 2.0 * error <= far:
                break
            margin *= 4.0
        n_close = 0
        for position in range(n_found):
            j = found_row[position]
            if row_values[j] < guess - 2.0 * error:
                inside += weights[j]
            elif row_values[j] <= guess + 2.0 * error:
                found[n_close] = squared_distance(X, query, X, j)
                found_weight[n_close] = weights[j]
                n_close += 1
        squared[query] = _weighted_kth(found[:n_close], found_weight[:n_close], m - inside, -np.inf)
