"""Appendix C.1: the grid, and what holds of every run with three or four clusters."""

from __future__ import annotations

from typing import Any

import pytest

from fairclust.experiments.antidote.more_clusters import more_clusters
from fairclust.experiments.antidote.table_1 import TABLE_1


def run(**change: Any) -> dict[str, Any]:
    cell = {"dataset": "adult", "notion": "social_cost", "k": 3, "optimizer": "racos", "seed": 0, "budget": 25}
    (row,) = more_clusters.run_cell({**cell, **change}).to_dict("records")
    return row


def test_the_grid_is_every_row_of_table_1_with_three_and_four_clusters() -> None:
    cells = more_clusters.cells()
    assert {(c["dataset"], c["notion"]) for c in cells} == set(TABLE_1)
    assert {c["k"] for c in cells} == {3, 4}
    assert {c["optimizer"] for c in cells} == {"racos", "cmaes"}
    assert len(cells) == len(TABLE_1) * 2 * 2 * 5
    assert len(more_clusters.cells(quick=True)) < len(cells)


@pytest.mark.parametrize("k", [3, 4])
def test_a_run_never_loses(k: int) -> None:
    row = run(k=k)
    assert row["gain"] == row["vanilla_fairness"] - row["fairness"] >= 0
    assert row["n_antidote"] in (0, row["n_start"]) == (0, 5)
    assert row == run(k=k)


def test_more_clusters_cost_less() -> None:
    three, four = run(k=3), run(k=4)
    assert four["vanilla_fairness"] < three["vanilla_fairness"] < 4.178
