r"""The assignment LP: who goes to which center when groups' shares count, at any size and with a certificate.

The centers are fixed. Given costs :math:`c_{ji} \ge 0` (n points, k centers), classes and a problem as
:class:`~fairclust.solvers.assignment_terms.Terms`, find shares x with

.. math:: \min_x \; \text{objective}(D(x), N(x)) \quad\text{s.t.}\quad \sum_i x_{ji} = 1, \; x \ge 0,

Rawlsian (10), Utilitarian (13), bounded (Bera et al.) or under a budget (FCBC). The LP has nk variables, but its
objective sees only the T class costs and Tk masses, so its dual has few variables: weights w, multipliers a, b of the
bounds, one of the budget. It is solved by price, restrict, certify:

1. *price*: a sweep at prices (w, a, b) sends every point to its cheapest center; the sum of these least costs is the
   dual value, a lower bound, and each cell of points contributes one new pattern;
2. *restrict*: the :class:`~fairclust.solvers.assignment_master.Master` mixes the patterns found so far; its value is
   an upper bound and its multipliers are the next prices, drawn half way toward the best prices so far;
3. *certify*: stop when the two bounds meet.

Then :mod:`~fairclust.solvers.assignment_vertex` turns the mixture into whole points and O(Hk) split ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairclust._validation import check_number, check_weights
from fairclust.groups import encode_groups
from fairclust.solvers.assignment_master import Master
from fairclust.solvers.assignment_sweep import CostBlocks, classify, cut, send, spread
from fairclust.solvers.assignment_terms import InfeasibleAssignment, Multipliers, Terms
from fairclust.solvers.assignment_vertex import Mixture, recover

__all__ = ["AssignmentSolution", "solve_assignment"]

Floats = NDArray[np.float64]

#: Up to this many points, each is a cell of its own; otherwise a cell is a slice of a (class, nearest center) pair.
SINGLE_POINTS = 100
#: About how many cells to make: more of them save sweeps and make the master slower (measured best: 50 to 150).
CELLS, CELLS_AT_SCALE, SCALE = 90, 180, 1_000_000
#: Rows that the slices' thresholds are taken from.
SAMPLE = 1 << 16
#: Every so many iterations the master's own prices are used, unsmoothed.
UNSMOOTHED = 3
#: The gap is relative to the value, or to this part of the largest conceivable value (every point misplaced) if that
#: is more: where violations cancel to 0, their rounding is about 1e-14 of that.
FLOOR = 1e-5
#: The master is rebuilt in a smaller unit when its value falls below this part of the unit.
RESCALE = 1e-2
#: A budget that misses the nearest assignment's cost by this much relatively is meant to equal it.
BUDGET_TOLERANCE = 1e-12


@dataclass(frozen=True, eq=False)
class AssignmentSolution:
    r"""An optimal assignment with its certificate; all arrays are read-only.

    Attributes
    ----------
    value : float
        The objective of this assignment, evaluated from its points.
    lower_bound : float
        The best dual value: no assignment, fractional or whole, has a smaller objective.
    gap : float
        ``(value - lower_bound) / max(value, 1e-5 * z)``, where z is the value that the nearest assignment would have
        if every point were misplaced: what is smaller than that part of z is mostly rounding.
    status : {"optimal", "above_cutoff", "iteration_limit", "numerical_limit"}
        "optimal" says gap <= tol; "above_cutoff" that lower_bound exceeds the cutoff; "numerical_limit" that no
        sweep finds anything better although the gap is above tol.
    n_iterations : int
        Rounds of master and sweep.
    labels : ndarray of int32, shape (n,)
        Each point's center; for a split point the one with its largest share.
    split : ndarray of intp, shape (m,)
        The points that are split between centers, ascending; m is O(Hk).
    shares : ndarray, shape (m, k)
        Their shares, rows adding up to 1.
    class_costs : ndarray, shape (T,)
        :math:`D_t`.
    masses : ndarray, shape (T, k)
        :math:`N_{ti}`; without overlapping groups :math:`M_{hi}`.
    group_values : ndarray, shape (H,)
        Each group's term of the objective: its disutility, for the welfare objectives.
    violations : ndarray, shape (H, k)
        :math:`v_{hi}`, in points.
    prices : ndarray, shape (T, k)
        What one more point of class t pays to enter cluster i, in units of the objective.
    slopes : ndarray, shape (T,)
        What a unit of its cost counts: at these prices a point prefers the center of least slope * cost + price.
    multipliers : Multipliers
        The dual point behind ``lower_bound``: w, a, b and the budget's.
    terms : Terms
        The problem.
    weighted : bool
        Whether points have weights other than 1.
    n_cells, n_patterns : int
        Size of the last master.
    """

    value: float
    lower_bound: float
    gap: float
    status: str
    n_iterations: int
    labels: NDArray[np.int32]
    split: NDArray[np.intp]
    shares: Floats
    class_costs: Floats
    masses: Floats
    group_values: Floats
    violations: Floats
    prices: Floats
    slopes: Floats
    multipliers: Multipliers
    terms: Terms
    weighted: bool
    n_cells: int
    n_patterns: int


def solve_assignment(
    costs: Any,
    groups: Any,
    terms: Terms,
    *,
    weights: Any = None,
    tol: float = 1e-8,
    max_iter: int = 1000,
    cutoff: float = np.inf,
    chunk_rows: int | None = None,
) -> AssignmentSolution:
    r"""Solve an assignment LP for fixed centers.

    .. math:: \min_x \; \text{objective}(D(x), N(x)) \quad\text{s.t.}\quad \sum_i x_{ji} = 1, \; x \ge 0

    with the objective, bounds and budget of ``terms``.

    Parameters
    ----------
    costs : array of shape (n, k), memmap, or object with ``shape`` whose row slices are arrays
        :math:`c_{ji} \ge 0`, for example squared distances to k centers; float32 or float64 (others are converted
        block by block). What is not an ordinary array in memory is read one block of rows at a time.
    groups : Groups or sequence of n hashable labels
        The classes that ``terms`` was made for.
    terms : Terms
        From :func:`~fairclust.solvers.assignment_problems.rawlsian_terms` or one of its siblings.
    weights : array of shape (n,), optional
        Point weights, the same that ``terms`` was made with.
    tol : float, default=1e-8
        The relative gap to stop at.
    max_iter : int, default=1000
        The most rounds of master and sweep.
    cutoff : float, default=inf
        Stop as soon as the lower bound exceeds it: the answer to "can it be had for that much?" is then no.
    chunk_rows : int, optional
        Rows per block. The result does not depend on it, to the last bit.

    Returns
    -------
    AssignmentSolution

    Raises
    ------
    InfeasibleAssignment
        If the hard bounds exclude a group's share, or the budget is below the cost of the nearest centers.
    ValueError
        If a cost is negative or not finite, or sizes do not fit.
    SolverError
        If HiGHS fails on a master problem.

    Notes
    -----
    A sweep takes O(nk) time and, beside one block of costs, O(cells k) memory; the solver holds O(n) for the points'
    codes, cells and labels. Typically 5 to 30 sweeps reach a gap of 1e-8. Single-threaded and deterministic.

    References
    ----------
    .. [1] *Welfare-centric clustering*, 2025, LPs (10) and (13).
    .. [2] G. B. Dantzig, P. Wolfe (1960). Decomposition principle for linear programs. Operations Research 8(1).

    Examples
    --------
    Four points on a line, two centers at 0 and 1. Sent to the nearest center each cluster is of one color; the LP
    mixes them where that costs least.

    >>> import numpy as np
    >>> from fairclust.solvers.assignment_problems import rawlsian_terms
    >>> costs = np.array([[0.0, 1.0], [0.0, 1.0], [0.9, 0.1], [0.9, 0.1]])
    >>> colors = ["red", "red", "blue", "blue"]
    >>> solution = solve_assignment(costs, colors, rawlsian_terms(colors, distance_weight=0.25))
    >>> round(solution.value, 6), round(solution.lower_bound, 6), solution.status
    (0.125, 0.125, 'optimal')
    """
    blocks = CostBlocks(costs, chunk_rows)
    n, k = blocks.n_points, blocks.n_clusters
    codes, mass = _rows(groups, terms, weights, n)
    check_number(tol, "tol", low=0.0)
    check_number(max_iter, "max_iter", low=1, integer=True)
    terms.check_bounds()

    nearest, margins, totals = np.empty(n, np.int32), np.empty(n), np.zeros((len(terms.class_sizes), 2))
    for start, block in blocks:
        bad = classify(block, start, codes, mass, nearest, margins, totals)
        if bad >= 0:
            raise ValueError(
                f"costs must be finite and not negative; row {start + bad} is "
                + np.array2string(block[bad], threshold=8)
            )
    terms = _affordable(terms, float(totals[:, 0].sum()))
    cells, cell_classes = _cells(codes, nearest, margins, len(terms.class_sizes), k)
    engine = _Engine(blocks, codes, cells, cell_classes, mass, terms, totals)
    status = engine.run(float(tol), int(max_iter), float(cutoff))

    primal = recover(blocks, codes, cells, mass, terms, engine.mixture(), engine.units)
    value = terms.value(primal.class_costs, primal.masses)
    lower_bound = min(engine.lower_bound, value)
    gap = (value - lower_bound) / engine.scale(value)
    if status != "above_cutoff":
        status = "optimal" if gap <= tol else ("numerical_limit" if status == "optimal" else status)
    slopes, prices = terms.prices(engine.best)
    solution = AssignmentSolution(
        value=value,
        lower_bound=lower_bound,
        gap=gap,
        status=status,
        n_iterations=engine.n_iterations,
        labels=primal.labels,
        split=primal.split,
        shares=primal.shares,
        class_costs=primal.class_costs,
        masses=primal.masses,
        group_values=terms.by_group(primal.class_costs, primal.masses),
        violations=terms.violations(primal.masses),
        prices=prices,
        slopes=slopes,
        multipliers=engine.best,
        terms=terms,
        weighted=len(mass) > 0,
        n_cells=len(cell_classes),
        n_patterns=engine.master.n_columns,
    )
    for array in (*vars(solution).values(), *vars(engine.best).values()):
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    return solution


class _Engine:
    """The rounds of master and sweep for one problem."""

    def __init__(
        self,
        blocks: CostBlocks,
        codes: NDArray[np.int32],
        cells: NDArray[np.int32],
        cell_classes: NDArray[np.intp],
        mass: Floats,
        terms: Terms,
        totals: Floats,
    ) -> None:
        self.blocks, self.codes, self.cells, self.mass, self.terms = blocks, codes, cells, mass, terms
        self.cell_classes = cell_classes
        self.n_iterations = 0
        self._slopes: list[Floats] = []
        self._prices: list[Floats] = []
        self._seen: set[tuple[int, bytes]] = set()
        self._patterns: list[tuple[NDArray[np.intp], Floats, Floats]] = []
        self._made_by: list[int] = []

        self.best = terms.start(blocks.n_clusters)
        self.lower_bound, costs, masses = self._sweep(self.best)
        nearest_costs, mean_costs = totals[:, 0], totals[:, 1]
        # Units that are neither 0 nor far from what costs and values will be, at any scale of the data.
        cost_unit = max(float(nearest_costs.sum()), 1e-3 * float(mean_costs.sum())) or 1.0
        counted = np.where(terms.hard, 0.0, terms.violation_weight) * terms.sizes
        if terms.combine == "max":
            worst = float((terms.membership @ (terms.cost_weight * nearest_costs) + counted).max())
        else:
            worst = float(terms.cost_weight @ nearest_costs + counted.sum())
        self._worst = worst or cost_unit
        self.units = (cost_unit, self._worst)
        self.master = self._master()
        self._add(costs, masses)
        if terms.hard.any():
            self._add_equal_parts()

    def scale(self, value: float) -> float:
        """What a gap is measured against."""
        return max(abs(value), FLOOR * self._worst)

    def run(self, tol: float, max_iter: int, cutoff: float) -> str:
        """Rounds until the bounds meet; "optimal", "above_cutoff", "iteration_limit" or "numerical_limit"."""
        while True:
            value, multipliers = self.master.solve()
            if max(value, FLOOR * self._worst) < RESCALE * self.units[1]:
                # The optimum is tiny beside what violations could cost, and so would be the duals of the costs.
                self.units = (self.units[0], max(value, FLOOR * self._worst))
                self.master = self._master()
                value, multipliers = self.master.solve()
            if value - self.lower_bound <= tol * self.scale(value):
                return "optimal"
            if self.lower_bound > cutoff:
                return "above_cutoff"
            if self.n_iterations == max_iter:
                return "iteration_limit"
            self.n_iterations += 1
            smoothed = self.n_iterations % UNSMOOTHED != 0
            found = self._price(self.best.toward(multipliers, 0.5) if smoothed else multipliers)
            if not found and smoothed:
                found = self._price(multipliers)
            if not found and value - self.lower_bound > tol * self.scale(value):
                return "numerical_limit"

    def mixture(self) -> Mixture:
        """The last master's solution: which sweeps' patterns each cell mixes, heaviest first."""
        weights = self.master.mixture()
        cells = np.concatenate([cells for cells, _, _ in self._patterns])
        sweeps = np.repeat(self._made_by, [len(cells) for cells, _, _ in self._patterns])
        used = np.flatnonzero(weights > 0.0)
        used = used[np.lexsort((used, -weights[used], cells[used]))]
        first = np.searchsorted(cells[used], np.arange(len(self.cell_classes) + 1))
        needed, position = np.unique(sweeps[used], return_inverse=True)
        real = needed[needed >= 0]
        position = np.where(sweeps[used] < 0, -1, position - int(len(real) < len(needed)))
        k, n_classes = self.blocks.n_clusters, len(self.terms.class_sizes)
        slopes = np.array([self._slopes[s] for s in real]).reshape(len(real), n_classes)
        prices = np.array([self._prices[s] for s in real]).reshape(len(real), n_classes, k)
        total = np.add.reduceat(weights[used], first[:-1])
        return Mixture(first, position, weights[used] / np.repeat(total, np.diff(first)), slopes, prices)

    def _price(self, multipliers: Multipliers) -> int:
        """One sweep; returns how many new patterns it found."""
        multipliers = self.terms.feasible(multipliers)
        bound, costs, masses = self._sweep(multipliers)
        if bound > self.lower_bound:
            self.lower_bound, self.best = bound, multipliers
        return self._add(costs, masses)

    def _sweep(self, multipliers: Multipliers) -> tuple[float, Floats, Floats]:
        """The dual value at these multipliers, and each cell's cost, shape (C,), and masses, shape (C, k)."""
        slopes, prices = self.terms.prices(multipliers)
        costs = np.zeros(len(self.cell_classes))
        masses = np.zeros((len(self.cell_classes), self.blocks.n_clusters))
        for start, block in self.blocks:
            send(block, start, self.codes, self.cells, self.mass, slopes, prices, costs, masses)
        self._slopes.append(slopes)
        self._prices.append(prices)
        bound = slopes[self.cell_classes] @ costs + (prices[self.cell_classes] * masses).sum()
        if multipliers.budget > 0:
            bound -= multipliers.budget * self.terms.budget
        return float(bound), costs, masses

    def _add(self, costs: Floats, masses: Floats) -> int:
        new = []
        for cell in range(len(costs)):
            key = (cell, costs[cell].tobytes() + masses[cell].tobytes())
            if key not in self._seen:
                self._seen.add(key)
                new.append(cell)
        cells = np.array(new, dtype=np.intp)
        self._enter(cells, costs[cells], masses[cells], len(self._slopes) - 1)
        return len(new)

    def _enter(self, cells: NDArray[np.intp], costs: Floats, masses: Floats, made_by: int) -> None:
        self.master.add(cells, costs, masses)
        self._patterns.append((cells, costs, masses))
        self._made_by.append(made_by)

    def _master(self) -> Master:
        """A master in the present units with all patterns so far."""
        master = Master(self.terms, self.cell_classes, self.blocks.n_clusters, *self.units)
        for cells, costs, masses in self._patterns:
            master.add(cells, costs, masses)
        return master

    def _add_equal_parts(self) -> None:
        """Every point in equal parts everywhere: hard bounds can always be met by that, so the master is feasible."""
        n_cells, k = len(self.cell_classes), self.blocks.n_clusters
        costs, masses = np.zeros(n_cells), np.zeros((n_cells, k))
        for start, block in self.blocks:
            spread(block, start, self.cells, self.mass, costs, masses)
        self._enter(np.arange(n_cells), costs, masses, -1)


def _affordable(terms: Terms, nearest_cost: float) -> Terms:
    """The terms, with a budget that misses the least possible cost by rounding only raised to it."""
    short = nearest_cost - terms.budget
    if short > BUDGET_TOLERANCE * nearest_cost:
        raise InfeasibleAssignment(
            f"no assignment meets the budget {terms.budget:.6g}: sending every point to its nearest center costs "
            f"{nearest_cost:.6g}, which is {short:.3g} more",
            {"budget": short},
        )
    return replace(terms, budget=nearest_cost) if short > 0 else terms


def _rows(groups: Any, terms: Terms, weights: Any, n_points: int) -> tuple[NDArray[np.int32], Floats]:
    """The points' class codes and weights; no weights, an empty array, where each counts 1."""
    classes = encode_groups(groups, name="groups")
    if classes.n_samples != n_points:
        raise ValueError(f"groups has {classes.n_samples} entries but costs has {n_points} rows")
    if weights is None:
        mass, sizes = np.empty(0), classes.sizes.astype(np.float64)
    else:
        mass = check_weights(weights, n_points)
        sizes = np.bincount(classes.codes, weights=mass, minlength=len(classes)).astype(np.float64)
        if (mass == 1.0).all():
            mass = np.empty(0)
    if sizes.shape != terms.class_sizes.shape or not np.array_equal(sizes, terms.class_sizes):
        raise ValueError(
            f"terms were made for classes of sizes {terms.class_sizes}, but groups and weights give {sizes}; make the "
            "terms from the same groups and weights"
        )
    return classes.codes.astype(np.int32), mass


def _cells(
    codes: NDArray[np.int32], nearest: NDArray[np.int32], margins: Floats, n_classes: int, k: int
) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Each point's cell, shape (n,), and each cell's class, shape (C,); no cell is empty."""
    n = len(codes)
    if n <= SINGLE_POINTS:
        return np.arange(n, dtype=np.int32), codes.astype(np.intp)
    wanted = CELLS if n < SCALE else CELLS_AT_SCALE
    bins = min(max(round(wanted / (n_classes * k)), 1), 10)
    sample = slice(None, None, max(1, n // SAMPLE))
    pair = codes[sample].astype(np.intp) * k + nearest[sample]
    order = np.lexsort((margins[sample], pair))
    bounds = np.searchsorted(pair[order], np.arange(n_classes * k + 1))
    # Equal parts of each pair by margin; a pair without a sampled point gets infinite thresholds, one cell.
    at = bounds[:-1, None] + np.diff(bounds)[:, None] * np.arange(1, bins) // bins
    known = np.diff(bounds)[:, None] > 0
    thresholds = np.where(known, margins[sample][order][np.minimum(at, len(order) - 1)], np.inf)
    cells = np.empty(n, dtype=np.int32)
    cut(codes, nearest, margins, thresholds.reshape(n_classes, k, bins - 1), cells)
    used = np.flatnonzero(np.bincount(cells, minlength=n_classes * k * bins))
    rank = np.zeros(n_classes * k * bins, dtype=np.int32)
    rank[used] = np.arange(len(used))
    return rank[cells], used // (k * bins)
