"""Refinement of groups against the whole LP: same value, valid bounds at every stop, few groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.metrics.radius import fair_radii
from fairclust.solvers import facility_refinement
from fairclust.solvers.facility_balls import balls_within, nearest_balls
from fairclust.solvers.facility_direct import solve_directly
from fairclust.solvers.facility_problem import FacilityProblem
from fairclust.solvers.facility_program import SHORTAGE
from fairclust.solvers.facility_refinement import solve_refined


def problem(X, k, power=2.0, radii=None, weights=None):
    balls = balls_within(X, fair_radii(X, k) if radii is None else radii)
    return FacilityProblem(balls, k, power, np.ones(len(X)) if weights is None else weights)


@pytest.fixture(autouse=True)
def few_groups(monkeypatch):
    """Start with few groups and a small program of few members, or nothing would be grouped at these sizes."""
    monkeypatch.setattr(facility_refinement, "N_FIRST", 4)
    monkeypatch.setattr(facility_refinement, "N_LEADERS", 4)
    monkeypatch.setattr(facility_refinement, "N_CANDIDATES", 12)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(8, 60),
    k=st.integers(1, 8),
    kind=st.sampled_from(["normal", "lattice", "line", "cut"]),
    power=st.sampled_from([1.0, 2.0]),
    weighted=st.booleans(),
    zero_radius=st.booleans(),
    leaders=st.sampled_from([1, 6, 1000]),
)
def test_equals_all_facilities_at_once(seed, n, k, kind, power, weighted, zero_radius, leaders):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    if kind == "lattice":
        X = rng.integers(0, 5, (n, 2)).astype(float)
    if kind == "line":
        X = X * [100.0, 1.0]
    weights = rng.choice([0.0, 1.0, 4.0], n) if weighted else np.ones(n)
    weights[0] = 1.0
    radii = fair_radii(X, k)
    if zero_radius:
        radii[rng.integers(n)] = 0.0
    if kind == "cut":
        whole = FacilityProblem(nearest_balls(X, min(n, n // k + 1)), k, power, weights)
    else:
        whole = problem(X, k, power, radii, weights)
    if whole.useful.sum() <= whole.spare:
        return
    direct = solve_directly(whole, gap=1e-8, max_iterations=500)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(facility_refinement, "N_LEADERS", leaders)
        refined = solve_refined(whole, gap=1e-6, max_iterations=20_000)
    if direct.status == "infeasible":
        assert refined.status == "infeasible"
        return
    assert refined.status == "optimal"
    scale = max(direct.value, 1e-6 * whole.dearest)
    assert abs(refined.value - direct.value) <= 2e-6 * scale
    assert refined.lower_bound <= direct.value + 1e-8 * scale
    cost, worst, _ = whole.serve(refined.openings)
    assert cost == refined.value
    assert worst <= SHORTAGE
    assert refined.openings.sum() <= k * (1 + 1e-12)
    assert whole.lower_bound(refined.prices)[0] == refined.lower_bound


def test_most_facilities_stay_in_groups(monkeypatch):
    monkeypatch.setattr(facility_refinement, "N_CANDIDATES", 100)
    # Programs that are solved only roughly make fewer rounds, but open more groups, which are split in vain.
    monkeypatch.setattr(facility_refinement, "PROGRESS", 0.0)
    monkeypatch.setattr(facility_refinement, "EXACT", 1e-5)
    X = np.random.default_rng(0).normal(size=(500, 2)) * [100.0, 0.01]
    whole = problem(X, 4)
    sizes = []
    program = facility_refinement.grouped_program

    def counted(*arguments):
        grouped = program(*arguments)
        sizes.append(grouped.program.n_facilities)
        return grouped

    monkeypatch.setattr(facility_refinement, "grouped_program", counted)
    found = solve_refined(whole, gap=1e-3, max_iterations=5000)
    assert found.status == "optimal"
    assert sizes == sorted(sizes)
    assert sizes[-1] < 250
    exact = solve_directly(whole, gap=1e-8, max_iterations=200).value
    assert found.lower_bound <= exact * (1 + 1e-9)
    assert exact <= found.value * (1 + 1e-9)


@pytest.mark.parametrize("limit", [1, 20, 45, 90])
def test_bounds_hold_at_every_stop(limit):
    X = np.random.default_rng(1).normal(size=(150, 2))
    whole = problem(X, 5)
    exact = solve_directly(whole, gap=1e-8, max_iterations=200).value
    seen = []
    found = solve_refined(whole, gap=1e-9, max_iterations=limit, progress=lambda *call: seen.append(call))
    assert found.status == "iteration_limit"
    assert found.n_iterations <= limit + 1
    assert found.lower_bound <= exact * (1 + 1e-9)
    assert exact <= found.value * (1 + 1e-9)
    iterations, values, bounds = np.array(seen).T
    assert (np.diff(iterations) > 0).all()
    assert (np.diff(values[np.isfinite(values)]) <= 0).all()
    assert (np.diff(bounds) >= 0).all()


def test_most_demands_stay_in_groups(monkeypatch):
    monkeypatch.setattr(facility_refinement, "N_LEADERS", 60)
    monkeypatch.setattr(facility_refinement, "N_CANDIDATES", 100)
    X = np.random.default_rng(5).normal(size=(600, 2)) * [100.0, 0.01]
    whole = problem(X, 4)
    sizes, calls = [], []
    program = facility_refinement.grouped_program

    def counted(*arguments):
        grouped = program(*arguments)
        sizes.append(len(grouped.leaders))
        return grouped

    monkeypatch.setattr(facility_refinement, "grouped_program", counted)
    found = solve_refined(whole, gap=1e-3, max_iterations=5000, progress=lambda *call: calls.append(call))
    assert 60 <= sizes[0] < 150
    assert sizes == sorted(sizes)
    assert sizes[-1] < 400
    exact = solve_directly(whole, gap=1e-8, max_iterations=200).value
    assert found.status == "optimal"
    assert found.lower_bound <= exact * (1 + 1e-9)
    assert exact <= found.value * (1 + 1e-9)
    iterations, _, bounds = np.array(calls).T
    assert (np.diff(iterations) > 0).all()
    assert iterations[-1] == found.n_iterations
    assert (np.diff(bounds) >= 0).all()


def test_where_nothing_is_left_to_split_more_candidates_are_tried(monkeypatch):
    monkeypatch.setattr(facility_refinement, "N_CANDIDATES", 10)
    monkeypatch.setattr(facility_refinement, "N_LEADERS", 60)
    whole = problem(np.random.default_rng(1).normal(size=(400, 2)), 12, power=1.0)
    restrict, sizes = FacilityProblem.restrict, []

    def counted(self, keep, *arguments):
        sizes.append(int(keep.sum()))
        return restrict(self, keep, *arguments)

    monkeypatch.setattr(FacilityProblem, "restrict", counted)
    exact = solve_directly(whole, gap=1e-8, max_iterations=200).value
    sizes.clear()
    found = solve_refined(whole, gap=1e-6, max_iterations=5000)
    assert found.status == "optimal"
    assert abs(found.value - exact) <= 2e-6 * exact
    assert sizes[0] == 10
    assert {20, 40, 80} <= set(sizes)
    # With ten only, they would not have sufficed, and that is said.
    monkeypatch.setattr(facility_refinement, "MOST_CANDIDATES", 10)
    monkeypatch.setattr(facility_refinement, "N_SHARPER", 0)
    found = solve_refined(whole, gap=1e-6, max_iterations=5000)
    assert found.status == "stalled"
    assert found.lower_bound <= exact * (1 + 1e-9)
    assert exact <= found.value * (1 + 1e-9)


def test_a_program_stuck_at_prices_that_are_too_good_is_solved_from_nowhere(monkeypatch):
    # Drawn by hypothesis: the prices of a round are the optimal ones of the next, with nothing between them and 0.
    rng = np.random.default_rng(1)
    X = rng.normal(size=(55, 2)) * [100.0, 1.0]
    weights = rng.choice([0.0, 1.0, 4.0], 55)
    weights[0] = 1.0
    radii = fair_radii(X, 4)
    radii[rng.integers(55)] = 0.0
    whole = problem(X, 4, 1.0, radii, weights)
    exact = solve_directly(whole, gap=1e-8, max_iterations=200).value
    monkeypatch.setattr(facility_refinement, "N_LEADERS", 1)
    solve, calls = facility_refinement.solve_interior, []

    def counted(program, **options):
        calls.append((options.get("price") is not None, solve(program, **options)))
        return calls[-1][1]

    monkeypatch.setattr(facility_refinement, "solve_interior", counted)
    found = solve_refined(whole, gap=1e-6, max_iterations=5000)
    assert found.status == "optimal"
    assert abs(found.value - exact) <= 2e-6 * exact
    stuck = [i for i, (warm, result) in enumerate(calls) if warm and result.status == "stalled"]
    assert stuck
    assert not calls[stuck[0] + 1][0]
    assert calls[stuck[0] + 1][1].status == "optimal"
    assert found.n_iterations >= sum(result.n_iterations for _, result in calls)


def test_too_many_groups_is_said(monkeypatch):
    monkeypatch.setattr(facility_refinement, "N_GROUPS", 60)
    X = np.random.default_rng(2).normal(size=(150, 3))
    found = solve_refined(problem(X, 5), gap=1e-9, max_iterations=5000)
    assert found.status == "stalled"
    assert 0 < found.lower_bound < found.value
    assert found.n_iterations > 0


def test_the_same_call_gives_the_same_bytes():
    X = np.random.default_rng(3).integers(0, 9, (150, 2)).astype(float)
    a, b = (solve_refined(problem(X, 5), gap=1e-6, max_iterations=5000) for _ in range(2))
    assert a.openings.tobytes() == b.openings.tobytes()
    assert a.prices.tobytes() == b.prices.tobytes()


def test_one_center_and_infeasible_radii():
    X = np.random.default_rng(4).normal(size=(40, 2))
    distances = ((X[:, None] - X[None]) ** 2).sum(axis=2)
    whole = problem(X, 1, radii=np.full(40, 100.0))
    found = solve_refined(whole, gap=1e-6, max_iterations=5000)
    np.testing.assert_allclose(found.value, distances.sum(axis=0).min(), rtol=1e-6)
    corners = np.array([[0.0, 0.0], [2.0, 0.0], [1.0, np.sqrt(3.0)]])
    X = np.vstack([corners, (corners + np.roll(corners, 1, axis=0)) / 2])
    radii = np.array([1.0, 1.0, 1.0, 9.0, 9.0, 9.0]) + 1e-9
    assert solve_refined(problem(X, 1, radii=radii), gap=1e-6, max_iterations=5000).status == "infeasible"
