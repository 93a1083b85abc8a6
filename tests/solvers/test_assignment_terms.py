"""The formulas of primal and dual: weak duality at any multipliers, projection, feasibility of bounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.solvers.assignment_problems import bounded_terms, budgeted_terms, rawlsian_terms, utilitarian_terms
from fairclust.solvers.assignment_terms import InfeasibleAssignment, Multipliers


def test_values_by_hand():
    """Six points, shares 2/3 and 1/3; cluster 0 holds 3 a and no b, cluster 1 one a and two b."""
    groups = ["a", "a", "a", "a", "b", "b"]
    masses = np.array([[3.0, 1.0], [0.0, 2.0]])
    costs = np.array([8.0, 6.0])
    terms = rawlsian_terms(groups, distance_weight=0.25)
    np.testing.assert_allclose(terms.violations(masses), [[1.0, 1.0], [1.0, 1.0]])
    np.testing.assert_allclose(terms.by_group(costs, masses), [(2 + 1.5) / 4, (1.5 + 1.5) / 2])
    assert terms.value(costs, masses) == pytest.approx(1.5)
    assert utilitarian_terms(groups, distance_weight=0.25).value(costs, masses) == pytest.approx(0.875 + 1.5)
    assert bounded_terms(groups, lower=0, upper=1).value(costs, masses) == pytest.approx(14.0)
    budgeted = budgeted_terms(groups, 20.0, lower=[0.5, 0.0], upper=[1.0, 0.5], violation_weight={"a": 2.0, "b": 1.0})
    # Only group a in cluster 1 (share 1/3, wanted 1/2 of 3) and group b there (2 of 3, at most 1.5) are outside.
    np.testing.assert_allclose(budgeted.violations(masses), [[0.0, 0.5], [0.0, 0.5]])
    assert budgeted.value(costs, masses) == pytest.approx(2 * 0.5 + 0.5)


def test_slack_widens_the_bounds():
    terms = rawlsian_terms(["a", "b"], alpha=0.2, beta={"a": 0.1, "b": 0.0})
    np.testing.assert_allclose(terms.upper, 0.7)
    np.testing.assert_allclose(terms.lower, [0.4, 0.5])
    np.testing.assert_allclose(terms.violations(np.array([[6.0], [4.0]])), [[0.0], [1.0]])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), problem=st.sampled_from(["rawlsian", "utilitarian", "bounded", "sum", "max"]))
def test_any_multipliers_give_a_lower_bound(seed, problem):
    """Weak duality, which all certificates rest on: also for multipliers that a solver got wrong."""
    rng = np.random.default_rng(seed)
    n, k, n_groups = int(rng.integers(2, 20)), int(rng.integers(1, 5)), int(rng.integers(1, 3))
    codes = np.r_[np.arange(n_groups), rng.integers(0, n_groups, n - n_groups)][:n]
    n_groups = codes.max() + 1
    costs, x = rng.random((n, k)), rng.dirichlet(np.ones(k), n)
    class_costs = np.bincount(codes, (x * costs).sum(axis=1))
    masses = np.array([x[codes == t].sum(axis=0) for t in range(n_groups)])
    shares = np.bincount(codes) / n
    if problem == "rawlsian":
        terms = rawlsian_terms(codes, distance_weight=rng.random(), alpha=0.1 * rng.random(), beta=0.1)
    elif problem == "utilitarian":
        terms = utilitarian_terms(codes, distance_weight=rng.random(), beta=0.1 * rng.random())
    elif problem == "bounded":
        # Bounds that this x meets, with equality somewhere.
        ratio = masses / masses.sum(axis=0)
        terms = bounded_terms(
            codes, lower=np.minimum(ratio.min(axis=1), shares), upper=np.maximum(ratio.max(axis=1), shares)
        )
    else:
        terms = budgeted_terms(codes, class_costs.sum(), lower=0.9 * shares, upper=1.1 * shares, combine=problem)
    wrong = Multipliers(
        rng.normal(size=n_groups) + 1.5, rng.normal(size=(n_groups, k)), rng.normal(size=(n_groups, k)), rng.normal()
    )
    if not (wrong.weights > 0).any():
        return
    multipliers = terms.feasible(wrong)
    slopes, prices = terms.prices(multipliers)
    bound = (slopes[codes][:, None] * costs + prices[codes]).min(axis=1).sum()
    if np.isfinite(terms.budget):
        bound -= multipliers.budget * terms.budget
    assert bound <= terms.value(class_costs, masses) + 1e-9


def test_projection_makes_multipliers_feasible_and_leaves_feasible_ones():
    terms = rawlsian_terms([0, 0, 1], distance_weight=0.5)
    wrong = Multipliers(np.array([3.0, 1.0]), np.array([[9.0], [-1.0]]), np.array([[9.0], [0.01]]), 5.0)
    right = terms.feasible(wrong)
    np.testing.assert_allclose(right.weights, [0.75, 0.25])
    limit = terms.violation_weight * right.weights
    np.testing.assert_allclose(right.upper + right.lower, [[limit[0]], [0.01]])
    assert right.budget == 0.0
    again = terms.feasible(right)
    np.testing.assert_allclose(again.upper, right.upper, rtol=1e-15)
    half = right.toward(terms.start(1), 0.5)
    np.testing.assert_allclose(half.weights, (right.weights + 0.5) / 2)


def test_overlapping_groups_share_prices():
    """A point of the class that belongs to both groups pays for both."""
    membership = [[1, 1, 0], [0, 1, 1]]
    terms = bounded_terms([0, 1, 2], lower=0, upper=1, membership=membership, names=["young", "poor"])
    a = np.array([[1.0, 0.0], [10.0, 0.0]])
    _, prices = terms.prices(Multipliers(np.ones(2), a, np.zeros((2, 2)), 0.0))
    np.testing.assert_allclose(prices[:, 0] - prices[0, 0], [0.0, 10.0, 9.0])
    np.testing.assert_allclose(prices[:, 1], 0.0)
    np.testing.assert_allclose(terms.sizes, [2.0, 2.0])


def test_bounds_are_feasible_exactly_when_they_enclose_the_shares():
    with pytest.raises(InfeasibleAssignment) as caught:
        bounded_terms(list("aabbb"), lower=[0.45, 0.1], upper=[0.5, 0.55])
    assert caught.value.shortfall == {"a": pytest.approx(0.05), "b": pytest.approx(0.05)}
    assert "group 'a'" in str(caught.value)
    assert "group 'b'" in str(caught.value)
    # What misses by rounding only is let through, and the bound follows.
    terms = bounded_terms(list("aab"), lower=[2 / 3 + 1e-15, 0.0], upper=1.0)
    assert terms.lower[0] == 2 / 3
