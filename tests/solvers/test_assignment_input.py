"""What the assignment LP refuses, and how it says so."""

from dataclasses import replace

import numpy as np
import pytest

from fairclust.solvers.assignment import solve_assignment
from fairclust.solvers.assignment_problems import bounded_terms, budgeted_terms, rawlsian_terms
from fairclust.solvers.assignment_terms import InfeasibleAssignment


def test_infeasible_bounds_say_which_group_and_by_how_much():
    with pytest.raises(InfeasibleAssignment, match=r"group 'b' has the share 0\.75, above .* 0\.6 by 0\.15") as caught:
        bounded_terms(["a", "b", "b", "b"], lower=0.1, upper=0.6)
    assert caught.value.shortfall == {"b": pytest.approx(0.15)}
    # Made by hand, the same bounds are refused by the solver.
    terms = replace(bounded_terms(["a", "b", "b", "b"], lower=0.1, upper=0.9), lower=np.array([0.3, 0.1]))
    with pytest.raises(InfeasibleAssignment, match=r"group 'a' has the share 0\.25, below .* 0\.3 by 0\.05"):
        solve_assignment(np.ones((4, 2)), ["a", "b", "b", "b"], terms)


def test_infeasible_budget_says_by_how_much():
    costs = np.array([[1.0, 2.0], [3.0, 2.0]])
    with pytest.raises(
        InfeasibleAssignment, match=r"budget 2\.5: .* nearest center costs 3, which is 0\.5 more"
    ) as caught:
        solve_assignment(costs, ["a", "b"], budgeted_terms(["a", "b"], 2.5, lower=0, upper=1))
    assert caught.value.shortfall == {"budget": pytest.approx(0.5)}
    # A budget of exactly that cost is enough, also when its sum was rounded otherwise.
    terms = budgeted_terms(["a", "b"], 3 * (1 - 1e-15), lower=0, upper=1)
    assert solve_assignment(costs, ["a", "b"], terms).status == "optimal"


@pytest.mark.parametrize(
    ("costs", "groups", "options", "error", "message"),
    [
        ([[1.0, np.nan], [0.0, 1.0]], "ab", {}, ValueError, r"finite and not negative; row 0 is \[ 1. nan\]"),
        ([[1.0, 0.0], [np.inf, 1.0]], "ab", {}, ValueError, r"finite and not negative; row 1 is \[inf  1.\]"),
        ([[1.0, 0.0], [-1.0, 1.0]], "ab", {}, ValueError, "finite and not negative; row 1"),
        ([[1.0, 0.0]], "ab", {}, ValueError, "groups has 2 entries but costs has 1 rows"),
        ([1.0, 0.0], "ab", {}, ValueError, r"one row per point and one column per center, got shape \(2,\)"),
        (np.empty((0, 2)), "ab", {}, ValueError, "one row per point"),
        ([["x", "y"], ["z", "w"]], "ab", {}, TypeError, "costs must be real numbers, got dtype <U1"),
        ([["1", "2"], ["3", "4"]], "ab", {}, TypeError, "costs must be real numbers"),
        (np.eye(2) + 1j, "ab", {}, TypeError, "costs must be real numbers, got dtype complex128"),
        (np.array([[0.0, "y"], [1, 2]], dtype=object), "ab", {}, TypeError, "costs must be real numbers"),
        (np.ma.masked_equal([[0.0, 1.0], [7.0, 0.0]], 7.0), "ab", {}, ValueError, r"row 1 is \[nan  0.\]"),
        ([[1.0, 0.0], [0.0, 1.0]], "aa", {}, ValueError, "terms were made for classes of sizes"),
        ([[1.0, 0.0], [0.0, 1.0]], "ab", {"weights": [1.0, 2.0]}, ValueError, "same groups and weights"),
        ([[1.0, 0.0], [0.0, 1.0]], "ab", {"weights": [1.0, -2.0]}, ValueError, "must be finite and not negative"),
        ([[1.0, 0.0], [0.0, 1.0]], "ab", {"chunk_rows": 0}, ValueError, "chunk_rows must be at least 1"),
        ([[1.0, 0.0], [0.0, 1.0]], "ab", {"max_iter": 0}, ValueError, "max_iter must be at least 1"),
        ([[1.0, 0.0], [0.0, 1.0]], "ab", {"tol": -1.0}, ValueError, "tol must be at least 0"),
    ],
)
def test_bad_input(costs, groups, options, error, message):
    with pytest.raises(error, match=message):
        solve_assignment(costs, list(groups), rawlsian_terms(["a", "b"]), **options)
