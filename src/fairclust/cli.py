"""The ``fairclust`` command: what data is here, cluster a file, run the papers' experiments, show the verdicts.

Exit codes: 0 done; 1 a cell of an experiment failed; 2 wrong arguments or input (one line on stderr, the traceback
with ``--debug``); 130 stopped by Ctrl-C; 141 the reader of our output went away (``| head``).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import fairclust
from fairclust.methods import METHODS

__all__ = ["main"]

PAPERS = ("antidote", "welfare", "radii", "comparison", "performance")


class UsageError(Exception):
    """Something the user can put right; shown as one line."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name; None takes them from the command line.

    Returns
    -------
    int
        The exit code.

    Examples
    --------
    >>> main(["--version"])
    fairclust 0.1.0
    0
    """
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as stop:  # --help, --version, or wrong arguments, already reported
        return int(stop.code or 0)
    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        _say(f"\nfairclust: interrupted; {arguments.kept}")
        return 130
    except BrokenPipeError:
        # Python would complain once more when it flushes stdout at exit.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        if arguments.debug:
            traceback.print_exc()
        else:
            known = isinstance(error, (UsageError, ValueError, TypeError, OSError, KeyError, RuntimeError))
            text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
            hint = "" if known and text else f" ({type(error).__name__}; --debug shows the traceback)"
            _say(f"fairclust: error: {' '.join(text.split())}{hint}")
        return 2


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show an error's traceback")
    flag: Any = {"action": "store_true"}

    def add(commands: Any, name: str, text: str, examples: str, kept: str) -> argparse.ArgumentParser:
        parser = commands.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=f"examples:\n{examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[common],
        )
        parser.set_defaults(kept=kept)
        return parser  # type: ignore[no-any-return]

    top = argparse.ArgumentParser(
        prog="fairclust",
        description="Fair clustering: antidote data, welfare and fair radii; the experiments and their verdicts.",
        epilog="examples:\n"
        "  fairclust data                                 which data sets are here\n"
        "  fairclust fit people.csv --method kmeans --groups sex --k 5 -o out.csv\n"
        "  fairclust reproduce welfare --quick            a paper's experiments, at a size that takes a minute\n"
        "  fairclust scorecard                            the verdict on every claim of the papers\n\n"
        "Each command has its own --help.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"fairclust {fairclust.__version__}")
    top.add_argument("--debug", **flag, help="show an error's traceback")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    data = add(
        commands,
        "data",
        "list the data sets: which are here, where, under which licence; or fetch some",
        "  fairclust data\n  fairclust data --json\n  fairclust data fetch bank_full diabetes",
        "no file was left half-written",
    )
    data.add_argument("--json", **flag, help="a list of objects instead of a table")
    data.set_defaults(run=_data)
    fetch = add(
        data.add_subparsers(metavar="fetch"),
        "fetch",
        "get data sets from FAIRCLUST_DATA, the cache or the internet, checked by SHA-256",
        "  fairclust data fetch bank_full",
        "run the same again to go on",
    )
    fetch.add_argument("names", nargs="+", metavar="NAME", help="as listed by `fairclust data`")
    fetch.set_defaults(run=_fetch)

    fit = add(
        commands,
        "fit",
        "cluster the rows of a CSV file and report how fair the clustering is",
        "  fairclust fit people.csv --method kmeans --groups sex --k 5 -o out.csv\n"
        "  fairclust fit people.csv --method jungkannanlutz --groups race --k 10 --columns age,income "
        f"--standardize -o out.csv\n\n{_methods()}",
        "nothing was written",
    )
    fit.add_argument("csv", type=Path, metavar="data.csv", help="a CSV file with one header line")
    fit.add_argument(
        "--method", required=True, choices=list(METHODS), metavar="METHOD", help="one of the methods below"
    )
    fit.add_argument("--groups", metavar="COLUMN", help="the column with each row's group; none: one group")
    fit.add_argument("--k", type=int, required=True, help="the number of clusters")
    fit.add_argument("--columns", metavar="A,B,C", help="the columns to cluster by (default: all but the groups)")
    fit.add_argument("--standardize", **flag, help="give each column mean 0 and standard deviation 1 first")
    fit.add_argument(
        "-o", "--output", type=Path, required=True, metavar="out.csv", help="the input and a column `cluster`"
    )
    fit.add_argument("--random-state", type=int, default=0, metavar="SEED", help="the seed (default: %(default)s)")
    fit.add_argument("--sep", default=",", help="the separator of the CSV file (default: a comma)")
    fit.add_argument("--force", **flag, help="overwrite an output file that exists")
    fit.set_defaults(run=_fit)

    reproduce = add(
        commands,
        "reproduce",
        "run the papers' experiments; finished cells are kept, so a second run goes on where the first one stopped",
        "  fairclust reproduce --list\n"
        "  fairclust reproduce antidote --quick\n"
        "  fairclust reproduce welfare --only figure-3 --jobs 2\n"
        "  fairclust reproduce all",
        "finished cells are kept: the same command goes on from here",
    )
    papers = [*PAPERS, "all"]
    reproduce.add_argument("paper", nargs="?", default="all", choices=papers, metavar="PAPER", help="%(choices)s")
    names = "experiments of this name, or with this text in their name"
    reproduce.add_argument("--only", nargs="+", action="extend", metavar="NAME", help=names)
    reproduce.add_argument("--quick", **flag, help="a small grid; its tables go to the cache, not to book/results")
    reproduce.add_argument(
        "--jobs", type=int, metavar="N", help="processes (default: one per core; 1 to measure times)"
    )
    reproduce.add_argument("--list", **flag, help="show the experiments and run nothing")
    reproduce.add_argument("--cell", metavar="JSON", help="compute one cell of one experiment, print it, store nothing")
    reproduce.set_defaults(run=_reproduce)

    scorecard = add(
        commands,
        "scorecard",
        "show the verdict on every claim of the papers, computed from the stored results",
        "  fairclust scorecard\n  fairclust scorecard --paper radii --json",
        "nothing was changed",
    )
    scorecard.add_argument("--paper", choices=PAPERS[:3], metavar="PAPER", help="only its claims: %(choices)s")
    scorecard.add_argument("--json", **flag, help="a list of objects: id, paper, source, verdict, reason, ...")
    scorecard.set_defaults(run=_scorecard)
    return top


def _methods() -> str:
    """Every method, what it is made for, and the paper."""
    return _table(
        ["method", "what it is", "made for", "paper"],
        [[name, method.title, method.notion, method.source] for name, method in METHODS.items()],
    )


def _data(arguments: argparse.Namespace) -> int:
    from fairclust.datasets import inventory

    frame = inventory()
    records = [{str(name): _plain(value) for name, value in row.items()} for row in frame.to_dict("records")]
    if arguments.json:
        print(json.dumps(records, indent=2, ensure_ascii=False))
    else:
        print(_table([str(c) for c in frame.columns], [list(record.values()) for record in records]))
    return 0


def _fetch(arguments: argparse.Namespace) -> int:
    from fairclust.datasets import LOADERS

    unknown = [name for name in arguments.names if name not in LOADERS]
    if unknown:
        raise UsageError(f"no data set is called {', '.join(unknown)}; there are {', '.join(sorted(LOADERS))}")
    missing = []
    for name in dict.fromkeys(arguments.names):
        try:
            loaded = LOADERS[name]()
        except OSError as error:
            if arguments.debug:
                traceback.print_exc()
            missing.append(name)
            _say(f"fairclust: {error}")
        else:
            print(f"{name}: {len(loaded.X):,} rows x {loaded.X.shape[1]} columns, sha256 {loaded.sha256}")
    if missing:
        raise UsageError(f"not available: {', '.join(missing)}")
    return 0


def _reproduce(arguments: argparse.Namespace) -> int:
    from fairclust.experiments import CellError, WorkerDied, all_experiments, find_experiment, run

    found = all_experiments(None if arguments.paper == "all" else arguments.paper)
    chosen = _matching(found, arguments.only, arguments.paper)
    if arguments.list:
        rows = [
            [e.name, e.paper, len(e.cells(arguments.quick)), _last_time(e.name, arguments.quick)[0], e.title]
            for e in chosen.values()
        ]
        print(_table(["experiment", "paper", "cells", "last time", "title"], rows))
        return 0
    if arguments.jobs is not None and arguments.jobs < 1:
        raise UsageError(f"--jobs must be at least 1, got {arguments.jobs}")
    if arguments.cell is not None:
        if len(chosen) != 1:
            raise UsageError(f"--cell needs exactly one experiment; --only names {', '.join(chosen) or 'none'}")
        try:
            parameters = json.loads(arguments.cell)
        except ValueError as error:
            raise UsageError(f"--cell must be a JSON object of parameters: {error}") from None
        print(find_experiment(next(iter(chosen))).run_cell(parameters).to_string(index=False))
        return 0
    if not chosen:
        print(f"there are no experiments for {arguments.paper} yet")
        return 0

    print(
        _forecast(list(chosen), sum(len(e.cells(arguments.quick)) for e in chosen.values()), arguments.quick),
        flush=True,
    )
    for item in chosen.values():
        item.code()  # now: files that are edited during a long run must not be taken for what is running
    rows, reasons, failed, known = [], [], [], {}  # type: ignore[var-annotated]
    for name, item in chosen.items():
        start = time.perf_counter()
        try:
            done = run(item, quick=arguments.quick, n_jobs=arguments.jobs, known=known)
        except (CellError, WorkerDied) as error:
            failed.append(name)
            _say(f"fairclust: {error}")
            if arguments.debug and isinstance(error, CellError):
                _say("".join(failure.traceback for failure in error.failures))
            rows.append(
                [name, len(item.cells(arguments.quick)), "", "", f"{time.perf_counter() - start:.1f}", "FAILED"]
            )
            continue
        where = _relative(done.path) + (" (partial: the stored table was left alone)" if done.partial else "")
        rows.append([name, done.n_cells, done.reused + done.carried, len(done.not_run), f"{done.seconds:.1f}", where])
        reasons += [f"{name}: {entry['reason']}" for entry in done.not_run]
    print(_table(["experiment", "cells", "reused", "not run", "seconds", "file"], rows))
    for reason in dict.fromkeys(reasons):
        print(f"not run: {reasons.count(reason)} cells of {reason}")
    if failed:
        _say(f"fairclust: error: {', '.join(failed)} failed; finished cells are kept")
    return 1 if failed else 0


def _matching(found: dict[str, Any], only: Sequence[str] | None, paper: str) -> dict[str, Any]:
    """The experiments that --only asks for: by name, else by a part of the name."""
    if not only:
        return found
    chosen: set[str] = set()
    for text in only:
        matching = {text} if text in found else {name for name in found if text in name}
        if not matching:
            raise UsageError(
                f"no experiment of {paper} has {text!r} in its name; there are {', '.join(found) or 'none'}"
            )
        chosen |= matching
    return {name: item for name, item in found.items() if name in chosen}


def _last_time(name: str, quick: bool) -> tuple[str, float | None]:
    from fairclust.experiments import ResultsError, read_provenance

    try:
        seconds = float(read_provenance(name, quick=quick)["seconds"]["cells"])
    except (ResultsError, KeyError, TypeError, ValueError):
        return "never run", None
    return _duration(seconds), seconds


def _forecast(names: list[str], n_cells: int, quick: bool) -> str:
    times = [_last_time(name, quick)[1] for name in names]
    known = [seconds for seconds in times if seconds is not None]
    text = f"{len(names)} experiment{'s' * (len(names) != 1)}, {n_cells} cells"
    if known:
        text += (
            f"; {_duration(sum(known))} of computing on one core last time, less what is kept and shared among cores"
        )
    if len(known) < len(names):
        text += f"; {len(names) - len(known)} never run before"
    return text


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{max(1, math.ceil(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _scorecard(arguments: argparse.Namespace) -> int:
    from fairclust.claims import scorecard

    judged = [claim for claim in scorecard() if arguments.paper in (None, claim.paper)]
    if arguments.json:
        print(json.dumps([_plain(claim.as_dict()) for claim in judged], indent=2, ensure_ascii=False))
        return 0
    rows = [[c.id, c.paper, c.source, str(c.verdict), c.reason] for c in judged]
    print(_table(["id", "paper", "source", "verdict", "reason"], rows))
    verdicts = ("reproduced", "partly", "not reproduced", "not run")
    counts = [f"{sum(str(c.verdict) == verdict for c in judged)} {verdict}" for verdict in verdicts]
    print(f"\n{len(judged)} claims: {', '.join(counts)}")
    return 0


def _fit(arguments: argparse.Namespace) -> int:
    from sklearn.preprocessing import StandardScaler

    from fairclust._csv_input import read_csv_text
    from fairclust.experiments.store import atomic_write
    from fairclust.metrics import FairnessReport

    source, output = arguments.csv, arguments.output
    if not source.is_file():
        raise UsageError(f"{source} is not a file")
    if output.exists() and output.samefile(source):
        raise UsageError(f"the output {output} is the input; give another name")
    if output.exists() and not arguments.force:
        raise UsageError(f"{output} exists; --force overwrites it")
    if not output.parent.is_dir():
        raise UsageError(f"there is no folder {output.parent} for the output")
    table = read_csv_text(source, arguments.sep)
    if "cluster" in table.header:
        raise UsageError(f"{source} already has a column called cluster; rename it")
    sensitive = None if arguments.groups is None else table.labels(arguments.groups)
    named = None if arguments.columns is None else [name.strip() for name in arguments.columns.split(",")]
    X = table.numbers(table.numeric_columns(named, without=arguments.groups))
    if not 1 <= arguments.k <= len(X):
        raise UsageError(f"--k must be between 1 and the number of rows, {len(X)}; got {arguments.k}")
    if arguments.standardize:
        X = StandardScaler().fit_transform(X)
    with _elapsed(f"{arguments.method}, {len(X):,} rows x {X.shape[1]} columns, k = {arguments.k}"):
        model = METHODS[arguments.method].make(arguments.k, arguments.random_state)
        model.fit(X, sensitive_features=sensitive)
        centers = getattr(model, "cluster_centers_", None)
        # Methods that promise radii are judged by them, too.
        report = FairnessReport(
            X,
            model.labels_,
            X[model.center_indices_] if centers is None else centers,
            sensitive,
            radii=getattr(model, "radii_", None),
        )
    atomic_write(output, table.with_column("cluster", model.labels_.tolist()))
    print(report)
    print(f"\n{len(X):,} rows written to {output}")
    return 0


@contextlib.contextmanager
def _elapsed(what: str) -> Iterator[None]:
    """On a terminal, show that something is going on once it takes longer than two seconds."""
    done = threading.Event()

    def watch() -> None:
        start = time.perf_counter()
        shown = False
        while not done.wait(2.0 if not shown else 0.5):
            shown = True
            sys.stderr.write(f"\r{what}: {time.perf_counter() - start:.0f} s ")
            sys.stderr.flush()
        if shown:
            sys.stderr.write("\r\033[K")

    thread = threading.Thread(target=watch, daemon=True) if sys.stderr.isatty() else None
    if thread:
        thread.start()
    try:
        yield
    finally:
        done.set()
        if thread:
            thread.join()


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Columns side by side, numbers to the right; on a terminal the last column is cut at its edge."""
    cells = [[_cell(value) for value in row] for row in rows]
    right = [bool(cells) and all(_is_number(row[i]) for row in cells) for i in range(len(header))]
    widths = [max(len(line[i]) for line in [list(header), *cells]) for i in range(len(header))]
    lines = []
    for line in [list(header), ["-" * width for width in widths], *cells]:
        text = "  ".join(v.rjust(w) if r else v.ljust(w) for v, w, r in zip(line, widths, right, strict=True)).rstrip()
        if sys.stdout.isatty():
            edge = shutil.get_terminal_size().columns
            text = text if len(text) <= edge else text[: edge - 1] + "…"
        lines.append(text)
    return "\n".join(lines)


def _cell(value: Any) -> str:
    plain = _plain(value)
    if plain is None:
        return ""
    return f"{plain:,}" if isinstance(plain, int) and not isinstance(plain, bool) else " ".join(str(plain).split())


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "") or "0")
    except ValueError:
        return False
    return True


def _plain(value: Any) -> Any:
    """A value as JSON holds it; missing values and numbers that JSON lacks become null or text."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    return None if str(value) in ("<NA>", "NaT") else str(value)


def _relative(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(path.resolve().relative_to(Path.cwd()))
    return str(path)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
