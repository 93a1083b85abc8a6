import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.metrics import balance, balance_table, group_balance


def naive(labels: list[int], groups: list) -> float:
    n, worst = len(labels), 1.0
    for i in set(labels):
        members = [g for label, g in zip(labels, groups, strict=True) if label == i]
        for g in set(groups):
            in_all, in_cluster = groups.count(g) / n, members.count(g) / len(members)
            ratio = in_all / in_cluster if in_cluster else math.inf
            worst = min(worst, ratio, 1 / ratio if ratio < math.inf else 0.0)
    return worst


CLUSTERINGS = st.integers(1, 5).flatmap(
    lambda h: st.lists(st.tuples(st.integers(0, 4), st.integers(0, h - 1)), min_size=1, max_size=25)
)


def test_hand_solved() -> None:
    # Everyone: a 1/2, b 1/4, c 1/4. Cluster 0: a 2/3, b 1/3, c missing.
    labels, groups = [0, 0, 0, 1, 1, 1, 1, 1], list("aabaabcc")
    assert balance(labels, groups) == 0.0
    # Without c: everyone a 4/6, b 2/6; cluster 0 has a 2/3, b 1/3; cluster 1 the same.
    assert balance(labels[:6], groups[:6]) == 1.0
    # Everyone half and half; cluster 0 has a 3/4 and b 1/4, so R is 2/3 and 2; cluster 1 mirrors it.
    labels, groups = [0] * 4 + [1] * 4, list("aaababbb")
    assert balance(labels, groups) == 0.5
    assert group_balance(labels, groups).to_dict() == {"a": 0.5, "b": 0.5}


def test_uneven_groups() -> None:
    # Everyone: a 3/4, b 1/4. Cluster 0 (2 rows): a 1/2, b 1/2: R = 3/2 and 1/2. Cluster 1 (6): a 5/6, b 1/6.
    labels, groups = [0, 0] + [1] * 6, list("ab" + "aaaaab")
    assert group_balance(labels, groups).to_dict() == {"a": pytest.approx(2 / 3), "b": pytest.approx(1 / 2)}
    table = balance_table(labels, groups, kind="ratio")
    assert table.to_numpy() == pytest.approx(np.array([[3 / 2, 1 / 2], [9 / 10, 3 / 2]]))
    assert balance_table(labels, groups, kind="count").to_numpy().tolist() == [[1, 1], [5, 1]]
    assert balance_table(labels, groups, kind="share").loc[1, "a"] == pytest.approx(5 / 6)


def test_empty_clusters_are_skipped() -> None:
    labels, groups = [0, 0, 5, 5], list("abab")
    assert balance(labels, groups) == 1.0
    assert balance([0, 0, 10**15, 10**15], groups) == 1.0
    table = balance_table(labels, groups, n_clusters=6)
    assert table.index.tolist() == [0, 1, 2, 3, 4, 5]
    assert table.loc[[1, 2, 3, 4]].isna().to_numpy().all()
    assert table.loc[[0, 5]].to_numpy().tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert balance_table(labels, groups).index.tolist() == [0, 5]
    assert balance_table(labels, groups, kind="count", n_clusters=6).loc[3].tolist() == [0, 0]


def test_a_missing_group_has_infinite_ratio_and_no_balance() -> None:
    labels, groups = [0, 0, 1], list("aab")
    assert balance(labels, groups) == 0.0
    assert balance_table(labels, groups, kind="ratio").to_numpy().tolist() == [[2 / 3, math.inf], [math.inf, 1 / 3]]


def test_one_group_one_cluster() -> None:
    assert balance([0, 1, 1, 2], None) == 1.0
    assert balance([0, 1, 1, 2], ["x"] * 4) == 1.0
    assert balance([3, 3, 3], ["x", "y", "z"]) == 1.0
    assert balance([0], ["x"]) == 1.0


def test_a_mirror_image_has_balance_exactly_one() -> None:
    # In floating point 7/21 and 3/9 do not always divide to 1; whole numbers do.
    for scale in range(1, 60):
        labels = [0] * (10 * scale) + [1] * 10
        groups = ([0] * 3 + [1] * 7) * scale + [0] * 3 + [1] * 7
        assert balance(labels, groups) == 1.0


@settings(deadline=None, max_examples=100)
@given(CLUSTERINGS)
def test_naive_reference_and_range(rows: list[tuple[int, int]]) -> None:
    labels, groups = [r[0] for r in rows], [r[1] for r in rows]
    value = balance(labels, groups)
    assert 0.0 <= value <= 1.0
    assert value == pytest.approx(naive(labels, groups), rel=1e-12)
    assert value == group_balance(labels, groups).min() == balance_table(labels, groups).to_numpy().min()
    shares = balance_table(labels, groups, kind="share").to_numpy()
    assert shares.sum(axis=1) == pytest.approx(np.ones(len(shares)))
    assert balance_table(labels, groups, kind="count").to_numpy().sum() == len(rows)


@settings(deadline=None, max_examples=60)
@given(CLUSTERINGS, st.permutations(range(5)), st.permutations(list("vwxyz")), st.randoms(use_true_random=False))
def test_invariances(rows: list[tuple[int, int]], clusters: list[int], names: list[str], random: object) -> None:
    value = balance([r[0] for r in rows], [r[1] for r in rows])
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert balance([clusters[r[0]] for r in shuffled], [names[r[1]] for r in shuffled]) == value


@pytest.mark.parametrize(
    ("labels", "groups", "error", "message"),
    [
        ([0, 1], ["a"], ValueError, "sensitive_features has 1 entries but labels has 2"),
        ([0, -1], ["a", "b"], ValueError, "labels must not be negative; row 1 has -1"),
        ([0.5, 1], ["a", "b"], TypeError, "labels must be integers"),
        ([], [], ValueError, "empty"),
        ([0, 1], ["a", np.nan], ValueError, "missing label at row 1"),
        ([[0], [1]], ["a", "b"], ValueError, "one dimension"),
    ],
)
def test_errors(labels: list, groups: list, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        balance(labels, groups)


def test_table_errors() -> None:
    with pytest.raises(ValueError, match="kind must be one of 'balance', 'ratio', 'share', 'count', got 'shares'"):
        balance_table([0], ["a"], kind="shares")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="below the number of centers, 2; row 0 has 2"):
        balance_table([2], ["a"], n_clusters=2)
    with pytest.raises(TypeError, match="n_clusters must be an integer"):
        balance_table([0], ["a"], n_clusters=2.5)  # type: ignore[arg-type]
