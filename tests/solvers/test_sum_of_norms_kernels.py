"""Each compiled pass against a line of numpy."""

from __future__ import annotations

import numpy as np
import pytest

from fairclust.solvers import sum_of_norms_kernels as kernels
from fairclust.solvers.sum_of_norms_graph import complete_graph, incidence_matrix, neighbor_graph

RNG = np.random.default_rng(0)
X = RNG.normal(size=(9, 3))
GRAPHS = {"complete": complete_graph(9), "neighbors": neighbor_graph(X, 3)}


@pytest.fixture(params=["complete", "neighbors"])
def graph(request):
    return GRAPHS[request.param]


def clipped(v, radii):
    return v * np.minimum(1.0, radii / np.linalg.norm(v, axis=1))[:, None]


def test_splitting_pass(graph):
    radii = 0.7 * graph.weights
    rho, over = 1.3, 1.6
    v = RNG.normal(size=(len(graph), 3))
    incidence = incidence_matrix(graph)
    zeta = clipped(v, radii)
    eta = (v - zeta) / rho
    wanted = zeta + rho * (over * (incidence.T @ X) + (1 - over) * eta)
    state, rhs = v.copy(), np.empty_like(X)
    kernels.splitting_pass(X, state, graph.tails, graph.heads, radii, rho, over, rhs)
    np.testing.assert_allclose(state, wanted, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(rhs, incidence @ (wanted - 2 * clipped(wanted, radii)), atol=1e-13)


def test_clip_rows(graph):
    radii = graph.weights
    v = 1.5 * RNG.normal(size=(len(graph), 3))
    out = v.copy()
    ratio = kernels.clip_rows(out, radii)
    np.testing.assert_allclose(out, clipped(v, radii), rtol=1e-14)
    assert ratio == pytest.approx((np.linalg.norm(v, axis=1) / radii).max())
    labels = np.array([0, 0, 1, 1, 1, 2, 2, 0, 3])
    inside = labels[graph.tails] == labels[graph.heads]
    out = v.copy()
    ratio = kernels.clip_internal(out, labels, graph.tails, graph.heads, radii)
    np.testing.assert_array_equal(out[~inside], v[~inside])
    np.testing.assert_allclose(out[inside], clipped(v, radii)[inside], rtol=1e-14)
    assert ratio == pytest.approx((np.linalg.norm(v, axis=1) / radii)[inside].max())


def test_divergence_and_slackness(graph):
    zeta = clipped(RNG.normal(size=(len(graph), 3)), graph.weights)
    out = np.empty_like(X)
    kernels.flow_divergence(zeta, graph.tails, graph.heads, out)
    np.testing.assert_allclose(out, incidence_matrix(graph) @ zeta, atol=1e-14)
    eta = X[graph.tails] - X[graph.heads]
    terms = graph.weights * np.linalg.norm(eta, axis=1)
    penalty, slack = kernels.slackness(X, zeta, graph.tails, graph.heads, graph.weights)
    assert penalty == pytest.approx(terms.sum())
    assert slack == pytest.approx((terms - (eta * zeta).sum(axis=1)).sum())


def test_multipliers(graph):
    labels = np.array([0, 0, 1, 1, 1, 2, 2, 0, 3])
    inside = labels[graph.tails] == labels[graph.heads]
    zeta = np.zeros((len(graph), 3))
    kernels.exact_multipliers(X, labels, graph.tails, graph.heads, graph.weights, zeta)
    eta = X[graph.tails] - X[graph.heads]
    wanted = graph.weights[:, None] * eta / np.linalg.norm(eta, axis=1)[:, None]
    np.testing.assert_allclose(zeta[~inside], wanted[~inside], rtol=1e-13)
    assert not zeta[inside].any()
    kernels.add_internal_flow(X, labels, graph.tails, graph.heads, zeta)
    np.testing.assert_allclose(zeta[inside], eta[inside], rtol=1e-13)
    np.testing.assert_allclose(zeta[~inside], wanted[~inside], rtol=1e-13)


def test_fused_objective_by_differences(graph):
    sizes = RNG.integers(1, 5, size=9).astype(float)
    means = RNG.normal(size=X.shape)
    radii = graph.weights
    gradient, other = np.empty_like(X), np.empty_like(X)

    def value(M, out):
        return kernels.fused_value(M, means, sizes, graph.tails, graph.heads, radii, out)

    got, closest = value(X, gradient)
    eta = X[graph.tails] - X[graph.heads]
    lengths = np.linalg.norm(eta, axis=1)
    assert got == pytest.approx(0.5 * (sizes[:, None] * (X - means) ** 2).sum() + (radii * lengths).sum())
    assert closest == pytest.approx((lengths**2).min())
    step = 1e-5
    hessian = np.empty((27, 27))
    for i in range(27):
        unit = np.zeros(27)
        unit[i] = step
        up = value(X + unit.reshape(9, 3), other)[0]
        upper = other.copy()
        down = value(X - unit.reshape(9, 3), other)[0]
        assert gradient.ravel()[i] == pytest.approx((up - down) / (2 * step), abs=1e-7)
        hessian[i] = ((upper - other) / (2 * step)).ravel()
    p = RNG.normal(size=X.shape)
    kernels.fused_product(X, p, sizes, graph.tails, graph.heads, radii, other)
    np.testing.assert_allclose(other.ravel(), hessian @ p.ravel(), atol=1e-6)
    blocks = np.empty((9, 3, 3))
    kernels.fused_blocks(X, sizes, graph.tails, graph.heads, radii, blocks)
    for k in range(9):
        np.testing.assert_allclose(blocks[k], hessian[3 * k : 3 * k + 3, 3 * k : 3 * k + 3], atol=1e-6)
