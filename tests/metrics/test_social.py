import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.metrics import social_cost, social_costs


def naive(X: np.ndarray, centers: np.ndarray, labels: list, power: float) -> dict:
    totals: dict = {}
    for x, label in zip(X, labels, strict=True):
        best = min(float(np.sqrt(((x - c) ** 2).sum())) for c in centers)
        totals.setdefault(label, []).append(best**power)
    return {label: sum(costs) / len(costs) for label, costs in totals.items()}


@st.composite
def instances(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, list]:
    n, k, d, h = (draw(st.integers(1, high)) for high in (15, 4, 3, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    X = rng.integers(-5, 6, size=(n, d)) / draw(st.sampled_from([1.0, 3.0]))
    return X, rng.normal(size=(k, d)), [f"g{c}" for c in rng.integers(0, h, size=n)]


def test_hand_solved() -> None:
    X = [[0, 0], [0, 2], [10, 0], [10, 4]]
    centers = [[0, 0], [10, 0], [50, 50]]  # the third serves nobody
    costs = social_costs(X, centers, ["a", "b", "a", "b"])
    assert costs.to_dict() == {"a": 0.0, "b": (4 + 16) / 2}
    assert social_cost(X, centers, ["a", "b", "a", "b"]) == 10.0
    assert social_costs(X, centers, ["a", "b", "a", "b"], power=1).to_dict() == {"a": 0.0, "b": 3.0}
    assert social_cost(X, centers, ["a", "b", "a", "b"], power=1) == 3.0


def test_one_group_is_the_clustering_cost_per_row() -> None:
    X = [[0.0], [2.0], [9.0]]
    assert social_cost(X, [[0.0], [10.0]], None) == pytest.approx(5 / 3, rel=1e-15)
    assert social_costs(X, [[0.0], [10.0]], None).to_dict() == {"all": pytest.approx(5 / 3)}


def test_all_points_equal() -> None:
    X = np.full((4, 2), 7.0)
    assert social_cost(X, [[7.0, 7.0]], [1, 1, 2, 2]) == 0.0
    assert social_cost(X, [[7.0, 10.0]], [1, 1, 2, 2]) == 9.0


def test_labels_stay_what_they_were() -> None:
    costs = social_costs([[0.0], [1.0]], [[0.0]], pd.Categorical(["late", "early"], categories=["late", "early", "no"]))
    assert costs.index.tolist() == ["late", "early"]
    assert costs.index.name == "group"
    assert costs.name == "social_cost"


@settings(deadline=None, max_examples=60)
@given(instances(), st.sampled_from([1, 1.5, 2, 3]))
def test_naive_reference(instance: tuple, power: float) -> None:
    X, centers, labels = instance
    found = social_costs(X, centers, labels, power=power).to_dict()
    expected = naive(X, centers, labels, power)
    assert found == {label: pytest.approx(cost, rel=1e-12) for label, cost in expected.items()}
    assert social_cost(X, centers, labels, power=power) == max(found.values())


@settings(deadline=None, max_examples=40)
@given(instances(), st.floats(1e-3, 1e3), st.integers(-50, 50))
def test_scaling_and_translation(instance: tuple, scale: float, shift: int) -> None:
    X, centers, labels = instance
    value = social_cost(X, centers, labels)
    assert social_cost(scale * X, scale * centers, labels) == pytest.approx(scale**2 * value, rel=1e-9)
    assert social_cost(X + shift, centers + shift, labels) == pytest.approx(value, rel=1e-9, abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(instances(), st.randoms(use_true_random=False))
def test_order_of_rows_centers_and_names_of_groups_do_not_matter(instance: tuple, random: object) -> None:
    X, centers, labels = instance
    rng = np.random.default_rng(random.randint(0, 2**32))  # type: ignore[attr-defined]
    rows = rng.permutation(len(X))
    renamed = [{"g0": 3, "g1": 1, "g2": 4, "g3": 0, "g4": 2}[labels[i]] for i in rows]
    moved = social_cost(X[rows], rng.permutation(centers), renamed)
    assert moved == pytest.approx(social_cost(X, centers, labels), rel=1e-12)


def test_errors() -> None:
    with pytest.raises(ValueError, match="sensitive_features has 1 entries but X has 2 rows"):
        social_cost([[0.0], [1.0]], [[0.0]], ["a"])
    with pytest.raises(ValueError, match="missing label at row 1"):
        social_cost([[0.0], [1.0]], [[0.0]], ["a", None])
    with pytest.raises(ValueError, match="X contains NaN"):
        social_cost([[0.0], [np.nan]], [[0.0]], ["a", "b"])
    with pytest.raises(ValueError, match="power"):
        social_cost([[0.0]], [[0.0]], ["a"], power=0)
