"""The interior-point method on programs written by hand, and its certificates."""

import numpy as np
import pytest

from fairclust.radii import fair_radii_lp
from fairclust.solvers import facility_cholesky
from fairclust.solvers.facility_interior import solve_interior


def test_two_facilities_one_center(program):
    # y = (a, 1 - a): the first saves 3 on the first demand, the second 1 on the second.
    result = solve_interior(program([[0.0, 3.0], [1.0, 0.0]], 1))
    np.testing.assert_allclose(result.y, [1.0, 0.0], atol=1e-6)
    np.testing.assert_allclose([result.value, result.lower_bound], 1.0, rtol=1e-7)


def test_outside_options_replace_service(program):
    costs = [[0.0, np.inf], [np.inf, 0.0]]
    result = solve_interior(program(costs, 1, outside=[5.0, 2.0]))
    np.testing.assert_allclose(result.y, [1.0, 0.0], atol=1e-6)
    np.testing.assert_allclose([result.value, result.lower_bound], 2.0, rtol=1e-7)


def test_infeasible_is_proved_by_prices(program):
    costs = [[0.0, np.inf], [np.inf, 0.0]]
    problem = program(costs, 1)
    result = solve_interior(problem)
    assert result.status == "infeasible"
    assert problem.lower_bound(result.price) > problem.dearest()


@pytest.mark.parametrize("seed", range(5))
def test_bounds_hold_for_any_openings_and_prices(program, seed):
    rng = np.random.default_rng(seed)
    problem = program(rng.exponential(size=(12, 7)), 3)
    result = solve_interior(problem)
    assert result.status == "optimal"
    for _ in range(20):
        assert problem.lower_bound(rng.exponential(size=12)) <= result.value * (1 + 1e-9)
        y = rng.dirichlet(np.ones(7)) * 3
        value, worst, share = problem.upper_bound(y)
        assert worst == 0.0
        assert value >= result.lower_bound * (1 - 1e-9)
        np.testing.assert_allclose(share.sum(), value)


def test_another_start_gives_the_same_value(program):
    rng = np.random.default_rng(9)
    problem = program(rng.exponential(size=(30, 15)), 4)
    y = rng.dirichlet(np.full(15, 5.0)) * 4
    np.testing.assert_allclose(solve_interior(problem, y=y).value, solve_interior(problem).value, rtol=1e-7)


def test_free_service_costs_nothing(program):
    result = solve_interior(program(np.zeros((4, 3)), 1))
    assert result.value == 0.0
    assert result.status == "optimal"


def test_prices_of_a_similar_program_save_iterations(program):
    # Each of 200 points must be served by one of its 41 nearest, and five centers barely suffice: high prices.
    rng = np.random.default_rng(7)
    X = rng.normal(size=(200, 2)) * [30.0, 1.0]
    costs = ((X[:, None] - X) ** 2).sum(axis=2)
    costs[costs > np.sort(costs, axis=1)[:, 40:41]] = np.inf
    first = solve_interior(program(costs, 5), gap=1e-8)
    other = program(costs * rng.uniform(0.99, 1.01, costs.shape), 5)
    cold, warm = solve_interior(other, gap=1e-8), solve_interior(other, gap=1e-8, price=first.price)
    np.testing.assert_allclose(warm.value, cold.value, rtol=1e-7)
    assert warm.n_iterations < cold.n_iterations


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_eliminated_by_panels_or_all_at_once(program, monkeypatch, seed, outside):
    """Points on a line in a random order: whether or not the matrix is factorised by panels, the same solution."""
    rng = np.random.default_rng(seed)
    places = rng.permutation(80) + 0.3 * rng.random(80)
    away = abs(places[:, None] - places[None])
    away[away > 9.0] = np.inf
    problem = program(away, 6, outside=rng.uniform(3.0, 9.0, 80) if outside else None)
    dense = solve_interior(problem, gap=1e-9)
    start = rng.dirichlet(np.ones(80)) * 6 + 0.01
    monkeypatch.setattr(facility_cholesky, "N_WORTH", 2)
    monkeypatch.setattr(facility_cholesky, "OVERHEAD", 10.0)
    monkeypatch.setattr(facility_cholesky, "SHARE_WORTH", 1e9)
    plan = facility_cholesky.plan_elimination(problem.start, problem.node, 80)
    assert not plan.is_dense
    for y in (None, start):
        sparse = solve_interior(problem, gap=1e-9, y=y)
        assert sparse.status == dense.status == "optimal"
        np.testing.assert_allclose(sparse.value, dense.value, rtol=1e-8)
        # Openings and prices are in the numbers of the program given.
        np.testing.assert_allclose(problem.upper_bound(sparse.y)[0], sparse.value, rtol=1e-12)
        np.testing.assert_allclose(problem.lower_bound(sparse.price), sparse.lower_bound, rtol=1e-12)


def test_rounding_is_no_proof_that_nothing_is_feasible():
    """Prices so large that their bound is rounding, at points on three scales; one center serves them all."""
    X = np.array([[1.2, -1.1], [-0.3, 0.1], [999.9, 999.4], [998.8, 997.8], [1000.3, 999.8]])
    X = np.vstack([X, [[1001000.8, 1000999.9], [1001001.6, 1000999.1], [1000999.4, 1000999.6]]])
    away = np.sqrt(((X[:, None] - X[None]) ** 2).sum(axis=2))
    lp = fair_radii_lp(X, 1, power=3, radii=away.max(axis=1))
    best = (away**3).sum(axis=0).min()
    assert lp.lower_bound <= best <= lp.value * (1 + 1e-12)
    assert lp.value == pytest.approx(best, rel=1e-6)
