from __future__ import annotations

import itertools
import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from fairclust.solvers.kmeans import KMeansResult, kmeans, lloyd

seeds = st.integers(0, 2**32 - 1)


def scikit_learn(X, centers, weights=None, max_iter=10_000):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KMeans(len(centers), init=centers, n_init=1, tol=0, algorithm="lloyd", max_iter=max_iter)
        return model.fit(X, sample_weight=weights)


def assert_same(ours: KMeansResult, theirs: KMeans, X: np.ndarray) -> None:
    np.testing.assert_array_equal(ours.labels, theirs.labels_)
    np.testing.assert_allclose(ours.centers, theirs.cluster_centers_, rtol=1e-12, atol=1e-12 * np.abs(X).max())
    # scikit-learn evaluates the cost around the mean of X too, but adds it up naively.
    np.testing.assert_allclose(ours.cost, theirs.inertia_, rtol=1e-10, atol=1e-20 * np.abs(X).max() ** 2)
    assert ours.n_iter == theirs.n_iter_


def assert_fixed_point(result: KMeansResult, X: np.ndarray, weights: np.ndarray) -> None:
    assert result.converged
    distances = ((X[:, None] - result.centers) ** 2).sum(axis=2)
    own = distances[np.arange(len(X)), result.labels]
    assert (own <= distances.min(axis=1) * (1 + 1e-12) + 1e-24 * np.abs(X).max() ** 2).all()
    for j in np.unique(result.labels[weights > 0]):
        members = result.labels == j
        mean = np.average(X[members], axis=0, weights=weights[members])
        np.testing.assert_allclose(result.centers[j], mean, rtol=1e-12, atol=1e-12 * np.abs(X).max())


# ---------------------------------------------------------------------------------------------------------------------
# scikit-learn's result from the same start


@pytest.mark.parametrize("seed", range(60))
def test_equals_scikit_learn_from_random_rows(seed):
    rng = np.random.default_rng(seed)
    n, d, k = int(rng.integers(20, 400)), int(rng.integers(1, 12)), int(rng.integers(1, 12))
    X = rng.normal(size=(n, d)) * 10.0 ** rng.integers(-3, 5)
    weights = [None, rng.random(n) + 0.01, rng.integers(1, 5, size=n).astype(float)][seed % 3]
    start = X[rng.choice(n, k, replace=False)]
    result = lloyd(X, start, weights=weights)
    assert_same(result, scikit_learn(X, start, weights), X)
    assert_fixed_point(result, X, np.ones(n) if weights is None else weights)


@pytest.mark.parametrize("seed", range(10))
def test_equals_scikit_learn_where_bounds_must_hold_for_long(seed):
    # A thousand rows and more, many iterations: most rows are skipped in most passes.
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(3000, 3)) * [1.0, 5.0, 0.2]
    start = X[rng.choice(len(X), 10, replace=False)]
    result = lloyd(X, start)
    assert result.n_iter > 15
    assert_same(result, scikit_learn(X, start), X)


@pytest.mark.parametrize("seed", range(10))
def test_equals_scikit_learn_far_from_the_origin(seed):
    rng = np.random.default_rng(seed)
    X = 1e6 + rng.normal(size=(200, 4))
    start = X[rng.choice(len(X), 5, replace=False)]
    assert_same(lloyd(X, start), scikit_learn(X, start), X)


@pytest.mark.parametrize("k", [1, 2, 30])
def test_equals_scikit_learn_for_one_two_and_n_clusters(k):
    X = np.random.default_rng(k).normal(size=(30, 3))
    result = lloyd(X, X[:k])
    assert_same(result, scikit_learn(X, X[:k]), X)
    if k == 30:
        assert result.cost == 0.0
        assert result.labels.tolist() == list(range(30))


@pytest.mark.parametrize("seed", range(10))
def test_equals_scikit_learn_with_duplicates_and_a_constant_column(seed):
    rng = np.random.default_rng(seed)
    distinct = np.column_stack([rng.normal(size=(40, 3)), np.full(40, 3.7)])
    X = distinct[rng.integers(0, 40, size=200)]
    start = np.unique(X, axis=0)[:7]
    assert_same(lloyd(X, start), scikit_learn(X, start), X)


@pytest.mark.parametrize("weighted", [False, True])
def test_equals_scikit_learn_when_clusters_run_empty(weighted):
    emptied = []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        n, d, k = int(rng.integers(40, 200)), int(rng.integers(1, 6)), int(rng.integers(2, 9))
        X = rng.normal(size=(n, d))
        weights = rng.integers(1, 8, size=n) / 4.0 if weighted else None
        start = rng.normal(size=(k, d)) * 4.0
        nearest = ((X[:, None] - start) ** 2).sum(axis=2).argmin(axis=1)
        emptied.append(k - len(np.unique(nearest)))
        assert_same(lloyd(X, start, weights=weights), scikit_learn(X, start, weights), X)
    # The starts did what they are there for: none, one and several clusters were empty.
    assert min(emptied) == 0
    assert emptied.count(1) > 10
    assert max(emptied) > 2


@pytest.mark.parametrize("max_iter", [1, 2, 3, 5])
def test_equals_scikit_learn_when_stopped_early(max_iter):
    X = np.random.default_rng(0).normal(size=(300, 2))
    result = lloyd(X, X[:6], max_iter=max_iter)
    assert_same(result, scikit_learn(X, X[:6], max_iter=max_iter), X)
    assert not result.converged
    assert result.n_iter == max_iter


# ---------------------------------------------------------------------------------------------------------------------
# Instances solved by hand


def test_two_pairs_on_a_line():
    result = kmeans([[0.0], [2.0], [10.0], [14.0]], 2, random_state=1)
    assert sorted(result.centers.ravel().tolist()) == [1.0, 12.0]
    assert result.cost == 1 + 1 + 4 + 4
    assert result.converged
    assert result.costs.shape == (10,)


def test_weights_pull_the_center():
    # (3 * 0 + 1 * 4) / 4 = 1; cost 3 * 1 + 1 * 9.
    result = kmeans([[0.0], [4.0]], 1, weights=[3.0, 1.0], random_state=0)
    assert result.centers.tolist() == [[1.0]]
    assert result.cost == 12.0


def test_an_empty_cluster_moves_to_the_farthest_row():
    # All rows are nearest to center 0 (at 0); row 3 (at 10) is farthest from it and becomes center 1.
    result = lloyd([[0.0], [1.0], [2.0], [10.0]], [[0.0], [1000.0]], max_iter=1)
    assert result.centers.tolist() == [[1.0], [10.0]]


def test_weights_count_when_a_row_leaves_for_an_empty_cluster():
    # (2 * 0 + 6 * 1) / 8 without the row of weight 5 at 10.
    result = lloyd([[0.0], [1.0], [10.0]], [[0.0], [1000.0]], weights=[2.0, 6.0, 5.0], max_iter=1)
    assert result.centers.tolist() == [[0.75], [10.0]]


def test_two_empty_clusters_get_the_farthest_and_the_second_farthest_row():
    result = lloyd([[0.0], [0.5], [8.0], [9.0]], [[1000.0], [0.25], [2000.0]], max_iter=1)
    assert result.centers.tolist() == [[9.0], [0.25], [8.0]]


def test_equally_far_rows_the_lower_one_moves():
    result = lloyd([[-4.0], [0.0], [4.0]], [[0.0], [1000.0]], max_iter=1)
    assert result.centers.tolist() == [[2.0], [-4.0]]


def test_ties_go_to_the_lower_center():
    assert lloyd([[0.0], [1.0], [2.0]], [[0.0], [2.0]], max_iter=1).labels.tolist() == [0, 0, 1]
    assert lloyd([[0.0], [1.0], [2.0]], [[2.0], [0.0]]).labels.tolist() == [1, 0, 0]
    # Two centers in one place: the second stays empty, then is relocated.
    assert lloyd([[0.0], [4.0]], [[0.0], [0.0]]).labels.tolist() == [0, 1]


def test_a_local_optimum_is_left_alone():
    # The corners of a 2 x 1 rectangle, cut the wrong way: a fixed point of cost 4, though 1 is possible.
    X = [[0.0, 0.0], [2.0, 0.0], [0.0, 1.0], [2.0, 1.0]]
    result = lloyd(X, [[1.0, 0.0], [1.0, 1.0]])
    assert (result.cost, result.n_iter, result.converged) == (4.0, 1, True)
    assert kmeans(X, 2, random_state=0).cost == 1.0


def test_no_partition_of_tiny_instances_is_better():
    rng = np.random.default_rng(5)
    reached = 0
    for _ in range(10):
        X, weights = rng.normal(size=(6, 2)), rng.random(6)
        best, optimum = np.inf, X[:3]
        for part in itertools.product(range(3), repeat=6):
            members = [np.flatnonzero(np.array(part) == j) for j in range(3)]
            if all(len(g) for g in members):
                means = np.array([np.average(X[g], axis=0, weights=weights[g]) for g in members])
                cost = float(weights @ ((X - means[list(part)]) ** 2).sum(axis=1))
                best, optimum = (cost, means) if cost < best else (best, optimum)
        # The optimum is a fixed point; no start ends below it, and from k-means++ most lead there.
        assert lloyd(X, optimum, weights=weights).cost == pytest.approx(best, rel=1e-12)
        result = kmeans(X, 3, weights=weights, n_init=40, random_state=0)
        assert result.costs.min() >= best * (1 - 1e-12)
        reached += result.cost <= best * (1 + 1e-12)
    assert reached >= 8


# ---------------------------------------------------------------------------------------------------------------------
# Fewer distinct points than clusters, rows that do not count


def test_fewer_distinct_points_than_clusters_end_at_cost_zero():
    # The mean of copies of 0.1 need not be 0.1: scikit-learn may relocate such clusters for ever.
    for seed in range(30):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(3, 2))[rng.integers(0, 3, size=12)] + 0.1
        for k in (4, 8, 12):
            result = kmeans(X, k, n_init=2, random_state=seed)
            assert result.converged
            assert result.n_iter < 10
            assert result.cost <= 1e-30
            # Every center, of an empty cluster too, stands at a point.
            gaps = np.abs(result.centers[:, None] - X).max(axis=2).min(axis=1)
            assert gaps.max() < 1e-14


def test_all_points_equal():
    result = kmeans(np.full((5, 2), 7.25), 3, random_state=0)
    assert result.labels.tolist() == [0] * 5
    assert result.centers.tolist() == [[7.25, 7.25]] * 3
    assert result.cost == 0.0


def test_more_centers_than_rows():
    result = lloyd([[0.0], [1.0]], [[0.0], [1.0], [2.0], [3.0]])
    assert result.labels.tolist() == [0, 1]
    assert result.cost == 0.0
    assert result.converged


def test_rows_of_weight_zero_take_no_part():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    X[::4] *= 50  # Far away, but weightless: where an empty cluster would go first.
    weights = np.where(np.arange(60) % 4 == 0, 0.0, rng.random(60) + 0.1)
    counted = weights > 0
    start = np.vstack([X[counted][:3], [[500.0, 500.0]]])
    whole, part = lloyd(X, start, weights=weights), lloyd(X[counted], start, weights=weights[counted])
    np.testing.assert_allclose(whole.centers, part.centers, rtol=1e-12)
    np.testing.assert_array_equal(whole.labels[counted], part.labels)
    assert whole.cost == pytest.approx(part.cost, rel=1e-12)
    assert_fixed_point(whole, X, weights)


def test_fewer_counting_rows_than_clusters():
    result = kmeans([[0.0], [3.0], [9.0], [10.0]], 3, weights=[0.0, 1.0, 0.0, 2.0], random_state=0)
    assert result.cost == 0.0
    assert result.labels[1] != result.labels[3]


# ---------------------------------------------------------------------------------------------------------------------
# Laws


def instance(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n, d, k = int(rng.integers(3, 80)), int(rng.integers(1, 5)), int(rng.integers(1, 4))
    X = rng.normal(size=(n, d))
    return X, rng.integers(1, 4, size=n).astype(float), X[rng.choice(n, k, replace=False)]


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_a_weight_of_two_is_the_row_given_twice(seed):
    X, weights, start = instance(seed)
    times = weights.astype(int)
    once, often = lloyd(X, start, weights=weights), lloyd(np.repeat(X, times, axis=0), start)
    np.testing.assert_array_equal(np.repeat(once.labels, times), often.labels)
    np.testing.assert_allclose(once.centers, often.centers, rtol=1e-12, atol=1e-12)
    assert once.cost == pytest.approx(often.cost, rel=1e-11, abs=1e-24)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_the_order_of_the_rows_does_not_matter(seed):
    X, weights, start = instance(seed)
    order = np.random.default_rng(seed).permutation(len(X))
    one, other = lloyd(X, start, weights=weights), lloyd(X[order], start, weights=weights[order])
    np.testing.assert_array_equal(one.labels[order], other.labels)
    np.testing.assert_allclose(one.centers, other.centers, rtol=1e-12, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(-60, 60))
def test_another_unit_changes_no_digit_of_the_result(seed, exponent):
    X, weights, _ = instance(seed)
    k, unit = min(3, len(X)), 2.0**exponent
    one = kmeans(X, k, weights=weights, n_init=2, random_state=seed)
    other = kmeans(X * unit, k, weights=weights, n_init=2, random_state=seed)
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_array_equal(one.centers * unit, other.centers)
    assert one.cost * unit**2 == other.cost


@settings(max_examples=60, deadline=None)
@given(seeds, st.floats(-1e3, 1e3))
def test_moving_everything_moves_the_centers(seed, offset):
    X, weights, start = instance(seed)
    one, other = lloyd(X, start, weights=weights), lloyd(X + offset, start + offset, weights=weights)
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_allclose(one.centers + offset, other.centers, rtol=1e-12, atol=1e-11)
    # X + offset is rounded, by about 1e-13 a coordinate.
    assert one.cost == pytest.approx(other.cost, rel=1e-9, abs=1e-20)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_cost_never_rises_and_ends_at_a_fixed_point(seed):
    X, weights, start = instance(seed)
    end = lloyd(X, start, weights=weights)
    costs = [lloyd(X, start, weights=weights, max_iter=t).cost for t in range(1, end.n_iter + 1)]
    assert all(later <= earlier * (1 + 1e-12) for earlier, later in itertools.pairwise(costs))
    assert costs[-1] == end.cost
    assert_fixed_point(end, X, weights)
    again = lloyd(X, end.centers, weights=weights)
    np.testing.assert_array_equal(again.labels, end.labels)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_cost_is_accurate_to_twelve_digits(offset):
    rng = np.random.default_rng(3)
    X, weights = offset + rng.normal(size=(500, 3)), rng.random(500)
    result = kmeans(X, 4, weights=weights, n_init=1, random_state=0)
    exact = Fraction(0)
    for j in range(4):
        rows = np.flatnonzero(result.labels == j)
        mass = sum(Fraction(weights[i]) for i in rows)
        for f in range(3):
            first = sum(Fraction(weights[i]) * Fraction(X[i, f]) for i in rows)
            square = sum(Fraction(weights[i]) * Fraction(X[i, f]) ** 2 for i in rows)
            exact += square - first * first / mass
    assert abs(Fraction(result.cost) - exact) < exact / 10**12


# ---------------------------------------------------------------------------------------------------------------------
# Starts and randomness


def as_bytes(result: KMeansResult) -> list[bytes]:
    return [np.asarray(value).tobytes() for value in vars(result).values()]


def test_same_seed_same_bytes():
    X = np.random.default_rng(0).normal(size=(500, 3))
    assert as_bytes(kmeans(X, 5, random_state=7)) == as_bytes(kmeans(X, 5, random_state=7))
    generator = np.random.default_rng(7)
    assert as_bytes(kmeans(X, 5, random_state=7)) == as_bytes(kmeans(X, 5, random_state=generator))
    assert as_bytes(kmeans(X, 5, random_state=generator)) != as_bytes(kmeans(X, 5, random_state=7))


def test_the_best_start_wins_and_first_starts_do_not_depend_on_later_ones():
    X = np.random.default_rng(1).normal(size=(300, 2))
    many, few = kmeans(X, 8, n_init=12, random_state=3), kmeans(X, 8, n_init=4, random_state=3)
    np.testing.assert_array_equal(many.costs[:4], few.costs)
    assert many.cost == many.costs.min() == many.costs[many.start]
    assert many.start == int(np.argmin(many.costs))


def test_given_centers_make_one_run():
    X = np.random.default_rng(2).normal(size=(50, 2))
    one, other = kmeans(X, 3, init=X[:3], n_init=10), lloyd(X, X[:3])
    assert as_bytes(one) == as_bytes(other)
    assert one.costs.shape == (1,)


def test_inputs_are_left_alone_and_frames_and_lists_come_in():
    X = np.random.default_rng(2).normal(size=(50, 2))
    X.flags.writeable = False
    before = X.copy()
    start = X[:3]
    expected = as_bytes(lloyd(X, start))
    np.testing.assert_array_equal(X, before)
    assert as_bytes(lloyd(pd.DataFrame(X, columns=["a", "b"]), start.tolist())) == expected
    assert as_bytes(lloyd(np.asfortranarray(X), start)) == expected
    assert lloyd([[0], [2], [10], [14]], [[0], [10]]).centers.tolist() == [[1.0], [12.0]]


# ---------------------------------------------------------------------------------------------------------------------
# Bad input

FOUR = [[0.0], [1.0], [2.0], [3.0]]


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"X": [[0.0], [np.nan]]}, ValueError, "X contains NaN at row 1, column 0"),
        ({"X": [[0.0], [np.inf]]}, ValueError, "X contains infinity at row 1"),
        ({"n_clusters": 0}, ValueError, "n_clusters must be at least 1"),
        ({"n_clusters": 5}, ValueError, "n_clusters=5 is larger than the number of rows, n_samples=4"),
        ({"n_clusters": 2.0}, TypeError, "n_clusters must be an integer"),
        ({"weights": [1.0]}, ValueError, r"weights has shape \(1,\) but X has 4 rows"),
        ({"weights": [1.0, -1.0, 1.0, 1.0]}, ValueError, "row 1 has -1"),
        ({"weights": [0.0] * 4}, ValueError, "weights are all zero"),
        ({"weights": [1e308] * 4}, ValueError, "weights add up to more than the largest float"),
        ({"init": "random"}, ValueError, 'init must be "k-means\\+\\+" or an array of 2 centers'),
        ({"init": [[0.0]]}, ValueError, "init has 1 centers but n_clusters=2"),
        ({"init": [[0.0, 1.0], [2.0, 3.0]]}, ValueError, "init have 2 features but X has 1"),
        ({"init": [[0.0], [np.nan]]}, ValueError, "init contains NaN at row 1"),
        ({"n_init": 0}, ValueError, "n_init must be at least 1"),
        ({"max_iter": 0}, ValueError, "max_iter must be at least 1"),
        ({"max_iter": 1.5}, TypeError, "max_iter must be an integer"),
        ({"random_state": "seed"}, TypeError, "random_state must be"),
    ],
)
def test_bad_input_is_named(kwargs, error, message):
    with pytest.raises(error, match=message):
        kmeans(**{"X": FOUR, "n_clusters": 2, **kwargs})


def test_lloyd_names_bad_centers():
    with pytest.raises(ValueError, match="centers have 2 features but X has 1"):
        lloyd(FOUR, [[0.0, 1.0]])
    with pytest.raises(ValueError, match="max_iter"):
        lloyd(FOUR, [[0.0]], max_iter=0)


def test_units_far_beyond_those_of_squares():
    X = np.array([[0.0], [2.0], [10.0], [14.0]])
    tiny = kmeans(X * 1e-200, 2, random_state=0)
    assert len(np.unique(tiny.labels)) == 2
    assert np.sort(tiny.centers.ravel()) == pytest.approx([1e-200, 12e-200], rel=1e-12)
    with pytest.raises(ValueError, match="beyond the largest float; express X in a larger unit"):
        kmeans(X * 1e200, 2, random_state=0)
    assert kmeans(X * 1e200, 4, random_state=0).cost == 0.0


def test_a_start_out_of_all_bounds_is_relocated():
    result = lloyd(FOUR, [[1e308], [-1e308]])
    assert result.converged
    # All rows are equally (infinitely) far: the first one leaves, and {0} against {1, 2, 3} is a fixed point.
    assert result.centers.tolist() == [[2.0], [0.0]]
