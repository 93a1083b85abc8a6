from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.solvers import kernels

seeds = st.integers(0, 2**32 - 1)


def brute_labels(X, centers):
    # Added up feature by feature, as the kernels do, so that even ties are the same to the last bit.
    squared = np.zeros((len(X), len(centers)))
    for f in range(X.shape[1]):
        squared += (X[:, f, None] - centers[:, f]) ** 2
    return squared.argmin(axis=1), squared.min(axis=1)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_nearest_rows_is_a_full_search(seed):
    rng = np.random.default_rng(seed)
    n, d, k = int(rng.integers(1, 400)), int(rng.integers(1, 8)), int(rng.integers(1, 9))
    # Small integers: many exact ties.
    X, centers = rng.integers(-3, 4, size=(n, d)) * 1.0, rng.integers(-3, 4, size=(k, d)) * 1.0
    labels, squared = kernels.nearest_rows(X, centers)
    expected, distances = brute_labels(X, centers)
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_array_equal(squared, distances)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_bounds_never_hide_a_row_whose_label_changes(seed):
    """Centers wander at random, by large and by tiny steps; after each, skipping must equal a full search."""
    rng = np.random.default_rng(seed)
    n, d, k, n_groups = int(rng.integers(1, 400)), int(rng.integers(1, 6)), int(rng.integers(1, 7)), 3
    X, weights, codes = rng.normal(size=(n, d)), rng.random(n) + 0.1, rng.integers(0, n_groups, size=n)
    centers = rng.normal(size=(k, d))
    labels, margins, drift = np.full(n, -1), np.full(n, -np.inf), np.zeros(k)
    sums, masses, counts = np.zeros((k, d)), np.zeros(k), np.zeros((k, n_groups), dtype=np.intp)
    tolerance = 4.0 * (d + 32) * np.finfo(float).eps
    for _ in range(12):
        before = labels.copy()
        changed = kernels.reassign(X, weights, codes, centers, labels, margins, drift, tolerance, sums, masses, counts)
        expected, _ = brute_labels(X, centers)
        np.testing.assert_array_equal(labels, expected)
        assert changed == np.count_nonzero(before != labels)
        for j in range(k):
            members = labels == j
            np.testing.assert_allclose(sums[j], weights[members] @ X[members], atol=1e-12)
            np.testing.assert_allclose(masses[j], weights[members].sum(), atol=1e-12)
            np.testing.assert_array_equal(counts[j], np.bincount(codes[members], minlength=n_groups))
        moving = rng.random(k) < 0.5
        after = centers + moving[:, None] * rng.normal(size=(k, d)) * 10.0 ** rng.integers(-16, 1)
        moved = kernels.add_drift(centers, after, tolerance, drift)
        assert moved == bool((after != centers).any())
        centers = after


def test_rows_are_skipped_while_their_margin_lasts():
    X, weights, codes = np.array([[0.0], [1.0], [9.0], [10.0]]), np.ones(4), np.zeros(4, dtype=np.intp)
    labels, margins, drift = np.full(4, -1), np.full(4, -np.inf), np.zeros(2)
    sums, masses, counts = np.zeros((2, 1)), np.zeros(2), np.zeros((2, 1), dtype=np.intp)
    state = (labels, margins, drift, 1e-14, sums, masses, counts)
    assert kernels.reassign(X, weights, codes, np.array([[0.0], [10.0]]), *state) == 4
    np.testing.assert_allclose(margins, [10.0, 8.0, 8.0, 10.0])
    # The kernel is told of no movement, so it must not even look: centers that are swapped change nothing.
    assert kernels.reassign(X, weights, codes, np.array([[10.0], [0.0]]), *state) == 0
    # Told of a movement of 8.5, it looks again at rows 1 and 2 only.
    drift += 8.5
    assert kernels.reassign(X, weights, codes, np.array([[10.0], [0.0]]), *state) == 2
    assert labels.tolist() == [0, 1, 0, 1]
    assert sums.ravel().tolist() == [9.0, 11.0]


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_potentials_are_what_would_remain(seed):
    rng = np.random.default_rng(seed)
    n, d, trials = int(rng.integers(1, 300)), int(rng.integers(1, 6)), int(rng.integers(1, 6))
    X, weights, power = rng.normal(size=(n, d)), rng.random(n), float(rng.choice([1.0, 2.0, 2.5]))
    closest, candidates = rng.random(n) * 3, X[rng.integers(0, n, size=trials)]
    reached = np.empty((trials, n))
    potentials = kernels.dpower_potentials(kernels.to_blocks(X), weights, power, closest, candidates, reached)
    expected = np.minimum(closest, np.linalg.norm(X - candidates[:, None], axis=2) ** power)
    np.testing.assert_allclose(reached, expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(potentials, expected @ weights, rtol=1e-12)


def test_cost_is_added_up_over_all_blocks():
    rng = np.random.default_rng(0)
    X, weights, labels = rng.normal(size=(1000, 3)), rng.random(1000), rng.integers(0, 4, size=1000)
    centers = rng.normal(size=(4, 3))
    expected = weights @ ((X - centers[labels]) ** 2).sum(axis=1)
    np.testing.assert_allclose(kernels.weighted_cost(X, weights, centers, labels), expected, rtol=1e-13)
