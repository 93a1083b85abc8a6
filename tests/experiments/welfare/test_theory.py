"""Facts A.1 and E.1, Theorem E.2, appendix F: every number that can be had by hand, and what the ledger says of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fairclust.claims import load_ledger
from fairclust.experiments.welfare.theory import appendix_f, fact_a1, fact_e1, theorem_e2


def table_of(experiment: Any) -> pd.DataFrame:
    """All cells at full size, which takes a second."""
    return pd.DataFrame([{**cell, **row} for cell in experiment.cells() for row in experiment.function(**cell)])


@pytest.mark.parametrize("experiment", [fact_e1, theorem_e2, appendix_f], ids=lambda experiment: experiment.name)
def test_the_claims_hold_at_full_size(experiment: Any) -> None:
    claims = [c for c in load_ledger() if c.criterion is not None and c.criterion.results == experiment.name]
    assert len(claims) >= 2
    table = table_of(experiment)
    for claim in claims:
        assert claim.criterion is not None
        outcome = claim.criterion.judge(table, claim.paper_value)
        assert str(outcome.verdict) == "reproduced", f"{claim.id}: {outcome.reason}"


@pytest.mark.parametrize("experiment", [fact_e1, theorem_e2, appendix_f], ids=lambda experiment: experiment.name)
def test_grids(experiment: Any) -> None:
    full, quick = experiment.cells(), experiment.cells(quick=True)
    assert all(cell in full for cell in quick)
    assert len(full) == {"welfare-fact-e1": 400, "welfare-theorem-e2": 15, "welfare-appendix-f": 3}[experiment.name]
    assert experiment.datasets == ()
    frame = experiment.run_cell(quick[-1])
    assert list(frame.columns[: len(quick[-1])]) == list(quick[-1])


class TestFactA1:
    def test_the_bound_holds_and_is_met_at_midpoints(self) -> None:
        table = table_of(fact_a1)
        assert table["share_of_bound"].between(0, 1 + 1e-12).all()
        middle = table[table["midpoint"]]
        np.testing.assert_allclose(middle["share_of_bound"], 1.0)
        assert (table[~table["midpoint"] & (table["power"] == 2)]["share_of_bound"] < 1).any()
        assert set(table["metric"]) == {"euclidean", "manhattan", "chebyshev"}

    def test_by_hand(self) -> None:
        """d(x, z) = 2 d(x, y) = 2 d(y, z): for p = 2 both sides are 4 d^2."""
        rows = fact_a1.function(instance=0)
        assert [row["power"] for row in rows] == [1, 2] * 3
        assert [row["share_of_bound"] for row in rows] == pytest.approx([1.0] * 6)


class TestFactE1:
    def test_the_bound_holds_and_is_tight_for_pure_clusters(self) -> None:
        table = table_of(fact_e1)
        assert (table["violation"] <= table["bound"] + 1e-12).all()
        assert table["bound"].to_numpy() == pytest.approx(2 * (1 - table["share"]))
        pure = table[table["pure"]]
        assert pure["instance"].nunique() == 100
        np.testing.assert_allclose(pure["violation"], pure["bound"], atol=1e-12)
        assert (table[~table["pure"] & (table["n_groups"] > 1)]["violation"] < 2).all()

    def test_instances_differ_in_size_clusters_and_groups(self) -> None:
        table = table_of(fact_e1)
        assert set(table["n_groups"]) == {1, 2, 3, 4, 5}
        assert set(range(1, 9)) == set(table["k"])
        assert table["n"].between(20, 199).all()
        for _, rows in table.groupby("instance"):
            assert len(rows) == rows["n_groups"].iloc[0]
            assert rows["share"].sum() == pytest.approx(1.0)
            assert rows["share"].min() > 0

    @pytest.mark.parametrize("instance", [1, 2, 4, 7, 50])
    def test_violations_are_those_of_their_definition(self, instance: int) -> None:
        """V_h = sum_i |C_i| Delta_i^h of equations (5) and (6) with alpha = beta = 0, cluster by cluster."""
        rows = fact_e1.function(instance=instance)
        rng = np.random.default_rng(instance)
        n_groups, k, n = int(rng.integers(1, 6)), int(rng.integers(1, 9)), int(rng.integers(20, 200))
        drawn = rng.choice(n_groups, n - n_groups, p=rng.dirichlet(np.ones(n_groups)))
        codes = np.concatenate([np.arange(n_groups), drawn])
        labels = codes if instance % 4 == 0 else rng.integers(0, k, n)
        for h, row in enumerate(rows):
            share = (codes == h).mean()
            violation = 0.0
            for i in range(labels.max() + 1):
                members = codes[labels == i]
                if len(members):
                    violation += len(members) * abs((members == h).mean() - share)
            assert row["share"] == pytest.approx(share)
            assert row["violation"] == pytest.approx(violation / (codes == h).sum())


class TestTheoremE2:
    @pytest.mark.parametrize(("distance", "weight"), [(1.0, 0.5), (0.1, 0.25), (0.01, 0.75), (0.3, 0.5)])
    def test_by_hand(self, distance: float, weight: float) -> None:
        """Nearest: no distance, both clusters pure. Mixed: no violation, half of each group at distance D."""
        (row,) = theorem_e2.function(distance=distance, distance_weight=weight)
        assert row["nearest_rawlsian"] == pytest.approx(1 - weight)
        assert row["nearest_utilitarian"] == pytest.approx(2 * (1 - weight))
        assert row["mixed_rawlsian"] == pytest.approx(weight * distance**2 / 2)
        assert row["mixed_utilitarian"] == pytest.approx(weight * distance**2)
        assert row["ratio_rawlsian"] == pytest.approx(2 * (1 - weight) / (weight * distance**2))
        assert row["ratio_utilitarian"] == pytest.approx(2 * (1 - weight) / (weight * distance**2))

    def test_the_factor_of_the_proof_is_met_with_equality(self) -> None:
        table = table_of(theorem_e2)
        np.testing.assert_allclose(table["rho"], table["rho_of_proof"], rtol=1e-9)
        np.testing.assert_allclose(
            table["nearest_rawlsian"], table["rho"] * table["mixed_rawlsian"] + table["constant"], rtol=1e-12
        )

    def test_the_factor_grows_without_bound(self) -> None:
        table = table_of(theorem_e2)
        for _, rows in table.groupby("distance_weight"):
            by_distance = rows.sort_values("distance", ascending=False)
            assert by_distance["rho"].is_monotonic_increasing
            assert by_distance["rho"].iloc[-1] == pytest.approx(1e4 * by_distance["rho"].iloc[0])


class TestAppendixF:
    @pytest.mark.parametrize(("majority", "minority"), [(100, 1), (100, 5), (1000, 10), (3, 2)])
    def test_by_hand(self, majority: int, minority: int) -> None:
        """The origin is one bit away from everyone; the majority's corner two bits from both minorities."""
        equitable, other = appendix_f.function(majority=majority, minority=minority)
        assert equitable == {
            "solution": "equitable",
            "rawlsian": 1.0,
            "utilitarian": 3.0,
            "clustering_cost": majority + 2.0 * minority,
        }
        assert other == {
            "solution": "less_equitable",
            "rawlsian": 2.0,
            "utilitarian": 4.0,
            "clustering_cost": 4.0 * minority,
        }

    def test_the_cheaper_solution_is_the_worse_one(self) -> None:
        for _, rows in table_of(appendix_f).groupby(["majority", "minority"]):
            by_solution = rows.set_index("solution")
            gap = by_solution.loc["less_equitable"] - by_solution.loc["equitable"]
            assert gap["clustering_cost"] < 0 < gap["rawlsian"]
            assert gap["utilitarian"] > 0
