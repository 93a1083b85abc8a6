"""The oracle against full Lloyd, for thousands of V: labels, passes, bytes, groups, and the ways it may be cornered."""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from fairclust.datasets import load_credit_card
from fairclust.solvers import kmeans_oracle
from fairclust.solvers.kmeans import kmeans, lloyd
from fairclust.solvers.kmeans_oracle import KMeansOracle

seeds = st.integers(0, 2**32 - 1)


def blobs(rng, n, d, k, spread=3.0):
    return rng.normal(size=(n, d)) + spread * rng.normal(size=(k, d))[rng.integers(0, k, n)]


def assert_is_lloyd(oracle: KMeansOracle, X, codes, V, number=0):
    """The result for V is that of lloyd from this start, label for label, with its groups' counts and costs."""
    found = oracle(V)
    full = lloyd(np.vstack([X, V]), oracle.starts[number], max_iter=oracle.max_iter)
    labels = full.labels[: len(X)]
    np.testing.assert_array_equal(oracle.labels(found), labels)
    assert found.n_iter == max(2, full.n_iter)
    assert found.converged == full.converged
    scale = np.abs(np.vstack([X, V])).max()
    np.testing.assert_allclose(found.centers, full.centers, rtol=1e-11, atol=1e-12 * scale)
    n_groups, k = int(codes.max()) + 1, len(full.centers)
    np.testing.assert_array_equal(
        found.counts, np.bincount(labels * n_groups + codes, minlength=k * n_groups).reshape(k, n_groups)
    )
    squared = ((X - full.centers[labels]) ** 2).sum(axis=1)
    means = np.bincount(codes, weights=squared) / np.bincount(codes)
    np.testing.assert_allclose(found.group_costs, means, rtol=1e-10, atol=1e-20 * scale**2)
    np.testing.assert_allclose(found.cost, full.cost, rtol=1e-10, atol=1e-20 * scale**2)
    return found


@settings(max_examples=150, deadline=None)
@given(
    seeds,
    st.integers(1, 60),
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(0, 8),
    st.sampled_from([0.1, 1.0, 10.0, 1e4]),
    st.sampled_from(["seeds", "vanilla"]),
)
def test_it_is_lloyd(seed, n, d, k, m, scale, start):
    rng = np.random.default_rng(seed)
    k = min(k, n)
    X, codes = blobs(rng, n, d, k), rng.integers(0, 2, n)
    codes = np.unique(codes, return_inverse=True)[1]
    oracle = KMeansOracle(X, k, codes, n_init=1, random_state=seed, start=start)
    for _ in range(4):
        assert_is_lloyd(oracle, X, codes, scale * rng.normal(size=(m, d)))


@settings(max_examples=150, deadline=None)
@given(seeds, st.integers(1, 25), st.integers(1, 2), st.integers(1, 5), st.integers(0, 5), st.sampled_from([2, 3, 6]))
def test_on_a_lattice_where_ties_duplicates_and_empty_clusters_abound(seed, n, d, k, m, side):
    rng = np.random.default_rng(seed)
    k = min(k, n)
    X, codes = rng.integers(0, side, (n, d)).astype(float), np.zeros(n, dtype=int)
    oracle = KMeansOracle(X, k, codes, n_init=1, random_state=seed)
    for _ in range(3):
        assert_is_lloyd(oracle, X, codes, rng.integers(-1, side + 1, (m, d)).astype(float))


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(2, 30), st.integers(1, 3), st.integers(1, 4))
def test_rows_of_u_given_again_and_antidotes_in_one_place(seed, n, d, k):
    rng = np.random.default_rng(seed)
    k = min(k, n)
    X, codes = blobs(rng, n, d, k)[rng.integers(0, n, n)], rng.integers(0, 3, n)
    codes = np.unique(codes, return_inverse=True)[1]
    oracle = KMeansOracle(X, k, codes, n_init=1, random_state=seed)
    assert_is_lloyd(oracle, X, codes, X[rng.integers(0, n, 4)])
    assert_is_lloyd(oracle, X, codes, np.repeat(5 * rng.normal(size=(1, d)), 7, axis=0))
    assert_is_lloyd(oracle, X, codes, oracle.vanilla.centers)


@pytest.mark.parametrize("start", ["seeds", "vanilla"])
def test_thousands_of_v_near_and_far(start):
    rng = np.random.default_rng(5)
    X, codes = blobs(rng, 600, 3, 4, 1.5), rng.integers(0, 3, 600)
    oracle = KMeansOracle(X, 4, codes, n_init=1, random_state=2, start=start)
    for i in range(1500):
        assert_is_lloyd(oracle, X, codes, 10.0 ** rng.uniform(-2, 3) * rng.normal(size=(1 + i % 30, 3)))
    assert oracle.n_calls == 1500
    assert oracle.n_slow < 15


def test_it_is_lloyd_in_plain_numpy():
    # No code shared with the package: labels and means, until the labels repeat.
    rng = np.random.default_rng(11)
    X = blobs(rng, 300, 2, 3, 2.0)
    oracle = KMeansOracle(X, 3, n_init=1, random_state=0)
    for _ in range(50):
        V = 3 * rng.normal(size=(5, 2))
        everyone, centers, labels = np.vstack([X, V]), oracle.starts[0], None
        while True:
            new = ((everyone[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
            if labels is not None and (new == labels).all():
                break
            labels, centers = new, np.array([everyone[new == i].mean(axis=0) for i in range(3)])
        found = oracle(V)
        np.testing.assert_array_equal(oracle.labels(found), labels[:300])
        assert found.fast


def test_bytes_do_not_depend_on_what_was_asked_before(monkeypatch):
    rng = np.random.default_rng(0)
    X, codes = blobs(rng, 3000, 2, 3, 1.0), rng.integers(0, 2, 3000)
    batch = [10.0 ** rng.uniform(-1, 2) * rng.normal(size=(20, 2)) for _ in range(80)]
    used = KMeansOracle(X, 3, codes, n_init=2, random_state=1)
    answers = [used(V) for V in batch]
    again = [used(V) for V in batch]
    # Hardly any memory: nodes are given up all the time.
    monkeypatch.setattr(kmeans_oracle, "MEMORY", 1)
    poor = KMeansOracle(X, 3, codes, n_init=2, random_state=1)
    forgetful = [poor(V) for V in reversed(batch)][::-1]
    assert used._nodes.count > poor._nodes.count
    for results in zip(answers, again, forgetful, strict=True):
        for name in ("centers", "counts", "group_costs"):
            assert len({getattr(r, name).tobytes() for r in results}) == 1
        assert len({(r.cost, r.start, r.n_iter) for r in results}) == 1


def test_bytes_of_the_fast_and_the_slow_way_agree(monkeypatch):
    rng = np.random.default_rng(3)
    X, codes = blobs(rng, 500, 3, 2, 1.0), rng.integers(0, 2, 500)
    oracle = KMeansOracle(X, 2, codes, n_init=1, random_state=1)
    batch = [rng.normal(size=(6, 3)) for _ in range(20)]
    fast = [oracle(V) for V in batch]
    monkeypatch.setattr(oracle, "_descend", lambda *_: None)
    slow = [oracle(V) for V in batch]
    assert all(r.fast for r in fast)
    assert not any(r.fast for r in slow)
    assert oracle.n_slow == 20
    for a, b in zip(fast, slow, strict=True):
        assert a.centers.tobytes() == b.centers.tobytes()
        assert (a.cost, a.group_costs.tolist(), a.n_iter) == (b.cost, b.group_costs.tolist(), b.n_iter)


def test_the_best_of_several_starts():
    rng = np.random.default_rng(8)
    X = blobs(rng, 200, 2, 5, 4.0)
    oracle = KMeansOracle(X, 5, n_init=6, random_state=3)
    whole = kmeans(X, 5, n_init=6, random_state=3)
    # The first start of the lowest cost: kmeans decides between equal costs by their rounding.
    assert oracle.vanilla.cost == pytest.approx(whole.cost, rel=1e-12)
    for _ in range(40):
        V = 6 * rng.normal(size=(8, 2))
        runs = [lloyd(np.vstack([X, V]), start) for start in oracle.starts]
        costs = np.array([r.cost for r in runs])
        winner = int(np.flatnonzero(costs <= costs.min() * (1 + 1e-12))[0])
        found = oracle(V)
        assert found.start == winner
        np.testing.assert_array_equal(oracle.labels(found), runs[winner].labels[:200])


def test_the_two_starts_are_two_functions():
    # U has two optima, and the seeds lie in the basin of the worse one if V does not interfere.
    X = np.array([[0.0, 0.0], [0.0, 1.0], [6.0, 0.0], [6.1, 1.0], [0.2, 3.0], [6.0, 3.3]])
    init = np.array([[3.0, 0.2], [3.0, 3.0]])
    from_seeds = KMeansOracle(X, 2, init=init)
    from_vanilla = KMeansOracle(X, 2, init=init, start="vanilla")
    assert from_vanilla.vanilla.cost == from_seeds.vanilla.cost
    np.testing.assert_allclose(from_vanilla.starts[0], from_seeds.vanilla.centers)
    rng = np.random.default_rng(0)
    differ = 0
    for _ in range(200):
        V = rng.normal(scale=4, size=(2, 2)) + 3
        differ += from_seeds(V).cost != from_vanilla(V).cost
    assert differ > 0


def test_ties_go_to_lloyd_and_are_said_to():
    oracle = KMeansOracle([[0.0], [1.0], [2.0]], 2, init=[[0.0], [2.0]])
    assert not oracle([[5.0]]).fast
    assert oracle.n_slow == 1
    assert KMeansOracle([[0.0], [1.0], [2.5]], 2, init=[[0.0], [2.5]])([[5.3]]).fast


def test_an_empty_cluster_goes_to_lloyd():
    X = np.array([[0.0], [0.5], [1.3], [9.0]])
    oracle = KMeansOracle(X, 3, init=[[0.0], [50.0], [9.1]])
    found = assert_is_lloyd(oracle, X, np.zeros(4, int), np.array([[0.3]]))
    assert not found.fast
    # Guests may have a cluster to themselves; then none of U is in it.
    alone = oracle([[55.0], [56.0]])
    assert alone.fast
    assert alone.counts.sum(axis=1).tolist() == [3, 0, 1]
    assert alone.centers[1, 0] == 55.5


def test_more_clusters_than_distinct_points():
    X = np.array([[1.0, 2.0]] * 5 + [[3.0, 4.0]])
    oracle = KMeansOracle(X, 4, n_init=3, random_state=0)
    assert oracle.vanilla.cost == 0.0
    assert_is_lloyd(
        KMeansOracle(X, 4, n_init=1, random_state=0), X, np.zeros(6, int), np.array([[1.0, 2.0], [9.0, 9.0]])
    )


@pytest.mark.parametrize("far", [1e6, 1e12, 1e120])
def test_very_far_guests(far):
    rng = np.random.default_rng(1)
    X, codes = blobs(rng, 100, 2, 2), np.zeros(100, int)
    oracle = KMeansOracle(X, 2, codes, n_init=1, random_state=0)
    found = oracle([[far, 0.0]])
    full = lloyd(np.vstack([X, [[far, 0.0]]]), oracle.starts[0])
    np.testing.assert_array_equal(oracle.labels(found), full.labels[:100])
    # The guest ends up in a cluster of its own, and all of U in the other.
    assert sorted(found.counts.ravel().tolist()) == [0, 100]
    assert found.group_costs[0] == pytest.approx(((X - X.mean(axis=0)) ** 2).sum(axis=1).mean(), rel=1e-12)


@pytest.mark.parametrize("unit", [1e-150, 1e-9, 1e9, 1e120])
def test_any_unit(unit):
    rng = np.random.default_rng(2)
    X, codes = blobs(rng, 80, 3, 3) * unit, rng.integers(0, 2, 80)
    oracle = KMeansOracle(X, 3, codes, n_init=1, random_state=0)
    for _ in range(5):
        V = unit * rng.normal(size=(4, 3))
        full = lloyd(np.vstack([X, V]), oracle.starts[0])
        np.testing.assert_array_equal(oracle.labels(oracle(V)), full.labels[:80])
    with pytest.raises(ValueError, match="beyond the largest float"):
        KMeansOracle(X / unit * 1e200, 3)


def test_tight_clusters_far_from_each_other_keep_their_digits():
    rng = np.random.default_rng(4)
    X = 1e-6 * rng.normal(size=(200, 2)) + np.repeat([[0.0, 0.0], [1.0, 1.0]], 100, axis=0)
    oracle = KMeansOracle(X, 2, rng.integers(0, 2, 200), n_init=1, random_state=0)
    V = np.array([[0.0, 1e-6]])
    found = oracle(V)
    labels = oracle.labels(found)
    everyone, both = np.vstack([X, V]), np.append(labels, labels[0])
    centers = np.array([everyone[both == i].mean(axis=0) for i in range(2)])
    direct = ((X - centers[labels]) ** 2).sum(axis=1)
    means = [direct[oracle.groups.codes == h].mean() for h in range(2)]
    np.testing.assert_allclose(found.group_costs, means, rtol=1e-8)


def test_out_of_passes():
    rng = np.random.default_rng(6)
    X, codes = rng.uniform(size=(400, 2)), np.zeros(400, int)
    oracle = KMeansOracle(X, 6, codes, n_init=1, max_iter=3, random_state=0)
    found = assert_is_lloyd(oracle, X, codes, rng.uniform(size=(3, 2)))
    assert not found.converged
    assert not found.fast
    assert found.n_iter == 3


@pytest.mark.parametrize(
    ("V", "message"),
    [
        ([[1.0, np.nan]], "V contains NaN at row 0, column 1"),
        ([[np.inf, 1.0]], "V contains infinity"),
        ([[1.0, 2.0, 3.0]], "V have 3 features but X has 2"),
        ([1.0, 2.0], "Expected 2D array"),
        (np.empty((0, 3)), r"V has shape \(0, 3\); without rows it must be \(0, 2\)"),
    ],
)
def test_bad_guests(V, message):
    oracle = KMeansOracle([[0.0, 1.0], [2.0, 3.0], [5.0, 1.0]], 2, random_state=0)
    with pytest.raises(ValueError, match=message):
        oracle(V)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_clusters": 5}, ValueError, "n_clusters=5 is larger than the number of rows"),
        ({"n_clusters": 0}, ValueError, "n_clusters must be at least 1"),
        ({"n_clusters": 2.5}, TypeError, "n_clusters must be an integer"),
        ({"start": "middle"}, ValueError, 'start must be "seeds" or "vanilla"'),
        ({"init": "random"}, ValueError, 'init must be "k-means\\+\\+" or an array'),
        ({"init": [[0.0, 1.0]]}, ValueError, "init has 1 centers but n_clusters=2"),
        ({"init": [0.0, 1.0]}, ValueError, r"init has shape \(2,\)"),
        ({"init": [[0.0], [1.0]]}, ValueError, "init have 1 features but X has 2"),
        ({"n_init": 0}, ValueError, "n_init must be at least 1"),
        ({"max_iter": 0}, ValueError, "max_iter must be at least 1"),
        ({"sensitive_features": ["a", "b"]}, ValueError, "sensitive_features has 2 entries but X has 3 rows"),
        ({"X": [[0.0, np.nan], [1.0, 1.0]]}, ValueError, "X contains NaN"),
    ],
)
def test_bad_arguments(arguments, error, message):
    X = arguments.pop("X", [[0.0, 1.0], [2.0, 3.0], [5.0, 1.0]])
    with pytest.raises(error, match=message):
        KMeansOracle(X, arguments.pop("n_clusters", 2), **arguments)


def assert_is_scikit_learn(X, k):
    oracle = KMeansOracle(X, k, n_init=1, random_state=0)
    rng = np.random.default_rng(0)
    for m in (5, 200):
        V = X.std(axis=0) * rng.normal(size=(m, X.shape[1]))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = KMeans(k, init=oracle.starts[0], n_init=1, tol=0, max_iter=1000).fit(np.vstack([X, V]))
        found = oracle(V)
        assert found.fast
        np.testing.assert_array_equal(oracle.labels(found), model.labels_[: len(X)])
        assert found.n_iter == model.n_iter_


def test_credit_card_as_scikit_learn_clusters_it():
    X = load_credit_card().X.to_numpy(dtype=float)
    assert_is_scikit_learn((X - X.mean(axis=0)) / X.std(axis=0), 2)


@pytest.mark.skipif("FAIRCLUST_DATA" not in os.environ, reason="FAIRCLUST_DATA not set")
def test_bank_full_as_scikit_learn_clusters_it():
    from fairclust.experiments.preparation import antidote_bank

    assert_is_scikit_learn(antidote_bank().X, 2)
