import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.metrics import kth_neighbor
from fairclust.metrics.kth_neighbor import _by_blocks, _by_tree, _weighted_kth, kth_distances


def naive(X: np.ndarray, m: int) -> np.ndarray:
    return np.sort(np.sqrt(((X[:, None, :] - X[None]) ** 2).sum(axis=2)), axis=1)[:, m - 1]


def both_ways(X: np.ndarray, m: int) -> list[np.ndarray]:
    """The tree (made to go through with it) and the blocks on the merged points, spread over the rows again."""
    distinct, inverse, weights = np.unique(X, axis=0, return_inverse=True, return_counts=True)
    tree = _by_tree(distinct, weights.astype(np.int64), m, worth=1.0)
    assert tree is not None
    blocks = _by_blocks(distinct, weights.astype(np.int64), m)
    return [np.sqrt(squared)[inverse.reshape(-1)] for squared in (tree, blocks)]


@st.composite
def clouds(draw: st.DrawFn) -> np.ndarray:
    n, d = draw(st.integers(1, 80)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    # A lattice of few places makes ties and duplicates; scales and offsets try the arithmetic.
    X = rng.integers(0, draw(st.integers(1, 6)), size=(n, d)).astype(float)
    if draw(st.booleans()):
        X += rng.normal(size=(n, d))
    if draw(st.booleans()):
        X[rng.integers(n)] *= 1e6
    return X * draw(st.sampled_from([1.0, 0.1, 1e-7, 1e9])) + draw(st.sampled_from([0.0, 1e5]))


@settings(deadline=None, max_examples=100)
@given(clouds(), st.data())
def test_both_ways_agree_with_a_sort(X: np.ndarray, data: st.DataObject) -> None:
    m = data.draw(st.integers(1, len(X)))
    tree, blocks = both_ways(X, m)
    assert tree == pytest.approx(naive(X, m), rel=1e-13)
    assert (tree == blocks).all()  # one distance, one rounding: the same bits
    assert (kth_distances(X, m) == tree).all()


@pytest.mark.parametrize("d", [1, 2, 3, 7, 30])
def test_larger_clouds(d: int) -> None:
    rng = np.random.default_rng(d)
    X = np.concatenate([rng.normal(size=(500, d)), rng.standard_cauchy(size=(200, d)), np.zeros((60, d))])
    for m in (1, 2, 37, 100, 380, 759, 760):
        tree, blocks = both_ways(X, m)
        assert tree == pytest.approx(naive(X, m), rel=1e-13)
        assert (tree == blocks).all()


def test_many_blocks_and_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    flat, deep = rng.normal(size=(600, 2)), rng.normal(size=(600, 14))
    ones = np.ones(600, dtype=np.int64)
    # In two dimensions the trial accepts the tree, in fourteen it does not.
    assert _by_tree(flat, ones, 31) is not None
    assert _by_tree(deep, ones, 31) is None
    monkeypatch.setattr(kth_neighbor, "BLOCK_ENTRIES", 7 * 600)
    assert kth_distances(deep, 31) == pytest.approx(naive(deep, 31), rel=1e-13)


@pytest.mark.parametrize("d", [2, 14])
def test_every_rank(d: int) -> None:
    # Ranks near the ends leave one side of the sampled bracket open.
    X = np.random.default_rng(0).normal(size=(600, d))
    distances = np.sort(np.sqrt(((X[:, None, :] - X[None]) ** 2).sum(axis=2)), axis=1)
    for m in [*range(1, 60, 2), *range(580, 601, 4)]:
        tree, blocks = both_ways(X, m)
        assert tree == pytest.approx(distances[:, m - 1], rel=1e-13)
        assert (tree == blocks).all()


def test_cancellation_far_from_the_origin() -> None:
    # Distances of 1 at an offset of 1e7 and one point at 1e15: the matrix product alone knows nothing of them.
    X = np.zeros((40, 20))
    X[:, 0] = 1e7 + np.arange(40)
    X[0, 0] = 1e15
    _, blocks = both_ways(X, 2)
    assert blocks[1:].tolist() == [1.0] * 39


def test_weighted_kth() -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        n = int(rng.integers(1, 30))
        values, weights = rng.integers(0, 8, size=n).astype(float), rng.integers(1, 5, size=n)
        everything = np.sort(np.repeat(values, weights))
        for m in (1, len(everything) // 2 + 1, len(everything)):
            assert _weighted_kth(values.copy(), weights.copy(), m, -1.0) == everything[m - 1]
        for m in (0, -3, len(everything) + 1):
            assert _weighted_kth(values.copy(), weights.copy(), m, -1.0) == -1.0


def test_negative_zero_is_zero() -> None:
    assert kth_distances(np.array([[0.0, 1.0], [-0.0, 1.0], [5.0, 1.0]]), 2).tolist() == [0.0, 0.0, 5.0]
