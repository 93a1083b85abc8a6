r"""Newton's matrix over the facilities, :math:`D + \sum_v q_v q_v^\top / H_v`, put together in dense blocks.

Added demand by demand, each product lands on entries all over the matrix. Demands near each other see much the same
facilities, so a few dozen of them together are a small dense matrix Q over the facilities any of them sees, and
:math:`Q^\top Q` is one matrix product whose entries are then added once. On the census (3,000 points, k = 10) that is
ten times as fast. Blocks that would be mostly zeros are still added demand by demand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["Layout", "assemble", "plan_layout"]

#: Numbers of demands per block that are weighed against each other.
BLOCK_SIZES = (32, 128)
#: Seconds (1e-9) measured for adding one product of a single demand, for adding one entry of a finished block, for one
#: multiplication within a block, and for a block's work space. Only their ratios matter, and only for speed.
ADD_ONE, ADD_ENTRY, MULTIPLY, OVERHEAD = 3.0, 1.5, 0.04, 2000.0

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Nodes = NDArray[np.int32]

# A division by zero gives infinity, as in numpy: the factorisation finds it.
_jit = numba.njit(cache=True, nogil=True, error_model="numpy")


@dataclass(frozen=True, eq=False)
class Layout:
    """Which demands are added together.

    Attributes
    ----------
    order : ndarray of int64, shape (n,)
        The demands, those of a block in a row.
    cut : ndarray of int64, shape (n_blocks + 1,)
        Block b holds ``order[cut[b]:cut[b + 1]]``.
    dense : ndarray of bool, shape (n_blocks,)
        Whether the block is worth a matrix product.
    """

    order: Ints
    cut: Ints
    dense: NDArray[np.bool_]


@_jit
def _walk(start: Ints, node: Nodes, nearest: Ints, n_facilities: int, size: int, order: Ints, cut: Ints) -> int:
    """Put demands that share facilities side by side; returns the number of blocks.

    From a demand on, those whose nearest facility is near follow, until the block is full; the next block begins at the
    nearest facility that is left.
    """
    n = len(start) - 1
    count = np.zeros(n_facilities + 1, np.int64)
    for v in range(n):
        count[node[nearest[start[v]]] + 1] += 1
    for u in range(n_facilities):
        count[u + 1] += count[u]
    place = count[:-1].copy()
    members = np.empty(n, np.int64)
    for v in range(n):
        u = node[nearest[start[v]]]
        members[place[u]] = v
        place[u] += 1
    left = count[1:] > count[:-1]
    filled = n_blocks = scan = 0
    cut[0] = 0
    while filled < n:
        seed = -1
        if filled:
            last = order[filled - 1]
            for e in range(start[last], start[last + 1]):
                if left[node[nearest[e]]]:
                    seed = node[nearest[e]]
                    break
        if seed < 0:
            while not left[scan]:
                scan += 1
            seed = scan
        first = members[count[seed]]
        begin = filled
        # The seed is the nearest facility of its own first demand, so at least one demand follows.
        for e in range(start[first], start[first + 1]):
            u = node[nearest[e]]
            if left[u]:
                left[u] = False
                for p in range(count[u], count[u + 1]):
                    order[filled] = members[p]
                    filled += 1
                if filled - begin >= size:
                    break
        pieces = max(1, (filled - begin) // size)
        for i in range(1, pieces + 1):
            n_blocks += 1
            cut[n_blocks] = begin + (filled - begin) * i // pieces
    return n_blocks


@_jit
def _weigh(
    start: Ints, node: Nodes, n_facilities: int, order: Ints, cut: Ints, n_blocks: int, dense: NDArray[np.bool_]
) -> float:
    """Decide for each block; returns the time expected for all."""
    seen = np.full(n_facilities, -1, np.int64)
    total = 0.0
    for b in range(n_blocks):
        union = 0
        products = 0.0
        for i in range(cut[b], cut[b + 1]):
            v = order[i]
            products += 0.5 * float(start[v + 1] - start[v]) ** 2
            for e in range(start[v], start[v + 1]):
                if seen[node[e]] != b:
                    seen[node[e]] = b
                    union += 1
        apart = ADD_ONE * products
        together = OVERHEAD + float(union) ** 2 * (0.5 * ADD_ENTRY + MULTIPLY * (cut[b + 1] - cut[b]))
        dense[b] = together < apart
        total += min(together, apart)
    return total


def plan_layout(start: Ints, node: Nodes, nearest: Ints, n_facilities: int) -> Layout:
    """The cheapest of several block sizes for these balls.

    Parameters
    ----------
    start, node, nearest : arrays
        As in :class:`fairclust.solvers.facility_program.Program`.
    n_facilities : int
        m.

    Returns
    -------
    Layout

    Notes
    -----
    O(n_edges) time, once per program.
    """
    n = len(start) - 1
    best, least = None, np.inf
    for size in BLOCK_SIZES:
        order, cut = np.empty(n, dtype=np.int64), np.empty(n + 1, dtype=np.int64)
        n_blocks = _walk(start, node, nearest, n_facilities, size, order, cut)
        dense = np.empty(n_blocks, dtype=bool)
        expected = _weigh(start, node, n_facilities, order, cut, n_blocks, dense)
        if best is None or expected < least:
            best, least = Layout(order, cut[: n_blocks + 1].copy(), dense), expected
    assert best is not None
    return best


@_jit
def _assemble(
    start: Ints,
    node: Nodes,
    q: Floats,
    row: Floats,
    diagonal: Floats,
    order: Ints,
    cut: Ints,
    dense: NDArray[np.bool_],
    matrix: Floats,
) -> None:
    m = len(diagonal)
    position = np.full(m, -1, np.int64)
    for b in range(len(dense)):
        size = cut[b + 1] - cut[b]
        if not dense[b]:
            for i in range(cut[b], cut[b + 1]):
                v = order[i]
                weight = 1.0 / row[v]
                first = start[v]
                for e in range(first, start[v + 1]):
                    f = q[e] * weight
                    line = matrix[node[e]]
                    for g in range(first, e + 1):
                        line[node[g]] += f * q[g]
            continue
        found = np.empty(m, np.int64)
        union = 0
        for i in range(cut[b], cut[b + 1]):
            v = order[i]
            for e in range(start[v], start[v + 1]):
                if position[node[e]] < 0:
                    position[node[e]] = 0
                    found[union] = node[e]
                    union += 1
        nodes = np.sort(found[:union])
        for j in range(union):
            position[nodes[j]] = j
        block = np.zeros((size, union))
        for i in range(size):
            v = order[cut[b] + i]
            root = 1.0 / np.sqrt(row[v])
            for e in range(start[v], start[v + 1]):
                block[i, position[node[e]]] = q[e] * root
        product = np.dot(block.T, block)
        for j in range(union):
            line = matrix[nodes[j]]
            for g in range(j + 1):
                line[nodes[g]] += product[j, g]
            position[nodes[j]] = -1
    for u in range(m):
        matrix[u, u] += diagonal[u]


def assemble(
    start: Ints, node: Nodes, q: Floats, row: Floats, diagonal: Floats, layout: Layout, matrix: Floats
) -> None:
    """Put the lower triangle of diag + sum_v q_v q_v' / row_v into ``matrix``.

    Parameters
    ----------
    start, node : arrays
        As in :class:`fairclust.solvers.facility_program.Program`; facilities ascend within each ball.
    q : array of shape (n_edges,)
    row : array of shape (n,), positive
    diagonal : array of shape (m,)
    layout : Layout
    matrix : array of shape (m, m)
        Zero before (a tenth of a large one is used, and clearing all of it would take as long as putting it together);
        above the diagonal it stays zero.
    """
    _assemble(start, node, q, row, diagonal, layout.order, layout.cut, layout.dense, matrix)
