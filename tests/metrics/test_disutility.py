import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.distances import cost_matrix, nearest_centers
from fairclust.groups import encode_groups
from fairclust.metrics import (
    cluster_violations,
    disutility,
    disutility_from_costs,
    proportional_violation,
    rawlsian,
    social_costs,
    utilitarian,
)
from fairclust.metrics.disutility import resolve_slack


def naive_violations(labels: list[int], groups: list[int], alpha: list[float], beta: list[float]) -> list[float]:
    """V^h / |C^h| by the letter of equations (5) and (6)."""
    n, names = len(labels), sorted(set(groups))
    result = []
    for h, name in enumerate(names):
        total, r = 0.0, groups.count(name) / n
        for i in set(labels):
            members = [g for label, g in zip(labels, groups, strict=True) if label == i]
            share = members.count(name) / len(members)
            total += len(members) * max(0.0, share - (r + alpha[h]), (r - beta[h]) - share)
        result.append(total / groups.count(name))
    return result


def naive_disutility(
    X: np.ndarray, labels: list[int], centers: np.ndarray, groups: list[int], lam: float, delta: float, power: float
) -> list[float]:
    names = sorted(set(groups))
    slack = [delta * groups.count(name) / len(groups) for name in names]
    violations = naive_violations(labels, groups, slack, slack)
    result = []
    for name, violation in zip(names, violations, strict=True):
        costs = [
            float(np.sqrt(((x - centers[label]) ** 2).sum())) ** power
            for x, label, g in zip(X, labels, groups, strict=True)
            if g == name
        ]
        result.append(lam * sum(costs) / len(costs) + (1 - lam) * violation)
    return result


@st.composite
def instances(draw: st.DrawFn) -> tuple[np.ndarray, list[int], np.ndarray, list[int]]:
    n, k, d, h = (draw(st.integers(1, high)) for high in (20, 5, 3, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    groups = rng.integers(0, h, size=n)
    return rng.normal(size=(n, d)), rng.integers(0, k, size=n).tolist(), rng.normal(size=(k, d)), groups.tolist()


def test_hand_solved() -> None:
    # Cluster 0 holds a, a, b; cluster 1 holds b. r_a = r_b = 1/2.
    X, labels, centers = [[0], [1], [2], [10]], [0, 0, 0, 1], [[0], [10], [99]]
    groups = ["a", "a", "b", "b"]
    # V^a = 3 (2/3 - 1/2) + 1 (1/2 - 0) = 1; V^b = 3 (1/2 - 1/3) + 1 (1 - 1/2) = 1. D^a = 0 + 1, D^b = 4 + 0.
    assert proportional_violation(labels, groups).to_dict() == {"a": 0.5, "b": 0.5}
    assert disutility(X, labels, centers, groups).to_dict() == {"a": 0.5, "b": 1.25}
    assert rawlsian(X, labels, centers, groups) == 1.25
    assert utilitarian(X, labels, centers, groups) == 1.75
    # delta = 1/5: both tolerances are 1/10; V^a = 3 (2/3 - 6/10) + (4/10 - 0) = 0.6.
    assert proportional_violation(labels, groups, slack=0.2).to_numpy() == pytest.approx([0.3, 0.3], rel=1e-14)
    assert disutility(X, labels, centers, groups, distance_weight=0.25, slack=0.2, power=1).to_numpy() == pytest.approx(
        [0.25 * 0.5 + 0.75 * 0.3, 0.25 * 1.0 + 0.75 * 0.3], rel=1e-14
    )
    table = cluster_violations(labels, groups, n_clusters=3)
    assert table.to_numpy()[:2] == pytest.approx(np.array([[1 / 6, 1 / 6], [1 / 2, 1 / 2]]))
    assert table.loc[2].isna().all()  # an empty cluster has no shares


def test_one_sided_slack() -> None:
    labels, groups = [0, 0, 0, 1], ["a", "a", "b", "b"]
    # alpha = 1: being over-represented never counts, so only a's absence from cluster 1 and b's 1/3 in cluster 0 do.
    upper = proportional_violation(labels, groups, slack=(1.0, 0.0))
    assert upper.to_numpy() == pytest.approx([0.5 / 2, 3 * (1 / 2 - 1 / 3) / 2])
    lower = proportional_violation(labels, groups, slack=(0.0, 1.0))
    assert lower.to_numpy() == pytest.approx([3 * (2 / 3 - 1 / 2) / 2, 0.5 / 2])
    assert proportional_violation(labels, groups, slack=(1.0, 1.0)).to_numpy().tolist() == [0.0, 0.0]


def test_assignment_not_nearest_center() -> None:
    X, centers = [[0.0], [0.0]], [[0.0], [3.0]]
    assert disutility(X, [0, 1], centers, ["a", "b"], distance_weight=1.0).to_dict() == {"a": 0.0, "b": 9.0}


def test_theorem_e2_instance() -> None:
    # Two places at distance D, one group in each. Nearest centers pay (1 - lambda), mixing halves pays lambda D^2 / 2.
    n, distance, lam = 6, 0.25, 0.5
    X = np.repeat([[0.0], [distance]], n, axis=0)
    centers, groups = [[0.0], [distance]], ["blue"] * n + ["red"] * n
    pure, mixed = [0] * n + [1] * n, [0, 1] * n
    assert rawlsian(X, pure, centers, groups, distance_weight=lam) == (1 - lam) * 1.0
    assert rawlsian(X, mixed, centers, groups, distance_weight=lam) == lam * distance**2 / 2
    assert utilitarian(X, pure, centers, groups, distance_weight=lam) == 2 * (1 - lam)
    assert utilitarian(X, mixed, centers, groups, distance_weight=lam) == lam * distance**2


def test_one_group_has_no_violation() -> None:
    assert proportional_violation([0, 1, 1, 4], None).to_dict() == {"all": 0.0}
    assert disutility([[0.0], [2.0]], [0, 0], [[0.0]], None).to_dict() == {"all": 1.0}


def test_all_points_equal() -> None:
    X = np.ones((4, 2))
    assert disutility(X, [0, 0, 1, 1], np.ones((2, 2)), list("abab")).to_dict() == {"a": 0.0, "b": 0.0}
    assert disutility(X, [0, 0, 1, 1], np.ones((2, 2)), list("aabb")).to_dict() == {"a": 0.5, "b": 0.5}


def test_proportional_clusters_have_violation_exactly_zero() -> None:
    for scale in range(1, 40):
        labels = [0] * (10 * scale) + [1] * 10
        groups = ([0] * 3 + [1] * 7) * scale + [0] * 3 + [1] * 7
        assert proportional_violation(labels, groups).tolist() == [0.0, 0.0]


@settings(deadline=None, max_examples=80)
@given(instances(), st.floats(0, 1), st.floats(0, 2), st.sampled_from([1, 2, 3]))
def test_naive_reference(instance: tuple, lam: float, delta: float, power: float) -> None:
    X, labels, centers, groups = instance
    expected = naive_disutility(X, labels, centers, groups, lam, delta, power)
    arguments = {"distance_weight": lam, "slack": delta}
    found = disutility(X, labels, centers, groups, power=power, **arguments)
    assert found.index.tolist() == sorted(set(groups))
    assert found.to_numpy() == pytest.approx(expected, rel=1e-10, abs=1e-12)
    assert rawlsian(X, labels, centers, groups, power=power, **arguments) == found.max()
    assert utilitarian(X, labels, centers, groups, power=power, **arguments) == pytest.approx(found.sum(), rel=1e-14)
    costs = cost_matrix(X, centers, power=power)
    assert disutility_from_costs(costs, labels, groups, **arguments).equals(found)
    chosen = costs[np.arange(len(X)), labels]
    assert disutility_from_costs(chosen, labels, encode_groups(groups), len(centers), **arguments).equals(found)


@settings(deadline=None, max_examples=80)
@given(instances(), st.data())
def test_two_sided_slack_by_the_letter(instance: tuple, data: st.DataObject) -> None:
    _, labels, _, groups = instance
    names = sorted(set(groups))
    alpha, beta = (data.draw(st.lists(st.floats(0, 1), min_size=len(names), max_size=len(names))) for _ in range(2))
    expected = naive_violations(labels, groups, alpha, beta)
    found = proportional_violation(labels, groups, slack=(alpha, beta))
    assert found.to_numpy() == pytest.approx(expected, rel=1e-10, abs=1e-12)
    by_name = (dict(zip(names, alpha, strict=True)), pd.Series(beta, index=names)[::-1])
    assert proportional_violation(labels, groups, slack=by_name).equals(found)
    # The table and the sums tell the same story.
    table = cluster_violations(labels, groups, slack=(alpha, beta))
    sizes = np.array([labels.count(i) for i in table.index])
    counts = np.array([groups.count(name) for name in names])
    assert (table.to_numpy() * sizes[:, None]).sum(axis=0) / counts == pytest.approx(found.to_numpy(), abs=1e-12)


@settings(deadline=None, max_examples=80)
@given(instances())
def test_fact_e1(instance: tuple) -> None:
    _, labels, _, groups = instance
    encoded = encode_groups(groups)
    violation = proportional_violation(labels, groups).to_numpy()
    assert (violation <= 2 * (1 - encoded.shares) + 1e-12).all()
    assert (violation >= 0).all()
    # Tight where every cluster has one group only.
    assert proportional_violation(groups, groups).to_numpy() == pytest.approx(2 * (1 - encoded.shares), abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(instances(), st.floats(0, 1), st.floats(0, 1))
def test_more_slack_never_hurts(instance: tuple, first: float, second: float) -> None:
    _, labels, _, groups = instance
    small, large = sorted([first, second])
    assert (
        proportional_violation(labels, groups, slack=large)
        <= proportional_violation(labels, groups, slack=small) + 1e-15
    ).all()


@settings(deadline=None, max_examples=40)
@given(instances(), st.sampled_from([1, 2]))
def test_all_weight_on_distance_is_the_social_cost(instance: tuple, power: float) -> None:
    X, _, centers, groups = instance
    labels, _ = nearest_centers(X, centers)
    found = disutility(X, labels, centers, groups, distance_weight=1.0, power=power)
    assert found.to_numpy() == pytest.approx(social_costs(X, centers, groups, power=power).to_numpy(), rel=1e-14)


@settings(deadline=None, max_examples=40)
@given(instances(), st.randoms(use_true_random=False), st.floats(1e-2, 1e2))
def test_invariances(instance: tuple, random: object, scale: float) -> None:
    X, labels, centers, groups = instance
    value = disutility(X, labels, centers, groups, distance_weight=0.3, slack=0.1)
    rng = np.random.default_rng(random.randint(0, 2**32))  # type: ignore[attr-defined]
    rows, clusters = rng.permutation(len(X)), rng.permutation(len(centers))
    moved = disutility(
        X[rows] + 5,
        np.argsort(clusters)[np.asarray(labels)[rows]],
        centers[clusters] + 5,
        [f"name {groups[i]}" for i in rows],
        distance_weight=0.3,
        slack=0.1,
    )
    assert moved.to_numpy() == pytest.approx(value.to_numpy(), rel=1e-9)
    # Distances scale with the square of the units, violations do not.
    one = disutility(X, labels, centers, groups, distance_weight=1.0)
    assert disutility(scale * X, labels, scale * centers, groups, distance_weight=1.0).to_numpy() == pytest.approx(
        scale**2 * one.to_numpy(), rel=1e-9
    )
    none = disutility(X, labels, centers, groups, distance_weight=0.0)
    assert disutility(scale * X, labels, scale * centers, groups, distance_weight=0.0).equals(none)


def test_resolve_slack() -> None:
    groups = encode_groups(list("abbb"))
    for pair in ((0.1, 0.2), [0.1, 0.2], np.array([0.1, 0.2]), ([0.1, 0.1], {"b": 0.2, "a": 0.2})):
        alpha, beta = resolve_slack(pair, groups)
        assert alpha.tolist() == [0.1, 0.1]
        assert beta.tolist() == [0.2, 0.2]
    alpha, beta = resolve_slack(0, groups)
    assert alpha.tolist() == beta.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("slack", "error", "message"),
    [
        (-0.1, ValueError, "slack must be at least 0"),
        (float("nan"), ValueError, "slack must be at least 0"),
        (None, TypeError, "slack must be a number"),
        ("0.1", TypeError, "number or a pair"),
        ({"a": 0.1, "b": 0.1}, TypeError, "give the pair"),
        ((0.1, 0.1, 0.1), ValueError, "got 3 entries"),
        ((0.1, [0.1, 0.1, 0.1]), ValueError, "beta has shape .3,. but there are 2 groups"),
        (([0.1, -0.1], 0.0), ValueError, "alpha must be finite and not negative; group 'b' has -0.1"),
        ((0.1, np.inf), ValueError, "beta must be finite"),
        (({"a": 0.1}, 0.1), ValueError, "alpha must name every group once; missing: 'b'"),
        ((0.1, {"a": 0.1, "b": 0.1, "c": 0.1}), ValueError, "no such group: 'c'"),
    ],
)
def test_slack_errors(slack: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        proportional_violation([0, 1], ["a", "b"], slack=slack)


def test_errors() -> None:
    X, centers = [[0.0], [1.0]], [[0.0]]
    with pytest.raises(ValueError, match="labels must be below the number of centers, 1; row 1 has 1"):
        disutility(X, [0, 1], centers, ["a", "b"])
    with pytest.raises(ValueError, match="labels has 1 entries but X has 2 rows"):
        disutility(X, [0], centers, ["a", "b"])
    with pytest.raises(ValueError, match="sensitive_features has 3 entries but X has 2 rows"):
        disutility(X, [0, 0], centers, ["a", "b", "c"])
    with pytest.raises(ValueError, match=r"distance_weight must be in \[0, 1\], got 1.5"):
        disutility(X, [0, 0], centers, ["a", "b"], distance_weight=1.5)
    with pytest.raises(ValueError, match="the cost of row 1 is nan"):
        disutility_from_costs([0.0, np.nan], [0, 0], ["a", "b"])
    with pytest.raises(ValueError, match=r"costs must have shape \(n,\) or \(n, k\)"):
        disutility_from_costs(np.zeros((2, 2, 2)), [0, 0], ["a", "b"])
    with pytest.raises(ValueError, match="below the number of centers, 2; row 0 has 2"):
        disutility_from_costs(np.zeros((2, 2)), [2, 0], ["a", "b"])
