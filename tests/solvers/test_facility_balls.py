"""Balls against the full distance matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.metrics.radius import fair_radii
from fairclust.solvers.facility_balls import balls_within, nearest_balls


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 25), st.integers(1, 3), st.booleans(), st.integers(0, 2**32 - 1))
def test_balls_are_those_of_the_distance_matrix(n, d, lattice, seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 4, (n, d)).astype(float) if lattice else rng.normal(size=(n, d))
    radii = rng.choice([0.0, 0.7, 1.0, 2.0], n)
    balls = balls_within(X, radii)
    np.testing.assert_array_equal(X[balls.row_of_facility][balls.facility_of_row], X)
    np.testing.assert_array_equal(radii[balls.row_of_demand][balls.demand_of_row], radii)
    places = X[balls.row_of_facility]
    assert len(np.unique(places, axis=0)) == balls.n_facilities
    distances = np.linalg.norm(X[:, None] - places[None], axis=2)
    for row in range(n):
        v = balls.demand_of_row[row]
        ball = slice(balls.start[v], balls.start[v + 1])
        expected = np.flatnonzero(distances[row] <= radii[row] * (1 + 1e-12))
        np.testing.assert_array_equal(np.sort(balls.facilities[ball]), expected)
        np.testing.assert_allclose(balls.distances[ball], distances[row, balls.facilities[ball]], rtol=1e-12)
        order = np.lexsort((balls.facilities[ball], balls.distances[ball]))
        np.testing.assert_array_equal(order, np.arange(len(expected)))


def test_default_radii_hold_enough_points():
    X = np.random.default_rng(0).integers(0, 9, (200, 2)).astype(float)
    for k in (1, 7, 20, 200):
        balls = balls_within(X, fair_radii(X, k))
        copies = np.bincount(balls.facility_of_row)
        mass = np.add.reduceat(copies[balls.facilities], balls.start[:-1])
        assert mass.min() >= min(200, 200 // k + 1)


def test_nearest_balls_cut_ties_by_row():
    balls = nearest_balls([[0.0], [1.0], [-1.0], [1.0]], 3)
    assert balls.facilities.reshape(4, 3).tolist() == [[0, 1, 2], [1, 3, 0], [2, 0, 1], [1, 3, 0]]
    assert balls.distances.reshape(4, 3)[0].tolist() == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("X", "radii", "message"),
    [
        ([[0.0], [1.0]], [1.0], "radii has shape .1,. but X has 2 rows"),
        ([[0.0], [1.0]], [1.0, -0.5], "row 1 has -0.5"),
        ([[0.0], [1.0]], [np.inf, 1.0], "row 0 has inf"),
        ([[0.0], [np.nan]], [1.0, 1.0], "NaN at row 1"),
    ],
)
def test_bad_input(X, radii, message):
    with pytest.raises(ValueError, match=message):
        balls_within(X, radii)


def test_bad_number_of_neighbors():
    with pytest.raises(ValueError, match="n_neighbors"):
        nearest_balls([[0.0], [1.0]], 3)
