from fractions import Fraction
from math import sqrt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import pairwise_distances_argmin_min

from fairclust.distances import assigned_costs, cost_matrix, nearest_centers, squared_distance

GRID = st.integers(-4, 4).map(float)


def exact_squared(x: np.ndarray, y: np.ndarray) -> Fraction:
    return sum((Fraction(float(a)) - Fraction(float(b))) ** 2 for a, b in zip(x, y, strict=True))


def test_hand_solved() -> None:
    labels, distances = nearest_centers([[0, 0], [3, 4], [6, 8]], [[0, 0], [6, 8], [100, 100]])
    assert labels.tolist() == [0, 0, 1]  # (3, 4) is 5 away from both: the lower index wins
    assert distances.tolist() == [0.0, 5.0, 0.0]
    assert labels.dtype == np.intp
    assert distances.dtype == np.float64


def test_squared_takes_no_root() -> None:
    _, squared = nearest_centers([[0.1]], [[0.4]], squared=True)
    assert squared[0] == (0.1 - 0.4) ** 2


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_ties_go_to_the_lowest_index_and_all_functions_agree(data: st.DataObject) -> None:
    d = data.draw(st.integers(1, 6))
    X = data.draw(arrays(float, (data.draw(st.integers(1, 12)), d), elements=GRID))
    centers = data.draw(arrays(float, (data.draw(st.integers(1, 6)), d), elements=GRID))
    labels, squared = nearest_centers(X, centers, squared=True)
    everything = cost_matrix(X, centers)
    naive = ((X[:, None, :] - centers[None]) ** 2).sum(axis=2)  # whole numbers: exact in any order
    assert (everything == naive).all()
    assert (labels == naive.argmin(axis=1)).all()
    assert (squared == naive.min(axis=1)).all()
    assert (assigned_costs(X, centers, labels) == squared).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 90), st.sampled_from([0.0, 1e4, 1e8]))
def test_relative_error_far_from_the_origin(seed: int, d: int, offset: float) -> None:
    rng = np.random.default_rng(seed)
    X, centers = offset + rng.normal(size=(4, d)), offset + rng.normal(size=(3, d))
    labels, distances = nearest_centers(X, centers)
    for j in range(len(X)):
        true = [exact_squared(X[j], c) for c in centers]
        assert labels[j] == true.index(min(true))
        assert distances[j] == pytest.approx(sqrt(min(true)), rel=1e-14)


def test_the_expanded_form_would_not_do() -> None:
    # The reason for a helper of our own: scikit-learn's answer is off by far more than the 1e-12 we promise.
    X = 1e6 + np.random.default_rng(0).normal(size=(200, 3))
    centers = X[:20] + 1e-3
    _, theirs = pairwise_distances_argmin_min(X, centers)
    _, ours = nearest_centers(X, centers)
    true = np.array([sqrt(min(exact_squared(x, c) for c in centers)) for x in X])
    assert np.abs(ours / true - 1).max() < 1e-14
    assert np.abs(theirs / true - 1).max() > 1e-9


def test_powers() -> None:
    X, centers = [[0.0], [3.0]], [[1.0]]
    assert cost_matrix(X, centers, power=1).tolist() == [[1.0], [2.0]]
    assert cost_matrix(X, centers, power=2).tolist() == [[1.0], [4.0]]
    assert cost_matrix(X, centers, power=3)[1, 0] == pytest.approx(8.0, rel=1e-15)
    assert assigned_costs(X, centers, [0, 0], power=1).tolist() == [1.0, 2.0]


def test_same_pair_same_bits() -> None:
    rng = np.random.default_rng(3)
    for d in (1, 2, 3, 4, 5, 8, 11):
        X = rng.normal(size=(6, d))
        matrix = cost_matrix(X, X)
        assert (matrix == matrix.T).all()
        assert matrix[2, 5] == squared_distance(X, 2, X, 5)


def test_frames_integers_and_memory_order() -> None:
    X = np.asfortranarray(np.arange(12).reshape(4, 3))
    frame = pd.DataFrame(X, columns=list("abc"))
    expected = nearest_centers(X.astype(float), X[:2].astype(float))
    for other in (X, frame, X.tolist(), X.astype(np.float32)):
        labels, distances = nearest_centers(other, X[:2])
        assert (labels == expected[0]).all()
        assert (distances == expected[1]).all()


@pytest.mark.parametrize(
    ("X", "centers", "message"),
    [
        ([[0.0, np.nan]], [[0.0, 0.0]], "X contains NaN at row 0, column 1"),
        ([[0.0]], [[np.inf]], "centers contains infinity at row 0"),
        ([[0.0]], [[0.0, 1.0]], "centers have 2 features but X has 1"),
        ([[0.0], [1e200]], [[0.0]], "too far for their squared distances"),
        ([[-1.7e308]], [[1.7e308]], "too far for their squared distances"),
        ([[0.0], [1e-200]], [[0.0]], "too little for their squared distances"),
    ],
)
def test_errors(X: list, centers: list, message: str) -> None:
    for function in (nearest_centers, cost_matrix):
        with pytest.raises(ValueError, match=message):
            function(X, centers)


def test_more_errors() -> None:
    with pytest.raises(ValueError, match="labels must be below the number of centers, 1; row 1 has 1"):
        assigned_costs([[0.0], [1.0]], [[0.0]], [0, 1])
    with pytest.raises(ValueError, match="power must be at least 1"):
        cost_matrix([[0.0]], [[0.0]], power=0.5)
    with pytest.raises(ValueError, match="the cost of row 0, a distance to the power 4"):
        cost_matrix([[1e100]], [[0.0]], power=4)


def test_large_offsets_and_coinciding_points_are_fine() -> None:
    labels, distances = nearest_centers([[1e300], [1e300]], [[1e300]])
    assert labels.tolist() == [0, 0]
    assert distances.tolist() == [0.0, 0.0]
