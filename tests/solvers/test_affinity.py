from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import SpectralClustering
from sklearn.neighbors import kneighbors_graph

from fairclust.solvers import affinity
from fairclust.solvers.affinity import check_affinity, neighbor_graph, rbf_affinity


def by_hand(X: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Sort all pairs by (distance, number), the row itself left out."""
    n = len(X)
    squared = ((X[:, None] - X[None]) ** 2).sum(axis=2)
    W = np.zeros((n, n))
    for i in range(n):
        order = sorted((j for j in range(n) if j != i), key=lambda j: (squared[i, j], j))
        W[i, order[: min(n_neighbors, n) - 1]] = 1.0
    return (W + W.T) / 2


class TestNeighborGraph:
    @settings(deadline=None, max_examples=40)
    @given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.sampled_from([1, 2, 3, 20]), st.integers(2, 12))
    def test_by_hand_on_a_lattice_with_ties_and_duplicates(self, seed: int, n: int, d: int, m: int) -> None:
        # Whole numbers: distances are exact, so ties are ties.
        X = np.random.default_rng(seed).integers(0, 3, size=(n, d)).astype(float)
        W = neighbor_graph(X, m)
        assert W.toarray().tolist() == by_hand(X, m).tolist()

    @pytest.mark.parametrize("d", [2, 30])  # tree, products
    def test_is_scikit_learns_graph_without_loops(self, d: int) -> None:
        X = np.random.default_rng(d).normal(size=(500, d)) + 1e4
        W = neighbor_graph(X, 7).toarray()
        theirs = kneighbors_graph(X - X.mean(axis=0), 7, include_self=True).toarray()
        theirs = (theirs + theirs.T) / 2
        np.fill_diagonal(theirs, 0.0)
        assert (theirs == W).all()
        model = SpectralClustering(2, affinity="nearest_neighbors", n_neighbors=7).fit(X - X.mean(axis=0))
        assert (model.affinity_matrix_.toarray() - np.diag(np.ones(500)) == W).all()

    def test_far_from_the_origin_products_do_not_decide(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Two far groups: products of matrices lose all digits of distances within one, the exact scan does not.
        rng = np.random.default_rng(0)
        X = np.vstack((rng.normal(size=(40, 20)) * 1e-4, 1e6 + rng.normal(size=(40, 20)) * 1e-4))
        monkeypatch.setattr(affinity, "TREE", 0)
        assert neighbor_graph(X, 5).toarray().tolist() == by_hand(X, 5).tolist()

    def test_order_of_rows_only_renames(self) -> None:
        rng = np.random.default_rng(3)
        X, p = rng.normal(size=(300, 3)), rng.permutation(300)
        assert (neighbor_graph(X[p]).toarray() == neighbor_graph(X).toarray()[np.ix_(p, p)]).all()

    def test_few_rows(self) -> None:
        assert neighbor_graph([[0.0]], 5).toarray().tolist() == [[0.0]]
        assert neighbor_graph([[0.0], [1.0]], 5).toarray().tolist() == [[0.0, 1.0], [1.0, 0.0]]
        assert (neighbor_graph(np.zeros((4, 1)), 9).toarray() == 1 - np.eye(4)).all()  # duplicates, all neighbors

    def test_a_constant_cloud_points_at_its_first_rows(self) -> None:
        W = neighbor_graph(np.ones((50, 2)), 3).toarray()
        assert W[0, 1] == W[0, 2] == W[1, 2] == 1.0  # both ways
        assert (W[3:, :2] == 0.5).all()
        assert not W[3:, 2:].any()

    @pytest.mark.parametrize(
        ("X", "m", "error", "message"),
        [
            ([[0.0], [np.nan]], 2, ValueError, "X contains NaN at row 1"),
            ([[0.0], [1.0]], 1, ValueError, "n_neighbors must be at least 2, got 1"),
            ([[0.0], [1.0]], 2.5, TypeError, "n_neighbors must be an integer"),
            ([[0.0], [1e200]], 2, ValueError, "too far for their squared distances"),
        ],
    )
    def test_bad_input(self, X: Any, m: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            neighbor_graph(X, m)


class TestRbf:
    def test_formula(self) -> None:
        X = np.random.default_rng(0).normal(size=(9, 3))
        expected = np.exp(-0.7 * ((X[:, None] - X[None]) ** 2).sum(axis=2)) - np.eye(9)
        np.testing.assert_allclose(rbf_affinity(X, 0.7), expected, atol=1e-15)
        assert (rbf_affinity(X) == rbf_affinity(X).T).all()

    def test_far_rows_underflow_to_zero(self) -> None:
        assert rbf_affinity([[0.0], [1e100]], 1e300).tolist() == [[0.0, 0.0], [0.0, 0.0]]

    @pytest.mark.parametrize("gamma", [0.0, -1.0, np.inf, np.nan])
    def test_bad_gamma(self, gamma: float) -> None:
        with pytest.raises(ValueError, match="gamma must be"):
            rbf_affinity([[0.0]], gamma)


class TestCheckAffinity:
    @pytest.mark.parametrize("kind", [np.asarray, pd.DataFrame, sp.csr_array, sp.coo_matrix, sp.lil_array, list])
    def test_kinds(self, kind: Any) -> None:
        given = np.array([[5.0, 1.0, 0.0], [1.0, 0.0, 2.0], [0.0, 2.0, 0.0]])
        found = check_affinity(kind(given))
        dense = found.toarray() if sp.issparse(found) else found
        assert dense.tolist() == [[0.0, 1.0, 0.0], [1.0, 0.0, 2.0], [0.0, 2.0, 0.0]]
        assert given[0, 0] == 5.0  # a copy
        assert not sp.issparse(found) or found.nnz == 4

    def test_entries_given_twice_add_up(self) -> None:
        twice = sp.coo_array((np.ones(4), ([0, 0, 1, 1], [1, 1, 0, 0])), shape=(2, 2))
        assert check_affinity(twice).toarray().tolist() == [[0.0, 2.0], [2.0, 0.0]]
        assert twice.nnz == 4

    @pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
    def test_rounding_is_evened_out(self, kind: Any) -> None:
        found = check_affinity(kind([[0.0, 1.0], [1.0 + 1e-12, 0.0]]))
        assert found[0, 1] == found[1, 0]

    @pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
    def test_no_edges_and_huge_weights(self, kind: Any) -> None:
        assert check_affinity(kind(np.zeros((2, 2)))).max() == 0.0
        assert check_affinity(kind([[0.0, 1.7e308], [1.7e308, 0.0]])).max() == 1.7e308

    @pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
    @pytest.mark.parametrize(
        ("entries", "message"),
        [
            ([[0.0, 1.0, 2.0]], r"shape \(1, 3\); a precomputed affinity must be square"),
            ([[0.0, 1.0], [2.0, 0.0]], r"not symmetric: entry \(0, 1\) is 1 but entry \(1, 0\) is 2"),
            ([[0.0, 1.0], [0.0, 0.0]], r"not symmetric: entry \(0, 1\) is 1 but entry \(1, 0\) is 0"),
            ([[0.0, -1.0], [-1.0, 0.0]], "X has -1 at row 0, column 1; weights must be at least 0"),
            ([[0.0, np.nan], [np.nan, 0.0]], "(?i)X contains nan at row 0, column 1"),
            ([[0.0, np.inf], [np.inf, 0.0]], "X contains inf.* at row 0, column 1"),
        ],
    )
    def test_bad_input(self, kind: Any, entries: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            check_affinity(kind(np.array(entries)))

    def test_complex_numbers(self) -> None:
        with pytest.raises(ValueError, match="dtype complex128; an affinity must consist of real numbers"):
            check_affinity(sp.csr_array(np.array([[1j]])))
