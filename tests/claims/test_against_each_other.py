import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.claims.criteria import Closeness, Ordering, Verdict
from fairclust.claims.tables import CriterionError

# Two methods, two k, two samples each.
TABLE = pd.DataFrame(
    {
        "method": ["jkl", "jkl", "jkl", "jkl", "mv", "mv", "mv", "mv"],
        "k": [5, 5, 10, 10, 5, 5, 10, 10],
        "sample": [0, 1, 0, 1, 0, 1, 0, 1],
        "violation": [1.0, 1.2, 1.1, 1.5, 1.0, 1.4, 2.0, 1.4],
        "lp": [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0],
    }
)
JKL, MV = {"where": {"method": "jkl"}}, {"where": {"method": "mv"}}


def ordering(left=JKL, right=MV, **fields):
    return Ordering(results="t", column="violation", left=left, right=right, **fields)


def test_ordering_of_means_by_cell():
    outcome = ordering(by=["k"]).judge(TABLE)
    assert (outcome.verdict, outcome.our_value) == (Verdict.REPRODUCED, 1.0)
    assert outcome.reason == (
        "violation of jkl is at most violation of mv in 2 of 2 cells by k; "
        "tightest at k = 5: 1.1 against 1.2 (mean of 2 rows a cell)"
    )


def test_ordering_in_every_single_cell_is_harder():
    outcome = ordering(by=["k", "sample"]).judge(TABLE)
    assert (outcome.verdict, outcome.our_value) == (Verdict.PARTLY, 0.75)
    assert outcome.reason.endswith("in 3 of 4 cells by k, sample; worst at k = 10, sample = 1: 1.5 against 1.4")


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"reproduced": 0.75}, Verdict.REPRODUCED),
        ({"partly": 0.75}, Verdict.PARTLY),
        ({"partly": 0.8}, Verdict.NOT_REPRODUCED),
        # Equal in the cell (5, 0): strictly below in two of four.
        ({"strict": True}, Verdict.PARTLY),
        ({"strict": True, "partly": 0.6}, Verdict.NOT_REPRODUCED),
        ({"margin": 0.11}, Verdict.REPRODUCED),
        ({"margin": -0.1}, Verdict.PARTLY),
        ({"factor": 1.1}, Verdict.REPRODUCED),
        ({"factor": 0.5}, Verdict.NOT_REPRODUCED),
    ],
)
def test_ordering_verdicts(fields, verdict):
    assert ordering(by=["k", "sample"], **fields).judge(TABLE).verdict is verdict


def test_ordering_says_factor_and_margin():
    reason = ordering(factor=0.5, margin=0.1, strict=True).judge(TABLE).reason
    assert reason.startswith("violation of jkl is below 0.5 times violation of mv plus 0.1 in 0 of 1 cell; worst: 1.2 ")


def test_ordering_of_two_columns_of_the_same_rows():
    rule = Ordering(
        results="t", left={"column": "lp"}, right={"column": "violation"}, where={"method": "jkl"}, by=["k"]
    )
    outcome = rule.judge(TABLE)
    assert outcome.verdict is Verdict.REPRODUCED
    assert outcome.reason.startswith("lp is at most violation in 2 of 2 cells by k")


def test_ordering_without_by_is_one_cell():
    assert ordering().judge(TABLE).our_value == 1.0
    assert ordering(left=MV, right=JKL).judge(TABLE).verdict is Verdict.NOT_REPRODUCED


@pytest.mark.parametrize(("statistic", "verdict"), [("max", Verdict.REPRODUCED), ("min", Verdict.REPRODUCED)])
def test_ordering_statistics(statistic, verdict):
    assert ordering(by=["k"], statistic=statistic).judge(TABLE).verdict is verdict


def test_ordering_sums_the_bins_of_a_tail():
    bins = pd.DataFrame(
        {
            "method": ["jkl"] * 3 + ["mv"] * 3,
            "bin_left": [0.0, 1.5, 1.6] * 2,
            "count": [900.0, 10.0, 1.0, 800.0, 5.0, 5.0],
        }
    )
    where = {"bin_left": {"at_least": 1.5}}
    rule = Ordering(results="t", column="count", where=where, left=JKL, right=MV, statistic="sum")
    outcome = rule.judge(bins)
    assert outcome.verdict is Verdict.NOT_REPRODUCED
    assert outcome.reason.endswith("worst: 11 against 10 (sum of 2 rows a cell)")


def test_infinite_violations_compare():
    table = TABLE.assign(violation=[1.0, 1.0, np.inf, 1.0, np.inf, np.inf, np.inf, 1.0])
    outcome = ordering(by=["k"]).judge(table)
    assert outcome.verdict is Verdict.REPRODUCED
    assert ordering(by=["k"], strict=True).judge(table).our_value == 0.5
    assert "infinity against infinity" in outcome.reason


def test_every_cell_needs_both_sides():
    with pytest.raises(CriterionError, match="no row on the right side for the cell k = 10; 1 cells lack one"):
        ordering(by=["k"]).judge(TABLE[(TABLE["method"] == "jkl") | (TABLE["k"] == 5)])
    with pytest.raises(CriterionError, match="no row on the left side for the cell k = 10"):
        ordering(by=["k"]).judge(TABLE[(TABLE["method"] == "mv") | (TABLE["k"] == 5)])


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (ordering(by=["seed"]), "needs the column 'seed' to match rows by"),
        (ordering(left={"where": {"method": "fr"}}), "selects no row where method = fr"),
        (ordering(left={"column": "price"}), "needs the column 'price'"),
    ],
)
def test_ordering_that_does_not_fit_its_results(rule, message):
    with pytest.raises(CriterionError, match=message):
        rule.judge(TABLE)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"left": MV}, "left and right select the same rows of the same column"),
        ({"left": {"method": "jkl"}}, "left must have where, column or both"),
        ({"left": "jkl"}, "left must have where, column or both, got 'jkl'"),
        ({"left": {"where": {"method": None}}}, "compared with None"),
        ({"by": "k"}, "by must be a list of column names, got 'k'"),
        ({"by": [1]}, "by must be a list of column names"),
        ({"factor": 0}, "factor must be greater than 0"),
        ({"factor": -1.0}, "factor must be at least 0"),
        ({"margin": None}, "margin must be a finite number"),
        ({"strict": 1}, "strict must be true or false, got 1"),
        ({"reproduced": 0.0}, r"reproduced is a share of cells in \(0, 1\]"),
        ({"reproduced": 0.5, "partly": 0.6}, "partly=0.6 asks for more cells than reproduced=0.5"),
        ({"statistic": "std"}, "statistic must be one of"),
    ],
)
def test_ordering_checks_its_fields(fields, message):
    with pytest.raises(ValueError, match=message):
        ordering(**fields)


def test_a_side_needs_a_column():
    with pytest.raises(ValueError, match="left names no column"):
        Ordering(results="t", left=JKL, right={"column": "lp"})


def test_selections_are_those_of_both_sides():
    rule = ordering(where={"k": 5})
    assert rule.selections() == [{"k": 5, "method": "jkl"}, {"k": 5, "method": "mv"}]


@given(
    st.lists(st.tuples(st.floats(-10, 10), st.floats(-10, 10)), min_size=1, max_size=10),
    st.randoms(use_true_random=False),
)
@settings(max_examples=50, deadline=None)
def test_ordering_share_counts_cells(pairs, random):
    rows = [{"side": "a", "cell": i, "x": a} for i, (a, _) in enumerate(pairs)]
    rows += [{"side": "b", "cell": i, "x": b} for i, (_, b) in enumerate(pairs)]
    random.shuffle(rows)
    rule = Ordering(results="t", column="x", left={"where": {"side": "a"}}, right={"where": {"side": "b"}}, by=["cell"])
    assert rule.judge(pd.DataFrame(rows)).our_value == pytest.approx(np.mean([a <= b for a, b in pairs]))


# closeness


@pytest.mark.parametrize(
    ("tolerance", "verdict", "share"),
    [
        (0.1, Verdict.REPRODUCED, 1.0),
        (0.05, Verdict.PARTLY, 0.5),
        (0.01, Verdict.NOT_REPRODUCED, 0.0),
    ],
)
def test_closeness(tolerance, verdict, share):
    table = pd.DataFrame({"k": [5, 10], "ours": [104.0, 91.0], "theirs": [100.0, 100.0]})
    rule = Closeness(results="t", left={"column": "ours"}, right={"column": "theirs"}, by=["k"], tolerance=tolerance)
    outcome = rule.judge(table)
    assert (outcome.verdict, outcome.our_value) == (verdict, share)
    assert outcome.reason.endswith("farthest at k = 10: 91 against 100")


def test_closeness_with_infinities_and_zeros():
    rule = Closeness(results="t", left={"column": "a"}, right={"column": "b"}, by=["k"], tolerance=0.5)
    table = pd.DataFrame({"k": [1, 2, 3, 4], "a": [np.inf, 1.0, np.inf, 0.0], "b": [np.inf, np.inf, 1.0, 0.0]})
    outcome = rule.judge(table)
    assert (outcome.verdict, outcome.our_value) == (Verdict.PARTLY, 0.5)
    assert "infinity" in outcome.reason


def test_closeness_checks_its_tolerance():
    with pytest.raises(ValueError, match="tolerance must be at least 0"):
        Closeness(results="t", left={"column": "a"}, right={"column": "b"}, tolerance=-0.1)
