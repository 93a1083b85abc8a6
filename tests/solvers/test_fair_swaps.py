from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.distances import cost_matrix, nearest_centers
from fairclust.solvers.fair_swaps import SAMPLED, CriticalBalls, critical_ball_swaps, polish, vanilla_swaps
from fairclust.solvers.kmedian import kmedian

seeds = st.integers(0, 2**32 - 1)


def instance(seed):
    """Points, weights, start and power. Whole numbers with p = 2 make ties exact, so every tie rule is put to test."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(2, 16)), int(rng.integers(1, 6))
    start = rng.choice(n, size=int(rng.integers(1, min(n, 5) + 1)), replace=False)
    if rng.random() < 0.5:
        return rng, rng.integers(0, 5, size=(n, d)).astype(float), rng.integers(1, 4, size=n).astype(float), start, 2.0
    return rng, rng.normal(size=(n, d)), rng.random(n) + 0.05, start, float(rng.choice([1.0, 1.5, 2.0]))


def between(X):
    """All distances, to the bit those of :func:`nearest_centers`: limits are kept in terms of these."""
    return cost_matrix(X, X, power=1)


def cost_of(D, rows, weights, power):
    return float(weights @ D[:, list(rows)].min(axis=1) ** power)


def costs_between(X, power):
    """Their powers; for squares without the detour over a root, so that those of whole numbers are exact."""
    return cost_matrix(X, X, power=power)


def naive(C, start, weights, min_gain, allowed, candidates, *, restart):
    """The rule of both searches, word for word, with all costs at hand: O(n k) for every exchange looked at."""
    slots, swaps, position, failed = list(map(int, start)), [], 0, 0
    cost = cost_of(C, slots, weights, 1)
    while failed < len(candidates):
        candidate = int(candidates[position])
        trials = []
        for slot in range(len(slots)):
            after = [*slots[:slot], candidate, *slots[slot + 1 :]]
            if allowed(after):
                trials.append((cost_of(C, after, weights, 1), slot))
        best, slot = min(trials, default=(np.inf, -1))
        position = (position + 1) % len(candidates)
        if candidate not in slots and best - cost < -max(min_gain, 1e-12) * cost:
            swaps.append([slots[slot], candidate])
            slots[slot], cost, failed = candidate, best, 0
            position = 0 if restart else position
        else:
            failed += 1
    return sorted(slots), cost, swaps


def lowest_rows(X):
    return np.sort(np.unique(X, axis=0, return_index=True)[1])


# ---------------------------------------------------------------------------------------------------------------------
# Against the same rules in plain Python


@settings(max_examples=80, deadline=None)
@given(seeds, st.sampled_from([0.0, 1e-6, 0.05]))
def test_polish_makes_the_swaps_of_the_naive_search(seed, min_gain):
    rng, X, weights, start, power = instance(seed)
    C, D = costs_between(X, power), between(X)
    reach = nearest_centers(X, X[start])[1]
    limits = np.maximum(reach, D.max() * rng.random(len(X)))
    limits[rng.random(len(X)) < 0.2] = np.inf
    result = polish(X, start, limits, power=power, weights=weights, min_gain=min_gain)

    def allowed(rows):
        return bool((D[:, rows].min(axis=1) <= limits).all())

    rows, cost, swaps = naive(C, np.sort(start), weights, min_gain, allowed, lowest_rows(X), restart=False)
    assert result.swaps.tolist() == swaps
    assert result.center_indices.tolist() == rows
    assert result.cost == pytest.approx(cost, rel=1e-12)
    assert result.converged
    assert allowed(rows)


@settings(max_examples=60, deadline=None)
@given(seeds, st.sampled_from([0.0, 0.02]))
def test_ball_swaps_are_those_of_the_naive_search(seed, min_gain):
    rng, X, weights, start, power = instance(seed)
    n, C, D = len(X), costs_between(X, power), between(X)
    middles = rng.choice(n, size=int(rng.integers(1, n + 1)), replace=False)
    # Distances are radii, so that rows lie on the edges of balls; every ball holds a center of the start.
    radii = np.maximum(D[middles, rng.integers(0, n, size=len(middles))], nearest_centers(X[middles], X[start])[1])
    balls = CriticalBalls(middles, radii)

    def allowed(rows):
        return bool((D[middles][:, rows].min(axis=1) <= radii).all())

    result = critical_ball_swaps(X, start, balls, power=power, weights=weights, min_gain=min_gain)
    # All rows in order: with a restart it makes no difference that a row that coincides with an earlier one is tried.
    rows, cost, swaps = naive(C, start, weights, min_gain, allowed, np.arange(n), restart=True)
    assert result.swaps.tolist() == swaps
    assert result.center_indices.tolist() == rows
    assert result.cost == pytest.approx(cost, rel=1e-12)
    assert allowed(rows)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_vanilla_swaps_are_those_of_the_naive_search(seed):
    _, X, weights, start, power = instance(seed)
    result = vanilla_swaps(X, len(start), power=power, weights=weights, init=start)
    rows, cost, swaps = naive(
        costs_between(X, power), start, weights, 0.02, lambda _: True, np.arange(len(X)), restart=True
    )
    assert (result.swaps.tolist(), result.center_indices.tolist()) == (swaps, rows)
    assert result.cost == pytest.approx(cost, rel=1e-12)


# ---------------------------------------------------------------------------------------------------------------------
# Against all sets of centers, and what an end means


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_the_end_is_swap_optimal_and_never_below_the_optimum(seed):
    rng, X, weights, start, power = instance(seed)
    n, D = len(X), between(X)
    limits = np.maximum(nearest_centers(X, X[start])[1], D.max() * 0.6 * rng.random(n))
    result = polish(X, start, limits, power=power, weights=weights, min_gain=0.0)

    def keeps(rows):
        return bool((D[:, list(rows)].min(axis=1) <= limits).all())

    chosen = set(result.center_indices.tolist())
    assert len(chosen) == len(start)
    assert keeps(chosen)
    for leave in chosen:
        for enter in set(range(n)) - chosen:
            after = chosen - {leave} | {enter}
            assert not keeps(after) or cost_of(D, after, weights, power) >= result.cost * (1 - 1e-11)
    # All sets of centers: the optimum keeps the limits, too, and cannot cost more than what was found.
    if len(start) <= 3:
        sets = itertools.combinations(range(n), len(start))
        best = min(cost_of(D, rows, weights, power) for rows in sets if keeps(rows))
        assert best <= result.cost * (1 + 1e-12)


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_costs_fall_and_belong_to_the_swaps(seed):
    rng = np.random.default_rng(seed)
    X, start = rng.normal(size=(60, 2)), rng.choice(60, size=6, replace=False)
    D, weights = between(X), np.ones(60)
    limits = np.full(60, 1.2 * D[:, start].min(axis=1).max())
    balls = CriticalBalls(start[:3], np.full(3, 0.7))
    for result, gain in (
        (polish(X, start, limits, power=1), 1e-6),
        (critical_ball_swaps(X, start, balls, power=1), 0.02),
        (vanilla_swaps(X, 6, power=1, init=start), 0.02),
    ):
        rows = set(start.tolist())
        assert result.costs[0] == pytest.approx(cost_of(D, rows, weights, 1), rel=1e-12)
        for (leave, enter), cost in zip(result.swaps.tolist(), result.costs[1:], strict=True):
            rows = rows - {leave} | {enter}
            assert cost == pytest.approx(cost_of(D, rows, weights, 1), rel=1e-12)
        assert (result.costs[1:] < (1 - gain) * result.costs[:-1]).all()
        assert sorted(rows) == result.center_indices.tolist()
        assert (len(result.swaps), result.costs[-1]) == (result.n_swaps, result.cost)


def test_without_limits_polish_ends_where_kmedian_does():
    X = np.random.default_rng(3).normal(size=(200, 3))
    start = np.arange(9)
    theirs = kmedian(X, 9, init=start, power=2, tolerance=1e-6)
    for limits in (None, np.full(200, np.inf), np.full(200, 1e6)):
        ours = polish(X, start, limits)
        assert ours.center_indices.tolist() == theirs.center_indices.tolist()
        assert (ours.n_swaps, ours.converged) == (theirs.n_swaps, True)
        assert ours.cost == pytest.approx(theirs.cost, rel=1e-12)


# ---------------------------------------------------------------------------------------------------------------------
# Limits: ties, zeros, rounding, starts that break them


def test_limits_that_are_met_to_the_last_bit_are_kept():
    # From 4 to 10 it is 6, the limit; one bit less and row 4 must stay the only center.
    X, limits = [[0.0], [1.0], [2.0], [4.0], [10.0]], np.array([20.0, 20.0, 20.0, 20.0, 6.0])
    assert polish(X, [4], limits, power=1).center_indices.tolist() == [3]
    limits[4] = np.nextafter(6.0, 0.0)
    result = polish(X, [4], limits, power=1)
    assert (result.center_indices.tolist(), result.n_swaps, result.converged) == ([4], 0, True)


def test_zero_limits_pin_centers():
    X = np.array([[0.0], [5.0], [6.0], [7.0], [5.0]])
    limits = np.array([np.inf, 0.0, np.inf, np.inf, 0.0])
    result = polish(X, [0, 1], limits, power=1)
    # A center must stay at 5; the other leaves 0 only if it saves something, and 6 + 7 cost less than 0 does: no.
    assert result.center_indices.tolist() == [0, 1]
    assert result.cost == 3.0
    assert polish(X, [3, 4], limits, power=1).center_indices.tolist() == [0, 4]


def test_nobody_worse_off_than_at_the_start():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(300, 5)) * 1e-3 + 7
    start = rng.choice(300, size=40, replace=False)
    before = nearest_centers(X, X[start])[1]
    slack = before + np.quantile(before, 0.3)
    result = polish(X, start, slack, power=1)
    assert result.n_swaps > 0
    assert (nearest_centers(X, X[result.center_indices])[1] <= slack).all()


def test_a_start_that_breaks_limits_is_named():
    X = [[0.0], [1.0], [5.0], [9.0]]
    with pytest.raises(ValueError, match=r"breaks the limits of 2 of 4 rows \(2, 3\): row 2 is 5 away .* limit is 4"):
        polish(X, [0], [1.0, 1.0, 4.0, 1.0])
    with pytest.raises(
        ValueError, match=r"breaks the limits of 15 of 16 rows \(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, \.\.\.\)"
    ):
        polish(np.arange(16.0)[:, None] * 1e6, [0], np.zeros(16))


def test_a_start_at_its_own_violation_passes_in_spite_of_rounding():
    # max(d / r) * r may be a bit less than d.
    rng = np.random.default_rng(6)
    seen = 0
    for _ in range(50):
        X, start = rng.normal(size=(60, 3)), np.arange(5)
        radii, d = rng.random(60) + 0.1, nearest_centers(X, X[start])[1]
        limits = (d / radii).max() * radii
        seen += int((d > limits).any())
        result = polish(X, start, limits)
        after = nearest_centers(X, X[result.center_indices])[1]
        assert (after <= np.maximum(limits, d)).all()
    assert seen > 0


def test_swaps_that_break_limits_are_passed_over_for_the_next_best():
    # 4 in place of 0 would save most but leaves row 0, with limit 1, alone; in place of 1 it saves less.
    X = [[0.0], [1.0], [4.0], [4.2], [4.1]]
    free = polish(X, [0, 1], None, power=1, max_swaps=1)
    assert free.swaps.tolist() == [[0, 2]]
    kept = polish(X, [0, 1], [0.5, 9.0, 9.0, 9.0, 9.0], power=1, max_swaps=1)
    assert kept.swaps.tolist() == [[1, 2]]


# ---------------------------------------------------------------------------------------------------------------------
# Balls


def test_an_empty_ball_is_named():
    with pytest.raises(ValueError, match="1 of 2 critical balls hold no center of the start: those around rows 3;"):
        critical_ball_swaps([[0.0], [1.0], [5.0], [9.0]], [0, 2], CriticalBalls(np.array([0, 3]), np.array([1.0, 3.0])))


def test_a_center_in_two_balls_serves_both():
    # Row 2 lies in the balls around 0 and around 4, so row 0 may leave for the far end. With one ball number per row,
    # row 2 would count in the last ball only, and row 0 could not.
    X = [[0.0], [1.0], [2.0], [3.0], [4.0], [20.0], [30.0]]
    both = CriticalBalls(np.array([0, 4]), np.array([2.0, 2.0]))
    result = critical_ball_swaps(X, [0, 2], both, power=1, min_gain=0.3)
    assert (result.center_indices.tolist(), result.swaps.tolist()) == ([2, 5], [[0, 5]])
    # Two disjoint balls tie both centers.
    result = critical_ball_swaps(X, [0, 4], CriticalBalls(np.array([0, 4]), np.array([1.0, 1.0])), power=1)
    assert result.center_indices.tolist() == [1, 4]


def test_without_balls_it_is_the_vanilla_search():
    X = np.random.default_rng(9).normal(size=(80, 2))
    none = critical_ball_swaps(X, [5, 1, 7], CriticalBalls(np.empty(0, np.intp), np.empty(0)))
    plain = vanilla_swaps(X, 3, init=[5, 1, 7])
    assert as_bytes(none) == as_bytes(plain)


# ---------------------------------------------------------------------------------------------------------------------
# Extreme sizes, copies, weights, units


def test_one_center_and_all_centers():
    X = np.random.default_rng(0).normal(size=(7, 2))
    best = int(np.argmin((between(X) ** 2).sum(axis=0)))
    assert polish(X, [best - 1], None).center_indices.tolist() == [best]
    everyone = polish(X, np.arange(7), np.zeros(7))
    assert (everyone.center_indices.tolist(), everyone.cost, everyone.n_swaps) == (list(range(7)), 0.0, 0)
    alone = polish([[1.0, 2.0]], [0], [0.0])
    assert (alone.cost, alone.converged) == (0.0, True)


def test_copies_count_as_weights():
    rng = np.random.default_rng(1)
    X = np.unique(rng.integers(0, 12, size=(40, 2)), axis=0).astype(float)
    times = rng.integers(1, 5, size=len(X))
    start = np.arange(4)
    limits = nearest_centers(X, X[start])[1].max() * (1 + rng.random(len(X)))
    copied = polish(np.repeat(X, times, axis=0), np.cumsum(times)[start] - 1, np.repeat(limits, times))
    weighted = polish(X, start, limits, weights=times)
    assert (np.repeat(X, times, axis=0)[copied.center_indices] == X[weighted.center_indices]).all()
    assert copied.cost == weighted.cost


def test_a_row_without_weight_keeps_its_limit():
    X, weights = [[0.0], [4.0], [10.0]], [5.0, 1.0, 0.0]
    assert polish(X, [1], [9.0, 9.0, 6.0], weights=weights).center_indices.tolist() == [1]
    assert polish(X, [1], [9.0, 9.0, 10.0], weights=weights).center_indices.tolist() == [0]


def test_all_points_equal():
    X = np.full((5, 2), 3.0)
    result = polish(X, [1, 4], np.zeros(5))
    assert (result.center_indices.tolist(), result.cost, result.converged) == ([1, 4], 0.0, True)
    assert vanilla_swaps(X, 3, init="k-means++", random_state=0).cost == 0.0


@settings(max_examples=20, deadline=None)
@given(seeds, st.sampled_from([2.0**-30, 2.0**20, 1e5]))
def test_units_do_not_matter(seed, unit):
    rng = np.random.default_rng(seed)
    X, start = rng.normal(size=(40, 3)), np.arange(5)
    limits = 1.1 * nearest_centers(X, X[start])[1] + 0.3
    one, other = polish(X, start, limits), polish(X * unit, start, limits * unit)
    assert one.center_indices.tolist() == other.center_indices.tolist()
    assert one.cost * unit**2 == pytest.approx(other.cost, rel=1e-9)


def test_units_far_beyond_those_of_squares():
    X = np.array([[0.0], [1.0], [9.0], [10.0], [12.0]]) * 1e200
    limits = np.full(5, 3e200)
    result = polish(X, [0, 4], limits, power=1)
    assert result.center_indices.tolist() == [0, 3]
    assert result.cost == pytest.approx(4e200, rel=1e-12)
    with pytest.raises(ValueError, match=r"a sum of d\^2, is beyond the largest float"):
        polish(X, [0, 4], limits)


# ---------------------------------------------------------------------------------------------------------------------
# Randomness and options


def as_bytes(result):
    return [np.asarray(value).tobytes() for value in vars(result).values()]


def test_same_seed_same_bytes():
    X = np.random.default_rng(0).normal(size=(150, 2))
    for init in ("random", "k-means++"):
        one, two = (vanilla_swaps(X, 5, init=init, random_state=s) for s in (7, np.random.default_rng(7)))
        assert as_bytes(one) == as_bytes(two)
        assert as_bytes(one) != as_bytes(vanilla_swaps(X, 5, init=init, random_state=8))
    assert as_bytes(polish(X, [1, 2], None)) == as_bytes(polish(X, [2, 1], None))


def test_drawn_candidates():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(400, 2))
    start = np.arange(8)
    runs = [polish(X, start, None, n_candidates=30, random_state=seed) for seed in (1, 1, 2)]
    assert as_bytes(runs[0]) == as_bytes(runs[1])
    assert runs[0].converged
    assert len(set(runs[0].swaps[:, 1].tolist())) <= 30
    assert runs[0].center_indices.tolist() != runs[2].center_indices.tolist()
    assert as_bytes(polish(X, start, None, n_candidates=400, random_state=3)) == as_bytes(polish(X, start, None))


def test_many_rows_are_sampled_by_default():
    X = np.random.default_rng(4).normal(size=(SAMPLED + 500, 1))
    start, limits = [0, 1], None
    default = polish(X, start, limits, max_swaps=3)
    assert as_bytes(default) == as_bytes(polish(X, start, limits, max_swaps=3, n_candidates=SAMPLED, random_state=0))
    assert as_bytes(default) != as_bytes(polish(X, start, limits, max_swaps=3, n_candidates=len(X)))


def test_max_swaps():
    X = np.random.default_rng(6).normal(size=(120, 2))
    end = polish(X, np.arange(6), None)
    assert end.n_swaps > 3
    for s in range(end.n_swaps + 1):
        part = polish(X, np.arange(6), None, max_swaps=s)
        assert (part.n_swaps, part.converged) == (s, s == end.n_swaps)
        assert part.costs.tolist() == end.costs[: s + 1].tolist()


def test_inputs_are_left_alone_and_frames_and_lists_come_in():
    X = np.random.default_rng(2).normal(size=(50, 2))
    rows, limits = np.array([3, 1, 2]), np.full(50, 9.0)
    X.flags.writeable = rows.flags.writeable = limits.flags.writeable = False
    expected = as_bytes(polish(X, rows, limits))
    assert rows.tolist() == [3, 1, 2]
    assert as_bytes(polish(pd.DataFrame(X, columns=["a", "b"]), [3, 1, 2], limits.tolist())) == expected
    assert as_bytes(polish(np.asfortranarray(X), rows.astype(np.uint8), limits)) == expected


def test_the_bar_shows_only_on_request(capfd):
    X = np.random.default_rng(2).normal(size=(50, 2))
    quiet = polish(X, [0, 1, 2], None)
    assert capfd.readouterr() == ("", "")
    assert as_bytes(quiet) == as_bytes(polish(X, [0, 1, 2], None, verbose=True))
    assert "exchanges" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"X": [[0.0], [np.nan]]}, ValueError, "X contains NaN at row 1, column 0"),
        ({"X": [[0.0], [np.inf]]}, ValueError, "X contains infinity at row 1, column 0"),
        ({"center_indices": [0, 4]}, ValueError, "row numbers from 0 to 3; entry 1 is 4"),
        ({"center_indices": [-1]}, ValueError, "entry 0 is -1"),
        ({"center_indices": [3, 3]}, ValueError, "row 3 is repeated"),
        ({"center_indices": [0.0]}, TypeError, "center_indices must hold row numbers"),
        ({"center_indices": []}, ValueError, "at least one"),
        ({"center_indices": [[0]]}, ValueError, r"got shape \(1, 1\)"),
        ({"limits": [1.0]}, ValueError, r"limits has shape \(1,\) but X has 4 rows"),
        ({"limits": [9.0, 9.0, 9.0, -1.0]}, ValueError, "row 3 has -1.0"),
        ({"limits": [9.0, np.nan, 9.0, 9.0]}, ValueError, "row 1 has nan"),
        ({"limits": "far"}, ValueError, "limits must be numbers"),
        ({"weights": [1.0]}, ValueError, r"weights has shape \(1,\) but X has 4 rows"),
        ({"weights": [1e308] * 4}, ValueError, "weights add up to more than the largest float"),
        ({"power": 0.9}, ValueError, "power must be at least 1"),
        ({"min_gain": -0.1}, ValueError, "min_gain must be in"),
        ({"max_swaps": -1}, ValueError, "max_swaps must be at least 0"),
        ({"n_candidates": 0}, ValueError, "n_candidates must be at least 1"),
        ({"random_state": 1.5}, TypeError, "random_state must be"),
    ],
)
def test_bad_input_of_polish(kwargs, error, message):
    with pytest.raises(error, match=message):
        polish(**{"X": [[0.0], [1.0], [2.0], [3.0]], "center_indices": [0], "limits": None, **kwargs})


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"n_clusters": 5}, ValueError, "n_clusters=5 is larger than the number of rows, n_samples=4"),
        ({"init": "kmeans"}, ValueError, 'init must be "random", "k-means\\+\\+" or an array of 2 row numbers'),
        ({"init": [0]}, ValueError, "init has 1 row numbers but n_clusters=2"),
        ({"init": [0, 9]}, ValueError, "init must hold row numbers from 0 to 3"),
    ],
)
def test_bad_input_of_vanilla_swaps(kwargs, error, message):
    with pytest.raises(error, match=message):
        vanilla_swaps(**{"X": [[0.0], [1.0], [2.0], [3.0]], "n_clusters": 2, **kwargs})


def test_bad_balls():
    X = [[0.0], [1.0]]
    with pytest.raises(ValueError, match=r"balls\.radii has shape \(2,\)"):
        critical_ball_swaps(X, [0], CriticalBalls(np.array([0]), np.array([1.0, 1.0])))
    with pytest.raises(ValueError, match=r"balls\.center_indices must hold row numbers from 0 to 1"):
        critical_ball_swaps(X, [0], CriticalBalls(np.array([2]), np.array([1.0])))
