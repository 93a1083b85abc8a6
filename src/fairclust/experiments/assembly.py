"""Put a table together from finished cells, and from stored rows whose data is absent here but which still hold."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fairclust.experiments.data import DataState
from fairclust.experiments.pool import Task
from fairclust.experiments.provenance import environment
from fairclust.experiments.results import ResultsError, read_table, rows_by_cell
from fairclust.experiments.store import Cell, canonical, cell_key
from fairclust.experiments.tables import Table

__all__ = [
    "KEY_DIGITS",
    "OnData",
    "Plan",
    "carry",
    "digests_of_data",
    "read_stored",
    "rounded",
    "says_the_same",
    "summary_of_seconds",
]

#: How much of a cell's key the provenance file shows.
KEY_DIGITS = 16


class OnData(Protocol):
    """What knows the data sets of its cells: an experiment."""

    name: str

    def datasets_of(self, cell: Mapping[str, Any]) -> tuple[str, ...]:
        """The data sets that a cell depends on."""


@dataclass(frozen=True)
class Plan:
    """What is known of each cell by its number: finished with its key, to be computed, or without its data and why."""

    code: str
    finished: dict[int, tuple[str, Cell]]
    waiting: dict[int, Task]
    absent: dict[int, str]


def read_stored(item: OnData, folder: Path) -> tuple[Table, dict[str, Any]] | None:
    """The table and the provenance in a folder, or None if there are none that fit each other."""
    try:
        return read_table(item.name, folder)
    except ResultsError:
        return None


def carry(
    item: OnData, cells: list[dict[str, Any]], plan: Plan, stored: tuple[Table, dict[str, Any]] | None
) -> tuple[dict[int, tuple[str, Cell]], list[int]]:
    """Rows of the stored table for cells whose data is absent: those still valid, and which are outdated."""
    carried: dict[int, tuple[str, Cell]] = {}
    outdated: list[int] = []
    if stored is None or not plan.absent:
        return carried, outdated
    table, provenance = stored
    by_cell = {canonical(entry["params"]): (entry, rows) for entry, rows in rows_by_cell(table, provenance)}
    for index in plan.absent:
        cell = cells[index]
        if canonical(cell) not in by_cell:
            continue
        entry, rows = by_cell[canonical(cell)]
        contents = {name: str(provenance.get("data_content", {}).get(name)) for name in item.datasets_of(cell)}
        key = cell_key(item.name, cell, contents, plan.code)
        if key[:KEY_DIGITS] == entry["key"]:
            carried[index] = (key, Cell(rows, float(entry["seconds"])))
        else:
            outdated.append(index)
    return carried, outdated


def digests_of_data(
    states: Mapping[str, DataState], carried: Iterable[str], stored: tuple[Table, dict[str, Any]] | None
) -> dict[str, Any]:
    """The digests of the data sets that the rows came from; None for one without rows.

    Those of data that is absent here and whose rows are carried over are the stored table's.
    """
    data = {name: states[name].sha256 for name in sorted(states)}
    content = {name: states[name].content for name in sorted(states)}
    for name in carried:
        if stored is not None and states[name].reason is not None:
            data[name] = stored[1]["data"][name]
            content[name] = stored[1]["data_content"][name]
    return {"data": data, "data_content": content}


def summary_of_seconds(cells: list[float], wall: float) -> dict[str, float]:
    """This run's wall time, and the sum, median and maximum over all cells of the time each took when it ran."""
    return {
        "wall": rounded(wall),
        "cells": rounded(sum(cells)),
        "median_cell": rounded(statistics.median(cells)) if cells else 0.0,
        "max_cell": rounded(max(cells, default=0.0)),
    }


def says_the_same(stored: tuple[Table, dict[str, Any]] | None, table: Table, provenance: dict[str, Any]) -> bool:
    """Whether writing would only change times: then the stored files stay as they are."""
    if stored is None or stored[0].to_csv() != table.to_csv():
        return False
    times = ("started", "seconds", "computed", "reused", "carried", "n_jobs", "git", *environment())
    return all(
        stored[1].get(name) == json.loads(json.dumps(value)) for name, value in provenance.items() if name not in times
    )


def rounded(seconds: float) -> float:
    """Four digits: the rest of a time is noise."""
    return float(f"{seconds:.4g}")
