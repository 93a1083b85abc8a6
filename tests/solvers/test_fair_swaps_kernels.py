from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.solvers.fair_swaps_kernels import limits_hold, members
from fairclust.solvers.swap_kernels import rank_all_centers

seeds = st.integers(0, 2**32 - 1)


def ranks(X, centers, power):
    n = len(X)
    state = np.empty(n, np.intp), np.empty(n, np.intp), np.empty(n), np.empty(n)
    rank_all_centers(np.ascontiguousarray(X.T), power, centers, *state)
    return state


@settings(max_examples=150, deadline=None)
@given(seeds, st.booleans())
def test_limits_hold_is_what_the_definition_says(seed, lattice):
    rng = np.random.default_rng(seed)
    n, d, power = int(rng.integers(3, 25)), int(rng.integers(1, 7)), float(rng.choice([1.0, 2.0, 3.0]))
    # On a lattice many distances equal their limit to the last bit, which must count as within it.
    X = rng.integers(0, 4, size=(n, d)).astype(float) if lattice else rng.normal(size=(n, d))
    centers = rng.choice(n, size=int(rng.integers(1, min(n, 5))), replace=False).astype(np.intp)
    between = np.linalg.norm(X[:, None] - X[None], axis=2) if not lattice else None
    if between is None:
        # Sums of whole numbers are exact, so these are the roots that the kernel takes.
        between = np.sqrt(((X[:, None] - X[None]) ** 2).sum(axis=2))
        limits = between[np.arange(n), rng.integers(0, n, size=n)]
    else:
        limits = between.mean() * rng.uniform(0.3, 1.5, size=n)
    limits[rng.random(n) < 0.2] = np.inf
    # The kernel relies on a start that keeps all limits.
    limits = np.maximum(limits, between[:, centers].min(axis=1) * (1.0 if lattice else 1.0 + 1e-12))
    first, second, near, _ = ranks(X, centers, power)
    sure = limits**power * (1.0 - 1e-9)
    for candidate in range(n):
        for slot in range(len(centers)):
            after = centers.copy()
            after[slot] = candidate
            expected = bool((between[:, after].min(axis=1) <= limits).all())
            assert limits_hold(X, limits, sure, centers, slot, candidate, first, second, near) == expected


def test_without_certainty_the_distances_decide():
    # A power that underflows says nothing: 1e-200 squared is 0, yet row 1 is farther than its limit from row 0.
    X = np.array([[0.0], [1e-120], [1.0]])
    centers = np.array([1, 2])
    limits = np.array([1.0, 1e-121, 1.0])
    first, second, near, _ = ranks(X, centers, 3.0)
    assert near.tolist() == [0.0, 0.0, 0.0]
    unsure = np.full(3, -1.0)
    assert not limits_hold(X, limits, unsure, centers, 0, 0, first, second, near)
    assert limits_hold(X, limits, unsure, centers, 1, 0, first, second, near)


def test_members_of_closed_balls():
    X = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    balls, radii = np.array([0, 0, 1, 2]), np.array([5.0, np.nextafter(5.0, 0.0), 0.0, 4.0])
    assert members(X, 1, balls, radii).tolist() == [True, False, True, False]
    assert members(X, 0, balls, radii).tolist() == [True, True, False, True]
    assert members(X, 0, balls[:0], radii[:0]).tolist() == []


@pytest.mark.parametrize("d", [1, 3, 4, 9])
def test_members_agree_with_nearest_centers_to_the_bit(d):
    from fairclust.distances import nearest_centers

    X = np.random.default_rng(d).normal(size=(40, d))
    _, distances = nearest_centers(X, X[[7]])
    rows = np.arange(40)
    assert members(X, 7, rows, distances).all()
    assert not members(X, 7, rows, np.nextafter(distances, -1.0)).any()
