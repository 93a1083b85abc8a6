r"""The small LP between two sweeps: the best mixture, per cell, of the patterns found so far.

A *cell* is a set of points of one class, a *pattern* one way to send its points to centers, seen only through its
cost d and its masses m (k numbers). With patterns P(q) of cell q, the master problem is

.. math::

    \min_{\theta \ge 0} \; \text{objective}(D, N) \quad\text{s.t.}\quad
    \sum_{p \in P(q)} \theta_p = 1 \;\forall q, \quad
    D_t = \sum_{q \in t} \sum_p \theta_p d_p, \quad
    N_{ti} = \sum_{q \in t} \sum_p \theta_p m_{pi}.

D and N are variables of their own, each tied by one equation, because a pattern's column then has only
2 + (number of its centers) entries however many groups there are; measured, that halves the time at five groups and
more. HiGHS solves it by the primal simplex method, which restarts from the last basis when columns are added.
"""

from __future__ import annotations

import highspy
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from fairclust.solvers.assignment_terms import Multipliers, Terms

__all__ = ["Master", "SolverError"]

Floats = NDArray[np.float64]


class SolverError(RuntimeError):
    """The LP code gave up on a master problem; the message holds its status."""


class Master:
    """The restricted LP over patterns; see the module's head.

    Parameters
    ----------
    terms : Terms
        The problem.
    cell_classes : ndarray of int, shape (C,)
        Each cell's class.
    n_clusters : int
        k.
    cost_unit, value_unit : float
        What counts as 1 inside the LP for a cost and for the objective, so that tolerances mean the same at any
        scale of the data. Masses are counted in units of their class's size.
    """

    def __init__(
        self, terms: Terms, cell_classes: NDArray[np.intp], n_clusters: int, cost_unit: float, value_unit: float
    ) -> None:
        self._terms = terms
        self._cell_classes = np.asarray(cell_classes, dtype=np.intp)
        self._k = n_clusters
        self._cost_unit, self._value_unit = cost_unit, value_unit
        n_classes, n_groups = len(terms.class_sizes), len(terms.names)
        self._mass_units = np.where(terms.class_sizes > 0, terms.class_sizes, 1.0)
        sizes = terms.sizes
        self._group_units = np.where(sizes > 0, sizes, 1.0)

        counted = terms.violation_weight > 0
        self._has_upper = np.flatnonzero(counted & (terms.upper < 1.0))
        self._has_lower = np.flatnonzero(counted & (terms.lower > 0.0))
        n_cells = len(self._cell_classes)
        self._cost_row = n_cells
        self._mass_row = self._cost_row + n_classes
        self._term_row = self._mass_row + n_classes * n_clusters
        self._upper_row = self._term_row + (n_groups if terms.combine == "max" else 0)
        self._lower_row = self._upper_row + len(self._has_upper) * n_clusters
        self._budget_row = self._lower_row + len(self._has_lower) * n_clusters
        self._n_rows = self._budget_row + int(np.isfinite(terms.budget))

        self._lp = highspy.Highs()
        for option, value in {
            "output_flag": False,
            "threads": 1,
            "presolve": "off",
            "simplex_strategy": 4,
            "primal_feasibility_tolerance": 1e-10,
            "dual_feasibility_tolerance": 1e-10,
            "small_matrix_value": 1e-12,
        }.items():
            self._lp.setOptionValue(option, value)
        self._add_rows()
        self._n_fixed = self._add_fixed_columns()
        self.n_columns = 0

    def add(self, cells: NDArray[np.intp], costs: Floats, masses: Floats) -> None:
        """Add one pattern for each entry of ``cells``, with its cost, shape (m,), and its masses, shape (m, k)."""
        count = len(cells)
        if not count:
            return
        classes = self._cell_classes[cells]
        columns, centers = np.nonzero(masses)
        every = np.arange(count)
        self._add_columns(
            np.concatenate((cells, self._cost_row + classes, self._mass_row + classes[columns] * self._k + centers)),
            np.concatenate((every, every, columns)),
            np.concatenate(
                (
                    np.ones(count),
                    costs / self._cost_unit,
                    masses[columns, centers] / self._mass_units[classes[columns]],
                )
            ),
            np.zeros(count),
            np.zeros(count),
        )
        self.n_columns += count

    def solve(self) -> tuple[float, Multipliers]:
        """The optimum over the patterns so far and its multipliers, in the units of the problem.

        Raises
        ------
        SolverError
            If HiGHS finds no optimum, also from a cold start.
        """
        self._lp.run()
        optimal = highspy.HighsModelStatus.kOptimal
        # A warm basis can be numerically poor; a cold start, then another method, does not inherit it.
        for strategy, presolve in ((4, "off"), (1, "off"), (1, "on")):
            if self._lp.getModelStatus() == optimal:
                break
            self._lp.clearSolver()
            self._lp.setOptionValue("simplex_strategy", strategy)
            self._lp.setOptionValue("presolve", presolve)
            self._lp.run()
        self._lp.setOptionValue("simplex_strategy", 4)
        self._lp.setOptionValue("presolve", "off")
        status = self._lp.getModelStatus()
        if status != optimal:
            raise SolverError(f"HiGHS ended with status {self._lp.modelStatusToString(status)!r}")
        return self._lp.getObjectiveValue() * self._value_unit, self._multipliers()

    def mixture(self) -> Floats:
        """The weight of each pattern in the last solution, in the order in which they were added."""
        weights = np.asarray(self._lp.getSolution().col_value, dtype=np.float64)[self._n_fixed :]
        return np.maximum(weights, 0.0)

    def _multipliers(self) -> Multipliers:
        terms, k = self._terms, self._k
        duals = np.asarray(self._lp.getSolution().row_dual, dtype=np.float64)
        n_groups = len(terms.names)
        weights = duals[self._term_row : self._upper_row] if terms.combine == "max" else np.ones(n_groups)
        points = (self._value_unit / self._group_units)[:, None]
        upper, lower = np.zeros((n_groups, k)), np.zeros((n_groups, k))
        upper[self._has_upper] = duals[self._upper_row : self._lower_row].reshape(-1, k)
        lower[self._has_lower] = duals[self._lower_row : self._budget_row].reshape(-1, k)
        budget = -duals[self._budget_row] * self._value_unit / self._cost_unit if np.isfinite(terms.budget) else 0.0
        return terms.feasible(Multipliers(weights, upper * points, lower * points, float(budget)))

    def _add_rows(self) -> None:
        low = np.zeros(self._n_rows)
        high = np.full(self._n_rows, highspy.kHighsInf)
        low[: self._cost_row] = high[: self._cost_row] = 1.0
        high[self._cost_row : self._term_row] = 0.0
        if np.isfinite(self._terms.budget):
            low[-1], high[-1] = -highspy.kHighsInf, self._terms.budget / self._cost_unit
        nothing = np.empty(0)
        self._lp.addRows(
            self._n_rows, low, high, 0, np.zeros(self._n_rows, np.int32), nothing.astype(np.int32), nothing
        )

    def _add_fixed_columns(self) -> int:
        """The variables that are no patterns: D, N, the soft groups' v, and z for a maximum."""
        terms, k = self._terms, self._k
        n_classes, n_groups = len(terms.class_sizes), len(terms.names)
        entries: list[tuple[NDArray[np.intp], NDArray[np.intp], Floats]] = []
        objective = np.zeros(n_classes + n_classes * k)

        def enter(rows: NDArray[np.intp], columns: NDArray[np.intp], values: Floats) -> None:
            entries.append((rows.ravel(), columns.ravel(), np.broadcast_to(values, rows.shape).ravel()))

        classes, centers = np.arange(n_classes), np.arange(k)
        # D_t: its definition, the groups' terms or the objective, the budget.
        enter(self._cost_row + classes, classes, -np.ones(n_classes))
        per_cost = terms.cost_weight * (self._cost_unit / self._value_unit)
        if terms.combine == "max":
            counting, counted = np.nonzero(terms.membership * per_cost)
            enter(self._term_row + counting, counted, -per_cost[counted])
        else:
            objective[:n_classes] = per_cost
        if np.isfinite(terms.budget):
            enter(np.full(n_classes, self._budget_row), classes, np.ones(n_classes))
        # N_ti: its definition, and both bounds of every group h at center i.
        mass_columns = n_classes + classes[:, None] * k + centers
        enter(self._mass_row + classes[:, None] * k + centers, mass_columns, -np.ones(1))
        # v_hi: both bounds, and the groups' terms or the objective.
        soft = np.flatnonzero((terms.violation_weight > 0) & ~terms.hard)
        columns = len(objective) + np.arange(len(soft))[:, None] * k + centers
        for first, bounded, factors in (
            (self._upper_row, self._has_upper, terms.upper[:, None] - terms.membership),
            (self._lower_row, self._has_lower, terms.membership - terms.lower[:, None]),
        ):
            for position, h in enumerate(bounded):
                rows = first + position * k + centers
                in_group_units = factors[h] * self._mass_units / self._group_units[h]
                enter(np.broadcast_to(rows, mass_columns.shape), mass_columns, in_group_units[:, None])
                if h in soft:
                    enter(rows, columns[np.searchsorted(soft, h)], np.ones(1))
        per_point = (terms.violation_weight[soft] * self._group_units[soft] / self._value_unit)[:, None]
        if terms.combine == "max":
            enter(np.broadcast_to(self._term_row + soft[:, None], columns.shape), columns, -per_point)
            objective = np.concatenate((objective, np.zeros(columns.size), [1.0]))
            last = np.full(n_groups, len(objective) - 1)
            enter(self._term_row + np.arange(n_groups), last, np.ones(1))
        else:
            objective = np.concatenate((objective, np.repeat(per_point.ravel(), k)))
        lower = np.zeros(len(objective))
        if terms.combine == "max":
            # z is free, so that the terms' multipliers add up to 1 also where the optimum is 0.
            lower[-1] = -highspy.kHighsInf
        rows, cols, values = (np.concatenate(parts) for parts in zip(*entries, strict=True))
        self._add_columns(rows, cols, values, objective, lower)
        return len(objective)

    def _add_columns(
        self, rows: NDArray[np.intp], columns: NDArray[np.intp], values: Floats, objective: Floats, lower: Floats
    ) -> None:
        matrix = sp.csc_matrix((values, (rows, columns)), shape=(self._n_rows, len(objective)))
        self._lp.addCols(
            len(objective),
            objective,
            lower,
            np.full(len(objective), highspy.kHighsInf),
            matrix.nnz,
            matrix.indptr[:-1].astype(np.int32),
            matrix.indices.astype(np.int32),
            matrix.data,
        )
