import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from fairclust.baselines import JungKannanLutz
from fairclust.distances import nearest_centers
from fairclust.metrics import fair_radii, max_violation, radius_violation
from fairclust.solvers.ball_filter import ball_filter
from fairclust.solvers.infeasible_radii import InfeasibleRadiiError

needs_data = pytest.mark.skipif("FAIRCLUST_DATA" not in os.environ, reason="FAIRCLUST_DATA not set")


@pytest.fixture(scope="module")
def bank_sample() -> pd.DataFrame:
    """Sample 0 of the third paper: the first draw of 1,000 rows after numpy's global seed 0, raw units."""
    with zipfile.ZipFile(Path(os.environ["FAIRCLUST_DATA"]) / "bank.zip") as archive, archive.open("bank.csv") as file:
        table = pd.read_csv(file, sep=";")[["age", "balance", "duration"]]
    return table.sample(n=1000, random_state=np.random.RandomState(0)).astype(float)


def test_check_estimator() -> None:
    check_estimator(JungKannanLutz())


def test_check_estimator_of_the_textbooks_radii() -> None:
    check_estimator(JungKannanLutz(3, convention="include_self", tol=1e-3))


def test_hand_solved() -> None:
    # At t < 1.5 no point serves another, so three centers open; at 1.5 the row 0 serves row 1 (3 <= 1.5 * 2).
    model = JungKannanLutz(2, radii=[2.0, 2.0, 2.0]).fit([[0.0], [3.0], [6.0]])
    assert model.center_indices_.tolist() == [0, 2]
    assert model.cluster_centers_.tolist() == [[0.0], [6.0]]
    assert model.labels_.tolist() == [0, 0, 1]  # row 1 is as far from either: the lower label
    assert model.violations_.tolist() == [0.0, 1.5, 0.0]
    assert model.dilation_ == 1.5
    assert model.objective_ == 1.5
    assert model.radii_.tolist() == [2.0, 2.0, 2.0]


def test_fewer_than_k_centers() -> None:
    # Fair radii for k = 2 are 3, 2, 3, 4, 5: row 1 serves 0 and 2 at t = 1, row 3 is 6 away and opens, and serves 4.
    model = JungKannanLutz(2).fit([[0.0], [1.0], [3.0], [7.0], [8.0]])
    assert (model.center_indices_.tolist(), model.dilation_) == ([1, 3], 1.0)
    # One place: one center, whatever k is; no radius and no distance, so no violation either.
    model = JungKannanLutz(3).fit(np.ones((6, 2)))
    assert model.center_indices_.tolist() == [0]
    assert np.isnan(model.violations_).all()
    assert model.objective_ == 0.0


def test_extreme_k() -> None:
    X = np.random.default_rng(0).normal(size=(9, 2))
    one = JungKannanLutz(1).fit(X)
    assert len(one.center_indices_) == 1
    everyone = JungKannanLutz(9, convention="include_self").fit(X)
    assert sorted(everyone.center_indices_) == list(range(9))
    assert everyone.objective_ == 0.0


@st.composite
def clouds(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    n, d = draw(st.integers(2, 40)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    X = rng.integers(0, 7, size=(n, d)) * draw(st.sampled_from([1.0, 0.1, 1 / 3]))
    return (X + rng.normal(size=(n, d)) if draw(st.booleans()) else X), draw(st.integers(1, n))


@settings(deadline=None, max_examples=40)
@given(clouds(), st.sampled_from(["exclude_self", "include_self"]))
def test_guarantee_and_search(cloud: tuple, convention: str) -> None:
    X, k = cloud
    model = JungKannanLutz(k, convention=convention).fit(X)  # type: ignore[arg-type]
    radii = fair_radii(X, k, convention=convention)  # type: ignore[arg-type]
    assert (model.radii_ == radii).all()
    assert len(model.center_indices_) <= k
    assert 1.0 <= model.dilation_ <= 2.0 * (1 + 1e-9)
    # The theorem, with distances computed by someone else.
    distances = np.sqrt(((X[:, None] - X[model.center_indices_][None]) ** 2).sum(axis=2)).min(axis=1)
    assert (distances <= 2 * radii * (1 + 1e-8)).all()
    assert model.objective_ <= model.dilation_ * (1 + 1e-8)
    assert model.objective_ == max_violation(radius_violation(X, model.cluster_centers_, radii))
    # It is what the filter opens there, and just below the filter opens more.
    assert ball_filter(X, radii, model.dilation_).center_indices.tolist() == model.center_indices_.tolist()
    if 1.0 < model.dilation_ <= 2.0:
        below = np.linspace(max(1.0, model.dilation_ - 1e-6), model.dilation_, 12)[:-1]
        assert any(len(ball_filter(X, radii, t)) > k for t in below)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 10), st.floats(0.01, 100))
def test_units_and_order_of_rows(seed: int, k: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    X, rows = rng.normal(size=(30, 2)), rng.permutation(30)
    # Two points that are each other's m-th neighbour have the same fair radius, a tie that the row numbers break;
    # stretching the radii a little removes such ties, and with them every trace of the order.
    radii = fair_radii(X, k) * rng.uniform(1.0, 1.1, size=30)
    first = JungKannanLutz(k, radii=radii).fit(X)
    second = JungKannanLutz(k, radii=radii[rows]).fit(X[rows])
    assert rows[second.center_indices_].tolist() == first.center_indices_.tolist()
    first = JungKannanLutz(k).fit(X)
    assert JungKannanLutz(k).fit(scale * X).objective_ == pytest.approx(first.objective_, rel=1e-9)


def test_same_input_same_bytes() -> None:
    X = np.random.default_rng(1).integers(0, 5, size=(200, 2)).astype(float)
    first, second = JungKannanLutz(6).fit(X), JungKannanLutz(6).fit(X.copy())
    for name in ("labels_", "center_indices_", "violations_"):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes()


def test_tolerance() -> None:
    X = np.random.default_rng(0).normal(size=(60, 2))
    radii = fair_radii(X, 9) * 0.8
    coarse = JungKannanLutz(9, radii=radii, tol=0.25).fit(X)
    fine = JungKannanLutz(9, radii=radii, tol=1e-12).fit(X)
    finest = JungKannanLutz(9, radii=radii, tol=1e-300).fit(X)
    assert coarse.dilation_ in (1.0, 1.25, 1.5, 1.75, 2.0)
    assert fine.dilation_ == pytest.approx(finest.dilation_, abs=1e-12)


def test_radii_that_conflict() -> None:
    X = np.array([[0.0], [1.0], [5.0], [9.0]])
    with pytest.raises(InfeasibleRadiiError, match="no 2 centers can satisfy the radii: the balls of rows 0, 2, 3 are"):
        JungKannanLutz(2, radii=[1.0, 1.0, 1.0, 1.0]).fit(X)
    assert JungKannanLutz(3, radii=[1.0, 1.0, 1.0, 1.0]).fit(X).center_indices_.tolist() == [0, 2, 3]


def test_touching_balls_pass_in_spite_of_rounding() -> None:
    # Fair radii on a lattice of tenths: 0.3 - 0.1 > 2 * (0.3 - 0.2) in floating point, though both are 0.2.
    X = np.arange(1, 13)[:, None] / 10
    for k in range(1, 13):
        assert JungKannanLutz(k).fit(X).objective_ <= 2 * (1 + 1e-9)


def test_sensitive_features_frames_and_report() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(40, 2)), columns=["x", "y"])
    groups = rng.choice(["f", "m"], size=40)
    model = JungKannanLutz(4).fit(frame, sensitive_features=groups)
    plain = JungKannanLutz(4).fit(frame.to_numpy())
    assert model.feature_names_in_.tolist() == ["x", "y"]
    assert model.center_indices_.tolist() == plain.center_indices_.tolist()  # groups do not steer it
    assert model.report_.by_group.index.tolist() == ["f", "m"]
    assert model.report_.objectives["max_radius_violation"] == model.objective_
    assert plain.report_.by_group.index.tolist() == ["all"]
    assert (model.predict(frame) == model.labels_).all()
    assert (model.fit_predict(frame, sensitive_features=groups) == model.labels_).all()
    with sklearn.config_context(enable_metadata_routing=True):
        routed = make_pipeline(StandardScaler(), JungKannanLutz(4).set_fit_request(sensitive_features=True))
        assert routed.fit(frame, sensitive_features=groups)[-1].report_.by_group.index.tolist() == ["f", "m"]


def test_parameters_are_kept_as_given() -> None:
    radii = [1, 2, 3]
    model = JungKannanLutz(2, radii=radii, tol=0.5, convention="include_self")
    assert model.get_params() == {"n_clusters": 2, "radii": radii, "tol": 0.5, "convention": "include_self"}
    assert clone(model).get_params() == model.get_params()


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_clusters": 4}, ValueError, "n_clusters=4 is larger than the number of rows, n_samples=3"),
        ({"n_clusters": 0}, ValueError, "n_clusters must be at least 1"),
        ({"n_clusters": 2.0}, TypeError, "n_clusters must be an integer"),
        ({"n_clusters": 2, "tol": 0}, ValueError, "tol must be greater than 0"),
        ({"n_clusters": 2, "convention": "self"}, ValueError, "convention must be one of"),
        ({"n_clusters": 2, "radii": [1.0, 2.0]}, ValueError, r"radii has shape \(2,\) but X has 3 rows"),
        ({"n_clusters": 2, "radii": [1.0, 2.0, -1.0]}, ValueError, "row 2 has -1.0"),
        ({"n_clusters": 2, "radii": "fair"}, ValueError, "could not convert"),
    ],
)
def test_bad_parameters(parameters: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        JungKannanLutz(**parameters).fit([[0.0], [1.0], [2.0]])


def test_bad_data() -> None:
    with pytest.raises(ValueError, match="X contains NaN at row 1, column 0"):
        JungKannanLutz(1).fit([[0.0], [np.nan]])
    with pytest.raises(ValueError, match="sensitive_features has 1 entries but X has 2 rows"):
        JungKannanLutz(1).fit([[0.0], [1.0]], sensitive_features=["a"])


@needs_data
@pytest.mark.parametrize(("k", "cost", "violation"), [(5, 83854.1, 1.036), (10, 65141.7, 1.144)])
def test_peer_numbers_on_bank(bank_sample: pd.DataFrame, k: int, cost: float, violation: float) -> None:
    # facts.md 3.9: Chakrabarty and Negahbani's own implementation of JKL on the same 1,000 rows.
    model = JungKannanLutz(k).fit(bank_sample)
    _, squared = nearest_centers(bank_sample, model.cluster_centers_, squared=True)
    assert round(float(np.sqrt(squared.sum())), 1) == cost
    assert round(model.objective_, 3) == violation
