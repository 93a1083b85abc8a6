"""Rows and columns of a result table: what a criterion selects and what it computes from them.

A criterion names rows by equality (``{"dataset": "bank", "k": [5, 10]}``) or by range (``{"k": {"at_least": 10}}``),
and numbers by a column or by arithmetic over columns (``"rho * mixed + constant"``). Both are read from the ledger, so
both are checked when the ledger is loaded, and neither can run code: only names, numbers and ``+ - * / **`` are known.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = [
    "CriterionError",
    "check_expression",
    "check_where",
    "evaluate",
    "may_select",
    "number",
    "select",
    "words",
]

#: The conditions other than equality that ``where`` knows.
RANGES = ("at_least", "at_most")

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}


class CriterionError(ValueError):
    """A criterion that does not fit its results: no such row, no such column, or a value that cannot be compared."""


def check_where(where: Any) -> None:
    """Raise ValueError unless ``where`` maps column names to a value, a list of values, or a range.

    Examples
    --------
    >>> check_where({"dataset": "bank", "k": [5, 10], "bin_left": {"at_least": 1.0}})
    >>> check_where({"k": {"more_than": 3}})
    Traceback (most recent call last):
        ...
    ValueError: where: column 'k' has the condition 'more_than'; the conditions are at_least and at_most
    """
    if not isinstance(where, Mapping):
        raise ValueError(f"where must map columns to values, got {where!r}")
    for column, wanted in where.items():
        if not isinstance(column, str):
            raise ValueError(f"where: a column is named by text, got {column!r}")
        if isinstance(wanted, Mapping):
            for condition, limit in wanted.items():
                if condition not in RANGES:
                    raise ValueError(
                        f"where: column {column!r} has the condition {condition!r}; "
                        f"the conditions are {' and '.join(RANGES)}"
                    )
                if isinstance(limit, bool) or not isinstance(limit, (int, float)):
                    raise ValueError(f"where: {condition} of column {column!r} must be a number, got {limit!r}")
        for value in _wanted(wanted):
            if not isinstance(value, (str, int, float, bool)):
                raise ValueError(f"where: column {column!r} is compared with {value!r}; give text, numbers or booleans")
        if not wanted and isinstance(wanted, (list, tuple, Mapping)):
            raise ValueError(f"where: column {column!r} is compared with nothing")


def select(table: pd.DataFrame, where: Mapping[str, Any] | None) -> pd.DataFrame:
    """The rows of ``table`` whose columns have the wanted values, in their order.

    Parameters
    ----------
    table : DataFrame
    where : mapping, optional
        A column's wanted value, list of values (any of them), or range (``{"at_least": a, "at_most": b}``).
        Numbers are compared to nine digits, so that 0.3 finds 0.1 + 0.2. None selects every row.

    Returns
    -------
    DataFrame
        At least one row.

    Raises
    ------
    CriterionError
        If a column is missing, if no row is left, or if one value of a list is found in no row (a misspelt name would
        otherwise be left out in silence).

    Examples
    --------
    >>> table = pd.DataFrame({"k": [5, 10, 10], "cost": [3.0, 2.0, 1.0]})
    >>> select(table, {"k": 10})["cost"].tolist()
    [2.0, 1.0]
    >>> select(table, {"k": [10, 20]})
    Traceback (most recent call last):
        ...
    fairclust.claims.tables.CriterionError: selects no row where k = 20
    """
    if table.empty:
        raise CriterionError("selects no row: the table is empty")
    keep = np.ones(len(table), dtype=bool)
    for column, wanted in (where or {}).items():
        values = _column(table, column)
        if isinstance(wanted, Mapping):
            found = np.ones(len(table), dtype=bool)
            for condition, limit in wanted.items():
                found &= _true(values >= limit if condition == "at_least" else values <= limit)
        else:
            found = np.zeros(len(table), dtype=bool)
            for value in _wanted(wanted):
                here = _equals(values, value)
                if not (here & keep).any():
                    raise CriterionError(f"selects no row where {words({**(where or {}), column: value})}")
                found |= here
        keep &= found
    if not keep.any():
        raise CriterionError(f"selects no row where {words(where)}")
    return table.loc[keep]


def may_select(parameters: Mapping[str, Any], where: Mapping[str, Any] | None) -> bool:
    """Whether ``where`` could select rows of the cell with these parameters (its other columns are unknown).

    For cells that were left out, because their data set was not available: a criterion that wanted them cannot be
    judged on the rest.

    Examples
    --------
    >>> may_select({"dataset": "lfw", "seed": 0}, {"dataset": "lfw", "method": "jkl"})
    True
    >>> may_select({"dataset": "lfw", "seed": 0}, {"dataset": "bank"})
    False
    """
    cell = pd.DataFrame([dict(parameters)])
    known = {column: wanted for column, wanted in (where or {}).items() if column in cell.columns}
    if not known:
        return True
    lists = {c: w for c, w in known.items() if isinstance(w, (list, tuple))}
    try:
        select(cell, {c: w for c, w in known.items() if c not in lists})
    except CriterionError:
        return False
    return all(any(_equals(cell[c], value)[0] for value in w) for c, w in lists.items())


def words(where: Mapping[str, Any] | None) -> str:
    """A selection in words: ``dataset = bank, k in 5, 10``."""
    parts = []
    for column, wanted in (where or {}).items():
        if isinstance(wanted, Mapping):
            parts += [f"{column} {condition.replace('_', ' ')} {limit}" for condition, limit in wanted.items()]
        elif isinstance(wanted, (list, tuple)):
            parts.append(f"{column} in {', '.join(str(value) for value in wanted)}")
        else:
            parts.append(f"{column} = {wanted}")
    return ", ".join(parts)


def check_expression(expression: Any) -> None:
    """Raise ValueError unless ``expression`` is a number or arithmetic over column names.

    Examples
    --------
    >>> check_expression("2 * (1 - share)")
    >>> check_expression("open('x')")
    Traceback (most recent call last):
        ...
    ValueError: "open('x')" is not arithmetic over columns; only names, numbers and + - * / ** are known
    """
    if isinstance(expression, (int, float)) and not isinstance(expression, bool):
        return
    if not isinstance(expression, str):
        raise ValueError(f"{expression!r} is neither a number nor an expression over columns")
    _parse(expression)


def evaluate(table: pd.DataFrame, expression: str | float) -> NDArray[np.float64]:
    """One number per row of ``table``: a column, a constant, or arithmetic over both, as float64 of shape (n,).

    Raises
    ------
    CriterionError
        If a column is missing or holds no numbers, or if a result is NaN (infinities are numbers: a point whose fair
        radius is zero can have an infinite violation).

    Examples
    --------
    >>> table = pd.DataFrame({"share": [0.25, 0.5]})
    >>> evaluate(table, "2 * (1 - share)").tolist()
    [1.5, 1.0]
    """
    if isinstance(expression, str):
        # A division by zero is reported below with its row; the warning would only repeat it.
        with np.errstate(all="ignore"):
            result = _compute(_parse(expression).body, table)
    else:
        result = expression
    values = np.broadcast_to(np.asarray(result, dtype=np.float64), (len(table),))
    bad = np.flatnonzero(np.isnan(values))
    if len(bad):
        raise CriterionError(
            f"needs {expression}, which is no number in {len(bad)} of {len(table)} selected rows "
            f"(first: row {table.index[bad[0]]})"
        )
    return values


def number(value: float) -> str:
    """A number as the scorecard prints it: six digits, no trailing zeros.

    Examples
    --------
    >>> number(-0.870137), number(45211.0), number(float("inf")), number(-0.0)
    ('-0.870137', '45211', 'infinity', '0')
    """
    if np.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    text = f"{value:.0f}" if 1e6 <= abs(value) < 1e12 else f"{value:.6g}"
    return "0" if text == "-0" else text


def _wanted(wanted: Any) -> list[Any]:
    if isinstance(wanted, Mapping):
        return []
    return list(wanted) if isinstance(wanted, (list, tuple)) else [wanted]


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table.columns:
        raise CriterionError(f"needs the column {name!r}; the columns are {', '.join(map(str, table.columns))}")
    return table[name]


def _equals(values: pd.Series, wanted: Any) -> NDArray[np.bool_]:
    numeric = isinstance(wanted, (int, float)) and not isinstance(wanted, bool)
    if numeric and pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return np.isclose(_floats(values), wanted, rtol=1e-9, atol=1e-12)
    return _true(values == wanted)


def _floats(column: pd.Series) -> NDArray[np.float64]:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _true(values: pd.Series) -> NDArray[np.bool_]:
    """Where a comparison holds; a missing value compares as false."""
    return values.to_numpy(dtype=bool, na_value=False)


def _parse(expression: str) -> ast.Expression:
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except SyntaxError:
        raise ValueError(_not_arithmetic(expression)) from None
    for node in ast.walk(tree.body):
        known = isinstance(node, (ast.Name, ast.BinOp, ast.UnaryOp, ast.USub, ast.expr_context)) or (
            isinstance(node, ast.operator) and type(node) in _OPERATORS
        )
        if isinstance(node, ast.Constant):
            known = isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
        if not known:
            raise ValueError(_not_arithmetic(expression))
    return tree


def _not_arithmetic(expression: str) -> str:
    return f"{expression!r} is not arithmetic over columns; only names, numbers and + - * / ** are known"


def _compute(node: ast.expr, table: pd.DataFrame) -> Any:
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_compute(node.left, table), _compute(node.right, table))
    if isinstance(node, ast.UnaryOp):
        return -_compute(node.operand, table)
    if isinstance(node, ast.Name):
        column = _column(table, node.id)
        if not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)):
            raise CriterionError(f"needs numbers in the column {node.id!r}, which has dtype {column.dtype}")
        return _floats(column)
    assert isinstance(node, ast.Constant)
    return float(node.value)  # type: ignore[arg-type]
