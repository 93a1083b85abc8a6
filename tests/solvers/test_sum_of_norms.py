"""Sum-of-norms clustering against cvxpy, closed forms, known paths and its own certificate."""

from __future__ import annotations

import itertools

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import isotonic_regression

from fairclust.solvers.sum_of_norms import fusion_bounds, sum_of_norms, sum_of_norms_reference
from fairclust.solvers.sum_of_norms_graph import complete_graph, incidence_matrix, neighbor_graph


def cloud(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) + 3.0 * rng.integers(0, 2, size=(n, 1))


def objective(X, mu, lam, graph=None):
    graph = complete_graph(len(X)) if graph is None else graph
    lengths = np.linalg.norm(mu[graph.tails] - mu[graph.heads], axis=1)
    return 0.5 * ((X - mu) ** 2).sum() + lam * (graph.weights * lengths).sum()


def bound(X, zeta, graph):
    pull = incidence_matrix(graph) @ zeta
    return (X * pull).sum() - 0.5 * (pull**2).sum()


def check_certificate(X, found, lam):
    """Everything the result says about itself, from its definition. The bound is for X around any origin."""
    graph = found.graph
    scale = 0.5 * ((X - X.mean(axis=0)) ** 2).sum() + 1e-300
    assert found.value == pytest.approx(objective(X, found.centroids, lam, graph), rel=1e-9, abs=1e-12 * scale)
    assert found.lower_bound == pytest.approx(bound(X - X.mean(axis=0), found.multipliers, graph), abs=1e-9 * scale)
    assert found.gap >= 0
    assert found.value - found.lower_bound == pytest.approx(found.gap, abs=1e-12 * scale)
    lengths = np.linalg.norm(found.multipliers, axis=1)
    assert (lengths <= lam * graph.weights * (1 + 1e-12)).all()
    assert found.tolerance == pytest.approx(2 * np.sqrt(found.gap))
    _, first = np.unique(found.labels, return_index=True)
    assert (np.diff(first) > 0).all()
    if found.fusions_proven:
        np.testing.assert_array_equal(found.centroids, found.centers[found.labels])


class TestAgainstCvxpy:
    @pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.45, 0.6, 1.0])
    @pytest.mark.parametrize(("n", "d"), [(2, 1), (7, 1), (25, 2), (20, 5)])
    def test_complete_graph(self, n, d, share):
        X = cloud(n, d)
        lam = share * fusion_bounds(X)[1]
        found = sum_of_norms(X, lam)
        check_certificate(X, found, lam)
        reference = sum_of_norms_reference(X, lam)
        np.testing.assert_allclose(found.centroids, reference, atol=2e-4)
        assert found.value <= objective(X, reference, lam) * (1 + 1e-12)
        assert found.value == pytest.approx(objective(X, reference, lam), rel=1e-6, abs=1e-7)
        assert found.status == "optimal"

    @pytest.mark.parametrize("lam", [0.05, 0.3, 1.0, 5.0])
    @pytest.mark.parametrize("n_neighbors", [1, 4])
    def test_neighbor_graph(self, n_neighbors, lam):
        X = cloud(30, 2, seed=3)
        graph = neighbor_graph(X, n_neighbors)
        found = sum_of_norms(X, lam, graph=graph)
        check_certificate(X, found, lam)
        assert found.status == "optimal"
        reference = sum_of_norms_reference(X, lam, graph=graph)
        np.testing.assert_allclose(found.centroids, reference, atol=2e-4)
        assert found.value <= objective(X, reference, lam, graph) * (1 + 1e-12)

    def test_the_exact_point_where_all_fuse(self):
        # The smallest largest multiplier that carries X to its mean: a cone program of its own.
        X = cloud(9, 2, seed=5)
        graph = complete_graph(len(X))
        q = cp.Variable((len(graph), 2))
        problem = cp.Problem(
            cp.Minimize(cp.max(cp.norm(q, axis=1))), [incidence_matrix(graph) @ q == X - X.mean(axis=0)]
        )
        critical = problem.solve(solver=cp.CLARABEL)
        lower, upper = fusion_bounds(X)
        assert lower * (1 - 1e-6) <= critical <= upper * (1 + 1e-6)
        above, below = sum_of_norms(X, 1.001 * critical), sum_of_norms(X, 0.999 * critical)
        assert len(above.centers) == 1
        np.testing.assert_allclose(above.centers[0], X.mean(axis=0), atol=1e-12)
        assert len(below.centers) > 1
        assert np.linalg.norm(below.centers[0] - below.centers[1]) > below.tolerance


class TestKnownPaths:
    @pytest.mark.parametrize("d", [1, 3])
    def test_two_points(self, d):
        X = np.zeros((2, d))
        X[1, 0] = 4.0
        for lam in (0.0, 0.5, 1.9, 1.9999):
            found = sum_of_norms(X, lam)
            np.testing.assert_allclose(found.centroids[:, 0], [lam, 4 - lam], atol=1e-9)
            assert found.labels.tolist() == [0, 1]
            assert found.value == pytest.approx(lam**2 + lam * (4 - 2 * lam), abs=1e-9)
        for lam in (2.0, 2.0001, 50.0):  # 2 is just where they meet
            found = sum_of_norms(X, lam)
            assert found.labels.tolist() == [0, 0]
            np.testing.assert_allclose(found.centers, [X.mean(axis=0)], atol=1e-7)

    def test_no_regularization(self):
        X = cloud(12, 3)
        X[7] = X[2]
        found = sum_of_norms(X, 0.0)
        np.testing.assert_allclose(found.centroids, X, rtol=1e-12)
        assert (found.value, found.gap, found.n_iterations) == (0.0, 0.0, 0)
        assert found.labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 2, 7, 8, 9, 10]

    @pytest.mark.parametrize("share", [0.01, 0.3, 0.5])
    def test_equal_points_are_fused_at_once(self, share):
        X = np.repeat(cloud(8, 2), 3, axis=0)
        found = sum_of_norms(X, share * fusion_bounds(X)[1])
        assert (found.labels == np.repeat(found.labels[::3], 3)).all()
        # Each place counts three times: the fused problem is that of the places with weights.
        np.testing.assert_allclose(found.centroids, np.repeat(found.centroids[::3], 3, axis=0), atol=1e-9)

    def test_a_regular_simplex_fuses_all_at_once_at_the_upper_bound(self):
        for n in (2, 3, 5):
            X = np.eye(n)
            critical = np.sqrt(2) / n
            assert fusion_bounds(X)[1] == pytest.approx(critical, rel=1e-12)
            below, above = sum_of_norms(X, 0.999 * critical), sum_of_norms(X, 1.001 * critical)
            assert len(below.centers) == n
            assert len(above.centers) == 1
            # All points move towards the mean by the same share.
            kept = 1 - 0.999
            np.testing.assert_allclose(below.centroids, kept * X + (1 - kept) / n, atol=1e-9)

    def test_two_clusters_and_their_pull(self):
        # n points in one place, s in another: they move by lambda s and lambda n and meet at distance / (n + s).
        X = np.array([[0.0, 0.0]] * 5 + [[3.0, 4.0]] * 2)
        found = sum_of_norms(X, 0.1)
        np.testing.assert_allclose(found.centers, [[0.12, 0.16], [3 - 0.3, 4 - 0.4]], atol=1e-9)
        assert len(sum_of_norms(X, 0.999 * 5 / 7).centers) == 2
        assert len(sum_of_norms(X, 1.001 * 5 / 7).centers) == 1

    @settings(max_examples=20, deadline=None)
    @given(
        st.lists(st.integers(-40, 40), min_size=1, max_size=14),
        st.sampled_from([0.013, 0.11, 0.47, 1.23, 3.1]),
        st.randoms(use_true_random=False),
    )
    def test_on_the_line_it_is_isotonic_regression(self, values, lam, random):
        random.shuffle(values)
        X = np.array(values, dtype=float)
        n = len(X)
        order = np.argsort(X, kind="stable")
        # In sorted order the penalty is linear: the i-th point is pulled up by n - 1 - i others and down by i.
        exact = np.empty(n)
        exact[order] = isotonic_regression(X[order] + lam * (n - 1 - 2.0 * np.arange(n)))
        found = sum_of_norms(X[:, None], lam)
        check_certificate(X[:, None], found, lam)
        np.testing.assert_allclose(found.centroids[:, 0], exact, atol=max(found.tolerance, 1e-9))
        if found.fusions_proven:
            # Each place is its own cluster or shares its exact centroid.
            for i, j in itertools.combinations(range(n), 2):
                if abs(exact[i] - exact[j]) > 1e-6:
                    assert found.labels[i] != found.labels[j]
                if found.labels[i] != found.labels[j]:
                    assert abs(exact[i] - exact[j]) > 0

    def test_where_all_fuse_on_the_line(self):
        X = np.array([0.0, 1.0, 1.5, 7.0, 9.0, 30.0])
        n = len(X)
        critical = max(X[k:].mean() - X[:k].mean() for k in range(1, n)) / n
        lower, upper = fusion_bounds(X[:, None])
        assert lower <= critical * (1 + 1e-12)
        assert critical <= upper
        assert len(sum_of_norms(X[:, None], 0.9999 * critical).centers) > 1
        assert len(sum_of_norms(X[:, None], 1.0001 * critical).centers) == 1

    def test_on_the_complete_graph_clusters_only_grow(self):
        X = cloud(30, 2, seed=8)
        upper = fusion_bounds(X)[1]
        before = np.arange(len(X))
        for share in np.linspace(0.02, 1.0, 25):
            found = sum_of_norms(X, share * upper)
            assert found.fusions_proven
            pairs = {(a, b) for a, b in zip(before, found.labels, strict=True)}
            assert len(pairs) == len(set(before))  # no cluster was split
            before = found.labels
        assert before.max() == 0

    def test_components_of_the_graph_never_meet(self):
        X = np.array([[0.0], [1.0], [100.0], [101.0]])
        found = sum_of_norms(X, 1e6, graph=neighbor_graph(X, 1))
        assert found.labels.tolist() == [0, 0, 1, 1]
        np.testing.assert_allclose(found.centers, [[0.5], [100.5]], rtol=1e-12)


class TestCertificate:
    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, 10_000), st.integers(2, 25), st.integers(1, 4), st.floats(0.0, 1.3))
    def test_on_random_instances(self, seed, n, d, share):
        X = cloud(n, d, seed)
        lam = share * fusion_bounds(X)[1]
        found = sum_of_norms(X, lam)
        check_certificate(X, found, lam)
        assert found.status == "optimal"
        # Nobody nearby is better, by any more than the gap.
        rng = np.random.default_rng(seed)
        for size in (1e-3, 1e-1):
            other = found.centroids + size * rng.normal(size=X.shape)
            assert objective(X, other, lam) >= found.lower_bound - 1e-9

    def test_strong_convexity(self):
        # Few iterations: the bound on the distance from the optimum holds all the same.
        X = cloud(40, 2, seed=2)
        lam = 0.4 * fusion_bounds(X)[1]
        best = sum_of_norms(X, lam)
        for iterations in (1, 2, 5, 20):
            rough = sum_of_norms(X, lam, max_iter=iterations)
            assert rough.n_iterations <= iterations
            assert np.linalg.norm(rough.centroids - best.centroids) <= np.sqrt(2 * rough.gap) + 1e-9
            assert rough.lower_bound <= best.value + 1e-9
            apart = np.linalg.norm(best.centers[:, None] - best.centers[None], axis=2)
            np.fill_diagonal(apart, np.inf)
            assert apart.min() > best.tolerance

    def test_out_of_iterations(self):
        X = cloud(60, 3, seed=4)
        found = sum_of_norms(X, 0.42 * fusion_bounds(X)[1], max_iter=1, tol=1e-14)
        assert found.status == "iteration limit"
        assert found.gap > 0

    @pytest.mark.parametrize("factor", [1e-120, 1e-6, 1.0, 1e9, 1e120])
    @pytest.mark.parametrize("shift", [0.0, 1e6])
    def test_units_and_origin_do_not_matter(self, factor, shift):
        X = cloud(20, 2, seed=6)
        lam = 0.4 * fusion_bounds(X)[1]
        plain = sum_of_norms(X, lam)
        moved = sum_of_norms((X + shift) * factor, lam * factor)
        np.testing.assert_array_equal(plain.labels, moved.labels)
        np.testing.assert_allclose(moved.centroids / factor - shift, plain.centroids, atol=1e-8)

    def test_huge_regularization(self):
        X = cloud(10, 2)
        found = sum_of_norms(X, 1e300)
        assert len(found.centers) == 1
        assert found.status == "optimal"
        np.testing.assert_allclose(found.centers[0], X.mean(axis=0), rtol=1e-10)
        assert found.gap <= 1e-9 * found.value

    def test_tiny_regularization(self):
        X = cloud(10, 2)
        for lam in (1e-300, 1e-60, 1e-12):
            found = sum_of_norms(X, lam)
            np.testing.assert_allclose(found.centroids, X, atol=1e-10)
            assert found.status == "optimal"

    def test_the_same_bytes(self):
        X = cloud(50, 3)
        lam = 0.4 * fusion_bounds(X)[1]
        a, b = sum_of_norms(X, lam), sum_of_norms(X, lam)
        for name in ("centroids", "multipliers", "labels", "centers"):
            assert getattr(a, name).tobytes() == getattr(b, name).tobytes()

    def test_the_order_of_rows_does_not_matter(self):
        X = cloud(40, 2, seed=9)
        lam = 0.35 * fusion_bounds(X)[1]
        order = np.random.default_rng(0).permutation(len(X))
        a, b = sum_of_norms(X, lam), sum_of_norms(X[order], lam)
        np.testing.assert_allclose(b.centroids, a.centroids[order], atol=1e-7)
        assert len(a.centers) == len(b.centers)


class TestCorners:
    def test_one_point(self):
        found = sum_of_norms([[3.0, 4.0]], 2.0)
        assert found.centroids.tolist() == [[3.0, 4.0]]
        assert (found.value, found.lower_bound, found.gap, found.status) == (0.0, 0.0, 0.0, "optimal")
        assert found.multipliers.shape == (0, 2)
        assert fusion_bounds([[3.0, 4.0]]) == (0.0, 0.0)

    def test_all_points_in_one_place(self):
        found = sum_of_norms(np.full((6, 2), 7.0), 0.3)
        assert found.labels.tolist() == [0] * 6
        assert found.centers.tolist() == [[7.0, 7.0]]
        assert found.gap == 0.0

    def test_constant_columns(self):
        X = np.column_stack([cloud(15, 2), np.full(15, -2.0)])
        lam = 0.4 * fusion_bounds(X)[1]
        found = sum_of_norms(X, lam)
        np.testing.assert_allclose(found.centroids[:, 2], -2.0, rtol=1e-12)
        np.testing.assert_allclose(found.centroids[:, :2], sum_of_norms(X[:, :2], lam).centroids, atol=1e-8)

    @pytest.mark.parametrize(
        ("X", "lam", "parameters", "error", "message"),
        [
            ([[0.0], [np.nan]], 1.0, {}, ValueError, "NaN at row 1"),
            ([[0.0], [np.inf]], 1.0, {}, ValueError, "infinity at row 1"),
            ([[0.0], [1.0]], -0.1, {}, ValueError, "regularization must be at least 0"),
            ([[0.0], [1.0]], np.inf, {}, ValueError, "regularization must be"),
            ([[0.0], [1.0]], "much", {}, TypeError, "regularization must be a number"),
            ([[0.0], [1.0]], 1.0, {"tol": 0.0}, ValueError, "tol must be greater than 0"),
            ([[0.0], [1.0]], 1.0, {"max_iter": 0}, ValueError, "max_iter must be at least 1"),
            ([[0.0], [1.0]], 1.0, {"graph": complete_graph(3)}, ValueError, "the graph has 3 nodes but X has 2 rows"),
        ],
    )
    def test_bad_input(self, X, lam, parameters, error, message):
        with pytest.raises(error, match=message):
            sum_of_norms(X, lam, **parameters)
