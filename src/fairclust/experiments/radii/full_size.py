"""The figures that the paper could not run: all points of each data set instead of samples of 1,000.

The LP's certificate is in the row of each method that it serves; where it takes too long the other methods stand
alone, see :data:`LP_CELLS`. On diabetes all 101,766 points lie on at most 140 places, so that everything is exact. Each
data set is an experiment of its own, because they take from seconds to many minutes.
"""

from __future__ import annotations

from typing import Any

from fairclust.experiments.radii.methods import PAPER_NAMES, PREPARED, SPARSIFY, judged, solutions
from fairclust.experiments.radii.samples import CLUSTERS
from fairclust.experiments.runner import experiment
from fairclust.metrics import fair_radii

__all__ = ["GAPS", "full_size_bank", "full_size_census", "full_size_diabetes"]

#: Relative gap of the LP, in p-th powers, by data set.
GAPS = {"bank": 1e-4, "adult": 1e-3, "diabetes": 1e-8}

#: Power and k for which the LP is solved, by data set: on all of bank it takes about a minute, on all of census nearly
#: ten.
LP_CELLS: dict[str, set[tuple[int, int]]] = {
    "bank": {(power, k) for power in (2, 1) for k in CLUSTERS},
    "adult": {(2, 10)},
    "diabetes": {(power, k) for power in (2, 1) for k in CLUSTERS},
}

#: The methods without an LP, and all that one LP serves; relaxed radii need a second LP of a larger kind.
WITHOUT_LP = ("kmeans", "local_search", "jkl", "mv")
WITH_LP = (*WITHOUT_LP, "fair_round", "polished", "sparse")

#: Columns that differ from run to run.
MEASURED = ("seconds", "lp_seconds", "lp_gap")


def _cells(dataset: str) -> list[dict[str, Any]]:
    return [
        {"dataset": dataset, "k": k, "power": power, "with_lp": (power, k) in LP_CELLS[dataset]}
        for power in (2, 1)
        for k in CLUSTERS
    ]


def _small(dataset: str) -> list[dict[str, Any]]:
    """Cells without an LP: with one, all points take minutes."""
    return [{"dataset": dataset, "k": k, "power": 2, "with_lp": False} for k in CLUSTERS[:2]]


@experiment(
    "radii-full-size-bank",
    paper="radii",
    title="Figures 1, 3, 4 and 13 to 15 on all 4,521 points of bank, the LP to a gap of 1e-4",
    datasets=("bank",),
    grid=lambda quick: _small("bank") if quick else _cells("bank"),
    measured=MEASURED,
)
def full_size_bank(*, dataset: str, k: int, power: int, with_lp: bool) -> list[dict[str, Any]]:
    """Every method on all points, in raw units; those with a linear program where it can be solved."""
    return _rows(dataset, k, power, with_lp)


@experiment(
    "radii-full-size-census",
    paper="radii",
    title="Figures 1, 3, 4 and 13 to 15 on all 32,561 points of census, the LP to a gap of 1e-3 for k = 10",
    datasets=("adult",),
    grid=lambda quick: _small("adult")[:1] if quick else _cells("adult"),
    measured=MEASURED,
)
def full_size_census(*, dataset: str, k: int, power: int, with_lp: bool) -> list[dict[str, Any]]:
    """As for bank, the LP and what it serves only where :data:`LP_CELLS` says so."""
    return _rows(dataset, k, power, with_lp)


@experiment(
    "radii-full-size-diabetes",
    paper="radii",
    title="Figures 1, 3, 4 and 13 to 15 on all 101,766 points of diabetes, exactly",
    datasets=("diabetes",),
    grid=lambda quick: _cells("diabetes")[::6] if quick else _cells("diabetes"),
    measured=MEASURED,
)
def full_size_diabetes(*, dataset: str, k: int, power: int, with_lp: bool) -> list[dict[str, Any]]:
    """As for bank; points that coincide are one point of the LP."""
    return _rows(dataset, k, power, with_lp)


def _rows(dataset: str, k: int, power: int, with_lp: bool) -> list[dict[str, Any]]:
    X = PREPARED[dataset]().X
    radii = fair_radii(X, k)
    methods = WITH_LP if with_lp else WITHOUT_LP
    found = solutions(X, radii, k, power, sparsify=SPARSIFY[dataset], seed=0, gap=GAPS[dataset], only=methods)
    return [
        {"paper_name": PAPER_NAMES[dataset], "n": len(X), **judged(X, radii, power, solution)} for solution in found
    ]
