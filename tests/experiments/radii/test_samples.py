"""All methods on the third paper's samples against the authors' own code, and the histograms of violations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.claims import load_ledger
from fairclust.experiments.preparation import Prepared, radii_bank
from fairclust.experiments.radii import samples as radii
from fairclust.experiments.radii.methods import METHODS, solutions
from fairclust.experiments.radii.samples import HISTOGRAM_BINS, histograms, samples, violation_counts
from fairclust.metrics import fair_radii, radius_violation

needs_data = pytest.mark.skipif(not os.environ.get("FAIRCLUST_DATA"), reason="FAIRCLUST_DATA not set")


@cache
def sample(dataset: str, k: int, number: int = 0, power: int = 2) -> dict[str, dict[str, Any]]:
    """The rows of one cell by method."""
    frame = samples.run_cell({"dataset": dataset, "sample": number, "k": k, "power": power})
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
    def test_samples_are_all_data_sets_samples_k_and_powers(self) -> None:
        cells = {(c["dataset"], c["sample"], c["k"], c["power"]) for c in samples.cells()}
        assert cells == {
            (dataset, number, k, power)
            for dataset in ("bank", "adult", "diabetes")
            for number in range(10)
            for k in (5, 10, 15, 20, 25, 30)
            for power in (1, 2)
        }
        assert len(samples.cells()) == 360

    def test_histograms_are_of_two_k(self) -> None:
        assert {(c["dataset"], c["k"]) for c in histograms.cells()} == {
            (dataset, k) for dataset in ("bank", "adult", "diabetes") for k in (10, 20)
        }

    @pytest.mark.parametrize("experiment", [samples, histograms], ids=["samples", "histograms"])
    def test_quick_is_a_part_of_it(self, experiment: Any) -> None:
        quick, full = experiment.cells(quick=True), experiment.cells()
        assert 0 < len(quick) < len(full)
        assert all(c in full for c in quick)


#: What the authors' code gives on the same 1,000 rows: cost and violation by method, and the LP by HiGHS.
AUTHORS = {
    ("bank", 5, 2): {
        "lp": 47098.200,
        "fair_round": (47234.09, 1.016),
        "jkl": (83854.1, 1.036),
        "sparse": (49601.3, 1.057),
        "sparse_lp": 45833.4,
    },
    ("bank", 10, 2): {
        "lp": 32393.429,
        "fair_round": (37382.80, 1.177),
        "jkl": (65141.7, 1.144),
        "sparse": (37165.6, 1.177),
        "sparse_lp": 31612.6,
        "mv": (16065.45, 2.382),
    },
    ("bank", 10, 1): {
        "lp": 441970.825,
        "fair_round": (403183.1, 1.084),
        "jkl": (610622.9, 1.144),
        "sparse": (487687.1, 1.160),
        "sparse_lp": 404818.7,
        "mv": (344439.8, 1.568),
    },
    ("adult", 5, 2): {
        "lp": 1220318.841,
        "fair_round": (1220318.84, 1.000),
        "jkl": (1757104.5, 1.194),
        "sparse": (1217673.8, 1.024),
        "sparse_lp": 1204228.5,
    },
}


class TestSamples:
    @pytest.mark.parametrize("setting", AUTHORS, ids=lambda setting: "-".join(map(str, setting)))
    def test_what_the_authors_code_gives(self, setting: tuple[str, int, int]) -> None:
        dataset, k, power = setting
        rows = sample(dataset, k, power=power)
        for name, value in AUTHORS[setting].items():
            if isinstance(value, tuple):
                # Their costs are known to one or two digits after the point.
                assert rows[name]["cost"] == pytest.approx(value[0], abs=0.051), name
                assert round(rows[name]["max_violation"], 3) == value[1], name
            else:
                row = rows["sparse" if name == "sparse_lp" else "fair_round"]
                assert row["lp"] == pytest.approx(value, abs=0.051 if name == "sparse_lp" else 0.00051)

    def test_numbers_are_those_of_their_definitions(self) -> None:
        """Radii, violations and costs anew, from the 1,000 by 1,000 distances."""
        X = radii_bank(0).X
        distances = np.sqrt(((X[:, None] - X) ** 2).sum(axis=2))
        r = np.sort(distances, axis=1)[:, len(X) // 10]
        rows = sample("bank", 10)
        found = solutions(X, r, 10, 2, sparsify=0.3, seed=0, only=("kmeans", "local_search", "jkl", "mv", "sparse"))
        assert [one.method for one in found] == ["kmeans", "local_search", "jkl", "mv", "sparse"]
        for one in found:
            nearest = np.sqrt(((X[:, None] - one.centers) ** 2).sum(axis=2)).min(axis=1)
            row = rows[one.method]
            assert row["max_violation"] == pytest.approx((nearest / r).max(), rel=1e-9)
            assert row["mean_violation"] == pytest.approx((nearest / r).mean(), rel=1e-9)
            assert row["share_violated"] == pytest.approx((nearest / r > 1 + 1e-9).mean())
            assert row["cost"] == pytest.approx(np.sqrt((nearest**2).sum()), rel=1e-9)
            assert row["n_centers"] == len(one.centers)

    @pytest.mark.parametrize("setting", AUTHORS, ids=lambda setting: "-".join(map(str, setting)))
    def test_what_the_methods_keep(self, setting: tuple[str, int, int]) -> None:
        dataset, k, power = setting
        rows = sample(dataset, k, power=power)
        assert list(rows) == [name for name in METHODS if name != "kmeans" or power == 2]
        assert {row["paper_name"] for row in rows.values()} == {"census" if dataset == "adult" else "bank"}
        assert all(row["n_centers"] <= k for row in rows.values())
        assert rows["jkl"]["max_violation"] <= 2
        assert rows["local_search"]["n_centers"] == rows["mv"]["n_centers"] == k
        # The polish gives up no fairness and no cost; the certificate is tight.
        assert rows["polished"]["max_violation"] <= max(1.0, rows["fair_round"]["max_violation"]) * (1 + 1e-9)
        assert rows["polished"]["cost"] <= rows["fair_round"]["cost"]
        assert rows["fair_round"]["lp_gap"] <= 1e-8
        # Relaxed radii are MV's own violations, and MV is feasible for them.
        assert rows["relaxed"]["lp"] <= rows["mv"]["cost"] * (1 + 1e-8)
        # Known apart is the time of the LP, which sparsification makes small.
        for name, row in rows.items():
            assert row["seconds"] >= 0
            assert np.isfinite(row["lp"]) == (
                name in ("fair_round", "fair_round_theory", "polished", "relaxed", "sparse")
            )
        assert 0 < rows["fair_round"]["lp_seconds"] <= rows["fair_round"]["seconds"]

    def test_points_without_a_ratio_are_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Four equal points have radius 0; with a center on them 0/0 says nothing, and they break no promise."""
        monkeypatch.setitem(radii.PREPARED, "bank", lambda number: tiny([0, 0, 0, 0, 5, 9]))
        frame = samples.run_cell({"dataset": "bank", "sample": 0, "k": 2, "power": 2})
        row = frame.set_index("method").loc["kmeans"]  # centers 0 and 7; r(5) = 5, r(9) = 9
        assert row["max_violation"] == pytest.approx(2 / 5)
        assert row["mean_violation"] == pytest.approx((2 / 5 + 2 / 9) / 2)
        assert row["share_violated"] == 0

    def test_radius_zero_and_no_center_is_infinite(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(radii.PREPARED, "bank", lambda number: tiny([0, 0, 0, 0, 1, 50]))
        frame = samples.run_cell({"dataset": "bank", "sample": 0, "k": 2, "power": 2})
        rows = frame.set_index("method")  # k-means: centers 0.2 and 50; r(1) = 1
        assert rows.loc["kmeans", "max_violation"] == rows.loc["kmeans", "mean_violation"] == np.inf
        assert rows.loc["kmeans", "share_violated"] == pytest.approx(4 / 6)
        assert (rows.loc[["jkl", "fair_round", "sparse"], "max_violation"] <= 2).all()

    @needs_data
    def test_diabetes(self) -> None:
        rows = sample("diabetes", 5)
        assert rows["jkl"]["max_violation"] <= 2
        assert rows["jkl"]["paper_name"] == "diabetes"
        assert rows["fair_round"]["lp_gap"] <= 1e-8


N_SMALL = 150


def small(number: int) -> Any:
    """The first rows of a sample."""
    data = radii_bank(number)
    return replace(data, X=data.X[:N_SMALL])


@pytest.fixture(scope="module")
def bank() -> Iterator[pd.DataFrame]:
    """The histogram of the first rows of bank's samples, for k = 10."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(radii.PREPARED, "bank", small)
        yield histograms.run_cell({"dataset": "bank", "k": 10})


class TestHistograms:
    def test_count_all_clients(self, bank: pd.DataFrame) -> None:
        assert set(bank["method"]) == {"kmeans", "jkl", "mv", "fair_round"}
        for column in ("mean_count", "count_of_means"):
            assert bank.groupby("method")[column].sum().tolist() == pytest.approx([N_SMALL] * 4)
        for _, rows in bank.groupby("method"):
            assert rows["bin_left"].tolist() == HISTOGRAM_BINS[:-1].tolist()
            assert rows["bin_right"].tolist() == HISTOGRAM_BINS[1:].tolist()

    def test_are_the_mean_of_the_samples(self, bank: pd.DataFrame) -> None:
        shares, theta = [], []
        for number in range(10):
            X = small(number).X
            r = fair_radii(X, 10)
            (found,) = solutions(X, r, 10, 2, sparsify=0.3, seed=number, only=("mv",))
            theta.append(radius_violation(X, found.centers, r))
            shares.append((theta[-1] >= 1.0).mean())
        beyond = bank[(bank["method"] == "mv") & (bank["bin_left"] >= 1.0)]
        counts = [beyond[f"sample_{number}"].sum() for number in range(10)]
        assert counts == pytest.approx([N_SMALL * share for share in shares])
        each = beyond[[f"sample_{number}" for number in range(10)]].to_numpy()
        assert beyond["std_count"].tolist() == pytest.approx(each.std(axis=1).tolist())
        assert beyond["mean_count"].sum() == pytest.approx(N_SMALL * np.mean(shares))
        assert beyond["count_of_means"].sum() == (np.mean(theta, axis=0) >= 1.0).sum()

    def test_means_of_what_is_known(self) -> None:
        theta = [np.array([1.0, np.nan, np.nan, np.inf]), np.array([3.0, 2.0, np.nan, 1.0])]
        np.testing.assert_array_equal(radii._means(theta), [2.0, 2.0, np.nan, np.inf])

    def test_columns_are_those_that_claims_use(self, bank: pd.DataFrame) -> None:
        cell = pd.DataFrame(list(sample("bank", 5).values()))
        frames = {"radii-histogram": bank, "radii-samples": cell}
        used = [c.criterion for c in load_ledger() if c.criterion is not None and c.criterion.results in frames]
        assert len(used) >= 50
        for criterion in used:
            selected = {name for where in criterion.selections() for name in where}
            assert {*selected, "method"} <= set(frames[criterion.results].columns)


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
