"""Pricing of facilities against the whole LP: same value where balls leave room, valid bounds at every stop."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.metrics.radius import fair_radii
from fairclust.solvers import facility, facility_pricing
from fairclust.solvers.facility import solve_facility_lp
from fairclust.solvers.facility_balls import balls_within
from fairclust.solvers.facility_direct import solve_directly
from fairclust.solvers.facility_pricing import is_roomy, solve_priced
from fairclust.solvers.facility_problem import FacilityProblem
from fairclust.solvers.facility_program import SHORTAGE
from fairclust.solvers.infeasible_radii import InfeasibleRadiiError


def problem(X, k, multiple=2.0, power=2.0, weights=None, radii=None):
    balls = balls_within(X, multiple * fair_radii(X, k) if radii is None else radii)
    return FacilityProblem(balls, k, power, np.ones(len(X)) if weights is None else weights)


@pytest.fixture(autouse=True)
def few_facilities(monkeypatch):
    """Start with few facilities, or all of them would enter at once at these sizes."""
    monkeypatch.setattr(facility_pricing, "N_FIRST", 6)
    monkeypatch.setattr(facility_pricing, "N_ENTER", 6)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(8, 60),
    k=st.integers(1, 8),
    kind=st.sampled_from(["normal", "lattice", "line"]),
    multiple=st.sampled_from([1.0, 2.0, 4.0]),
    power=st.sampled_from([1.0, 2.0]),
    weighted=st.booleans(),
    zero_radius=st.booleans(),
)
def test_bounds_enclose_the_value_of_all_facilities_at_once(seed, n, k, kind, multiple, power, weighted, zero_radius):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    if kind == "lattice":
        X = rng.integers(0, 5, (n, 2)).astype(float)
    if kind == "line":
        X = X * [100.0, 1.0]
    weights = rng.choice([0.0, 1.0, 4.0], n) if weighted else np.ones(n)
    weights[0] = 1.0
    radii = multiple * fair_radii(X, k)
    if zero_radius:
        radii[rng.integers(n)] = 0.0
    whole = problem(X, k, power=power, weights=weights, radii=radii)
    if whole.useful.sum() <= whole.spare:
        return
    direct = solve_directly(whole, gap=1e-8, max_iterations=500)
    priced = solve_priced(whole, gap=1e-6, max_iterations=20_000)
    assert priced.status in {"optimal", "stalled"}
    if direct.status == "infeasible":
        assert priced.status == "stalled"
        assert priced.value == np.inf
        return
    scale = max(direct.value, 1e-6 * whole.dearest)
    assert priced.lower_bound <= direct.value + 1e-8 * scale
    assert direct.value <= priced.value + 1e-8 * scale
    assert max(whole.lower_bound(priced.prices)[0], 0.0) == priced.lower_bound
    if priced.value < np.inf:
        cost, worst, _ = whole.serve(priced.openings)
        assert cost == priced.value
        assert worst <= SHORTAGE
        assert priced.openings.sum() <= k * (1 + 1e-12)
    if priced.status == "optimal":
        assert priced.value - priced.lower_bound <= 1e-6 * scale


@pytest.mark.parametrize("power", [1.0, 2.0])
@pytest.mark.parametrize("multiple", [2.0, 3.0])
def test_most_facilities_stay_outside_where_balls_leave_room(multiple, power, monkeypatch):
    monkeypatch.setattr(facility_pricing, "N_FIRST", 60)
    monkeypatch.setattr(facility_pricing, "N_ENTER", 60)
    X = np.random.default_rng(0).normal(size=(600, 2))
    whole = problem(X, 6, multiple, power)
    assert is_roomy(whole, whole.check_disjoint())
    sizes = []
    solve = facility_pricing.solve_interior

    def counted(program, **options):
        sizes.append(program.n_facilities)
        return solve(program, **options)

    monkeypatch.setattr(facility_pricing, "solve_interior", counted)
    found = solve_priced(whole, gap=1e-4, max_iterations=5000)
    assert found.status == "optimal"
    assert max(sizes) < 400
    assert len(sizes) > 1
    exact = solve_directly(whole, gap=1e-8, max_iterations=300).value
    assert found.lower_bound <= exact * (1 + 1e-9)
    assert exact <= found.value * (1 + 1e-9)


@pytest.mark.parametrize("limit", [1, 15, 30, 60])
def test_bounds_hold_at_every_stop(limit):
    X = np.random.default_rng(1).normal(size=(200, 2))
    whole = problem(X, 5)
    exact = solve_directly(whole, gap=1e-8, max_iterations=200).value
    seen = []
    found = solve_priced(whole, gap=0.0, max_iterations=limit, progress=lambda *call: seen.append(call))
    assert found.status in {"iteration_limit", "stalled"}
    assert found.n_iterations <= limit + 1
    assert found.lower_bound <= exact * (1 + 1e-9)
    assert exact <= found.value * (1 + 1e-9)
    for (_, value, bound), (_, next_value, next_bound) in itertools.pairwise(seen):
        assert next_value <= value
        assert next_bound >= bound


def test_ascent_raises_the_bound_of_the_first_prices():
    X = np.random.default_rng(2).normal(size=(300, 2))
    whole = problem(X, 5, 3.0)
    keep = whole.cover(0.5)
    part = whole.restrict(keep)
    prices = whole.prices(part.demands, facility_pricing.solve_interior(part.program, gap=1e-2).price)
    start = facility_pricing._at(whole, prices)
    exact = solve_directly(whole, gap=1e-8, max_iterations=200).value
    better = facility_pricing._ascend(whole, start, exact)
    assert start.bound < better.bound <= exact * (1 + 1e-9)
    again, _, gains_again = whole.lower_bound(better.prices)
    assert again == better.bound
    np.testing.assert_array_equal(better.gain, gains_again)


def test_tight_balls_are_left_to_refinement(monkeypatch):
    X = np.random.default_rng(3).normal(size=(200, 2))
    monkeypatch.setattr(facility, "N_DIRECT", 20)
    tried = []
    solve = facility.solve_priced

    def noted(whole, **options):
        tried.append(whole)
        return solve(whole, **options)

    monkeypatch.setattr(facility, "solve_priced", noted)
    radii = fair_radii(X, 8)
    tight = solve_facility_lp(balls_within(X, radii), 8, gap=1e-4)
    assert not tried
    assert tight.status == "optimal"
    roomy = solve_facility_lp(balls_within(X, 3.0 * radii), 8, gap=1e-4)
    assert len(tried) == 1
    assert roomy.status == "optimal"
    exact = solve_facility_lp(balls_within(X, 3.0 * radii), 8, method="benders").value
    assert roomy.lower_bound <= exact * (1 + 1e-9)
    assert exact <= roomy.value * (1 + 1e-9)


def test_refinement_goes_on_where_pricing_stalls(monkeypatch):
    X = np.random.default_rng(4).normal(size=(120, 2))
    balls = balls_within(X, fair_radii(X, 6))
    monkeypatch.setattr(facility_pricing, "PATIENCE", 1)
    monkeypatch.setattr(facility_pricing, "N_ENTER", 2)
    stalled = solve_priced(FacilityProblem(balls, 6, 2.0, np.ones(120)), gap=1e-6, max_iterations=5000)
    assert stalled.status == "stalled"
    found = solve_facility_lp(balls, 6, gap=1e-6, method="priced")
    assert found.status == "optimal"
    assert found.n_iterations > stalled.n_iterations
    exact = solve_facility_lp(balls, 6).value
    assert found.value == pytest.approx(exact, rel=1e-6)
    short = solve_facility_lp(balls, 6, gap=1e-6, method="priced", max_iterations=stalled.n_iterations + 30)
    assert short.n_iterations <= stalled.n_iterations + 31


def test_the_same_call_gives_the_same_bytes():
    X = np.random.default_rng(5).integers(0, 9, (150, 2)).astype(float)
    a, b = (solve_priced(problem(X, 5), gap=1e-6, max_iterations=5000) for _ in range(2))
    assert a.openings.tobytes() == b.openings.tobytes()
    assert a.prices.tobytes() == b.prices.tobytes()


def test_one_center_and_infeasible_radii():
    X = np.random.default_rng(6).normal(size=(40, 2))
    distances = ((X[:, None] - X[None]) ** 2).sum(axis=2)
    found = solve_priced(problem(X, 1, radii=np.full(40, 100.0)), gap=1e-6, max_iterations=5000)
    np.testing.assert_allclose(found.value, distances.sum(axis=0).min(), rtol=1e-6)
    corners = np.array([[0.0, 0.0], [2.0, 0.0], [1.0, np.sqrt(3.0)]])
    X = np.vstack([corners, (corners + np.roll(corners, 1, axis=0)) / 2])
    radii = np.array([1.0, 1.0, 1.0, 9.0, 9.0, 9.0]) + 1e-9
    with pytest.raises(InfeasibleRadiiError):
        solve_facility_lp(balls_within(X, radii), 1, method="priced")
