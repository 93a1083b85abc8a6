from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairclust._csv_input import CsvError, read_csv_text


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text('age,"name, full",sex,income\n 39 ,"A ""B"" C",f,1e3\n\n50,"two\nlines",m,-0.50\n')
    return path


def test_text_numbers_and_lines(people: Path) -> None:
    table = read_csv_text(people)
    assert table.header == ["age", "name, full", "sex", "income"]
    assert table.lines == [2, 5]
    assert table.labels("sex") == ["f", "m"]
    assert table.numeric_columns(["income", "age", "age"], without="sex") == ["income", "age"]
    assert table.numbers(["income", "age"]).tolist() == [[1000.0, 39.0], [-0.5, 50.0]]


def test_a_column_is_added_and_nothing_else_changes(people: Path) -> None:
    out = read_csv_text(people).with_column("cluster", [1, 0]).decode()
    assert out == 'age,"name, full",sex,income,cluster\n 39 ,"A ""B"" C",f,1e3,1\n50,"two\nlines",m,-0.50,0\n'


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xef\xbb\xbfa;b\r\n1;2\r\n")
    assert read_csv_text(path, ";").numbers(["a", "b"]).tolist() == [[1.0, 2.0]]


field = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(field, field), min_size=1, max_size=5))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    path.write_text("a,b\n1,2\n")
    table = read_csv_text(path)
    table.rows[:] = [list(row) for row in rows]
    path.write_bytes(table.with_column("c", range(len(rows))))
    again = read_csv_text(path)
    assert again.rows == [[*row, str(i)] for i, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no rows below a header"),
        ("a,b\n", "has no rows below a header"),
        ("a,b\n1,2\n1,2,3\n", "has 3 fields in line 3, its header has 2"),
        ("a,b\n1\n", "has 1 fields in line 2"),
        ("a,b, a\n1,2,3\n", "more than one column called 'a'; rename them"),
        ("a;b\n1;2\n", "a single column, 'a;b'; if ';' separates its columns, give it as --sep"),
        ('a,b\n"1,2\n', "cannot be read as a CSV file: line 2"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(CsvError, match=message):
        read_csv_text(path)


def test_not_text_and_bad_separator(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b\n\xff\xfe,1\n")
    with pytest.raises(CsvError, match="is not UTF-8 text"):
        read_csv_text(path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(CsvError, match="separator must be one character, got ';;'"):
        read_csv_text(path, ";;")


def test_columns_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("g,word,hole,nan,n\nf,1,1,1,1\n,two,1,nan,2\nm,3, ,1,3\n")
    table = read_csv_text(path)
    with pytest.raises(
        CsvError, match=r"text where numbers are needed, in word \('two' in line 3\); .*--columns hole,n$"
    ):
        table.numeric_columns(["word", "hole", "n"], None)
    with pytest.raises(CsvError, match=r"in g \('f' in line 2\), word \('two' in line 3\)"):
        table.numeric_columns(None, None)
    with pytest.raises(CsvError, match="turn it into numbers first"):
        table.numeric_columns(["word"], None)
    with pytest.raises(CsvError, match=r"column hole of .* is empty in line 4; fill in or drop"):
        table.numbers(["hole"])
    with pytest.raises(CsvError, match=r"column nan of .* has 'nan' in line 3; drop such rows"):
        table.numbers(["nan"])
    with pytest.raises(CsvError, match=r"column g of .* is empty in line 3; give such rows a label"):
        table.labels("g")
    with pytest.raises(CsvError, match="has no column 'x'; it has g, word, hole, nan, n"):
        table.numeric_columns(["x"], None)


def test_groups_alone_leave_nothing_to_cluster_by(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("g\nf\nm\n")
    with pytest.raises(CsvError, match="no column to cluster by beside the groups"):
        read_csv_text(path).numeric_columns(None, without="g")


def test_many_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    X = np.random.default_rng(0).normal(size=(2000, 3))
    path.write_text("a,b,c\n" + "".join(",".join(map(repr, row)) + "\n" for row in X.tolist()))
    np.testing.assert_array_equal(read_csv_text(path).numbers(["a", "b", "c"]), X)
