"""The eliminated problem is the whole system; brute force; what the relaxation cannot see."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest

from fairclust.antidote import kkt_residuals, own_social_cost, solve_relaxed
from fairclust.antidote.relaxation import smoothing, solve_relaxed_system
from fairclust.metrics import social_cost
from fairclust.solvers.sum_of_norms_graph import complete_graph, incidence_matrix, neighbor_graph

RNG = np.random.default_rng(0)
GROUPS = np.array(["a"] * 6 + ["b"] * 3 + ["c"] * 2)
X = RNG.normal(size=(11, 2)) + 2.0 * np.column_stack([GROUPS == "b", GROUPS == "c"])


@pytest.mark.parametrize("gamma", [0.0, 0.2, 0.7, 0.95])
@pytest.mark.parametrize("n_antidote", [1, 3])
@pytest.mark.parametrize("bounds", [None, "data", (-0.5, [0.4, 0.3])])
def test_the_eliminated_problem_is_the_whole_system(gamma, n_antidote, bounds):
    small = solve_relaxed(X, GROUPS, n_antidote, gamma=gamma, bounds=bounds)
    whole, eta, theta = solve_relaxed_system(X, GROUPS, n_antidote, gamma=gamma, bounds=bounds)
    assert small.fairness == pytest.approx(whole.fairness, rel=1e-5)
    np.testing.assert_allclose(small.antidote.mean(axis=0), whole.antidote.mean(axis=0), atol=2e-2)
    # Both satisfy the relaxed conditions on their own V.
    for found, parameters in ((small, {}), (whole, {"eta": eta, "theta": theta})):
        Z = np.vstack([X, found.antidote])
        residuals = kkt_residuals(Z, found.centroids, found.multipliers, 1.0, gamma=gamma, **parameters)
        assert residuals.largest < 1e-5
        assert found.fairness == own_social_cost(X, found.centroids, GROUPS)


def test_at_gamma_one_everything_is_promised():
    found = solve_relaxed(X, GROUPS, 2, gamma=1.0)
    np.testing.assert_array_equal(found.centroids, np.vstack([X, found.antidote]))
    assert found.fairness == 0.0
    whole, _, _ = solve_relaxed_system(X, GROUPS, 2, gamma=1.0)
    assert whole.fairness < 1e-8


@pytest.mark.parametrize("gamma", [0.0, 0.4, 0.9])
def test_smoothing_against_the_linear_system(gamma):
    found = solve_relaxed(X, GROUPS, 4, gamma=gamma)
    m = 15
    Z = np.vstack([X, found.antidote])
    if gamma:
        incidence = incidence_matrix(complete_graph(m))
        system = np.eye(m) + (1 - gamma) / gamma * (incidence @ incidence.T).toarray()
        np.testing.assert_allclose(found.centroids, np.linalg.solve(system, Z), atol=1e-10)
    else:
        np.testing.assert_allclose(found.centroids, np.tile(Z.mean(axis=0), (m, 1)), atol=1e-12)
    s = smoothing(m, gamma)
    means = np.stack([X[g == GROUPS].mean(axis=0) for g in "abc"])
    variances = [((X[g == GROUPS] - X[g == GROUPS].mean(axis=0)) ** 2).sum(axis=1).mean() for g in "abc"]
    costs = variances + ((means - Z.mean(axis=0)) ** 2).sum(axis=1)
    assert found.fairness == pytest.approx((1 - s) ** 2 * costs.max(), rel=1e-12)


@pytest.mark.parametrize("bounds", [None, "data", (-1.0, 1.0)])
def test_one_antidote_point_against_a_grid(bounds):
    gamma = 0.6
    found = solve_relaxed(X, GROUPS, 1, gamma=gamma, bounds=bounds)
    around = found.antidote[0]
    low, high = {None: (around - 4, around + 4), "data": (X.min(axis=0), X.max(axis=0))}.get(bounds, bounds)
    low, high = np.broadcast_to(low, 2), np.broadcast_to(high, 2)
    incidence = incidence_matrix(complete_graph(12))
    inverse = np.linalg.inv(np.eye(12) + (1 - gamma) / gamma * (incidence @ incidence.T).toarray())
    grid = [
        own_social_cost(X, inverse @ np.vstack([X, [(x, y)]]), GROUPS)
        for x in np.linspace(low[0], high[0], 41)
        for y in np.linspace(low[1], high[1], 41)
    ]
    assert found.fairness <= min(grid) + 1e-9
    assert found.fairness >= min(grid) - 0.02
    assert (found.antidote >= low - 1e-12).all()
    assert (found.antidote <= high + 1e-12).all()


def test_v_depends_on_neither_gamma_nor_its_own_size():
    places = [solve_relaxed(X, GROUPS, 3, gamma=gamma).antidote for gamma in (0.0, 0.3, 0.9, 1.0)]
    assert all(place.tobytes() == places[0].tobytes() for place in places)
    # The mean of U and V is the same best center for any |V|: fewer points must go farther.
    means = [np.vstack([X, solve_relaxed(X, GROUPS, size).antidote]).mean(axis=0) for size in (1, 5, 50)]
    np.testing.assert_allclose(means, np.tile(means[0], (3, 1)), atol=1e-4)
    promises = [solve_relaxed(X, GROUPS, size, gamma=0.0).fairness for size in (1, 5, 50)]
    np.testing.assert_allclose(promises, promises[0], rtol=1e-6)
    # It is the socially fair single center.
    center = cp.Variable(2)
    costs = [cp.sum(cp.norm(X[g == GROUPS] - cp.reshape(center, (1, 2), order="C"), axis=1) ** 2) for g in "abc"]
    sizes = [6, 3, 2]
    best = cp.Problem(cp.Minimize(cp.maximum(*[c / s for c, s in zip(costs, sizes, strict=True)]))).solve(
        solver=cp.CLARABEL
    )
    assert promises[0] == pytest.approx(best, rel=1e-5)


def test_any_v_with_the_same_mean_is_as_good():
    found = solve_relaxed(X, GROUPS, 4, gamma=0.5)
    spread = RNG.normal(size=(4, 2))
    other = found.antidote + 5.0 * (spread - spread.mean(axis=0))
    Z = np.vstack([X, other])
    s = smoothing(15, 0.5)
    assert own_social_cost(X, s * Z + (1 - s) * Z.mean(axis=0), GROUPS) == pytest.approx(found.fairness, rel=1e-10)


def test_another_graph():
    # The whole system takes any graph; on a sparse one V need not be a mean.
    graph = neighbor_graph(np.vstack([X, X[:2]]), 3)
    found, eta, theta = solve_relaxed_system(X, GROUPS, 2, gamma=0.5, graph=graph)
    Z = np.vstack([X, found.antidote])
    residuals = kkt_residuals(Z, found.centroids, found.multipliers, 1.0, graph=graph, gamma=0.5, eta=eta, theta=theta)
    assert residuals.largest < 1e-5


def test_one_group_gets_its_mean():
    found = solve_relaxed(X, None, 3, gamma=0.0)
    np.testing.assert_allclose(found.antidote, np.tile(X.mean(axis=0), (3, 1)), atol=1e-6)
    constant = solve_relaxed(np.full((4, 2), 3.0), ["a", "b", "a", "b"], 2)
    np.testing.assert_allclose(constant.antidote, 3.0, atol=1e-6)
    assert constant.fairness == pytest.approx(0.0, abs=1e-10)


def test_own_cost_is_never_below_the_nearest():
    mu = RNG.normal(size=(13, 2))
    assert own_social_cost(X, mu, GROUPS) >= social_cost(X, mu, GROUPS)
    by_hand = max(((X - mu[:11]) ** 2).sum(axis=1)[g == GROUPS].mean() for g in "abc")
    assert own_social_cost(X, mu, GROUPS) == pytest.approx(by_hand, rel=1e-14)


@pytest.mark.parametrize("solver", ["CLARABEL", "SCS"])
def test_solvers(solver):
    assert solve_relaxed(X, GROUPS, 2, solver=solver).fairness == pytest.approx(
        solve_relaxed(X, GROUPS, 2).fairness, rel=1e-3
    )


@pytest.mark.parametrize("factor", [1e-100, 1e-5, 1e7, 1e100])
def test_units(factor):
    plain = solve_relaxed(X, GROUPS, 2)
    found = solve_relaxed(factor * X, GROUPS, 2)
    np.testing.assert_allclose(found.antidote / factor, plain.antidote, atol=1e-3)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"X": [[0.0], [np.nan]]}, ValueError, "NaN"),
        ({"n_antidote": 0}, ValueError, "n_antidote must be at least 1"),
        ({"n_antidote": 1.5}, TypeError, "n_antidote must be an integer"),
        ({"gamma": -0.1}, ValueError, r"gamma must be in \[0, 1\]"),
        ({"gamma": 1.1}, ValueError, r"gamma must be in \[0, 1\]"),
        ({"sensitive_features": ["a"]}, ValueError, "has 1 entries but X has 2 rows"),
        ({"bounds": "wide"}, ValueError, 'bounds must be None, "data" or a pair'),
        ({"bounds": 3.0}, ValueError, 'bounds must be None, "data" or a pair'),
        ({"bounds": (1.0, 0.0)}, ValueError, r"low is above high in column 0 \(1 > 0\)"),
        ({"bounds": (0.0, [1.0, 2.0])}, ValueError, r"high has shape \(2,\)"),
        ({"bounds": (0.0, np.inf)}, ValueError, "high must be finite"),
        ({"solver": "NOBODY"}, ValueError, "solver must be one of those cvxpy finds"),
    ],
)
@pytest.mark.parametrize("solve", [solve_relaxed, solve_relaxed_system])
def test_bad_input(solve, parameters, error, message):
    arguments = {"X": [[0.0], [1.0]], "sensitive_features": ["a", "b"], "n_antidote": 1, **parameters}
    with pytest.raises(error, match=message):
        solve(**arguments)


def test_bad_centroids_and_graphs():
    with pytest.raises(ValueError, match="each row needs its own centroid"):
        own_social_cost(X, X[:3], GROUPS)
    with pytest.raises(ValueError, match="the graph has 5 nodes but U and V have 12 rows"):
        solve_relaxed_system(X, GROUPS, 1, graph=complete_graph(5))
    with pytest.raises(ValueError, match="n_points must be at least 1"):
        smoothing(0, 0.5)
