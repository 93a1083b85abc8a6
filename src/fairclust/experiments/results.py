"""Stored results: ``<experiment>.csv``, a tidy table, and ``<experiment>.json``, where it came from."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pandas as pd

from fairclust.datasets.fetch import cache_folder
from fairclust.experiments.provenance import checkout, dump
from fairclust.experiments.store import atomic_write
from fairclust.experiments.tables import Table

__all__ = [
    "NoResults",
    "ResultsError",
    "StaleResults",
    "folder_of",
    "read_provenance",
    "read_results",
    "read_table",
    "results_dir",
    "rows_by_cell",
    "table_sha256",
    "write_table",
]


class ResultsError(RuntimeError):
    """Stored results cannot be read or written as they are."""


class NoResults(ResultsError, FileNotFoundError):
    """The experiment has not been run yet."""

    def __str__(self) -> str:
        return str(self.args[0])


class StaleResults(ResultsError):
    """Stored results differ from what the code gives now."""


def results_dir() -> Path:
    """The folder of full-size results: ``FAIRCLUST_RESULTS``, else ``book/results`` of the checkout.

    Raises
    ------
    ResultsError
        If the variable is not set and the package was not imported from a checkout.
    """
    given = os.environ.get("FAIRCLUST_RESULTS")
    if given:
        return Path(given).expanduser()
    root = checkout()
    if root is None:
        raise ResultsError(
            "fairclust is installed without its checkout, so there is no book/results; "
            "set the environment variable FAIRCLUST_RESULTS to the folder of the results"
        )
    return root / "book" / "results"


def folder_of(*, quick: bool = False, partial: bool = False) -> Path:
    """Where a run's table goes: quick and partial runs stay in the cache, beside the results and never over them."""
    if quick:
        return cache_folder() / "quick"
    return cache_folder() / "partial" if partial else results_dir()


def read_results(name: str, *, quick: bool = False) -> pd.DataFrame:
    """The stored table of an experiment, every value and dtype as the experiment returned it.

    Parameters
    ----------
    name : str
        The experiment's name, such as ``"antidote-vanilla"``.
    quick : bool, default=False
        Read the table of the last ``--quick`` run instead of the full-size one.

    Returns
    -------
    DataFrame
        One row per observation: the cell's parameters first, then the values.

    Raises
    ------
    NoResults
        If it has not been run.
    ResultsError
        If the table is not the one that its provenance file describes.
    """
    table, _ = read_table(name, folder_of(quick=quick))
    return table.to_frame()


def read_provenance(name: str, *, quick: bool = False) -> dict[str, Any]:
    """Where the stored table of an experiment came from.

    Returns
    -------
    dict
        ``cells`` (parameters, key, rows and seconds of each), ``code`` and ``data`` (SHA-256), ``versions``,
        ``seconds``, ``not_run`` (cells left out and why), ``command``, ``git``, ``machine``, ``started``, ...

    Raises
    ------
    NoResults
        If it has not been run.
    ResultsError
        If the file is damaged.
    """
    return _read_json(name, folder_of(quick=quick))


def read_table(name: str, folder: Path) -> tuple[Table, dict[str, Any]]:
    """The table and the provenance of an experiment in a folder, checked against each other."""
    provenance = _read_json(name, folder)
    path = folder / f"{name}.csv"
    again = f"run `{provenance.get('command', 'fairclust reproduce')}` again (finished cells are kept)"
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ResultsError(f"{path.name} is missing beside {name}.json; {again}") from None
    if table_sha256(data) != provenance.get("csv_sha256"):
        raise ResultsError(
            f"{path.name} is not the table that {name}.json describes (their SHA-256 differ): one of the two was "
            f"edited or a run was cut between them; {again}"
        )
    try:
        return Table.from_csv(data, provenance["columns"]), provenance
    except (ValueError, KeyError) as error:
        raise ResultsError(f"{path.name} cannot be read: {error}; {again}") from error


def rows_by_cell(table: Table, provenance: dict[str, Any]) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The rows of a stored table by cell: each cell's entry in the provenance and its rows.

    Raises
    ------
    ResultsError
        If the cells do not add up to the table.
    """
    rows, position, cells = table.rows(), 0, []
    for entry in provenance["cells"]:
        cells.append((entry, rows[position : position + entry["rows"]]))
        position += entry["rows"]
    if position != len(rows):
        raise ResultsError(
            f"{provenance['experiment']}.csv has {len(rows)} rows, its cells have {position}; run the experiment again"
        )
    return cells


def write_table(folder: Path, name: str, table: Table, provenance: dict[str, Any]) -> Path:
    """Write table, then provenance, each atomically; a cut between the two is noticed by :func:`read_table`."""
    data = table.to_csv()
    path = folder / f"{name}.csv"
    atomic_write(path, data)
    described = {**provenance, "columns": table.kinds, "rows": len(table), "csv_sha256": table_sha256(data)}
    atomic_write(folder / f"{name}.json", dump(described))
    return path


def table_sha256(data: bytes) -> str:
    """The SHA-256 of a CSV file; git may have turned its line ends into Windows' ones."""
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def _read_json(name: str, folder: Path) -> dict[str, Any]:
    path = folder / f"{name}.json"
    try:
        provenance = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise NoResults(
            f"there are no results of {name!r} yet; run `fairclust reproduce all --only {name}` to make them"
        ) from None
    except ValueError as error:
        raise ResultsError(f"{path.name} is damaged ({error}); run the experiment again") from error
    if not isinstance(provenance, dict):
        raise ResultsError(f"{path.name} is damaged (no JSON object); run the experiment again")
    return provenance
