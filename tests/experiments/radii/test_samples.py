"""Violations and costs of vanilla k-means and of JKL on the third paper's samples, against the authors' own code."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.claims import load_ledger
from fairclust.experiments.preparation import Prepared, radii_bank
from fairclust.experiments.radii import samples as radii
from fairclust.experiments.radii.samples import HISTOGRAM_BINS, histograms, samples, violation_counts

needs_data = pytest.mark.skipif(not os.environ.get("FAIRCLUST_DATA"), reason="FAIRCLUST_DATA not set")


def sample(dataset: str, k: int, number: int = 0) -> dict[str, dict[str, Any]]:
    """The rows of one cell by method."""
    frame = samples.run_cell({"dataset": dataset, "sample": number, "k": k})
    return {row["method"]: row for row in frame.to_dict("records")}


def tiny(values: list[float]) -> Prepared:
    """Points on a line, in the form of a prepared data set."""
    return Prepared(
        name="tiny",
        dataset="bank",
        sha256="",
        X=np.array(values)[:, None],
        groups=pd.Series(["a"] * len(values)),
        feature_names=("x",),
        rows=np.arange(len(values)),
        note="",
    )


class TestGrids:
    def test_samples_are_all_data_sets_samples_and_k(self) -> None:
        cells = {(c["dataset"], c["sample"], c["k"]) for c in samples.cells()}
        assert cells == {
            (dataset, number, k)
            for dataset in ("bank", "adult", "diabetes")
            for number in range(10)
            for k in (5, 10, 15, 20, 25, 30)
        }
        assert len(samples.cells()) == 180

    def test_histograms_are_of_two_k(self) -> None:
        assert {(c["dataset"], c["k"]) for c in histograms.cells()} == {
            (dataset, k) for dataset in ("bank", "adult", "diabetes") for k in (10, 20)
        }

    @pytest.mark.parametrize("experiment", [samples, histograms], ids=["samples", "histograms"])
    def test_quick_is_a_part_of_it(self, experiment: Any) -> None:
        quick, full = experiment.cells(quick=True), experiment.cells()
        assert 0 < len(quick) < len(full)
        assert all(c in full for c in quick)


class TestSamples:
    @pytest.mark.parametrize(
        ("dataset", "k", "cost", "violation"),
        [("bank", 5, 83854.1, 1.036), ("bank", 10, 65141.7, 1.144), ("adult", 5, 1757104.5, 1.194)],
    )
    def test_jkl_is_the_authors_jkl(self, dataset: str, k: int, cost: float, violation: float) -> None:
        """Cost and violation that the authors' implementation gives on the same 1,000 rows."""
        row = sample(dataset, k)["jkl"]
        assert round(row["cost"], 1) == cost
        assert round(row["max_violation"], 3) == violation

    def test_jkl_is_the_authors_jkl_for_k_median(self) -> None:
        assert round(sample("bank", 10)["jkl"]["cost_median"], 1) == 610622.9

    def test_numbers_are_those_of_their_definitions(self) -> None:
        """Radii, violations and costs anew, from the 1,000 by 1,000 distances."""
        data = radii_bank(0)
        distances = np.sqrt(((data.X[:, None] - data.X) ** 2).sum(axis=2))
        r = np.sort(distances, axis=1)[:, len(data.X) // 10]
        rows = sample("bank", 10)
        for method, centers in radii._solutions(data, r, 10, seed=0):
            nearest = np.sqrt(((data.X[:, None] - centers) ** 2).sum(axis=2)).min(axis=1)
            row = rows[method]
            assert row["max_violation"] == pytest.approx((nearest / r).max(), rel=1e-9)
            assert row["mean_violation"] == pytest.approx((nearest / r).mean(), rel=1e-9)
            assert row["share_violated"] == pytest.approx((nearest / r > 1 + 1e-12).mean())
            assert row["cost"] == pytest.approx(np.sqrt((nearest**2).sum()), rel=1e-9)
            assert row["cost_median"] == pytest.approx(nearest.sum(), rel=1e-9)
            assert row["n_centers"] == len(centers)

    @pytest.mark.parametrize(("dataset", "name"), [("bank", "bank"), ("adult", "census")])
    def test_what_both_methods_keep(self, dataset: str, name: str) -> None:
        rows = sample(dataset, 15, number=3)
        assert list(rows) == ["kmeans", "jkl"]
        assert {row["paper_name"] for row in rows.values()} == {name}
        assert rows["jkl"]["max_violation"] <= 2
        assert rows["jkl"]["n_centers"] <= 15 == rows["kmeans"]["n_centers"]
        assert rows["jkl"]["max_violation"] < rows["kmeans"]["max_violation"]
        assert rows["kmeans"]["cost"] < rows["jkl"]["cost"]

    def test_points_without_a_ratio_are_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Four equal points have radius 0; with a center on them 0/0 says nothing, and they break no promise."""
        monkeypatch.setitem(radii.PREPARED, "bank", lambda number: tiny([0, 0, 0, 0, 5, 9]))
        row = sample("bank", 2)["kmeans"]  # centers 0 and 7; r(5) = 5, r(9) = 9
        assert row["max_violation"] == pytest.approx(2 / 5)
        assert row["mean_violation"] == pytest.approx((2 / 5 + 2 / 9) / 2)
        assert row["share_violated"] == 0

    def test_radius_zero_and_no_center_is_infinite(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(radii.PREPARED, "bank", lambda number: tiny([0, 0, 0, 0, 1, 50]))
        rows = sample("bank", 2)  # k-means: centers 0.2 and 50; r(1) = 1
        assert rows["kmeans"]["max_violation"] == rows["kmeans"]["mean_violation"] == np.inf
        assert rows["kmeans"]["share_violated"] == pytest.approx(4 / 6)
        assert rows["jkl"]["max_violation"] <= 2

    @needs_data
    def test_diabetes(self) -> None:
        rows = sample("diabetes", 5)
        assert rows["jkl"]["max_violation"] <= 2
        assert rows["jkl"]["paper_name"] == "diabetes"


@pytest.fixture(scope="module")
def bank() -> pd.DataFrame:
    """The histogram of bank for k = 10."""
    return histograms.run_cell({"dataset": "bank", "k": 10})


class TestHistograms:
    def test_count_all_clients(self, bank: pd.DataFrame) -> None:
        assert bank.groupby("method")["mean_count"].sum().tolist() == pytest.approx([1000.0, 1000.0])
        for _, rows in bank.groupby("method"):
            assert rows["bin_left"].tolist() == HISTOGRAM_BINS[:-1].tolist()
            assert rows["bin_right"].tolist() == HISTOGRAM_BINS[1:].tolist()

    def test_are_the_mean_of_the_samples(self, bank: pd.DataFrame) -> None:
        shares = [sample("bank", 10, number)["kmeans"]["share_violated"] for number in range(10)]
        beyond = bank[(bank["method"] == "kmeans") & (bank["bin_left"] >= 1.0)]["mean_count"].sum()
        assert beyond == pytest.approx(1000 * np.mean(shares))  # no client of k-means is at exactly 1

    def test_what_the_claims_say_of_bank(self, bank: pd.DataFrame) -> None:
        (claim,) = [claim for claim in load_ledger() if claim.id == "radii.finding.bank.jkl_shorter_tail"]
        assert claim.criterion is not None
        assert str(claim.criterion.judge(bank).verdict) == "reproduced"

    def test_columns_are_those_that_claims_use(self, bank: pd.DataFrame) -> None:
        frames = {"radii-histogram": bank, "radii-samples": samples.run_cell({"dataset": "bank", "sample": 0, "k": 5})}
        used = [c.criterion for c in load_ledger() if c.criterion is not None and c.criterion.results in frames]
        assert len(used) >= 10
        for criterion in used:
            assert {criterion.column, *criterion.where, "method"} <= set(frames[criterion.results].columns)


class TestViolationCounts:
    def bins(self, *theta: float) -> list[float]:
        """The left edges of the bins that hold something."""
        counts = violation_counts(np.array(theta))
        assert counts.shape == (20,)
        return HISTOGRAM_BINS[:-1][counts > 0].tolist()

    @pytest.mark.parametrize(
        ("theta", "left"),
        [
            (0.0, 0.0),
            (0.05, 0.0),
            (0.1, 0.1),
            (0.3, 0.3),
            (0.1 + 0.2, 0.3),
            (np.nextafter(1.0, 0.0), 0.9),
            (1.0, 1.0),  # a bin holds its left edge, so the kept promise at exactly 1 is drawn right of the line
            (1.05, 1.0),
            (1.9, 1.9),
            (2.0, 1.9),
            (np.nextafter(2.0, 3.0), 1.9),
            (7.5, 1.9),
            (1e308, 1.9),
            (np.inf, 1.9),
        ],
    )
    def test_one_point(self, theta: float, left: float) -> None:
        assert self.bins(theta) == [left]

    def test_nan_counts_nowhere(self) -> None:
        assert self.bins(np.nan, np.nan) == []
        assert violation_counts(np.array([np.nan, 0.5, np.inf])).sum() == 2
        assert violation_counts(np.array([])).tolist() == [0.0] * 20

    @given(st.lists(st.one_of(st.floats(0, 3), st.just(np.inf), st.just(np.nan)), max_size=30))
    @settings(max_examples=60, deadline=None)
    def test_every_number_counts_once_and_where_it_belongs(self, values: list[float]) -> None:
        theta = np.array(values, dtype=np.float64)
        counts = violation_counts(theta)
        known = theta[~np.isnan(theta)]
        assert counts.sum() == len(known)
        for left, right, count in zip(HISTOGRAM_BINS[:-1], HISTOGRAM_BINS[1:], counts, strict=True):
            assert count == ((known >= left) & ((known < right) | (right == 2.0))).sum()

    def test_bins_are_tenths_up_to_two(self) -> None:
        assert HISTOGRAM_BINS.tolist() == [i / 10 for i in range(21)]
