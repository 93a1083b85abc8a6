"""Facility LPs written by hand: what any openings cost, what any prices prove."""

import numpy as np
import pytest

from fairclust.solvers.facility_program import Program, largest_sum


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


@pytest.mark.parametrize("seed", range(5))
def test_no_prices_prove_more_than_any_openings_cost(program, seed):
    rng = np.random.default_rng(seed)
    problem = program(rng.exponential(size=(12, 7)), 3)
    for _ in range(50):
        value, worst, share = problem.upper_bound(rng.dirichlet(np.ones(7)) * 3)
        assert worst == 0.0
        np.testing.assert_allclose(share.sum(), value)
        assert problem.lower_bound(rng.exponential(size=12)) <= value
