"""The four problems as terms: their numbers, and what they refuse."""

import numpy as np
import pandas as pd
import pytest

from fairclust.solvers.assignment_problems import bounded_terms, budgeted_terms, rawlsian_terms, utilitarian_terms


def test_weights_stand_for_copies():
    once = utilitarian_terms(["a", "b", "b"], weights=[2.0, 1.0, 3.0])
    copies = utilitarian_terms(["a", "a", "b", "b", "b", "b"])
    for name in ("class_sizes", "upper", "lower", "cost_weight", "violation_weight"):
        np.testing.assert_array_equal(getattr(once, name), getattr(copies, name))


def test_lambda_splits_the_weights():
    terms = rawlsian_terms([0, 0, 1], distance_weight=0.25)
    np.testing.assert_allclose(terms.cost_weight, [0.125, 0.25])
    np.testing.assert_allclose(terms.violation_weight, [0.375, 0.75])
    assert not terms.hard.any()
    assert bounded_terms([0, 1], lower=0, upper=1).hard.all()


def test_values_by_label_come_in_any_order():
    by_label = pd.Series({"b": 0.3, "a": 0.2})
    np.testing.assert_allclose(bounded_terms(["a", "b"], lower=by_label, upper=1.0).lower, [0.2, 0.3])
    named = bounded_terms([0, 1], lower={"x": 0.1}, upper=1.0, membership=[[True, False]], names=["x"])
    assert named.names == ("x",)
    np.testing.assert_allclose(named.lower, [0.1])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: rawlsian_terms(["a", None]), ValueError, "groups has a missing label at row 1"),
        (lambda: rawlsian_terms([]), ValueError, "groups is empty"),
        (lambda: rawlsian_terms([0, 1], distance_weight=1.5), ValueError, r"distance_weight must be in \[0, 1\]"),
        (lambda: rawlsian_terms([0, 1], distance_weight=np.nan), ValueError, "distance_weight"),
        (lambda: rawlsian_terms([0, 1], distance_weight="half"), TypeError, "distance_weight must be a number"),
        (lambda: rawlsian_terms([0, 1], alpha=-0.1), ValueError, "alpha must not be negative"),
        (lambda: rawlsian_terms([0, 1], beta=[0.1, np.inf]), ValueError, "beta must be finite; group 1 has inf"),
        (lambda: rawlsian_terms([0, 1], alpha=[0.1] * 3), ValueError, "alpha has shape .3,. but there are 2 groups"),
        (lambda: rawlsian_terms([0, 1], alpha={0: 0.1, 2: 0.1}), ValueError, "name every group once; .*: 1, 2"),
        (lambda: rawlsian_terms([0, 1], weights=[0.0, 1.0]), ValueError, "group 0 has total weight 0"),
        (lambda: rawlsian_terms([0, 1], weights=[0.0, 0.0]), ValueError, "all zero"),
        (lambda: bounded_terms([0, 1], lower=0.6, upper=0.4), ValueError, "group 0 has 0.6 and 0.4"),
        (lambda: bounded_terms([0, 1], lower=0, upper=1, membership=[[1, 1, 0]]), ValueError, "one column per class"),
        (lambda: bounded_terms([0, 1], lower=0, upper=1, membership=[[1, 2]]), ValueError, "only 0 and 1"),
        (lambda: bounded_terms([0, 1], lower=0, upper=1, membership=[[0, 0]]), ValueError, "gives group 0 no class"),
        (lambda: bounded_terms([0, 1], lower=0, upper=1, names=["x"]), ValueError, "names has 1 entries"),
        (lambda: budgeted_terms([0, 1], -1.0, lower=0, upper=1), ValueError, "budget must be at least 0"),
        (lambda: budgeted_terms([0, 1], np.inf, lower=0, upper=1), ValueError, "budget must be"),
        (lambda: budgeted_terms([0, 1], 1, lower=0, upper=1, combine="mean"), ValueError, "'sum' or 'max'"),
        (lambda: budgeted_terms([0, 1], 1, lower=0, upper=1, violation_weight=0), ValueError, "must be positive"),
    ],
)
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()
