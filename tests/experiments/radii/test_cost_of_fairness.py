"""The cost of fairness on small pieces of the paper's samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fairclust.baselines import MahabadiVakilian
from fairclust.experiments.preparation import radii_bank
from fairclust.experiments.radii import cost_of_fairness as module
from fairclust.experiments.radii.cost_of_fairness import MULTIPLES, cost_gap, cost_of_fairness
from fairclust.radii import fair_radii_lp


class Small:
    """The first 120 rows of a sample, in other units for each data set."""

    def __init__(self, sample: int, start: int) -> None:
        self.X = radii_bank(sample).X[start : start + 120]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for start, dataset in enumerate(module.PREPARED):
        monkeypatch.setitem(module.PREPARED, dataset, lambda sample, start=start: Small(sample, 120 * start))


def test_grids() -> None:
    """Figure 10: k = 20, all ten samples of each data set."""
    assert {(cell["dataset"], cell["sample"], cell["k"]) for cell in cost_of_fairness.cells()} == {
        (dataset, sample, 20) for dataset in ("bank", "adult", "diabetes") for sample in range(10)
    }
    assert len(cost_of_fairness.cells()) == 30
    assert all(cell in cost_of_fairness.cells() for cell in cost_of_fairness.cells(quick=True))
    assert cost_gap.cells() == [{"k": 20, "n_samples": 10}]
    assert cost_gap.cells(quick=True) == [{"k": 20, "n_samples": 1}]
    assert MULTIPLES == (1.0, 1.5, 2.0, 2.5, 3.0)


def test_a_row_per_multiple() -> None:
    frame = cost_of_fairness.run_cell({"dataset": "adult", "sample": 0, "k": 5})
    assert frame["theta"].tolist() == list(MULTIPLES)
    assert set(frame["paper_name"]) == {"census"}
    assert frame["relative_bound"].iloc[0] == 1.0
    assert (np.diff(frame["lower_bound"]) <= 1e-6 * frame["lower_bound"].iloc[0]).all()
    X = Small(0, 120).X
    assert frame["lp_cost"].iloc[0] == pytest.approx(fair_radii_lp(X, 5).norm, rel=1e-6)
    np.testing.assert_allclose(frame["mv_cost"], MahabadiVakilian(5).fit(X).cost_)
    assert (frame["polished_cost"] <= frame["cost"]).all()


def test_pairs_are_ranked_by_what_violations_save() -> None:
    frame = cost_gap.run_cell({"k": 5, "n_samples": 2})
    assert len(frame) == 3
    assert (frame["saved"] <= frame["other_saved"]).all()
    known: dict[str, tuple[float, float]] = {}
    for dataset, name in module.PAPER_NAMES.items():
        rows: list[Any] = [
            cost_of_fairness.run_cell({"dataset": dataset, "sample": sample, "k": 5}) for sample in range(2)
        ]
        saved = float(np.mean([1 - rows[i]["relative_bound"].iloc[-1] for i in range(2)]))
        costs = [[rows[i][column].iloc[0] for i in range(2)] for column in ("cost", "mv_cost")]
        known[name] = saved, float(np.mean(costs[0]) / np.mean(costs[1]))
    for row in frame.to_dict("records"):
        assert (row["saved"], row["gap"]) == pytest.approx(known[row["paper_name"]], rel=1e-5)
        assert (row["other_saved"], row["other_gap"]) == pytest.approx(known[row["other"]], rel=1e-5)


def test_an_lp_that_is_not_solved_is_no_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    loose = pd.DataFrame({"theta": [1.0], "lower_bound": [5.0], "lp_cost": [9.0]})
    monkeypatch.setattr(module, "cost_violation_curve", lambda *args, **options: loose)
    with pytest.raises(RuntimeError, match=r"at 1\.0 times the radii the LP is only known to lie in 5 \.\. 9"):
        cost_of_fairness.run_cell({"dataset": "bank", "sample": 0, "k": 5})
