"""Vanilla centers: the method that fits the power, and centers that are given."""

import numpy as np
import pytest

from fairclust.solvers.kmeans import kmeans
from fairclust.solvers.kmedian import kmedian
from fairclust.solvers.vanilla import vanilla_centers

X = np.random.default_rng(0).normal(size=(40, 2))


def test_squares_are_k_means():
    found = vanilla_centers(X, 3, n_init=4, random_state=1)
    assert found.tobytes() == kmeans(X, 3, n_init=4, random_state=1).centers.tobytes()


@pytest.mark.parametrize("power", [1, 1.5, 3])
def test_other_powers_are_rows(power):
    found = vanilla_centers(X, 3, power=power, n_init=4, random_state=1)
    rows = kmedian(X, 3, power=power, n_init=4, random_state=1).center_indices
    assert found.tobytes() == X[rows].tobytes()


def test_given_centers_are_taken():
    assert vanilla_centers(X, 2, centers=[[0, 0], [1, 2]]).tolist() == [[0.0, 0.0], [1.0, 2.0]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_clusters": 41}, "n_clusters=41 is larger than the number of rows, n_samples=40"),
        ({"power": 0.5}, "power must be at least 1"),
        ({"n_init": 0}, "n_init must be at least 1"),
        ({"centers": [[0.0, 0.0]]}, "centers has 1 rows but n_clusters=2; they must agree"),
        ({"centers": [[0.0]] * 2}, "centers have 1 features but X has 2"),
        ({"centers": [[0.0, np.nan]] * 2}, "centers contains NaN at row 0, column 1"),
        ({"X": [[np.inf, 0.0]]}, "X contains infinity at row 0, column 0"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        vanilla_centers(**({"X": X, "n_clusters": 2} | change))
