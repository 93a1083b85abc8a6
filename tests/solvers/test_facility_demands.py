"""Groups of demands: partitions, their program edge by edge, prices of single demands, and what is split."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.metrics.radius import fair_radii
from fairclust.solvers.facility_balls import balls_within
from fairclust.solvers.facility_demands import DemandGroups, grouped_program
from fairclust.solvers.facility_interior import solve_interior
from fairclust.solvers.facility_problem import FacilityProblem


def problem(X, k, power=2.0, radii=None, weights=None):
    balls = balls_within(X, fair_radii(X, k) if radii is None else radii)
    return FacilityProblem(balls, k, power, np.ones(len(X)) if weights is None else weights)


def assert_within(whole, X, groups):
    """Each demand is within its leader's radius."""
    place = X[whole.balls.row_of_demand]
    away = np.linalg.norm(place - place[groups.leader], axis=1)
    radius = whole.balls.distances[whole.start[1:] - 1]
    assert (away <= radius[groups.leader] * (1 + 1e-12)).all()


def at_random(seed, lattice=False, power=2.0, n=40):
    """A problem with weights of 0 and a forced center, and facilities in groups."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 6, (n, 2)).astype(float) if lattice else rng.normal(size=(n, 2))
    radii = fair_radii(X, 4)
    radii[rng.integers(n)] = 0.0
    whole = problem(X, 4, power, radii, rng.choice([0.0, 1.0, 3.0], n))
    group = np.where(whole.useful, rng.integers(0, 9, len(whole.useful)), -1)
    return whole, np.where(group >= 0, np.searchsorted(np.unique(group[group >= 0]), group), -1).astype(np.int32)


def cheapest(whole, group):
    """The cost of each demand to each group in its ball, below what a forced center costs, by a plain loop."""
    limit, found = whole.limit(), {}
    for v in range(len(whole.sizes)):
        for e in range(whole.start[v], whole.start[v + 1]):
            g = group[whole.node[e]]
            if g >= 0 and whole.cost[e] < limit[v]:
                found[v, g] = min(whole.cost[e], found.get((v, g), np.inf))
    return found


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    lattice=st.booleans(),
    power=st.sampled_from([1.0, 2.0]),
    count=st.sampled_from([1, 8, 20, 1000]),
)
def test_program_edge_by_edge(seed, lattice, power, count):
    whole, group = at_random(seed, lattice, power)
    groups = DemandGroups(whole, count)
    grouped = grouped_program(groups, group)
    program, near = grouped.program, cheapest(whole, group)
    cap = np.where(np.isfinite(whole.forced_cost), whole.forced_cost, whole.rim)
    active = sorted({v for v, _ in near})
    assert set(np.flatnonzero(grouped.number >= 0)) >= set(active)
    np.testing.assert_array_equal(groups.leader[grouped.leaders], grouped.leaders)
    np.testing.assert_array_equal(grouped.leaders[grouped.number[active]], groups.leader[active])
    assert set(group[group >= 0]) == set(program.node)
    for d, leader in enumerate(grouped.leaders):
        ball = slice(program.start[d], program.start[d + 1])
        members = np.flatnonzero(grouped.number == d)
        assert program.node[ball].tolist() == sorted(g for v, g in near if v == leader)
        for g, paid in zip(program.node[ball], program.cost[ball], strict=True):
            expected = sum(whole.weight[v] * min(near.get((v, g), np.inf), cap[v]) for v in members)
            np.testing.assert_allclose(paid, expected, atol=1e-12 * (1 + expected))
        assert (np.diff(program.cost[program.nearest[ball]]) >= 0).all()
        forced = np.isfinite(whole.forced_cost[leader])
        outside = (cap * whole.weight)[members].sum() if forced else np.inf
        np.testing.assert_allclose(program.outside[d], outside)
    np.testing.assert_array_equal(program.capacity, np.bincount(group[group >= 0]))
    values = np.random.default_rng(0).random(len(whole.sizes))
    known = grouped.number >= 0
    np.testing.assert_allclose(
        grouped.gathered(values), np.bincount(grouped.number[known], values[known], len(grouped.leaders))
    )


@pytest.mark.parametrize("count", [1, 5, 30, 10_000])
def test_a_leader_has_its_demands_in_its_ball(count):
    X = np.random.default_rng(3).normal(size=(200, 2))
    radii = fair_radii(X, 8)
    radii[0] = 0.0
    whole = problem(X, 8, radii=radii)
    groups = DemandGroups(whole, count)
    leaders = np.unique(groups.leader)
    np.testing.assert_array_equal(groups.leader[leaders], leaders)
    assert len(leaders) >= min(count, 200)
    assert groups.is_single() == (len(leaders) == 200)
    assert_within(whole, X, groups)
    # Who is served best by a forced center leads nobody.
    assert (groups.leader[groups.idle] == np.flatnonzero(groups.idle)).all()
    assert groups.idle[whole.balls.demand_of_row[0]]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), lattice=st.booleans(), count=st.sampled_from([1, 8, 1000]))
def test_prices_of_single_demands_add_up(seed, lattice, count):
    """Each group's price is shared out, and where each demand is alone it keeps its price."""
    whole, group = at_random(seed, lattice)
    groups = DemandGroups(whole, count)
    grouped = grouped_program(groups, group)
    result = solve_interior(grouped.program, gap=1e-6)
    prices, short = groups.own_prices(grouped, result.y, result.price)
    assert (prices >= 0.0).all()
    outside = whole.outside()
    assert (prices <= outside).all()
    free = np.isinf(grouped.program.outside)
    np.testing.assert_allclose(grouped.gathered(prices)[free], np.maximum(result.price[free], 0.0), rtol=1e-9)
    if groups.is_single():
        np.testing.assert_allclose(
            prices[grouped.leaders], np.clip(result.price, 0.0, outside[grouped.leaders]), rtol=1e-9, atol=1e-12
        )
    assert (short[np.isfinite(whole.forced_cost)] == 0.0).all()
    # A leader's ball is served.
    assert (short[grouped.leaders] <= 1e-6).all()
    near = cheapest(whole, group)
    for v in np.flatnonzero(np.isinf(whole.forced_cost)):
        np.testing.assert_allclose(short[v], 1.0 - sum(result.y[g] for w, g in near if w == v), atol=1e-9)


def test_demands_in_want_lead_and_the_others_near_them_follow():
    whole = problem(np.arange(40.0)[:, None], 2)
    groups = DemandGroups(whole, 1)
    before = groups.leader.copy()
    shortage = np.zeros(40)
    assert not groups.promote(shortage, 1e-3)
    alone = np.arange(40)
    chosen = np.flatnonzero(before != alone)[[0, 3]]
    shortage[chosen] = [0.2, 0.9]
    assert groups.promote(shortage, 1e-3)
    assert groups.leader[chosen[1]] == chosen[1]
    assert groups.leader[chosen[0]] in chosen
    others = np.setdiff1d(alone, chosen)
    np.testing.assert_array_equal(groups.leader[others], before[others])
    # Within ever smaller shares of the radius only.
    share = groups.share
    for _ in range(50):
        shortage[np.flatnonzero(groups.leader != alone)[:1]] = 1.0
        if not groups.promote(shortage, 1e-3):
            break
    assert groups.share <= share
    assert groups.share > 0.0


def test_groups_in_doubt_are_split_until_all_are_single():
    X = np.random.default_rng(1).normal(size=(120, 2))
    whole = problem(X, 3)
    groups = DemandGroups(whole, 1)
    alone = np.arange(120)
    leaders = np.unique(groups.leader)
    sizes = np.bincount(groups.leader, minlength=120)[leaders]
    # All doubt in one group: only that one changes.
    doubt = np.zeros(len(leaders))
    doubt[sizes.argmax()] = 2.0
    before = groups.leader.copy()
    groups.split(leaders, doubt)
    changed = np.flatnonzero(groups.leader != before)
    assert len(changed) > 0
    assert set(before[changed]) == {leaders[sizes.argmax()]}
    for _ in range(60):
        np.testing.assert_array_equal(groups.leader[groups.leader], groups.leader)
        assert_within(whole, X, groups)
        if groups.is_single():
            break
        leaders = np.unique(groups.leader)
        groups.split(leaders, np.zeros(len(leaders)))
    np.testing.assert_array_equal(groups.leader, alone)


@pytest.mark.parametrize("seed", range(4))
def test_doubts_are_what_the_bound_lacks(seed):
    """Single prices prove as much as the group's but for what the doubtful groups pay more at the dearest places."""
    X = np.random.default_rng(seed).normal(size=(150, 2)) * [10.0, 1.0]
    whole = problem(X, 4)
    groups = DemandGroups(whole, 20)
    group = np.arange(len(whole.useful), dtype=np.int32)  # each facility on its own
    grouped = grouped_program(groups, group)
    result = solve_interior(grouped.program, gap=1e-8)
    prices, _ = groups.own_prices(grouped, result.y, result.price)
    bound, _, gain = whole.lower_bound(prices)
    doubts = groups.doubts(grouped, result.price, prices, gain)
    level = grouped.gains(result.price)[1]
    above = np.sort(gain)[::-1][:4] - level
    assert (doubts >= 0.0).all()
    assert result.lower_bound - bound <= np.maximum(above, 0.0).sum() + 1e-6 * result.value
    dearer = (gain - grouped.gains(result.price)[0])[gain > level]
    assert doubts.sum() >= dearer.sum() - 1e-9 * result.value
    # A group of one demand pays what the demand pays.
    sizes = np.bincount(grouped.number, minlength=len(doubts))
    np.testing.assert_allclose(doubts[sizes == 1], 0.0, atol=1e-9 * result.value)
