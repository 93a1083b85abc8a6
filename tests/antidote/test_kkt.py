"""The KKT system: zero at solutions, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.antidote import kkt_residuals
from fairclust.solvers.sum_of_norms import fusion_bounds, sum_of_norms
from fairclust.solvers.sum_of_norms_graph import complete_graph, incidence_matrix, neighbor_graph


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 20), st.integers(1, 3), st.floats(0.01, 1.3))
def test_every_solution_satisfies_the_conditions(seed, n, d, share):
    X = np.random.default_rng(seed).normal(size=(n, d))
    lam = share * fusion_bounds(X)[1]
    found = sum_of_norms(X, lam)
    residuals = kkt_residuals(X, found.centroids, found.multipliers, lam)
    # With a gap of 1e-9 of the whole the centroids are right to the root of it; a proven solution to rounding.
    scale = np.linalg.norm(X - X.mean(axis=0))
    assert residuals.largest <= (1e-7 if found.fusions_proven else 1e-4) * scale
    assert residuals.arcs == residuals.flow == 0.0


@pytest.mark.parametrize("lam", [0.1, 1.0, 20.0])
def test_weights_count(lam):
    X = np.random.default_rng(2).normal(size=(25, 2))
    graph = neighbor_graph(X, 5)
    found = sum_of_norms(X, lam, graph=graph)
    assert kkt_residuals(X, found.centroids, found.multipliers, lam, graph=graph).largest < 1e-6


def test_what_is_no_solution_is_found_out():
    X = np.random.default_rng(3).normal(size=(10, 2))
    lam = 0.4 * fusion_bounds(X)[1]
    found = sum_of_norms(X, lam)
    mu, zeta = found.centroids, found.multipliers

    def of(mu=mu, zeta=zeta, lam=lam, **parameters):
        return kkt_residuals(X, mu, zeta, lam, **parameters)

    assert of().largest < 1e-8
    assert of(mu=mu + 0.1).stationarity == pytest.approx(np.sqrt(0.02), abs=1e-6)
    assert of(zeta=-zeta).stationarity > 0.1  # the sign convention is the paper's
    assert of(lam=2 * lam).proximity > 0.1 * lam
    assert of(lam=0.5 * lam).proximity > 0.1 * lam
    graph = complete_graph(10)
    eta, theta = mu[graph.tails] - mu[graph.heads], incidence_matrix(graph) @ zeta
    assert of(eta=eta, theta=theta).largest < 1e-8
    assert of(eta=eta + 1.0).arcs == pytest.approx(np.sqrt(2.0), abs=1e-6)
    assert of(theta=theta + 1.0).flow == pytest.approx(np.sqrt(2.0), abs=1e-6)


def test_all_four_by_hand():
    # Two points, lambda 1: theta = -1, 1 and zeta = -1, as the left point is pulled to the right.
    residuals = kkt_residuals([[0.0], [4.0]], [[1.0], [3.0]], [[-1.0]], 1.0, eta=[[-2.0]], theta=[[-1.0], [1.0]])
    assert residuals.largest == 0.0
    # Where eta + zeta = 0 the prox is 0, and nothing is divided by 0.
    assert kkt_residuals([[2.0], [2.0]], [[2.0], [2.0]], [[0.0]], 0.0).largest == 0.0
    # The relaxed condition: eta = gamma (eta + zeta).
    assert kkt_residuals([[0.0], [4.0]], [[1.0], [3.0]], [[-1.0]], 9.0, gamma=2 / 3).proximity < 1e-15
    assert kkt_residuals([[0.0], [4.0]], [[1.0], [3.0]], [[-1.0]], 9.0, gamma=0.0).proximity == 2.0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"centroids": [[0.0]]}, r"centroids has shape \(1, 1\); it must be \(2, 1\)"),
        ({"multipliers": [[0.0], [1.0]]}, r"multipliers has shape \(2, 1\); it must be \(1, 1\)"),
        ({"multipliers": [[np.nan]]}, "multipliers must be finite"),
        ({"points": [[0.0], [np.nan]]}, "points contains NaN"),
        ({"regularization": -1.0}, "regularization must be at least 0"),
        ({"gamma": 1.5}, r"gamma must be in \[0, 1\]"),
        ({"graph": complete_graph(3)}, "the graph has 3 nodes but points has 2 rows"),
        ({"theta": [[0.0]]}, "theta has shape"),
    ],
)
def test_bad_input(parameters, message):
    arguments = {
        "points": [[0.0], [4.0]],
        "centroids": [[1.0], [3.0]],
        "multipliers": [[-1.0]],
        "regularization": 1.0,
        **parameters,
    }
    with pytest.raises(ValueError, match=message):
        kkt_residuals(**arguments)
