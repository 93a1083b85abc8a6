r"""Tidy tables that survive a round trip: rows of plain values -> CSV text -> the same rows, bit for bit.

A column has one of six kinds, which the provenance file remembers, so that nothing is guessed on reading:

========  =====================================  ===============================================
kind      values                                 written as
========  =====================================  ===============================================
int       64-bit integers, None                  digits; None is an empty field
float     numbers, NaN, infinities, None         the shortest text that reads back the same float
bool      True, False, None                      ``True``, ``False``
str       text, None                             text; the empty text is ``""``
none      nothing but None                       empty fields
json      anything else: lists, mixed kinds      JSON
========  =====================================  ===============================================
"""

from __future__ import annotations

import json
import math
import numbers
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["Table", "plain_parameters", "plain_rows", "tabulate"]

_FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|\Z)')
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True)
class Table:
    """Columns of plain Python values, all of one length, and the kind of each.

    Examples
    --------
    >>> table = tabulate([{"k": 2, "cost": 0.1}, {"k": 3, "cost": float("nan")}])
    >>> table.kinds
    {'k': 'int', 'cost': 'float'}
    >>> print(table.to_csv().decode(), end="")
    k,cost
    2,0.1
    3,nan
    >>> Table.from_csv(table.to_csv(), table.kinds).to_csv() == table.to_csv()
    True
    """

    columns: dict[str, list[Any]]
    kinds: dict[str, str]

    def __len__(self) -> int:
        """The number of rows."""
        return len(next(iter(self.columns.values()), []))

    def rows(self) -> list[dict[str, Any]]:
        """One dict per row."""
        names = list(self.columns)
        return [dict(zip(names, values, strict=True)) for values in zip(*self.columns.values(), strict=True)]

    def to_csv(self) -> bytes:
        """UTF-8 text, one header line, ``\\n`` at the end of each line."""
        lines = [",".join(_quoted(name) for name in self.columns)]
        written = [[_text(value, self.kinds[name]) for value in values] for name, values in self.columns.items()]
        lines.extend(",".join(fields) for fields in zip(*written, strict=True))
        return ("\n".join(lines) + "\n").encode()

    def to_frame(self) -> pd.DataFrame:
        """A DataFrame; None becomes the missing value of the column's dtype."""
        return pd.DataFrame({name: _series(values, self.kinds[name]) for name, values in self.columns.items()})

    @classmethod
    def from_csv(cls, data: bytes, kinds: Mapping[str, str]) -> Table:
        """Read what :meth:`to_csv` wrote.

        Raises
        ------
        ValueError
            If a line has another number of fields than the header, or the header names other columns than `kinds`.
        """
        if not kinds and not data.strip():
            return cls({}, {})
        lines = _split(data.decode())
        header = [text or "" for text, _ in lines[0]] if lines else []
        if sorted(header) != sorted(kinds):
            raise ValueError(f"the table has columns {header}, its description has {sorted(kinds)}")
        columns: dict[str, list[Any]] = {name: [] for name in header}
        for number, fields in enumerate(lines[1:], start=2):
            if len(fields) != len(header):
                raise ValueError(f"line {number} has {len(fields)} fields, the header has {len(header)}")
            for name, (text, quoted) in zip(header, fields, strict=True):
                columns[name].append(_value(text, quoted, kinds[name]))
        return cls(columns, {name: kinds[name] for name in header})


def tabulate(rows: Sequence[Mapping[str, Any]], first: Iterable[str] = ()) -> Table:
    """Put rows of plain values into columns: those in `first`, then the others in order of first appearance.

    A row without a column has None there.
    """
    names = list(dict.fromkeys([*first, *(name for row in rows for name in row)]))
    columns = {name: [row.get(name) for row in rows] for name in names}
    kinds = {name: _kind(values) for name, values in columns.items()}
    for name, kind in kinds.items():
        if kind == "float":
            columns[name] = [None if v is None else float(v) for v in columns[name]]
    return Table(columns, kinds)


def plain_rows(returned: Any, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What an experiment's cell returned as rows of plain values, its parameters first.

    Raises
    ------
    TypeError
        If it is no list of flat rows, naming the row, the column and the value that is not plain.
    ValueError
        If a row gives a parameter another value than the cell has.
    """
    if isinstance(returned, pd.DataFrame):
        columns = [str(c) for c in returned.columns]
        items: list[Any] = [dict(zip(columns, values, strict=True)) for values in returned.itertuples(index=False)]
    elif isinstance(returned, Mapping):
        items = [returned]
    elif isinstance(returned, Iterable) and not isinstance(returned, (str, bytes)):
        items = list(returned)
    else:
        raise TypeError(f"a cell must return a list of rows (dicts) or a DataFrame, got {type(returned).__name__}")
    rows = []
    for number, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise TypeError(f"row {number} is a {type(item).__name__}; each row must be a dict of column -> value")
        values = {str(name): _plain(value, f"row {number}, column {name}") for name, value in item.items()}
        for name in values.keys() & parameters.keys():
            if not _same(values[name], parameters[name]):
                raise ValueError(
                    f"row {number} has {name}={values[name]!r}, but the cell's parameter is {parameters[name]!r}; "
                    "give the column another name"
                )
        rows.append({**parameters, **values})
    return rows


def plain_parameters(parameters: Any, where: str) -> dict[str, Any]:
    """A cell's parameters as values that JSON holds exactly; else an error that names the parameter."""
    if not isinstance(parameters, Mapping) or not all(isinstance(name, str) for name in parameters):
        raise TypeError(f"{where} must be a dict of parameter names and values, got {parameters!r}")
    return {name: _jsonable(value, f"{where}, parameter {name}") for name, value in parameters.items()}


def _jsonable(value: Any, where: str) -> Any:
    if isinstance(value, (list, tuple)):
        return [_jsonable(item, where) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise TypeError(f"{where}: the keys of a dict must be strings, got {value!r}")
        return {name: _jsonable(item, where) for name, item in value.items()}
    plain = _plain(value, where)
    if isinstance(plain, float) and not math.isfinite(plain):
        raise ValueError(f"{where} is {plain}; JSON has no such number, use None or a string")
    return plain


def _plain(value: Any, where: str) -> Any:
    """A scalar as a Python int, float, bool, str or None."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    raise TypeError(
        f"{where} is a {type(value).__name__} ({value!r:.50}); use a number, text, True, False or None, one per row"
    )


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and (a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b)))


def _kind(values: Sequence[Any]) -> str:
    types = {type(value) for value in values} - {type(None)}
    if not types:
        return "none"
    if types == {int} and all(v is None or v in _INT64 for v in values):
        return "int"
    if types == {float} or (types == {int, float} and all(isinstance(v, float) or _exact(v) for v in values)):
        return "float"
    if types == {bool}:
        return "bool"
    return "str" if types == {str} else "json"


def _exact(value: int | None) -> bool:
    return value is None or abs(value) <= 2**53


def _text(value: Any, kind: str) -> str:
    if value is None:
        return ""
    if kind == "str":
        return _quoted(value)
    if kind == "json":
        return _quoted(json.dumps(value, sort_keys=True, ensure_ascii=False))
    return repr(value)


def _quoted(text: str) -> str:
    # The empty text is quoted, None is not: that is how the reader tells them apart.
    if text == "" or text != text.strip() or any(mark in text for mark in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _value(text: str, quoted: bool, kind: str) -> Any:
    if text == "" and not quoted:
        return None
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text)
    if kind == "bool":
        return {"True": True, "False": False}[text]
    return json.loads(text) if kind == "json" else text


def _split(text: str) -> list[list[tuple[str, bool]]]:
    """Lines of (text, was it quoted); a line break inside quotes belongs to the field."""
    lines: list[list[tuple[str, bool]]] = []
    line: list[tuple[str, bool]] = []
    position = 0
    while position < len(text):
        match = _FIELD.match(text, position)
        if match is None:
            raise ValueError(f"the table is damaged at character {position}: {text[position : position + 40]!r}")
        quoted = match[1] is not None
        line.append((match[1].replace('""', '"') if quoted else match[2], quoted))
        position = match.end()
        if match[3] != ",":
            lines.append(line)
            line = []
        elif position == len(text):  # a comma at the very end: one more, empty, field
            line.append(("", False))
    if line:
        lines.append(line)
    return lines


def _series(values: list[Any], kind: str) -> pd.Series:
    missing = any(value is None for value in values)
    if kind == "float":
        return pd.Series([math.nan if v is None else v for v in values], dtype="float64")
    if kind == "int":
        return pd.Series(values, dtype="Int64" if missing else "int64")
    if kind == "bool":
        return pd.Series(values, dtype="boolean" if missing else "bool")
    if kind == "str":
        return pd.Series(values)
    return pd.Series(values, dtype="object")
