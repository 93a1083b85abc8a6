from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import laplacian

from fairclust.solvers import spectral
from fairclust.solvers.affinity import neighbor_graph, rbf_affinity
from fairclust.solvers.spectral import cut_value, spectral_embedding


def null_space_version(W: Any, groups: np.ndarray, k: int, normalized: bool) -> tuple[np.ndarray, np.ndarray]:
    """Kleindessner et al.'s algorithm as printed: a dense basis Z of the fair space, then Z'LZ."""
    W = np.asarray(W.toarray() if sp.issparse(W) else W, dtype=float)
    W = W - np.diag(np.diag(W))
    D = np.diag(W.sum(axis=1))
    names = np.unique(groups)
    F = (groups[:, None] == names[:-1]) - np.array([np.mean(groups == name) for name in names[:-1]])
    Z = scipy.linalg.null_space(F.T) if len(names) > 1 else np.eye(len(W))
    A = Z.T @ (D - W) @ Z
    if not normalized:
        values, Y = scipy.linalg.eigh(A, subset_by_index=[0, k - 1])
        return values, Z @ Y
    Q = np.linalg.inv(scipy.linalg.sqrtm(Z.T @ D @ Z).real)
    values, Y = scipy.linalg.eigh(Q @ A @ Q, subset_by_index=[0, k - 1])
    return values, Z @ Q @ Y


def same_space(A: np.ndarray, B: np.ndarray) -> bool:
    """Whether the columns span the same space, to 1e-7 in the sine of the largest angle."""
    return bool(np.sin(scipy.linalg.subspace_angles(A, B)).max() < 1e-7)


def cycle(n: int) -> sp.csr_array:
    i = np.arange(n)
    step = sp.csr_array((np.ones(n), (i, (i + 1) % n)), shape=(n, n))
    return sp.csr_array(step + step.T)


def fairness(groups: np.ndarray, H: np.ndarray) -> float:
    """How far columns are from treating groups alike: the largest |F'H|."""
    names = np.unique(groups)
    F = (groups[:, None] == names) - np.array([np.mean(groups == name) for name in names])
    return float(np.abs(F.T @ H).max())


class TestAgainstTheNullSpaceVersion:
    @pytest.mark.parametrize("normalized", [False, True])
    @pytest.mark.parametrize("n_groups", [1, 2, 5])
    @pytest.mark.parametrize("n", [60, 700])  # decomposition, Lanczos
    @pytest.mark.parametrize("graph", [lambda X: neighbor_graph(X, 9), rbf_affinity])
    def test_values_and_space(self, n: int, n_groups: int, normalized: bool, graph: Any) -> None:
        rng = np.random.default_rng(n + n_groups)
        W, groups = graph(rng.normal(size=(n, 3))), rng.integers(0, n_groups, n)
        values, H = null_space_version(W, groups, 4, normalized)
        found = spectral_embedding(W, 4, sensitive_features=groups, normalized=normalized, random_state=0)
        np.testing.assert_allclose(found.eigenvalues, values, rtol=0, atol=1e-9 * max(1.0, values[-1]))
        assert same_space(H, found.embedding)
        assert fairness(groups, found.embedding) < 1e-9
        assert found.lower_bound <= values.sum() + 1e-12
        assert found.lower_bound == pytest.approx(values.sum(), abs=1e-8)

    @settings(deadline=None, max_examples=30)
    @given(st.integers(0, 2**32 - 1), st.integers(2, 14), st.integers(1, 4), st.booleans())
    def test_any_small_graph(self, seed: int, n: int, n_groups: int, normalized: bool) -> None:
        rng = np.random.default_rng(seed)
        W = np.triu(rng.integers(0, 4, (n, n)) * (rng.random((n, n)) < 0.5), 1).astype(float)
        W += W.T
        if normalized and not W.sum(axis=1).all():
            W += 1.0 - np.eye(n)  # the printed algorithm cannot divide by a degree of zero
        groups = np.append(np.arange(n_groups), rng.integers(0, n_groups, n))[:n]
        k = int(rng.integers(1, n - len(np.unique(groups)) + 2))
        values, _ = null_space_version(W, groups, k, normalized)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            found = spectral_embedding(W, k, sensitive_features=groups, normalized=normalized)
        np.testing.assert_allclose(found.eigenvalues, values, rtol=0, atol=1e-9)
        D = np.diag(W.sum(axis=1) if normalized else np.ones(n))
        H = found.embedding
        np.testing.assert_allclose(H.T @ D @ H, np.eye(k), atol=1e-9)
        assert np.trace(H.T @ laplacian(W) @ H) == pytest.approx(values.sum(), abs=1e-9)
        assert fairness(groups, H) < 1e-9

    def test_k_up_to_all_fair_dimensions(self) -> None:
        rng = np.random.default_rng(0)
        W, groups = neighbor_graph(rng.normal(size=(30, 2)), 5), rng.integers(0, 3, 30)
        found = spectral_embedding(W, 28, sensitive_features=groups)
        np.testing.assert_allclose(found.eigenvalues, null_space_version(W, groups, 28, False)[0], atol=1e-9)
        with pytest.raises(ValueError, match=r"n_clusters=29 is too many: 30 rows in 3 groups leave .* = 28 fair dim"):
            spectral_embedding(W, 29, sensitive_features=groups)
        assert len(spectral_embedding(W, 30).eigenvalues) == 30


class TestRepeatedEigenvalues:
    """Exact copies, of which plain Lanczos misses some (see the last test)."""

    @pytest.mark.parametrize("k", [3, 6, 8])
    @pytest.mark.parametrize("normalized", [False, True])
    def test_none_is_missed(self, k: int, normalized: bool) -> None:
        torus = sp.csr_array(sp.kron(sp.eye_array(30), cycle(30)) + sp.kron(cycle(30), sp.eye_array(30)))
        wave = 2.0 - 2.0 * np.cos(2.0 * np.pi * np.arange(30) / 30)
        exact = np.sort((wave[:, None] + wave).ravel())[:k] / (4.0 if normalized else 1.0)
        found = spectral_embedding(torus, k, normalized=normalized, random_state=1)
        np.testing.assert_allclose(found.eigenvalues, exact, atol=1e-11)

    def test_identical_components(self) -> None:
        W = sp.block_diag([cycle(300)] * 4, format="csr")
        found = spectral_embedding(W, 7, random_state=0)
        low = 2.0 - 2.0 * np.cos(2.0 * np.pi / 300)
        np.testing.assert_allclose(found.eigenvalues, [0.0] * 4 + [low] * 3, atol=1e-11)
        assert found.n_components == 4

    def test_the_search_is_needed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(spectral, "_with_missed_copies", lambda problem, vectors, rng: vectors)
        with pytest.raises(AssertionError):
            self.test_none_is_missed(3, False)


class TestComponents:
    def test_are_told_apart(self) -> None:
        W = sp.block_diag([cycle(5), cycle(40), cycle(700)], format="csr")
        found = spectral_embedding(W, 3)
        assert found.eigenvalues.max() < 1e-12
        rows = np.unique(found.embedding.round(9), axis=0)
        assert len(rows) == 3
        assert found.lower_bound == pytest.approx(0.0, abs=1e-12)

    def test_more_than_clusters(self) -> None:
        W = sp.block_diag([cycle(4)] * 3 + [cycle(9), cycle(20)], format="csr")
        with pytest.warns(UserWarning, match="graph has 5 connected components, so that more than n_clusters=2"):
            found = spectral_embedding(W, 2)
        # The two largest are told apart, and the rest stay at 0.
        assert (np.abs(found.embedding[:12]) < 1e-12).all()
        assert len(np.unique(found.embedding.round(9), axis=0)) == 3

    @pytest.mark.parametrize("normalized", [False, True])
    def test_fair_vectors_of_value_zero(self, normalized: bool) -> None:
        # Components of different mix: what is constant on them and fair has dimension 4 - (3 - 1).
        rng = np.random.default_rng(0)
        W = sp.block_diag([cycle(150), cycle(150), cycle(200), cycle(50)], format="csr")
        groups = rng.integers(0, 3, 550)
        found = spectral_embedding(W, 4, sensitive_features=groups, normalized=normalized, random_state=0)
        values, H = null_space_version(W, groups, 4, normalized)
        assert (np.abs(values) < 1e-10).tolist() == [True, True, False, False]
        np.testing.assert_allclose(found.eigenvalues, values, atol=1e-10)
        assert same_space(H, found.embedding)

    def test_groups_that_are_components(self) -> None:
        # Each component is one group: only the constant vector is fair and 0.
        W = sp.block_diag([cycle(500), cycle(500)], format="csr")
        groups = np.repeat(["a", "b"], 500)
        found = spectral_embedding(W, 2, sensitive_features=groups, random_state=0)
        low = 2.0 - 2.0 * np.cos(2.0 * np.pi / 500)
        np.testing.assert_allclose(found.eigenvalues, [0.0, low], atol=1e-12)
        np.testing.assert_allclose(np.abs(found.embedding[:, 0]), 1 / np.sqrt(1000), atol=1e-9)

    def test_many_isolated_rows_take_little_memory(self) -> None:
        W = sp.csr_array((200_000, 200_000))
        with pytest.warns(UserWarning, match="200000 connected components"):
            found = spectral_embedding(W, 3, sensitive_features=np.arange(200_000) % 2)
        assert found.eigenvalues.tolist() == [0.0, 0.0, 0.0]

    def test_degree_zero_is_not_divided_by(self) -> None:
        W = sp.block_diag([cycle(30), sp.csr_array((1, 1))], format="csr")
        groups = np.arange(31) % 2
        with pytest.warns(UserWarning, match=r"1 rows have no edges or almost none \(row 30 is the first\)"):
            found = spectral_embedding(W, 3, sensitive_features=groups, normalized=True)
        assert np.isfinite(found.embedding).all()
        assert fairness(groups, found.embedding) < 1e-8
        # As if a loop of that weight stood there.
        least = spectral.LEAST_DEGREE * 60 / 31
        np.testing.assert_allclose(
            found.embedding.T @ (np.append(np.full(30, 2.0), least)[:, None] * found.embedding), np.eye(3), atol=1e-9
        )
        assert cut_value(W, np.append(np.zeros(30, int), 1), normalized=True) == 0.0


class TestOtherRoads:
    def test_factorisation_where_lanczos_is_slow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        n, calls, factorise = 3000, [], spectral._by_factorisation
        monkeypatch.setattr(spectral, "PATIENCE", 1000)
        monkeypatch.setattr(spectral, "_by_factorisation", lambda *given: calls.append(given[1]) or factorise(*given))
        path = cycle(n).tolil()
        path[0, n - 1] = path[n - 1, 0] = 0.0
        found = spectral_embedding(sp.csr_array(path), 4, random_state=0)
        exact = 2.0 - 2.0 * np.cos(np.pi * np.arange(4) / n)
        np.testing.assert_allclose(found.eigenvalues, exact, rtol=0, atol=1e-13)
        waves = np.cos(np.pi * np.outer(np.arange(n) + 0.5, np.arange(4)) / n)
        assert same_space(waves, found.embedding)
        assert calls == [3, 1]  # all but the constant vector; the search for missed copies

    @pytest.mark.parametrize("dense", [False, True])
    @pytest.mark.parametrize("normalized", [False, True])
    def test_all_roads_meet(self, monkeypatch: pytest.MonkeyPatch, dense: bool, normalized: bool) -> None:
        rng = np.random.default_rng(1)
        W, groups = neighbor_graph(rng.normal(size=(450, 2)), 8), rng.integers(0, 3, 450)
        W = W.toarray() if dense else W
        expected = spectral_embedding(W, 5, sensitive_features=groups, normalized=normalized, random_state=0)
        for name, value in (("DENSE", 1000), ("PATIENCE", 100)):  # decomposition; no time for Lanczos
            with monkeypatch.context() as patch:
                patch.setattr(spectral, name, value)
                found = spectral_embedding(W, 5, sensitive_features=groups, normalized=normalized, random_state=0)
            np.testing.assert_allclose(found.eigenvalues, expected.eigenvalues, atol=1e-11)
            assert same_space(found.embedding, expected.embedding)


class TestWholeSpace:
    def test_dense_and_sparse_agree(self) -> None:
        rng = np.random.default_rng(0)
        W, groups = neighbor_graph(rng.normal(size=(500, 2)), 6), rng.integers(0, 2, 500)
        one = spectral_embedding(W, 3, sensitive_features=groups, random_state=0)
        other = spectral_embedding(W.toarray(), 3, sensitive_features=groups, random_state=0)
        np.testing.assert_allclose(one.embedding, other.embedding, atol=1e-8)

    def test_same_seed_same_bytes(self) -> None:
        rng = np.random.default_rng(0)
        W, groups = neighbor_graph(rng.normal(size=(600, 2)), 6), rng.integers(0, 2, 600)
        one, two = (spectral_embedding(W, 3, sensitive_features=groups, random_state=7) for _ in range(2))
        assert one.embedding.tobytes() == two.embedding.tobytes()
        other = spectral_embedding(W, 3, sensitive_features=groups, random_state=8)
        np.testing.assert_allclose(one.embedding, other.embedding, atol=1e-8)  # signs are settled

    @pytest.mark.parametrize("exponent", [-1060, -301, 0, 5, 1000])
    @pytest.mark.parametrize("normalized", [False, True])
    def test_units(self, exponent: int, normalized: bool) -> None:
        W = neighbor_graph(np.random.default_rng(0).normal(size=(50, 2)), 6)
        plain = spectral_embedding(W, 3, normalized=normalized)
        scaled = spectral_embedding(sp.csr_array(W) * np.ldexp(1.0, exponent), 3, normalized=normalized)
        assert scaled.eigenvalues.tolist() == np.ldexp(plain.eigenvalues, 0 if normalized else exponent).tolist()
        half = 2.0 ** (-exponent / 2) if normalized else 1.0
        np.testing.assert_allclose(scaled.embedding, plain.embedding * half, rtol=1e-9)

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"n_clusters": 3}, ValueError, "n_clusters=3 is larger than the number of rows, n_samples=2"),
            ({"n_clusters": 1.0}, TypeError, "n_clusters must be an integer"),
            ({"sensitive_features": ["a"]}, ValueError, "sensitive_features has 1 entries but X has 2 rows"),
            ({"sensitive_features": ["a", "b"]}, ValueError, "leave .* = 1 fair dimensions"),
            ({"affinity": [[0.0, -1.0], [-1.0, 0.0]]}, ValueError, "affinity has -1 at row 0, column 1"),
            ({"random_state": "x"}, TypeError, "random_state must be"),
        ],
    )
    def test_bad_input(self, arguments: dict, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            spectral_embedding(**{"affinity": [[0.0, 1.0], [1.0, 0.0]], "n_clusters": 2, **arguments})


class TestCutValue:
    @settings(deadline=None, max_examples=30)
    @given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.booleans())
    def test_is_the_trace(self, seed: int, n: int, normalized: bool) -> None:
        rng = np.random.default_rng(seed)
        W = rng.random((n, n)) + 0.1
        W += W.T
        labels = rng.integers(0, 4, n)
        D = (W - np.diag(np.diag(W))).sum(axis=1) if normalized else np.ones(n)
        if n == 1:
            D = np.ones(1)
        H = (labels[:, None] == np.unique(labels)).astype(float)
        H /= np.sqrt(D @ H)
        trace = np.trace(H.T @ (np.diag((W - np.diag(np.diag(W))).sum(axis=1)) - W + np.diag(np.diag(W))) @ H)
        for kind in (np.asarray, sp.csr_array):
            assert cut_value(kind(W), labels, normalized=normalized) == pytest.approx(trace, abs=1e-12)

    @settings(deadline=None, max_examples=15)
    @given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
    def test_no_fair_partition_is_below_the_bound(self, seed: int, normalized: bool, isolated: bool) -> None:
        rng = np.random.default_rng(seed)
        W = np.triu(rng.integers(0, 5, (8, 8)), 1).astype(float)
        W += W.T
        if isolated:
            W[0] = W[:, 0] = 0.0
        groups = rng.permutation([0, 0, 0, 0, 1, 1, 1, 1])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            bound = spectral_embedding(W, 2, sensitive_features=groups, normalized=normalized).lower_bound
            free = spectral_embedding(W, 2, normalized=normalized).lower_bound
        fair, every = [], []
        for code in range(1, 128):  # row 7 is in cluster 0, and cluster 1 has a member
            labels = np.array([code >> i & 1 for i in range(8)])
            value = cut_value(W, labels, normalized=normalized)
            every.append(value)
            if 2 * (labels * groups).sum() == labels.sum():
                fair.append(value)
        assert bound <= min(fair)
        assert free <= min(every)
        assert free <= bound + 1e-9

    def test_empty_numbers_are_skipped(self) -> None:
        W = [[0, 1], [1, 0]]
        assert cut_value(W, [0, 5]) == cut_value(W, [0, 1]) == 2.0
        assert cut_value(W, [3, 3]) == 0.0

    def test_bad_labels(self) -> None:
        with pytest.raises(ValueError, match="labels has 1 entries but X has 2 rows"):
            cut_value([[0, 1], [1, 0]], [0])
