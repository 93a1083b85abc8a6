import numpy as np
import pandas as pd
import pytest

from fairclust.claims.criteria import Growth, Monotone, Verdict
from fairclust.claims.tables import CriterionError

SIZES = np.array([1000.0, 2000.0, 4000.0, 8000.0])


def times(*exponents):
    """One group per exponent: seconds = size ** exponent."""
    return pd.concat(
        [pd.DataFrame({"group": i, "n": SIZES, "seconds": 1e-4 * SIZES**b}) for i, b in enumerate(exponents)],
        ignore_index=True,
    )


@pytest.mark.parametrize(
    ("exponent", "verdict"),
    [
        (1.0, Verdict.REPRODUCED),
        (0.8, Verdict.REPRODUCED),
        (1.3, Verdict.PARTLY),
        (0.65, Verdict.PARTLY),
        (2.0, Verdict.NOT_REPRODUCED),
        (-1.0, Verdict.NOT_REPRODUCED),
    ],
)
def test_growth_of_a_known_power(exponent, verdict):
    rule = Growth(results="t", column="seconds", size="n", low=0.75, high=1.1, widen=0.25)
    outcome = rule.judge(times(exponent))
    assert outcome.verdict is verdict
    assert outcome.our_value == pytest.approx(exponent)


def test_every_group_must_grow_as_claimed():
    rule = Growth(results="t", column="seconds", size="n", high=1.2, by=["group"])
    assert rule.judge(times(0.9, 1.1)).verdict is Verdict.REPRODUCED
    outcome = rule.judge(times(0.9, 1.1, 2.0))
    assert (outcome.verdict, outcome.our_value) == (Verdict.NOT_REPRODUCED, pytest.approx(2.0))
    assert outcome.reason == (
        "seconds grows like n to the power 0.900..2.000 over 12 rows in 3 groups by group; wanted at most 1.2"
    )


def test_a_ratio_that_diverges_has_a_negative_power():
    table = pd.DataFrame({"distance": [1.0, 0.1, 0.01], "nearest": [0.5, 0.5, 0.5], "mixed": [0.25, 0.0025, 0.000025]})
    outcome = Growth(results="t", column="nearest / mixed", size="distance", high=-1).judge(table)
    assert (outcome.verdict, outcome.our_value) == (Verdict.REPRODUCED, pytest.approx(-2.0))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame({"n": [1.0, 1.0], "seconds": [1.0, 2.0]}), "at least two different values of n"),
        (pd.DataFrame({"n": [1.0, 2.0], "seconds": [0.0, 2.0]}), "positive finite values of seconds"),
        (pd.DataFrame({"n": [-1.0, 2.0], "seconds": [1.0, 2.0]}), "positive finite values of n"),
        (pd.DataFrame({"n": [1.0, 2.0], "seconds": [1.0, np.inf]}), "positive finite values of seconds"),
    ],
)
def test_growth_needs_a_curve(table, message):
    with pytest.raises(CriterionError, match=message):
        Growth(results="t", column="seconds", size="n", high=1).judge(table)


def test_growth_by_a_missing_column():
    with pytest.raises(CriterionError, match="needs the column 'method' to group by"):
        Growth(results="t", column="seconds", size="n", high=1, by=["method"]).judge(times(1.0))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "growth needs low, high or both"),
        ({"low": 2.0, "high": 1.0}, "low=2.0 is above high=1.0"),
        ({"low": "1"}, "low must be a finite number"),
        ({"high": 1.0, "widen": -0.1}, "widen must be at least 0"),
        ({"high": 1.0, "by": "group"}, "by must be a list"),
    ],
)
def test_growth_checks_its_fields(fields, message):
    with pytest.raises(ValueError, match=message):
        Growth(results="t", column="seconds", size="n", **fields)


def curve(*values):
    return pd.DataFrame({"dilation": 1.0 + 0.5 * np.arange(len(values)), "lp": values})


def monotone(direction="decreasing", **fields):
    return Monotone(results="t", column="lp", along="dilation", direction=direction, **fields)


@pytest.mark.parametrize(
    ("values", "verdict", "share"),
    [
        ((9.0, 7.0, 7.0, 5.0), Verdict.REPRODUCED, 1.0),
        ((9.0, 7.0, 8.0, 5.0), Verdict.PARTLY, 2 / 3),
        ((5.0, 6.0, 7.0, 8.0), Verdict.NOT_REPRODUCED, 0.0),
        ((np.inf, 7.0, 6.0), Verdict.REPRODUCED, 1.0),
        ((7.0, np.inf, 6.0), Verdict.PARTLY, 0.5),
    ],
)
def test_monotone(values, verdict, share):
    outcome = monotone().judge(curve(*values))
    assert (outcome.verdict, outcome.our_value) == (verdict, pytest.approx(share))


def test_monotone_in_the_other_direction():
    assert monotone("increasing").judge(curve(1.0, 2.0, 3.0)).verdict is Verdict.REPRODUCED
    outcome = monotone("increasing").judge(curve(3.0, 2.0, 1.0))
    assert outcome.reason == "lp is increasing along dilation in 0 of 2 steps; worst step: 3 to 2 at dilation = 1.5"


def test_monotone_does_not_depend_on_the_order_of_rows():
    table = curve(9.0, 7.0, 8.0, 5.0)
    assert monotone().judge(table.iloc[::-1]) == monotone().judge(table)


def test_monotone_averages_repetitions():
    table = pd.DataFrame({"dilation": [1.0, 1.0, 2.0, 2.0], "lp": [4.0, 6.0, 5.5, 3.5]})
    assert monotone().judge(table).verdict is Verdict.REPRODUCED
    assert monotone(statistic="min").judge(table).reason.endswith("step: 4 to 3.5 at dilation = 2")


def test_monotone_forgives_a_share_of_the_value():
    assert monotone(tolerance=0.05).judge(curve(100.0, 104.0, 90.0)).verdict is Verdict.REPRODUCED
    assert monotone(tolerance=0.03).judge(curve(100.0, 104.0, 90.0)).verdict is Verdict.PARTLY


def test_monotone_by_group_takes_no_step_between_groups():
    table = pd.concat([curve(9.0, 8.0).assign(k=1), curve(20.0, 19.0).assign(k=2)], ignore_index=True)
    assert monotone(by=["k"]).judge(table).our_value == 1.0


def test_monotone_needs_two_points():
    with pytest.raises(CriterionError, match="at least two different values of dilation"):
        monotone().judge(curve(1.0))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"direction": "down"}, "direction must be one of decreasing, increasing, got 'down'"),
        ({"tolerance": -1.0}, "tolerance must be at least 0"),
        ({"reproduced": 2.0}, "reproduced is a share"),
        ({"by": "k"}, "by must be a list"),
    ],
)
def test_monotone_checks_its_fields(fields, message):
    with pytest.raises(ValueError, match=message):
        monotone(**fields)
