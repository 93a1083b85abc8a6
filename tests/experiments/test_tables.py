from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust.experiments.tables import Table, plain_parameters, plain_rows, tabulate

SCALARS = {
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(),
    "bool": st.booleans(),
    "str": st.text(st.characters(exclude_categories=["Cs"])),
    "json": st.lists(st.integers(), max_size=3) | st.text("ab", min_size=1) | st.integers(-5, 5),
}


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, object]]:
    kinds = draw(st.lists(st.sampled_from(sorted(SCALARS)), min_size=1, max_size=4))
    values = [SCALARS[kind] | st.none() for kind in kinds]
    return draw(st.lists(st.fixed_dictionaries({f"c{i}": v for i, v in enumerate(values)}), max_size=6))


def same(a: object, b: object) -> bool:
    return type(a) is type(b) and (a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b)))  # type: ignore[arg-type]


@settings(max_examples=150, deadline=None)
@given(tables())
def test_round_trip_is_exact(rows: list[dict[str, object]]) -> None:
    table = tabulate(rows, first=["c0"])
    again = Table.from_csv(table.to_csv(), table.kinds)
    assert again.kinds == table.kinds
    assert list(again.columns) == list(table.columns)
    for name, values in table.columns.items():
        assert all(same(a, b) for a, b in zip(values, again.columns[name], strict=True))
    assert again.to_csv() == table.to_csv()
    pd.testing.assert_frame_equal(again.to_frame(), table.to_frame())


def test_every_awkward_value() -> None:
    rows = [
        {"f": 0.1, "i": 2**62, "b": True, "s": 'a,"b"\nc', "none": None},
        {"f": math.nan, "i": None, "b": None, "s": "", "none": None},
        {"f": -math.inf, "i": -1, "b": False, "s": None, "none": None},
        {"f": 1, "i": 0, "b": True, "s": " nan ", "none": None},
        {"f": None, "i": 0, "b": True, "s": "None", "none": None},
    ]
    table = tabulate(rows)
    assert table.kinds == {"f": "float", "i": "int", "b": "bool", "s": "str", "none": "none"}
    assert table.to_csv().decode() == (
        'f,i,b,s,none\n0.1,4611686018427387904,True,"a,""b""\nc",\nnan,,,"",\n'
        '-inf,-1,False,,\n1.0,0,True," nan ",\n,0,True,None,\n'
    )
    read = Table.from_csv(table.to_csv(), table.kinds).rows()
    assert read[1]["s"] == ""
    assert read[2]["s"] is None
    assert read[4]["f"] is None
    assert math.isnan(read[1]["f"])
    frame = table.to_frame()
    assert frame.dtypes.astype(str).to_dict()["f"] == "float64"
    assert frame["i"].dtype == "Int64"
    assert frame["b"].dtype == "boolean"
    assert frame["i"][0] == 2**62


def test_mixed_kinds_keep_their_types() -> None:
    table = tabulate([{"x": 1}, {"x": "1"}, {"x": True}, {"x": [1, 2]}, {"x": 2**70}, {"x": None}])
    assert table.kinds == {"x": "json"}
    assert [row["x"] for row in Table.from_csv(table.to_csv(), table.kinds).rows()] == [
        1,
        "1",
        True,
        [1, 2],
        2**70,
        None,
    ]


def test_big_integers_beside_floats_are_not_rounded() -> None:
    table = tabulate([{"x": 2**53 + 1}, {"x": 0.5}])
    assert Table.from_csv(table.to_csv(), table.kinds).rows()[0]["x"] == 2**53 + 1


def test_columns_in_order_and_missing_ones_empty() -> None:
    table = tabulate([{"k": 1, "b": 2}, {"k": 2, "a": 3}], first=["k"])
    assert list(table.columns) == ["k", "b", "a"]
    assert table.columns["a"] == [None, 3]


def test_no_rows() -> None:
    table = tabulate([], first=["k"])
    assert table.to_csv() == b"k\n"
    assert len(Table.from_csv(b"k\n", {"k": "none"})) == 0
    empty = tabulate([])
    assert Table.from_csv(empty.to_csv(), empty.kinds).columns == {}


def test_windows_line_ends_are_read() -> None:
    assert Table.from_csv(b"k,s\r\n1,a\r\n", {"k": "int", "s": "str"}).rows() == [{"k": 1, "s": "a"}]


@pytest.mark.parametrize(
    ("data", "kinds", "message"),
    [
        (b"a,b\n1\n", {"a": "int", "b": "int"}, "line 2 has 1 fields, the header has 2"),
        (b"a\n1\n", {"b": "int"}, r"columns \['a'\], its description has \['b'\]"),
        (b'a\n"1\n', {"a": "str"}, "damaged at character"),
        (b"a\nx\n", {"a": "int"}, "invalid literal"),
    ],
)
def test_damaged_tables_are_errors(data: bytes, kinds: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Table.from_csv(data, kinds)


def test_rows_of_all_accepted_shapes() -> None:
    expected = [{"k": 2, "cost": 0.5}]
    assert plain_rows([{"cost": np.float64(0.5)}], {"k": 2}) == expected
    assert plain_rows({"cost": 0.5}, {"k": 2}) == expected
    assert plain_rows(pd.DataFrame({"cost": [0.5], "k": [2]}), {"k": 2}) == expected
    row = plain_rows([{"a": np.int32(1), "b": np.bool_(True), "c": np.str_("x"), "d": pd.NA, "e": pd.NaT}], {})[0]
    assert [type(v) for v in row.values()] == [int, bool, str, type(None), type(None)]


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (3, TypeError, "must return a list of rows"),
        ("text", TypeError, "must return a list of rows"),
        ([1], TypeError, "row 0 is a int"),
        ([{"a": 1}, {"a": np.arange(2)}], TypeError, "row 1, column a is a ndarray"),
        ([{"a": [1]}], TypeError, "row 0, column a is a list"),
        ([{"k": 3}], ValueError, "row 0 has k=3, but the cell's parameter is 2"),
        ([{"k": True}], ValueError, "row 0 has k=True"),
    ],
)
def test_rows_that_are_not_flat(returned: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        plain_rows(returned, {"k": 2})


def test_parameters() -> None:
    assert plain_parameters({"a": np.int64(1), "b": (1, 2.5), "c": {"d": None}}, "cell") == {
        "a": 1,
        "b": [1, 2.5],
        "c": {"d": None},
    }
    with pytest.raises(ValueError, match="cell, parameter a is nan"):
        plain_parameters({"a": math.nan}, "cell")
    with pytest.raises(TypeError, match="cell, parameter a is a ndarray"):
        plain_parameters({"a": np.arange(3)}, "cell")
    with pytest.raises(TypeError, match="must be a dict"):
        plain_parameters([1], "cell")
    with pytest.raises(TypeError, match="keys of a dict must be strings"):
        plain_parameters({"a": {1: 2}}, "cell")
