from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.solvers.kmedian import KMedianResult, kmedian

seeds = st.integers(0, 2**32 - 1)


def cost_of(X, rows, weights, power):
    distances = np.linalg.norm(X[:, None] - X[list(rows)], axis=2).min(axis=1)
    return float(weights @ distances**power)


def assert_consistent(result: KMedianResult, X, weights, power):
    rows = result.center_indices
    assert (np.diff(rows) > 0).all()
    distances = np.linalg.norm(X[:, None] - X[rows], axis=2)
    np.testing.assert_array_equal(result.labels, distances.argmin(axis=1))
    assert result.cost == pytest.approx(cost_of(X, rows, weights, power), rel=1e-12, abs=1e-300)


def assert_no_swap_helps(result: KMedianResult, X, weights, power):
    assert result.converged
    rows = set(result.center_indices.tolist())
    for leave in rows:
        for enter in set(range(len(X))) - rows:
            swapped = cost_of(X, sorted(rows - {leave} | {enter}), weights, power)
            assert swapped >= result.cost * (1 - 1e-11)


def instance(seed, most=14):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, most))
    X = rng.normal(size=(n, int(rng.integers(1, 4))))
    if rng.random() < 0.3:
        X = np.round(X)
    return X, rng.random(n) + 0.05, int(rng.integers(1, min(n, 4) + 1)), float(rng.choice([1.0, 1.5, 2.0, 3.0]))


# ---------------------------------------------------------------------------------------------------------------------
# Instances solved by hand


def test_two_groups_on_a_line():
    result = kmedian([[0.0], [1.0], [2.0], [9.0], [10.0], [12.0]], 2, random_state=0)
    assert result.center_indices.tolist() == [1, 4]
    assert result.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert result.cost == 1 + 1 + 1 + 2


def test_the_power_decides_where_one_center_goes():
    # 1-median of 0, 1, 2, 9, 10: the middle point (1 + 2 + ... : 2 + 1 + 7 + 8 = 18). With squares, 2 also wins
    # (4 + 1 + 49 + 64 = 118 against 81 + 64 + 49 + 1 = 195); the fourth power draws it to nobody's benefit to 9 or 10.
    X = [[0.0], [1.0], [2.0], [9.0], [10.0]]
    assert (kmedian(X, 1).center_indices.tolist(), kmedian(X, 1).cost) == ([2], 18.0)
    assert (kmedian(X, 1, power=2).center_indices.tolist(), kmedian(X, 1, power=2).cost) == ([2], 118.0)
    # 0, 4, 10 weighted 5, 1, 1: the median stays at 0 (14 < 26), the squares prefer 4 (5 * 16 + 36 = 116 = 16 + 100).
    X, weights = [[0.0], [4.0], [11.0]], [5.0, 1.0, 1.0]
    assert kmedian(X, 1, weights=weights).center_indices.tolist() == [0]
    assert kmedian(X, 1, weights=weights, power=2).center_indices.tolist() == [1]
    assert kmedian(X, 1, weights=weights, power=2).cost == 5 * 16 + 49


def test_weights_decide():
    assert kmedian([[0.0], [1.0]], 1, weights=[1.0, 3.0]).center_indices.tolist() == [1]
    assert kmedian([[0.0], [1.0]], 1, weights=[3.0, 1.0]).center_indices.tolist() == [0]


def test_a_local_optimum_is_certified_and_left_alone():
    # 0 and 9 serve 0, 1 | 5, 9, 10, 12 at cost 9; 1 and 10 would cost 8, but that takes two exchanges.
    X = [[0.0], [1.0], [5.0], [9.0], [10.0], [12.0]]
    result = kmedian(X, 2, init=[0, 3])
    assert (result.center_indices.tolist(), result.cost, result.n_swaps, result.converged) == ([0, 3], 9.0, 0, True)
    assert kmedian(X, 2, n_init=20, random_state=0).cost == 8.0


def test_a_row_without_weight_may_be_a_center():
    result = kmedian([[-1.0], [0.0], [1.0]], 1, weights=[1.0, 0.0, 1.0], power=2)
    assert (result.center_indices.tolist(), result.cost) == ([1], 2.0)


def test_every_row_a_center():
    X = np.random.default_rng(0).normal(size=(6, 2))
    result = kmedian(X, 6, random_state=0)
    assert result.center_indices.tolist() == list(range(6))
    assert result.labels.tolist() == list(range(6))
    assert (result.cost, result.n_swaps, result.converged) == (0.0, 0, True)


def test_fewer_distinct_points_than_centers():
    result = kmedian([[1.0], [2.0], [1.0], [1.0], [2.0]], 3, random_state=0)
    assert result.cost == 0.0
    assert len(set(result.center_indices.tolist())) == 3
    # Ties go to the lowest center: one of two in the same place stays empty.
    assert len(set(result.labels.tolist())) == 2


def test_rounding_is_not_taken_for_an_improvement():
    # At cost zero, what a center saves and what its removal costs cancel exactly; a sum of both must not feign a gain.
    rng = np.random.default_rng(8)
    X, weights = rng.normal(size=(4, 2))[rng.integers(0, 4, size=40)], rng.random(40)
    for power in (1, 1.5, 2):
        result = kmedian(X, 6, weights=weights, power=power, random_state=0)
        assert (result.cost, result.n_swaps, result.converged) == (0.0, 0, True)


@pytest.mark.parametrize("power", [1, 2])
def test_small_gains_are_seen_beside_large_distances(power):
    # Two groups of spread 1 at a distance of 1e7: removing a center would cost 1e7 times what is to be gained.
    rng = np.random.default_rng(9)
    X = np.vstack([rng.normal(size=(15, 2)), 1e7 + rng.normal(size=(15, 2))])
    weights = np.ones(30)
    result = kmedian(X, 2, power=power, random_state=0)
    assert_no_swap_helps(result, X, weights, power)
    best = [min(cost_of(X[g], [i], np.ones(15), power) for i in range(15)) for g in (slice(15), slice(15, 30))]
    assert result.cost == pytest.approx(sum(best), rel=1e-12)


def test_all_points_equal():
    result = kmedian(np.full((4, 2), 3.0), 2, random_state=0)
    assert (result.cost, result.labels.tolist(), result.converged) == (0.0, [0] * 4, True)


# ---------------------------------------------------------------------------------------------------------------------
# Against all sets of centers


@settings(max_examples=150, deadline=None)
@given(seeds)
def test_no_single_swap_improves_and_the_optimum_is_near(seed):
    X, weights, k, power = instance(seed)
    result = kmedian(X, k, weights=weights, power=power, random_state=seed)
    assert_consistent(result, X, weights, power)
    assert_no_swap_helps(result, X, weights, power)
    best = min(cost_of(X, rows, weights, power) for rows in itertools.combinations(range(len(X)), k))
    assert result.cost >= best * (1 - 1e-12)
    if k == 1:
        assert result.cost == pytest.approx(best, rel=1e-11, abs=1e-300)
    # What is proved of single swaps; for other powers the test above is all.
    if power in (1.0, 2.0):
        assert result.cost <= {1.0: 5.0, 2.0: 25.0}[power] * best * (1 + 1e-11) + 1e-300


def test_enough_starts_find_the_optimum_of_tiny_instances():
    for seed in range(20):
        X, weights, k, power = instance(seed)
        best = min(cost_of(X, rows, weights, power) for rows in itertools.combinations(range(len(X)), k))
        result = kmedian(X, k, weights=weights, power=power, n_init=15, random_state=0)
        assert result.cost == pytest.approx(best, rel=1e-11, abs=1e-300)


@pytest.mark.parametrize("power", [1, 2])
def test_no_single_swap_improves_across_many_blocks(power):
    rng = np.random.default_rng(4)
    X, weights = rng.normal(size=(300, 3)), rng.random(300)
    result = kmedian(X, 4, weights=weights, power=power, random_state=0)
    assert result.n_swaps > 0
    assert_consistent(result, X, weights, power)
    assert_no_swap_helps(result, X, weights, power)


# ---------------------------------------------------------------------------------------------------------------------
# Laws


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_a_weight_of_two_is_the_row_given_twice(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 40))
    X, times = rng.normal(size=(n, 2)), rng.integers(1, 4, size=n)
    start = rng.choice(n, 3, replace=False)
    first = np.concatenate([[0], np.cumsum(times)[:-1]])
    once = kmedian(X, 3, weights=times, init=start)
    often = kmedian(np.repeat(X, times, axis=0), 3, init=first[start])
    # A copy may stand for its row.
    np.testing.assert_array_equal(np.repeat(np.arange(n), times)[often.center_indices], once.center_indices)
    np.testing.assert_array_equal(np.repeat(once.labels, times), often.labels)
    assert once.cost == pytest.approx(often.cost, rel=1e-11)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_the_order_of_the_rows_does_not_matter_to_the_only_center(seed):
    X, weights, _, power = instance(seed, most=60)
    order = np.random.default_rng(seed).permutation(len(X))
    one, other = kmedian(X, 1, weights=weights, power=power), kmedian(X[order], 1, weights=weights[order], power=power)
    assert one.cost == pytest.approx(other.cost, rel=1e-11, abs=1e-300)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_the_order_of_given_rows_does_not_matter(seed):
    X, weights, k, power = instance(seed, most=60)
    rows = np.random.default_rng(seed).choice(len(X), k, replace=False)
    one, other = (kmedian(X, k, weights=weights, power=power, init=r) for r in (rows, np.sort(rows)))
    assert one.center_indices.tolist() == other.center_indices.tolist()
    assert one.cost == other.cost


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(-60, 60))
def test_another_unit_changes_no_digit_of_the_result(seed, exponent):
    X, weights, k, _ = instance(seed, most=60)
    unit = 2.0**exponent
    for power in (1, 2):
        one = kmedian(X, k, weights=weights, power=power, random_state=seed)
        other = kmedian(X * unit, k, weights=weights, power=power, random_state=seed)
        np.testing.assert_array_equal(one.center_indices, other.center_indices)
        assert one.cost * unit**power == other.cost


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(-1000, 1000))
def test_moving_everything_moves_nothing_else(seed, offset):
    rng = np.random.default_rng(seed)
    # Whole sixteenths: the offset is added without rounding, so distances are the same to the last bit.
    X = rng.integers(-100, 100, size=(40, 2)) / 16.0
    one, other = (kmedian(Z, 4, random_state=seed, power=1) for Z in (X, X + offset))
    np.testing.assert_array_equal(one.center_indices, other.center_indices)
    assert one.cost == pytest.approx(other.cost, rel=1e-12)


def test_cost_falls_with_every_swap():
    X = np.random.default_rng(6).normal(size=(120, 2))
    rows = np.arange(6)
    end = kmedian(X, 6, init=rows)
    steps = [kmedian(X, 6, init=rows, max_swaps=s) for s in range(end.n_swaps + 1)]
    assert end.n_swaps > 3
    assert [step.n_swaps for step in steps] == list(range(end.n_swaps + 1))
    assert all(later.cost < earlier.cost for earlier, later in itertools.pairwise(steps))
    assert [step.converged for step in steps] == [False] * end.n_swaps + [True]
    assert steps[-1].center_indices.tolist() == end.center_indices.tolist()


def test_a_tolerance_makes_fewer_swaps_and_keeps_its_promise():
    rng = np.random.default_rng(7)
    X, weights, rows = rng.normal(size=(150, 2)), np.ones(150), np.arange(8)
    exact, rough = kmedian(X, 8, init=rows), kmedian(X, 8, init=rows, tolerance=0.05)
    assert rough.n_swaps < exact.n_swaps
    assert rough.converged
    chosen = set(rough.center_indices.tolist())
    best = min(
        cost_of(X, sorted(chosen - {leave} | {enter}), weights, 1)
        for leave in chosen
        for enter in set(range(150)) - chosen
    )
    assert best >= 0.95 * rough.cost * (1 - 1e-11)


# ---------------------------------------------------------------------------------------------------------------------
# Starts and randomness


def as_bytes(result: KMedianResult) -> list[bytes]:
    return [np.asarray(value).tobytes() for value in vars(result).values()]


def test_same_seed_same_bytes():
    X = np.random.default_rng(0).normal(size=(200, 3))
    assert as_bytes(kmedian(X, 5, n_init=3, random_state=7)) == as_bytes(kmedian(X, 5, n_init=3, random_state=7))
    generator = np.random.default_rng(7)
    assert as_bytes(kmedian(X, 5, random_state=7)) == as_bytes(kmedian(X, 5, random_state=generator))
    assert as_bytes(kmedian(X, 5, max_swaps=0, random_state=generator)) != as_bytes(
        kmedian(X, 5, max_swaps=0, random_state=7)
    )


def test_the_best_start_wins_and_first_starts_do_not_depend_on_later_ones():
    X = np.random.default_rng(1).normal(size=(80, 2))
    many, few = kmedian(X, 8, n_init=8, random_state=3), kmedian(X, 8, n_init=3, random_state=3)
    np.testing.assert_array_equal(many.costs[:3], few.costs)
    assert many.cost == many.costs.min() == many.costs[many.start]
    assert many.start == int(np.argmin(many.costs))
    assert len(kmedian(X, 2, init=[0, 1], n_init=8).costs) == 1


def test_inputs_are_left_alone_and_frames_and_lists_come_in():
    X = np.random.default_rng(2).normal(size=(50, 2))
    rows = np.array([3, 1, 2])
    X.flags.writeable = rows.flags.writeable = False
    expected = as_bytes(kmedian(X, 3, init=rows))
    assert rows.tolist() == [3, 1, 2]
    assert as_bytes(kmedian(pd.DataFrame(X, columns=["a", "b"]), 3, init=[3, 1, 2])) == expected
    assert as_bytes(kmedian(np.asfortranarray(X), 3, init=rows.astype(np.uint8))) == expected


def test_the_bar_shows_only_on_request(capfd):
    X = np.random.default_rng(2).normal(size=(50, 2))
    quiet = kmedian(X, 3, random_state=0)
    assert capfd.readouterr() == ("", "")
    loud = kmedian(X, 3, random_state=0, verbose=True)
    assert "k-median, start 1" in capfd.readouterr().err
    assert as_bytes(quiet) == as_bytes(loud)


# ---------------------------------------------------------------------------------------------------------------------
# Bad input


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"X": [[0.0], [np.nan]]}, ValueError, "X contains NaN at row 1, column 0"),
        ({"n_clusters": 0}, ValueError, "n_clusters must be at least 1"),
        ({"n_clusters": 5}, ValueError, "n_clusters=5 is larger than the number of rows, n_samples=4"),
        ({"weights": [1.0]}, ValueError, r"weights has shape \(1,\) but X has 4 rows"),
        ({"weights": [1.0, np.nan, 1.0, 1.0]}, ValueError, "row 1 has nan"),
        ({"weights": [1e308] * 4}, ValueError, "weights add up to more than the largest float"),
        ({"power": 0.9}, ValueError, "power must be at least 1"),
        ({"power": "2"}, TypeError, "power must be a number"),
        ({"init": "random"}, ValueError, 'init must be "k-means\\+\\+" or an array of 2 row numbers'),
        ({"init": [0]}, ValueError, r"init has shape \(1,\) but n_clusters=2"),
        ({"init": [[0.0], [1.0]]}, ValueError, r"init has shape \(2, 1\)"),
        ({"init": [0.0, 1.0]}, TypeError, "init must hold row numbers"),
        ({"init": [0, 4]}, ValueError, "row numbers from 0 to 3; entry 1 is 4"),
        ({"init": [-1, 0]}, ValueError, "entry 0 is -1"),
        ({"init": [3, 3]}, ValueError, "row 3 is repeated"),
        ({"n_init": 0}, ValueError, "n_init must be at least 1"),
        ({"tolerance": -0.1}, ValueError, "tolerance must be in"),
        ({"max_swaps": -1}, ValueError, "max_swaps must be at least 0"),
        ({"random_state": 1.5}, TypeError, "random_state must be"),
    ],
)
def test_bad_input_is_named(kwargs, error, message):
    with pytest.raises(error, match=message):
        kmedian(**{"X": [[0.0], [1.0], [2.0], [3.0]], "n_clusters": 2, **kwargs})


def test_units_far_beyond_those_of_squares():
    X = np.array([[0.0], [1.0], [9.0], [10.0], [12.0]])
    assert kmedian(X * 1e200, 2, random_state=0).cost == pytest.approx(4e200, rel=1e-12)
    assert kmedian(X * 1e-200, 2, power=2, random_state=0).center_indices.tolist()[1] == 3
    with pytest.raises(ValueError, match=r"a sum of d\^2, is beyond the largest float"):
        kmedian(X * 1e200, 2, power=2, random_state=0)
