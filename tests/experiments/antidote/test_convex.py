"""Algorithm 1: the grids, and what holds of every sample, at twenty points."""

from __future__ import annotations

import pytest

from fairclust.experiments.antidote.convex import GAMMAS, LAMBDAS, algorithm_1, algorithm_1_rounds


class TestAlgorithm1:
    @pytest.mark.parametrize("bounds", ["none", "data"])
    def test_promise_and_truth(self, bounds: str) -> None:
        cell = {"dataset": "adult", "n": 20, "n_antidote": 3, "bounds": bounds, "seed": 0}
        frame = algorithm_1.run_cell(cell)
        assert len(frame) == len(GAMMAS) * len(LAMBDAS)
        assert frame["proven"].all()
        assert frame["gain"].to_numpy() == pytest.approx((frame["vanilla"] - frame["fairness"]).to_numpy())
        # The promise does not know lambda, the truth does not know gamma.
        assert (frame.groupby("gamma")["relaxed"].nunique() == 1).all()
        assert (frame.groupby("regularization")["own"].nunique() == 1).all()
        assert (frame["fairness"] <= frame["own"] * (1 + 1e-9)).all()
        # The nearest center is no farther than a point's own.
        fused = frame.query("clusters == 1 and gamma == 0")
        assert len(fused) >= 1
        assert fused["own"].to_numpy() == pytest.approx(fused["relaxed"].to_numpy(), rel=1e-4)

    def test_a_box_can_only_cost(self) -> None:
        cell = {"dataset": "credit_card", "n": 20, "n_antidote": 3, "seed": 1}
        free, boxed = (algorithm_1.run_cell({**cell, "bounds": bounds}) for bounds in ("none", "data"))
        assert (boxed["relaxed"] >= free["relaxed"] * (1 - 1e-6)).all()

    def test_every_data_set_is_asked(self) -> None:
        for item in (algorithm_1, algorithm_1_rounds):
            assert {c["dataset"] for c in item.cells()} == {"adult", "bank_full", "credit_card", "lfw"}


def test_a_known_set_bounds_the_rounds() -> None:
    cell = {"dataset": "adult", "n": 20, "v_star": 3, "regularization": 1.0, "seed": 0}
    (row,) = algorithm_1_rounds.run_cell(cell).to_dict("records")
    assert row["reached"]
    assert 1 <= row["rounds"] <= 3
    assert row["fairness"] <= row["target"] < row["vanilla_fairness"]
