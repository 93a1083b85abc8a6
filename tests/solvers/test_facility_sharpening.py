"""Facility LPs whose optimum is tiny beside the rims of the balls, judged in exact arithmetic."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from fairclust.metrics import fair_radii
from fairclust.radii import FairRadiiClustering, fair_radii_lp
from fairclust.solvers.facility import solve_facility_lp
from fairclust.solvers.facility_balls import balls_within
from fairclust.solvers.facility_direct import solve_directly
from fairclust.solvers.facility_problem import FacilityProblem, Found
from fairclust.solvers.facility_sharpening import sharpen
from fairclust.solvers.infeasible_radii import InfeasibleRadiiError


def exact_bound(problem: FacilityProblem, prices) -> Fraction:
    """The Lagrangian bound without any rounding: prices and costs are the fractions that floats are."""
    gain = [Fraction(0)] * problem.balls.n_facilities
    for v, price in enumerate(prices):
        for e in range(problem.start[v], problem.start[v + 1]):
            over = Fraction(price) - Fraction(problem.weight[v]) * Fraction(problem.cost[e])
            gain[problem.node[e]] += max(over, Fraction(0))
    return sum(map(Fraction, prices), Fraction(0)) - sum(sorted(gain, reverse=True)[: problem.n_centers])


def exact_cost(problem: FacilityProblem, openings) -> Fraction:
    """The cost of openings without any rounding but that a mass below 1e-15 is not charged."""
    total = Fraction(0)
    for v in range(len(problem.sizes)):
        rest, share = Fraction(1), Fraction(0)
        for e in range(problem.start[v], problem.start[v + 1]):
            take = min(rest, Fraction(openings[problem.node[e]]))
            share += take * Fraction(problem.cost[e])
            rest -= take
        if rest > Fraction(1, 10**15):
            share += rest * Fraction(problem.rim[v])
        total += share * Fraction(problem.weight[v])
    return total


def best_centers(X, k, power, radii) -> float:
    """The least cost of k rows that keep every radius; infinite if there are none."""
    away = np.sqrt(((X[:, None] - X[None]) ** 2).sum(axis=2))
    costs = [np.inf]
    for chosen in combinations(range(len(X)), k):
        nearest = away[:, chosen].min(axis=1)
        if (nearest <= radii * (1 + 1e-12)).all():
            costs.append(float((nearest**power).sum()))
    return min(costs)


def far_apart(seed: int):
    """Points on scales that differ by orders of magnitude, with k, p and radii."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 11))
    X = rng.normal(size=(n, int(rng.integers(1, 3))))
    kind = seed % 4
    if kind == 0:
        X[-1] = 10.0 ** rng.uniform(3, 9)
    elif kind == 1:
        X[n // 2 :] += 10.0 ** rng.uniform(2, 7)
    elif kind == 2:
        X *= 10.0 ** rng.uniform(-4, 4, size=(n, 1))
    else:
        X[n // 3 :] += 1e3
        X[2 * n // 3 :] += 1e6
        X = X.round(1)
    k = int(rng.integers(1, 5))
    return X, k, float(rng.choice([1, 1.5, 2, 3, 4, 6])), fair_radii(X, k) * rng.choice([1, 1, 3])


@pytest.mark.parametrize("method", ["interior", "benders"])
@pytest.mark.parametrize("seed", range(120))
def test_both_bounds_hold_exactly_and_meet(seed, method):
    X, k, power, radii = far_apart(seed)
    balls = balls_within(X, radii)
    problem = FacilityProblem(balls, k, power, np.ones(len(X)))
    result = solve_facility_lp(balls, k, power=power, method=method)
    assert Fraction(result.lower_bound) <= exact_bound(problem, result.prices)
    assert result.lower_bound <= best_centers(X, k, power, radii) * (1 + 1e-12)
    cost = exact_cost(problem, result.openings)
    assert float(abs(cost - Fraction(result.value))) <= 1e-9 * result.value
    assert sum(map(Fraction, result.openings)) <= k + Fraction(1, 10**9)
    expected = (result.value - result.lower_bound) / result.value if result.value > 0 else 0.0
    assert result.gap == pytest.approx(expected, abs=1e-15)
    assert (result.status == "optimal") == (result.gap <= 1e-8)
    # A stalled program is rare, and never far from proven.
    assert result.gap <= 1e-6


@pytest.mark.parametrize("power", [1, 2, 3, 4, 6])
def test_one_sentinel_far_from_all_others(power):
    X = np.array([[0.0], [1.0], [3.0], [999_999.0]])
    lp = fair_radii_lp(X, 2, power=power)
    assert lp.value == pytest.approx(1 + 2**power, rel=1e-8)
    assert lp.gap <= 1e-8
    assert lp.status == "optimal"


@pytest.mark.parametrize("spread", [1.0, 1e-2, 1e-5])
@pytest.mark.parametrize("power", [2, 3, 6])
def test_tight_clusters_far_apart(spread, power):
    rng = np.random.default_rng(0)
    X = rng.normal(0, spread, (40, 2))
    X[20:, 0] += 1000
    away = np.sqrt(((X[:, None] - X[None]) ** 2).sum(axis=2)) ** power
    medoids = away[:20, :20].sum(axis=0).min() + away[20:, 20:].sum(axis=0).min()
    model = FairRadiiClustering(2, power).fit(X)
    assert model.lp_.value == pytest.approx(medoids, rel=1e-8)
    assert model.lp_.lower_bound == pytest.approx(medoids, rel=1e-8)
    assert 0 <= model.gap_ <= 1


def test_fractional_vertices_lose_nothing_at_the_rim():
    # Three places a millimetre apart, each open by a third in the program's solution, and rims a million away.
    X = np.array([[0.3], [-0.4], [999.7], [1000.5], [1_001_000.0], [1_000_999.8], [1_001_001.2]])
    lp = fair_radii_lp(X, 2, power=6)
    assert lp.status == "optimal"
    assert lp.value == pytest.approx(best_centers(X, 2, 6, fair_radii(X, 2)), rel=1e-7)


def test_three_hundred_points_need_no_thousands_of_rounds():
    rng = np.random.default_rng(0)
    X = rng.normal(0, 0.03, (300, 2))
    X[150:, 0] += 1000
    lp = fair_radii_lp(X, 2)
    assert lp.status == "optimal"
    assert lp.n_iterations < 200


@pytest.mark.parametrize("seed", range(25))
def test_one_center_with_a_far_point(seed):
    """The method used to lose its way here after the optimum, and openings that were no numbers cost nothing."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(int(rng.integers(5, 40)), 2))
    X[0] *= 10 ** rng.uniform(2, 8)
    away = np.sqrt(((X[:, None] - X[None]) ** 2).sum(axis=2))
    for power in (1, 1.5, 2, 3, 6):
        lp = fair_radii_lp(X, 1, power=power)
        assert np.isfinite(lp.openings).all()
        assert lp.gap <= 1e-6
        assert lp.lower_bound <= (away**power).sum(axis=0).min() * (1 + 1e-12)
        assert lp.value > 0


def test_rows_without_weight_beside_far_points():
    X = [[0.0], [1.0], [2.0], [3.0], [1e9]]
    for method in ("interior", "benders"):
        lp = fair_radii_lp(X, 2, power=3, radii=[2e9] * 5, weights=[1, 1, 1, 1, 0], method=method)
        assert lp.value == pytest.approx(2.0)
        assert lp.status == "optimal"


def test_no_feasible_opening_by_one_method_is_found_by_the_other():
    X = [[-1e-7], [1e-14], [1e-14], [1e-11], [1e-16], [-1e-11]]
    radii = [9.999e-08, 8.678600023628828e-12, 8.678600023628828e-12]
    radii += [9.99e-12, 8.687200438066659e-12, 8.695974598250708e-12]
    lp = fair_radii_lp(X, 2, power=6, radii=radii)
    assert lp.status == "optimal"
    assert lp.value == pytest.approx(best_centers(np.array(X), 2, 6, np.array(radii)))


class TestSharpen:
    X = np.array([[0.0], [1.0], [3.0], [1e6], [1e6 + 1.0]])

    def problem(self, k=2, power=2.0):
        return FacilityProblem(balls_within(self.X, np.full(5, 2e6)), k, power, np.ones(5))

    def rough(self, problem):
        """A ten-thousandth of a center stands in the wrong place."""
        openings = np.array([0.0, 0.9999, 0.0, 1.0, 1e-4])
        return Found(openings, np.zeros(5), problem.serve(openings)[0], 0.0, 7, "stalled")

    def exactly(self, problem, max_iterations=100):
        problem.check_disjoint()
        return solve_directly(problem, gap=1e-9, max_iterations=100)

    def test_never_worse_and_on_the_whole_problem(self):
        problem = self.problem()
        rough = self.rough(problem)
        found = sharpen(problem, rough, self.exactly, gap=1e-9, max_iterations=500)
        assert found.value <= rough.value
        assert found.value == problem.serve(found.openings)[0]
        assert found.lower_bound == problem.sure_bound(found.prices)[0]
        assert found.value == pytest.approx(6.0)
        assert found.lower_bound == pytest.approx(6.0)

    def test_too_few_edges_are_widened(self):
        # One center must serve a place a million away, which only the far edges allow.
        problem = self.problem(k=1)
        asked = []

        def solve(cut, max_iterations):
            asked.append(cut.balls.n_edges)
            return self.exactly(cut)

        # Were the value so small, hardly any edge would be of use: with these, two balls are disjoint.
        tiny = replace(self.exactly(problem), value=1.0, lower_bound=0.0)
        sharpen(problem, tiny, solve, gap=0.0, max_iterations=5000)
        # Up to a cost of 4, then all within the two towns; after that nothing is left to put aside.
        assert asked == [11, 13]

    def test_infeasible_parts_teach_nothing(self):
        problem = self.problem()
        rough = self.rough(problem)

        def refuse(cut, max_iterations):
            raise InfeasibleRadiiError("none", (0, 1), True)

        found = sharpen(problem, rough, refuse, gap=1e-9, max_iterations=500)
        assert found.value <= rough.value

        def give_up(cut, max_iterations):
            return Found(np.zeros(5), np.zeros(5), np.inf, 0.0, 1, "infeasible")

        assert sharpen(problem, rough, give_up, gap=1e-9, max_iterations=500).value <= rough.value

    def test_iterations_are_shared(self):
        problem, given = self.problem(), []

        def solve(cut, max_iterations):
            given.append(max_iterations)
            return replace(self.exactly(cut), n_iterations=90)

        sharpen(problem, self.rough(problem), solve, gap=0.0, max_iterations=100)
        assert given == [93, 3][: len(given)]
        assert given

    def test_spoiled_parts_change_nothing(self):
        problem = self.problem()
        rough = self.rough(problem)

        def spoil(cut, max_iterations):
            return Found(np.full(5, np.nan), np.zeros(5), np.inf, 0.0, 1, "stalled")

        found = sharpen(problem, rough, spoil, gap=1e-9, max_iterations=500)
        assert np.isfinite(found.openings).all()
        assert found.value <= rough.value
