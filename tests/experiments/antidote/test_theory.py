"""Theorem 3 and the number of rounds: the counts are what they say, at sizes of a second."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from fairclust.experiments.antidote.theory import MOST, convexity, rounds, small_problem, theorem_3


class TestTheorem3:
    def run(self, **change: Any) -> dict[str, Any]:
        cell = {"optimizer": "random", "n_antidote": 1, "epsilon": 0.5, "delta": 0.2, "seed": 0}
        (row,) = theorem_3.run_cell({**cell, "runs": 10, "draws": 400, **change}).to_dict("records")
        return row

    def test_the_number_of_queries_is_the_theorems(self) -> None:
        row = self.run()
        assert 0 < row["probability"] < 1
        assert row["queries"] == math.ceil(math.log(5) / row["probability"])
        assert row["required"] == pytest.approx(0.8 - 3 * math.sqrt(0.16 / 10))
        assert 0 <= row["success"] <= 1

    def test_a_smaller_risk_or_error_takes_more_queries(self) -> None:
        row = self.run()
        assert self.run(delta=0.05)["queries"] > row["queries"]
        assert self.run(epsilon=0.4)["probability"] <= row["probability"]

    def test_racos_gets_the_same_number(self) -> None:
        assert self.run(optimizer="racos", runs=2)["queries"] == max(20, self.run()["queries"])

    def test_the_small_problem_can_be_improved_and_is_the_same_every_time(self) -> None:
        one, two = small_problem(0), small_problem(0)
        assert one.vanilla.fairness == two.vanilla.fairness
        V = np.random.default_rng(0).normal(size=(50, 1, 2)) * 3
        values = np.array([one(v) for v in V])
        assert values.min() < one.vanilla.fairness
        np.testing.assert_array_equal(values, [two(v) for v in V])


class TestRounds:
    def test_the_target_is_met_by_the_known_set(self) -> None:
        frame = rounds.run_cell({"dataset": "adult", "n": 150, "seed": 0, "budget": 25})
        row = frame.iloc[0]
        assert 1 <= row["v_star"] <= MOST
        assert row["target"] < row["vanilla_fairness"]
        assert 1 <= row["rounds"] <= row["v_star"]
        assert row["reached"] == (row["fairness"] <= row["target"])
        if not row["reached"]:
            assert row["rounds"] == row["v_star"]

    def test_the_grid_asks_all_data_sets(self) -> None:
        assert {c["dataset"] for c in rounds.cells()} == {"adult", "bank_full", "credit_card", "lfw"}


class TestConvexity:
    def test_one_center_is_convex_and_two_are_not(self) -> None:
        one, two = (convexity.run_cell({"k": k, "segments": 60, "seed": 0}).iloc[0] for k in (1, 2))
        assert one["largest_excess"] <= 1e-12
        assert one["share_violated"] == 0
        assert two["largest_excess"] > 0.01
        assert two["share_violated"] > 0
