import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.metrics import fair_radii
from fairclust.solvers.ball_filter import ball_filter, check_satisfiable
from fairclust.solvers.infeasible_radii import InfeasibleRadiiError


def naive(X: np.ndarray, radii: np.ndarray, t: float) -> tuple[list[int], list[int]]:
    """By the letter: each new center removes every point left that it serves."""
    left = sorted(range(len(X)), key=lambda v: (radii[v], v))
    centers: list[int] = []
    labels = [-1] * len(X)
    while left:
        u = left[0]
        centers.append(u)
        removed = [v for v in left if np.sqrt(((X[u] - X[v]) ** 2).sum()) <= t * radii[v]]
        for v in removed:
            labels[v] = len(centers) - 1
        left = [v for v in left if v not in removed]
    return centers, labels


@st.composite
def instances(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, float]:
    n, d = draw(st.integers(1, 40)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    X = rng.integers(0, draw(st.integers(1, 9)), size=(n, d)).astype(float)
    radii = rng.integers(0, 4, size=n) * draw(st.sampled_from([0.5, 1.0]))
    return X, radii, draw(st.sampled_from([0.0, 0.5, 1.0, 1.3, 2.0, 3.0]))


def test_hand_solved() -> None:
    X = [[0.0], [1.0], [3.0], [7.0]]
    # Order 1 (radius 2), then 0 and 2 (radius 3): both within 3 of 1, and 3 is within 6.
    found = ball_filter(X, [3.0, 2.0, 3.0, 6.0], 1.0)
    assert found.center_indices.tolist() == [1]
    assert found.labels.tolist() == [0, 0, 0, 0]
    # With half the reach 0 (d = 1 <= 1.5) goes, 2 (d = 2 > 1.5) stays and serves 3? d = 4 > 3: no.
    found = ball_filter(X, [3.0, 2.0, 3.0, 6.0], 0.5)
    assert found.center_indices.tolist() == [1, 2, 3]
    assert found.labels.tolist() == [0, 0, 1, 2]
    assert found.complete
    assert len(found) == 3


def test_representative_is_the_first_that_serves_not_the_nearest() -> None:
    # 0 opens, 4 is too far for its radius 3 and opens, 3 has the largest radius: 0 serves it first, 4 is nearer.
    found = ball_filter([[0.0], [4.0], [3.0]], [1.0, 3.0, 5.0], 1.0)
    assert found.center_indices.tolist() == [0, 1]
    assert found.labels.tolist() == [0, 1, 0]


def test_the_radius_of_the_point_counts_not_that_of_the_center() -> None:
    assert ball_filter([[0.0], [2.0]], [0.0, 2.0], 1.0).center_indices.tolist() == [0]
    assert ball_filter([[0.0], [2.0]], [1.9, 1.95], 1.0).center_indices.tolist() == [0, 1]


def test_ties_go_to_the_lower_row() -> None:
    assert ball_filter([[1.0], [0.0], [2.0]], [1.0, 1.0, 1.0], 1.0).center_indices.tolist() == [0]
    assert ball_filter([[0.0], [1.0], [2.0]], [1.0, 1.0, 1.0], 1.0).center_indices.tolist() == [0, 2]
    assert ball_filter([[0.0], [1.0]], [0.0, -0.0], 1.0).center_indices.tolist() == [0, 1]


def test_zero_radii_and_zero_dilation_merge_duplicates_only() -> None:
    X = [[0.0], [5.0], [0.0], [5.0], [1.0]]
    for radii, t in (([0.0] * 5, 2.0), ([1.0] * 5, 0.0)):
        found = ball_filter(X, radii, t)
        assert found.center_indices.tolist() == [0, 1, 4]
        assert found.labels.tolist() == [0, 1, 0, 1, 2]
    assert len(ball_filter(np.ones((7, 2)), np.zeros(7), 1.0)) == 1


def test_the_number_of_centers_need_not_fall_with_the_dilation() -> None:
    # Found by search; the reason for the caveat about binary search.
    X = np.array([[4, 2], [1, 1], [6, 2], [6, 3], [2, 6], [5, 7], [7, 3]], dtype=float)
    radii = np.array([3, 3, 3, 4, 1, 3, 4], dtype=float)
    assert [len(ball_filter(X, radii, t)) for t in (1.0, 1.25, 1.5, 1.75)] == [4, 2, 3, 2]


@settings(deadline=None, max_examples=100)
@given(instances())
def test_naive_reference(instance: tuple) -> None:
    X, radii, t = instance
    found = ball_filter(X, radii, t)
    centers, labels = naive(X, radii, t)
    assert found.center_indices.tolist() == centers
    assert found.labels.tolist() == labels
    assert found.complete


@settings(deadline=None, max_examples=60)
@given(instances())
def test_promises(instance: tuple) -> None:
    X, radii, t = instance
    found = ball_filter(X, radii, t)
    served = np.sqrt(((X - X[found.center_indices][found.labels]) ** 2).sum(axis=1))
    assert (served <= t * radii + 1e-12).all()
    assert (np.diff(radii[found.center_indices]) >= 0).all()
    assert found.labels[found.center_indices].tolist() == list(range(len(found)))
    if t >= 2:
        U, R = X[found.center_indices], radii[found.center_indices]
        gaps = np.sqrt(((U[:, None] - U[None]) ** 2).sum(axis=2)) - R[:, None] - R[None]
        assert (gaps[~np.eye(len(U), dtype=bool)] > 0).all()


@settings(deadline=None, max_examples=60)
@given(instances(), st.integers(1, 12))
def test_stopping_early(instance: tuple, most: int) -> None:
    X, radii, t = instance
    whole, part = ball_filter(X, radii, t), ball_filter(X, radii, t, max_centers=most)
    assert part.complete == (len(whole) <= most)
    assert part.center_indices.tolist() == whole.center_indices.tolist()[: most + 1]
    reached = part.labels >= 0
    assert (part.labels[reached] == whole.labels[reached]).all()
    assert reached.all() == part.complete or len(part) == len(whole)


def test_many_centers() -> None:
    # More than the first buffer of centers holds.
    X = np.arange(1_000.0)[:, None]
    found = ball_filter(X, np.full(1_000, 1.0), 1.0)
    assert found.center_indices.tolist() == list(range(0, 1_000, 2))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.data())
def test_fair_radii_are_always_satisfiable_within_twice(seed: int, n: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 6, size=(n, 2)) * data.draw(st.sampled_from([1.0, 0.1, 1 / 3]))
    k = data.draw(st.integers(1, n))
    for convention in ("exclude_self", "include_self"):
        check_satisfiable(X, fair_radii(X, k, convention=convention), k)  # type: ignore[arg-type]


def test_unsatisfiable_radii_name_the_rows() -> None:
    X, radii = [[0.0], [0.5], [5.0], [9.0]], [1.0, 2.0, 1.0, 1.5]
    check_satisfiable(X, radii, 3)
    with pytest.raises(ValueError, match="no 2 centers can satisfy the radii: the balls of rows 0, 2, 3 are") as caught:
        check_satisfiable(X, radii, 2)
    error = caught.value
    assert isinstance(error, InfeasibleRadiiError)
    assert error.rows == (0, 2, 3)
    assert error.disjoint
    assert "raise n_clusters to at least 3" in str(error)
    with pytest.raises(InfeasibleRadiiError, match=r"rows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 8 more are"):
        check_satisfiable(np.arange(20.0)[:, None], np.full(20, 0.1), 3)


def test_balls_that_touch_are_not_called_disjoint() -> None:
    # 0.1 and 0.3 are 0.2 apart, but in floating point 0.3 - 0.1 > 2 * 0.0999...
    X = np.array([[0.1], [0.3]])
    check_satisfiable(X, [0.1, 0.1 * (1 - 1e-15)], 1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[0.0], [1.0]], [1.0], 1.0), ValueError, "radii has shape"),
        (([[0.0], [1.0]], [1.0, -2.0], 1.0), ValueError, "row 1 has -2.0"),
        (([[0.0], [np.nan]], [1.0, 1.0], 1.0), ValueError, "X contains NaN"),
        (([[0.0], [1.0]], [1.0, 1.0], -1.0), ValueError, "dilation must be at least 0"),
        (([[0.0], [1.0]], [1.0, 1.0], np.inf), ValueError, "dilation must be at least 0"),
        (([[0.0], [1.0]], [1.0, 1.0], "2"), TypeError, "dilation must be a number"),
        (([[0.0], [1e200]], [1.0, 1.0], 1.0), ValueError, "too far for their squared distances"),
    ],
)
def test_errors(arguments: tuple, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ball_filter(*arguments)


def test_max_centers_is_validated() -> None:
    with pytest.raises(ValueError, match="max_centers must be at least 1"):
        ball_filter([[0.0]], [1.0], 1.0, max_centers=0)
