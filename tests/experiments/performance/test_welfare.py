"""The timing experiments at tiny sizes: what they compare agrees, and every claim finds its rows. No time limits."""

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
from fairclust.experiments.performance import welfare as performance
from fairclust.experiments.preparation import welfare_census_1990
from fairclust.experiments.registry import all_experiments
from fairclust.groups import encode_groups
from fairclust.solvers.assignment import solve_assignment

needs_data = pytest.mark.skipif(not os.environ.get("FAIRCLUST_DATA"), reason="FAIRCLUST_DATA not set")

CLAIMS = {
    claim.id: claim for claim in load_ledger() if claim.criterion and claim.criterion.results.startswith("performance-")
}


def row_of(part: str, n: int = 300, k: int = 4, n_groups: int = 2, **more: Any) -> dict[str, Any]:
    """The one row of a small cell."""
    cell = {"part": part, "algorithm": "rawlsian", "n": n, "k": k, "n_groups": n_groups, "seed": 0, **more}
    (row,) = performance.welfare.run_cell(cell).to_dict("records")
    return row


class TestInstances:
    @pytest.mark.parametrize("n", [7, performance.BLOCK + 5])
    def test_costs_and_groups(self, n: int) -> None:
        costs, codes = performance.random_costs(n, 3, 4, seed=1)
        assert costs.shape == (n, 3)
        assert codes.shape == (n,)
        assert (costs >= 0).all()
        assert set(codes) == {0, 1, 2, 3}
        again, same = performance.random_costs(n, 3, 4, seed=1)
        np.testing.assert_array_equal(costs, again)
        np.testing.assert_array_equal(codes, same)
        assert not np.array_equal(costs, performance.random_costs(n, 3, 4, seed=2)[0])

    def test_nearest_assignment_mixes_the_groups_badly(self) -> None:
        costs, codes = performance.random_costs(5_000, 10, 2)
        nearest = costs.argmin(axis=1)
        shares = np.bincount(nearest, weights=codes) / np.bincount(nearest)
        assert np.ptp(shares) > 0.5

    def test_the_lp_weighs_both_groups(self) -> None:
        costs, codes = performance.random_costs(5_000, 10, 2)
        assert solve_assignment(costs, codes, performance.terms_of(codes)).multipliers.weights.min() > 0.05

    def test_points(self) -> None:
        X, codes = performance.random_points(50, seed=3)
        assert X.shape == (50, 67)
        assert set(codes) == {0, 1}
        np.testing.assert_array_equal(X, performance.random_points(50, seed=3)[0])

    def test_the_papers_tolerance(self) -> None:
        codes = [0] * 3 + [1]
        terms = performance.terms_of(codes)
        np.testing.assert_allclose(terms.upper, 1.1 * encode_groups(codes).shares)
        np.testing.assert_allclose(terms.lower, 0.9 * encode_groups(codes).shares)


class TestTheWholeProgram:
    def test_by_hand(self) -> None:
        """Two points of either color on either side: full mixing exchanges one pair, at lambda = 1/2."""
        costs = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
        codes = np.array([0, 0, 1, 1])
        value, seconds = performance.whole_lp(costs, codes, performance.terms_of(codes))
        # A share s of each color moves: distance s/2, violations (1/2) max(0, 2 (1 - s - 0.55)); least at s = 0.45.
        assert value == pytest.approx(0.5 * 0.45, rel=1e-9)
        assert seconds > 0

    @settings(max_examples=15, deadline=None)
    @given(st.integers(5, 40), st.integers(1, 4), st.integers(1, 4), st.integers(0, 1000))
    def test_equals_the_engine(self, n: int, k: int, n_groups: int, seed: int) -> None:
        costs, codes = performance.random_costs(n, k, n_groups, seed)
        terms = performance.terms_of(codes)
        engine = solve_assignment(costs, codes, terms)
        for method in ("highs", "highs-ipm"):
            value, _ = performance.whole_lp(costs, codes, terms, method)
            assert value == pytest.approx(engine.value, rel=1e-7)


class TestTheCells:
    def test_against_highs(self) -> None:
        row = row_of("highs")
        assert row["relative_difference"] <= 1e-7
        assert row["gap"] <= 1e-8
        assert row["ratio"] == pytest.approx(row["highs_seconds"] / row["seconds"])
        assert row["interior_point_ratio"] == pytest.approx(row["interior_point_seconds"] / row["seconds"])

    @pytest.mark.parametrize("part", ["growth in n", "growth in k", "growth in groups"])
    def test_growth(self, part: str) -> None:
        row = row_of(part, n_groups=3)
        assert row["gap"] <= 1e-8
        assert row["seconds"] > 0
        assert row["sweeps"] >= 1
        assert row["value"] == row_of(part, n_groups=3)["value"]

    def test_scale_and_memory(self) -> None:
        row = row_of("scale", n=20_000, k=10)
        assert row["gap"] <= 1e-6
        assert row["memory_over_costs"] >= 1, "the costs themselves are counted"
        assert row["memory_mib"] == pytest.approx(row["memory_over_costs"] * 8 * 20_000 * 10 / 2**20)

    @pytest.mark.parametrize("algorithm", list(performance.ALGORITHMS))
    def test_fit(self, algorithm: str) -> None:
        row = row_of("fit", n=250, k=3, algorithm=algorithm)
        X, codes = performance.random_points(250)
        model = performance.ALGORITHMS[algorithm](3, slack=0.1, n_init=10, random_state=0)
        assert row["value"] == model.fit(X, sensitive_features=codes).objective_
        assert row["seconds"] > 0
        assert row["paper_time"] is None, "the paper timed no 250 points"

    def test_a_fit_of_a_size_of_table_3_stands_beside_the_papers_seconds(self) -> None:
        assert row_of("fit", n=10_000, k=2, algorithm="utilitarian")["paper_time"] == 17.58

    @needs_data
    def test_census_1990_on_its_first_rows_as_a_test_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(performance, "welfare_census_1990", lambda n, seed: welfare_census_1990(head=True))
        cell = {"dataset": "census_1990", "algorithm": "utilitarian", "n": 10_000, "seed": 0}
        (row,) = performance.census.run_cell(cell).to_dict("records")
        assert row["value"] > 0

    def test_a_process_that_fails_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(performance.print_memory, "__module__", "fairclust.no_such_module")
        with pytest.raises(RuntimeError, match="no_such_module"):
            row_of("scale")

    def test_what_the_fresh_process_prints(self, capsys: pytest.CaptureFixture[str]) -> None:
        performance.print_memory(300, 4, 2, 0)
        assert json.loads(capsys.readouterr().out)["bytes"] >= 0


class TestTheGrids:
    def test_every_size_of_table_3(self) -> None:
        for item in (performance.welfare, performance.census):
            fits = [cell for cell in item.cells() if cell.get("part", "fit") == "fit"]
            for algorithm in performance.ALGORITHMS:
                sizes = {cell["n"] for cell in fits if cell["algorithm"] == algorithm}
                assert sizes == {1_000 * thousands for thousands in performance.PAPER_SECONDS}

    def test_quick_has_the_same_parts_at_smaller_sizes(self) -> None:
        quick, full = performance.welfare.cells(quick=True), performance.welfare.cells()
        assert list(dict.fromkeys(cell["part"] for cell in quick)) == list(dict.fromkeys(cell["part"] for cell in full))
        assert max(cell["n"] for cell in quick) <= 20_000
        assert max(cell["n"] for cell in full) == performance.FULL


class TestTheClaims:
    def test_the_papers_seconds_are_the_ledgers(self) -> None:
        for thousands, seconds in performance.PAPER_SECONDS.items():
            for algorithm, mean in zip(performance.ALGORITHMS, seconds, strict=True):
                assert CLAIMS[f"welfare.table3.{thousands}k.{algorithm}"].paper_value == mean

    @pytest.mark.parametrize("name", list(CLAIMS))
    def test_every_claim_finds_cells_of_its_experiment(self, name: str) -> None:
        criterion = CLAIMS[name].criterion
        assert criterion is not None
        cells = all_experiments("performance")[criterion.results].cells()
        for where in criterion.selections():
            assert any(may_select(cell, where) for cell in cells), where

    def test_measured_columns_are_declared(self) -> None:
        rows = [row_of("highs"), row_of("scale"), row_of("fit", n=250, k=3)]
        columns = {name for row in rows for name in row}
        parameters = set(performance.welfare.cells()[0])
        assert columns - parameters - {"value", "paper_time"} == set(performance.MEASURED)
