"""Facility LPs written by hand: what any openings cost, what any prices prove, and that both meet at the optimum."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from fairclust.solvers.facility_program import SHORTAGE, Program, largest_sum


def by_highs(problem):
    """The whole LP, every x a column: its value, its openings and the prices of its demands; None if infeasible."""
    edges, n, m = len(problem.cost), len(problem.outside), problem.n_facilities
    demand = np.repeat(np.arange(n), np.diff(problem.start))
    out = np.flatnonzero(np.isfinite(problem.outside))
    served = np.zeros((n, edges + len(out) + m))
    served[demand, np.arange(edges)] = 1.0
    served[out, edges + np.arange(len(out))] = 1.0
    below = np.zeros((edges + 1, edges + len(out) + m))
    below[np.arange(edges), np.arange(edges)] = 1.0
    below[np.arange(edges), edges + len(out) + problem.node] = -1.0
    below[edges, edges + len(out) :] = 1.0
    most = np.ones(m) if problem.capacity is None else problem.capacity
    found = linprog(
        np.concatenate([problem.cost, problem.outside[out], np.zeros(m)]),
        below,
        np.append(np.zeros(edges), problem.n_centers),
        served,
        np.ones(n),
        [*[(0, None)] * (edges + len(out)), *[(0, most[u]) for u in range(m)]],
        method="highs",
    )
    if found.status != 0:
        return None
    return found.fun, found.x[edges + len(out) :], found.eqlin.marginals


def drawn(program, seed, *, outside=False, capacity=False, ties=False, sees=0.6):
    """A random program of 3 to 12 demands; each sees that share of the facilities."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(3, 13)), int(rng.integers(2, 8))
    costs = rng.integers(0, 4, (n, m)).astype(float) if ties else rng.exponential(size=(n, m))
    hidden = rng.uniform(size=(n, m)) >= sees
    hidden[np.arange(n), np.arange(n) % m] = False
    hidden[np.arange(m) % n, np.arange(m)] = False
    costs[hidden] = np.inf
    options = np.where(rng.random(n) < 0.5, rng.choice([0.0, 0.5, 2.0], n), np.inf) if outside else np.full(n, np.inf)
    problem = program(costs, int(rng.integers(1, m + 1)), outside=options)
    return replace(problem, capacity=rng.integers(1, 4, m)) if capacity else problem


@given(
    st.lists(st.floats(-5, 5).map(lambda value: round(value, 2)), min_size=1, max_size=12),
    st.integers(1, 15),
)
@settings(max_examples=60, deadline=None)
def test_largest_sum_is_that_of_a_sort(values, count):
    expected = sum(sorted(values, reverse=True)[:count])
    assert largest_sum(np.array(values), count) == pytest.approx(expected, abs=1e-12)


def test_largest_sum():
    values = np.array([3.0, -1.0, 7.0, 7.0])
    assert [largest_sum(values, k) for k in (1, 2, 3, 9)] == [7.0, 14.0, 17.0, 16.0]


def test_bound_where_a_facility_may_open_twice(program):
    base = program([[1.0, 9.0], [1.0, 9.0]], 2)
    prices = np.array([4.0, 4.0])
    assert base.lower_bound(prices) == 8.0 - 6.0
    twice = Program(
        base.start, base.node, base.cost, base.nearest, base.outside, 2, 2, capacity=np.array([2, 1], dtype=np.int64)
    )
    assert twice.lower_bound(prices) == 8.0 - 12.0
    assert twice.repeated(np.array([5.0, 3.0])).tolist() == [5.0, 5.0, 3.0]
    # More often than there are centers does not help.
    assert replace(twice, capacity=np.array([7, 1])).repeated(np.array([5.0, 3.0])).tolist() == [5.0, 5.0, 3.0]


def test_openings_nearest_first_and_what_they_leave(program):
    problem = program([[1.0, 4.0, 9.0], [np.inf, 2.0, 3.0]], 1, outside=[np.inf, 2.5])
    # The first takes half at 1 and half at 4; the second nothing dearer than its outside option of 2.5.
    value, worst, share = problem.upper_bound(np.array([0.5, 0.5, 0.0]))
    assert (value, worst, share.tolist()) == (4.75, 0.0, [2.5, 2.25])
    # A quarter of the first is not served: charged at the rim.
    value, worst, share = problem.upper_bound(np.array([0.0, 0.75, 0.0]))
    assert (worst, share.tolist()) == (0.25, [4.0 * 0.75 + 9.0 * 0.25, 2.125])


def test_the_dearest_service_is_the_rim_or_the_outside_option(program):
    assert program([[1.0, 4.0], [np.inf, 2.0]], 1, outside=[np.inf, 1.5]).dearest() == 5.5


def test_gains(program):
    problem = program([[1.0, 4.0], [np.inf, 2.0]], 1)
    assert problem.gains(np.array([3.0, 7.0])).tolist() == [2.0, 5.0]
    assert problem.lower_bound(np.array([3.0, 7.0])) == 5.0


def test_a_price_beyond_the_outside_option_proves_no_more_than_one_at_it(program):
    # One center, two demands without a place in common: one of them pays its outside option of 3.
    problem = program([[1.0, np.inf], [np.inf, 2.0]], 1, outside=[3.0, 3.0])
    assert problem.lower_bound(np.array([99.0, 99.0])) == problem.lower_bound(np.array([3.0, 3.0])) == 6.0 - 2.0
    assert problem.upper_bound(np.array([1.0, 0.0]))[0] == 4.0


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("capacity", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_no_prices_prove_more_than_any_openings_cost(program, seed, outside, capacity):
    rng = np.random.default_rng(seed)
    problem = drawn(program, seed, outside=outside, capacity=capacity, sees=1.0)
    m, k = problem.n_facilities, problem.n_centers
    most = problem.capacity if capacity else np.ones(m)
    least, _, _ = by_highs(problem)
    for _ in range(50):
        value, worst, share = problem.upper_bound(np.minimum(rng.dirichlet(np.ones(m)) * k, most))
        assert worst <= SHORTAGE
        np.testing.assert_allclose(share.sum(), value)
        assert value <= problem.dearest() * (1 + 1e-12)
        prices = rng.exponential(size=len(share)) * rng.choice([0.1, 1.0, 10.0])
        assert problem.lower_bound(prices) <= least * (1 + 1e-9) + 1e-9
        assert least <= value * (1 + 1e-9) + 1e-9


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("capacity", [False, True])
@pytest.mark.parametrize("ties", [False, True])
def test_both_bounds_are_reached_at_the_optimum(program, outside, capacity, ties):
    """HiGHS solves the whole LP: its openings cost, and its prices prove, its value; nothing is lost by eliminating."""
    solved = 0
    for seed in range(12):
        problem = drawn(program, seed, outside=outside, capacity=capacity, ties=ties)
        found = by_highs(problem)
        if found is None:
            continue
        solved += 1
        value, y, prices = found
        cost, worst, _ = problem.upper_bound(y)
        assert worst <= 1e-9
        np.testing.assert_allclose(cost, value, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(problem.lower_bound(prices), value, rtol=1e-9, atol=1e-9)
    assert solved >= 4


@pytest.mark.parametrize("seed", range(4))
def test_another_numbering_is_the_same_program(program, seed):
    rng = np.random.default_rng(seed)
    costs = rng.integers(0, 5, (9, 6)).astype(float)
    costs[rng.random((9, 6)) < 0.3] = np.inf
    costs[np.arange(9), np.arange(9) % 6] = 1.0
    one = replace(program(costs, 2, outside=np.full(9, 4.0)), capacity=np.arange(1, 7))
    position = rng.permutation(6)
    other = one.renumbered(position)
    expected = program(costs[:, np.argsort(position)], 2)
    np.testing.assert_array_equal(other.start, expected.start)
    np.testing.assert_array_equal(other.node, expected.node)
    np.testing.assert_array_equal(other.cost, expected.cost)
    assert other.node.dtype == one.node.dtype
    np.testing.assert_array_equal(other.capacity[position], one.capacity)
    for v in range(9):
        ball = slice(other.start[v], other.start[v + 1])
        np.testing.assert_array_equal(np.sort(other.nearest[ball]), np.arange(other.start[v], other.start[v + 1]))
        # The same facilities in the same order: ties too.
        np.testing.assert_array_equal(other.node[other.nearest[ball]], position[one.node[one.nearest[ball]]])
    y, price = rng.random(6), rng.random(9) * 4
    moved = np.empty(6)
    moved[position] = y
    assert other.upper_bound(moved)[:2] == pytest.approx(one.upper_bound(y)[:2])
    assert other.lower_bound(price) == pytest.approx(one.lower_bound(price))


def test_huge_prices_prove_no_more_than_rounding_leaves(program):
    costs = np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [2.0, 1.0, 0.0]])
    whole = program(costs, 1)
    assert whole.lower_bound(np.array([1.0, 1.0, 1.0])) == 2.0
    rng = np.random.default_rng(0)
    for _ in range(200):
        # At prices p for all, each center gains 3 p less what it costs; what is left is at most 2, whatever p.
        assert whole.lower_bound(10.0 ** rng.uniform(6, 18) * np.ones(3)) <= 2.0
