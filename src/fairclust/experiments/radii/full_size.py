"""The figures that the paper could not run: all points of each data set instead of samples of 1,000.

The LP's certificate is in the row of each method that it serves; where it takes too long the other methods stand
alone, see :data:`LP_CELLS` and :data:`RELAXED_CELLS`. On diabetes all 101,766 points lie on at most
140 places, so that everything is exact. Each data set is an experiment of its own, because they take from seconds to
many minutes; histograms and the cost of fairness are one experiment each, a cell per LP.
"""

from __future__ import annotations

import time
from typing import Any, Literal

from fairclust.baselines import MahabadiVakilian
from fairclust.experiments.radii.cost_of_fairness import MULTIPLES
from fairclust.experiments.radii.methods import (
    ACCEPTED,
    BENDERS_UP_TO,
    PAPER_NAMES,
    PREPARED,
    SPARSIFY,
    judged,
    solutions,
)
from fairclust.experiments.radii.samples import CLUSTERS, HISTOGRAM_BINS, HISTOGRAM_METHODS, violation_counts
from fairclust.experiments.runner import experiment
from fairclust.metrics import fair_radii, radius_violation
from fairclust.radii import cost_violation_curve

__all__ = [
    "GAPS",
    "LP_CELLS",
    "RELAXED_CELLS",
    "full_size_bank",
    "full_size_census",
    "full_size_cost",
    "full_size_diabetes",
    "full_size_histograms",
]

#: Relative gap of the LP, in p-th powers, by data set.
GAPS = {"bank": 1e-4, "adult": 1e-3, "diabetes": 1e-8}

EVERY = {(power, k) for power in (2, 1) for k in CLUSTERS}

#: Those for which the LP is solved once more, for the relaxed radii, with about half as many edges again.
SOME = {(2, k) for k in (5, 10, 15, 20)}
RELAXED_CELLS: dict[str, set[tuple[int, int]]] = {"bank": EVERY, "adult": SOME, "diabetes": EVERY}

#: Power and k for which the LP is solved, by data set: on all of bank it takes about a minute, on all of census four to
#: eight for k-means and sixteen for k-median. With more of these, all figures together would take more than ninety
#: minutes on two cores; and at k = 25 refinement stopped at a gap of 0.7 %.
LP_CELLS: dict[str, set[tuple[int, int]]] = {"bank": EVERY, "adult": SOME | {(1, 10)}, "diabetes": EVERY}

#: k of the histograms, and of the cost of fairness.
HISTOGRAM_CLUSTERS = (10, 20)
COST_CLUSTERS = 20

#: The methods without an LP over all points (that of "sparse" is over few), and what the LP serves.
WITHOUT_LP = ("kmeans", "local_search", "jkl", "mv", "sparse")
FROM_LP = ("fair_round", "polished")

#: Columns that differ from run to run.
MEASURED = ("seconds", "lp_seconds", "lp_gap")


def _cell(dataset: str, k: int, power: int) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "k": k,
        "power": power,
        "with_lp": (power, k) in LP_CELLS[dataset],
        "with_relaxed": (power, k) in RELAXED_CELLS[dataset],
    }


def _cells(dataset: str) -> list[dict[str, Any]]:
    return [_cell(dataset, k, power) for power in (2, 1) for k in CLUSTERS]


def _small(dataset: str) -> list[dict[str, Any]]:
    """Cells without an LP: with one, all points take minutes."""
    return [{"dataset": dataset, "k": k, "power": 2, "with_lp": False, "with_relaxed": False} for k in CLUSTERS[:2]]


@experiment(
    "radii-full-size-bank",
    paper="radii",
    title="Figures 1, 3, 4, 8, 9 and 11 to 15 on all 4,521 points of bank, the LPs to a gap of 1e-4",
    datasets=("bank",),
    grid=lambda quick: _small("bank") if quick else _cells("bank"),
    measured=MEASURED,
)
def full_size_bank(*, dataset: str, k: int, power: int, with_lp: bool, with_relaxed: bool) -> list[dict[str, Any]]:
    """Every method on all points, in raw units; those with a linear program where it can be solved."""
    return _rows(dataset, k, power, with_lp, with_relaxed)


@experiment(
    "radii-full-size-census",
    paper="radii",
    title="Figures 1, 3, 4, 8, 9 and 11 to 15 on all 32,561 points of census, the LPs to a gap of 1e-3, for k <= 20",
    datasets=("adult",),
    grid=lambda quick: _small("adult")[:1] if quick else _cells("adult"),
    measured=MEASURED,
)
def full_size_census(*, dataset: str, k: int, power: int, with_lp: bool, with_relaxed: bool) -> list[dict[str, Any]]:
    """As for bank, LPs and what they serve only where :data:`LP_CELLS` and :data:`RELAXED_CELLS` say so."""
    return _rows(dataset, k, power, with_lp, with_relaxed)


@experiment(
    "radii-full-size-diabetes",
    paper="radii",
    title="Figures 1, 3, 4, 8, 9 and 11 to 15 on all 101,766 points of diabetes, exactly",
    datasets=("diabetes",),
    grid=lambda quick: _cells("diabetes")[::6] if quick else _cells("diabetes"),
    measured=MEASURED,
)
def full_size_diabetes(*, dataset: str, k: int, power: int, with_lp: bool, with_relaxed: bool) -> list[dict[str, Any]]:
    """As for bank; points that coincide are one point of the LP."""
    return _rows(dataset, k, power, with_lp, with_relaxed)


def _rows(dataset: str, k: int, power: int, with_lp: bool, with_relaxed: bool) -> list[dict[str, Any]]:
    X = PREPARED[dataset]().X
    radii = fair_radii(X, k)
    methods = WITHOUT_LP + FROM_LP * with_lp + ("relaxed",) * with_relaxed
    found = solutions(X, radii, k, power, sparsify=SPARSIFY[dataset], seed=0, gap=GAPS[dataset], only=methods)
    return [
        {"paper_name": PAPER_NAMES[dataset], "n": len(X), **judged(X, radii, power, solution)} for solution in found
    ]


def _histogram_grid(quick: bool) -> list[dict[str, Any]]:
    if quick:
        return [{"dataset": dataset, "k": 20, "with_lp": dataset == "diabetes"} for dataset in PREPARED]
    return [
        {"dataset": dataset, "k": k, "with_lp": (2, k) in LP_CELLS[dataset]}
        for dataset in PREPARED
        for k in HISTOGRAM_CLUSTERS
    ]


@experiment(
    "radii-full-size-histogram",
    paper="radii",
    title="Figures 5 to 7 on all points of each data set: histograms of the violation, k-means",
    datasets=tuple(PREPARED),
    grid=_histogram_grid,
)
def full_size_histograms(*, dataset: str, k: int, with_lp: bool) -> list[dict[str, Any]]:
    """How many of all points see each level of violation, and which share of them; Fair-Round only with its LP."""
    X = PREPARED[dataset]().X
    radii = fair_radii(X, k)
    methods = tuple(method for method in HISTOGRAM_METHODS if with_lp or method not in FROM_LP)
    found = solutions(X, radii, k, 2, sparsify=SPARSIFY[dataset], seed=0, gap=GAPS[dataset], only=methods)
    return [
        {
            "method": solution.method,
            "paper_name": PAPER_NAMES[dataset],
            "n": len(X),
            "bin_left": left,
            "bin_right": right,
            "count": count,
            "share": count / len(X),
        }
        for solution in found
        if solution.method in methods
        for left, right, count in zip(
            HISTOGRAM_BINS[:-1],
            HISTOGRAM_BINS[1:],
            violation_counts(radius_violation(X, solution.centers, radii)),
            strict=True,
        )
    ]


def _cost_grid(quick: bool) -> list[dict[str, Any]]:
    cells = [{"dataset": dataset, "k": COST_CLUSTERS, "theta": theta} for dataset in PREPARED for theta in MULTIPLES]
    return [cell for cell in cells if cell["dataset"] == "diabetes"][:2] if quick else cells


@experiment(
    "radii-full-size-cost-of-fairness",
    paper="radii",
    title="Figure 10 on all points: the LP's cost against a multiple of the fair radii, k = 20, with Fair-Round and MV",
    datasets=tuple(PREPARED),
    grid=_cost_grid,
    measured=("seconds", "lp_gap"),
)
def full_size_cost(*, dataset: str, k: int, theta: float) -> list[dict[str, Any]]:
    """One multiple of the radii; ``lower_bound`` is certified to ``lp_gap`` in squares, ``mv_cost`` is what MV pays.

    Raises RuntimeError if the LP is not solved: a bound that is too low would be drawn as a saving.
    """
    X = PREPARED[dataset]().X
    gap = max(GAPS[dataset], ACCEPTED)
    method: Literal["interior", "benders"] = "benders" if theta > 1.0 and len(X) <= BENDERS_UP_TO else "interior"
    start = time.process_time()
    (row,) = cost_violation_curve(X, k, (theta,), gap=GAPS[dataset], method=method).to_dict("records")
    seconds = time.process_time() - start
    reached = float(1.0 - (row["lower_bound"] / row["lp_cost"]) ** 2)
    if not reached <= gap * (1.0 + 1e-9):
        raise RuntimeError(f"at {theta:g} times the radii the LP is only known to a gap of {reached:.3g}, not {gap:g}")
    return [
        {
            "paper_name": PAPER_NAMES[dataset],
            "n": len(X),
            **{str(name): value for name, value in row.items() if name != "theta"},
            "mv_cost": float(MahabadiVakilian(k, radii=fair_radii(X, k)).fit(X).cost_),
            "lp_gap": reached,
            "seconds": seconds,
        }
    ]
