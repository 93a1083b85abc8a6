import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.claims.criteria import Bound, Exact, GainOverSpread, Value, Verdict
from fairclust.claims.tables import CriterionError

# Four restarts of vanilla k-means, as they were measured for Table 1 of the antidote paper.
RESTARTS = pd.DataFrame(
    {
        "dataset": ["bank", "bank", "bank", "adult"],
        "balance": [-0.3052, -0.3060, -0.3068, 0.0],
        "bound": [0.0, 0.0, 0.0, 0.0],
    }
)
BANK = {"dataset": "bank"}


def value(**fields):
    return Value(results="t", column="balance", where=BANK, **fields)


@pytest.mark.parametrize(
    ("paper", "verdict"),
    [
        (-0.3060, Verdict.REPRODUCED),
        # Exactly the tolerance away, up to the last bit of a binary fraction.
        (-0.3065, Verdict.REPRODUCED),
        (-0.3055, Verdict.REPRODUCED),
        (-0.3066, Verdict.PARTLY),
        (-0.3080, Verdict.PARTLY),
        (-0.3081, Verdict.NOT_REPRODUCED),
        (0.3060, Verdict.NOT_REPRODUCED),
    ],
)
def test_value_has_two_tolerances(paper, verdict):
    outcome = value(tolerance=0.0005, partly_tolerance=0.002).judge(RESTARTS, paper)
    assert outcome.verdict is verdict
    assert outcome.our_value == -0.3060


def test_value_without_a_wider_tolerance_is_never_partly():
    assert value(tolerance=0.0005).judge(RESTARTS, -0.3066).verdict is Verdict.NOT_REPRODUCED


def test_value_relative_to_the_papers_number():
    rule = value(tolerance=0.005, partly_tolerance=0.05, relative=True)
    assert rule.judge(RESTARTS, -0.3070).verdict is Verdict.REPRODUCED
    assert rule.judge(RESTARTS, -0.3150).verdict is Verdict.PARTLY
    assert rule.judge(RESTARTS, -0.3300).verdict is Verdict.NOT_REPRODUCED


@pytest.mark.parametrize(
    ("statistic", "expected"), [("mean", -0.3060), ("median", -0.3060), ("min", -0.3068), ("max", -0.3052)]
)
def test_value_statistics(statistic, expected):
    assert value(tolerance=1.0, statistic=statistic).judge(RESTARTS, 0.0).our_value == pytest.approx(expected)


def test_value_sum_over_an_expression():
    rule = Value(results="t", column="2 * balance", where=BANK, tolerance=1e-9, statistic="sum")
    assert rule.judge(RESTARTS, -1.836).verdict is Verdict.REPRODUCED


def test_value_says_what_it_compared():
    outcome = value(tolerance=0.0005, partly_tolerance=0.002).judge(RESTARTS, -0.3070)
    assert outcome.reason == (
        "ours -0.306 (median of 3 rows, range -0.3068..-0.3052) against the paper's -0.307: "
        "off by 0.001, more than 0.0005 but within 0.002"
    )
    same = Value(results="t", column="bound", where=BANK, tolerance=0.1).judge(RESTARTS, 0.0)
    assert same.reason == "ours 0 (median of 3 rows, equal to six digits) against the paper's 0: off by 0, within 0.1"
    one_row = Value(results="t", column="balance", where={"dataset": "adult"}, tolerance=0.1)
    assert (
        one_row.judge(RESTARTS, -0.6).reason == "ours 0 (one row) against the paper's -0.6: off by 0.6, more than 0.1"
    )


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=8), st.floats(-100, 100), st.floats(0, 50), st.floats(0, 50))
@settings(max_examples=60, deadline=None)
def test_value_verdicts_are_nested(values, paper, tolerance, more):
    """A wider tolerance never makes a verdict worse, and the order of rows does not matter."""
    rank = [Verdict.REPRODUCED, Verdict.PARTLY, Verdict.NOT_REPRODUCED]
    table = pd.DataFrame({"x": values})
    narrow = Value(results="t", column="x", tolerance=tolerance, partly_tolerance=tolerance + more)
    wide = Value(results="t", column="x", tolerance=tolerance + more)
    first = narrow.judge(table, paper)
    assert rank.index(wide.judge(table, paper).verdict) <= rank.index(first.verdict) or more == 0
    assert narrow.judge(table.iloc[::-1], paper) == first


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tolerance": -1.0}, "tolerance must be at least 0"),
        ({"tolerance": "0.1"}, "tolerance must be a finite number, got '0.1'"),
        ({"tolerance": True}, "tolerance must be a finite number, got True"),
        ({"tolerance": float("nan")}, "tolerance must be a finite number"),
        ({"tolerance": 0.2, "partly_tolerance": 0.1}, "partly_tolerance must be at least 0.2"),
        ({"tolerance": 0.2, "statistic": "mode"}, "statistic must be one of mean, median, min, max, sum, got 'mode'"),
        ({"tolerance": 0.2, "relative": "yes"}, "relative must be true or false"),
    ],
)
def test_value_checks_its_fields(fields, message):
    with pytest.raises(ValueError, match=message):
        value(**fields)


def test_value_needs_the_papers_number():
    with pytest.raises(CriterionError, match="has no paper_value"):
        value(tolerance=1.0).judge(RESTARTS)


@pytest.mark.parametrize(
    "rule", [Value(results="t", column="x", tolerance=1.0), GainOverSpread(results="t", column="x")]
)
def test_a_missing_column_is_an_error(rule):
    with pytest.raises(CriterionError, match="needs the column 'x'"):
        rule.judge(RESTARTS, 1.0)


# bound

THETA = pd.DataFrame({"theta": [0.5, 1.9, 2.5], "limit": [1.0, 2.0, 2.5], "method": ["a", "a", "b"]})


def test_bound_holds_in_every_row():
    outcome = Bound(results="t", column="theta", at_most="limit").judge(THETA)
    assert outcome.verdict is Verdict.REPRODUCED
    assert outcome.our_value == 2.5
    assert outcome.reason == "theta is at most limit in 3 of 3 rows; tightest: 2.5 against 2.5"


def test_one_row_refutes_a_bound():
    outcome = Bound(results="t", column="theta", at_most=2).judge(THETA)
    assert outcome.verdict is Verdict.NOT_REPRODUCED
    assert outcome.reason == "theta is at most 2 in 2 of 3 rows; worst: 2.5 against 2"


def test_bound_can_be_partly_where_the_claim_says_so():
    assert Bound(results="t", column="theta", at_most=2, partly=0.6).judge(THETA).verdict is Verdict.PARTLY
    assert Bound(results="t", column="theta", at_most=2, partly=0.7).judge(THETA).verdict is Verdict.NOT_REPRODUCED


def test_bound_on_a_selection():
    assert (
        Bound(results="t", where={"method": "a"}, column="theta", at_most=2).judge(THETA).verdict is Verdict.REPRODUCED
    )


def test_bound_from_below_and_from_both_sides():
    below = Bound(results="t", column="theta", at_least=0.5).judge(THETA)
    assert (below.verdict, below.our_value) == (Verdict.REPRODUCED, 0.5)
    both = Bound(results="t", column="theta", at_least=0.6, at_most=2.5).judge(THETA)
    assert both.verdict is Verdict.NOT_REPRODUCED
    assert both.reason == "theta is at least 0.6 and at most 2.5 in 2 of 3 rows; worst: 0.5 against 0.6"


def test_bound_forgives_rounding_but_no_more():
    table = pd.DataFrame({"x": [1.0 + 5e-10]})
    assert Bound(results="t", column="x", at_most=1).judge(table).verdict is Verdict.REPRODUCED
    assert Bound(results="t", column="x", at_most=1, rounding=0.0).judge(table).verdict is Verdict.NOT_REPRODUCED
    assert Bound(results="t", column="x", at_most=1).judge(table + 1e-8).verdict is Verdict.NOT_REPRODUCED


def test_bound_in_some_row():
    some = Bound(results="t", column="theta", at_most=0.5, rows="any").judge(THETA)
    assert (some.verdict, some.our_value) == (Verdict.REPRODUCED, 0.5)
    assert some.reason == "theta is at most 0.5 in 1 of 3 rows; best: 0.5 against 0.5"
    none = Bound(results="t", column="theta", at_most=0.4, rows="any").judge(THETA)
    assert (none.verdict, none.our_value) == (Verdict.NOT_REPRODUCED, 0.5)


def test_an_infinite_violation_breaks_a_finite_bound_and_keeps_an_infinite_one():
    table = pd.DataFrame({"theta": [1.0, np.inf], "limit": [2.0, np.inf]})
    broken = Bound(results="t", column="theta", at_most=2).judge(table)
    assert broken.verdict is Verdict.NOT_REPRODUCED
    assert broken.reason.endswith("worst: infinity against 2")
    assert Bound(results="t", column="theta", at_most="limit").judge(table).verdict is Verdict.REPRODUCED


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "needs at_most, at_least or both"),
        ({"at_most": "f(x)"}, "not arithmetic"),
        ({"at_most": 1, "rounding": -1.0}, "rounding must be at least 0"),
        ({"at_most": 1, "rows": "most"}, "rows must be one of all, any"),
        ({"at_most": 1, "partly": 1.5}, r"partly is a share of cells in \(0, 1\]"),
        ({"at_most": 1, "partly": 0.5, "rows": "any"}, "partly has no meaning with rows: any"),
    ],
)
def test_bound_checks_its_fields(fields, message):
    with pytest.raises(ValueError, match=message):
        Bound(results="t", column="theta", **fields)


# gain over spread

NOISE = pd.DataFrame({"x": [0.0, 4.0, 5.0, 6.0, 10.0]})


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [
        (10.5, Verdict.REPRODUCED),
        (10.0, Verdict.PARTLY),
        (2.1, Verdict.PARTLY),
        (2.0, Verdict.NOT_REPRODUCED),
        (-20.0, Verdict.NOT_REPRODUCED),
    ],
)
def test_gain_over_spread(gain, verdict):
    outcome = GainOverSpread(results="t", column="x").judge(NOISE, gain)
    assert (outcome.verdict, outcome.our_value) == (verdict, 10.0)
    assert outcome.reason.endswith("against a range of 10 over 5 rows (0..10), 2 for their middle half")


def test_any_gain_exceeds_no_spread_at_all():
    table = pd.DataFrame({"x": [1.0, 1.0, 1.0]})
    assert GainOverSpread(results="t", column="x").judge(table, 1e-6).verdict is Verdict.REPRODUCED
    assert GainOverSpread(results="t", column="x").judge(table, 0.0).verdict is Verdict.NOT_REPRODUCED


@pytest.mark.parametrize(
    ("values", "message"),
    [([1.0], "at least two rows"), ([1.0, np.inf], "finite values"), ([1.0, np.nan], "no number")],
)
def test_gain_over_spread_needs_a_spread(values, message):
    with pytest.raises(CriterionError, match=message):
        GainOverSpread(results="t", column="x").judge(pd.DataFrame({"x": values}), 1.0)


# exact


def test_exact():
    table = pd.DataFrame({"n": [4521, 4521], "d": [3, 3]})
    right = Exact(results="t", expected={"n": 4521, "d": 3}).judge(table)
    assert (right.verdict, right.reason, right.our_value) == (Verdict.REPRODUCED, "n is 4521; d is 3", 4521)
    half = Exact(results="t", expected={"n": 4520, "d": 3}).judge(table)
    assert (half.verdict, half.reason) == (Verdict.PARTLY, "n is 4521, not 4520; d is 3")
    wrong = Exact(results="t", expected={"n": 4520, "d": 2}).judge(table)
    assert wrong.verdict is Verdict.NOT_REPRODUCED


def test_exact_wants_the_number_in_every_row():
    outcome = Exact(results="t", expected={"n": 5}).judge(pd.DataFrame({"n": [5, 6]}))
    assert (outcome.verdict, outcome.reason) == (Verdict.NOT_REPRODUCED, "n is 5..6, not 5")


@pytest.mark.parametrize("expected", [{}, [1], {"n": "5"}, {"f(n)": 5}])
def test_exact_checks_its_fields(expected):
    with pytest.raises(ValueError, match=r"expected|not arithmetic"):
        Exact(results="t", expected=expected)


@pytest.mark.parametrize("results", ["", None, 3])
def test_every_criterion_names_its_results(results):
    with pytest.raises(ValueError, match="results must name a result table"):
        Exact(results=results, expected={"n": 5})
