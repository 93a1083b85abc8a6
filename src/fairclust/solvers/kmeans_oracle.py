r"""k-means of a fixed set U together with a few guests V, thousands of times over, exactly and without looking at U.

What Lloyd's algorithm does to :math:`U \cup V` from a fixed start is almost what it does to U alone: at every pass the
centers are close to those of a pass met before, and all rows of U but the few that lie between two clusters keep their
labels. So the oracle remembers passes (*nodes*, see :mod:`fairclust.solvers.kmeans_oracle_kernels`), and at each new
pass examines only the rows whose margin at the nearest node the movement of the centers can overturn.

The result is that of :func:`fairclust.solvers.kmeans.lloyd`, label for label. Where a label, a center or a pass might
hang on rounding (two centers at the same distance), where a cluster runs empty, and where centers coincide, the oracle
does not guess: it runs ``lloyd`` itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fairclust._validation import as_generator, check_centers, check_n_clusters, check_number, check_points
from fairclust.groups import encode_groups
from fairclust.solvers.kernels import nearest_rows
from fairclust.solvers.kmeans import lloyd
from fairclust.solvers.kmeans_oracle_kernels import (
    FIXED_POINT,
    NEED_NODE,
    bounds_with,
    descend,
    examine_all,
    settle,
    tally,
)
from fairclust.solvers.seeding import dpower_sampling, unit_scale

__all__ = ["KMeansOracle", "KMeansOracleResult"]

Floats = NDArray[np.float64]

#: What all nodes together may take, and how many there may be (they are searched one by one).
MEMORY, MOST_NODES = 256 * 2**20, 1024

#: Starts whose costs differ by less than this share are the same but for rounding; the first of them wins.
SAME_COST = 1e-12

#: Where V is farther out than this, in the unit of U, its squares might overflow.
FARTHEST = 1e100

#: Passes of the path for U alone that are remembered, one by one.
_LONGEST_TRAIL = 512


@dataclass(frozen=True, eq=False)
class KMeansOracleResult:
    """What :class:`KMeansOracle` says about one V.

    Attributes
    ----------
    centers : ndarray of shape (k, d)
        The means of the clusters of U and V together, in the units of X.
    counts : ndarray of int64, shape (k, H)
        How many rows *of U* of each group are in each cluster.
    group_costs : ndarray of shape (H,)
        Mean squared distance of each group's rows of U to their centers.
    cost : float
        The k-means cost of U and V together.
    start : int
        The start that won: the lowest cost, then the lowest number.
    n_iter : int
        Assignment passes of the winning start up to the one that changed no label; the first gives all rows a label,
        so there are two at least.
    converged : bool
        Whether the winning start came to its fixed point within ``max_iter`` passes.
    fast : bool
        False if a start had to be handed to ``lloyd``.
    """

    centers: Floats
    counts: NDArray[np.int64]
    group_costs: Floats
    cost: float
    start: int
    n_iter: int
    converged: bool
    fast: bool
    _places: Floats = field(repr=False)
    _labels: NDArray[np.intp] | None = field(repr=False)


class KMeansOracle:
    r"""Clusters :math:`U \cup V` by k-means from fixed starts, for one V after the other.

    .. math:: V \;\mapsto\; \mu(V) = \operatorname{Lloyd}(U \cup V \mid \text{start}_1, \dots, \text{start}_s)

    Every start is run to its fixed point, and the one of the lowest cost on :math:`U \cup V` is kept.

    Parameters
    ----------
    X : array or DataFrame of shape (n, d)
        U: the rows that never change.
    n_clusters : int
        k, between 1 and n.
    sensitive_features : None, Groups, array, Series or list of n hashable labels, optional
        The group of each row of X; counts and costs are reported by group.
    start : {"seeds", "vanilla"}, default="seeds"
        Where Lloyd's algorithm starts for every V. "seeds": at the starts that ``init`` gives. "vanilla": at the
        centers that those starts lead to for U alone. These are two different functions of V: the second knows which
        optimum U itself prefers and leaves it only if V drives it away; it also needs few passes.
    init : "k-means++" or array of shape (k, d) or (s, k, d), default="k-means++"
        Starts drawn on X alone, exactly as :func:`fairclust.solvers.kmeans.kmeans` draws them, or given.
    n_init : int, default=10
        Starts that are drawn; not used if ``init`` is an array.
    max_iter : int, default=10_000
        Most assignment passes of a start.
    random_state : None, int or numpy Generator
        Source of the starts.

    Attributes
    ----------
    starts : ndarray of shape (s, k, d)
        Where Lloyd's algorithm starts, in the units of X.
    vanilla : KMeansOracleResult
        The result for an empty V.
    groups : Groups
    max_iter : int
    n_calls, n_slow : int
        V's that were asked, and how many of those had a start that ``lloyd`` had to run.

    Raises
    ------
    ValueError
        For NaN or infinite entries, k > n, an ``init`` of another shape, or V with another number of features.
    TypeError
        If ``n_clusters``, ``n_init`` or ``max_iter`` is not an integer.

    See Also
    --------
    fairclust.solvers.kmeans.lloyd : What the oracle must agree with, and what it falls back on.

    Notes
    -----
    A call takes O(p k d + m k d) time per pass, where m is the number of rows of V and p that of rows of U whose margin
    is within the distance to the nearest node: tens, where n is tens of thousands. A node takes O(n k d + n log n) to
    make; one is made where no other is near, or where the detours for lack of one have cost as much. For V's that are
    far out and unlike each other that is at nearly every pass, and a call costs about what ``lloyd`` costs. Memory
    O(n d) plus at most 256 MiB. Results do not depend on which nodes there are, to the last bit: sums are exact.

    Two starts whose costs agree to a share of 1e-12 count as equal, so that two ways to the same partition are told
    apart by their number and not by rounding. One oracle serves one thread at a time.

    References
    ----------
    G. Hamerly. *Making k-means even faster*. SDM 2010. A. Chhabra, A. Singla, P. Mohapatra. *Fair clustering using
    antidote data*. 2022, Algorithm 2, line 2: the function that is optimised.

    Examples
    --------
    >>> oracle = KMeansOracle([[0.0], [1.1], [9.0], [10.2]], 2, ["a", "b", "a", "b"], random_state=0)
    >>> sorted(oracle.vanilla.centers.ravel().round(2).tolist())
    [0.55, 9.6]
    >>> result = oracle([[20.0]])
    >>> sorted(result.centers.ravel().round(2).tolist()), result.counts.tolist(), result.group_costs.round(2).tolist()
    ([0.55, 13.07], [[1, 1], [1, 1]], [8.42, 4.26])
    """

    def __init__(
        self,
        X: Any,
        n_clusters: int,
        sensitive_features: Any = None,
        *,
        start: Literal["seeds", "vanilla"] = "seeds",
        init: Any = "k-means++",
        n_init: int = 10,
        max_iter: int = 10_000,
        random_state: Any = None,
    ) -> None:
        self._X = check_points(X)
        n, d = self._X.shape
        k = check_n_clusters(n_clusters, n)
        self.groups = encode_groups(sensitive_features, n)
        self.max_iter = check_number(max_iter, "max_iter", low=1, integer=True)
        n_init = check_number(n_init, "n_init", low=1, integer=True)
        if start not in ("seeds", "vanilla"):
            raise ValueError(f'start must be "seeds" or "vanilla", got {start!r}')
        scaled, self._exponent = unit_scale(self._X)
        self._shift = scaled.mean(axis=0)
        self._points = scaled - self._shift
        self._codes = self.groups.codes.astype(np.int64)
        self._hi, self._lo, self._units = _fixed_point(self._points)
        self._mass = np.abs(self._points).sum(axis=0)
        largest, longest = np.abs(self._points).max(), (self._points**2).sum(axis=1).max()
        self._alone = np.array([largest, 0.0, longest, 0.0])
        self._nodes = _Nodes(n, k, d, len(self.groups))
        self.n_calls = self.n_slow = 0
        self._set_starts(self._check_init(init, k, n_init, random_state))
        self.vanilla = self(np.empty((0, d)))
        if start == "vanilla":
            self._set_starts(self.vanilla._places[None])
            self.vanilla = self(np.empty((0, d)))
        self.n_calls = self.n_slow = 0

    def __call__(self, V: Any) -> KMeansOracleResult:
        """The clustering of U and V.

        Parameters
        ----------
        V : array of shape (m, d)
            Finite numbers, in the units of X; m may be 0.

        Returns
        -------
        KMeansOracleResult

        Raises
        ------
        ValueError
            If V has NaN or infinite entries or another number of features than X.
        """
        guests = self._check_guests(V)
        inward = self._inward(guests)
        bounds = bounds_with(inward, len(self._X), self._alone, self._mass)
        best: KMeansOracleResult | None = None
        fast = True
        for number in range(len(self.starts)):
            found = self._descend(number, inward, bounds) if bounds[0] < FARTHEST else None
            if found is None:
                fast = False
                found = self._slowly(number, guests)
            if best is None or found.cost < best.cost - SAME_COST * abs(best.cost):
                best = found
        assert best is not None
        self.n_calls += 1
        if not fast:
            self.n_slow += 1
            return KMeansOracleResult(**{**best.__dict__, "fast": False})
        return best

    def labels(self, result: KMeansOracleResult) -> NDArray[np.intp]:
        """The cluster of each row of U, its nearest center, for one of this oracle's results; O(n k d)."""
        if result._labels is not None:
            return result._labels
        return nearest_rows(self._points, result._places)[0]

    def _check_init(self, init: Any, k: int, n_init: int, random_state: Any) -> Floats:
        """Starts as (s, k, d), in inward coordinates."""
        n, d = self._points.shape
        if isinstance(init, str):
            if init != "k-means++":
                raise ValueError(f'init must be "k-means++" or an array of {k} centers, got {init!r}')
            rng = as_generator(random_state)
            draws = [dpower_sampling(self._points, k, np.ones(n), 2.0, None, rng) for _ in range(n_init)]
            return self._points[np.array(draws)]
        starts = np.asarray(init, dtype=np.float64)
        if starts.ndim not in (2, 3) or not starts.size:
            raise ValueError(f"init has shape {starts.shape}; it must be ({k}, {d}), or (s, {k}, {d}) for s starts")
        flat = check_centers(starts.reshape(-1, starts.shape[-1]), d, name="init")
        starts = flat.reshape(-1, *starts.shape[-2:])
        if starts.shape[1] != k:
            raise ValueError(f"init has {starts.shape[1]} centers but n_clusters={k}")
        return self._inward(starts)

    def _set_starts(self, places: Floats) -> None:
        """Take these starts, and walk the path for U alone from each, leaving nodes on the way."""
        self._places = np.ascontiguousarray(places)
        self.starts = np.ldexp(places + self._shift, self._exponent)
        self._trails: list[NDArray[np.int64]] = []
        nobody = np.empty((0, places.shape[2]))
        bounds = bounds_with(nobody, len(self._X), self._alone, self._mass)
        for number in range(len(places)):
            self._trails.append(np.empty(0, np.int64))
            # Close to the path of U alone nearly all later calls will pass: there, nodes are dense.
            self._walk(self._places[number].copy(), number, nobody, bounds, self._nodes.dense, eager=True)
            self._trails[number] = self._nodes.trail[: self._nodes.state[0]].copy()
        self._nodes.protect()

    def _walk(
        self, centers: Floats, number: int, V: Floats, bounds: Floats, coarse: int, *, eager: bool = False
    ) -> int:
        """Lloyd's passes, in place; nodes are made where they are needed. What came of it is left in the nodes."""
        nodes = self._nodes
        nodes.begin(len(V))
        nodes.state[1] = 2 * len(self._points) if eager else nodes.debt
        stuck = -1
        while True:
            status = descend(
                self._points, self._hi, self._lo, self._units, V, bounds, centers, self.max_iter,
                nodes.centers, nodes.margins, nodes.rows, nodes.labels, nodes.reach,
                nodes.totals, nodes.total_high, nodes.total_low, nodes.count, self._trails[number], coarse,
                nodes.state, nodes.sizes, nodes.previous, nodes.drift, nodes.trail, nodes.moves,
                nodes.met, nodes.met_labels, nodes.met_margins,
            )  # fmt: skip
            if status != NEED_NODE or nodes.state[0] == stuck:
                break
            stuck = int(nodes.state[0])
            nodes.add(self._points, self._hi, self._lo, self._codes, centers)
            nodes.state[1] = 2 * len(self._points) if eager else 0
        if not eager:
            nodes.debt = int(nodes.state[1])
        return int(status)

    def _descend(self, number: int, V: Floats, bounds: Floats) -> KMeansOracleResult | None:
        """One start, or None if it has to be run by ``lloyd``."""
        nodes = self._nodes
        places = self._places[number].copy()
        if self._walk(places, number, V, bounds, nodes.dense) != FIXED_POINT:
            return None
        node, moves = nodes.state[2], nodes.moves[: nodes.state[3]]
        sums = nodes.counts[node].copy(), nodes.high[node].copy(), nodes.low[node].copy()
        guest_labels = nodes.met_labels[len(self._X) : len(self._X) + len(V)]
        return self._settle(places, number, V, guest_labels, sums, moves, max(2, int(nodes.state[0])))

    def _slowly(self, number: int, guests: Floats) -> KMeansOracleResult:
        """One start by ``lloyd`` itself."""
        n, (k, d), n_groups = len(self._X), self._places.shape[1:], len(self.groups)
        found = lloyd(np.vstack([self._X, guests]), self.starts[number], max_iter=self.max_iter)
        labels, guest_labels = found.labels[:n].astype(np.int32), found.labels[n:].astype(np.int32)
        counts = np.zeros((k, n_groups), np.int64)
        high, low = np.zeros((k, n_groups, d + 1), np.int64), np.zeros((k, n_groups, d + 1), np.int64)
        tally(self._hi, self._lo, self._codes, labels, counts, high, low)
        members = counts.sum(axis=1) + np.bincount(guest_labels, minlength=k)
        V = self._inward(guests)
        places = self._inward(found.centers)
        if found.converged and members.all():
            # The same labels give the same bytes, whichever way they were found.
            sums = np.zeros((k, d))
            np.add.at(sums, guest_labels, V)
            own = high.sum(axis=1) * self._units[0] + low.sum(axis=1) * self._units[1]
            places = (own[:, :d] + sums) / members[:, None]
        result = self._settle(
            places, number, V, guest_labels, (counts, high, low), np.empty((0, 3), np.int32), max(2, found.n_iter)
        )
        changes = {"converged": found.converged, "_labels": found.labels[:n]}
        return KMeansOracleResult(**{**result.__dict__, **changes})

    def _settle(
        self, places: Floats, number: int, V: Floats, guest_labels: NDArray[np.int32],
        sums: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], moves: NDArray[np.int32], n_iter: int,
    ) -> KMeansOracleResult:  # fmt: skip
        """Costs and counts of a clustering, given the sums of a node and the moves from there."""
        costs = np.empty(len(self.groups))
        paid, lost = settle(self._hi, self._lo, self._codes, self._units, V, guest_labels, places, moves, *sums, costs)
        if lost:
            # Tight clusters far from the mean: three digits or more cancelled, so add up the distances themselves.
            _, squared = nearest_rows(self._points, places)
            costs[:] = np.bincount(self.groups.codes, weights=squared, minlength=len(self.groups))
        with np.errstate(over="ignore"):
            group_costs = np.ldexp(costs, 2 * self._exponent) / self.groups.sizes
            cost = float(np.ldexp(costs.sum() + paid, 2 * self._exponent))
            centers = np.ldexp(places + self._shift, self._exponent)
        if not cost < np.inf:
            raise ValueError("the cost, a sum of squared distances, is beyond the largest float; use a larger unit")
        return KMeansOracleResult(centers, sums[0], group_costs, cost, number, n_iter, True, True, places, None)

    def _check_guests(self, V: Any) -> Floats:
        d = self._X.shape[1]
        guests = np.ascontiguousarray(V, dtype=np.float64)
        if guests.ndim == 2 and guests.shape[1] == d and np.isfinite(guests).all():
            return guests
        if guests.ndim == 2 and not len(guests):
            raise ValueError(f"V has shape {guests.shape}; without rows it must be (0, {d})")
        return check_centers(check_points(V, name="V"), d, name="V")

    def _inward(self, places: Floats) -> Floats:
        """Where the kernels work: U at unit scale, around its mean."""
        with np.errstate(over="ignore"):
            return np.ldexp(places, -self._exponent) - self._shift


class _Nodes:
    """The nodes, in arrays that grow until the memory for them is used up, and the scratch space of the kernels."""

    def __init__(self, n: int, k: int, d: int, n_groups: int) -> None:
        self.keep = min(n, max(256, n // 8))
        self.dense = 16 + n // 512
        self.count = self.debt = self.next = self.protected = 0
        room = self.keep * 16 + k * (n_groups + 1) * (d + 2) * 16
        self.most = max(16, min(MOST_NODES, MEMORY // room))
        self.centers = np.empty((0, k, d))
        self.margins = np.empty((0, self.keep))
        self.rows = np.empty((0, self.keep), np.int32)
        self.labels = np.empty((0, self.keep), np.int32)
        self.reach = np.empty(0)
        self.counts = np.empty((0, k, n_groups), np.int64)
        self.high = np.empty((0, k, n_groups, d + 1), np.int64)
        self.low = np.empty((0, k, n_groups, d + 1), np.int64)
        self.totals = np.empty((0, k), np.int64)
        self.total_high = np.empty((0, k, d + 1), np.int64)
        self.total_low = np.empty((0, k, d + 1), np.int64)
        self.state, self.sizes = np.zeros(5, np.int64), np.zeros(2)
        self.previous, self.drift = np.zeros((k, d)), np.zeros(k)
        self.trail = np.empty(_LONGEST_TRAIL, np.int64)
        self.moves = np.empty((self.keep, 3), np.int32)
        self.met, self.met_labels, self.met_margins = np.zeros(n, np.int64), np.zeros(n, np.int32), np.zeros(n)
        self._all_labels, self._all_margins = np.empty(n, np.int32), np.empty(n)

    def begin(self, n_guests: int) -> None:
        """Make ready for one run of Lloyd's algorithm."""
        self.state[0], self.state[2] = 0, -1
        self.state[4] += 1
        if len(self.met) < len(self._all_labels) + n_guests:
            more = len(self._all_labels) + 2 * n_guests
            self.met, self.met_labels = np.zeros(more, np.int64), np.zeros(more, np.int32)
            self.met_margins = np.zeros(more)

    def protect(self) -> None:
        """Never give up the nodes that there are now."""
        self.protected = self.count
        self.most = max(self.most, self.count + 16)

    def add(
        self, points: Floats, hi: NDArray[np.int64], lo: NDArray[np.int64], codes: NDArray[np.int64], centers: Floats
    ) -> None:
        """Make a node at these centers; once the memory is used up, in place of the oldest unprotected one."""
        if self.count < self.most:
            place = self.count
            if place == len(self.reach):
                self._grow(min(self.most, max(32, 2 * place)))
            self.count += 1
        else:
            self.next = self.protected + (self.next + 1 - self.protected) % (self.most - self.protected)
            place = self.next
        labels, margins = self._all_labels, self._all_margins
        examine_all(points, centers, labels, margins)
        if self.keep < len(margins):
            front = np.argpartition(margins, self.keep)[: self.keep + 1]
            self.reach[place] = margins[front[-1]]
            front = front[: self.keep]
        else:
            front = np.arange(self.keep)
            self.reach[place] = np.inf
        front = front[np.argsort(margins[front], kind="stable")]
        self.centers[place] = centers
        self.margins[place], self.rows[place], self.labels[place] = margins[front], front, labels[front]
        for array in (self.counts, self.high, self.low):
            array[place] = 0
        tally(hi, lo, codes, labels, self.counts[place], self.high[place], self.low[place])
        self.totals[place] = self.counts[place].sum(axis=1)
        self.total_high[place] = self.high[place].sum(axis=1)
        self.total_low[place] = self.low[place].sum(axis=1)

    def _grow(self, size: int) -> None:
        for name in (
            "centers", "margins", "rows", "labels", "reach", "counts", "high", "low", "totals", "total_high",
            "total_low",
        ):  # fmt: skip
            old = getattr(self, name)
            new = np.empty((size, *old.shape[1:]), old.dtype)
            new[: self.count] = old[: self.count]
            setattr(self, name, new)


def _fixed_point(points: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Features and squared norm of each row as two integers each, (n, d + 1), and what one unit of each is worth.

    Any sum of rows fits 64 bits. Less than 2^-60 of the largest value is lost (for fewer than 2^31 rows).
    """
    values = np.column_stack([points, (points**2).sum(axis=1)])
    room = 61 - int(np.ceil(np.log2(len(values) + 1)))
    largest = float(np.abs(values).max())
    first = room - int(np.frexp(largest)[1])
    high = np.rint(np.ldexp(values, first))
    low = np.rint(np.ldexp(values - np.ldexp(high, -first), first + room))
    units = np.ldexp(1.0, np.array([-first, -first - room]))
    return high.astype(np.int64), low.astype(np.int64), units
