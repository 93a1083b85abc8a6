"""The facility LP against HiGHS and cvxpy on the whole LP, brute force, hand-solved instances and bad input."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import cvxpy as cp
import highspy
import numpy as np
import pytest
import scipy.sparse as sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.metrics.radius import fair_radii
from fairclust.solvers import facility, facility_benders, facility_direct
from fairclust.solvers.facility import METHODS, solve_facility_lp
from fairclust.solvers.facility_balls import Balls, balls_within, nearest_balls
from fairclust.solvers.infeasible_radii import InfeasibleRadiiError


def whole_lp(balls, k, power, weights=None):
    """The LP with every x as a column, by HiGHS; None if infeasible."""
    n, m, edges = balls.n_demands, balls.n_facilities, balls.n_edges
    weight = np.bincount(balls.demand_of_row, weights, n)
    demand = np.repeat(np.arange(n), np.diff(balls.start))
    edge = np.arange(edges)
    ones = np.ones(edges)
    matrix = sparse.vstack(
        [
            sparse.hstack([sparse.csr_matrix((ones, (demand, edge)), (n, edges)), sparse.csr_matrix((n, m))]),
            sparse.hstack([sparse.identity(edges), -sparse.csr_matrix((ones, (edge, balls.facilities)), (edges, m))]),
            sparse.hstack([sparse.csr_matrix((1, edges)), sparse.csr_matrix(np.ones((1, m)))]),
        ]
    ).tocsc()
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = edges + m, matrix.shape[0]
    lp.col_cost_ = np.concatenate([weight[demand] * balls.distances**power, np.zeros(m)])
    lp.col_lower_, lp.col_upper_ = np.zeros(edges + m), np.ones(edges + m)
    lp.row_lower_ = np.concatenate([np.ones(n), np.full(edges + 1, -np.inf)])
    lp.row_upper_ = np.concatenate([np.ones(n), np.zeros(edges), [k]])
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.passModel(lp)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    return solver.getInfo().objective_function_value


def assert_certified(result, balls, k, power, weights=None):
    """Openings are feasible, and their cost and the bound are what plain numpy says."""
    n = balls.n_demands
    weight = np.bincount(balls.demand_of_row, weights, n)
    y = result.openings
    assert y.shape == (balls.n_facilities,)
    assert y.min() >= 0
    assert y.max() <= 1
    assert y.sum() <= k + 1e-9
    value, gain = 0.0, np.zeros(balls.n_facilities)
    for v in range(n):
        ball = slice(balls.start[v], balls.start[v + 1])
        cost, open_ = balls.distances[ball] ** power, y[balls.facilities[ball]]
        before = np.concatenate([[0.0], np.cumsum(open_)[:-1]])
        served = np.minimum(open_, np.maximum(0.0, 1.0 - before))
        assert served.sum() >= 1 - 1e-7
        share = (served * cost).sum()
        value += weight[v] * share
        rows = balls.demand_of_row == v
        np.testing.assert_allclose(result.cost_shares[rows], share, rtol=1e-6, atol=1e-7 * max(1.0, cost.max()))
        np.add.at(gain, balls.facilities[ball], np.maximum(0.0, result.prices[v] - weight[v] * cost))
    bound = result.prices.sum() - np.sort(gain)[::-1][:k].sum()
    scale = max(1.0, abs(result.prices).sum())
    assert result.lower_bound <= result.value
    assert result.lower_bound <= max(0.0, bound) + 1e-12 * scale
    np.testing.assert_allclose(value, result.value, rtol=1e-6, atol=1e-7 * scale)


@st.composite
def instances(draw):
    """Points with ties and duplicates, radii of three kinds (some infeasible), weights with zeros, p."""
    n = draw(st.integers(1, 14))
    k = draw(st.integers(1, n))
    d = draw(st.integers(1, 2))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lattice = draw(st.booleans())
    X = rng.integers(0, draw(st.integers(2, 8)), (n, d)).astype(float) if lattice else rng.normal(size=(n, d))
    power = draw(st.sampled_from([1.0, 1.5, 2.0]))
    weights = rng.choice([0.0, 1.0, 2.0, 5.0], n) if draw(st.booleans()) else None
    if weights is not None and not weights.any():
        weights[0] = 1.0
    kind = draw(st.sampled_from(["fair", "textbook", "cut", "scaled"]))
    if kind == "cut":
        balls = nearest_balls(X, min(n, n // k + 1))
    else:
        radii = fair_radii(X, k, convention="include_self" if kind == "textbook" else "exclude_self")
        balls = balls_within(X, radii * (rng.choice([0.0, 0.5, 0.8, 1.0, 1.5], n) if kind == "scaled" else 1.0))
    return balls, k, power, weights


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=60, deadline=None)
@given(instance=instances())
def test_equals_the_whole_lp_by_highs(method, instance):
    balls, k, power, weights = instance
    reference = whole_lp(balls, k, power, weights)
    if reference is None:
        with pytest.raises(InfeasibleRadiiError) as caught:
            solve_facility_lp(balls, k, power=power, weights=weights, method=method)
        assert len(caught.value.rows) > 0
        if caught.value.disjoint:
            assert len(caught.value.rows) > k
        return
    result = solve_facility_lp(balls, k, power=power, weights=weights, method=method)
    assert result.status == "optimal"
    assert result.gap <= 1e-8
    np.testing.assert_allclose(result.value, reference, rtol=1e-6, atol=1e-7)
    assert result.lower_bound <= reference + 1e-7 * max(1.0, reference)
    assert_certified(result, balls, k, power, weights)


@pytest.mark.parametrize("seed", range(4))
def test_equals_cvxpy(seed):
    rng = np.random.default_rng(seed)
    X, k, power = rng.normal(size=(18, 2)), int(rng.integers(2, 6)), float(rng.choice([1.0, 2.0]))
    balls = balls_within(X, fair_radii(X, k))
    y = cp.Variable(balls.n_facilities, nonneg=True)
    cost, rules = 0.0, [cp.sum(y) <= k]
    for v in range(balls.n_demands):
        ball = slice(balls.start[v], balls.start[v + 1])
        x = cp.Variable(balls.start[v + 1] - balls.start[v], nonneg=True)
        cost = cost + (balls.distances[ball] ** power) @ x
        rules += [cp.sum(x) == 1, x <= y[balls.facilities[ball]]]
    reference = cp.Problem(cp.Minimize(cost), rules).solve(solver=cp.CLARABEL)
    np.testing.assert_allclose(solve_facility_lp(balls, k, power=power).value, reference, rtol=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_at_most_the_best_integral_solution(seed):
    rng = np.random.default_rng(seed)
    X, k = rng.integers(0, 5, (9, 2)).astype(float), 3
    radii = fair_radii(X, k)
    distances = np.linalg.norm(X[:, None] - X[None], axis=2)
    costs = [
        (distances[:, list(centers)].min(axis=1) ** 2).sum()
        for centers in combinations(range(9), k)
        if (distances[:, list(centers)].min(axis=1) <= radii + 1e-9).all()
    ]
    result = solve_facility_lp(balls_within(X, radii), k)
    if costs:
        assert result.lower_bound <= min(costs) + 1e-9


def test_a_triangle_is_served_by_three_halves():
    # Equilateral, k = 3/2 is not allowed; with k = 2 of 3 corners at distance 1: y = 2/3 each costs 3 * 1/3 = 1,
    # as do two corners opened whole.
    X = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])
    result = solve_facility_lp(balls_within(X, [1.0, 1.0, 1.0]), 2)
    np.testing.assert_allclose(result.value, 1.0, atol=1e-7)
    np.testing.assert_allclose(result.cost_shares.sum(), 1.0, atol=1e-7)


def test_a_cycle_of_five_needs_a_fraction():
    # Five points in a ring, each serving itself and its two neighbours at cost 1; k = 2.
    # y = 2/5 everywhere leaves 3/5 to the neighbours: 5 * 3/5 = 3. Two whole centers serve all but two at cost 3.
    angles = 2 * np.pi * np.arange(5) / 5
    X = np.column_stack([np.cos(angles), np.sin(angles)]) / (2 * np.sin(np.pi / 5))
    result = solve_facility_lp(balls_within(X, np.full(5, 1.0 + 1e-9)), 2)
    np.testing.assert_allclose([result.value, result.lower_bound], 3.0, atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_merged_duplicates_cost_what_copies_cost(method):
    rng = np.random.default_rng(5)
    X = rng.integers(0, 4, (40, 2)).astype(float)
    k = 6
    merged = balls_within(X, fair_radii(X, k))
    assert merged.n_facilities < 20
    # Apart by less than a rounding of the distances, so that no row merges.
    apart = X + 1e-13 * rng.normal(size=X.shape)
    copies = balls_within(apart, fair_radii(X, k) + 1e-12)
    assert copies.n_facilities == 40
    a, b = (solve_facility_lp(balls, k, method=method) for balls in (merged, copies))
    np.testing.assert_allclose(a.value, b.value, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(a.openings.sum(), b.openings.sum(), atol=1e-6)


def test_weights_are_copies():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(15, 2))
    radii, weights = 1.5 * fair_radii(X, 4), rng.integers(1, 4, 15)
    a = solve_facility_lp(balls_within(X, radii), 4, weights=weights)
    b = solve_facility_lp(balls_within(np.repeat(X, weights, axis=0), np.repeat(radii, weights)), 4)
    np.testing.assert_allclose(a.value, b.value, rtol=1e-7)


def test_a_permutation_of_the_rows_changes_nothing():
    rng = np.random.default_rng(7)
    X = rng.integers(0, 6, (60, 2)).astype(float)
    order = rng.permutation(60)
    a = solve_facility_lp(balls_within(X, fair_radii(X, 5)), 5)
    b = solve_facility_lp(balls_within(X[order], fair_radii(X[order], 5)), 5)
    assert a.value == b.value
    assert a.lower_bound == b.lower_bound
    np.testing.assert_array_equal(a.openings, b.openings)
    np.testing.assert_array_equal(a.cost_shares[order], b.cost_shares)


def test_the_same_call_gives_the_same_bytes():
    X = np.random.default_rng(1).normal(size=(80, 3))
    balls = balls_within(X, fair_radii(X, 6))
    a, b = solve_facility_lp(balls, 6), solve_facility_lp(balls, 6)
    assert a.openings.tobytes() == b.openings.tobytes()
    assert a.prices.tobytes() == b.prices.tobytes()


def test_methods_agree_and_a_wide_gap_is_cheaper():
    X = np.random.default_rng(2).normal(size=(200, 2))
    balls = balls_within(X, fair_radii(X, 8))
    tight, *others = (solve_facility_lp(balls, 8, method=method) for method in METHODS)
    np.testing.assert_allclose([other.value for other in others], tight.value, rtol=1e-7)
    wide = solve_facility_lp(balls, 8, gap=1e-3)
    assert 1e-8 < wide.gap <= 1e-3
    assert wide.n_iterations < tight.n_iterations
    assert wide.lower_bound <= tight.value * (1 + 1e-12)
    assert wide.value >= tight.lower_bound


def test_scaling_laws():
    X = np.random.default_rng(4).normal(size=(50, 2))
    radii = fair_radii(X, 5)
    a = solve_facility_lp(balls_within(X, radii), 5)
    b = solve_facility_lp(balls_within(1e4 * X, 1e4 * radii), 5)
    c = solve_facility_lp(balls_within(X, radii), 5, weights=np.full(50, 1e-3))
    np.testing.assert_allclose([1e-8 * b.value, 1e3 * c.value], a.value, rtol=1e-7)
    wider = solve_facility_lp(balls_within(X, 1.5 * radii), 5)
    assert wider.value <= a.value * (1 + 1e-7)


def test_progress_reports_bounds_in_order():
    X = np.random.default_rng(6).normal(size=(120, 2))
    seen = []
    for method in METHODS:
        seen.clear()
        result = solve_facility_lp(
            balls_within(X, fair_radii(X, 6)), 6, method=method, progress=lambda *call: seen.append(call)
        )
        iterations, values, bounds = np.array(seen).T
        assert (np.diff(iterations) > 0).all()
        assert (np.diff(values[np.isfinite(values)]) <= 0).all()
        assert (np.diff(bounds) >= 0).all()
        assert values[-1] >= result.lower_bound


@pytest.mark.parametrize("method", METHODS)
def test_infeasible_radii_name_rows(method):
    far_apart = balls_within([[0.0], [10.0], [20.0], [20.5]], [1.0, 1.0, 1.0, 1.0])
    with pytest.raises(InfeasibleRadiiError, match="no 2 centers can satisfy the radii: the balls of rows 0, 1, 2"):
        solve_facility_lp(far_apart, 2, method=method)
    # Each pair of the three balls meets in a point of its own: no two are disjoint, but one center cannot serve all
    # three, and 3/2 fractional ones are needed.
    corners = np.array([[0.0, 0.0], [2.0, 0.0], [1.0, np.sqrt(3.0)]])
    X = np.vstack([corners, (corners + np.roll(corners, 1, axis=0)) / 2])
    radii = np.array([1.0, 1.0, 1.0, 9.0, 9.0, 9.0]) + 1e-9
    with pytest.raises(InfeasibleRadiiError, match="not even fractional") as caught:
        solve_facility_lp(balls_within(X, radii), 1, method=method)
    assert not caught.value.disjoint
    assert set(caught.value.rows) >= {0, 1, 2}
    assert solve_facility_lp(balls_within(X, radii), 2, method=method).status == "optimal"


def test_forced_centers_and_zero_radii():
    X = np.array([[0.0], [1.0], [2.0], [7.0], [8.0]])
    radii = np.array([0.0, 1.0, 2.0, 5.0, 1.0])
    result = solve_facility_lp(balls_within(X, radii), 2)
    np.testing.assert_allclose(result.openings[0], 1.0)
    np.testing.assert_allclose(result.value, 1.0 + 4.0 + 0.0 + 1.0, rtol=1e-7)  # the second at 7 or at 8
    with pytest.raises(InfeasibleRadiiError):
        solve_facility_lp(balls_within(X, np.zeros(5)), 4)
    assert solve_facility_lp(balls_within(X, np.zeros(5)), 5).value == 0.0


def test_all_points_equal_and_one_point():
    same = balls_within(np.ones((6, 2)), np.zeros(6))
    assert solve_facility_lp(same, 3).value == 0.0
    assert solve_facility_lp(balls_within([[4.0]], [0.0]), 1).openings.tolist() == [1.0]


@pytest.mark.parametrize("method", METHODS)
def test_where_nothing_costs_anything(method):
    # Not merged, as they would be by balls_within: two rows that coincide, and a third whose radius is zero.
    start, facilities = np.array([0, 2, 4, 5]), np.array([0, 1, 0, 1, 2], dtype=np.int32)
    balls = Balls(start, facilities, np.zeros(5), 3, *(np.arange(3) for _ in range(4)))
    result = solve_facility_lp(balls, 2, method=method)
    assert (result.value, result.lower_bound, result.gap, result.status) == (0.0, 0.0, 0.0, "optimal")
    assert result.openings[2] == 1.0


def test_iteration_limit_is_honest():
    X = np.random.default_rng(8).normal(size=(150, 2))
    balls = balls_within(X, fair_radii(X, 6))
    needed = solve_facility_lp(balls, 6).n_iterations
    short = solve_facility_lp(balls, 6, max_iterations=needed - 2)
    exact = solve_facility_lp(balls, 6)
    assert short.status == "iteration_limit"
    assert short.lower_bound <= exact.value <= short.value * (1 + 1e-9)
    assert short.gap > 1e-8


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_centers": 0}, ValueError, "n_clusters must be at least 1"),
        ({"n_centers": 6}, ValueError, "larger than the number of rows"),
        ({"n_centers": 2.0}, TypeError, "must be an integer"),
        ({"power": 0.5}, ValueError, "power must be"),
        ({"weights": [1.0]}, ValueError, "weights has shape"),
        ({"weights": [1.0, -1.0, 1.0, 1.0, 1.0]}, ValueError, "row 1 has -1"),
        ({"weights": [0.0] * 5}, ValueError, "all zero"),
        ({"gap": -1.0}, ValueError, "gap must be"),
        ({"max_iterations": 0}, ValueError, "max_iterations must be"),
        ({"method": "simplex"}, ValueError, "method must be one of 'interior', 'benders', 'refined', 'priced'"),
    ],
)
def test_bad_arguments(arguments, error, message):
    balls = balls_within(np.arange(5.0)[:, None], np.full(5, 2.0))
    with pytest.raises(error, match=message):
        solve_facility_lp(balls, **{"n_centers": 2, **arguments})


def test_costs_that_overflow():
    with pytest.raises(ValueError, match="overflow"):
        balls_within([[0.0], [1e200]], [1e200, 1e200])
    balls = balls_within([[0.0], [1e150], [2e150]], [1e150, 1e150, 1e150])
    with pytest.raises(ValueError, match="power 3 overflow"):
        solve_facility_lp(balls, 1, power=3)


def test_benders_where_the_interior_point_method_stalls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A result far from proven is tried again; what the first method found is not thrown away if it proves more."""
    balls = balls_within(np.random.default_rng(0).normal(size=(40, 2)), np.full(40, 1.5))
    optimum = solve_facility_lp(balls, 6)
    asked = []

    def stalling(problem: facility.FacilityProblem, **options: Any) -> facility.Found:
        asked.append("interior")
        found = facility_direct.solve_directly(problem, **options)
        return replace(found, prices=0.1 * found.prices, lower_bound=0.0, status="stalled")

    def second(problem: facility.FacilityProblem, **options: Any) -> facility.Found:
        asked.append("benders")
        return facility_benders.solve_benders(problem, **options)

    monkeypatch.setattr(facility, "solve_directly", stalling)
    monkeypatch.setattr(facility, "solve_benders", second)
    result = solve_facility_lp(balls, 6)
    assert asked == ["interior", "benders"]
    assert result.status == "optimal"
    assert result.value == pytest.approx(optimum.value, rel=1e-7)
    assert result.lower_bound == pytest.approx(optimum.lower_bound, rel=1e-7)
