"""FairRadiiClustering: scikit-learn's contract, brute force, the peers' numbers, ties, extremes and bad input."""

import os
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from fairclust.experiments.preparation import radii_bank, radii_census
from fairclust.metrics import fair_radii, max_violation
from fairclust.radii import FairRadiiClustering, InfeasibleRadiiError, fair_radii_lp
from fairclust.radii import estimators as module

needs_data = pytest.mark.skipif("FAIRCLUST_DATA" not in os.environ, reason="FAIRCLUST_DATA not set")


def test_check_estimator() -> None:
    check_estimator(FairRadiiClustering())


@pytest.mark.parametrize("options", [{"polish": True, "power": 1}, {"sparsification": 0.3}, {"shortcut": False}])
def test_check_estimator_of_variants(options) -> None:
    check_estimator(FairRadiiClustering(3, **options))


def test_attributes_fit_together() -> None:
    X = np.random.default_rng(0).normal(size=(50, 2))
    for power in (1, 1.5, 2, 3):
        model = FairRadiiClustering(5, power).fit(X)
        assert len(model.center_indices_) <= 5
        np.testing.assert_array_equal(model.cluster_centers_, X[model.center_indices_])
        away = np.linalg.norm(X[:, None] - model.cluster_centers_[None], axis=2)
        np.testing.assert_array_equal(model.labels_, away.argmin(axis=1))
        np.testing.assert_allclose(model.cost_, (away.min(axis=1) ** power).sum() ** (1 / power))
        np.testing.assert_array_equal(model.radii_, fair_radii(X, 5))
        np.testing.assert_allclose(model.violations_, away.min(axis=1) / model.radii_)
        np.testing.assert_array_equal(model.fair_violations_, model.violations_)
        assert model.objective_ == model.cost_
        assert model.lower_bound_ == pytest.approx(fair_radii_lp(X, 5, power=power).norm_lower_bound)
        assert model.gap_ == pytest.approx(1 - model.lower_bound_ / model.cost_)
        kept = model.guarantees_
        assert kept.violation == max_violation(model.violations_) <= kept.violation_bound
        assert kept.cost_factor == pytest.approx(model.cost_**power / model.lp_.value)
        assert kept.cost_factor <= kept.cost_bound
        assert model.report_.objectives["max_radius_violation"] == kept.violation
        assert model.n_swaps_ == model.n_added_ == 0
        np.testing.assert_array_equal(model.predict(X), model.labels_)


@settings(deadline=None, max_examples=25)
@given(st.integers(3, 8), st.integers(0, 2**32 - 1), st.sampled_from([1.0, 2.0]))
def test_brute_force(n: int, seed: int, power: float) -> None:
    rng = np.random.default_rng(seed)
    X, k = rng.integers(0, 4, (n, 2)).astype(float), int(rng.integers(1, n + 1))
    away = np.linalg.norm(X[:, None] - X[None], axis=2)
    radii = fair_radii(X, k)
    best = np.inf
    for centers in combinations(range(n), k):
        near = away[:, list(centers)].min(axis=1)
        if (near <= radii * (1 + 1e-12)).all():
            best = min(best, float((near**power).sum()))
    for polish in (False, True):
        model = FairRadiiClustering(k, power, polish=polish).fit(X)
        assert model.lower_bound_**power <= best * (1 + 1e-9)
        assert len(model.center_indices_) <= k
        near = away[:, model.center_indices_].min(axis=1)
        assert (near <= 8 * radii * (1 + 1e-9)).all()
        if np.isfinite(best):
            assert (near**power).sum() <= 2 ** (2 * power + 1) * best + 1e-5


def test_real_rounding_through_the_estimator(simplices) -> None:
    model = FairRadiiClustering(8, radii=np.full(9, 3.0)).fit(simplices([9], [1.0]))
    assert model.rounding_.branch == "half-integral"
    assert model.rounding_.steps.smudged == pytest.approx(np.full(9, 8 / 9), abs=1e-3)
    assert model.center_indices_.tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert model.cost_ == pytest.approx(1.0)
    assert model.gap_ == pytest.approx(0.0, abs=1e-6)
    assert (model.guarantees_.violation_bound, model.guarantees_.cost_bound) == (8.0, 32.0)


@pytest.mark.parametrize(
    ("size", "power", "options"),
    [
        (6, 1, {"polish": True}),
        (9, 2, {"polish": True}),
        (9, 2, {"sparsification": 0.05}),
        (17, 3, {"shortcut": False}),
    ],
)
def test_real_rounding_in_every_variant(simplices, size, power, options) -> None:
    """One center too few for a simplex; radii that just reach all of it, so that the LP opens its corners evenly."""
    X = simplices([size], [1.0])
    model = FairRadiiClustering(size - 1, power, np.full(size, 1.25), **options).fit(X)
    assert model.rounding_.branch == "half-integral"
    assert len(model.center_indices_) == size - 1
    assert model.cost_ == pytest.approx(1.0)  # one corner closed, 1 away from the others
    np.testing.assert_allclose(sorted(model.violations_), [0.0] * (size - 1) + [0.8])
    kept = model.guarantees_
    assert kept.violation == pytest.approx(0.8)
    assert kept.cost_factor == pytest.approx(1.0, rel=1e-5)
    assert kept.violation_bound == pytest.approx(8.0 * (1.0 + options.get("sparsification", 0.0)))
    assert kept.cost_bound == 2.0 ** (2 * power + 1)
    assert kept.published_cost_bound == 2.0 ** (power + 2)
    assert kept.keeps_published


def test_sparsify_is_another_name() -> None:
    X = np.random.default_rng(5).normal(size=(60, 2))
    named = FairRadiiClustering(5, sparsification=0.3).fit(X)
    short = FairRadiiClustering(5, sparsify=0.3).fit(X)
    assert short.get_params()["sparsification"] == 0.3
    assert clone(short).get_params() == named.get_params()
    assert short.center_indices_.tolist() == named.center_indices_.tolist()
    assert FairRadiiClustering(5).set_params(sparsify=0.2, power=1).get_params()["sparsification"] == 0.2
    with pytest.raises(TypeError, match="unexpected keyword argument 'sparse'"):
        FairRadiiClustering(5, sparse=0.3)
    with pytest.raises(TypeError, match="both sparsify and sparsification"):
        FairRadiiClustering(5, sparsification=0.3, sparsify=0.3)
    with pytest.raises(TypeError, match="both sparsify and sparsification"):
        FairRadiiClustering(5).set_params(sparsification=0.3, sparsify=0.3)


def test_the_gap_is_no_rounding_error_below_zero() -> None:
    for seed in range(20):
        X = np.random.default_rng(seed).integers(0, 4, (12, 2)).astype(float)
        model = FairRadiiClustering(5).fit(X)
        if model.guarantees_.violation <= 1.0:
            assert model.gap_ >= 0.0


def test_a_broken_guarantee_does_not_come_back(monkeypatch) -> None:
    X = np.random.default_rng(2).normal(size=(30, 2))

    def wrong(*arguments, **options):
        found = fair_radii_lp(*arguments, **options)
        return module.replace(found, cost_shares=found.cost_shares * 1e-9, value=found.value * 1e-9)

    monkeypatch.setattr(module, "fair_radii_lp", wrong)
    with pytest.raises(RuntimeError, match=r"of a center, less than 1/2|contradicts the theorem"):
        FairRadiiClustering(4).fit(X)


class TestVariants:
    def test_polish_keeps_the_violation_and_saves(self) -> None:
        X = np.random.default_rng(3).lognormal(size=(150, 2))
        plain, better = (FairRadiiClustering(9, polish=polish).fit(X) for polish in (False, True))
        assert better.cost_ < plain.cost_
        assert max_violation(better.violations_) <= max(max_violation(plain.violations_), 1.0) * (1 + 1e-9)
        assert better.n_swaps_ > 0
        assert len(better.center_indices_) == 9
        assert better.guarantees_.cost_factor == pytest.approx(better.cost_**2 / better.lp_.value)
        assert better.rounding_.center_indices.tolist() == plain.center_indices_.tolist()

    def test_relaxed(self) -> None:
        X = np.random.default_rng(4).normal(size=(60, 2))
        fair = fair_radii(X, 6)
        wide = np.maximum(fair, np.linalg.norm(X - X.mean(axis=0), axis=1))
        model = FairRadiiClustering(6, radii=wide).fit(X)
        np.testing.assert_array_equal(model.radii_, wide)
        np.testing.assert_allclose(model.violations_ * wide, model.fair_violations_ * fair)
        assert model.lower_bound_ < FairRadiiClustering(6).fit(X).lower_bound_

    def test_sparse(self) -> None:
        X = np.random.default_rng(5).normal(size=(80, 2))
        model = FairRadiiClustering(6, sparsification=0.4).fit(X)
        assert len(model.representatives_) == len(model.lp_.cost_shares) < 80
        assert model.radii_factor_ in (1.0, 1.8)
        assert np.isnan(model.lower_bound_)
        assert np.isnan(model.gap_)
        assert not hasattr(FairRadiiClustering(6).fit(X), "representatives_")

    def test_ties_cut_needs_computed_radii(self) -> None:
        X = np.random.default_rng(6).normal(size=(40, 2))
        cut, keep = (FairRadiiClustering(4, ties=ties).fit(X) for ties in ("cut", "keep"))
        assert cut.lower_bound_ == pytest.approx(keep.lower_bound_)
        for options in ({"radii": np.ones(40)}, {"sparsification": 0.1}, {"convention": "include_self"}):
            with pytest.raises(ValueError, match="cannot be combined with radii, sparsification or convention"):
                FairRadiiClustering(4, ties="cut", **options).fit(X)

    def test_convention(self) -> None:
        X = np.random.default_rng(7).normal(size=(40, 2))
        model = FairRadiiClustering(5, convention="include_self").fit(X)
        np.testing.assert_array_equal(model.radii_, fair_radii(X, 5, convention="include_self"))


class TestExtremes:
    def test_one_center_and_as_many_as_rows(self) -> None:
        X = np.random.default_rng(0).normal(size=(12, 2))
        one = FairRadiiClustering(1).fit(X)
        sums = (np.linalg.norm(X[:, None] - X[None], axis=2) ** 2).sum(axis=0)
        assert one.center_indices_.tolist() == [int(sums.argmin())]
        assert one.gap_ == pytest.approx(0.0, abs=1e-7)
        everyone = FairRadiiClustering(12).fit(X)
        assert everyone.cost_ == 0.0
        assert everyone.gap_ == 0.0
        assert everyone.center_indices_.tolist() == list(range(12))

    def test_one_place(self) -> None:
        model = FairRadiiClustering(3).fit(np.ones((6, 2)))
        assert model.center_indices_.tolist() == [0]
        assert np.isnan(model.violations_).all()
        assert (model.cost_, model.lower_bound_, model.guarantees_.violation) == (0.0, 0.0, 0.0)

    def test_duplicates_zero_radii_and_n_not_divisible_by_k(self) -> None:
        X = np.repeat([[0.0, 1.0], [5.0, 1.0], [6.0, 1.0], [30.0, 1.0]], [7, 4, 5, 1], axis=0)
        assert (fair_radii(X, 4) == 0.0).any()
        for options in ({}, {"sparsification": 0.2}, {"polish": True}, {"shortcut": False}, {"power": 1}):
            model = FairRadiiClustering(4, **options).fit(X)
            assert np.isfinite(model.violations_[~np.isnan(model.violations_)]).all()
            assert set(model.center_indices_) <= {0, 7, 11, 16}

    def test_large_and_small_units(self) -> None:
        X = np.random.default_rng(1).normal(size=(40, 2))
        rows = FairRadiiClustering(5).fit(X).center_indices_.tolist()
        for scale in (1e-30, 1e-6, 1e6, 1e30):
            assert FairRadiiClustering(5).fit(scale * X).center_indices_.tolist() == rows


def test_same_input_same_bytes_and_order_of_rows() -> None:
    rng = np.random.default_rng(8)
    X, rows = rng.normal(size=(70, 2)), rng.permutation(70)
    radii = fair_radii(X, 7) * rng.uniform(1.0, 1.1, 70)
    first, again = (FairRadiiClustering(7, radii=radii).fit(X.copy()) for _ in range(2))
    for name in ("labels_", "center_indices_", "violations_"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
    moved = FairRadiiClustering(7, radii=radii[rows]).fit(X[rows])
    assert sorted(rows[moved.center_indices_]) == first.center_indices_.tolist()


def test_frames_groups_and_routing() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(40, 2)), columns=["x", "y"])
    groups = rng.choice(["f", "m"], size=40)
    model = FairRadiiClustering(4).fit(frame, sensitive_features=groups)
    assert model.feature_names_in_.tolist() == ["x", "y"]
    assert model.center_indices_.tolist() == FairRadiiClustering(4).fit(frame.to_numpy()).center_indices_.tolist()
    assert model.report_.by_group.index.tolist() == ["f", "m"]
    with sklearn.config_context(enable_metadata_routing=True):
        routed = make_pipeline(StandardScaler(), FairRadiiClustering(4).set_fit_request(sensitive_features=True))
        assert routed.fit(frame, sensitive_features=groups)[-1].report_.by_group.index.tolist() == ["f", "m"]


def test_parameters_are_kept_as_given() -> None:
    radii = [1, 2, 3]
    model = FairRadiiClustering(2, 1, radii, 0.5, polish=True)
    assert model.get_params()["radii"] is radii
    assert clone(model).get_params() == model.get_params()


def test_progress_bar(capfd) -> None:
    FairRadiiClustering(5, verbose=True).fit(np.random.default_rng(0).normal(size=(60, 2)))
    assert "fair-radii LP" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_clusters": 4}, ValueError, "n_clusters=4 is larger than the number of rows, n_samples=3"),
        ({"n_clusters": 0}, ValueError, "n_clusters must be at least 1"),
        ({"n_clusters": 2.0}, TypeError, "n_clusters must be an integer"),
        ({"power": 0.5}, ValueError, "power must be at least 1"),
        ({"power": "two"}, TypeError, "power must be a number"),
        ({"sparsification": -1}, ValueError, "sparsification must be at least 0"),
        ({"convention": "self"}, ValueError, "convention must be one of"),
        ({"ties": "first"}, ValueError, "ties must be 'keep' or 'cut'"),
        ({"lp_gap": -1}, ValueError, r"gap must be in \[0, 1\]"),
        ({"max_iterations": 0}, ValueError, "max_iterations must be at least 1"),
        ({"radii": [1.0, 2.0]}, ValueError, r"radii has shape \(2,\) but X has 3 rows"),
        ({"radii": [1.0, 2.0, np.nan]}, ValueError, "row 2 has nan"),
        ({"radii": [1.0, 2.0, -1.0]}, ValueError, "row 2 has -1.0"),
    ],
)
def test_bad_parameters(parameters, error, message) -> None:
    with pytest.raises(error, match=message):
        FairRadiiClustering(**({"n_clusters": 2} | parameters)).fit([[0.0], [1.0], [2.0]])


def test_bad_data_and_radii_in_conflict() -> None:
    with pytest.raises(ValueError, match="X contains NaN at row 1, column 0"):
        FairRadiiClustering(1).fit([[0.0], [np.nan]])
    with pytest.raises(ValueError, match="X contains infinity at row 1"):
        FairRadiiClustering(1).fit([[0.0], [np.inf]])
    with pytest.raises(ValueError, match="sensitive_features has 1 entries but X has 2 rows"):
        FairRadiiClustering(1).fit([[0.0], [1.0]], sensitive_features=["a"])
    with pytest.raises(InfeasibleRadiiError, match="no 2 centers can satisfy the radii: the balls of rows 0, 1, 3"):
        FairRadiiClustering(2, radii=[1.0] * 4).fit([[0.0], [5.0], [5.5], [9.0]])


# facts.md 3.9: the same samples of 1,000 rows, the LP by HiGHS and the authors' rounding.
@needs_data
@pytest.mark.parametrize(
    ("data", "power", "k", "options", "lp", "cost", "violation"),
    [
        (radii_bank, 2, 10, {"ties": "cut"}, 32393.429, 37382.80, 1.177),
        (radii_bank, 1, 10, {"ties": "cut"}, 441970.825, 403183.1, 1.084),
        (radii_bank, 2, 5, {"sparsification": 0.3}, 45833.4, 49601.3, 1.057),
        (radii_bank, 2, 10, {"sparsification": 0.3}, 31612.6, 37165.6, 1.177),
        (radii_bank, 1, 10, {"sparsification": 0.3}, 404818.7, 487687.1, 1.160),
        (radii_census, 2, 5, {"sparsification": 0.05}, 1204228.5, 1217673.8, 1.024),
    ],
)
def test_peer_numbers(data, power, k, options, lp, cost, violation) -> None:
    model = FairRadiiClustering(k, power, **options).fit(data(0).X)
    assert abs(model.lp_.norm - lp) < 0.06
    assert abs(model.cost_ - cost) < 0.06
    assert round(max_violation(model.violations_), 3) == violation


def test_an_lp_that_stops_short_is_said() -> None:
    X = np.random.default_rng(0).normal(size=(120, 2))
    with pytest.warns(ConvergenceWarning, match=r"ended iteration_limit at a relative gap of .*; raise max_iterations"):
        model = FairRadiiClustering(5, max_iterations=6).fit(X)
    assert model.lp_.gap > 1e-6
    assert model.lower_bound_ <= FairRadiiClustering(5).fit(X).lp_.norm
