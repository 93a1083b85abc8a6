"""Compute cells in this process or in several, and keep each the moment it is done."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import joblib
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError

from fairclust.experiments.digest import SourceChanged
from fairclust.experiments.results import ResultsError
from fairclust.experiments.store import Cell, save_cell

__all__ = ["Computable", "Failure", "Task", "WorkerDied", "compute_cells"]


class WorkerDied(ResultsError):
    """A worker process ended without an answer; all cells that were finished are kept."""


class Computable(Protocol):
    """What computes the rows of a cell: an experiment."""

    name: str

    def code_on_disk(self) -> str:
        """The digest of the code that a cell runs, as the files hold it at this moment."""

    def compute(self, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of one cell as plain values."""


@dataclass(frozen=True)
class Task:
    """A cell to compute: its parameters, its key, the file to keep it in, and the digest of the code it is to run."""

    parameters: dict[str, Any]
    key: str
    path: Path
    code: str


@dataclass(frozen=True)
class Failure:
    """A cell that raised: its parameters, the error in one line, and the traceback as text."""

    parameters: dict[str, Any]
    error: str
    traceback: str


def compute_cells(
    item: Computable, waiting: dict[int, Task], jobs: int, bar: Any
) -> Iterator[tuple[int, Failure | None]]:
    """Compute the waiting cells and keep them.

    Parameters
    ----------
    item : Computable
        Must be picklable if ``jobs > 1``.
    waiting : dict of int -> Task
    jobs : int
        Processes; 1 computes here.
    bar : tqdm
        Moves on by one for each cell.

    Yields
    ------
    (int, Failure or None)
        The cell's number, in order of completion.

    Raises
    ------
    WorkerDied
        If a worker process was killed, or ran out of memory.
    SourceChanged
        If a worker imported other code than this process did.
    """
    if jobs == 1:
        for index, task in waiting.items():
            bar.set_postfix_str(_short(task.parameters))
            outcome = _work(item, index, task, None)
            bar.update()
            yield outcome
        return
    _refresh_workers()
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        pool = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
    with _deaf_to_interrupts():
        outcomes = pool(joblib.delayed(_work)(item, i, task, os.getpid()) for i, task in waiting.items())
    try:
        for outcome in outcomes:
            bar.set_postfix_str(_short(waiting[outcome[0]].parameters), refresh=False)
            bar.update()
            yield outcome
    except TerminatedWorkerError as error:
        raise WorkerDied(
            f"a worker process of {item.name} died (killed, or out of memory); finished cells are kept. "
            "Run the same again to go on, with fewer --jobs if memory is short"
        ) from error
    except SourceChanged:
        get_reusable_executor().shutdown(wait=True)  # its processes hold the old code
        raise
    finally:
        with warnings.catch_warnings():
            # Leaving early, as Ctrl-C does, loses nothing here; joblib cannot know that.
            warnings.simplefilter("ignore", UserWarning)
            outcomes.close()


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Start the workers with Ctrl-C ignored, which they inherit: the parent hears it, and ends them.

    A terminal sends it to them, too, and each would print a traceback.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_environment: dict[str, str] = {}


def _refresh_workers() -> None:
    """Renew the processes that joblib keeps from one call to the next if the environment is no longer theirs.

    Else a FAIRCLUST_DATA that was set in between would be seen here and not there.
    """
    global _environment
    if _environment and _environment != dict(os.environ):
        get_reusable_executor().shutdown(wait=True)
    _environment = dict(os.environ)


def _work(item: Computable, index: int, task: Task, parent: int | None) -> tuple[int, Failure | None]:
    """Compute one cell and keep it; runs in a worker, or with ``parent=None`` in the process itself."""
    if parent is not None:
        _settle_worker(parent)
        _check_code(item, task.code)
    try:
        start = time.perf_counter()
        rows = item.compute(task.parameters)
        save_cell(task.path, task.key, Cell(rows, time.perf_counter() - start))
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        return index, Failure(task.parameters, f"{type(error).__name__}: {text}", traceback.format_exc())
    return index, None


@functools.lru_cache(maxsize=64)
def _code_at_first_cell(item: Computable) -> str:
    return item.code_on_disk()


def _check_code(item: Computable, code: str) -> None:
    """Make sure that what this worker imported is what the parent took the digest of.

    The parent did so before this worker imported anything of the experiment. If the files say the same afterwards,
    they said so in between, too.
    """
    if _code_at_first_cell(item) != code:  # type: ignore[arg-type]  # an Experiment is hashable by identity
        raise SourceChanged(f"the code of {item.name} was changed while it was running; run the same again")


_settled = False


def _settle_worker(parent: int) -> None:
    """Once per worker: do not outlive the parent.

    A worker of a parent that was killed would otherwise go on for minutes, beside the rerun that takes its place.
    """
    global _settled
    if _settled:
        return
    _settled = True
    if os.name == "posix":
        threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def _short(parameters: Mapping[str, Any]) -> str:
    text = " ".join(f"{name}={value}" for name, value in parameters.items())
    return text if len(text) <= 60 else text[:57] + "..."
