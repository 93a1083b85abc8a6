"""The antidote's timings at tiny sizes: what is compared agrees, the two searches are one. No time limits."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from fairclust.antidote import AntidoteClustering, AntidoteProblem, FixedStartKMeans
from fairclust.experiments.antidote.spectral import SPECTRAL_1
from fairclust.experiments.antidote.table_1 import TABLE_1
from fairclust.experiments.performance import antidote as performance
from fairclust.experiments.preparation import antidote_adult
from fairclust.metrics import balance


class TestGrids:
    def test_the_oracle_is_timed_on_every_data_set(self) -> None:
        cells = performance.oracle.cells()
        assert {c["dataset"] for c in cells} == {"adult", "bank_full", "credit_card", "lfw"}

    def test_every_curve_is_there_twice(self) -> None:
        cells = performance.curve.cells()
        assert len([c for c in cells if c["implementation"] == "oracle"]) == len(cells) / 2 == 4

    def test_all_of_table_1(self) -> None:
        cells = performance.table_1.cells()
        combination_3 = {(dataset, "spectral") for dataset in SPECTRAL_1}
        assert {(c["dataset"], c["notion"]) for c in cells} == set(TABLE_1) | combination_3
        assert len(cells) == 12
        assert {c["budget"] for c in cells} == {1000}


class TestOracle:
    def test_a_small_cell(self) -> None:
        cell = {"dataset": "adult", "optimizer": "racos", "seed": 0, "evaluations": 20, "refits": 3}
        (row,) = performance.oracle.run_cell(cell).to_dict("records")
        assert row["same_labels"]
        assert (row["n_evaluations"], row["n_refits"]) == (20, 3)
        assert row["ratio"] == pytest.approx(row["rate"] / row["refit_rate"])
        assert row["rate"] == pytest.approx(20 / row["seconds"])

    def test_the_questions_are_those_of_algorithm_2(self) -> None:
        data = antidote_adult()
        C = FixedStartKMeans(2, n_init=1, random_state=0)
        problem = AntidoteProblem(data.X, data.groups, C, "social")
        asked = performance.questions_of_a_search(data, problem, 5, "cmaes", 25, seed=0)
        assert [V.shape for V in asked] == [(5, 5)] * 25
        model = AntidoteClustering(C, "social", n_antidote=5, max_antidote=5, optimizer="cmaes", budget=25)
        values = model.fit(data.X, sensitive_features=data.groups).history_["value"]
        assert len(values) == len(asked)

    def test_refit_runs_to_the_fixed_point(self) -> None:
        X = np.array([[0.0], [1.0], [9.0], [10.0]])
        model = performance.refit(X, np.array([[30.0]]), X[[0, 3]])
        assert sorted(model.cluster_centers_.ravel().tolist()) in ([0.5, 49 / 3], [5.0, 30.0])


class TestCurve:
    def run(self, implementation: str, budget: int) -> list[dict[str, Any]]:
        cell = {"dataset": "credit_card", "notion": "social_cost", "optimizer": "cmaes", "seed": 0}
        return performance.curve.run_cell({**cell, "implementation": implementation, "budget": budget}).to_dict(
            "records"
        )

    def test_both_ways_see_the_same_values(self) -> None:
        fast, plain = self.run("oracle", 20), self.run("plain", 3)
        first = [row for row in fast if row["evaluation"] <= 3]
        there = {row["evaluation"]: row["best"] for row in plain}
        for row in first:
            assert there[row["evaluation"]] == pytest.approx(row["best"], rel=1e-9)
        assert plain[-1]["evaluation"] == 3
        assert fast[-1]["evaluation"] == 20

    def test_the_best_falls_and_time_goes_on(self) -> None:
        rows = self.run("oracle", 20)
        assert all(a["best"] >= b["best"] for a, b in itertools.pairwise(rows))
        assert all(a["seconds"] <= b["seconds"] for a, b in itertools.pairwise(rows))

    def test_balance_of_counts_is_balance(self) -> None:
        rng = np.random.default_rng(0)
        labels, groups = rng.integers(0, 2, 50), rng.integers(0, 3, 50)
        counts = np.array([[((labels == i) & (groups == h)).sum() for h in range(3)] for i in range(2)])
        assert performance._balance_of_counts(counts) == pytest.approx(-balance(labels, groups))
        assert performance._balance_of_counts(np.array([[3, 2], [0, 0]])) == 0.0


def test_a_row_of_table_1() -> None:
    cell = {"dataset": "adult", "notion": "social_cost", "optimizer": "racos", "seed": 0, "budget": 20}
    (row,) = performance.table_1.run_cell(cell).to_dict("records")
    assert row["fairness"] <= row["vanilla_fairness"] == pytest.approx(4.1778, abs=1e-3)
    assert row["times_fair"] == pytest.approx(row["seconds"] / row["fair_seconds"])
    assert row["n_evaluations"] == 20


def test_a_row_of_combination_3() -> None:
    cell = {"dataset": "adult", "notion": "spectral", "optimizer": "racos", "seed": 0, "budget": 20}
    (row,) = performance.table_1.run_cell(cell).to_dict("records")
    assert row["fairness"] <= row["vanilla_fairness"] < 0.0
    assert row["times_fair"] == pytest.approx(row["seconds"] / row["fair_seconds"])
    assert row["n_evaluations"] >= 20
