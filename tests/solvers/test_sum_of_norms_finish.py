"""The fused problem, Newton's method on it, and multipliers that prove fusions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize

from fairclust.solvers import sum_of_norms_finish
from fairclust.solvers.sum_of_norms_finish import finish, fused_problem, newton
from fairclust.solvers.sum_of_norms_graph import complete_graph, incidence_matrix, neighbor_graph

RNG = np.random.default_rng(1)
X = RNG.normal(size=(12, 2))
LABELS = np.array([0, 0, 1, 1, 1, 2, 2, 0, 3, 3, 0, 1])


@pytest.mark.parametrize("graph", [complete_graph(12), neighbor_graph(X, 4)], ids=["complete", "neighbors"])
def test_the_fused_problem_is_the_problem_with_equal_centroids(graph):
    radii = 0.3 * graph.weights
    means, sizes, tails, heads, sums = fused_problem(X, LABELS, radii, graph)
    assert sizes.tolist() == [4, 4, 2, 2]
    assert (tails < heads).all()
    M = RNG.normal(size=(4, 2))
    mu = M[LABELS]
    whole = 0.5 * ((X - mu) ** 2).sum() + (radii * np.linalg.norm(mu[graph.tails] - mu[graph.heads], axis=1)).sum()
    within = 0.5 * ((X - means[LABELS]) ** 2).sum()
    fused = 0.5 * (sizes[:, None] * (means - M) ** 2).sum() + (sums * np.linalg.norm(M[tails] - M[heads], axis=1)).sum()
    assert whole == pytest.approx(within + fused)


@pytest.mark.parametrize("dense", [0, 10_000], ids=["conjugate gradients", "dense"])
def test_newton_against_scipy(dense, monkeypatch):
    monkeypatch.setattr(sum_of_norms_finish, "DENSE", dense)
    graph = complete_graph(6)
    means, sizes = 3.0 * RNG.normal(size=(6, 3)), np.array([1.0, 2.0, 1.0, 4.0, 1.0, 3.0])
    radii = np.full(15, 0.2)
    found = newton(means, sizes, graph.tails, graph.heads, radii, means)

    def value(flat):
        M = flat.reshape(6, 3)
        return (
            0.5 * (sizes[:, None] * (M - means) ** 2).sum()
            + 0.2 * np.linalg.norm(M[graph.tails] - M[graph.heads], axis=1).sum()
        )

    best = scipy.optimize.minimize(value, means.ravel(), method="BFGS", options={"gtol": 1e-9})
    np.testing.assert_allclose(found.ravel(), best.x, atol=1e-5)
    # To the last digits: the gradient vanishes.
    eta = found[graph.tails] - found[graph.heads]
    pull = incidence_matrix(graph) @ (0.2 * eta / np.linalg.norm(eta, axis=1)[:, None])
    np.testing.assert_allclose(sizes[:, None] * (found - means) + pull, 0.0, atol=1e-12)


def test_newton_gives_up_where_centers_meet():
    graph = complete_graph(2)
    means = np.array([[0.0], [1.0]])
    assert newton(means, np.ones(2), graph.tails, graph.heads, np.array([5.0]), means) is None
    assert newton(means, np.ones(2), graph.tails, graph.heads, np.array([5.0]), np.zeros((2, 1))) is None


@pytest.mark.parametrize("neighbors", [None, 5])
@pytest.mark.parametrize("lam", [0.5, 30.0])
def test_candidates_are_feasible_and_a_proof_is_one(neighbors, lam):
    graph = complete_graph(12) if neighbors is None else neighbor_graph(X, neighbors)
    radii = lam * graph.weights
    everyone = np.zeros(12, dtype=np.intp) if graph.complete else graph.components(np.ones(len(graph), dtype=bool))
    v = RNG.normal(size=(len(graph), 2))
    proofs = []
    for mu, zeta, proven in finish(X, X, v, everyone, radii, graph):
        assert (np.linalg.norm(zeta, axis=1) <= radii * (1 + 1e-12)).all()
        if proven:
            # Stationarity with feasible multipliers on fused pairs is optimality.
            np.testing.assert_allclose(X - mu, incidence_matrix(graph) @ zeta, atol=1e-12)
            assert not np.abs(np.diff(mu[everyone == 0], axis=0)).any()
        proofs.append(proven)
    assert not proofs[0]
    if lam == 30.0:
        assert proofs[-1]


def test_no_proof_of_what_is_false():
    graph = complete_graph(2)
    points = np.array([[0.0], [4.0]])
    together = np.zeros(2, dtype=np.intp)
    for lam, wanted in ((1.9, False), (2.1, True)):
        *_, (_, _, proven) = finish(points, points, np.zeros((1, 1)), together, np.array([lam]), graph)
        assert bool(proven) == wanted
