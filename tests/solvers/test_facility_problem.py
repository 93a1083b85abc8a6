"""What is decided beforehand, restrictions, and certificates over all edges."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog

from fairclust.metrics.radius import fair_radii
from fairclust.solvers.facility import solve_facility_lp
from fairclust.solvers.facility_balls import balls_within
from fairclust.solvers.facility_problem import FacilityProblem
from fairclust.solvers.infeasible_radii import InfeasibleRadiiError


def problem(X, radii, k, power=2.0, weights=None):
    X = np.asarray(X, dtype=float)
    return FacilityProblem(balls_within(X, radii), k, power, np.ones(len(X)) if weights is None else np.array(weights))


LINE = [[0.0], [1.0], [2.0], [7.0], [8.0]]


def test_forced_places_and_what_they_make_useless():
    whole = problem(LINE, [0.0, 1.0, 2.0, 5.0, 1.0], 2)
    assert whole.is_forced.tolist() == [True, False, False, False, False]
    assert whole.spare == 1
    # The forced center costs 0, 1 and 4 at the first three; 7's ball reaches 2, not 0.
    assert whole.forced_cost.tolist() == [0.0, 1.0, 4.0, np.inf, np.inf]
    assert whole.useful.tolist() == [False, True, True, True, True]
    assert problem(LINE, [0.0, 1.0, 2.0, 5.0, 1.0], 1).useful.tolist() == [False] * 5


def test_the_whole_restricted_to_everything_is_the_whole():
    whole = problem(LINE, [1.0, 1.0, 1.0, 6.0, 1.0], 2, weights=[1.0, 2.0, 1.0, 1.0, 1.0])
    part = whole.restrict(np.ones(5, dtype=bool))
    program = part.program
    assert part.facilities.tolist() == part.demands.tolist() == [0, 1, 2, 3, 4]
    assert program.node.tolist() == [0, 1, 0, 1, 2, 1, 2, 1, 2, 3, 4, 3, 4]
    assert program.cost.tolist() == [0, 1, 2, 0, 2, 1, 0, 36, 25, 0, 1, 1, 0]
    ordered = program.cost[program.nearest]
    for v in range(5):
        assert (np.diff(ordered[program.start[v] : program.start[v + 1]]) >= 0).all()
    y = np.array([0.0, 1.0, 0.0, 0.5, 0.5])
    value, worst, _ = whole.serve(y)
    assert (value, worst) == (1 + 0 + 1 + 0.5 + 0.5, 0.0)
    assert program.upper_bound(y)[:2] == (value, worst)
    prices = np.array([1.0, 2.0, 1.0, 3.0, 1.0])
    assert program.lower_bound(prices) == pytest.approx(whole.lower_bound(prices)[0])


def test_restriction_by_facilities():
    whole = problem(LINE, [1.0, 1.0, 1.0, 6.0, 1.0], 2)
    part = whole.restrict(np.array([False, True, False, False, True]))
    assert part.facilities.tolist() == [1, 4]
    assert part.demands.tolist() == [0, 1, 2, 3, 4]
    assert part.program.cost.tolist() == [1, 0, 1, 36, 1, 0]
    assert np.isinf(part.program.outside).all()
    # 1 is of no use beside a forced center at 0 but to itself and to 2, which is served from 0 at 4 at most.
    forced = problem(LINE, [0.0, 1.0, 2.0, 6.0, 1.0], 2)
    part = forced.restrict(np.array([True, True, False, False, False]))
    assert part.facilities.tolist() == [1]
    assert part.demands.tolist() == [1, 2, 3]
    assert part.program.cost.tolist() == [0, 1, 36]
    assert part.program.outside.tolist() == [1.0, 4.0, np.inf]


def test_mass_left_over_is_charged_at_the_rim():
    whole = problem(LINE, [1.0, 1.0, 1.0, 6.0, 1.0], 2)
    _, worst, share = whole.serve(np.array([0.25, 0.0, 0.0, 0.0, 1.0]))
    assert worst == 1.0  # nothing within 1 of the third
    assert share.tolist() == [0.75, 1.0, 1.0, 1.0, 0.0]


def test_bound_lets_forced_places_count_as_open():
    whole = problem(LINE, [0.0, 1.0, 2.0, 5.0, 1.0], 2)
    # 7 or 8 must open beside 0: cost 1 + 4 + 1. Opening 1 or 2 instead would save 4, so 7 and 8 must pay 5 together.
    bound, prices, gain = whole.lower_bound(np.array([0.0, 1.0, 4.0, 2.5, 2.5]))
    assert bound == pytest.approx(6.0)
    assert prices[0] > 0
    assert gain[0] == gain[1:].max()


def test_cover_leaves_no_demand_without_a_place():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    whole = problem(X, np.full(60, 1.0), 60)
    chosen = whole.cover(0.5)
    assert 0 < chosen.sum() < 60
    places = X[whole.balls.row_of_facility]
    distances = np.linalg.norm(places[:, None] - places[chosen][None], axis=2).min(axis=1)
    assert (distances <= 0.5).all()


def test_disjoint_balls_are_listed_at_most_twelve():
    X = np.arange(40.0)[:, None]
    with pytest.raises(InfeasibleRadiiError, match=r"balls of rows 0, 1, .* and 28 more are disjoint") as caught:
        problem(X, np.zeros(40), 3).check_disjoint()
    assert caught.value.rows == tuple(range(40))
    assert caught.value.disjoint
    assert problem(X, np.full(40, 40.0), 1).check_disjoint() == 1
    assert problem(X, np.full(40, 1.5), 14).check_disjoint() == 14  # every third


@pytest.mark.parametrize("method", ["interior", "benders"])
def test_the_rows_in_conflict_cannot_be_served_together(method):
    """Cover constraints of the named rows alone, by HiGHS: k centers, even fractional ones, do not suffice."""
    seen = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        n, k = int(rng.integers(20, 50)), int(rng.integers(3, 9))
        X = rng.integers(0, 12, (n, 2)).astype(float) if seed % 2 else rng.normal(size=(n, 2))
        radii = fair_radii(X, k) * rng.uniform(0.7, 1.0)
        balls = balls_within(X, radii)
        try:
            solve_facility_lp(balls, k, method=method)
        except InfeasibleRadiiError as error:
            if error.disjoint:
                continue
            seen += 1
            rows = np.array(error.rows)
            assert len(rows) > k
            demands = np.unique(balls.demand_of_row[rows])
            cover = np.zeros((len(demands), balls.n_facilities))
            for i, v in enumerate(demands):
                cover[i, balls.facilities[balls.start[v] : balls.start[v + 1]]] = 1.0
            fewest = linprog(np.ones(cover.shape[1]), A_ub=-cover, b_ub=-np.ones(len(cover)), bounds=(0.0, 1.0))
            assert fewest.status == 2 or fewest.fun > k * (1 + 1e-9)
    assert seen >= 15


def exactly(whole, prices):
    """The Lagrangian bound of the prices as the fractions that they are."""
    gain = [Fraction(0)] * whole.balls.n_facilities
    for v, price in enumerate(prices):
        for e in range(whole.start[v], whole.start[v + 1]):
            cost = Fraction(whole.weight[v]) * Fraction(whole.cost[e])
            gain[whole.node[e]] += max(Fraction(price) - cost, Fraction(0))
    return sum(map(Fraction, prices), Fraction(0)) - sum(sorted(gain, reverse=True)[: whole.n_centers])


@pytest.mark.parametrize("seed", range(30))
def test_the_sure_bound_is_below_the_exact_one_and_near_it(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(20, 2)) * 10.0 ** rng.integers(-3, 4)
    k, power = int(rng.integers(1, 6)), float(rng.choice([1.0, 2.0, 3.0]))
    whole = problem(X, fair_radii(X, k), k, power, weights=rng.uniform(0.0, 3.0, 20))
    for scale in (0.1, 1.0, 1e3, 1e9):
        given = scale * rng.uniform(0.0, 1.0, 20) * whole.rim * whole.weight
        bound, prices = whole.sure_bound(given)
        exact = exactly(whole, prices)
        assert Fraction(bound) <= max(exact, Fraction(0))
        assert float(max(exact, Fraction(0)) - Fraction(bound)) <= 1e-13 * prices.sum()


def test_without_the_far_edges():
    whole = problem(LINE, [8.0] * 5, 2, weights=[1.0, 2.0, 1.0, 0.0, 1.0])
    assert whole.within(64.0 * 2) is None
    cut = whole.within(2.0)
    # Edges of weighted cost 0, 1 and 2 stay; the fourth row weighs nothing, so all of its edges cost nothing.
    assert np.diff(cut.start).tolist() == [2, 3, 2, 5, 2]
    assert (cut.cost * np.repeat(cut.weight, cut.sizes) <= 2.0).all()
    assert cut.n_centers == whole.n_centers
    alone = whole.within(0.0)
    assert alone.sizes.tolist() == [1, 1, 1, 5, 1]
    assert alone.is_forced.sum() == 4


def test_what_is_no_number_serves_nobody_and_proves_nothing():
    whole = problem(LINE, [8.0] * 5, 2)
    spoiled = np.array([1.0, np.nan, 0.0, 1.0, 0.0])
    value, worst, share = whole.serve(spoiled)
    assert (value, worst) == (np.inf, 1.0)
    assert np.isinf(share).all()
    assert whole.sure_bound(spoiled)[0] == 0.0
