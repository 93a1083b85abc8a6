from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.solvers import swap_kernels

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_swap_deltas_are_differences_of_costs(seed):
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(2, 300)), int(rng.integers(1, 5))
    k, power = int(rng.integers(1, min(n, 6) + 1)), float(rng.choice([1.0, 1.7, 2.0, 3.0]))
    X, weights = rng.normal(size=(n, d)), rng.random(n) * (rng.random(n) < 0.8)
    centers = rng.choice(n, k, replace=False)
    XT = np.ascontiguousarray(X.T)
    first, second, near, next_near = np.empty(n, int), np.empty(n, int), np.empty(n), np.empty(n)
    swap_kernels.rank_all_centers(XT, power, centers, first, second, near, next_near)
    cost = float(weights @ near)

    def cost_of(rows):
        return weights @ np.linalg.norm(X[:, None] - X[rows], axis=2).min(axis=1) ** power

    np.testing.assert_allclose(cost, cost_of(centers), rtol=1e-12)
    for candidate in rng.integers(0, n, size=5):
        deltas = np.empty(k)
        swap_kernels.swap_deltas(XT, weights, power, int(candidate), first, near, next_near, deltas)
        for slot in range(k):
            swapped = centers.copy()
            swapped[slot] = candidate
            np.testing.assert_allclose(deltas[slot], cost_of(swapped) - cost, rtol=1e-10, atol=1e-10 * (cost + 1))


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_ranks_after_swaps_are_ranks_from_scratch(seed):
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(3, 200)), 3
    XT = rng.normal(size=(2, n))
    centers = rng.choice(n, k, replace=False)
    state = np.empty(n, int), np.empty(n, int), np.empty(n), np.empty(n)
    swap_kernels.rank_all_centers(XT, 1.0, centers, *state)
    for _ in range(8):
        candidate = int(rng.integers(n))
        if candidate in centers:
            continue
        swap_kernels.swap_apply(XT, 1.0, centers, int(rng.integers(k)), candidate, *state)
        fresh = np.empty(n, int), np.empty(n, int), np.empty(n), np.empty(n)
        swap_kernels.rank_all_centers(XT, 1.0, centers, *fresh)
        for ours, theirs in zip(state, fresh, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_scan_finds_the_first_candidate_that_helps_and_its_best_slot():
    # Centers 0 and 1 (slots 0 and 1) serve 0, 1 | 9, 10: 9 in place of 1 saves 15 and costs 1; of 0 likewise.
    XT = np.array([[0.0, 1.0, 0.5, 9.0, 10.0]])
    weights, centers = np.ones(5), np.array([0, 1])
    first, second, near, next_near = np.empty(5, int), np.empty(5, int), np.empty(5), np.empty(5)
    swap_kernels.rank_all_centers(XT, 1.0, centers, first, second, near, next_near)
    assert near.tolist() == [0.0, 0.0, 0.5, 8.0, 9.0]
    deltas = np.empty(2)
    swap_kernels.swap_deltas(XT, weights, 1.0, 3, first, near, next_near, deltas)
    # 9 in place of 0: 1, 0, 0.5, 0, 1. In place of 1: 0, 1, 0.5, 0, 1. The lower slot wins the tie.
    assert deltas.tolist() == [-15.0, -15.0]
    scan = (first, near, next_near)
    assert swap_kernels.swap_scan(XT, weights, 1.0, centers, 0, 5, 0.1, *scan) == (3, 0)
    assert swap_kernels.swap_scan(XT, weights, 1.0, centers, 0, 3, 0.1, *scan) == (3, -1)
    assert swap_kernels.swap_scan(XT, weights, 1.0, centers, 0, 5, 15.0, *scan) == (5, -1)
    assert swap_kernels.swap_scan(XT, weights, 1.0, centers, 4, 5, 0.1, *scan) == (4, 0)
