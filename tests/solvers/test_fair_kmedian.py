"""Socially fair k-median: a local optimum by exhaustive check, and the global one on tiny instances."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.solvers.fair_kmedian import socially_fair_kmedian


def worst_mean(X, rows, codes, power):
    distances = np.sqrt(((X[:, None] - X[list(rows)][None]) ** 2).sum(axis=2)).min(axis=1) ** power
    return max(distances[codes == h].mean() for h in range(codes.max() + 1))


def instance(seed, n=14, n_groups=3, grid=False):
    rng = np.random.default_rng(seed)
    codes = np.concatenate([np.arange(n_groups), rng.integers(0, n_groups, n - n_groups)])
    X = rng.integers(0, 4, (n, 2)).astype(float) if grid else rng.normal(size=(n, 2)) + 2 * codes[:, None]
    return X, codes


def test_the_worst_off_group_decides_by_hand():
    # The sum of distances wants row 1 (nine people at 0); the fair choice is half way: a pays 5, b pays 5.
    X = np.array([[5.0]] + [[0.0]] * 9 + [[10.0]])
    result = socially_fair_kmedian(X, 1, ["a"] * 10 + ["b"], random_state=0)
    assert result.center_indices.tolist() == [0]
    assert result.group_costs.tolist() == [4.5, 5.0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, 2]), st.booleans())
def test_no_exchange_helps(seed, k, n_groups, power, grid):
    X, codes = instance(seed, n_groups=n_groups, grid=grid)
    result = socially_fair_kmedian(X, k, codes, power=power, random_state=seed)
    chosen = result.center_indices.tolist()
    assert result.converged
    assert result.value == pytest.approx(worst_mean(X, chosen, codes, power), rel=1e-9, abs=1e-12)
    for out in chosen:
        for row in set(range(len(X))) - set(chosen):
            swapped = [row if i == out else i for i in chosen]
            assert worst_mean(X, swapped, codes, power) >= result.value * (1 - 1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_best_of_some_starts_is_the_optimum_of_tiny_instances(seed):
    X, codes = instance(seed, n=10)
    best = min(worst_mean(X, rows, codes, 1) for rows in combinations(range(10), 2))
    found = min(socially_fair_kmedian(X, 2, codes, random_state=start).value for start in range(20))
    assert found == pytest.approx(best, rel=1e-9)


def test_every_row_a_center_costs_nothing():
    X, codes = instance(0)
    assert socially_fair_kmedian(X, len(X), codes, random_state=0).value == 0.0


def test_duplicates_and_determinism():
    X = np.repeat([[0.0], [1.0]], 5, axis=0)
    first, second = (socially_fair_kmedian(X, 3, None, random_state=3) for _ in range(2))
    assert first.value == 0.0
    assert first.center_indices.tolist() == second.center_indices.tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_clusters": 15}, "n_clusters=15 is larger"),
        ({"power": 0.5}, "power must be at least 1"),
        ({"max_swaps": -1}, "max_swaps"),
    ],
)
def test_bad_input(change, message):
    X, codes = instance(0)
    with pytest.raises(ValueError, match=message):
        socially_fair_kmedian(X, **({"n_clusters": 2, "sensitive_features": codes} | change))
