r"""The engine of :mod:`~fairclust.solvers.fair_swaps`: exchanges of data-point centers, and what they must not break.

Points are merged where they coincide and the candidates come first, so that the kernels of
:mod:`~fairclust.solvers.swap_kernels` can scan them as a range. A *guard* says which exchanges are allowed; it is asked
only about those that would be an improvement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from fairclust._validation import check_number, check_points, check_power, check_radii, check_rows, check_weights
from fairclust.distances import nearest_centers
from fairclust.solvers.ball_filter import TOLERANCE
from fairclust.solvers.fair_swaps_kernels import limits_hold, members
from fairclust.solvers.kernels import weighted_sum
from fairclust.solvers.seeding import check_weight_sum, dpower_sampling, rescale_cost, unit_scale
from fairclust.solvers.swap_kernels import (
    PAIRS_PER_CALL,
    ROUNDING,
    rank_all_centers,
    swap_apply,
    swap_deltas,
    swap_scan,
)

__all__ = ["BallGuard", "CriticalBalls", "FairSwaps", "LimitGuard", "SwapSearch", "check_limits"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class FairSwaps:
    """What a local search ended with, and how it came there.

    Attributes
    ----------
    center_indices : ndarray of intp, shape (k,)
        The rows that are centers, ascending.
    cost : float
        Sum of w_v d(v, S)^p, in the units of X to the power p (no root is taken).
    n_swaps : int
        Exchanges made.
    converged : bool
        True certifies a local optimum: with every candidate in turn, no exchange that is allowed lowers the cost by
        more than the share ``min_gain`` of it. False if ``max_swaps`` exchanges were made and there is another.
    costs : ndarray of float64, shape (n_swaps + 1,)
        The cost at the start and after each exchange; it falls each time.
    swaps : ndarray of intp, shape (n_swaps, 2)
        The row that left and the row that came in.
    """

    center_indices: Ints
    cost: float
    n_swaps: int
    converged: bool
    costs: Floats
    swaps: Ints


@dataclass(frozen=True, eq=False)
class CriticalBalls:
    """Balls each of which must hold a center.

    Attributes
    ----------
    center_indices : ndarray of intp, shape (m,)
        The rows in the middle.
    radii : ndarray of float64, shape (m,)
        In the units of X; the balls are closed.
    """

    center_indices: Ints
    radii: Floats


class Guard(Protocol):
    """What an exchange must not break."""

    def allows(self, candidate: int, slot: int) -> bool:
        """Whether node ``candidate`` may take the place ``slot``."""

    def swapped(self, slot: int) -> None:
        """Take note that the center in place ``slot`` is a new one."""


class SwapSearch:
    """The state of a search: the distinct points, here called nodes, and the two nearest centers of each.

    Parameters
    ----------
    X, power, weights : as in :func:`~fairclust.solvers.fair_swaps.polish`, not yet checked
    n_candidates : int or None
        How many nodes are tried as centers; None means all.
    rng : Generator or None
        Draws them if there are more.

    Attributes
    ----------
    n_rows, n_candidates : int
    X, XT : (m, d), (d, m)
        The nodes, by the power of two 2^-``exponent`` smaller than the points. The candidates come first, in the order
        of the rows.
    row_of, node_of_row : (m,), (n,)
        The lowest row of each node, the node of each row.
    weights, first, second, near, next_near : (m,)
        Total weight; slots of the two nearest centers and d^p to them.
    rows, centers : (k,)
        The centers by slot, as rows and as nodes.
    guard : Guard or None
    """

    guard: Guard | None = None

    def __init__(
        self, X: Any, power: Any, weights: Any, n_candidates: int | None, rng: np.random.Generator | None
    ) -> None:
        points = check_points(X)
        self.n_rows = len(points)
        self.power = check_power(power)
        w = check_weight_sum(check_weights(weights, self.n_rows))
        scaled, self.exponent = unit_scale(points)
        self._scaled, self._weights = scaled, w
        _, row, inverse = np.unique(scaled, axis=0, return_index=True, return_inverse=True)
        order = np.argsort(row)  # a distinct point is known by its lowest row, and has its place in their order
        self.n_candidates = len(order)
        if rng is not None and n_candidates is not None and n_candidates < len(order):
            drawn = np.zeros(len(order), dtype=bool)
            drawn[rng.choice(len(order), size=n_candidates, replace=False)] = True
            order = np.concatenate([order[drawn], order[~drawn]])
            self.n_candidates = n_candidates
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        self.row_of = row[order].astype(np.intp)
        self.node_of_row = place[inverse.reshape(-1)]
        self.X = np.ascontiguousarray(scaled[self.row_of])
        self.XT = np.ascontiguousarray(self.X.T)
        self.weights = np.bincount(self.node_of_row, weights=w, minlength=len(order))

    def seeds(self, k: int, rng: np.random.Generator) -> Ints:
        """k rows by D^p sampling over all rows, so that weights 0 and copies are treated as elsewhere."""
        return dpower_sampling(self._scaled, k, self._weights, self.power, None, rng)

    def start(self, rows: Ints) -> None:
        """Put these rows into the slots, in their order."""
        n = len(self.X)
        self.rows = rows.copy()
        self.centers = self.node_of_row[rows].astype(np.intp)
        self.first, self.second = np.empty(n, np.intp), np.empty(n, np.intp)
        self.near, self.next_near = np.empty(n), np.empty(n)
        rank_all_centers(self.XT, self.power, self.centers, self.first, self.second, self.near, self.next_near)

    def _cost(self) -> float:
        return float(weighted_sum(self.weights, self.near))

    def _best_slot(self, candidate: int, threshold: float) -> int:
        """The slot for which the cost falls most and by more than the threshold among those allowed, or -1."""
        deltas = np.empty(len(self.centers))
        swap_deltas(self.XT, self.weights, self.power, candidate, self.first, self.near, self.next_near, deltas)
        for slot in np.argsort(deltas, kind="stable"):
            if not deltas[slot] < -threshold:
                break
            if self.guard is None or self.guard.allows(candidate, int(slot)):
                return int(slot)
        return -1

    def run(self, min_gain: Any, max_swaps: Any, *, restart: bool, verbose: bool) -> FairSwaps:
        """Make exchanges until all candidates in a row have failed; after one, ``restart`` at row 0 or go on."""
        share = max(check_number(min_gain, "min_gain", low=0.0, high=1.0), ROUNDING)
        max_swaps = check_number(max_swaps, "max_swaps", low=0, integer=True)
        m = self.n_candidates
        per_call = max(1, PAIRS_PER_CALL // len(self.X))
        costs = [self._cost()]
        swaps: list[tuple[int, int]] = []
        failed = position = 0
        with tqdm(total=m, desc="exchanges", unit="candidate", disable=not verbose) as bar:
            while failed < m:
                threshold = share * costs[-1]
                end = min(m, position + m - failed, position + per_call)
                candidate, slot = swap_scan(
                    self.XT,
                    self.weights,
                    self.power,
                    self.centers,
                    position,
                    end,
                    threshold,
                    self.first,
                    self.near,
                    self.next_near,
                )
                if slot >= 0:
                    end = candidate + 1
                    if self.guard is not None:
                        slot = self._best_slot(candidate, threshold)
                if slot < 0:
                    failed += end - position
                    bar.update(end - position)
                    position = end % m
                    continue
                if len(swaps) == max_swaps:
                    break
                swaps.append((int(self.rows[slot]), int(self.row_of[candidate])))
                self._exchange(slot, candidate)
                costs.append(self._cost())
                failed = 0
                position = 0 if restart else end % m
                bar.reset()
                bar.set_postfix(exchanges=len(swaps), refresh=False)
        values = np.array([rescale_cost(cost, self.exponent, self.power) for cost in costs])
        pairs = np.array(swaps, dtype=np.intp).reshape(-1, 2)
        return FairSwaps(np.sort(self.rows), float(values[-1]), len(swaps), failed >= m, values, pairs)

    def _exchange(self, slot: int, candidate: int) -> None:
        self.rows[slot] = self.row_of[candidate]
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
        if self.guard is not None:
            self.guard.swapped(slot)


class LimitGuard:
    """Every distinct point stays within the smallest limit of its rows."""

    def __init__(self, search: SwapSearch, limits: Floats) -> None:
        self._search = search
        scaled = np.ldexp(limits, -search.exponent)
        _, start = nearest_centers(search.X, search.X[search.centers])
        distances = start[search.node_of_row]
        broken = np.flatnonzero(distances > scaled * (1.0 + TOLERANCE))
        if len(broken):
            named = ", ".join(map(str, broken[:10])) + (", ..." if len(broken) > 10 else "")
            worst = broken[0]
            raise ValueError(
                f"the start breaks the limits of {len(broken)} of {len(limits)} rows ({named}): row {worst} is "
                f"{np.ldexp(distances[worst], search.exponent):g} away from its nearest center but its limit is "
                f"{limits[worst]:g}; start from centers that keep the limits, or raise them"
            )
        bounds = np.full(len(search.X), np.inf)
        np.minimum.at(bounds, search.node_of_row, scaled)
        # A start that is beyond a limit by rounding alone need not come nearer, but must not go farther.
        self.bounds = np.maximum(bounds, start)
        with np.errstate(over="ignore", under="ignore"):
            powers = self.bounds**search.power
        # Where a power has lost digits to underflow nothing is sure, and the distances themselves are looked at.
        self.sure = np.where(powers > 1e-290, powers * (1.0 - TOLERANCE), -1.0)

    def allows(self, candidate: int, slot: int) -> bool:
        """Whether every point still has a center within its limit."""
        s = self._search
        return bool(limits_hold(s.X, self.bounds, self.sure, s.centers, slot, candidate, s.first, s.second, s.near))

    def swapped(self, slot: int) -> None:
        """Nothing to keep: the ranks of the search tell all."""


class BallGuard:
    """Every ball keeps a center."""

    def __init__(self, search: SwapSearch, balls: CriticalBalls) -> None:
        middles = check_rows(balls.center_indices, search.n_rows, name="balls.center_indices", empty=True)
        radii = check_radii(balls.radii, len(middles), name="balls.radii") if len(middles) else np.empty(0)
        self._search = search
        self._balls = search.node_of_row[middles].astype(np.intp)
        self._radii = np.ldexp(radii, -search.exponent)
        columns = [self._members(int(center)) for center in search.centers]
        self._inside = np.column_stack(columns) if len(middles) else np.empty((0, len(columns)), dtype=bool)
        empty = np.flatnonzero(~self._inside.any(axis=1))
        if len(empty):
            named = ", ".join(map(str, middles[empty[:10]])) + (", ..." if len(empty) > 10 else "")
            raise ValueError(
                f"{len(empty)} of {len(middles)} critical balls hold no center of the start: those around rows "
                f"{named}; start from centers that include one of each ball"
            )

    def _members(self, node: int) -> NDArray[np.bool_]:
        return members(self._search.X, node, self._balls, self._radii)

    def allows(self, candidate: int, slot: int) -> bool:
        """Whether every ball in which the leaving center is alone gets the candidate instead."""
        alone = self._inside[:, slot] & (self._inside.sum(axis=1) == 1)
        return not alone.any() or bool(self._members(candidate)[alone].all())

    def swapped(self, slot: int) -> None:
        """Note in which balls the new center lies."""
        self._inside[:, slot] = self._members(int(self._search.centers[slot]))


def check_limits(limits: Any, n: int) -> Floats:
    """Like radii, but infinity is a limit, too."""
    try:
        array = np.asarray(limits, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"limits must be numbers, one per row: {error}") from None
    if array.shape != (n,):
        raise ValueError(f"limits has shape {array.shape} but X has {n} rows; give one limit per row")
    bad = np.flatnonzero(~(array >= 0))
    if len(bad):
        raise ValueError(f"limits must not be negative or NaN; row {bad[0]} has {array[bad[0]]}")
    return array
