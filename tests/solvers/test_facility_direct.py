"""All facilities and demands at once: openings and prices of the whole problem, forced centers included."""

import numpy as np
import pytest

from fairclust.metrics.radius import fair_radii
from fairclust.solvers.facility_balls import balls_within
from fairclust.solvers.facility_direct import solve_directly
from fairclust.solvers.facility_problem import FacilityProblem


def problem(X, k, radii=None):
    balls = balls_within(X, fair_radii(X, k) if radii is None else radii)
    return FacilityProblem(balls, k, 2.0, np.ones(len(X)))


@pytest.mark.parametrize("forced", [False, True])
def test_both_bounds_are_of_the_whole(forced):
    X = np.random.default_rng(0).normal(size=(60, 2))
    radii = fair_radii(X, 5)
    if forced:
        radii[7] = 0.0
    whole = problem(X, 5, radii)
    calls = []
    found = solve_directly(whole, gap=1e-8, max_iterations=200, progress=lambda *call: calls.append(call))
    assert found.status == "optimal"
    cost, worst, _ = whole.serve(found.openings)
    assert worst <= 1e-9
    np.testing.assert_allclose(cost, found.value, rtol=1e-9)
    assert found.openings.sum() <= 5 * (1 + 1e-12)
    assert (found.openings[whole.is_forced] == 1.0).all()
    assert whole.is_forced.sum() == forced
    bound = whole.lower_bound(found.prices)[0]
    assert 0.0 <= cost - bound <= 1e-7 * cost
    assert calls[-1][0] == found.n_iterations


def test_no_more_iterations_than_allowed():
    found = solve_directly(problem(np.random.default_rng(1).normal(size=(60, 2)), 5), gap=0.0, max_iterations=3)
    assert (found.status, found.n_iterations) == ("iteration_limit", 3)


def test_infeasible_radii():
    corners = np.array([[0.0, 0.0], [2.0, 0.0], [1.0, np.sqrt(3.0)]])
    X = np.vstack([corners, (corners + np.roll(corners, 1, axis=0)) / 2])
    radii = np.array([1.0, 1.0, 1.0, 9.0, 9.0, 9.0]) + 1e-9
    assert solve_directly(problem(X, 1, radii), gap=1e-8, max_iterations=200).status == "infeasible"
