"""Passes over the rows of a cost matrix: everything of the assignment LP that touches all n points.

Each kernel works through one block of rows and adds to O(cells) totals, row after row, so that the result does not
depend, to the last bit, on how the rows are cut into blocks. :class:`CostBlocks` cuts them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from fairclust._validation import check_number

__all__ = ["CostBlocks", "agree", "classify", "cut", "patterns", "send", "spread"]

Floats = NDArray[np.float64]

#: A block of a matrix that is not in memory holds about this many entries (32 MiB of float64).
BLOCK_ENTRIES = 1 << 22


class CostBlocks:
    """A cost matrix, shape (n, k), read one block of rows at a time.

    Parameters
    ----------
    costs : ndarray, memmap, DataFrame, nested list, or any object with ``shape`` whose row slices become arrays
        An ordinary C-contiguous float array is one block, without a copy. Of anything else only one block is held.
    chunk_rows : int, optional
        Rows per block.
    """

    def __init__(self, costs: Any, chunk_rows: int | None = None) -> None:
        if not hasattr(costs, "shape") or hasattr(costs, "iloc"):
            costs = np.asarray(costs)
        if len(costs.shape) != 2 or not costs.shape[0] or not costs.shape[1]:
            raise ValueError(f"costs must have one row per point and one column per center, got shape {costs.shape}")
        if isinstance(costs, np.ma.MaskedArray):
            # A slice as an ordinary array would show what lies under the mask.
            costs = np.ma.filled(costs.astype(np.float64), np.nan)
        if isinstance(costs, np.ndarray) and costs.dtype.kind not in "fiu":
            try:
                costs = costs.astype(np.float64, casting="unsafe" if costs.dtype.kind in "bO" else "safe")
            except (TypeError, ValueError):
                raise TypeError(f"costs must be real numbers, got dtype {costs.dtype}") from None
        self.costs = costs
        self.n_points, self.n_clusters = int(costs.shape[0]), int(costs.shape[1])
        in_memory = type(costs) is np.ndarray and costs.flags.c_contiguous and costs.dtype in (np.float32, np.float64)
        if chunk_rows is not None:
            self.rows = int(check_number(chunk_rows, "chunk_rows", low=1, integer=True))
        else:
            self.rows = self.n_points if in_memory else max(1, BLOCK_ENTRIES // self.n_clusters)

    def __iter__(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """Pairs (first row, block), each block C-contiguous and of a float type."""
        for start in range(0, self.n_points, self.rows):
            yield start, self._block(start, min(start + self.rows, self.n_points))

    def take(self, rows: NDArray[np.intp]) -> Floats:
        """The given rows, ascending, as float64, shape (m, k)."""
        taken = np.empty((len(rows), self.n_clusters))
        if not len(rows):
            return taken
        if isinstance(self.costs, np.ndarray):
            taken[:] = self.costs[rows]
            return taken
        for start in range(0, self.n_points, self.rows):
            stop = min(start + self.rows, self.n_points)
            first, last = np.searchsorted(rows, (start, stop))
            if last > first:
                taken[first:last] = self._block(start, stop)[rows[first:last] - start]
        return taken

    def _block(self, start: int, stop: int) -> NDArray[Any]:
        block = np.asarray(self.costs[start:stop])
        kind = block.dtype if block.dtype in (np.float32, np.float64) else np.float64
        return np.ascontiguousarray(block, dtype=kind)


@njit(cache=True, nogil=True)
def _cheapest(costs: Any, row: int, slope: float, prices: Any, t: int) -> int:
    """The center of least slope * cost + price; ties go to the smaller cost, then to the smaller index.

    The smaller cost matters where the slope is 0 (a group that does not count): its points then stay near.
    """
    best, cost, center = slope * costs[row, 0] + prices[t, 0], costs[row, 0], 0
    for i in range(1, costs.shape[1]):
        candidate = slope * costs[row, i] + prices[t, i]
        if candidate < best or (candidate == best and costs[row, i] < cost):
            best, cost, center = candidate, costs[row, i], i
    return center


@njit(cache=True, nogil=True)
def classify(costs: Any, start: int, codes: Any, weights: Any, nearest: Any, margins: Any, totals: Any) -> int:
    """Each row's nearest center and its margin to the second; totals (T, 2) gains the nearest and the mean costs.

    Returns the first row of the block with a negative or non-finite cost, or -1.
    """
    n_rows, k = costs.shape
    weighted = len(weights) > 0
    for row in range(n_rows):
        first, second, center, total = np.inf, np.inf, 0, 0.0
        for i in range(k):
            cost = costs[row, i]
            if not 0.0 <= cost < np.inf:
                return row
            total += cost
            if cost < first:
                first, second, center = cost, first, i
            elif cost < second:
                second = cost
        j = start + row
        nearest[j] = center
        margins[j] = second - first if k > 1 else 0.0
        weight = weights[j] if weighted else 1.0
        totals[codes[j], 0] += weight * first
        totals[codes[j], 1] += weight * total / k
    return -1


@njit(cache=True, nogil=True)
def cut(codes: Any, nearest: Any, margins: Any, thresholds: Any, cells: Any) -> None:
    """Each point's cell: its (class, nearest center) pair and how many of the pair's thresholds its margin passes."""
    k, bins = thresholds.shape[1], thresholds.shape[2] + 1
    for j in range(len(codes)):
        t, i = codes[j], nearest[j]
        b = 0
        while b < bins - 1 and margins[j] > thresholds[t, i, b]:
            b += 1
        cells[j] = (t * k + i) * bins + b


@njit(cache=True, nogil=True)
def send(
    costs: Any,
    start: int,
    codes: Any,
    cells: Any,
    weights: Any,
    slopes: Any,
    prices: Any,
    cell_costs: Any,
    cell_masses: Any,
) -> None:
    """One sweep: every point to its cheapest center at these prices; cells gain cost, shape (C,), and mass, (C, k)."""
    weighted = len(weights) > 0
    for row in range(costs.shape[0]):
        j = start + row
        t, cell = codes[j], cells[j]
        i = _cheapest(costs, row, slopes[t], prices, t)
        weight = weights[j] if weighted else 1.0
        cell_costs[cell] += weight * costs[row, i]
        cell_masses[cell, i] += weight


@njit(cache=True, nogil=True)
def spread(costs: Any, start: int, cells: Any, weights: Any, cell_costs: Any, cell_masses: Any) -> None:
    """Every point to all centers in equal parts; cells gain cost, shape (C,), and mass, shape (C, k)."""
    weighted = len(weights) > 0
    k = costs.shape[1]
    for row in range(costs.shape[0]):
        cell = cells[start + row]
        part = (weights[start + row] if weighted else 1.0) / k
        for i in range(k):
            cell_costs[cell] += part * costs[row, i]
            cell_masses[cell, i] += part


@njit(cache=True, nogil=True)
def agree(
    costs: Any,
    start: int,
    codes: Any,
    cells: Any,
    weights: Any,
    first: Any,
    sweeps: Any,
    slopes: Any,
    prices: Any,
    labels: Any,
    class_costs: Any,
    class_masses: Any,
) -> None:
    """Labels of the points on which all patterns that their cell mixes agree, -1 for the others.

    Classes gain the cost, shape (T,), and the mass, shape (T, k), of the points that get a label.
    Cell q mixes the patterns of ``sweeps[first[q]:first[q + 1]]``; sweep s had ``slopes[s]`` and ``prices[s]``, and
    -1 stands for the pattern that sends equal parts everywhere. Points without weight follow the first pattern.
    """
    weighted = len(weights) > 0
    k = costs.shape[1]
    for row in range(costs.shape[0]):
        j = start + row
        t, cell = codes[j], cells[j]
        label = -2
        for column in range(first[cell], first[cell + 1]):
            s = sweeps[column]
            if s < 0:
                center = 0 if k == 1 or (weighted and weights[j] == 0.0) else -1
            else:
                center = _cheapest(costs, row, slopes[s, t], prices[s], t)
            if label == -2:
                label = center
                if weighted and weights[j] == 0.0:
                    break
            elif label != center:
                label = -1
            if label == -1:
                break
        labels[j] = label
        if label >= 0:
            weight = weights[j] if weighted else 1.0
            class_costs[t] += weight * costs[row, label]
            class_masses[t, label] += weight


@njit(cache=True, nogil=True)
def patterns(costs: Any, codes: Any, cells: Any, first: Any, sweeps: Any, slopes: Any, prices: Any, sent: Any) -> None:
    """Where each of its cell's patterns sends each of these points: ``sent[row, 0..]``, -1 for equal parts, else -2."""
    for row in range(costs.shape[0]):
        t, cell = codes[row], cells[row]
        begin = first[cell]
        for column in range(begin, first[cell + 1]):
            s = sweeps[column]
            sent[row, column - begin] = -1 if s < 0 else _cheapest(costs, row, slopes[s, t], prices[s], t)
