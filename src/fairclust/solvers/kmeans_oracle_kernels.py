r"""Compiled passes of :mod:`fairclust.solvers.kmeans_oracle`.

A *node* is a set of k centers for which everything about the fixed points U is known: each row's label and margin (how
much farther its second-nearest center is than its nearest), the rows of smallest margin in order, and counts and sums
by cluster and group. At other centers, each no farther than :math:`\delta_i` from the node's, a row with label a and a
margin above :math:`\delta_a + \max_{i \ne a} \delta_i` has the same label (Hamerly's bound), so that a pass looks at
the rows at the front of that order and at no others.

Sums are kept in fixed point, as two 64-bit integers per coordinate. Integers add up exactly in any order, so the sums
of a cluster are a function of its rows alone, whatever node they were derived from and whoever came and went.

Kernels that call each other stand in one file because numba's cache watches no other.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = [
    "AMBIGUOUS",
    "EMPTY_CLUSTER",
    "FIXED_POINT",
    "NEED_NODE",
    "OUT_OF_PASSES",
    "bounds_with",
    "descend",
    "examine_all",
    "settle",
    "tally",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Shorts = NDArray[np.int32]

#: What :func:`descend` came back with.
FIXED_POINT, EMPTY_CLUSTER, OUT_OF_PASSES, AMBIGUOUS, NEED_NODE = 0, 1, 2, 3, 4

_EPS = float(np.finfo(np.float64).eps)

#: Squares of differences below this may underflow; beside coordinates of order 1 it is nothing.
_TINY = 1e-150


@njit(cache=True, nogil=True)
def examine_all(points: Floats, centers: Floats, labels: Shorts, margins: Floats) -> None:
    """Fill each row's nearest center (lowest index on ties) and a lower bound of its margin. O(n k d)."""
    n, d = points.shape
    tolerance = 4.0 * (d + 32) * _EPS
    for r in range(n):
        best = second = np.inf
        nearest = 0
        for j in range(len(centers)):
            squared = 0.0
            for f in range(d):
                t = points[r, f] - centers[j, f]
                squared += t * t
            if squared < best:
                second, best, nearest = best, squared, j
            elif squared < second:
                second = squared
        labels[r] = nearest
        margins[r] = np.sqrt(second) * (1.0 - tolerance) - np.sqrt(best) * (1.0 + tolerance) - _TINY


@njit(cache=True, nogil=True)
def tally(hi: Ints, lo: Ints, codes: Ints, labels: Shorts, counts: Ints, high: Ints, low: Ints) -> None:
    """Add every row to its cell: counts (k, H), and both halves of its fixed-point features (k, H, d + 1). O(n d)."""
    for r in range(len(codes)):
        i, h = labels[r], codes[r]
        counts[i, h] += 1
        for f in range(hi.shape[1]):
            high[i, h, f] += hi[r, f]
            low[i, h, f] += lo[r, f]


@njit(cache=True, nogil=True)
def _movement(centers: Floats, others: Floats, shifts: Floats, give_up: float) -> float:
    """Fill how far each center is from the node's, rounded up; return the sum of the two largest (or any larger sum
    than ``give_up``, once it is clear that it is exceeded)."""
    k, d = centers.shape
    tolerance = 1.0 + 4.0 * (d + 32) * _EPS
    largest = second = 0.0
    for j in range(k):
        squared = 0.0
        for f in range(d):
            t = centers[j, f] - others[j, f]
            squared += t * t
        shift = np.sqrt(squared) * tolerance + _TINY if squared > 0.0 else 0.0
        shifts[j] = shift
        if shift > largest:
            largest, second = shift, largest
        elif shift > second:
            second = shift
        if largest + second > give_up:
            return np.inf
    return largest + second


@njit(cache=True, nogil=True)
def _largest_but(values: Floats, j: int) -> float:
    """The largest of the non-negative values, entry j left out."""
    largest = 0.0
    for l in range(len(values)):
        if l != j:
            largest = max(largest, values[l])
    return largest


@njit(cache=True, nogil=True)
def _front(margins: Floats, bound: float) -> int:
    """How many of the ascending margins are at most the bound."""
    low, high = 0, len(margins)
    while low < high:
        middle = (low + high) // 2
        if margins[middle] <= bound:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _nearest_node(
    centers: Floats, slack: float, hint: int, last: int, n_nodes: int, node_centers: Floats, node_margins: Floats,
    node_reach: Floats, shifts: Floats,
) -> tuple[int, int]:  # fmt: skip
    """A node near the centers, and how many rows it leaves to examine; -1 if no node's order reaches far enough.

    The node met at the same pass of the path for U alone and the node used last are asked first. All the others are
    asked only if those two leave more rows to look at than there are nodes.
    """
    best, bound = -1, np.inf
    for node in (hint, last):
        if node >= 0 and node != best:
            sum_of_two = _movement(centers, node_centers[node], shifts, bound)
            if sum_of_two < bound:
                best, bound = node, sum_of_two
    if best < 0 or bound + slack >= node_reach[best] or _front(node_margins[best], bound + slack) > n_nodes:
        for node in range(n_nodes):
            sum_of_two = _movement(centers, node_centers[node], shifts, bound)
            if sum_of_two < bound:
                best, bound = node, sum_of_two
    if best < 0 or not bound + slack < node_reach[best]:
        return -1, 0
    _movement(centers, node_centers[best], shifts, np.inf)
    return best, _front(node_margins[best], bound + slack)


@njit(cache=True, nogil=True)
def _place(row: Floats, centers: Floats, norms: Floats, error: float, offset: float) -> tuple[int, float]:
    """The nearest center of a row; -1 if rounding might have a say in the choice.

    Two distances are told apart only if they differ by more than they may be off, in this arithmetic, in that of
    :func:`fairclust.solvers.kmeans.lloyd` and in that of scikit-learn, which evaluates ``|c|^2 - 2 x.c``.
    """
    d = len(row)
    best = second = np.inf
    nearest = runner_up = 0
    length = 0.0
    for f in range(d):
        length += row[f] * row[f]
    for j in range(len(centers)):
        squared = 0.0
        for f in range(d):
            t = row[f] - centers[j, f]
            squared += t * t
        if squared < best:
            second, runner_up, best, nearest = best, nearest, squared, j
        elif squared < second:
            second, runner_up = squared, j
    if len(centers) == 1:
        return 0, np.inf
    near, far = np.sqrt(best), np.sqrt(second)
    size = length + norms[nearest] + norms[runner_up] + offset
    if not second - best > 4.0 * error * (near + far) + 16.0 * (d + 8) * _EPS * size:
        return -1, 0.0
    return nearest, far - near - 4.0 * (d + 32) * _EPS * (near + far) - _TINY


@njit(cache=True, nogil=True)
def bounds_with(V: Floats, n: int, alone: Floats, mass: Floats) -> Floats:
    """The ``bounds`` of :func:`descend` for U and V: those for U ``alone`` and its sums of |x_f|, updated. O(m d)."""
    m, d = V.shape
    bounds = alone.copy()
    squared = offset = 0.0
    for f in range(d):
        total = absolute = 0.0
        for r in range(m):
            total += V[r, f]
            absolute += abs(V[r, f])
            # "not at most" rather than "greater": what is not a number must show.
            if not abs(V[r, f]) <= bounds[0]:
                bounds[0] = abs(V[r, f])
        # lloyd puts the origin at the mean of U and V: sums of |x_f| grow by at most the sum of V, once more.
        squared += (mass[f] + 2.0 * absolute) ** 2
        offset += (total / (n + m)) ** 2
    bounds[1], bounds[3] = np.sqrt(squared), offset
    return bounds


@njit(cache=True, nogil=True)
def descend(
    points: Floats, hi: Ints, lo: Ints, units: Floats, V: Floats, bounds: Floats, centers: Floats, max_iter: int,
    node_centers: Floats, node_margins: Floats, node_rows: Shorts, node_labels: Shorts, node_reach: Floats,
    node_counts: Ints, node_high: Ints, node_low: Ints, n_nodes: int, hints: Ints, coarse: int, state: Ints,
    sizes: Floats, previous: Floats, drift: Floats, trail: Ints, moves: Shorts, met: Ints, met_labels: Shorts,
    met_margins: Floats,
) -> int:  # fmt: skip
    """Lloyd's iterations on U and V together, looking only at rows of U that a node does not settle.

    Parameters
    ----------
    points, hi, lo : (n, d), (n, d + 1), (n, d + 1)
        U, and its features and squared norms in fixed point with the two ``units``.
    V : (m, d)
    bounds : (4,)
        Largest |coordinate| of U and V; norm of the vector of sums of |x_f|; largest squared norm of a row of U;
        squared distance between the mean of U and that of U and V.
    centers : (k, d), in and out
    node_... : the nodes; ``n_nodes`` of them are filled. ``node_counts`` (M, k), ``node_high`` and ``node_low``
        (M, k, d + 1) are by cluster; ``node_reach`` is the smallest margin that is not in ``node_margins``.
    hints : the nodes of the path for U alone
    coarse : rows beyond which a pass counts as expensive
    state : (5,), in and out
        Passes made; work done since the last node was made, in rows; the node used last; rows in ``moves``; the number
        of this run, different for each.
    sizes : (2,), in and out
        Members of the smallest cluster at the last pass; additions to the sums of one cluster so far, at most.
    previous, drift : (k, d), (k,), in and out
        The centers of the last pass; how far each has come in this run, together with the fastest other one.
    trail, moves : out
        The node used at each pass (as far as there is room); rows (r, old, new) whose label differs from that of the
        last node.
    met, met_labels, met_margins : (n + m,) or longer, in and out
        For rows of U, then of V: the run in which a row was last looked at, its label then, and its margin then, plus
        the drift of its center at that time. Until the drift has used that up, the label stands.

    Returns
    -------
    FIXED_POINT
        ``centers`` are the means of their own clusters.
    EMPTY_CLUSTER, OUT_OF_PASSES
    AMBIGUOUS
        A row's nearest center hangs on rounding.
    NEED_NODE
        ``centers`` are too far from all nodes; the caller should make one there, and call again.
    """
    n, d = points.shape
    m, k = len(V), len(centers)
    radius, mass, longest, offset = bounds[0], bounds[1], bounds[2], bounds[3]
    shifts, limits, norms = np.empty(k), np.empty(k), np.empty(k)
    high, low = np.empty((k, d + 1), np.int64), np.empty((k, d + 1), np.int64)
    counts, V_counts, sums = np.empty(k, np.int64), np.empty(k, np.int64), np.empty((k, d))
    while True:
        passes = state[0]
        # How far lloyd's centers may be from the exact means, and points from theirs: each addition to a sum of terms
        # whose absolute values add up to at most `mass` is off by half an eps of it.
        error = 16.0 * _EPS * np.sqrt(d) * radius
        if passes > 0:
            error += 0.6 * _EPS * sizes[1] * mass / sizes[0]
        top, apart = 0.0, np.inf
        for j in range(k):
            norms[j] = 0.0
            for f in range(d):
                norms[j] += centers[j, f] * centers[j, f]
            top = max(top, norms[j])
            for l in range(j):
                squared = 0.0
                for f in range(d):
                    t = centers[j, f] - centers[l, f]
                    squared += t * t
                apart = min(apart, squared)
        if not apart > 0.0:
            return AMBIGUOUS
        # A row that is not examined must be free of doubt, too: the largest `wrong` of _place, divided by the sum of
        # two distances, which is at least the distance between the two centers.
        slack = 4.0 * error + 16.0 * (d + 8) * _EPS * (longest + 2.0 * top + offset) / np.sqrt(apart)
        hint = hints[min(passes, len(hints) - 1)] if len(hints) else -1
        node, front = _nearest_node(
            centers, slack, hint, state[2], n_nodes, node_centers, node_margins, node_reach, shifts
        )
        if node < 0 or (front > coarse and state[1] + front > 2 * n):
            return NEED_NODE
        state[1] += front
        state[2] = node
        # Rows that came to or went from a cluster since the last pass: at most all that this node does not settle,
        # there and here.
        came = n
        if passes > 0:
            bound = _movement(previous, node_centers[node], limits, np.inf) + slack
            if bound < node_reach[node]:
                came = min(n, _front(node_margins[node], bound) + front)
            _movement(centers, previous, limits, np.inf)
            for j in range(k):
                drift[j] = (drift[j] + (limits[j] + _largest_but(limits, j))) * (1.0 + 4.0 * _EPS)
        else:
            drift[:] = 0.0
        sizes[1] = (sizes[1] if passes > 0 else 0.0) + came + m
        previous[:] = centers
        if passes < len(trail):
            trail[passes] = node
        for j in range(k):
            limits[j] = shifts[j] + _largest_but(shifts, j) + slack
            counts[j] = node_counts[node, j]
            for f in range(d + 1):
                high[j, f] = node_high[node, j, f]
                low[j, f] = node_low[node, j, f]
        moved = 0
        for place in range(front):
            old = node_labels[node, place]
            if node_margins[node, place] > limits[old]:
                continue
            r = node_rows[node, place]
            new = met_labels[r]
            if met[r] != state[4] or not met_margins[r] > drift[new] + slack:
                new, margin = _place(points[r], centers, norms, error, offset)
                if new < 0:
                    return AMBIGUOUS
                met[r], met_labels[r], met_margins[r] = state[4], new, margin + drift[new] * (1.0 - 2.0 * _EPS)
            if new != old:
                moves[moved, 0], moves[moved, 1], moves[moved, 2] = r, old, new
                moved += 1
                counts[old] -= 1
                counts[new] += 1
                for f in range(d + 1):
                    high[old, f] -= hi[r, f]
                    low[old, f] -= lo[r, f]
                    high[new, f] += hi[r, f]
                    low[new, f] += lo[r, f]
        state[3] = moved
        V_counts[:] = 0
        sums[:] = 0.0
        for r in range(m):
            new = met_labels[n + r]
            if met[n + r] != state[4] or not met_margins[n + r] > drift[new] + slack:
                new, margin = _place(V[r], centers, norms, error, offset)
                if new < 0:
                    return AMBIGUOUS
                met[n + r], met_labels[n + r] = state[4], new
                met_margins[n + r] = margin + drift[new] * (1.0 - 2.0 * _EPS)
            V_counts[new] += 1
            for f in range(d):
                sums[new, f] += V[r, f]
        state[0] = passes + 1
        fewest = n + m
        for j in range(k):
            fewest = min(fewest, counts[j] + V_counts[j])
        if fewest == 0:
            return EMPTY_CLUSTER
        sizes[0] = fewest
        same = True
        for j in range(k):
            members = counts[j] + V_counts[j]
            for f in range(d):
                mean = (high[j, f] * units[0] + low[j, f] * units[1] + sums[j, f]) / members
                same = same and mean == centers[j, f]
                centers[j, f] = mean
        if same:
            return FIXED_POINT
        if state[0] >= max_iter:
            return OUT_OF_PASSES


@njit(cache=True, nogil=True)
def settle(
    hi: Ints, lo: Ints, codes: Ints, units: Floats, V: Floats, V_labels: Shorts, centers: Floats, moves: Shorts,
    counts: Ints, high: Ints, low: Ints, costs: Floats,
) -> tuple[float, bool]:  # fmt: skip
    r"""What U and V pay at a fixed point: fills group costs (H,), returns the cost of V and whether digits are lost.

    ``counts`` (k, H), ``high`` and ``low`` (k, H, d + 1) come as those of the node and leave as those of the fixed
    point. The cost of a cell is :math:`\sum \|x\|^2 - 2 c^\top \sum x + N \|c\|^2`; digits are lost if that is less
    than a thousandth of :math:`\sum \|x\|^2` for some group.
    """
    k, n_groups, d = high.shape[0], high.shape[1], high.shape[2] - 1
    for place in range(len(moves)):
        r, old, new = moves[place, 0], moves[place, 1], moves[place, 2]
        h = codes[r]
        counts[old, h] -= 1
        counts[new, h] += 1
        for f in range(d + 1):
            high[old, h, f] -= hi[r, f]
            low[old, h, f] -= lo[r, f]
            high[new, h, f] += hi[r, f]
            low[new, h, f] += lo[r, f]
    lost = False
    for h in range(n_groups):
        costs[h] = squares = 0.0
        for i in range(k):
            square = high[i, h, d] * units[0] + low[i, h, d] * units[1]
            linear = norm = 0.0
            for f in range(d):
                linear += centers[i, f] * (high[i, h, f] * units[0] + low[i, h, f] * units[1])
                norm += centers[i, f] * centers[i, f]
            squares += square
            costs[h] += square - 2.0 * linear + counts[i, h] * norm
        lost = lost or costs[h] < 1e-3 * squares
    paid = 0.0
    for r in range(len(V)):
        for f in range(d):
            t = V[r, f] - centers[V_labels[r], f]
            paid += t * t
    return paid, lost
