"""The search after Fair-Round: cheaper, and nobody beyond what Fair-Round reached."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.metrics.radius import fair_radii
from fairclust.radii.improve import fill_up, improve


def judge(X, rows, power):
    near = np.linalg.norm(X[:, None] - X[rows][None], axis=2).min(axis=1)
    return float((near**power).sum()), near


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.sampled_from([1.0, 2.0]))
def test_cheaper_and_as_fair(seed: int, k: int, power: float) -> None:
    rng = np.random.default_rng(seed)
    X = np.unique(rng.normal(size=(30, 2)).round(1), axis=0)
    radii = fair_radii(X, k) + 0.05
    start = np.sort(rng.choice(len(X), int(rng.integers(1, k + 1)), replace=False))
    found = improve(X, start, radii, k, power=power, weights=np.ones(len(X)))
    before, near = judge(X, start, power)
    after, now = judge(X, found.center_indices, power)
    theta = max((near / radii).max(), 1.0)
    assert found.allowed == pytest.approx(theta)
    assert (now <= theta * radii * (1 + 1e-8)).all()
    assert after <= before * (1 + 1e-12)
    assert found.n_added == k - len(start)
    assert len(set(found.center_indices.tolist())) == k
    assert found.converged
    # No single exchange that keeps the limits saves more than the search's least gain.
    outside = np.setdiff1d(np.arange(len(X)), found.center_indices)
    for closed in found.center_indices:
        kept = np.setdiff1d(found.center_indices, [closed])
        for opened in outside:
            cost, reached = judge(X, np.append(kept, opened), power)
            if (reached <= theta * radii).all():
                assert cost >= after * (1 - 1e-5)


def test_optimum_of_small_instances_is_a_fixed_point() -> None:
    X = np.random.default_rng(4).normal(size=(9, 2))
    best = min(combinations(range(9), 2), key=lambda rows: judge(X, list(rows), 2)[0])
    found = improve(X, np.array(best), np.full(9, 100.0), 2, power=2, weights=np.ones(9))
    assert found.center_indices.tolist() == list(best)
    assert found.n_swaps == found.n_added == 0


def test_fill_up() -> None:
    X = np.array([[0.0], [3.0], [-3.0], [5.0], [5.0]])
    assert fill_up(X, np.array([0]), 2, power=2, weights=np.ones(5)).tolist() == [0, 3]
    assert fill_up(X, np.array([0]), 2, power=2, weights=np.array([1, 9, 1, 1, 1])).tolist() == [0, 1]
    assert fill_up(X, np.array([0]), 3, power=1, weights=np.array([1, 1, 1, 0, 0])).tolist() == [0, 1, 2]
    assert fill_up(X, np.array([0]), 5, power=2, weights=np.ones(5)).tolist() == [0, 3, 2, 1]  # only four places


def test_weights_steer_it() -> None:
    X = np.array([[0.0], [1.0], [2.0]])
    found = improve(X, np.array([1]), np.full(3, 5.0), 1, power=1, weights=np.array([5.0, 1.0, 1.0]))
    assert found.center_indices.tolist() == [0]


def test_start_without_a_center_where_the_radius_is_zero() -> None:
    X = np.array([[0.0], [1.0]])
    with pytest.raises(ValueError, match="radius 0 has no center at its place"):
        improve(X, np.array([0]), np.array([1.0, 0.0]), 1, power=2, weights=np.ones(2))
