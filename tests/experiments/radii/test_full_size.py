"""The full-size experiments: their grids, and one row set on few points in place of all."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fairclust.baselines import MahabadiVakilian
from fairclust.distances import nearest_centers
from fairclust.experiments.preparation import radii_bank
from fairclust.experiments.radii import full_size as module
from fairclust.experiments.radii.full_size import (
    CLUSTERS,
    FROM_LP,
    GAPS,
    LP_CELLS,
    RELAXED_CELLS,
    WITHOUT_LP,
    full_size_bank,
    full_size_census,
    full_size_cost,
    full_size_diabetes,
    full_size_histograms,
)
from fairclust.experiments.recheck import recheck
from fairclust.metrics import fair_radii, radius_violation
from fairclust.radii import fair_radii_lp

EXPERIMENTS = {"bank": full_size_bank, "adult": full_size_census, "diabetes": full_size_diabetes}
EVERY = {(power, k) for power in (2, 1) for k in CLUSTERS}
#: Of exact data sets every LP is solved; the constants say which are solved of the others.
EXACT = "diabetes"


class Small:
    X = radii_bank(1).X[:150]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few points in place of all."""

    def prepared(*sample: int) -> Any:
        assert not sample, "all points, no sample"
        return Small

    for dataset in module.PREPARED:
        monkeypatch.setitem(module.PREPARED, dataset, prepared)


class TestGrids:
    @pytest.mark.parametrize("dataset", EXPERIMENTS)
    def test_of_the_tables(self, dataset: str) -> None:
        cells = EXPERIMENTS[dataset].cells()
        assert [(cell["power"], cell["k"]) for cell in cells] == [
            (power, k) for power in (2, 1) for k in (5, 10, 15, 20, 25, 30)
        ]
        assert {cell["dataset"] for cell in cells} == {dataset}
        assert {(cell["power"], cell["k"]) for cell in cells if cell["with_lp"]} == LP_CELLS[dataset]
        assert {(cell["power"], cell["k"]) for cell in cells if cell["with_relaxed"]} == RELAXED_CELLS[dataset]
        quick = EXPERIMENTS[dataset].cells(quick=True)
        assert 0 < len(quick) < 12
        # A linear program over all of bank or census is nothing quick.
        assert dataset == EXACT or not any(cell["with_lp"] or cell["with_relaxed"] for cell in quick)

    def test_which_programs_are_solved(self) -> None:
        """All of bank and of diabetes; of census what takes ten minutes each, with the k of every other figure."""
        assert LP_CELLS["bank"] == LP_CELLS["diabetes"] == EVERY
        assert RELAXED_CELLS["bank"] == RELAXED_CELLS["diabetes"] == EVERY
        assert {(2, k) for k in (*module.HISTOGRAM_CLUSTERS, module.COST_CLUSTERS)} <= LP_CELLS["adult"]
        assert {cell for cell in LP_CELLS["adult"] if cell[0] == 2} == RELAXED_CELLS["adult"]
        assert {power for power, _ in LP_CELLS["adult"]} == {1, 2}
        assert LP_CELLS["adult"] <= EVERY

    def test_of_the_histograms(self) -> None:
        cells = full_size_histograms.cells()
        assert [(cell["dataset"], cell["k"]) for cell in cells] == [
            (dataset, k) for dataset in ("bank", "adult", "diabetes") for k in (10, 20)
        ]
        assert all(cell["with_lp"] == ((2, cell["k"]) in LP_CELLS[cell["dataset"]]) for cell in cells)
        quick = full_size_histograms.cells(quick=True)
        assert {cell["dataset"] for cell in quick if cell["with_lp"]} == {EXACT}

    def test_of_the_cost_of_fairness(self) -> None:
        """A cell per multiple, so that each is kept as soon as it is there."""
        cells = full_size_cost.cells()
        assert [(cell["dataset"], cell["k"], cell["theta"]) for cell in cells] == [
            (dataset, 20, theta) for dataset in module.PREPARED for theta in (1.0, 1.5, 2.0, 2.5, 3.0)
        ]
        quick = full_size_cost.cells(quick=True)
        assert quick
        assert all(cell["dataset"] == EXACT and cell in cells for cell in quick)


@pytest.mark.usefixtures("small")
class TestTables:
    @pytest.mark.parametrize("dataset", EXPERIMENTS)
    @pytest.mark.parametrize(("lp", "relaxed"), [(True, True), (True, False), (False, False)])
    def test_rows(self, dataset: str, lp: bool, relaxed: bool) -> None:
        cell = {"dataset": dataset, "k": 6, "power": 2, "with_lp": lp, "with_relaxed": relaxed}
        frame = EXPERIMENTS[dataset].run_cell(cell)
        wanted = {*WITHOUT_LP, *FROM_LP, "fair_round_theory"} if lp else set(WITHOUT_LP)
        assert set(frame["method"]) == (wanted | {"relaxed"} if relaxed else wanted)
        assert set(frame["n"]) == {150}
        assert (frame["n_centers"] <= 6).all()
        rows = frame.set_index("method")
        if lp:
            assert rows.loc["fair_round", "lp_gap"] <= GAPS[dataset]
            assert rows.loc["polished", "cost"] <= rows.loc["fair_round", "cost"]
        if relaxed:
            # MV's own centers are feasible for its radii, which the fair radii are part of.
            assert rows.loc["relaxed", "lp_gap"] <= GAPS[dataset]
            assert rows.loc["relaxed", "lp"] <= rows.loc["mv", "cost"] * (1 + GAPS[dataset])
            assert rows.loc["relaxed", "lp"] <= rows.loc["fair_round", "lp"] * (1 + GAPS[dataset])


@pytest.mark.usefixtures("small")
class TestHistograms:
    @pytest.mark.parametrize("lp", [True, False])
    def test_every_point_is_counted_once(self, lp: bool) -> None:
        frame = full_size_histograms.run_cell({"dataset": "bank", "k": 6, "with_lp": lp})
        wanted = ["kmeans", "jkl", "mv", "fair_round"] if lp else ["kmeans", "jkl", "mv"]
        assert list(frame["method"].unique()) == wanted
        assert set(frame["n"]) == {150}
        assert (frame.groupby("method")["count"].sum() == 150).all()
        np.testing.assert_allclose(frame["share"], frame["count"] / 150)
        np.testing.assert_allclose(frame["bin_right"] - frame["bin_left"], 0.1)

    def test_the_counts_are_of_the_centers_in_the_table(self) -> None:
        """Both cells solve the same program with the same seed: the largest violation lies in the last bar."""
        frame = full_size_histograms.run_cell({"dataset": "adult", "k": 6, "with_lp": True})
        cell = {"dataset": "adult", "k": 6, "power": 2, "with_lp": True, "with_relaxed": False}
        largest = full_size_census.run_cell(cell).set_index("method")["max_violation"]
        for method, rows in frame[frame["count"] > 0].groupby("method"):
            last = rows.sort_values("bin_left").iloc[-1]
            assert last["bin_left"] <= min(largest[method], 2.0) <= last["bin_right"], method

    def test_of_mv(self) -> None:
        frame = full_size_histograms.run_cell({"dataset": "bank", "k": 6, "with_lp": False})
        X, radii = Small.X, fair_radii(Small.X, 6)
        theta = radius_violation(X, MahabadiVakilian(6, radii=radii).fit(X).cluster_centers_, radii)
        counts = frame[frame["method"] == "mv"].sort_values("bin_left")["count"]
        assert counts.iloc[:10].sum() == (theta < 1.0).sum()
        assert counts.iloc[-1] == (theta >= 1.9).sum()


@pytest.mark.usefixtures("small")
class TestCostOfFairness:
    def test_a_row_of_one_multiple(self) -> None:
        frame = pd.concat([full_size_cost.run_cell({"dataset": "adult", "k": 6, "theta": t}) for t in (1.0, 2.0)])
        assert frame["theta"].tolist() == [1.0, 2.0]
        assert set(frame["n"]) == {150}
        assert set(frame["paper_name"]) == {"census"}
        assert (frame["lp_gap"] <= GAPS["adult"]).all()
        assert (frame["seconds"] >= 0).all()
        X, radii = Small.X, fair_radii(Small.X, 6)
        for row in frame.to_dict("records"):
            lp = fair_radii_lp(X, 6, radii=row["theta"] * radii)
            assert row["lower_bound"] <= lp.norm * (1 + 1e-9)
            assert lp.norm <= row["lp_cost"] * (1 + 1e-9)
            assert row["polished_cost"] <= row["cost"]
        mv = MahabadiVakilian(6, radii=radii).fit(X)
        np.testing.assert_allclose(frame["mv_cost"], np.linalg.norm(nearest_centers(X, mv.cluster_centers_)[1]))

    def test_an_lp_that_is_not_solved_is_no_bound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loose = pd.DataFrame({"theta": [2.0], "lower_bound": [5.0], "lp_cost": [10.0]})
        monkeypatch.setattr(module, "cost_violation_curve", lambda *args, **options: loose)
        with pytest.raises(RuntimeError, match=r"at 2 times the radii the LP is only known to a gap of 0\.75"):
            full_size_cost.run_cell({"dataset": "bank", "k": 6, "theta": 2.0})


@pytest.mark.skipif(not os.environ.get("FAIRCLUST_DATA"), reason="FAIRCLUST_DATA not set")
@pytest.mark.parametrize("name", ["diabetes", "histogram", "cost-of-fairness"])
def test_a_stored_cell_computed_again(name: str) -> None:
    assert len(recheck(f"radii-full-size-{name}", n_cells=1, rtol=1e-6, cost_limit_seconds=20)) >= 1
