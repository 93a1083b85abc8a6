r"""Run experiments: cells in parallel, each kept as soon as it is done, one table at the end.

An experiment is a pure function of (parameters, data, seed), one table or figure of a paper:

.. code-block:: python

    def _grid(quick):
        return [{"dataset": "adult", "k": k, "seed": s} for k in (2, 3) for s in range(2 if quick else 20)]

    @experiment("antidote-vanilla", paper="antidote", title="...", datasets=("adult",), grid=_grid)
    def vanilla(*, dataset, k, seed):
        ...
        return [{"cost": cost}]

``vanilla`` is then an :class:`Experiment`: ``vanilla(quick=True)`` runs the quick grid and gives the tidy table.

A cell that was computed before, with the same code and data, is not computed again; Ctrl-C and ``kill -9`` lose at
most the cells in hand. A cell whose data set is not available is reported as not run, with the reason.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from tqdm import tqdm

from fairclust.datasets.fetch import cache_folder
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
from fairclust.experiments.data import DataState, look_for
from fairclust.experiments.digest import check_unchanged, code_digest
from fairclust.experiments.pool import Failure, Task, compute_cells
from fairclust.experiments.provenance import environment, git_state, started
from fairclust.experiments.results import ResultsError, folder_of, write_table
from fairclust.experiments.store import canonical, cell_key, load_cell, sweep
from fairclust.experiments.tables import plain_parameters, plain_rows, tabulate

__all__ = ["PAPERS", "CellError", "Experiment", "Failure", "Run", "experiment", "run"]

#: What an experiment may belong to, in the order in which they are run.
PAPERS = ("antidote", "welfare", "radii", "comparison", "performance")

_TIMING = re.compile(r"(^|_)(seconds|milliseconds|runtime)$")


class CellError(RuntimeError):
    """Some cells of an experiment raised an error; all the others are finished and kept.

    Attributes
    ----------
    experiment : str
    failures : list of Failure
    """

    def __init__(self, item: Experiment, failures: list[Failure], n_cells: int, command: str) -> None:
        self.experiment = item.name
        self.failures = failures
        listed = "".join(f"\n  {canonical(f.parameters)}: {f.error}" for f in failures[:5])
        more = f"\n  ... and {len(failures) - 5} more" if len(failures) > 5 else ""
        cell = shlex.quote(canonical(failures[0].parameters))
        alone = f"fairclust reproduce {item.paper} --only {item.name} --debug --cell {cell}"
        super().__init__(
            f"{len(failures)} of {n_cells} cells of {item.name} failed; the others are finished and kept.{listed}{more}"
            f"\nthe first one alone, with its traceback: {alone}"
            f"\nto go on once it is mended: {command}"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_error, (self.args[0], self.experiment, self.failures)


def _rebuild_error(message: str, name: str, failures: list[Failure]) -> CellError:
    error = CellError.__new__(CellError)
    RuntimeError.__init__(error, message)
    error.experiment, error.failures = name, failures
    return error


@dataclass(frozen=True)
class Run:
    """What one run of an experiment did.

    Attributes
    ----------
    frame : DataFrame
        The tidy table.
    n_cells, computed, reused, carried : int
        Cells in the grid; computed now; found finished; taken over from the stored table, because their data is not
        available here and neither they nor their code have changed.
    not_run : list of dict
        Cells without rows, each with ``params`` and ``reason``.
    seconds : float
        Wall time of this run.
    path : Path
        The table's file.
    partial : bool
        True where `path` is in the cache, because the stored table has rows that could not be computed again here.
    """

    frame: pd.DataFrame
    n_cells: int
    computed: int
    reused: int
    carried: int
    not_run: list[dict[str, Any]]
    seconds: float
    path: Path
    partial: bool


class Experiment:
    """One table or figure: a function of one cell and the grid of its cells. Made by :func:`experiment`.

    Attributes
    ----------
    name, paper, title : str
    datasets : tuple of str
        The data sets its cells may use. A cell with a parameter ``dataset`` uses that one, a cell without uses all.
    measured : tuple of str
        Columns that are measured (seconds, ratios of times) and so differ from run to run.
    module : str
        Where it is defined.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        grid: Callable[[bool], Iterable[Mapping[str, Any]]],
        *,
        name: str,
        paper: str,
        title: str,
        datasets: tuple[str, ...],
        measured: tuple[str, ...],
    ) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.grid = grid
        self.name = name
        self.paper = paper
        self.title = title
        self.datasets = datasets
        self.measured = measured
        self.module = function.__module__
        self._top = function.__qualname__.partition(".")[0]
        self._code: str | None = None
        self._travelled = False
        self._imported = time.time()

    def __repr__(self) -> str:
        return f"<Experiment {self.name}: {self.title}>"

    def __call__(self, quick: bool = False, *, n_jobs: int | None = None, progress: bool | None = None) -> pd.DataFrame:
        """Run all cells that are not finished yet, write the table and return it; see :func:`run`."""
        return run(self, quick=quick, n_jobs=n_jobs, progress=progress).frame

    def cells(self, quick: bool = False) -> list[dict[str, Any]]:
        """The parameters of each cell, in the order of the table.

        Raises
        ------
        TypeError, ValueError
            If the grid gives parameters that the function does not take, that JSON cannot hold, or a cell twice, or a
            ``dataset`` that the experiment does not declare.
        """
        found = [plain_parameters(cell, f"cell {i} of {self.name}") for i, cell in enumerate(self.grid(quick))]
        seen: set[str] = set()
        for cell in found:
            text = canonical(cell)
            try:
                inspect.signature(self.function).bind(**cell)
            except TypeError as error:
                raise TypeError(f"{self.name} cannot be called with the cell {text}: {error}") from None
            if text in seen:
                raise ValueError(f"{self.name} has the cell {text} twice")
            if "dataset" in cell and cell["dataset"] not in self.datasets:
                raise ValueError(
                    f"the cell {text} of {self.name} uses a data set that the experiment does not declare; "
                    f"add it to datasets={self.datasets!r}"
                )
            seen.add(text)
        return found

    def code(self) -> str:
        """The digest of the code that a cell runs; see :mod:`fairclust.experiments.digest`.

        It is taken once per process: files that are edited during a long run do not change what is running.

        Raises
        ------
        SourceChanged
            If a file was edited between its import and the first call.
        """
        if self._code is None:
            self._code = self.code_on_disk()
            check_unchanged(self.module, self._top, self._imported)
        return self._code

    def code_on_disk(self) -> str:
        """The digest of the same code as the files hold it at this moment."""
        if self._travelled:  # its function came from the parent, and its module may be none that can be imported
            return str(self._code)
        return code_digest(self.module, self._top)

    def datasets_of(self, cell: Mapping[str, Any]) -> tuple[str, ...]:
        """The data sets that a cell depends on."""
        return (cell["dataset"],) if "dataset" in cell else self.datasets

    def run_cell(self, parameters: Mapping[str, Any]) -> pd.DataFrame:
        """Compute one cell, here and now: nothing is read from or written to the cache, errors come as they are."""
        checked = plain_parameters(parameters, f"the cell of {self.name}")
        return tabulate(self.compute(checked), first=checked).to_frame()

    def compute(self, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of one cell as plain values, parameters first; linear algebra on one thread."""
        with threadpool_limits(limits=1):
            rows = plain_rows(self.function(**parameters), parameters)
        for name in dict.fromkeys(name for row in rows for name in row):
            if _TIMING.search(name) and name not in self.measured and name not in parameters:
                raise ValueError(
                    f"column {name} looks like a time: the same seed would not give the same table. Leave it out "
                    f"(seconds per cell are in the provenance) or declare it: measured=({name!r},)"
                )
        return rows

    def __reduce__(self) -> Any:
        # Workers import the module and take the experiment from it; what cannot be found there travels whole.
        name = self.function.__qualname__
        if self.module != "__main__" and "<locals>" not in name and _imported(self.module, name) is self:
            return _imported, (self.module, name)
        return _rebuilt, (self.__dict__,)


def _imported(module: str, name: str) -> Any:
    value: Any = importlib.import_module(module)
    for part in name.split("."):
        value = getattr(value, part, None)
    return value


def _rebuilt(state: dict[str, Any]) -> Experiment:
    item = Experiment.__new__(Experiment)
    item.__dict__.update(state)
    item._travelled = True
    return item


def experiment(
    name: str,
    *,
    paper: str,
    title: str,
    datasets: Sequence[str] = (),
    grid: Callable[[bool], Iterable[Mapping[str, Any]]],
    measured: Sequence[str] = (),
) -> Callable[[Callable[..., Any]], Experiment]:
    """Make an experiment of a function that computes one cell.

    Parameters
    ----------
    name : str
        Small letters, digits, ``-``, ``_`` and ``.``; the results are ``<name>.csv`` and ``<name>.json``.
    paper : {"antidote", "welfare", "radii", "comparison", "performance"}
        Which ``fairclust reproduce`` runs it.
    title : str
        What it shows, in one line.
    datasets : sequence of str
        Names in ``fairclust.datasets.LOADERS``. Their content is part of a cell's key.
    grid : callable (quick: bool) -> iterable of dict
        The cells: keyword arguments of the function, values that JSON holds. ``quick`` asks for the same cells at a
        size that takes a minute in all.
    measured : sequence of str
        Columns that hold measured times or ratios of them. Such an experiment runs one cell at a time unless told
        otherwise, and :func:`~fairclust.experiments.recheck` passes over these columns.

    Returns
    -------
    decorator
        Turns the function, which takes keyword arguments and returns a list of flat dicts (or one dict, or a
        DataFrame), into an :class:`Experiment`.

    Raises
    ------
    ValueError
        If the name or the paper is none of these.

    Examples
    --------
    >>> @experiment("squares", paper="welfare", title="Squares", grid=lambda quick: [{"x": x} for x in range(3)])
    ... def squares(*, x):
    ...     return [{"square": x * x}]
    >>> squares.cells()
    [{'x': 0}, {'x': 1}, {'x': 2}]
    >>> squares.run_cell({"x": 2})
       x  square
    0  2       4
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise ValueError(
            f"experiment name {name!r} must be small letters, digits, '-', '_' and '.': it names two files"
        )
    if paper not in PAPERS:
        raise ValueError(f"paper {paper!r} of experiment {name} must be one of {', '.join(PAPERS)}")
    if isinstance(datasets, str) or isinstance(measured, str):
        raise ValueError(f"datasets and measured of experiment {name} must be tuples of names, not one text")

    def decorate(function: Callable[..., Any]) -> Experiment:
        return Experiment(
            function,
            grid,
            name=name,
            paper=paper,
            title=title,
            datasets=tuple(datasets),
            measured=tuple(measured),
        )

    return decorate


def run(
    item: Experiment,
    *,
    quick: bool = False,
    n_jobs: int | None = None,
    progress: bool | None = None,
    known: dict[str, DataState] | None = None,
) -> Run:
    """Compute what is missing of an experiment and write its table and its provenance.

    Parameters
    ----------
    item : Experiment
    quick : bool, default=False
        The quick grid; the table goes to the cache and the full-size results stay as they are.
    n_jobs : int, optional
        Processes; None means one per core, or 1 for an experiment with measured columns. 1 computes in this process.
    progress : bool, optional
        A bar on stderr; None means only on a terminal.
    known : dict, optional
        States of data sets found earlier, to be used again; see :func:`fairclust.experiments.data.look_for`.

    Returns
    -------
    Run

    Raises
    ------
    CellError
        If cells raised an error, after all others are finished and kept.
    ResultsError
        If there is no place for results; a WorkerDied if a worker process did.
    SourceChanged
        If a source file was edited after it was imported.
    KeyboardInterrupt
        On Ctrl-C; finished cells are kept and running the same again goes on from there.

    Notes
    -----
    The order of rows is the order of the grid, whatever finished first; the same code, data and seeds give the same
    bytes. Rows of cells whose data is not available are taken over from the stored table where they are still valid.
    Where they are not, the stored table is left alone and the new, thinner one goes to ``<cache>/partial``.
    """
    begin, start = started(), time.perf_counter()
    cells = item.cells(quick)
    folder = folder_of(quick=quick)  # raises before anything is computed if there is no place for the results
    git = git_state()
    states = look_for((name for cell in cells for name in item.datasets_of(cell)), known)
    plan = _plan(item, cells, states)
    reused, jobs = len(plan.finished), _jobs(item, n_jobs, len(plan.waiting))

    failures: dict[int, Failure] = {}
    with tqdm(
        total=len(plan.finished) + len(plan.waiting),
        initial=reused,
        desc=item.name,
        unit="cell",
        dynamic_ncols=True,
        smoothing=0.05,
        file=sys.stderr,
        disable=not (sys.stderr.isatty() if progress is None else progress),
    ) as bar:
        for index, failure in compute_cells(item, plan.waiting, jobs, bar):
            task = plan.waiting[index]
            if failure is not None:
                failures[index] = failure
                continue
            # Read back rather than passed on: a table is the same bytes whether its cells are old or new.
            kept = load_cell(task.path, task.key)
            if kept is None:
                raise ResultsError(f"the finished cell {canonical(task.parameters)} cannot be read back from the cache")
            plan.finished[index] = (task.key, kept)
    if failures:
        raise CellError(item, [failures[i] for i in sorted(failures)], len(cells), _command(item, quick))

    stored = read_stored(item, folder)
    carried, outdated = carry(item, cells, plan, stored)
    done = {**plan.finished, **carried}
    table = tabulate(
        [row for index in sorted(done) for row in done[index][1].rows],
        first=dict.fromkeys(name for cell in cells for name in cell),
    )
    not_run = [{"params": cells[i], "reason": why} for i, why in sorted(plan.absent.items()) if i not in carried]
    entries = [
        {"params": cells[i], "key": key[:KEY_DIGITS], "rows": len(cell.rows), "seconds": rounded(cell.seconds)}
        for i, (key, cell) in sorted(done.items())
    ]
    wall = time.perf_counter() - start
    provenance = {
        "experiment": item.name,
        "paper": item.paper,
        "title": item.title,
        "quick": quick,
        "command": _command(item, quick),
        "code": plan.code,
        **digests_of_data(states, (name for i in carried for name in item.datasets_of(cells[i])), stored),
        "git": git,
        **environment(),
        "measured": list(item.measured),
        "n_jobs": jobs,
        "started": begin,
        "seconds": summary_of_seconds([cell.seconds for _, cell in done.values()], wall),
        "computed": len(plan.waiting),
        "reused": reused,
        "carried": len(carried),
        "cells": entries,
        "not_run": not_run,
    }
    partial = bool(outdated) and not quick
    if partial:
        folder = folder_of(partial=True)
    if plan.waiting or partial or not says_the_same(stored, table, provenance):
        write_table(folder, item.name, table, provenance)
    return Run(
        frame=table.to_frame(),
        n_cells=len(cells),
        computed=len(plan.waiting),
        reused=reused,
        carried=len(carried),
        not_run=not_run,
        seconds=wall,
        path=folder / f"{item.name}.csv",
        partial=partial,
    )


def _plan(item: Experiment, cells: list[dict[str, Any]], states: Mapping[str, DataState]) -> Plan:
    plan = Plan(item.code(), {}, {}, {})
    folder = cache_folder() / "cells" / item.name
    sweep(folder)
    for index, cell in enumerate(cells):
        needed = {name: states[name] for name in item.datasets_of(cell)}
        reasons = [state.reason for state in needed.values() if state.reason is not None]
        if reasons:
            plan.absent[index] = "; ".join(reasons)
            continue
        key = cell_key(item.name, cell, {name: str(state.content) for name, state in needed.items()}, plan.code)
        task = Task(cell, key, folder / f"{key}.json", plan.code)
        kept = load_cell(task.path, key)
        if kept is None:
            plan.waiting[index] = task
        else:
            plan.finished[index] = (key, kept)
    return plan


def _jobs(item: Experiment, n_jobs: int | None, waiting: int) -> int:
    if n_jobs is None or n_jobs == -1:
        wanted = 1 if item.measured and n_jobs is None else joblib.cpu_count()
    elif isinstance(n_jobs, bool) or not isinstance(n_jobs, int) or n_jobs < 1:
        raise ValueError(f"n_jobs must be None, -1 or a positive number of processes, got {n_jobs!r}")
    else:
        wanted = n_jobs
    return max(1, min(wanted, waiting))


def _command(item: Experiment, quick: bool) -> str:
    return f"fairclust reproduce {item.paper} --only {item.name}" + (" --quick" if quick else "")
