"""Bank with three groups: the grid, one cell, and what holds of the stored table."""

from __future__ import annotations

import numpy as np
import pytest

from fairclust.claims import Verdict, judge, load_ledger
from fairclust.experiments import read_results
from fairclust.experiments.preparation import welfare_bank
from fairclust.experiments.welfare.methods import CLUSTERS, DISTANCE_WEIGHTS, OBJECTIVES
from fairclust.experiments.welfare.several_groups import several_groups
from fairclust.groups import encode_groups


class TestGrid:
    def test_every_k_and_several_seeds(self) -> None:
        cells = [(cell["k"], cell["seed"]) for cell in several_groups.cells()]
        assert sorted(cells) == [(k, seed) for k in CLUSTERS for seed in range(len(cells) // len(CLUSTERS))]
        assert len(cells) >= 3 * len(CLUSTERS)

    def test_the_quick_grid_is_part_of_it(self) -> None:
        assert several_groups.cells(quick=True) == [{"dataset": "bank", "k": 4, "seed": 0}]


class TestStored:
    def test_is_whole(self) -> None:
        table = read_results("welfare-several-groups")
        assert len(table) == len(several_groups.cells()) * 2 * 5 * len(DISTANCE_WEIGHTS)
        assert len(encode_groups(welfare_bank().groups)) == 3
        by_group = table[[f"disutility_{h}" for h in (1, 2, 3)]]
        np.testing.assert_array_equal(table["rawlsian"], by_group.max(axis=1))
        np.testing.assert_allclose(table["utilitarian"], by_group.sum(axis=1), rtol=1e-7)

    def test_certificates(self) -> None:
        table = read_results("welfare-several-groups")
        for objective in OBJECTIVES:
            mine = table[table["method"].isin([objective, f"{objective}_refined"])]
            assert (mine[objective] >= mine["lower_bound"] * (1 - 1e-7)).all()
            assert (mine["rounding_loss"] <= mine["rounding_bound"]).all()

    def test_cells_can_be_computed_again(self) -> None:
        """The first cell's rows of the LP methods, to the last digit kept."""
        fresh = several_groups.run_cell({"dataset": "bank", "k": 4, "seed": 0})
        table = read_results("welfare-several-groups")
        kept = table[(table["k"] == 4) & (table["seed"] == 0)]
        assert fresh["method"].tolist() == kept["method"].tolist()
        for column in ("rawlsian", "utilitarian", "cost_ratio"):
            assert fresh[column].to_numpy() == pytest.approx(kept[column].to_numpy(), rel=1e-6)

    def test_the_claims_are_judged(self) -> None:
        used = [c for c in load_ledger() if c.criterion and c.criterion.results == several_groups.name]
        assert len(used) >= 2
        for claim in used:
            assert judge(claim).verdict is not Verdict.NOT_RUN
