"""The full-size experiments: their grids, and one row set on few points in place of all."""

from __future__ import annotations

import os
from typing import Any

import pytest

from fairclust.experiments.preparation import radii_bank
from fairclust.experiments.radii import full_size as module
from fairclust.experiments.radii.full_size import (
    CLUSTERS,
    GAPS,
    WITH_LP,
    WITHOUT_LP,
    full_size_bank,
    full_size_census,
    full_size_diabetes,
)
from fairclust.experiments.recheck import recheck

EXPERIMENTS = {"bank": full_size_bank, "adult": full_size_census, "diabetes": full_size_diabetes}


@pytest.mark.parametrize("dataset", EXPERIMENTS)
def test_grids(dataset: str) -> None:
    cells = EXPERIMENTS[dataset].cells()
    assert {(cell["k"], cell["power"]) for cell in cells} == {(k, p) for k in (5, 10, 15, 20, 25, 30) for p in (1, 2)}
    assert {cell["dataset"] for cell in cells} == {dataset}
    with_lp = {(cell["power"], cell["k"]) for cell in cells if cell["with_lp"]}
    every = {(power, k) for power in (2, 1) for k in CLUSTERS}
    assert with_lp == {"bank": every, "adult": {(2, 10)}, "diabetes": every}[dataset]
    quick = EXPERIMENTS[dataset].cells(quick=True)
    assert 0 < len(quick) < 12
    # A linear program over all of bank or census is nothing quick.
    assert dataset == "diabetes" or not any(cell["with_lp"] for cell in quick)


@pytest.mark.parametrize("dataset", EXPERIMENTS)
@pytest.mark.parametrize("lp", [True, False])
def test_rows(dataset: str, lp: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Small:
        X = radii_bank(1).X[:150]

    def prepared(*sample: int) -> Any:
        assert not sample, "all points, no sample"
        return Small

    monkeypatch.setitem(module.PREPARED, dataset, prepared)
    frame = EXPERIMENTS[dataset].run_cell({"dataset": dataset, "k": 6, "power": 2, "with_lp": lp})
    wanted = {*WITH_LP, "fair_round_theory"} if lp else set(WITHOUT_LP)
    assert set(frame["method"]) == wanted
    assert set(frame["n"]) == {150}
    assert (frame["n_centers"] <= 6).all()
    if lp:
        rows = frame.set_index("method")
        assert rows.loc["fair_round", "lp_gap"] <= GAPS[dataset]
        assert rows.loc["polished", "cost"] <= rows.loc["fair_round", "cost"]


@pytest.mark.skipif(not os.environ.get("FAIRCLUST_DATA"), reason="FAIRCLUST_DATA not set")
def test_a_stored_cell_of_all_encounters_computed_again() -> None:
    assert len(recheck("radii-full-size-diabetes", n_cells=1, rtol=1e-6, cost_limit_seconds=60)) >= 1
