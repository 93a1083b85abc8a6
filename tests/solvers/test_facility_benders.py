"""Benders' cuts are valid and tight, and its rounds end at the interior-point value."""

import numpy as np
import pytest

from fairclust.metrics.radius import fair_radii
from fairclust.solvers.facility_balls import balls_within
from fairclust.solvers.facility_benders import _separate, solve_benders
from fairclust.solvers.facility_direct import solve_directly
from fairclust.solvers.facility_problem import FacilityProblem


def problem(X, k, power=2.0):
    return FacilityProblem(balls_within(X, fair_radii(X, k)), k, power, np.ones(len(X)))


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0])
def test_equals_the_interior_point_method(power):
    X = np.random.default_rng(int(10 * power)).normal(size=(120, 2))
    whole = problem(X, 7, power)
    direct = solve_directly(whole, gap=1e-9, max_iterations=200)
    calls = []
    cuts = solve_benders(whole, gap=1e-8, progress=lambda *call: calls.append(call))
    assert cuts.status == "optimal"
    assert cuts.n_iterations == len(calls) > 1
    np.testing.assert_allclose(cuts.value, direct.value, rtol=1e-7)
    np.testing.assert_allclose(cuts.lower_bound, direct.lower_bound, rtol=1e-7)


def test_a_cut_is_tight_where_it_is_made_and_valid_elsewhere():
    rng = np.random.default_rng(2)
    whole = problem(rng.normal(size=(40, 2)), 4)
    y = np.full(40, 4 / 40) * 1.05
    critical = np.empty(40)
    assert _separate(whole.start, whole.node, whole.cost, y, np.zeros(40), 0.0, critical) == 40
    _, _, share = whole.serve(y)
    for other in [y] + [rng.dirichlet(np.ones(40)) * 8 for _ in range(10)]:
        _, worst, cost = whole.serve(other)
        for v in range(40):
            ball = slice(whole.start[v], whole.start[v + 1])
            slack = np.maximum(0.0, critical[v] - whole.cost[ball])
            cut = critical[v] - slack @ other[whole.node[ball]]
            if worst == 0.0:
                assert cut <= cost[v] + 1e-9
            if other is y:
                np.testing.assert_allclose(cut, share[v], atol=1e-9)


def test_balls_that_hold_too_little_are_flagged():
    whole = problem(np.random.default_rng(3).normal(size=(20, 2)), 3)
    critical = np.empty(20)
    _separate(whole.start, whole.node, whole.cost, np.full(20, 0.01), np.full(20, 1e9), 0.0, critical)
    assert (critical == -1.0).all()
    _separate(whole.start, whole.node, whole.cost, np.ones(20), np.full(20, 1e9), 0.0, critical)
    assert (critical == -2.0).all()


def test_round_limit_is_reported():
    whole = problem(np.random.default_rng(4).normal(size=(100, 2)), 6)
    found = solve_benders(whole, max_iterations=1)
    assert (found.status, found.n_iterations) == ("iteration_limit", 1)
    direct = solve_directly(whole, gap=1e-9, max_iterations=200)
    assert found.lower_bound <= direct.value <= found.value * (1 + 1e-9)


def test_rounds_that_bring_nothing_end():
    """Two tight clusters far apart: what the master returns is rounding, however often it is asked."""
    rng = np.random.default_rng(0)
    X = rng.normal(0, 0.01, (120, 2))
    X[60:, 0] += 1000.0
    found = solve_benders(problem(X, 2), gap=1e-12, max_iterations=5000)
    assert found.status == "stalled"
    assert found.n_iterations < 1000
