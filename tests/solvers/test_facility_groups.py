"""Groups of facilities: partitions, splits, and that their program never costs more than the whole."""

import numpy as np
import pytest

from fairclust.metrics.radius import fair_radii
from fairclust.solvers.facility_balls import balls_within, nearest_balls
from fairclust.solvers.facility_demands import DemandGroups, grouped_program
from fairclust.solvers.facility_direct import solve_directly
from fairclust.solvers.facility_groups import Groups
from fairclust.solvers.facility_interior import solve_interior
from fairclust.solvers.facility_problem import FacilityProblem


def problem(X, k, power=2.0, radii=None, weights=None):
    balls = balls_within(X, fair_radii(X, k) if radii is None else radii)
    return FacilityProblem(balls, k, power, np.ones(len(X)) if weights is None else weights)


@pytest.mark.parametrize("seed", range(6))
def test_grouping_never_costs_more(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(80, 2)) if seed % 2 else rng.integers(0, 9, (120, 2)).astype(float)
    whole = problem(X, 6, 1.0 + seed % 2)
    exact = solve_directly(whole, gap=1e-8, max_iterations=200).value
    groups, alone = Groups(whole, 8), DemandGroups(whole, 1000)
    last = 0.0
    while True:
        grouped = grouped_program(alone, groups.label)
        result = solve_interior(grouped.program, gap=1e-8)
        price, _ = alone.own_prices(grouped, result.y, result.price)
        bound = whole.lower_bound(price)[0]
        # Splitting only raises the program's value; its prices bound the whole at least as well as itself.
        assert last <= result.value * (1 + 1e-7)
        assert result.lower_bound <= bound * (1 + 1e-9)
        assert bound <= exact * (1 + 1e-9)
        last = result.value
        if groups.sizes.max() == 1:
            break
        groups.split(groups.sizes > 1, 1)
    np.testing.assert_allclose(last, exact, rtol=1e-7)


def test_a_group_may_open_as_often_as_it_has_members():
    # Two far pairs and two centers; all four in one group with capacity 4: both centers in it, nothing to pay.
    whole = problem(np.array([[0.0], [1.0], [9.0], [10.0]]), 2, radii=np.ones(4))
    grouped = grouped_program(DemandGroups(whole, 4), np.zeros(4, dtype=np.int32))
    price = np.ones(4)
    assert grouped.program.lower_bound(price) == 4.0 - 2 * 4.0
    assert whole.lower_bound(price)[0] == 4.0 - (1.0 + 1.0)


@pytest.mark.parametrize("count", [1, 5, 20, 10_000])
def test_first_groups_partition_the_useful(count):
    X = np.random.default_rng(3).normal(size=(200, 2))
    radii = fair_radii(X, 8)
    radii[0] = 0.0
    whole = problem(X, 8, radii=radii)
    groups = Groups(whole, count)
    np.testing.assert_array_equal(groups.label >= 0, whole.useful)
    np.testing.assert_array_equal(np.bincount(groups.label[whole.useful]), groups.sizes)
    assert groups.sizes.min() > 0
    assert len(groups.sizes) >= min(count, whole.useful.sum())


def test_groups_are_near():
    X = np.sort(np.random.default_rng(4).random((300, 1)), axis=0)
    whole = problem(X, 5)
    groups = Groups(whole, 20)
    places = X[whole.balls.row_of_facility, 0]
    for members in groups.members:
        assert np.ptp(places[members]) <= 2 * fair_radii(X, 5).max()


def test_split_halves_at_the_edge():
    # On a line a group within one ball splits into its left and its right half.
    X = np.arange(16.0)[:, None]
    groups = Groups(problem(X, 1, radii=np.full(16, 15.0)), 1)
    groups.members = [np.arange(16)]
    groups.split(np.array([True]), 1)
    assert sorted(sorted(members.tolist()) for members in groups.members) == [list(range(8)), list(range(8, 16))]
    groups.split(np.array([True, True]), 2)
    assert groups.sizes.tolist() == [2] * 8
    assert all(np.ptp(members) == 1 for members in groups.members)
    groups.split(np.arange(8) > 0, 3)
    assert groups.sizes.tolist() == [2] + [1] * 14
    np.testing.assert_array_equal(np.sort(np.concatenate(groups.members)), np.arange(16))


def test_split_needs_no_common_ball():
    # Duplicates that nearest_balls does not merge: a member may be missing from its own ball.
    balls = nearest_balls(np.array([[0.0]] * 5 + [[9.0]] * 5), 2)
    whole = FacilityProblem(balls, 5, 2.0, np.ones(10))
    groups = Groups(whole, 1)
    members = np.flatnonzero(whole.useful)
    groups.members = [members]
    groups.split(np.array([True]), 1)
    assert len(groups.members) == 2
    np.testing.assert_array_equal(np.sort(np.concatenate(groups.members)), members)
