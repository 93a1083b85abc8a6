"""Parts of putting a table together; the whole is in test_runner.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairclust.experiments.assembly import (
    KEY_DIGITS,
    Plan,
    carry,
    digests_of_data,
    read_stored,
    rounded,
    says_the_same,
    summary_of_seconds,
)
from fairclust.experiments.data import DataState
from fairclust.experiments.provenance import environment
from fairclust.experiments.results import write_table
from fairclust.experiments.store import cell_key
from fairclust.experiments.tables import tabulate

CELLS = [{"dataset": "a", "k": 1}, {"dataset": "b", "k": 1}, {"dataset": "b", "k": 2}]
THERE = DataState(sha256="raw a", content="content a")
ABSENT = DataState(reason="b is not here")


class Item:
    name = "demo"

    def datasets_of(self, cell: Mapping[str, Any]) -> tuple[str, ...]:
        return (cell["dataset"],)


def stored(folder: Path) -> tuple[Any, dict[str, Any]]:
    rows = [{**cell, "v": i / 3} for i, cell in enumerate(CELLS) for _ in range(2)]
    content = {"a": "content a", "b": "content b"}
    keys = [cell_key("demo", cell, {cell["dataset"]: content[cell["dataset"]]}, "code") for cell in CELLS]
    provenance = {
        "experiment": "demo",
        "data": {"a": "raw a", "b": "raw b"},
        "data_content": content,
        "cells": [
            {"params": cell, "key": key[:KEY_DIGITS], "rows": 2, "seconds": 1.0}
            for cell, key in zip(CELLS, keys, strict=True)
        ],
        **environment(),
    }
    write_table(folder, "demo", tabulate(rows), provenance)
    found = read_stored(Item(), folder)
    assert found is not None
    return found


def test_carry_takes_rows_whose_key_still_fits(tmp_path: Path) -> None:
    plan = Plan("code", {}, {}, {1: "b is not here", 2: "b is not here"})
    carried, outdated = carry(Item(), CELLS, plan, stored(tmp_path))
    assert outdated == []
    assert [row["v"] for row in carried[1][1].rows] == [1 / 3, 1 / 3]
    assert [row["v"] for row in carried[2][1].rows] == [2 / 3, 2 / 3]


def test_carry_leaves_what_other_code_computed_and_what_is_new(tmp_path: Path) -> None:
    plan = Plan("new code", {}, {}, {1: "b is not here", 2: "b is not here"})
    assert carry(Item(), CELLS, plan, stored(tmp_path)) == ({}, [1, 2])
    cells = [*CELLS, {"dataset": "b", "k": 3}]
    plan = Plan("code", {}, {}, {3: "b is not here"})
    assert carry(Item(), cells, plan, stored(tmp_path)) == ({}, [])
    assert carry(Item(), CELLS, plan, None) == ({}, [])


def test_digests_of_data(tmp_path: Path) -> None:
    states = {"b": ABSENT, "a": THERE}
    assert digests_of_data(states, [], None) == {
        "data": {"a": "raw a", "b": None},
        "data_content": {"a": "content a", "b": None},
    }
    found = digests_of_data(states, ["b", "a", "b"], stored(tmp_path))
    assert found["data"] == {"a": "raw a", "b": "raw b"}
    assert found["data_content"]["b"] == "content b"


def test_nothing_stored(tmp_path: Path) -> None:
    assert read_stored(Item(), tmp_path) is None
    (tmp_path / "demo.json").write_text("{")
    assert read_stored(Item(), tmp_path) is None


def test_only_times_and_machines_may_differ(tmp_path: Path) -> None:
    table, provenance = stored(tmp_path)
    same = {name: provenance[name] for name in ("experiment", "data", "cells")}
    assert says_the_same((table, provenance), table, {**same, "started": "another time", "n_jobs": 7, "python": "4"})
    assert not says_the_same((table, provenance), table, {**same, "data": {"a": "other"}})
    assert not says_the_same((table, provenance), tabulate([{"v": 1}]), same)
    assert not says_the_same(None, table, same)


def test_seconds() -> None:
    assert summary_of_seconds([1.0, 2.00004, 6.0], 9.12345) == {
        "wall": 9.123, "cells": 9.0, "median_cell": 2.0, "max_cell": 6.0,
    }  # fmt: skip
    assert summary_of_seconds([], 0.5) == {"wall": 0.5, "cells": 0.0, "median_cell": 0.0, "max_cell": 0.0}
    assert rounded(0.000123456) == 0.0001235
