import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.claims.tables import (
    CriterionError,
    check_expression,
    check_where,
    evaluate,
    may_select,
    number,
    select,
    words,
)

TABLE = pd.DataFrame(
    {
        "dataset": ["bank", "bank", "adult", "adult"],
        "k": [5, 10, 5, 10],
        "weight": [0.1, 0.1 + 0.2, 0.5, 0.9],
        "cost": [1.0, 2.0, 3.0, 4.0],
        "converged": [True, True, False, True],
    }
)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (None, [1.0, 2.0, 3.0, 4.0]),
        ({}, [1.0, 2.0, 3.0, 4.0]),
        ({"dataset": "bank"}, [1.0, 2.0]),
        ({"dataset": "bank", "k": 10}, [2.0]),
        ({"dataset": ["adult", "bank"], "k": [5]}, [1.0, 3.0]),
        ({"weight": 0.3}, [2.0]),
        ({"k": 10.0}, [2.0, 4.0]),
        ({"converged": False}, [3.0]),
        ({"cost": {"at_least": 2}}, [2.0, 3.0, 4.0]),
        ({"cost": {"at_least": 2, "at_most": 3.0}}, [2.0, 3.0]),
    ],
)
def test_select(where, expected):
    assert select(TABLE, where)["cost"].tolist() == expected


def test_select_keeps_the_index():
    assert select(TABLE, {"k": 10}).index.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"dataset": "credit"}, "selects no row where dataset = credit"),
        ({"dataset": "5"}, "selects no row"),
        ({"k": "5"}, "selects no row where k = 5"),
        ({"dataset": "bank", "weight": 0.9}, "selects no row where dataset = bank, weight = 0.9"),
        # A misspelt name in a list must not be left out in silence.
        ({"dataset": ["bank", "adlut"]}, "selects no row where dataset = adlut"),
        ({"cost": {"at_least": 5}}, "selects no row where cost at least 5"),
        ({"colour": "red"}, "needs the column 'colour'; the columns are dataset, k, weight, cost, converged"),
    ],
)
def test_select_errors(where, message):
    with pytest.raises(CriterionError, match=message):
        select(TABLE, where)


def test_select_from_nothing():
    with pytest.raises(CriterionError, match="the table is empty"):
        select(TABLE.iloc[:0], None)


def test_missing_values_are_never_selected():
    table = pd.DataFrame(
        {"a": pd.array([1, None, 3], dtype="Int64"), "b": pd.array([True, None, False], dtype="boolean")}
    )
    assert select(table, {"a": {"at_least": 0}}).index.tolist() == [0, 2]
    assert select(table, {"a": 3}).index.tolist() == [2]
    assert select(table, {"b": False}).index.tolist() == [2]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("bank", "where must map columns to values, got 'bank'"),
        ({1: "bank"}, "a column is named by text, got 1"),
        ({"k": None}, "column 'k' is compared with None"),
        ({"k": []}, "column 'k' is compared with nothing"),
        ({"k": {}}, "column 'k' is compared with nothing"),
        ({"k": [1, None]}, "compared with None"),
        ({"k": {"above": 1}}, "condition 'above'"),
        ({"k": {"at_least": "1"}}, "at_least of column 'k' must be a number, got '1'"),
        ({"k": {"at_least": True}}, "must be a number, got True"),
    ],
)
def test_check_where(where, message):
    with pytest.raises(ValueError, match=message):
        check_where(where)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cost", [1, 2, 3, 4]),
        ("converged", [1, 1, 0, 1]),
        (2.5, [2.5] * 4),
        ("2", [2] * 4),
        ("-cost + 1", [0, -1, -2, -3]),
        ("2 * (1 - weight) / k", [2 * 0.9 / 5, 2 * 0.7 / 10, 2 * 0.5 / 5, 2 * 0.1 / 10]),
        ("cost ** 2", [1, 4, 9, 16]),
        ("k / (cost - cost)", [np.inf] * 4),
    ],
)
def test_evaluate(expression, expected):
    check_expression(expression)
    values = evaluate(TABLE, expression)
    assert values.dtype == np.float64
    np.testing.assert_allclose(values, expected)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("price", "needs the column 'price'"),
        ("dataset", "needs numbers in the column 'dataset'"),
        ("(cost - cost) / (cost - cost)", r"no number in 4 of 4 selected rows \(first: row 0\)"),
    ],
)
def test_evaluate_errors(expression, message):
    with pytest.raises(CriterionError, match=message):
        evaluate(TABLE, expression)


def test_a_missing_number_is_an_error_that_names_the_row():
    table = pd.DataFrame({"cost": [1.0, np.nan]}, index=[7, 8])
    with pytest.raises(CriterionError, match="first: row 8"):
        evaluate(table, "cost + 1")


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "a b",
        "f(a)",
        "a.b",
        "a[0]",
        "a < b",
        "'text'",
        "True",
        "a if b else c",
        "lambda: 1",
        "a % b",
        "not a",
        "a, b",
    ],
)
def test_only_arithmetic_is_an_expression(expression):
    with pytest.raises(ValueError, match="not arithmetic over columns"):
        check_expression(expression)


@pytest.mark.parametrize("expression", [None, True, ["cost"]])
def test_an_expression_is_text_or_a_number(expression):
    with pytest.raises(ValueError, match="neither a number nor an expression"):
        check_expression(expression)


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.floats(0.5, 2.0))
@settings(max_examples=50, deadline=None)
def test_evaluate_is_arithmetic(a, b):
    table = pd.DataFrame({"a": [a], "b": [b]})
    assert evaluate(table, "(a + b) * 2 - a / b")[0] == (a + b) * 2 - a / b


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, True),
        (None, True),
        ({"method": "jkl"}, True),
        ({"dataset": "lfw"}, True),
        ({"dataset": ["bank", "lfw"]}, True),
        ({"dataset": ["bank", "adult"]}, False),
        ({"dataset": "lfw", "k": 3}, False),
        ({"k": {"at_least": 2}}, True),
        ({"k": {"at_least": 3}}, False),
    ],
)
def test_may_select(where, expected):
    assert may_select({"dataset": "lfw", "k": 2}, where) is expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1 + 0.2, "0.3"),
        (1406.3411, "1406.34"),
        (2458285.0, "2458285"),
        (1757104.532859, "1757105"),
        (1e-7, "1e-07"),
        (-0.0, "0"),
        (-1e-300, "-1e-300"),
        (float("-inf"), "-infinity"),
    ],
)
def test_number(value, text):
    assert number(value) == text


def test_words():
    where = {"dataset": "bank", "k": [5, 10], "x": {"at_least": 1, "at_most": 2}}
    assert words(where) == "dataset = bank, k in 5, 10, x at least 1, x at most 2"
