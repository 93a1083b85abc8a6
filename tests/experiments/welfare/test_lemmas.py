"""The lemmas by brute force: the instances are what they say, and every inequality holds on the quick grid."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fairclust.experiments.welfare.enumeration import Tiny
from fairclust.experiments.welfare.lemmas import KINDS, _optima, euclidean, lemmas, make, theorems


def rows_of(kind: str, instance: int) -> pd.DataFrame:
    return pd.DataFrame(lemmas.function(kind=kind, instance=instance))


@pytest.mark.parametrize("kind", KINDS)
def test_instances(kind: str) -> None:
    for instance in range(6):
        X, codes, k, weight, (alpha, beta) = make(kind, instance)
        assert 7 <= len(X) == len(codes) <= 8
        assert k in (2, 3)
        assert 0 <= weight <= 1
        assert len(np.unique(codes)) == codes.max() + 1 == len(alpha) == len(beta)
        assert min(alpha.min(), beta.min()) >= 0
        again = make(kind, instance)
        assert np.array_equal(again[0], X)
        assert np.array_equal(again[1], codes)
    assert len(np.unique(make("one group", 0)[1])) == 1
    assert np.array_equal(*(np.round(make("ties", 0)[0]), make("ties", 0)[0]))
    assert len(np.unique(make("duplicates", 0)[0], axis=0)) <= 4


@pytest.mark.parametrize("kind", ["cloud", "duplicates", "real"])
@pytest.mark.parametrize("instance", [0, 3, 5])
def test_every_inequality(kind: str, instance: int) -> None:
    table = rows_of(kind, instance)
    assert len(table) == 12
    optimum, alpha, power = table["optimum"], table["alpha"], table["power"]
    factor = (2 + alpha ** (1 / power)) ** power
    loose = np.where(power == 1, alpha + 2, 4 * alpha + 6)
    assert (factor <= loose + 1e-9).all()
    assert (alpha >= 1 - 1e-12).all()
    assert (table["best"] >= optimum - 1e-12).all()
    assert (table["best"] <= table["constructed"] + 1e-9).all()
    assert (table["constructed"] <= factor * optimum + 1e-9).all()
    assert (table["lp"] <= table["best"] + 1e-7).all()
    assert (table["rounded"] >= table["best"] - 1e-9).all()
    assert (table["rounded"] <= table["lp"] + table["rounding_bound"] + 1e-9).all()
    assert (table["distance_weight"] * table["center_cost"] <= alpha * optimum + 1e-9).all()
    assert table["distance_ratio_over_all_s"].between(0, 1 + 1e-12).all()
    assert (table["violation_excess_over_all_s"] <= 1e-9).all()
    np.testing.assert_allclose(table["lp"], table["lp_by_highs"], rtol=1e-6, atol=1e-9)
    assert (table["relaxation_difference"] < 1e-9).all()
    assert (table.loc[table["centers"] == "best", "alpha"] == 1).all()


def test_one_group_is_ordinary_clustering() -> None:
    table = rows_of("one group", 1)
    X, codes, k, weight, _ = make("one group", 1)
    for power, rows in table.groupby("power"):
        costs = euclidean(X) ** power
        least = min(
            costs[:, list(s)].min(axis=1).mean()
            for s in Tiny(costs, codes, k, weight, *np.zeros((2, 1)), 1).center_sets
        )
        np.testing.assert_allclose(rows["optimum"], weight * least)


def test_the_optimum_in_space_is_below_that_among_points() -> None:
    """p = 2: every partition with its best centers, found by two formulas, against points as centers and by hand."""
    X, codes, k, _, _ = make("cloud", 1)
    none = np.zeros(2)
    for objective in ("rawlsian", "utilitarian"):
        problem = Tiny(euclidean(X), codes, k, 0.5, none, none, 2)
        in_space, centers_only = _optima(X, problem, objective)  # type: ignore[arg-type]
        among_points = min(problem.best_assignment(s, objective)[0] for s in problem.center_sets)  # type: ignore[arg-type]
        assert 0 < in_space <= among_points
        assert 0.5 * centers_only <= in_space
    # Two places: both objectives and both first steps are 0 at distance weight 1.
    Y = np.repeat([[0.0], [1.0]], 4, axis=0)
    both = Tiny(euclidean(Y), np.tile([0, 1], 4), 2, 1.0, none, none, 2)
    assert _optima(Y, both, "utilitarian") == (0.0, 0.0)
    assert _optima(Y, both, "rawlsian") == pytest.approx((0.0, 0.0), abs=1e-12)


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("kind", ["towns", "ties"])
def test_theorems(kind: str, power: int) -> None:
    table = pd.DataFrame(theorems.function(kind=kind, instance=1, power=power))
    assert len(table) == (2 if power == 1 else 4)
    factor = (2 + table["alpha"] ** (1 / power)) ** power
    assert (table["value"] >= table["optimum"] - 1e-9).all()
    assert (table["value"] <= factor * table["optimum"] + table["rounding_bound"] + 1e-9).all()
    assert (table["lower_bound"] <= table["value"] + 1e-12).all()
    if power == 2:
        values = table.pivot_table(index="objective", columns="refined", values="value")
        assert (values[True] <= values[False] + 1e-9).all()


@pytest.mark.parametrize("experiment", [lemmas, theorems], ids=lambda experiment: experiment.name)
def test_grids(experiment) -> None:
    full, quick = experiment.cells(), experiment.cells(quick=True)
    assert all(cell in full for cell in quick)
    assert {cell["kind"] for cell in quick} == {cell["kind"] for cell in full}
