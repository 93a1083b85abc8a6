r"""From a mixture of patterns to an assignment with few fractional points.

The master's solution mixes, in each cell, patterns that agree on almost every point. What is left is done in two
steps, neither of which can raise the objective:

1. *Peel.* The open points of a cell that the same patterns send the same ways all have the same fractions
   :math:`f_i`. Keep the masses and let whole points take the place of the fractions: fill center i with the points
   that lose least by it (by :math:`c_{ji}` minus their mean cost at the other centers), then the next center with
   the rest. By exchange, the cost does not rise; all but (number of centers - 1) points end up whole.
2. *Polish.* One small LP over the points that are still split, all others fixed. A vertex of it has at most one
   split point for each coupling row: O(Hk) in all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from fairclust.solvers.assignment_master import Master
from fairclust.solvers.assignment_sweep import CostBlocks, agree, patterns
from fairclust.solvers.assignment_terms import Terms

__all__ = ["Mixture", "Primal", "recover"]

Floats = NDArray[np.float64]

#: A share of a point below this is rounding: the rest of the point takes it. While peeling, masses must be kept more
#: exactly, or a tight bound or budget would leave the polish nothing feasible.
SPLIT_TOLERANCE, PEEL_TOLERANCE = 1e-12, 1e-14
#: A vertex whose value, evaluated from its points, is worse by this part of the LP's unit is not worth having: HiGHS
#: may leave rows violated by 1e-12, which matters where a violation costs a million times the rest.
POLISH_LOSS = 1e-9
#: The polish considers every center for a split point while that makes at most so many columns.
POLISH_COLUMNS = 20_000


@dataclass(frozen=True, eq=False)
class Mixture:
    """Which sweeps' patterns each cell mixes.

    Attributes
    ----------
    first : ndarray of int, shape (C + 1,)
        Cell q mixes the entries ``first[q]:first[q + 1]`` of ``sweeps`` and ``weights``, heaviest first.
    sweeps : ndarray of int
        Sweep numbers; -1 is the pattern of equal parts.
    weights : ndarray
        Positive, adding up to 1 in each cell.
    slopes, prices : ndarray, shapes (P, T) and (P, T, k)
        What each sweep was made at.
    """

    first: NDArray[np.intp]
    sweeps: NDArray[np.intp]
    weights: Floats
    slopes: Floats
    prices: Floats


@dataclass(frozen=True, eq=False)
class Primal:
    """An assignment: whole points by label, the others by shares.

    Attributes
    ----------
    labels : ndarray of int32, shape (n,)
        The center of each whole point; for a split one the center with its largest share.
    split : ndarray of intp, shape (m,)
        The split points, ascending.
    shares : ndarray, shape (m, k)
        Their shares, each row adding up to 1.
    class_costs, masses : ndarray, shapes (T,) and (T, k)
        Cost and mass of each class.
    """

    labels: NDArray[np.int32]
    split: NDArray[np.intp]
    shares: Floats
    class_costs: Floats
    masses: Floats


def recover(
    blocks: CostBlocks,
    codes: NDArray[np.int32],
    cells: NDArray[np.int32],
    weights: Floats,
    terms: Terms,
    mixture: Mixture,
    units: tuple[float, float],
) -> Primal:
    """The assignment behind a mixture, peeled and polished; see the module's head.

    ``weights`` is empty where every point counts 1; ``units`` are the master's units of cost and value.

    Notes
    -----
    O(nk) time for one pass over the costs, O(mk log m) for m open points; O(n + mk) memory.
    """
    n, k, n_classes = blocks.n_points, blocks.n_clusters, len(terms.class_sizes)
    labels = np.empty(n, dtype=np.int32)
    class_costs, masses = np.zeros(n_classes), np.zeros((n_classes, k))
    sent_by = (mixture.first, mixture.sweeps, mixture.slopes, mixture.prices)
    for start, block in blocks:
        agree(block, start, codes, cells, weights, *sent_by, labels, class_costs, masses)
    rows = np.flatnonzero(labels < 0)
    costs, classes = blocks.take(rows), codes[rows]
    mass = weights[rows] if len(weights) else np.ones(len(rows))
    shares = _peel(costs, classes, cells[rows], mass, mixture)
    labels[rows] = shares.argmax(axis=1)
    whole = shares.max(axis=1) >= 1.0 - PEEL_TOLERANCE
    shares[whole] = shares[whole] > 0.5
    class_costs, masses = _with(class_costs, masses, costs[whole], classes[whole], mass[whole], shares[whole])

    split = ~whole
    rows, costs, classes, mass, shares = rows[split], costs[split], classes[split], mass[split], shares[split]
    if len(rows):
        polished = _polish(terms, (class_costs, masses), costs, classes, mass, shares, units)
        before = terms.value(*_with(class_costs, masses, costs, classes, mass, shares))
        after = terms.value(*_with(class_costs, masses, costs, classes, mass, polished))
        if after <= before + POLISH_LOSS * units[1]:
            shares = polished
        class_costs, masses = _with(class_costs, masses, costs, classes, mass, shares)
        labels[rows] = shares.argmax(axis=1)
        split = shares.max(axis=1) < 1.0
        rows, shares = rows[split], shares[split]
    return Primal(labels, rows, shares, class_costs, masses)


def _with(
    class_costs: Floats, masses: Floats, costs: Floats, classes: NDArray[np.int32], mass: Floats, shares: Floats
) -> tuple[Floats, Floats]:
    """The classes' costs and masses after these points are added."""
    class_costs, masses = class_costs.copy(), masses.copy()
    np.add.at(class_costs, classes, mass * (shares * costs).sum(axis=1))
    np.add.at(masses, classes, mass[:, None] * shares)
    return class_costs, masses


def _peel(costs: Floats, codes: NDArray[np.int32], cells: NDArray[np.int32], mass: Floats, mixture: Mixture) -> Floats:
    """Shares of the open points, shape (m, k), after whole points took the place of equal fractions."""
    m, k = costs.shape
    shares = np.zeros((m, k))
    if not m:
        return shares
    deepest = int(np.diff(mixture.first).max())
    sent = np.full((m, deepest + 1), -2, dtype=np.int32)
    sent[:, 0] = cells
    patterns(costs, codes, cells, mixture.first, mixture.sweeps, mixture.slopes, mixture.prices, sent[:, 1:])
    kinds, kind = np.unique(sent, axis=0, return_inverse=True)
    order = np.argsort(kind.ravel(), kind="stable")
    bounds = np.searchsorted(kind.ravel()[order], np.arange(len(kinds) + 1))
    fractions = np.zeros((len(kinds), k))
    for column in range(deepest):
        center = kinds[:, column + 1]
        used = center > -2
        weight = np.zeros(len(kinds))
        weight[used] = mixture.weights[mixture.first[kinds[used, 0]] + column]
        for row in np.flatnonzero(used):
            if center[row] < 0:
                fractions[row] += weight[row] / k
            else:
                fractions[row, center[row]] += weight[row]
    _fill(costs, mass, order, bounds, fractions, shares)
    return shares


@njit(cache=True, nogil=True)
def _fill(costs: Any, mass: Any, order: Any, bounds: Any, fractions: Any, shares: Any) -> None:
    """The peel of every kind of point, in place; kind q is ``order[bounds[q]:bounds[q + 1]]``."""
    k = costs.shape[1]
    for q in range(len(fractions)):
        members = order[bounds[q] : bounds[q + 1]]
        left = mass[members]
        fraction = fractions[q].copy()
        fraction /= fraction.sum()
        for i in range(k):
            if fraction[i] <= 0.0:
                continue
            others = 0.0
            for u in range(i + 1, k):
                others += fraction[u]
            if others <= 0.0:
                for p in range(len(members)):
                    if left[p] > 0.0:
                        shares[members[p], i] += left[p] / mass[members[p]]
                break
            loss = np.empty(len(members))
            for p in range(len(members)):
                mean = 0.0
                for u in range(i + 1, k):
                    mean += fraction[u] * costs[members[p], u]
                loss[p] = costs[members[p], i] - mean / others
            target = fraction[i] / (fraction[i] + others) * left.sum()
            for p in np.argsort(loss, kind="mergesort"):
                if left[p] <= 0.0:
                    continue
                whole = mass[members[p]]
                if target <= PEEL_TOLERANCE * whole:
                    break
                taken = left[p] if left[p] <= target + PEEL_TOLERANCE * whole else target
                shares[members[p], i] += taken / whole
                left[p] -= taken
                target -= taken


def _polish(
    terms: Terms,
    fixed: tuple[Floats, Floats],
    costs: Floats,
    classes: NDArray[np.int32],
    mass: Floats,
    shares: Floats,
    units: tuple[float, float],
) -> Floats:
    """The split points' shares at a vertex of the LP in which only they move."""
    m, k = costs.shape
    n_classes = len(terms.class_sizes)
    master = Master(terms, np.concatenate((np.arange(n_classes), classes)), k, *units)
    master.add(np.arange(n_classes), *fixed)
    allowed = np.ones((m, k), dtype=bool) if m * k <= POLISH_COLUMNS else shares > 0.0
    points, centers = np.nonzero(allowed)
    masses = np.zeros((len(points), k))
    masses[np.arange(len(points)), centers] = mass[points]
    master.add(n_classes + points, mass[points] * costs[points, centers], masses)
    master.solve()
    polished = np.zeros((m, k))
    polished[points, centers] = master.mixture()[n_classes:]
    polished[polished < SPLIT_TOLERANCE] = 0.0
    polished /= polished.sum(axis=1, keepdims=True)
    nearly = polished.max(axis=1) >= 1.0 - SPLIT_TOLERANCE
    polished[nearly] = polished[nearly] >= 0.5
    return polished
