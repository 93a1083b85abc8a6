from __future__ import annotations

import itertools
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

from fairclust.baselines import MahabadiVakilian
from fairclust.baselines.mahabadi_vakilian import CRITICAL_RADII, critical_balls, fill_farthest
from fairclust.distances import cost_matrix
from fairclust.metrics import fair_radii, max_violation, radius_violation
from fairclust.solvers.ball_filter import ball_filter
from fairclust.solvers.fair_swaps import vanilla_swaps
from fairclust.solvers.infeasible_radii import InfeasibleRadiiError

needs_data = pytest.mark.skipif("FAIRCLUST_DATA" not in os.environ, reason="FAIRCLUST_DATA not set")


def test_check_estimator() -> None:
    check_estimator(MahabadiVakilian())


def test_check_estimator_of_the_theory_for_k_median() -> None:
    check_estimator(MahabadiVakilian(3, power=1, critical_radius="theory", convention="include_self"))


@st.composite
def clouds(draw: st.DrawFn) -> tuple[np.ndarray, int, float]:
    n, d = draw(st.integers(2, 24)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    k = draw(st.integers(1, min(n, 7)))
    # Whole numbers and squares: all sums are exact, so that ties are ties in both implementations.
    if draw(st.booleans()):
        return rng.integers(0, 7, size=(n, d)).astype(float), k, 2.0
    return rng.normal(size=(n, d)), k, draw(st.sampled_from([1.0, 1.5, 2.0]))


def naive(X: np.ndarray, k: int, p: float, a: float, b: float, max_rounds: int = 1000) -> tuple[list[int], int, list]:
    """Mahabadi and Vakilian's search in plain Python, with all distances at hand."""
    n, D, C = len(X), cost_matrix(X, X, power=1), cost_matrix(X, X, power=p)
    r = fair_radii(X, k)
    left, anchors = sorted(range(n), key=lambda v: (r[v], v)), []
    while left:
        anchors.append(left[0])
        left = [v for v in left if D[anchors[-1], v] > a * r[v]]
    balls = [{v for v in range(n) if D[u, v] <= b * r[u]} for u in anchors]
    centers = list(anchors)
    while len(centers) < k:
        far = [(-D[v, centers].min(), v) for v in range(n) if v not in centers]
        centers.append(min(far)[1])

    def cost(rows: list[int]) -> float:
        return float(C[:, rows].min(axis=1).sum())

    n_swaps = 0
    for _ in range(max_rounds):
        for new in range(n):
            trials = [(cost([*centers[:i], new, *centers[i + 1 :]]), i) for i in range(k)]
            kept = [(c, i) for c, i in trials if all(ball & {*centers[:i], new, *centers[i + 1 :]} for ball in balls)]
            best, slot = min(kept, default=(np.inf, -1))
            if best < (1 - 0.02) * cost(centers):
                centers[slot] = new
                n_swaps += 1
                break
        else:
            break
    return sorted(centers), n_swaps, [anchors, [sorted(ball) for ball in balls]]


@settings(deadline=None, max_examples=40)
@given(clouds(), st.sampled_from(["coded", "theory"]))
def test_the_same_as_the_naive_implementation(cloud: tuple, which: str) -> None:
    X, k, p = cloud
    model = MahabadiVakilian(k, power=p, critical_radius=which).fit(X)  # type: ignore[arg-type]
    rows, n_swaps, (anchors, balls) = naive(X, k, p, *CRITICAL_RADII[which])
    assert model.critical_balls_.center_indices.tolist() == anchors
    assert (model.center_indices_.tolist(), model.n_swaps_, model.converged_) == (rows, n_swaps, True)
    # The promises, with distances computed by someone else.
    assert all(set(ball) & set(rows) for ball in balls)
    distances = np.sqrt(((X[:, None] - X[rows][None]) ** 2).sum(axis=2))
    assert (distances.min(axis=1) <= model.dilation_ * model.radii_ * (1 + 1e-8)).all()
    assert model.cost_ == pytest.approx((distances.min(axis=1) ** p).sum() ** (1 / p), rel=1e-10)
    assert model.cost_ == model.objective_ <= model.start_cost_
    np.testing.assert_array_equal(model.violations_, radius_violation(X, X[rows], fair_radii(X, k)))


@settings(deadline=None, max_examples=40)
@given(clouds(), st.sampled_from(["coded", "theory"]))
def test_no_allowed_swap_saves_two_percent_and_the_optimum_is_not_beaten(cloud: tuple, which: str) -> None:
    X, k, p = cloud
    model = MahabadiVakilian(k, power=p, critical_radius=which).fit(X)  # type: ignore[arg-type]
    D = cost_matrix(X, X, power=1)
    balls = [D[u] <= size for u, size in zip(*vars(model.critical_balls_).values(), strict=True)]

    def feasible(rows: tuple[int, ...]) -> bool:
        return all(ball[list(rows)].any() for ball in balls)

    def cost(rows: tuple[int, ...]) -> float:
        return float((D[:, list(rows)].min(axis=1) ** p).sum())

    rows = tuple(model.center_indices_.tolist())
    mine = cost(rows)
    assert feasible(rows)
    for i, new in itertools.product(range(k), range(len(X))):
        after = (*rows[:i], new, *rows[i + 1 :])
        assert not feasible(after) or cost(after) >= (1 - 0.02) * mine * (1 - 1e-12)
    if k <= 3:
        best = min(cost(rows) for rows in itertools.combinations(range(len(X)), k) if feasible(rows))
        assert best <= mine * (1 + 1e-12)


def test_hand_solved() -> None:
    # r = 3, 2, 2, 3, 17, 19, 24 for k = 2. Row 1 serves everyone within 3 r; its ball reaches 4. The farthest row, 6,
    # fills up. The first row that saves anything is 4 (at 20) in place of 6: 2 + 7 instead of 7 + 5 for the far three.
    # In the second round it is row 5 (at 22): 2 + 5.
    X = [[0.0], [1.0], [2.0], [3.0], [20.0], [22.0], [27.0]]
    model = MahabadiVakilian(2, power=1).fit(X)
    assert model.radii_.tolist() == [3.0, 2.0, 2.0, 3.0, 17.0, 19.0, 24.0]
    assert model.critical_balls_.center_indices.tolist() == [1]
    assert model.critical_balls_.radii.tolist() == [4.0]
    assert model.start_cost_ == 1 + 0 + 1 + 2 + 7 + 5 + 0
    assert model.center_indices_.tolist() == [1, 5]
    assert (model.cost_, model.objective_, model.n_swaps_, model.dilation_) == (11.0, 11.0, 2, 5.0)
    assert model.labels_.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert model.cluster_centers_.tolist() == [[1.0], [22.0]]
    theory = MahabadiVakilian(2, power=1, critical_radius="theory").fit(X)
    assert (theory.critical_balls_.radii.tolist(), theory.dilation_) == ([2.0], 7.0)


def test_a_ball_keeps_its_center_at_a_cost() -> None:
    # A lone pair with small radii, and a crowd that could use both centers.
    X = np.array([[0.0], [0.1], *[[x] for x in (100.0, 101.0, 102.0) for _ in range(9)], *[[140.0]] * 30])
    radii = np.array([0.5, 0.5, *[20.0] * 57])
    model = MahabadiVakilian(2, power=1, radii=radii).fit(X)
    assert model.critical_balls_.center_indices.tolist() == [0, 2]
    assert (model.cluster_centers_[0, 0] < 1, model.cluster_centers_[1, 0] > 99) == (True, True)
    # With radii that ask for nothing it gives the pair up.
    free = MahabadiVakilian(2, power=1, radii=[500.0] * 59).fit(X)
    assert free.cluster_centers_.ravel().tolist() == [101.0, 140.0]
    assert free.cost_ < model.cost_


def test_extreme_k() -> None:
    X = np.random.default_rng(0).normal(size=(9, 2))
    one = MahabadiVakilian(1, min_gain=0.0).fit(X)
    assert one.center_indices_.tolist() == [int(np.argmin(cost_matrix(X, X).sum(axis=0)))]
    for which in CRITICAL_RADII:
        everyone = MahabadiVakilian(9, critical_radius=which, convention="include_self").fit(X)  # type: ignore[arg-type]
        assert everyone.center_indices_.tolist() == list(range(9))
        assert everyone.radii_.tolist() == [0.0] * 9
        assert (everyone.cost_, everyone.n_swaps_) == (0.0, 0)


def test_zero_radii_and_copies() -> None:
    # Of four neighbours, five copies of a place see only each other: radius 0, a ball of radius 0, a center there.
    X = np.array([[0.0]] * 5 + [[10.0]] * 4 + [[4.0], [5.0], [6.0]])
    model = MahabadiVakilian(3).fit(X)
    assert model.radii_.tolist() == [0.0] * 5 + [4.0] * 5 + [5.0, 4.0]
    assert (model.critical_balls_.center_indices.tolist(), model.critical_balls_.radii.tolist()) == ([0], [0.0])
    assert sorted(model.cluster_centers_.ravel().tolist()) == [0.0, 5.0, 10.0]
    assert model.objective_ == pytest.approx(np.sqrt(2.0))
    assert np.isnan(model.violations_[:5]).all()
    assert model.violations_[5:].tolist() == [0.0] * 4 + [0.25, 0.0, 0.25]
    same = MahabadiVakilian(3).fit(np.ones((6, 2)))
    assert same.center_indices_.tolist() == [0, 1, 2]
    assert np.isnan(same.violations_).all()
    assert (same.cost_, same.converged_) == (0.0, True)


def test_filling_up() -> None:
    X = np.array([[0.0], [4.0], [9.0], [-9.0], [0.0]])
    # 9 and -9 are as far: the lower row. Then -9, then 4, and then only a copy is left.
    assert fill_farthest(X, np.array([0]), 5).tolist() == [0, 2, 3, 1, 4]
    assert fill_farthest(X, np.array([3, 1]), 2).tolist() == [3, 1]
    assert fill_farthest(np.ones((4, 1)), np.array([2]), 4).tolist() == [2, 0, 1, 3]


def test_too_many_balls() -> None:
    X = np.array([[0.0], [1.0], [5.0], [9.0]])
    for which in CRITICAL_RADII:
        named = "no 2 centers can satisfy the radii: the balls of rows 0, 1, 2, 3 are disjoint"
        with pytest.raises(InfeasibleRadiiError, match=named) as caught:
            MahabadiVakilian(2, radii=[0.1, 0.1, 0.1, 0.1], critical_radius=which).fit(X)  # type: ignore[arg-type]
        assert caught.value.rows == (0, 1, 2, 3)
    assert len(critical_balls(X, np.full(4, 0.1), 4).radii) == 4


@settings(deadline=None, max_examples=40)
@given(clouds(), st.sampled_from(["exclude_self", "include_self"]), st.sampled_from(["coded", "theory"]))
def test_fair_radii_never_ask_for_more_than_k_balls(cloud: tuple, convention: str, which: str) -> None:
    X, k, _ = cloud
    radii = fair_radii(X, k, convention=convention)  # type: ignore[arg-type]
    balls = critical_balls(X, radii, k, critical_radius=which)  # type: ignore[arg-type]
    assert len(balls.radii) <= k
    a, b = CRITICAL_RADII[which]
    assert balls.center_indices.tolist() == ball_filter(X, radii, a).center_indices.tolist()
    assert balls.radii.tolist() == (b * radii[balls.center_indices]).tolist()


@settings(deadline=None, max_examples=30)
@given(clouds(), st.sampled_from(["coded", "theory"]), st.sampled_from([0.0, 0.02]))
def test_every_round_keeps_the_balls_and_lowers_the_cost(cloud: tuple, which: str, min_gain: float) -> None:
    """The invariant of the search, after the start and after each single exchange, on given and on fair radii."""
    X, k, p = cloud
    rng = np.random.default_rng(len(X))
    D = cost_matrix(X, X, power=1)
    for radii in (fair_radii(X, k), fair_radii(X, k) * rng.uniform(1.0, 1.5, len(X))):
        options = {"power": p, "radii": radii, "critical_radius": which, "min_gain": min_gain}
        whole = MahabadiVakilian(k, **options).fit(X)
        balls = [D[u] <= size for u, size in zip(*vars(whole.critical_balls_).values(), strict=True)]
        # The start: the critical balls' centers, the farthest rows, and nothing else.
        start = fill_farthest(X, whole.critical_balls_.center_indices, k)
        assert all(ball[start].any() for ball in balls)
        costs = [float((D[:, start].min(axis=1) ** p).sum())]
        assert whole.start_cost_ == pytest.approx(costs[0] ** (1 / p), rel=1e-9, abs=1e-12)
        before = set(start.tolist())
        for rounds in range(1, whole.n_swaps_ + 1):
            part = MahabadiVakilian(k, max_rounds=rounds, **options).fit(X)
            rows = part.center_indices_
            assert all(ball[rows].any() for ball in balls)
            assert len(before - set(rows.tolist())) == 1  # one exchange
            before = set(rows.tolist())
            costs.append(float((D[:, rows].min(axis=1) ** p).sum()))
            assert costs[-1] < (1 - min_gain) * costs[-2] * (1 + 1e-12)
            assert (D[:, rows].min(axis=1) <= part.dilation_ * radii * (1 + 1e-8)).all()
        assert whole.cost_ == pytest.approx(costs[-1] ** (1 / p), rel=1e-9, abs=1e-12)


def test_rounds_run_out() -> None:
    X = np.random.default_rng(3).normal(size=(200, 2))
    whole = MahabadiVakilian(12).fit(X)
    assert whole.converged_
    assert whole.n_swaps_ > 2
    costs = []
    for rounds in range(1, whole.n_swaps_ + 1):
        part = MahabadiVakilian(12, max_rounds=rounds).fit(X)
        assert (part.n_swaps_, part.converged_) == (rounds, rounds == whole.n_swaps_)
        costs.append(part.cost_)
    steps = np.array([whole.start_cost_, *costs]) ** 2
    assert (steps[1:] < 0.98 * steps[:-1]).all()
    assert costs[-1] == whole.cost_


def test_min_gain_trades_swaps_for_cost() -> None:
    X = np.random.default_rng(4).normal(size=(300, 2))
    fine, coarse = MahabadiVakilian(15, min_gain=0.0).fit(X), MahabadiVakilian(15, min_gain=0.2).fit(X)
    assert fine.cost_ < coarse.cost_
    assert fine.n_swaps_ > coarse.n_swaps_


def test_same_input_same_bytes() -> None:
    X = np.random.default_rng(1).integers(0, 5, size=(200, 2)).astype(float)
    first, second = MahabadiVakilian(6).fit(X), MahabadiVakilian(6, random_state=3).fit(X.copy())
    for name in ("labels_", "center_indices_", "violations_"):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes()


def test_sensitive_features_frames_and_report() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(40, 2)), columns=["x", "y"])
    groups = rng.choice(["f", "m"], size=40)
    model = MahabadiVakilian(4).fit(frame, sensitive_features=groups)
    plain = MahabadiVakilian(4).fit(frame.to_numpy())
    assert model.feature_names_in_.tolist() == ["x", "y"]
    assert model.center_indices_.tolist() == plain.center_indices_.tolist()  # groups do not steer it
    assert model.report_.by_group.index.tolist() == ["f", "m"]
    assert model.report_.objectives["max_radius_violation"] == max_violation(model.violations_)
    assert (model.predict(frame) == model.labels_).all()
    assert (model.fit_predict(frame, sensitive_features=groups) == model.labels_).all()
    with sklearn.config_context(enable_metadata_routing=True):
        routed = make_pipeline(StandardScaler(), MahabadiVakilian(4).set_fit_request(sensitive_features=True))
        assert routed.fit(frame, sensitive_features=groups)[-1].report_.by_group.index.tolist() == ["f", "m"]


def test_parameters_are_kept_as_given() -> None:
    given = {
        "n_clusters": 2,
        "power": 1,
        "radii": [1, 2, 3],
        "critical_radius": "theory",
        "min_gain": 0.1,
        "max_rounds": 5,
        "random_state": 7,
        "convention": "include_self",
    }
    model = MahabadiVakilian(**given)  # type: ignore[arg-type]
    assert model.get_params() == given
    assert clone(model).get_params() == given


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_clusters": 4}, ValueError, "n_clusters=4 is larger than the number of rows, n_samples=3"),
        ({"n_clusters": 0}, ValueError, "n_clusters must be at least 1"),
        ({"n_clusters": 2.0}, TypeError, "n_clusters must be an integer"),
        ({"power": 0.5}, ValueError, "power must be at least 1"),
        ({"min_gain": 1.5}, ValueError, "min_gain must be in"),
        ({"max_rounds": 0}, ValueError, "max_rounds must be at least 1"),
        ({"critical_radius": "both"}, ValueError, "critical_radius must be one of 'coded', 'theory', got 'both'"),
        (
            {"critical_radius": ["coded"]},
            ValueError,
            r"critical_radius must be one of 'coded', 'theory', got \['coded'\]",
        ),
        ({"convention": "self"}, ValueError, "convention must be one of"),
        ({"radii": [1.0, 2.0]}, ValueError, r"radii has shape \(2,\) but X has 3 rows"),
        ({"radii": [1.0, 2.0, -1.0]}, ValueError, "row 2 has -1.0"),
        ({"radii": [1.0, 2.0, np.inf]}, ValueError, "row 2 has inf"),
    ],
)
def test_bad_parameters(parameters: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        MahabadiVakilian(**{"n_clusters": 2, **parameters}).fit([[0.0], [1.0], [2.0]])


def test_bad_data() -> None:
    with pytest.raises(ValueError, match="X contains NaN at row 1, column 0"):
        MahabadiVakilian(1).fit([[0.0], [np.nan]])
    with pytest.raises(ValueError, match="sensitive_features has 1 entries but X has 2 rows"):
        MahabadiVakilian(1).fit([[0.0], [1.0]], sensitive_features=["a"])


@needs_data
@pytest.mark.parametrize(("power", "cost", "violation"), [(2, 16065.45, 2.382), (1, 344439.8, 1.568)])
def test_peer_numbers_on_bank(power: float, cost: float, violation: float) -> None:
    # facts.md 3.9: Chakrabarty and Negahbani's implementation of MV on the same 1,000 rows, k = 10. There are two
    # critical balls, far apart, so how overlaps are treated makes no difference.
    with zipfile.ZipFile(Path(os.environ["FAIRCLUST_DATA"]) / "bank.zip") as archive, archive.open("bank.csv") as file:
        table = pd.read_csv(file, sep=";")[["age", "balance", "duration"]]
    sample = table.sample(n=1000, random_state=np.random.RandomState(0)).astype(float)
    model = MahabadiVakilian(10, power=power).fit(sample)
    assert round(model.cost_, 2 if power == 2 else 1) == cost
    assert round(max_violation(model.violations_), 3) == violation
    free = vanilla_swaps(sample, 10, power=power, random_state=0)
    assert free.cost ** (1 / power) < model.cost_
