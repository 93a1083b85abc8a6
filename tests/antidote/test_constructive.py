"""The constructive antidote: by hand, its fixed points, why no smaller V will do, and the search in few dimensions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.antidote import (
    AntidoteProblem,
    FixedStartKMeans,
    constructive_antidote,
    constructive_path,
    stacked_antidote,
)
from fairclust.antidote.constructive import _split
from fairclust.distances import nearest_centers
from fairclust.metrics import social_cost
from fairclust.solvers.kmeans import kmeans
from fairclust.solvers.minimax_centers import socially_fair_kmeans

LINE = [[0.0], [1.0], [8.0], [9.0], [10.0], [11.0]]


def instance(seed, n=60, d=2, k=3):
    rng = np.random.default_rng(seed)
    codes = np.concatenate([[0, 1], rng.integers(0, 2, n - 2)])
    X = rng.normal(size=(n, d)) + (3 * rng.normal(size=(k, d)))[rng.integers(0, k, n)] + codes[:, None]
    return X, codes, rng


def test_one_cluster_pulled_by_hand():
    # The right cluster {8, 9, 10, 11} to 9.4: away from the mean 9.5 by 0.1, four rows, so 9.4 - 4 * 0.1 / m.
    found = constructive_antidote(LINE, [[0.5], [9.4]])
    assert found.counts.tolist() == [0, 1]
    np.testing.assert_allclose(found.antidote, [[9.0]])
    assert np.isnan(found.positions[0]).all()
    assert found.is_fixed_point
    # To 6: a single row would have to lie at 6 - 14 = -8, in the left cell. The border is 3.25, so m > 14 / 2.75.
    found = constructive_antidote(LINE, [[0.5], [6.0]])
    assert found.counts.tolist() == [0, 6]
    np.testing.assert_allclose(found.positions[1], [6.0 - 14 / 6])
    assert found.n_antidote == 6
    assert found.is_fixed_point
    assert found.distance < 1e-12


def test_a_row_on_the_border_is_not_enough():
    # m = 2 puts the row exactly between the targets 0.5 and 8.5: 8.5 - (4 / m) * 2 = 4.5.
    X = [[0.5], [8.5 + 1.0], [8.5 + 3.0], [10.5], [10.5]]
    found = constructive_antidote(X, [[0.5], [8.5]], margin=0.0)
    assert found.counts.tolist() == [0, 3]
    assert found.is_fixed_point


def test_the_means_need_nothing():
    X, _, _ = instance(0)
    found = constructive_antidote(X, kmeans(X, 3, random_state=0).centers)
    assert found.n_antidote == 0
    assert found.antidote.shape == (0, 2)
    assert found.is_fixed_point


def test_a_target_that_nobody_is_nearest_to_gets_a_row_of_its_own():
    found = constructive_antidote(LINE, [[0.5], [9.5], [100.0]])
    assert found.counts.tolist() == [0, 0, 1]
    assert found.antidote.tolist() == [[100.0]]
    assert found.is_fixed_point


def test_one_center_goes_anywhere_with_one_row():
    found = constructive_antidote(LINE, [[-50.0]])
    assert found.n_antidote == 1
    assert found.is_fixed_point


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 3), st.sampled_from([0.01, 0.3, 1.0]))
def test_any_targets_become_a_fixed_point_and_no_smaller_v_does_it(seed, k, d, far):
    X, _, rng = instance(seed, d=d)
    targets = kmeans(X, k, random_state=0).centers + far * rng.normal(size=(k, d))
    found = constructive_antidote(X, targets, margin=0.0)
    assert found.is_fixed_point
    np.testing.assert_allclose(found.centers, targets, atol=1e-9 * np.ptp(X))
    assert len(found.antidote) == found.counts.sum()
    labels, _ = nearest_centers(X, targets)
    for i in range(k):
        rows = X[labels == i]
        if found.counts[i] < 2 or not len(rows):
            continue
        # One row fewer: their mean would have to be here, which is not nearer to target i than to all others.
        mean = targets[i] + len(rows) / (found.counts[i] - 1) * (targets[i] - rows.mean(axis=0))
        distances = np.linalg.norm(mean - targets, axis=1)
        assert np.delete(distances, i).min() <= distances[i] * (1 + 1e-12)


def test_no_v_of_fewer_rows_by_brute_force():
    # Two clusters on a line; six rows are needed (see above). Thousands of V of five rows in the right cell: the center
    # of the right cluster never gets as far as 6.
    cell = np.linspace(3.2501, 30, 40)
    rng = np.random.default_rng(0)
    V = np.vstack([rng.choice(cell, size=(5000, 5)), np.repeat(cell[:, None], 5, axis=1)])
    reached = (38 + V.sum(axis=1)) / (4 + 5)
    assert reached.min() > 6.0
    assert (38 + 6 * cell.min()) / (4 + 6) < 6.0


def test_socially_fair_centers_and_where_k_means_ends_up():
    X, codes, _ = instance(3, n=200)
    vanilla = kmeans(X, 3, random_state=0).centers
    fair = socially_fair_kmeans(X, 3, codes, init=vanilla)
    found = constructive_antidote(X, fair.centers)
    assert found.is_fixed_point
    assert social_cost(X, found.centers, codes) == pytest.approx(fair.value, rel=1e-9)
    assert fair.value < social_cost(X, vanilla, codes)
    # From the targets themselves the clusterer finds them, through the problem as well.
    problem = AntidoteProblem(X, codes, FixedStartKMeans(3, init=fair.centers))
    assert problem(found.antidote) == pytest.approx(fair.value, rel=1e-9)


def test_the_path_from_vanilla_to_fair():
    X, codes, _ = instance(3, n=200)
    vanilla = kmeans(X, 3, random_state=0).centers
    fair = socially_fair_kmeans(X, 3, codes, init=vanilla)
    path = constructive_path(X, codes, vanilla, fair.centers, n_steps=10)
    assert list(path) == ["t", "n_antidote", "social_cost", "is_fixed_point"]
    assert path["t"].tolist() == pytest.approx([i / 10 for i in range(11)])
    assert path["n_antidote"].iloc[0] == 0
    assert path["is_fixed_point"].all()
    assert path["social_cost"].iloc[0] == pytest.approx(social_cost(X, vanilla, codes))
    assert path["social_cost"].iloc[-1] == pytest.approx(fair.value, rel=1e-9)
    assert path["n_antidote"].iloc[-1] == constructive_antidote(X, fair.centers).n_antidote


def test_stacks():
    X, codes, _ = instance(5, n=150)
    problem = AntidoteProblem(X, codes, FixedStartKMeans(3, n_init=2, random_state=0))
    V, value = stacked_antidote(problem, 7, budget=300, random_state=0)
    assert V.shape == (7, 2)
    assert len(np.unique(V, axis=0)) <= 3
    assert problem(V) == value < problem.vanilla.fairness
    again, _ = stacked_antidote(problem, 7, budget=300, random_state=0)
    assert again.tobytes() == V.tobytes()
    near, _ = stacked_antidote(problem, 7, budget=30, scale=1e-6, random_state=0)
    assert nearest_centers(near, problem.vanilla.centers)[1].max() < 1e-4


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 50), st.lists(st.floats(-30, 30), min_size=1, max_size=6))
def test_shares_become_whole_numbers(size, logits):
    counts = _split(size, np.array(logits))
    assert counts.sum() == size
    shares = np.exp(logits) / np.exp(logits).sum()
    assert (np.abs(counts - size * shares) < 1 + 1e-9).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target_centers": [[1.0], [2.0], [1.0]]}, "target_centers 0 and 2 coincide"),
        ({"target_centers": [[1.0, 2.0]]}, "target_centers have 2 features but X has 1"),
        ({"target_centers": [[np.nan]]}, "target_centers contains NaN"),
        ({"margin": -0.1}, "margin must be in"),
        ({"margin": 1.0, "target_centers": [[0.5], [9.4]]}, "no V can be told apart"),
        ({"X": [[np.inf]]}, "X contains infinity"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        constructive_antidote(**{"X": LINE, "target_centers": [[0.5], [9.5]], **arguments})


def test_bad_paths_and_stacks():
    with pytest.raises(ValueError, match="start_centers has 1 centers and end_centers has 2"):
        constructive_path(LINE, None, [[0.5]], [[0.5], [9.0]])
    with pytest.raises(ValueError, match="n_steps must be at least 1"):
        constructive_path(LINE, None, [[0.5]], [[0.6]], n_steps=0)
    problem = AntidoteProblem(LINE, None, FixedStartKMeans(2, random_state=0))
    with pytest.raises(ValueError, match="n_antidote must be at least 1"):
        stacked_antidote(problem, 0)
    with pytest.raises(ValueError, match="scale must be positive"):
        stacked_antidote(problem, 2, scale=[-1.0])
