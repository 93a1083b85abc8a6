"""The questions: the price of each point, Algorithm 2's parameters, other clusterers and notions."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from fairclust.experiments.antidote.questions import (
    BUDGETS,
    CLUSTERERS,
    DIMENSIONS,
    SIZES,
    any_clusterer,
    cost_gap,
    parameters,
    price,
    sample_of,
)
from fairclust.experiments.antidote.table_1 import TABLE_1
from fairclust.groups import encode_groups
from fairclust.metrics import social_costs


class TestPrice:
    def test_adult_costs_two_points(self) -> None:
        frame = price.run_cell({"dataset": "adult", "k": 2, "steps": 3, "seed": 0})
        assert frame["t"].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
        assert frame["n_antidote"].iloc[0] == 0
        assert (frame["n_antidote"].iloc[1:] <= 2).all()
        assert frame["is_fixed_point"].all()
        assert frame["social_cost"].iloc[-1] == pytest.approx(frame["fair_social_cost"].iloc[-1], rel=1e-9)
        # k-means comes to these fixed points from both starts.
        assert frame["reached"].to_numpy() == pytest.approx(frame["social_cost"].to_numpy(), rel=1e-6)
        assert frame["reached_from_vanilla"].to_numpy() == pytest.approx(frame["social_cost"].to_numpy(), rel=1e-6)

    def test_every_data_set_is_asked(self) -> None:
        assert [c["dataset"] for c in price.cells()] == ["adult", "bank_full", "credit_card", "lfw"]


class TestParameters:
    def test_every_setting_has_a_row_and_knows_the_extremes(self) -> None:
        frame = parameters.run_cell({"dataset": "adult", "notion": "social_cost", "seed": 0})
        assert len(frame) == len(SIZES) * len(DIMENSIONS) * len(BUDGETS)
        at_most = frame.query(f"budget == {max(BUDGETS)}")["gain"]
        assert frame["best_gain"].unique().tolist() == [at_most.max()]
        assert frame["worst_gain"].unique().tolist() == [at_most.min()]
        assert (frame["gain"] >= 0).all()
        assert at_most.max() > 0

    def test_the_grid_is_table_1(self) -> None:
        assert {(c["dataset"], c["notion"]) for c in parameters.cells()} == set(TABLE_1)


class TestAnyClusterer:
    def run(self, clusterer: str, notion: str, **change: Any) -> dict[str, Any]:
        cell = {"dataset": "adult", "clusterer": clusterer, "notion": notion, "n": 120, "n_antidote": 5}
        (row,) = any_clusterer.run_cell({**cell, "budget": 8, "seed": 0, **change}).to_dict("records")
        return row

    def test_the_grid_pairs_everything(self) -> None:
        cells = any_clusterer.cells()
        notions = {"balance_cost", "social_cost", "cost_gap"}
        assert {(c["clusterer"], c["notion"]) for c in cells} == set(itertools.product(CLUSTERERS, notions))

    @pytest.mark.parametrize("clusterer", CLUSTERERS)
    def test_every_clusterer_can_be_cloned_and_asked(self, clusterer: str) -> None:
        clone(CLUSTERERS[clusterer](2, 0))
        row = self.run(clusterer, "social_cost")
        assert row["improved"] == (row["gain"] > 0)
        assert row["fairness"] == pytest.approx(row["vanilla_fairness"] - row["gain"])

    def test_a_notion_of_our_own(self) -> None:
        row = self.run("k-means, fixed starts", "cost_gap")
        assert 0 <= row["fairness"] <= row["vanilla_fairness"]

    def test_cost_gap_is_the_range_of_the_groups_costs(self) -> None:
        rng = np.random.default_rng(0)
        X, groups, centers = rng.normal(size=(30, 2)), np.arange(30) % 3, rng.normal(size=(2, 2))
        costs = social_costs(X, centers, groups)
        assert cost_gap(centers, X, encode_groups(groups)) == pytest.approx(costs.max() - costs.min())


class TestSamples:
    @pytest.mark.parametrize("n", [5, 40, 10_000])
    def test_have_their_size_and_every_group(self, n: int) -> None:
        data = sample_of("adult", n, 3)
        assert len(data.X) == len(data.groups) == len(data.rows) == n
        assert data.groups.nunique() == 5
        assert len(set(data.rows)) == n

    def test_a_seed_is_a_sample(self) -> None:
        one, two, other = sample_of("adult", 60, 1), sample_of("adult", 60, 1), sample_of("adult", 60, 2)
        np.testing.assert_array_equal(one.X, two.X)
        assert not np.array_equal(one.rows, other.rows)
