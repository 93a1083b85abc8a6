from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.solvers.seeding import dpower_sampling, kmeans_plusplus, rescale_cost, unit_scale

seeds = st.integers(0, 2**32 - 1)


def potential(X, rows, weights, power=2.0):
    distances = np.linalg.norm(X[:, None] - X[rows], axis=2).min(axis=1)
    return float(weights @ distances**power)


def test_the_first_row_is_drawn_by_weight():
    X, weights = np.arange(4.0)[:, None], np.array([1.0, 0.0, 2.0, 5.0])
    rng = np.random.default_rng(0)
    drawn = np.array([kmeans_plusplus(X, 1, weights=weights, rng=rng)[0] for _ in range(4000)])
    # Four standard deviations of a share of 1/8, 1/4 and 5/8 of 4,000 are at most 0.031.
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 4000, weights / 8, atol=0.031)
    assert (drawn != 1).all()


@pytest.mark.parametrize("power", [1.0, 2.0, 3.5])
def test_the_second_row_is_drawn_by_its_cost(power):
    # From the row at 0, the others are drawn with shares w d^p.
    X, weights = np.array([[0.0], [1.0], [3.0]]), np.array([1e9, 2.0, 0.5])
    rng = np.random.default_rng(1)
    drawn = np.array([kmeans_plusplus(X, 2, weights=weights, n_trials=1, power=power, rng=rng)[1] for _ in range(4000)])
    share = 0.5 * 3.0**power / (2.0 + 0.5 * 3.0**power)
    assert np.mean(drawn == 2) == pytest.approx(share, abs=0.032)


def test_greedy_keeps_the_best_of_its_trials():
    # With very many trials all rows are tried: greedy then takes the row that leaves the smallest potential.
    X = np.random.default_rng(2).normal(size=(30, 2))
    rows = kmeans_plusplus(X, 4, n_trials=2000, rng=0)
    for j in range(1, 4):
        best = min(potential(X, [*rows[:j], i], np.ones(30)) for i in range(30))
        assert potential(X, rows[: j + 1], np.ones(30)) == pytest.approx(best, rel=1e-12)


def test_more_trials_are_better_on_average():
    X = np.random.default_rng(3).normal(size=(400, 2))
    plain, greedy = (
        np.mean([potential(X, kmeans_plusplus(X, 10, n_trials=t, rng=s), np.ones(400)) for s in range(40)])
        for t in (1, None)
    )
    assert greedy < 0.95 * plain


@settings(max_examples=80, deadline=None)
@given(seeds)
def test_rows_are_distinct_whatever_the_copies(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    X = rng.integers(0, 3, size=(n, 2)).astype(float)
    weights = rng.integers(0, 3, size=n).astype(float)
    weights[rng.integers(n)] = 1.0
    k = int(rng.integers(1, n + 1))
    rows = kmeans_plusplus(X, k, weights=weights, rng=seed)
    assert len(set(rows.tolist())) == k
    # The points that count come first, each once.
    counting = len(np.unique(X[weights > 0], axis=0))
    first = rows[: min(k, counting)]
    assert (weights[first] > 0).all()
    assert len(np.unique(X[first], axis=0)) == len(first)


def test_copies_are_chosen_in_the_order_of_the_rows():
    X, weights = [[5.0], [7.0], [5.0], [5.0], [7.0], [8.0]], [0.0, 1.0, 1.0, 1.0, 1.0, 0.0]
    for seed in range(10):
        rows = kmeans_plusplus(X, 6, weights=weights, rng=seed).tolist()
        assert set(rows[:2]) < {1, 2, 3, 4}
        assert rows[2:] == [i for i in (1, 2, 3, 4) if i not in rows[:2]] + [0, 5]


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_a_weight_of_two_is_the_row_given_twice(seed):
    rng = np.random.default_rng(seed)
    X, times = rng.normal(size=(20, 2)), rng.integers(1, 4, size=20)
    # One trial: of several, two may be equally good but for rounding, which differs between the two sums.
    rows = kmeans_plusplus(X, 5, weights=times, n_trials=1, rng=seed)
    again = kmeans_plusplus(np.repeat(X, times, axis=0), 5, n_trials=1, rng=seed)
    np.testing.assert_array_equal(rows, np.repeat(np.arange(20), times)[again])


def test_same_seed_same_rows_and_a_generator_moves_on():
    X = np.random.default_rng(0).normal(size=(200, 3))
    assert kmeans_plusplus(X, 7, rng=3).tolist() == kmeans_plusplus(X, 7, rng=3).tolist()
    generator = np.random.default_rng(3)
    assert kmeans_plusplus(X, 7, rng=generator).tolist() == kmeans_plusplus(X, 7, rng=3).tolist()
    assert kmeans_plusplus(X, 7, rng=generator).tolist() != kmeans_plusplus(X, 7, rng=3).tolist()


def test_a_draw_that_rounding_pushes_past_the_end_stays_on_a_row_that_counts():
    class Last(np.random.Generator):
        def random(self, size=None):
            return np.ones(size)

    rows = dpower_sampling(np.arange(3.0)[:, None], 1, np.array([1.0, 1.0, 0.0]), 2.0, None, Last(np.random.PCG64(0)))
    assert rows.tolist() == [1]


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"X": [[np.nan]]}, ValueError, "X contains NaN at row 0"),
        ({"n_clusters": 3}, ValueError, "n_clusters=3 is larger than the number of rows, n_samples=2"),
        ({"weights": [1.0, -1.0]}, ValueError, "row 1 has -1"),
        ({"weights": [0.0, 0.0]}, ValueError, "all zero"),
        ({"n_trials": 0}, ValueError, "n_trials must be at least 1"),
        ({"n_trials": 1.5}, TypeError, "n_trials must be an integer"),
        ({"power": 0.5}, ValueError, "power must be at least 1"),
        ({"rng": "seed"}, TypeError, "random_state"),
    ],
)
def test_bad_input_is_named(kwargs, error, message):
    with pytest.raises(error, match=message):
        kmeans_plusplus(**{"X": [[0.0], [1.0]], "n_clusters": 1, **kwargs})


@given(st.floats(1e-250, 1e250), st.integers(0, 2**32 - 1))
def test_the_unit_is_taken_out_exactly(unit, seed):
    X = np.random.default_rng(seed).normal(size=(5, 2)) * unit
    scaled, exponent = unit_scale(X)
    assert 0.5 <= np.abs(scaled).max() < 1
    np.testing.assert_array_equal(np.ldexp(scaled, exponent), X)


def test_costs_get_their_unit_back():
    assert rescale_cost(3.0, 4, 2.0) == 3.0 * 2.0**8
    assert rescale_cost(3.0, -4, 1.0) == 3.0 / 16
    assert rescale_cost(0.0, 1000, 2.0) == 0.0
    with pytest.raises(ValueError, match=r"a sum of d\^2, is beyond the largest float"):
        rescale_cost(3.0, 600, 2.0)
    with pytest.raises(ValueError, match="beyond the largest float"):
        rescale_cost(3.0, 1023, 1.0)
