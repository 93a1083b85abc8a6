"""The timing experiments of the fair-radii LP at tiny sizes: what they compare agrees. No time limits."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.claims import load_ledger
from fairclust.claims.tables import may_select
from fairclust.experiments.performance import radii as performance
from fairclust.experiments.registry import all_experiments
from fairclust.metrics import fair_radii
from fairclust.radii import fair_radii_lp

needs_data = pytest.mark.skipif(not os.environ.get("FAIRCLUST_DATA"), reason="FAIRCLUST_DATA not set")


def row_of(part: str, n: int, k: int = 5, gap_wanted: float = 1e-8, dataset: str = "bank") -> dict[str, Any]:
    cell = {"part": part, "dataset": dataset, "n": n, "k": k, "gap_wanted": gap_wanted}
    (row,) = performance.radii.run_cell(cell).to_dict("records")
    return row


class TestTheWholeProgram:
    def test_by_hand(self) -> None:
        """Two clusters of three: their middles open, four points pay 1."""
        X = np.array([[0.0], [1.0], [2.0], [8.0], [9.0], [10.0]])
        value, seconds = performance.whole_lp(X, np.full(6, 2.0), 2, 2)
        assert value == pytest.approx(4.0, rel=1e-9)
        assert seconds > 0

    def test_infeasible(self) -> None:
        with pytest.raises(RuntimeError, match="HiGHS did not solve the LP of 3 points"):
            performance.whole_lp(np.array([[0.0], [5.0], [9.0]]), np.ones(3), 2, 2)

    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 1000), st.integers(1, 6), st.sampled_from([1, 2]))
    def test_equals_the_engine(self, seed: int, k: int, power: int) -> None:
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(25, 2)) if seed % 2 else rng.integers(0, 5, (25, 2)).astype(float)
        value, _ = performance.whole_lp(X, fair_radii(X, k), k, power)
        assert value == pytest.approx(fair_radii_lp(X, k, power=power).value, rel=1e-6)


class TestTheCells:
    def test_against_highs(self) -> None:
        row = row_of("highs", 120)
        assert row["relative_difference"] <= 1e-6
        assert row["gap"] <= 1e-8
        assert row["ratio"] == pytest.approx(row["highs_seconds"] / row["seconds"])

    @pytest.mark.parametrize(("n", "k"), [(90, 4), (1_300, 40)])
    def test_growth(self, n: int, k: int) -> None:
        row = row_of("growth in n", n, k, gap_wanted=1e-3)
        assert row["gap"] <= 1e-3
        assert row["seconds"] > 0
        assert row["iterations"] >= 1
        assert row["n_places"] <= n

    def test_rows_are_nested_up_to_the_whole(self) -> None:
        np.testing.assert_array_equal(performance._rows("bank", 50), performance._rows("bank", 80)[:50])
        np.testing.assert_array_equal(performance._rows("bank", 1_500), performance._rows("bank", 2_000)[:1_500])
        whole = performance._rows("bank", 4_521)
        np.testing.assert_array_equal(whole, performance.PREPARED["bank"]().X)

    @needs_data
    def test_diabetes_is_few_places(self) -> None:
        row = row_of("full size", 101_766, 10, dataset="diabetes")
        assert row["n_places"] <= 140
        assert row["gap"] <= 1e-8


def test_census_in_a_process_of_its_own() -> None:
    (row,) = performance.census.run_cell({"dataset": "adult", "n": 300, "k": 5, "gap_wanted": 1e-3}).to_dict("records")
    assert row["status"] == "optimal"
    assert row["gap"] <= 1e-3
    assert row["lower_bound"] <= fair_radii_lp(performance._rows("adult", 300), 5).value <= row["value"] * (1 + 1e-8)
    assert row["memory_mib"] >= 0
    assert [(cell["n"], cell["k"]) for cell in performance.census.cells()] == [(32_561, 10), (32_561, 20)]


class TestManyPoints:
    @pytest.mark.parametrize("part", performance.POINTS_PARTS)
    def test_what_runs(self, part: str) -> None:
        row = performance.run_points(part, 600, 8, 0)
        assert row["seconds"] > 0
        if part == "fair radii":
            assert row["n_centers"] == 0
        else:
            assert 1 <= row["n_centers"] <= 8
            # JKL and the filter promise 2; MV opens its balls, and may be a little above.
            assert row["max_violation"] <= (2 if part in ("filter", "jkl", "polish") else 8)

    def test_no_matrix(self) -> None:
        """The process grows by much less than n^2 distances."""
        cell = {"part": "jkl", "n": 6_000, "k": 10, "seed": 0}
        (row,) = performance.points.run_cell(cell).to_dict("records")
        assert row["memory_over_matrix"] < 0.25
        assert row["memory_mib"] == pytest.approx(row["memory_over_matrix"] * 8 * 6_000**2 / 2**20)

    def test_prints_what_it_measures(self, capsys: pytest.CaptureFixture[str]) -> None:
        performance.print_points("filter", 400, 5, 0)
        printed = json.loads(capsys.readouterr().out)
        assert set(printed) == {"seconds", "n_centers", "max_violation", "bytes"}

    def test_points(self) -> None:
        X = performance.random_points(50, seed=3)
        assert X.shape == (50, 3)
        np.testing.assert_array_equal(X, performance.random_points(50, seed=3))
        assert not np.array_equal(X, performance.random_points(50, seed=4))


def test_every_claim_finds_its_cells() -> None:
    """For each claim about these tables there are cells that it could select, and its columns are there."""
    mine = {name: e for name, e in all_experiments().items() if name.startswith("performance-radii")}
    claims = [c for c in load_ledger() if c.criterion is not None and c.criterion.results in mine]
    assert claims
    rows = {"performance-radii": row_of("highs", 60)}
    for claim in claims:
        assert claim.criterion is not None
        experiment = mine[claim.criterion.results]
        for where in claim.criterion.selections():
            cells = [cell for cell in experiment.cells() if may_select(cell, where)]
            assert cells, claim.id
            if claim.criterion.results in rows:
                known = {**cells[0], **rows[claim.criterion.results]}
                assert set(where) <= set(known), claim.id
