"""Fair assignment of Bera et al.: peer numbers, HiGHS and brute force as judges, overlapping attributes, corners."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from fairclust.baselines import bera as module
from fairclust.baselines.bera import BeraFairAssignment
from fairclust.datasets import load_adult
from fairclust.distances import cost_matrix
from fairclust.experiments.preparation import welfare_adult
from fairclust.solvers.assignment_terms import InfeasibleAssignment
from fairclust.solvers.kmeans import kmeans


def people(seed=0, sizes=(60, 30, 10)):
    rng = np.random.default_rng(seed)
    X = np.vstack([rng.normal(3 * h, 1 + h, (size, 2)) for h, size in enumerate(sizes)])
    return X, np.repeat([f"group {h}" for h in range(len(sizes))], sizes)


def crowd(seed, n=None, n_attributes=None):
    """Points that lie where their first attribute says, and a frame of attributes."""
    rng = np.random.default_rng(seed)
    n, n_attributes = n or int(rng.integers(8, 40)), n_attributes or int(rng.integers(1, 4))
    frame = pd.DataFrame({f"attribute {t}": rng.integers(0, rng.integers(2, 4), n) for t in range(n_attributes)})
    X = rng.normal(size=(n, 2)) + 2 * frame.to_numpy()[:, :1]
    return X, frame, X[rng.choice(n, int(rng.integers(2, 5)), replace=False)]


def bounds_of(frame, delta):
    """Each group's rows and bounds, by its name."""
    for column in frame:
        for label in sorted(set(frame[column])):
            rows = (frame[column] == label).to_numpy()
            yield (column, label), rows, (1 - delta) * rows.mean(), rows.mean() / (1 - delta)


def violations(frame, labels, k, delta):
    """The additive violation of every group."""
    sizes = np.bincount(labels, minlength=k)
    return {
        name: max(0.0, *(own - high * sizes), *(low * sizes - own))
        for name, rows, low, high in bounds_of(frame, delta)
        for own in [np.bincount(labels[rows], minlength=k)]
    }


def lp_value(costs, frame, delta):
    """The fair assignment LP, from HiGHS."""
    n, k = costs.shape
    rows = []
    for i, (_, members, low, high) in product(range(k), list(bounds_of(frame, delta))):
        size = np.tile(np.arange(k) == i, n).astype(float)
        mass = size * np.repeat(members, k)
        rows += [mass - high * size, low * size - mass]
    found = linprog(
        costs.ravel(),
        A_ub=np.array(rows),
        b_ub=np.full(len(rows), 1e-12),
        A_eq=np.kron(np.eye(n), np.ones(k)),
        b_eq=np.ones(n),
        method="highs",
    )
    assert found.status == 0
    return found.fun


def test_scikit_learns_own_checks():
    check_estimator(BeraFairAssignment(n_clusters=3, n_init=2))


@pytest.mark.parametrize(
    ("n", "columns", "vanilla", "lp", "fair", "violation"),
    [
        (1000, "sex", 50.504, None, 50.507, 0.38),
        (5000, "sex", 110.382, 111.945, 111.615, 0.72),
        (5000, ["race", "sex"], 110.382, 113.340, 112.362, 1.15),
    ],
)
def test_the_authors_numbers_on_adult(n, columns, vanilla, lp, fair, violation):
    data = welfare_adult(n)
    groups = load_adult().groups[columns].iloc[:n]
    model = BeraFairAssignment(5, random_state=0).fit(data.X, sensitive_features=groups)
    assert model.vanilla_cost_**0.5 == pytest.approx(vanilla, abs=5e-4)
    # Their LP rounds coefficients of the bounds to three decimals.
    assert lp is None or model.lp_value_**0.5 == pytest.approx(lp, abs=3e-3)
    # The rounding is not unique: where it violates less than theirs, it costs more, and never more than the LP.
    assert model.additive_violation_ <= violation + 0.005
    assert fair - 5e-4 <= model.objective_**0.5 <= model.lp_value_**0.5 + 1e-9
    assert model.lower_bound_ == pytest.approx(model.lp_value_, rel=1e-8)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.05, 0.2, 0.5]))
def test_lp_and_rounding_on_overlapping_attributes(seed, delta):
    X, frame, centers = crowd(seed)
    k = len(centers)
    model = BeraFairAssignment(k, delta=delta, centers=centers).fit(X, sensitive_features=frame)
    costs = cost_matrix(X, centers)
    assert model.lp_value_ == pytest.approx(lp_value(costs, frame, delta), rel=1e-7, abs=1e-9)
    assert model.objective_ == pytest.approx(costs[np.arange(len(X)), model.labels_].sum())
    assert model.objective_ <= model.lp_value_ * (1 + 1e-8)
    assert model.lower_bound_ <= model.lp_value_
    assert model.gap_ == model.objective_ - model.lower_bound_
    expected = violations(frame, model.labels_, k, delta)
    found = {
        name if frame.shape[1] > 1 else ("attribute 0", name): v
        for name, v in model.additive_violations_.to_dict().items()
    }
    assert found == pytest.approx(expected, abs=1e-8)
    assert model.additive_violation_ == max(model.additive_violations_)
    assert model.additive_violation_ <= 4 * frame.shape[1] + 3


@pytest.mark.parametrize("seed", range(15))
def test_with_one_attribute_nothing_is_dropped(seed, monkeypatch):
    monkeypatch.setattr(module._IterativeRounding, "_drop", lambda *_: pytest.fail("a laminar LP was not integral"))
    X, frame, centers = crowd(seed, n=60, n_attributes=1)
    model = BeraFairAssignment(len(centers), centers=centers).fit(X, sensitive_features=frame["attribute 0"])
    # Sizes and counts move by less than one, so a bound is missed by less than 1 + alpha.
    assert model.additive_violation_ < 2


def test_with_four_attributes_constraints_are_dropped_and_the_theorem_holds(monkeypatch):
    dropped = []
    drop = module._IterativeRounding._drop
    monkeypatch.setattr(module._IterativeRounding, "_drop", lambda *a: dropped.append(1) or drop(*a))
    worst = 0.0
    for seed in range(12):
        X, frame, centers = crowd(seed, n=50, n_attributes=4)
        model = BeraFairAssignment(len(centers), delta=0.05, centers=centers).fit(X, sensitive_features=frame)
        worst = max(worst, model.additive_violation_)
    assert dropped
    assert 0 < worst <= 4 * 4 + 3


@pytest.mark.parametrize("seed", range(4))
def test_no_whole_assignment_that_keeps_the_bounds_is_cheaper(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(8, 1))
    frame = pd.DataFrame({"sex": list("fmfmfmfm"), "color": list("rrrrbbbb")})
    centers = X[[0, 5]]
    model = BeraFairAssignment(2, delta=0.4, centers=centers).fit(X, sensitive_features=frame)
    costs = cost_matrix(X, centers)
    allowed = [
        costs[np.arange(8), labels].sum()
        for labels in map(np.array, product(range(2), repeat=8))
        if max(violations(frame, labels, 2, 0.4).values()) < 1e-9
    ]
    assert model.lower_bound_ <= min(allowed) + 1e-9


def test_two_places_by_hand():
    # Each cluster needs a quarter of each color: one of four changes places either way, at cost 1 each.
    X = [[0.0]] * 4 + [[1.0]] * 4
    model = BeraFairAssignment(2, delta=0.5, centers=[[0.0], [1.0]]).fit(X, sensitive_features=list("rrrrbbbb"))
    assert model.lp_value_ == pytest.approx(2.0)
    assert model.objective_ == 2.0
    assert np.bincount(model.labels_[:4]).tolist() == [3, 1]
    assert np.bincount(model.labels_[4:]).tolist() == [1, 3]
    # Exact proportions: half of each.
    model.set_params(delta=0.0).fit(X, sensitive_features=list("rrrrbbbb"))
    assert (model.objective_, model.additive_violation_) == (4.0, 0.0)
    # Bounds that anything meets.
    model.set_params(upper=1.0, lower=0.0).fit(X, sensitive_features=list("rrrrbbbb"))
    assert (model.objective_, model.gap_) == (0.0, 0.0)


def test_half_a_point_goes_where_it_is_cheaper_and_saves_cost_by_a_violation():
    # Half of one of two would have to change places; the rounding leaves it, and each cluster misses half a point.
    model = BeraFairAssignment(2, delta=0.5, centers=[[0.0], [1.0]])
    model.fit([[0.0], [0.0], [1.0], [1.0]], sensitive_features=list("rrbb"))
    assert model.lp_value_ == pytest.approx(1.0)
    assert (model.objective_, model.additive_violation_, model.n_fractional_) == (0.0, 0.5, 2)
    assert model.gap_ == pytest.approx(-1.0)


@pytest.mark.parametrize("power", [1, 2, 3])
def test_powers_with_and_without_given_centers(power):
    X, groups = people()
    model = BeraFairAssignment(3, power=power, n_init=1, random_state=0).fit(X, sensitive_features=groups)
    again = BeraFairAssignment(3, power=power, centers=model.cluster_centers_).fit(X, sensitive_features=groups)
    assert again.labels_.tobytes() == model.labels_.tobytes()
    costs = cost_matrix(X, model.cluster_centers_, power=power)
    assert model.objective_ == pytest.approx(costs[np.arange(len(X)), model.labels_].sum())
    assert model.vanilla_cost_ == pytest.approx(costs.min(axis=1).sum())
    assert model.lp_value_ == pytest.approx(lp_value(costs, pd.DataFrame({"group": groups}), 0.2), rel=1e-7)


def test_one_group_is_vanilla_clustering():
    X, _ = people()
    model = BeraFairAssignment(3, random_state=0).fit(X)
    assert model.labels_.tolist() == kmeans(X, 3, random_state=0).labels.tolist()
    assert model.additive_violations_.to_dict() == {"all": 0.0}


def test_one_column_of_a_frame_is_one_attribute():
    X, groups = people()
    alone, framed, table = (
        BeraFairAssignment(3, random_state=0).fit(X, sensitive_features=given)
        for given in (groups, pd.DataFrame({"g": groups}), groups[:, None])
    )
    assert alone.labels_.tobytes() == framed.labels_.tobytes() == table.labels_.tobytes()
    assert framed.additive_violations_.index.tolist() == ["group 0", "group 1", "group 2"]


def test_columns_of_an_array_and_of_a_frame_agree():
    X, frame, centers = crowd(3, n=30, n_attributes=2)
    framed, table = (
        BeraFairAssignment(len(centers), centers=centers).fit(X, sensitive_features=given)
        for given in (frame, frame.to_numpy())
    )
    assert framed.labels_.tobytes() == table.labels_.tobytes()
    assert table.additive_violations_.index[0] == (0, 0)
    assert framed.report_.by_group["size"].sum() == 30


def test_every_point_its_own_cluster_and_duplicates():
    X, groups = [[0.0], [1.0], [5.0], [9.0]], list("aaab")
    model = BeraFairAssignment(4, random_state=0).fit(X, sensitive_features=groups)
    assert model.objective_ <= model.lp_value_ + 1e-9
    same = BeraFairAssignment(2, random_state=0).fit(np.zeros((6, 2)), sensitive_features=list("aabbab"))
    assert (same.objective_, same.lp_value_) == (0.0, 0.0)
    far = BeraFairAssignment(2, centers=[[0.0], [100.0]]).fit(X, sensitive_features=groups)
    assert far.labels_.tolist() == [0, 0, 0, 0]
    assert (far.additive_violation_, far.report_.n_empty_clusters) == (0.0, 1)


def test_bounds_of_ones_own_and_bounds_that_nothing_meets():
    X, groups = people()
    model = BeraFairAssignment(3, upper={"group 0": 0.9, "group 1": 0.5, "group 2": 0.2}, lower=0.05, random_state=0)
    model.fit(X, sensitive_features=groups)
    counts = pd.crosstab(model.labels_, groups)
    sizes = counts.sum(axis=1)
    for group, highest in {"group 0": 0.9, "group 1": 0.5, "group 2": 0.2}.items():
        assert (counts[group] <= highest * sizes + 2).all()
        assert (counts[group] >= 0.05 * sizes - 2).all()
    vanilla = pd.crosstab(model.predict(X), groups)
    assert (vanilla["group 2"] > 0.2 * vanilla.sum(axis=1) + 2).any()
    message = r"group 'group 2' has the share 0\.1, below .* 0\.3 by 0\.2"
    with pytest.raises(InfeasibleAssignment, match=message) as error:
        model.set_params(upper=1.0, lower=[0.5, 0.3, 0.3]).fit(X, sensitive_features=groups)
    assert error.value.shortfall == pytest.approx({"group 2": 0.2})
    frame = pd.DataFrame({"group": groups, "even": np.arange(100) % 2})
    with pytest.raises(InfeasibleAssignment, match=r"group \('even', 1\) has the share 0\.5, above .* 0\.4 by 0\.1"):
        BeraFairAssignment(3, upper=[1, 1, 1, 1, 0.4]).fit(X, sensitive_features=frame)


def test_frames_routing_and_cloning():
    X, groups = people()
    frame = pd.DataFrame(X, columns=["age", "income"])
    model = clone(BeraFairAssignment(3, n_init=1, random_state=0)).fit(frame, sensitive_features=pd.Series(groups))
    assert model.feature_names_in_.tolist() == ["age", "income"]
    assert model.predict(frame).tolist() == cost_matrix(X, model.cluster_centers_).argmin(axis=1).tolist()
    assert (
        BeraFairAssignment(3, n_init=1, random_state=0).fit_predict(X, sensitive_features=groups).tolist()
        == model.labels_.tolist()
    )


def test_the_same_seed_gives_the_same_bytes():
    X, frame, _ = crowd(9, n=60, n_attributes=3)
    first, second = (BeraFairAssignment(4, random_state=3).fit(X, sensitive_features=frame) for _ in range(2))
    assert first.labels_.tobytes() == second.labels_.tobytes()
    assert first.objective_ == second.objective_


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_clusters": 0}, "n_clusters must be at least 1"),
        ({"n_clusters": 101}, "n_clusters=101 is larger than the number of rows"),
        ({"delta": -0.1}, r"delta must be in \[0, 1\]"),
        ({"delta": 1.0}, "delta must be less than 1, got 1"),
        ({"upper": [1.0]}, "upper has shape"),
        ({"lower": {"group 0": 0.1}}, "lower must name every group once"),
        ({"upper": 0.6, "lower": 0.7}, "lower must not exceed upper"),
        ({"power": 0.5}, "power must be at least 1"),
        ({"n_init": 0}, "n_init must be at least 1"),
        ({"centers": [[0.0, 0.0]]}, "centers has 1 rows but n_clusters=3; they must agree"),
        ({"centers": [[0.0, np.nan]] * 3}, "centers contains NaN at row 0, column 1"),
    ],
)
def test_bad_parameters(change, message):
    X, groups = people()
    with pytest.raises(ValueError, match=message):
        BeraFairAssignment(**({"n_clusters": 3, "n_init": 1} | change)).fit(X, sensitive_features=groups)


def test_data_that_do_not_fit():
    X, groups = people()
    frame = pd.DataFrame({"group": groups, "even": np.arange(100) % 2})
    for short in (groups[:99], frame[:99]):
        with pytest.raises(ValueError, match="sensitive_features has 99 entries but X has 100 rows"):
            BeraFairAssignment(3).fit(X, sensitive_features=short)
    with pytest.raises(ValueError, match="two columns called 'group'"):
        BeraFairAssignment(3).fit(X, sensitive_features=frame.set_axis(["group", "group"], axis=1))
    frame.loc[4, "group"] = None
    with pytest.raises(ValueError, match="column 'group', has a missing label at row 4"):
        BeraFairAssignment(3).fit(X, sensitive_features=frame)
    X[7, 1] = np.inf
    with pytest.raises(ValueError, match="X contains infinity at row 7, column 1"):
        BeraFairAssignment(3).fit(X, sensitive_features=groups)
