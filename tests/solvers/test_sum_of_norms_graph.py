"""Pairs, weights, incidence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.solvers.sum_of_norms_graph import complete_graph, incidence_matrix, neighbor_graph


@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_complete_graph(n):
    graph = complete_graph(n)
    assert len(graph) == n * (n - 1) // 2
    assert graph.complete
    assert list(zip(graph.tails, graph.heads, strict=True)) == [(i, j) for i in range(n) for j in range(i + 1, n)]
    assert (graph.weights == 1).all()
    incidence = incidence_matrix(graph).toarray()
    np.testing.assert_array_equal(incidence @ incidence.T, n * np.eye(n) - np.ones((n, n)))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 15), st.integers(1, 20))
def test_neighbor_graph_against_its_definition(seed, n, k):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 6, size=(n, 2)).astype(float)  # many ties and equal rows
    k = min(k, n - 1)
    graph = neighbor_graph(X, k, bandwidth=2.0)
    squared = ((X[:, None] - X[None]) ** 2).sum(axis=2)
    near = [sorted((squared[i, j], j) for j in range(n) if j != i)[:k] for i in range(n)]
    wanted = sorted({(min(i, j), max(i, j)) for i in range(n) for _, j in near[i]})
    assert list(zip(graph.tails, graph.heads, strict=True)) == wanted
    np.testing.assert_allclose(graph.weights, [np.exp(-squared[i, j] / 4.0) for i, j in wanted], rtol=1e-14)
    assert graph.complete == (len(wanted) == n * (n - 1) // 2)
    incidence = incidence_matrix(graph).toarray()
    mu = rng.normal(size=(n, 3))
    np.testing.assert_allclose(incidence.T @ mu, mu[graph.tails] - mu[graph.heads])


def test_the_unit_does_not_matter_for_the_default_bandwidth():
    X = np.random.default_rng(0).normal(size=(20, 3))
    np.testing.assert_allclose(neighbor_graph(X, 4).weights, neighbor_graph(1000 * X, 4).weights, rtol=1e-12)
    assert (neighbor_graph(np.ones((5, 2)), 2).weights == 1).all()


def test_components_are_numbered_by_their_first_nodes():
    graph = complete_graph(5)
    keep = np.array([(i, j) in {(1, 3), (0, 4)} for i, j in zip(graph.tails, graph.heads, strict=True)])
    assert graph.components(keep).tolist() == [0, 1, 2, 1, 0]
    assert graph.components(np.zeros(10, dtype=bool)).tolist() == [0, 1, 2, 3, 4]
    assert graph.components(np.ones(10, dtype=bool)).tolist() == [0] * 5


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: complete_graph(0), ValueError, "n_nodes must be at least 1"),
        (lambda: complete_graph(2.0), TypeError, "n_nodes must be an integer"),
        (lambda: neighbor_graph([[0.0], [1.0]], 2), ValueError, "n_neighbors=2 is larger than the number of other"),
        (lambda: neighbor_graph([[0.0], [1.0]], 0), ValueError, "n_neighbors must be at least 1"),
        (lambda: neighbor_graph([[0.0], [1.0]], 1, bandwidth=0.0), ValueError, "bandwidth must be greater than 0"),
        (lambda: neighbor_graph([[0.0], [1.0]], 1, bandwidth=1e-3), ValueError, "rows 0 and 1 is 0, too small"),
        (lambda: neighbor_graph([[0.0], [np.nan]], 1), ValueError, "NaN"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
