import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust._validation import check_radii
from fairclust.metrics import fair_radii, max_violation, radius_violation


def naive(X: np.ndarray, k: int, convention: str) -> np.ndarray:
    """By the letter: sort everyone's distances, the point itself first."""
    n = len(X)
    distances = np.sort(np.sqrt(((X[:, None, :] - X[None]) ** 2).sum(axis=2)), axis=1)
    position = min(n // k, n - 1) if convention == "exclude_self" else math.ceil(n / k) - 1
    return distances[:, position]


@st.composite
def clouds(draw: st.DrawFn) -> np.ndarray:
    n, d = draw(st.integers(1, 30)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    X = rng.integers(0, draw(st.integers(1, 8)), size=(n, d)).astype(float)
    return X + rng.normal(size=(n, d)) if draw(st.booleans()) else X


CONVENTION = st.sampled_from(["exclude_self", "include_self"])


def test_hand_solved() -> None:
    X = [[0.0], [1.0], [3.0], [7.0], [8.0]]
    # n = 5, k = 2: two neighbours besides itself, or three points with itself. The same here, as k does not divide n.
    assert fair_radii(X, 2).tolist() == [3.0, 2.0, 3.0, 4.0, 5.0]
    assert fair_radii(X, 2, convention="include_self").tolist() == [3.0, 2.0, 3.0, 4.0, 5.0]
    # k = 5: the nearest neighbour, or the point alone.
    assert fair_radii(X, 5).tolist() == [1.0, 1.0, 2.0, 1.0, 1.0]
    assert fair_radii(X, 5, convention="include_self").tolist() == [0.0] * 5
    # k = 4: floor(5/4) = 1 neighbour; ceil(5/4) = 2 points.
    assert (
        fair_radii(X, 4).tolist() == fair_radii(X, 4, convention="include_self").tolist() == [1.0, 1.0, 2.0, 1.0, 1.0]
    )


def test_one_cluster_reaches_the_farthest_point() -> None:
    X = [[0.0], [1.0], [3.0]]
    for convention in ("exclude_self", "include_self"):
        assert fair_radii(X, 1, convention=convention).tolist() == [3.0, 2.0, 3.0]  # type: ignore[arg-type]
    assert fair_radii([[4.0, 2.0]], 1).tolist() == [0.0]


def test_duplicates_give_zero_radii() -> None:
    X = [[0.0], [0.0], [0.0], [9.0]]
    assert fair_radii(X, 2).tolist() == [0.0, 0.0, 0.0, 9.0]
    assert fair_radii(X, 2, convention="include_self").tolist() == [0.0, 0.0, 0.0, 9.0]
    assert fair_radii(np.full((6, 3), 2.5), 2).tolist() == [0.0] * 6


def test_constant_columns_and_frames() -> None:
    frame = pd.DataFrame({"a": [0, 3, 0, 3], "b": 1, "c": [0, 4, 0, 4]})
    assert fair_radii(frame, 2).tolist() == [5.0] * 4
    assert fair_radii(frame, 4).tolist() == [0.0] * 4


@settings(deadline=None, max_examples=80)
@given(clouds(), CONVENTION, st.data())
def test_naive_reference(X: np.ndarray, convention: str, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(X)))
    found = fair_radii(X, k, convention=convention)  # type: ignore[arg-type]
    assert found == pytest.approx(naive(X, k, convention), rel=1e-13)


@settings(deadline=None, max_examples=60)
@given(clouds(), CONVENTION, st.data())
def test_laws(X: np.ndarray, convention: str, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(X)))
    r = fair_radii(X, k, convention=convention)  # type: ignore[arg-type]
    distances = np.sqrt(((X[:, None, :] - X[None]) ** 2).sum(axis=2))
    # 1-Lipschitz, monotone in k, the ball holds its share of the points.
    assert (np.abs(r[:, None] - r[None]) <= distances * (1 + 1e-12) + 1e-12).all()
    if k < len(X):
        assert (fair_radii(X, k + 1, convention=convention) <= r).all()  # type: ignore[arg-type]
    assert ((distances <= r[:, None] * (1 + 1e-12)).sum(axis=1) >= len(X) / k).all()
    # Units, position and order of rows.
    scale = data.draw(st.sampled_from([0.25, 3.0, 1e6]))
    rows = np.random.default_rng(0).permutation(len(X))
    moved = fair_radii(scale * X[rows], k, convention=convention)  # type: ignore[arg-type]
    assert moved == pytest.approx(scale * r[rows], rel=1e-12)
    assert fair_radii(X + 16, k, convention=convention) == pytest.approx(r, rel=1e-9, abs=1e-12)  # type: ignore[arg-type]


def test_include_self_is_never_larger() -> None:
    X = np.random.default_rng(0).normal(size=(60, 3))
    for k in (1, 2, 7, 10, 59, 60):
        assert (fair_radii(X, k, convention="include_self") <= fair_radii(X, k)).all()


def test_no_n_by_n_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    # 12,000 rows: a matrix of all distances would be 1.15 GB.
    import tracemalloc

    X = np.random.default_rng(0).normal(size=(12_000, 2))
    fair_radii(X[:500], 10)  # compile first
    tracemalloc.start()
    r = fair_radii(X, 10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6
    some = np.array([0, 5_000, 11_999])
    distances = np.sqrt(((X[some, None, :] - X[None]) ** 2).sum(axis=2))
    assert r[some] == pytest.approx(np.sort(distances, axis=1)[:, 1_200], rel=1e-13)


@pytest.mark.parametrize(
    ("X", "k", "error", "message"),
    [
        ([[0.0], [1.0]], 3, ValueError, "n_clusters=3 is larger than the number of rows, n_samples=2"),
        ([[0.0], [1.0]], 0, ValueError, "n_clusters must be at least 1"),
        ([[0.0], [1.0]], 1.5, TypeError, "n_clusters must be an integer"),
        ([[0.0], [np.nan]], 1, ValueError, "X contains NaN at row 1"),
        ([[0.0], [1e200]], 1, ValueError, "too far for their squared distances"),
        ([["a"], ["b"]], 1, ValueError, "could not convert"),
    ],
)
def test_errors(X: list, k: int, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fair_radii(X, k)


def test_unknown_convention() -> None:
    with pytest.raises(ValueError, match="convention must be one of 'exclude_self', 'include_self', got 'self'"):
        fair_radii([[0.0]], 1, convention="self")  # type: ignore[arg-type]


def test_violations() -> None:
    theta = radius_violation([[0.0], [1.0], [4.0], [4.0], [9.0]], [[0.0], [4.0]], [1.0, 2.0, 0.0, 1.0, 0.0])
    assert theta[:2].tolist() == [0.0, 0.5]
    assert math.isnan(theta[2])  # radius 0 and on a center
    assert theta[3] == 0.0
    assert theta[4] == math.inf  # radius 0 and not on a center
    assert max_violation(theta) == math.inf
    assert max_violation(theta[:4]) == 0.5
    assert max_violation([np.nan, np.nan]) == 0.0


@settings(deadline=None, max_examples=40)
@given(clouds(), st.data())
def test_violation_reference_and_scale(X: np.ndarray, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(X)))
    r, centers = fair_radii(X, k), X[:k]
    theta = radius_violation(X, centers, r)
    distances = np.sqrt(((X[:, None, :] - centers[None]) ** 2).sum(axis=2)).min(axis=1)
    for found, distance, radius in zip(theta, distances, r, strict=True):
        if radius:
            assert found == pytest.approx(distance / radius, rel=1e-12)
        else:
            assert math.isnan(found) if distance == 0 else found == math.inf
    assert radius_violation(8 * X, 8 * centers, 8 * r) == pytest.approx(theta, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("radii", "message"),
    [
        ([1.0], r"radii has shape \(1,\) but X has 2 rows"),
        ([[1.0, 1.0]], r"radii has shape \(1, 2\)"),
        ([1.0, -1.0], "radii must be finite and not negative; row 1 has -1.0"),
        ([np.nan, 1.0], "radii must be finite and not negative; row 0 has nan"),
        ([1.0, np.inf], "row 1 has inf"),
    ],
)
def test_radii_are_validated(radii: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        radius_violation([[0.0], [1.0]], [[0.0]], radii)
    with pytest.raises(ValueError, match=message):
        check_radii(radii, 2)


def test_max_violation_errors() -> None:
    for wrong in ([], [[1.0]]):
        with pytest.raises(ValueError, match="non-empty array of one dimension"):
            max_violation(wrong)
