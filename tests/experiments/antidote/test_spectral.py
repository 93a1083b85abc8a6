"""Combination 3: the grids, and what holds of every sample, at 150 points."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fairclust.claims import load_ledger
from fairclust.experiments.antidote.questions import sample_of
from fairclust.experiments.antidote.spectral import (
    RESTARTS,
    SPECTRAL_1,
    SPECTRAL_2,
    fair_spectral_size,
    spectral,
    spectral_clusterer,
    spectral_more_clusters,
    spectral_table_2,
    spectral_vanilla,
)
from fairclust.metrics import balance

LEDGER_NAMES = {"adult": "adult", "bank_full": "bank", "credit_card": "creditcard", "lfw": "lfw"}


def run(method: str, **change: Any) -> dict[str, Any]:
    cell = {"dataset": "credit_card", "affinity": "nearest_neighbors", "method": method, "n": 150, "seed": 0}
    (row,) = spectral.run_cell({**cell, "budget": 20, **change}).to_dict("records")
    return row


class TestPaper:
    def test_values_are_the_ledgers(self) -> None:
        ledger = {claim.id: claim.paper_value for claim in load_ledger()}
        for table, values, base in (("table1", SPECTRAL_1, "vanilla"), ("table2", SPECTRAL_2, "sota")):
            for dataset, (before, after, _) in values.items():
                row = f"antidote.{table}.{LEDGER_NAMES[dataset]}.spectral"
                assert (before, after) == (ledger[f"{row}.{base}"], ledger[f"{row}.improvement"])

    def test_numbers_of_points(self) -> None:
        """Table 1 divides by all of the data, Table 2 (but for adult) by the sample of 1,000."""
        shares = {"adult": 0.001, "bank_full": 0.00022, "credit_card": 0.00034, "lfw": 0.00076}
        full = {"adult": 10_000, "bank_full": 45_211, "credit_card": 30_000, "lfw": 13_232}
        assert {d: round(shares[d] * full[d]) for d in shares} == {d: v[2] for d, v in SPECTRAL_1.items()}


class TestGrids:
    def test_every_data_set_by_both_affinities(self) -> None:
        cells = spectral.cells()
        assert {(c["dataset"], c["affinity"]) for c in cells} == {
            (d, a) for d in SPECTRAL_1 for a in ("nearest_neighbors", "rbf")
        }
        assert {c["n"] for c in cells} == {1000}
        assert {c["method"] for c in cells if c["affinity"] == "rbf"} == {"vanilla", "fair"}
        for method in ("vanilla", "fair", "racos", "cmaes", "random"):
            mine = [c for c in cells if c["method"] == method and c["affinity"] == "nearest_neighbors"]
            assert {(c["dataset"], c["seed"]) for c in mine} == {(d, s) for d in SPECTRAL_1 for s in range(5)}

    def test_vanilla_noise_and_more_clusters_are_on_every_data_set(self) -> None:
        assert {(c["dataset"], c["seed"]) for c in spectral_vanilla.cells()} == {
            (d, s) for d in SPECTRAL_1 for s in range(20)
        }
        more = {(c["dataset"], c["k"], c["optimizer"], c["seed"]) for c in spectral_more_clusters.cells()}
        assert len(more) == len(spectral_more_clusters.cells()) == 4 * 2 * 2 * 5

    def test_table_2_has_the_papers_sizes(self) -> None:
        for dataset, (_, _, size) in SPECTRAL_2.items():
            assert size in {c["n_antidote"] for c in spectral_table_2.cells() if c["dataset"] == dataset}

    def test_sizes_end_with_everyone(self) -> None:
        assert max(c["n"] for c in fair_spectral_size.cells() if c["dataset"] == "bank_full") == 45_211


class TestCells:
    def test_vanilla_is_judged_by_clusters_and_by_centers(self) -> None:
        row = run("vanilla")
        data = sample_of("credit_card", 150, 0)
        model = spectral_clusterer(data, "nearest_neighbors", 0).fit(data.X)
        assert row["fairness_of_clusters"] == pytest.approx(-balance(model.labels_, data.groups))
        assert row["fairness"] == pytest.approx(-balance(model.predict(data.X), data.groups))

    @pytest.mark.parametrize("method", ["racos", "cmaes", "random"])
    def test_a_search_never_loses(self, method: str) -> None:
        row, vanilla = run(method), run("vanilla")
        assert row["gain"] == pytest.approx(vanilla["fairness"] - row["fairness"])
        assert row["gain"] >= 0
        assert row["n_antidote"] == (10 if row["gain"] > 0 else 0)
        if row["gain"] == 0:
            assert row["other_seed_gain"] == 0

    def test_groups_steer_the_fair_one_only(self) -> None:
        assert run("fair")["social_cost"] != run("vanilla")["social_cost"] or run("fair") == {
            **run("vanilla"),
            "method": "fair",
        }

    def test_the_wide_kernel_cuts_off_outliers(self) -> None:
        assert run("vanilla", affinity="rbf")["smallest_cluster"] <= 15

    def test_table_2(self) -> None:
        cell = {"dataset": "credit_card", "method": "racos", "n": 150, "n_antidote": 10, "seed": 0, "budget": 20}
        (row,) = spectral_table_2.run_cell(cell).to_dict("records")
        assert not row["is_papers_size"]
        assert row["fairness"] <= row["vanilla_fairness"]
        assert row["comparator"] == run("fair")["fairness_of_clusters"]

    def test_size(self) -> None:
        (row,) = fair_spectral_size.run_cell({"dataset": "credit_card", "n": 300, "seed": 0}).to_dict("records")
        assert row["finished"]
        assert row["n_points"] == 300
        assert np.isfinite(row["objective"])

    def test_restarts_begin_with_the_vanilla_of_the_same_sample(self) -> None:
        frame = spectral_vanilla.run_cell({"dataset": "credit_card", "n": 150, "seed": 0})
        assert frame["restart"].tolist() == list(range(RESTARTS))
        assert frame["fairness"].iloc[0] == run("vanilla")["fairness"]
        assert frame["shift"].iloc[0] == 0
        np.testing.assert_allclose(frame["fairness"] - frame["fairness"].iloc[0], frame["shift"], atol=1e-15)

    @pytest.mark.parametrize("k", [3, 4])
    def test_more_clusters(self, k: int) -> None:
        cell = {"dataset": "credit_card", "k": k, "optimizer": "racos", "n": 150, "seed": 0, "budget": 20}
        (row,) = spectral_more_clusters.run_cell(cell).to_dict("records")
        data = sample_of("credit_card", 150, 0)
        model = spectral_clusterer(data, "nearest_neighbors", 0, k).fit(data.X)
        assert len(model.cluster_centers_) == k
        assert row["vanilla_fairness"] == pytest.approx(-balance(model.predict(data.X), data.groups))
        assert row["gain"] == row["vanilla_fairness"] - row["fairness"] >= 0
        assert row["n_antidote"] == (10 if row["gain"] > 0 else 0)
