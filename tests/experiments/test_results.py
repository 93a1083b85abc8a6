from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import fairclust
from fairclust.experiments.results import (
    NoResults,
    ResultsError,
    folder_of,
    read_provenance,
    read_results,
    read_table,
    results_dir,
    rows_by_cell,
    write_table,
)
from fairclust.experiments.tables import Table, tabulate


@pytest.fixture
def stored(folders: Path) -> Path:
    """The results folder with one table."""
    rows = [{"k": 1, "v": 0.1}, {"k": 1, "v": math.nan}, {"k": 2, "v": math.inf}]
    provenance = {
        "experiment": "demo",
        "command": "fairclust reproduce welfare --only demo",
        "cells": [{"params": {"k": 1}, "rows": 2}, {"params": {"k": 2}, "rows": 1}],
    }
    write_table(folders / "results", "demo", tabulate(rows), provenance)
    return folders / "results"


def test_read_back(stored: Path) -> None:
    frame = read_results("demo")
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"k": [1, 1, 2], "v": [0.1, math.nan, math.inf]}))
    found = read_provenance("demo")
    assert found["rows"] == 3
    assert found["columns"] == {"k": "int", "v": "float"}


def test_results_that_do_not_exist(folders: Path) -> None:
    with pytest.raises(NoResults, match="no results of 'demo' yet; run `fairclust reproduce all --only demo`"):
        read_results("demo")
    with pytest.raises(FileNotFoundError):  # what fairclust.claims catches
        read_provenance("demo")
    with pytest.raises(NoResults):
        read_results("demo", quick=True)


@pytest.mark.parametrize(
    "edit", [lambda t: t.replace("0.1", "0.2"), lambda t: t + "3,1.0\n", lambda t: t[:-1], lambda t: ""]
)
def test_a_table_that_is_not_the_one_described(stored: Path, edit: Any) -> None:
    path = stored / "demo.csv"
    path.write_text(edit(path.read_text()))
    with pytest.raises(
        ResultsError, match=r"demo\.csv is not the table that demo\.json describes.*fairclust reproduce"
    ):
        read_results("demo")


def test_git_may_change_line_ends(stored: Path) -> None:
    path = stored / "demo.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(read_results("demo")) == 3


def test_half_of_a_pair(stored: Path) -> None:
    (stored / "demo.csv").unlink()
    with pytest.raises(ResultsError, match=r"demo\.csv is missing beside demo\.json"):
        read_results("demo")
    (stored / "demo.json").write_text('{"a": ')
    with pytest.raises(ResultsError, match=r"demo\.json is damaged"):
        read_provenance("demo")
    (stored / "demo.json").write_text("[]")
    with pytest.raises(ResultsError, match="no JSON object"):
        read_provenance("demo")


def test_description_that_does_not_fit(stored: Path) -> None:
    described = json.loads((stored / "demo.json").read_text())
    described["columns"] = {"k": "int"}
    (stored / "demo.json").write_text(json.dumps(described))
    with pytest.raises(ResultsError, match=r"demo\.csv cannot be read: the table has columns \['k', 'v'\]"):
        read_results("demo")


def test_rows_by_cell(stored: Path) -> None:
    table, provenance = read_table("demo", stored)
    cells = rows_by_cell(table, provenance)
    assert [len(rows) for _, rows in cells] == [2, 1]
    assert cells[1][1] == [{"k": 2, "v": math.inf}]
    provenance["cells"][0]["rows"] = 5
    with pytest.raises(ResultsError, match="has 3 rows, its cells have 6"):
        rows_by_cell(table, provenance)


def test_where_results_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FAIRCLUST_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FAIRCLUST_RESULTS", raising=False)
    assert results_dir() == Path(fairclust.__file__).resolve().parents[2] / "book" / "results"
    assert folder_of(quick=True) == tmp_path / "cache" / "quick"
    assert folder_of(quick=True, partial=True) == tmp_path / "cache" / "quick"
    assert folder_of(partial=True) == tmp_path / "cache" / "partial"
    monkeypatch.setenv("FAIRCLUST_RESULTS", str(tmp_path / "elsewhere"))
    assert folder_of() == tmp_path / "elsewhere"
    monkeypatch.delenv("FAIRCLUST_RESULTS")
    monkeypatch.setattr(fairclust, "__file__", str(tmp_path / "lib" / "site-packages" / "fairclust" / "__init__.py"))
    with pytest.raises(ResultsError, match="set the environment variable FAIRCLUST_RESULTS"):
        results_dir()


def test_the_table_comes_before_its_description(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fairclust.experiments import results

    written: list[str] = []
    write = results.atomic_write
    monkeypatch.setattr(results, "atomic_write", lambda path, data: (written.append(path.name), write(path, data)))
    write_table(folders / "results", "demo", Table({"a": [1]}, {"a": "int"}), {})
    assert written == ["demo.csv", "demo.json"]
