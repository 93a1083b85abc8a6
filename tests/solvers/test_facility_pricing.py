"""Rounds of pricing end at the value of the whole problem."""

import numpy as np
import pytest

from fairclust.metrics.radius import fair_radii
from fairclust.solvers import facility_pricing
from fairclust.solvers.facility_balls import balls_within
from fairclust.solvers.facility_pricing import solve_directly, solve_priced
from fairclust.solvers.facility_problem import FacilityProblem


def problem(X, k, power=2.0, radii=None, weights=None):
    balls = balls_within(X, fair_radii(X, k) if radii is None else radii)
    return FacilityProblem(balls, k, power, np.ones(len(X)) if weights is None else weights)


@pytest.mark.parametrize("seed", range(6))
def test_rounds_reach_the_direct_value(seed, monkeypatch):
    monkeypatch.setattr(facility_pricing, "N_FIRST", 10)
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(150, 2)) if seed % 2 else rng.integers(0, 12, (200, 2)).astype(float)
    whole = problem(X, 5 + seed, power=1.0 + seed % 2, weights=rng.choice([0.0, 1.0, 3.0], len(X)))
    direct = solve_directly(whole, gap=1e-8, max_iterations=200)
    sizes = []
    restrict = whole.restrict
    monkeypatch.setattr(whole, "restrict", lambda *a: sizes.append(int(a[0].sum())) or restrict(*a))
    priced = solve_priced(whole, gap=1e-6, max_iterations=2000)
    assert priced.status == "optimal"
    np.testing.assert_allclose(priced.value, direct.value, rtol=2e-6)
    assert priced.lower_bound <= direct.value * (1 + 1e-9)
    assert min(sizes) < whole.useful.sum()
    assert whole.serve(priced.openings)[0] == priced.value
    assert whole.lower_bound(priced.prices)[0] == priced.lower_bound


def test_infeasible_is_found(monkeypatch):
    monkeypatch.setattr(facility_pricing, "N_FIRST", 2)
    corners = np.array([[0.0, 0.0], [2.0, 0.0], [1.0, np.sqrt(3.0)]])
    X = np.vstack([corners, (corners + np.roll(corners, 1, axis=0)) / 2])
    radii = np.array([1.0, 1.0, 1.0, 9.0, 9.0, 9.0]) + 1e-9
    found = solve_priced(problem(X, 1, radii=radii), gap=1e-6, max_iterations=2000)
    assert found.status == "infeasible"


def test_iteration_limit_is_reported():
    X = np.random.default_rng(0).normal(size=(120, 2))
    found = solve_priced(problem(X, 6), gap=1e-8, max_iterations=3)
    assert found.status == "iteration_limit"
    assert found.n_iterations <= 4
