"""Compute a sample of stored rows again: results that have drifted from the code must not be shown."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from fairclust._validation import as_generator, check_number
from fairclust.experiments.data import look_for
from fairclust.experiments.provenance import environment
from fairclust.experiments.registry import find_experiment
from fairclust.experiments.results import StaleResults, folder_of, read_table, rows_by_cell
from fairclust.experiments.runner import Experiment
from fairclust.experiments.store import canonical
from fairclust.experiments.tables import Table, tabulate

__all__ = ["recheck"]

#: How many differences a message lists.
LISTED = 8


def recheck(
    name: str,
    n_cells: int = 3,
    random_state: Any = 0,
    rtol: float = 1e-9,
    cost_limit_seconds: float = 5.0,
) -> pd.DataFrame:
    r"""Compute some stored cells of an experiment again and compare each value with the stored one.

    A number :math:`b` computed now agrees with the stored :math:`a` if :math:`|a - b| \le \rho \max(|a|, |b|, s)`,
    where :math:`\rho` is `rtol` and :math:`s` the largest absolute finite value of the column in the cell: a value
    that is zero but for rounding may differ by rounding. Text, booleans, NaN, infinities and missing values must be
    the same. Measured columns (see :func:`~fairclust.experiments.experiment`) are not compared.

    Parameters
    ----------
    name : str
        The experiment's name.
    n_cells : int, default=3
        How many cells at most.
    random_state : int, Generator or None, default=0
        Chooses among the cheaper half of the cells (or 4 n_cells of them, if that is more).
    rtol : float, default=1e-9
        The relative difference :math:`\rho` that is allowed.
    cost_limit_seconds : float, default=5.0
        The recorded seconds of the chosen cells add up to at most this much.

    Returns
    -------
    DataFrame
        One row per cell that was computed again: its parameters, ``rows``, ``largest_difference`` (relative) and
        ``stored_seconds``. Empty if no stored cell is cheap enough and has its data here (nothing is downloaded).

    Raises
    ------
    StaleResults
        If a value, a row or a data set differs, or the cell can no longer be computed; lists what and by how much.
    ResultsError
        If there are no stored results, or they are damaged.
    KeyError
        If there is no such experiment.
    """
    count = check_number(n_cells, "n_cells", low=1, integer=True)
    tolerance = check_number(rtol, "rtol", low=0.0)
    limit = check_number(cost_limit_seconds, "cost_limit_seconds", low=0.0)
    table, provenance = read_table(name, folder_of())
    item = find_experiment(name)
    chosen = _choose(item, provenance, table, count, random_state, limit)
    differences: list[str] = []
    report = []
    for entry, stored in chosen:
        try:
            now = item.compute(entry["params"])
        except Exception as error:
            differences.append(f"{canonical(entry['params'])}: cannot be computed now, {type(error).__name__}: {error}")
            continue
        largest, found = _compare(item, entry["params"], stored, now, tolerance)
        differences.extend(found)
        report.append(
            {
                **entry["params"],
                "rows": len(stored),
                "largest_difference": largest,
                "stored_seconds": float(entry["seconds"]),
            }
        )
    if differences:
        raise StaleResults(_message(item, provenance, differences, len(chosen)))
    parameters = [p for p in table.columns if any(p in entry["params"] for entry in provenance["cells"])]
    return tabulate(report, first=[*parameters, "rows", "largest_difference", "stored_seconds"]).to_frame()


def _choose(
    item: Experiment, provenance: dict[str, Any], table: Table, count: int, random_state: Any, limit: float
) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    cells = rows_by_cell(table, provenance)
    states = look_for((n for entry, _ in cells for n in item.datasets_of(entry["params"])), download=False)
    changed = [
        f"data set {name}: its content is not what was used (sha256 then {then}, now {states[name].sha256})"
        for name, then in provenance["data"].items()
        if name in states
        and states[name].content is not None
        and states[name].content != provenance["data_content"].get(name)
    ]
    if changed:
        raise StaleResults(_message(item, provenance, changed, 0))
    here = [
        (entry, stored)
        for entry, stored in cells
        if entry["seconds"] <= limit and all(states[n].reason is None for n in item.datasets_of(entry["params"]))
    ]
    here.sort(key=lambda pair: pair[0]["seconds"])
    cheap = here[: max(4 * count, math.ceil(len(here) / 2))]
    chosen: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    spent = 0.0
    for i in as_generator(random_state).permutation(len(cheap)):
        seconds = cheap[i][0]["seconds"]
        if len(chosen) < count and spent + seconds <= limit:
            chosen.append(cheap[i])
            spent += seconds
    return chosen


def _compare(
    item: Experiment, parameters: dict[str, Any], stored: list[dict[str, Any]], now: list[dict[str, Any]], rtol: float
) -> tuple[float, list[str]]:
    where = canonical(parameters)
    if len(stored) != len(now):
        return math.inf, [f"{where}: {len(stored)} rows are stored, {len(now)} come out now"]
    # A stored row has the columns of all cells; one that this cell never had is empty in it.
    names = list(dict.fromkeys(name for row in [*stored, *now] for name in row if name not in item.measured))
    differences, largest = [], 0.0
    for name in names:
        scale = max((abs(row[name]) for row in stored if _finite(row.get(name))), default=0.0)
        for number, (old_row, new_row) in enumerate(zip(stored, now, strict=True)):
            old, new = old_row.get(name), new_row.get(name)
            gap = _gap(old, new, scale)
            if gap > rtol:
                differences.append(
                    f"{where}: row {number}, {name}: stored {old!r}, now {new!r}"
                    + (f" (relative difference {gap:.2g})" if math.isfinite(gap) else "")
                )
            else:
                largest = max(largest, gap)
    return largest, differences


def _gap(old: Any, new: Any, scale: float) -> float:
    """The relative difference of two values: 0 if they are the same, infinite if they are not comparable."""
    if _finite(old) and _finite(new):
        return abs(old - new) / max(abs(old), abs(new), scale) if old != new else 0.0
    if isinstance(old, float) and isinstance(new, float) and math.isnan(old) and math.isnan(new):
        return 0.0
    return 0.0 if type(old) is type(new) and old == new else math.inf


def _finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _message(item: Experiment, provenance: dict[str, Any], differences: list[str], n_cells: int) -> str:
    lines = [f"the stored results of {item.name} are stale: {len(differences)} differences"]
    if n_cells:
        lines[0] += f" in {n_cells} cells computed again"
    lines += [f"  {difference}" for difference in differences[:LISTED]]
    if len(differences) > LISTED:
        lines.append(f"  ... and {len(differences) - LISTED} more")
    code = item.code()
    if code != provenance["code"]:
        lines.append(f"  the code has changed since (digest {provenance['code'][:12]}, now {code[:12]})")
    versions = environment()["versions"]
    moved = [
        f"{p} {then} -> {versions.get(p)}" for p, then in provenance["versions"].items() if versions.get(p) != then
    ]
    if moved:
        lines.append(f"  versions have changed since: {', '.join(moved)}")
    lines.append(f"  to compute them again: {provenance['command']}")
    return "\n".join(lines)
