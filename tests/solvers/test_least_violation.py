"""Least violations under a budget: HiGHS on the whole LP, all whole assignments and hand-made instances as judges."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from fairclust.groups import Groups, encode_groups
from fairclust.solvers import least_violation as module
from fairclust.solvers.assignment_terms import InfeasibleAssignment
from fairclust.solvers.least_violation import least_violation


def instance(seed, n_groups=None, n=None, k=None):
    """Costs to k of the points, groups that lie apart, and bounds of some slack."""
    rng = np.random.default_rng(seed)
    n_groups = n_groups or int(rng.integers(2, 4))
    n, k = n or int(rng.integers(n_groups + 4, 25)), k or int(rng.integers(2, 4))
    codes = np.concatenate([np.arange(n_groups), rng.integers(0, n_groups, n - n_groups)])
    X = rng.normal(size=(n, 2)) + 1.5 * rng.normal(size=(n_groups, 2))[codes]
    costs = ((X[:, None] - X[rng.choice(n, k, replace=False)]) ** 2).sum(axis=2)
    groups = encode_groups(codes.tolist())
    slack = rng.choice([0.0, 0.1, 0.3])
    bounds = {"upper": (1 + slack) * groups.shares, "lower": (1 - slack) * groups.shares}
    return costs, groups, float(rng.choice([1.05, 1.2, 1.5])) * costs.min(axis=1).sum(), bounds


def least_cost(costs, groups, delta, upper, lower):
    """F(delta), from HiGHS."""
    n, k = costs.shape
    center, group = np.tile(np.arange(k), n), np.repeat(groups.codes, k)
    rows = []
    for i, h in product(range(k), range(len(groups))):
        size = (center == i).astype(float)
        mass = size * (group == h)
        rows += [mass - (upper[h] + delta[h]) * size, (lower[h] - delta[h]) * size - mass]
    found = linprog(
        costs.ravel(),
        A_ub=np.array(rows),
        b_ub=np.zeros(len(rows)),
        A_eq=np.kron(np.eye(n), np.ones(k)),
        b_eq=np.ones(n),
        method="highs",
    )
    return found.fun


def violations_of(masses, upper, lower):
    sizes = masses.sum(axis=0)
    shares = masses[:, sizes > 1e-6] / sizes[sizes > 1e-6]
    return np.maximum(0, np.maximum(shares - upper[:, None], lower[:, None] - shares)).max(axis=1)


def test_one_pair_by_hand():
    # A share x of each place's two points changes places at cost 4 x; the shares are then x and 1 - x. A budget of 1
    # buys x = 1/4, and with it violations of 1/4 for both groups.
    costs = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    half = [0.5, 0.5]
    for objective, value in (("utilitarian", 0.5), ("egalitarian", 0.25), ("leximin", 0.25)):
        found = least_violation(costs, list("aabb"), 1.0, upper=half, lower=half, objective=objective, precision=1e-7)
        assert found.violations == pytest.approx([0.25, 0.25], abs=1e-6)
        assert value - 1e-6 <= found.lower_bound <= value
        assert found.solution.value == pytest.approx(1.0, abs=1e-5)


def test_the_majority_is_spared_by_its_larger_tolerance():
    # One of four is red, slack 0.4: tolerances 0.1 for red and 0.3 for blue, so blue's violation is red's less 0.2.
    costs = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    shares = np.array([0.75, 0.25])
    found = least_violation(costs, list("rbbb"), 0.5, upper=1.4 * shares, lower=0.6 * shares, precision=1e-7)
    blue, red = found.violations
    assert blue == pytest.approx(max(0.0, red - 0.2), abs=1e-6)
    # Half a blue point comes to the red place, where 1 of 1.5 is then red; 0.35 is allowed.
    assert red == pytest.approx(2 / 3 - 0.35, abs=1e-6)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000))
def test_the_bound_q_is_below_the_lp_and_concave(seed):
    costs, groups, budget, bounds = instance(seed)
    problem = module._Problem(costs, groups, bounds["upper"], bounds["lower"], budget)
    rng = np.random.default_rng(seed)
    one, two = rng.uniform(0, 0.3, (2, len(groups)))
    offer = problem.solve(one)
    assert offer.solution.value == pytest.approx(least_cost(costs, groups, one, **bounds), rel=1e-7, abs=1e-9)
    at_one, at_two, between = (problem.excess([offer], delta)[0] for delta in (one, two, (one + two) / 2))
    tolerance = 1e-6 * budget
    assert at_one == pytest.approx(offer.solution.value - budget, abs=tolerance)
    assert at_two <= least_cost(costs, groups, two, **bounds) - budget + tolerance
    assert between >= (at_one + at_two) / 2 - tolerance


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1 / 128, 0.01]))
def test_a_sum_is_affordable_and_nothing_much_smaller_is(seed, precision):
    costs, groups, budget, bounds = instance(seed)
    found = least_violation(costs, groups, budget, **bounds, precision=precision)
    total = found.violations.sum()
    assert found.lower_bound <= total <= found.lower_bound + precision * (1 + 1e-6)
    assert found.solution.value <= budget * (1 + 1e-9)
    assert (violations_of(found.solution.masses, **bounds) <= found.violations + 1e-6).all()
    rng = np.random.default_rng(seed)
    for _ in range(8 if found.lower_bound > 0 else 0):
        near = np.maximum(found.violations + rng.normal(0, 0.05, len(groups)), 0.0)
        for delta in (near, rng.dirichlet(np.ones(len(groups)))):
            smaller = delta * (0.999 * found.lower_bound / max(delta.sum(), 1e-12))
            assert least_cost(costs, groups, smaller, **bounds) > budget * (1 - 1e-7)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5))
def test_a_maximum_agrees_with_bisection_by_highs(seed, n_groups):
    costs, groups, budget, bounds = instance(seed, n_groups=n_groups)
    found = least_violation(costs, groups, budget, **bounds, objective="egalitarian", precision=1e-4)
    low, high = 0.0, 1.0
    for _ in range(16):
        middle = (low + high) / 2
        affordable = least_cost(costs, groups, np.full(n_groups, middle), **bounds) <= budget * (1 + 1e-9)
        low, high = (low, middle) if affordable else (middle, high)
    assert found.lower_bound <= high + 1e-6
    assert found.violations.max() >= low - 1e-4 - 1e-6
    assert found.violations.max() - found.lower_bound <= 1e-4 * (1 + 1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_two_groups_the_formula_agrees_with_the_general_search(seed):
    costs, groups, budget, bounds = instance(seed, n_groups=2, n=40, k=3)
    assert module._lead(bounds["upper"] - groups.shares, groups.shares - bounds["lower"]) is not None
    formula = least_violation(costs, groups, budget, **bounds, precision=1e-3)
    offer, lower_bound = module._least_sum(
        module._Problem(costs, groups, bounds["upper"], bounds["lower"], budget), 1e-3, 5000
    )
    assert formula.lower_bound <= offer.violations.sum() + 1e-9
    assert lower_bound <= formula.violations.sum() + 1e-9
    assert offer.violations.sum() == pytest.approx(formula.violations.sum(), abs=1e-3)


def test_two_groups_whose_tolerances_disagree_take_the_general_search():
    costs, groups, budget, _ = instance(5, n_groups=2, n=30, k=3)
    shares = groups.shares
    bounds = {"upper": np.minimum(shares + np.array([0.0, 0.3]), 1.0), "lower": shares - np.array([0.0, 0.1])}
    assert module._lead(bounds["upper"] - shares, shares - bounds["lower"]) is None
    found = least_violation(costs, groups, budget, **bounds, precision=1e-3)
    grid = np.linspace(0, 1, 41)
    affordable = [
        one + two
        for one, two in product(grid, grid)
        if one + two < found.violations.sum() + 0.1 and least_cost(costs, groups, (one, two), **bounds) <= budget
    ]
    assert found.lower_bound <= min(affordable) <= found.violations.sum() + 2 / 40


@pytest.mark.parametrize("objective", ["utilitarian", "egalitarian", "leximin"])
@pytest.mark.parametrize("seed", range(3))
def test_no_whole_assignment_within_the_budget_beats_the_bound(seed, objective):
    costs, groups, budget, bounds = instance(seed, n_groups=3, n=8, k=2)
    found = least_violation(costs, groups, budget, **bounds, objective=objective)
    size = np.sum if objective == "utilitarian" else np.max
    values = []
    for labels in product(range(2), repeat=8):
        if costs[np.arange(8), labels].sum() <= budget:
            masses = np.zeros((3, 2))
            np.add.at(masses, (groups.codes, labels), 1)
            values.append(size(violations_of(masses, **bounds)))
    assert found.lower_bound <= min(values) + 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_leximin_lowers_what_the_maximum_leaves(seed):
    costs, groups, budget, bounds = instance(seed, n_groups=3, n=20, k=3)
    precision = 1e-3
    lexical, maximum = (
        least_violation(costs, groups, budget, **bounds, objective=objective, precision=precision)
        for objective in ("leximin", "egalitarian")
    )
    assert lexical.lower_bound == maximum.lower_bound
    assert lexical.violations.max() <= maximum.violations.max() + precision
    # No group can go down by more than the precision unless one that is not better off goes up.
    for h, level in enumerate(lexical.violations):
        if level > 2 * precision:
            others = np.where(lexical.violations > level - precision, lexical.violations, level - 2 * precision)
            others[h] = level - 2 * precision
            assert least_cost(costs, groups, others, **bounds) > budget * (1 - 1e-7)


@dataclass
class Drawn:
    """A frontier as drawn: delta is affordable if it is at or above one of the corners."""

    corners: np.ndarray

    def __post_init__(self):
        self.groups = encode_groups(list(range(self.corners.shape[1])))
        self.nearest = self.solve(np.ones(self.corners.shape[1]))

    def solve(self, delta):
        below = (self.corners <= delta + 1e-12).all(axis=1)
        violations = self.corners[np.argmax(below)] if below.any() else delta
        return module._Offer(None, violations, bool(below.any()), None, None)

    def excess(self, offers, delta):
        return np.where(self.solve(delta).affordable, -1.0, 1.0) * np.ones(len(offers))


def test_leximin_on_a_frontier_that_is_not_convex():
    # Either of the first two can go below 0.5, but not both: the one is fixed that lets the other go lowest.
    offer, lower_bound = module._leximin(Drawn(np.array([[0.5, 0.3, 0.2], [0.1, 0.5, 0.2]])), 1e-6)
    assert sorted(offer.violations) == pytest.approx([0.1, 0.2, 0.5], abs=1e-5)
    assert lower_bound == pytest.approx(0.5, abs=1e-5)


def test_with_too_few_simplices_the_bound_is_weaker_and_still_holds():
    costs, groups, budget, bounds = instance(2, n_groups=4, n=20, k=4)
    full = least_violation(costs, groups, budget, **bounds)
    hasty = least_violation(costs, groups, budget, **bounds, max_simplices=1)
    assert full.violations.sum() - full.lower_bound <= 1 / 128
    assert hasty.violations.sum() - hasty.lower_bound > 1 / 128
    assert hasty.lower_bound <= full.violations.sum()


def test_one_group_and_a_generous_budget_have_no_violation():
    costs, groups, budget, bounds = instance(0)
    alone = least_violation(costs, ["all"] * len(costs), budget, upper=[1.0], lower=[1.0])
    assert (alone.violations.tolist(), alone.lower_bound) == ([0.0], 0.0)
    rich = least_violation(costs, groups, 1e6 * budget, **bounds)
    assert (rich.violations.max(), rich.lower_bound) == (0.0, 0.0)


def test_a_budget_of_zero_leaves_each_point_at_its_place():
    costs = np.array([[0.0, 4.0], [0.0, 4.0], [4.0, 0.0]])
    found = least_violation(costs, list("aab"), 0.0, upper=[2 / 3, 1 / 3], lower=[2 / 3, 1 / 3])
    assert found.solution.labels.tolist() == [0, 0, 1]
    assert found.violations == pytest.approx([2 / 3, 2 / 3])


def test_centers_at_one_place_mix_for_nothing():
    costs = np.tile(np.array([[1.0], [2.0], [3.0], [4.0]]), (1, 3))
    found = least_violation(costs, list("aabb"), 10.0, upper=[0.5, 0.5], lower=[0.5, 0.5])
    assert found.violations.sum() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_the_unit_of_costs_does_not_matter(scale):
    costs, groups, budget, bounds = instance(7, n_groups=3, n=24, k=3)
    plain = least_violation(costs, groups, budget, **bounds)
    scaled = least_violation(scale * costs, groups, scale * budget, **bounds)
    assert scaled.violations.sum() == pytest.approx(plain.violations.sum(), abs=1 / 128)
    assert scaled.lower_bound == pytest.approx(plain.lower_bound, abs=1 / 128)


def test_the_same_input_gives_the_same_bytes():
    costs, groups, budget, bounds = instance(11, n_groups=3)
    first, second = (least_violation(costs, groups, budget, **bounds) for _ in range(2))
    assert first.violations.tobytes() == second.violations.tobytes()
    assert first.solution.labels.tobytes() == second.solution.labels.tobytes()
    assert (first.lower_bound, first.n_lps) == (second.lower_bound, second.n_lps)


def test_a_budget_that_no_assignment_meets():
    with pytest.raises(
        InfeasibleAssignment, match=r"budget 2\.5: .* costs 3 \('b' 2, 'a' 1\), which is 0\.5 more"
    ) as caught:
        least_violation([[1.0, 9.0], [9.0, 2.0]], ["a", "b"], 2.5, upper=[0.5, 0.5], lower=[0.5, 0.5])
    assert caught.value.shortfall == {"budget": 0.5}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"costs": [[0.0, 1.0]]}, r"costs must have one row for each of 2 points, got shape \(1, 2\)"),
        ({"costs": [[0.0, -1.0], [1.0, 0.0]]}, "costs must be finite and not negative; row 0"),
        ({"costs": [[0.0, np.nan], [1.0, 0.0]]}, "costs must be finite and not negative; row 0"),
        ({"budget": -1.0}, "budget must be at least 0"),
        ({"budget": np.nan}, "budget must be at least 0"),
        ({"upper": [0.5]}, "upper must hold 2 finite numbers"),
        ({"lower": [0.5, np.inf]}, "lower must hold 2 finite numbers"),
        ({"upper": [0.5, 0.4]}, "group 'b' has the share 0.5 and the bounds 0.5 and 0.4"),
        ({"objective": "sum"}, "objective must be 'utilitarian', 'egalitarian' or 'leximin', got 'sum'"),
        ({"precision": 0.0}, r"precision must be in \(0, 1\]"),
        ({"max_simplices": 0}, "max_simplices must be at least 1"),
    ],
)
def test_bad_input(change, message):
    arguments = {
        "costs": [[0.0, 1.0], [1.0, 0.0]],
        "groups": ["a", "b"],
        "budget": 2.0,
        "upper": [0.5, 0.5],
        "lower": [0.5, 0.5],
    } | change
    with pytest.raises(ValueError, match=message):
        least_violation(**arguments)


def test_groups_may_be_encoded_already():
    costs, groups, budget, bounds = instance(3)
    assert isinstance(groups, Groups)
    plain = least_violation(costs, groups.codes.tolist(), budget, **bounds)
    assert plain.violations.tobytes() == least_violation(costs, groups, budget, **bounds).violations.tobytes()
