"""Figure 3's grid, its data sets, and what holds of the stored table."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest

from fairclust.claims import load_ledger
from fairclust.experiments import read_results
from fairclust.experiments.preparation import welfare_census_1990
from fairclust.experiments.runner import Experiment
from fairclust.experiments.welfare.comparison import (
    NOT_THE_PAPERS,
    SETTINGS,
    Settings,
    compare_prepared,
    comparison,
    comparison_census_income,
    prepare,
)
from fairclust.experiments.welfare.methods import CLUSTERS, DISTANCE_WEIGHTS, OBJECTIVES, compare, normalisation
from fairclust.groups import encode_groups

needs_data = pytest.mark.skipif(not os.environ.get("FAIRCLUST_DATA"), reason="FAIRCLUST_DATA not set")

CELL = {"dataset": "adult", "average": "mean", "k": 4, "seed": 1, "rows": 400}

#: Each experiment with the data sets of its table.
BOTH = [(comparison, SETTINGS), (comparison_census_income, NOT_THE_PAPERS)]
both = pytest.mark.parametrize(("item", "settings"), BOTH, ids=[item.name for item, _ in BOTH])


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """One cell on the first 400 rows of Adult."""
    return comparison.run_cell(CELL)


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return pd.concat([read_results(item.name) for item, _ in BOTH], ignore_index=True)


class TestGrid:
    @both
    def test_every_k_of_every_data_set_and_seed(self, item: Experiment, settings: Settings) -> None:
        cells = item.cells()
        for dataset, average, seeds in settings:
            mine = [c for c in cells if (c["dataset"], c["average"]) == (dataset, average)]
            assert sorted((c["k"], c["seed"]) for c in mine) == [(k, s) for k in CLUSTERS for s in range(seeds)]
            assert all(cell["rows"] is None for cell in mine)
        assert len(cells) == sum(seeds for *_, seeds in settings) * len(CLUSTERS)
        # Several seeds, so that every line of a figure has a band.
        assert all(seeds >= 3 for *_, seeds in settings)

    def test_the_papers_data_sets_have_one_table_and_the_other_its_own(self) -> None:
        assert {cell["dataset"] for cell in comparison.cells()} == {"adult", "credit_card", "census_1990"}
        assert {cell["dataset"] for cell in comparison_census_income.cells()} == {"census_income"}

    @both
    def test_the_quick_grid_is_a_part_of_the_full_one_on_fewer_rows(self, item: Experiment, settings: Settings) -> None:
        quick = item.cells(quick=True)
        assert quick
        for cell in quick:
            assert cell["rows"] == 2000
            assert {**cell, "rows": None} in item.cells()

    def test_full_sizes(self) -> None:
        assert prepare("adult").X.shape == (32_561, 5)
        assert prepare("credit_card").X.shape == (29_623, 14)

    @needs_data
    def test_sizes_of_the_other_survey(self) -> None:
        assert prepare("census_income").X.shape == (20_000, 7)
        assert prepare("census_income", 500).X.shape == (500, 7)


class TestCell:
    def test_is_the_comparison_with_the_normalisation_of_all_k(self, table: pd.DataFrame) -> None:
        data = prepare("adult", 400)
        groups = encode_groups(data.groups)
        scales = normalisation(data.X, groups, CLUSTERS, "mean")
        expected = compare(data.X, groups, 4, 1, scales, DISTANCE_WEIGHTS)
        assert len(table) == len(expected) == 2 * 5 * len(DISTANCE_WEIGHTS)
        np.testing.assert_array_equal(table["rawlsian"], [row["rawlsian"] for row in expected])
        for objective in OBJECTIVES:
            eta = table.loc[table["objective"] == objective, "eta"]
            np.testing.assert_allclose(eta, scales[objective], rtol=1e-8)

    @both
    def test_the_claims_find_their_columns(self, table: pd.DataFrame, item: Experiment, settings: Settings) -> None:
        """With every data set's name put in the place of Adult's, each criterion of a table can be judged."""
        used = [c.criterion for c in load_ledger() if c.criterion and c.criterion.results == item.name]
        assert len(used) >= 4
        everywhere = pd.concat(
            [table.assign(dataset=dataset, average=average) for dataset, average, _ in settings], ignore_index=True
        )
        for criterion in used:
            criterion.judge(everywhere)


@needs_data
def test_the_other_survey_goes_through_the_same_cells() -> None:
    cell = {"dataset": "census_income", "average": "mean", "k": 4, "seed": 0, "rows": 300}
    own = comparison_census_income.run_cell(cell)
    assert len(own) == 2 * 5 * len(DISTANCE_WEIGHTS)
    pd.testing.assert_frame_equal(own, comparison.run_cell(cell))


@needs_data
def test_census_1990_runs_through_its_own_loader() -> None:
    """On the excerpt of 99 rows: a test of the path, no result."""
    rows = pd.DataFrame(compare_prepared(welfare_census_1990(head=True), "mean", 5, 0))
    assert len(rows) == 2 * 5 * len(DISTANCE_WEIGHTS)
    for objective in OBJECTIVES:
        mine = rows[rows["method"] == objective]
        assert (mine[objective] >= mine["lower_bound"] * (1 - 1e-8)).all()


class TestStored:
    def test_every_available_cell_is_there(self, stored: pd.DataFrame) -> None:
        for dataset, average, seeds in (*SETTINGS, *NOT_THE_PAPERS):
            if dataset == "census_1990":
                continue  # not available where the results were made
            mine = stored[(stored["dataset"] == dataset) & (stored["average"] == average)]
            assert len(mine) == seeds * len(CLUSTERS) * 2 * 5 * len(DISTANCE_WEIGHTS)

    @both
    def test_no_row_is_of_another_data_set(self, item: Experiment, settings: Settings) -> None:
        assert set(read_results(item.name)["dataset"]) <= {dataset for dataset, *_ in settings}

    def test_certificates_at_full_size(self, stored: pd.DataFrame) -> None:
        for objective in OBJECTIVES:
            mine = stored[stored["method"].isin([objective, f"{objective}_refined"])]
            assert (mine[objective] >= mine["lower_bound"] * (1 - 1e-7)).all()
            assert (mine["rounding_loss"] <= mine["rounding_bound"]).all()

    def test_the_refined_method_is_never_worse(self, stored: pd.DataFrame) -> None:
        keys = ["dataset", "average", "k", "seed", "distance_weight"]
        for objective in OBJECTIVES:
            plain, refined = (
                stored[stored["method"] == method].set_index(keys)[objective]
                for method in (objective, f"{objective}_refined")
            )
            assert (refined <= plain * (1 + 1e-8)).all()

    def test_one_normalisation_for_all_seeds_and_k(self, stored: pd.DataFrame) -> None:
        eta = stored.groupby(["dataset", "average", "objective"])["eta"]
        pd.testing.assert_series_equal(eta.min(), eta.max())
