r"""What a stored number depends on: a digest of the code below a cell.

The *code digest* of an experiment is the SHA-256 of the syntax trees of the function that computes a cell and of every
definition in its own package or in fairclust that this function reaches: functions, classes and constants by their
names, through imports, however deep. A changed formula anywhere below a number changes the digest. These do not:

- comments, docstrings, blank lines and line breaks;
- definitions that are not reached, so that a new experiment, or a new function beside the ones in use, leaves what is
  stored valid;
- the ``@experiment(...)`` line, so that a longer grid or a better title does, too;
- what runs, keeps and reads experiments, and `fairclust.datasets`: they compute nothing that is stored. What a loader
  returns enters the key of a cell by its content (:func:`fairclust.experiments.data.data_digest`).

It is read from the source and never depends on what ran before. Wherever a name could stand for more than the source
shows (``import package`` and its attributes, ``*``, ``globals()``, a lazy ``__getattr__``), all of that module counts.
Statements at the top of a module that define nothing, such as a call, count as soon as anything of the module does.
A module that is imported by a computed name (``import_module(variable)``) is not seen.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

__all__ = ["SourceChanged", "check_unchanged", "code_digest", "reached", "source_digest"]

#: Modules (and all below them) whose code does not enter the numbers.
LEFT_OUT = (
    "fairclust.datasets",
    "fairclust.experiments.assembly",
    "fairclust.experiments.data",
    "fairclust.experiments.digest",
    "fairclust.experiments.pool",
    "fairclust.experiments.provenance",
    "fairclust.experiments.recheck",
    "fairclust.experiments.registry",
    "fairclust.experiments.results",
    "fairclust.experiments.runner",
    "fairclust.experiments.store",
    "fairclust.experiments.tables",
)

#: In place of a name: all of a module; its statements that define nothing.
ALL = "*"
EFFECTS = ""

#: Names that give a way around names: a statement with one of them reaches all of its module.
OPEN = {"globals", "vars", "eval", "exec", "__import__"}


class SourceChanged(RuntimeError):
    """A file was edited after this process had imported it, so its digest would not describe what runs."""


def code_digest(module: str, name: str = ALL) -> str:
    """The SHA-256 of the code that a function runs: its own and all that it reaches in its package and in fairclust.

    Parameters
    ----------
    module : str
        Dotted name of an importable module with a source file.
    name : str, default="*"
        A function, class or constant at its top level; ``"*"`` for all of them.

    Returns
    -------
    str
        64 hexadecimal digits, the same on every supported Python version.

    Raises
    ------
    ModuleNotFoundError
        If `module` has no source file.

    Notes
    -----
    O(size of the sources); each file is parsed once per process and state of the file.

    Examples
    --------
    >>> len(code_digest("fairclust.groups", "encode_groups"))
    64
    """
    total = hashlib.sha256()
    for key, digest in sorted(_reach(module, name)[0].items()):
        total.update(f"{key} {digest}\n".encode())
    return total.hexdigest()


def check_unchanged(module: str, name: str, imported: float) -> None:
    """Make sure that the files behind a digest are what this process runs.

    A process goes on with the code that it imported, whatever happens to the files. A digest of edited files would
    then vouch for numbers that they did not give.

    Parameters
    ----------
    module, name : str
        As for :func:`code_digest`.
    imported : float
        When `module` was imported, in seconds since the epoch. Other files of fairclust may have been imported at any
        time since the process started, and are held against that.

    Raises
    ------
    SourceChanged
        If a file that is reached was written later.
    """
    for reached_module, path in sorted(_reach(module, name)[1].items()):
        early = reached_module.startswith("fairclust.") and reached_module != module
        if path.stat().st_mtime > (_STARTED if early else imported):
            raise SourceChanged(
                f"{reached_module} ({path.name}) was changed after this process had started: what would run is not "
                "what is in the file. Start again (a notebook: restart the kernel)"
            )


def reached(module: str, name: str = ALL) -> list[str]:
    """The definitions that enter :func:`code_digest`, each as ``module:name``.

    Examples
    --------
    >>> reached("fairclust._validation", "check_power")
    ['fairclust._validation:check_number', 'fairclust._validation:check_power']
    """
    return sorted({key.partition("#")[0] for key in _reach(module, name)[0] if " import " not in key})


def source_digest(source: str) -> str:
    """The SHA-256 of a syntax tree without docstrings, comments and positions.

    Examples
    --------
    >>> source_digest("x = 1  # one") == source_digest("x = (1)")
    True
    >>> source_digest("x = 1") == source_digest("x = 2")
    False
    """
    return _hash(ast.parse(source))


@dataclass(frozen=True)
class _Statement:
    """A top-level statement that is not an import: what it defines, what it mentions, what it imports inside."""

    names: tuple[str, ...]
    digest: str
    mentions: frozenset[str]
    imports: tuple[tuple[str, str], ...]


@dataclass
class _Module:
    """The top level of a file, taken apart."""

    statements: list[_Statement] = field(default_factory=list)
    imported: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # alias -> (module, member)
    stars: list[str] = field(default_factory=list)
    effects: list[tuple[str, str]] = field(default_factory=list)  # plain imports of dotted names, for what they do


def _reach(module: str, name: str) -> tuple[dict[str, str], dict[str, Path]]:
    """What is reached: each definition, ``module:name#number``, and import that leads out -> digest; and the files."""
    if _find(module) is None:
        raise ModuleNotFoundError(
            f"module {module} has no source file; an experiment must live in a module that can be imported by its name"
        )
    roots = {module.partition(".")[0], "fairclust"}
    found: dict[str, str] = {}
    files: dict[str, Path] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(module, name if _defines(module, name) else ALL)]
    while waiting:
        pair = here, wanted = waiting.pop()
        path = _find(here)
        if pair in seen or path is None:
            continue
        seen.add(pair)
        files[here] = path
        parsed = _parse(path, _stamp(path), here)
        waiting.append((here, EFFECTS))
        count: Counter[tuple[str, ...]] = Counter()
        for statement in parsed.statements:
            count[statement.names] += 1
            if wanted == ALL or wanted in statement.names or (wanted == EFFECTS and not statement.names):
                found[f"{here}:{','.join(statement.names)}#{count[statement.names]}"] = statement.digest
                waiting += [(here, mention) for mention in statement.mentions]
                waiting += _outward(statement.imports, roots, here, found)
                if statement.mentions & OPEN:
                    waiting.append((here, ALL))
        if wanted == EFFECTS:
            inside = [pair for pair in parsed.effects if pair[0].partition(".")[0] in roots]
            waiting += _outward(inside, roots, here, found)
        for alias in parsed.imported if wanted == ALL else [wanted]:
            waiting += _outward(parsed.imported.get(alias, ()), roots, here, found)
        if wanted not in (ALL, EFFECTS) and not _defines(here, wanted):
            waiting += _elsewhere(path, parsed, here, wanted)
    return found, files


def _outward(
    imports: Iterable[tuple[str, str]], roots: set[str], here: str, found: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """What to follow of some imports; those that lead out of the packages are noted by name."""
    for target, member in imports:
        inside = target.partition(".")[0] in roots
        if inside and member != ALL and _find(f"{target}.{member}") is not None and not _defines(target, member):
            target, member = f"{target}.{member}", ALL
        if inside and not any(target == part or target.startswith(part + ".") for part in LEFT_OUT):
            yield target, member
        else:
            found[f"{here} import {target} {member}"] = ""


def _elsewhere(path: Path, parsed: _Module, here: str, wanted: str) -> list[tuple[str, str]]:
    """Where a name may come from that the module does not define: stars, or a lazy ``__getattr__``."""
    places = [(star, wanted) for star in parsed.stars]
    if path.name == "__init__.py" and any("__getattr__" in statement.names for statement in parsed.statements):
        # Any module of the package may be behind it.
        files = (p for p in sorted(path.parent.iterdir()) if p.suffix == ".py" or (p / "__init__.py").is_file())
        places += [(here, ALL), *((f"{here}.{p.stem}", ALL) for p in files if p.stem != "__init__")]
    return places


def _defines(module: str, name: str) -> bool:
    path = _find(module)
    if path is None:
        return False
    parsed = _parse(path, _stamp(path), module)
    return name in parsed.imported or any(name in statement.names for statement in parsed.statements)


@cache
def _parse(path: Path, stamp: tuple[int, int], module: str) -> _Module:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    parsed = _Module()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if _is_remark(node) or _is_type_checking(node):
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            _add_import(parsed, node, package)
            continue
        names = _bound(node)
        if names == ("__all__",):
            continue
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.decorator_list = [d for d in node.decorator_list if not _is_experiment(d)]
        inner = [child for child in ast.walk(node) if isinstance(child, (ast.Import, ast.ImportFrom))]
        parsed.statements.append(
            _Statement(
                names=names,
                digest=_hash(node),
                mentions=frozenset(c.id for c in ast.walk(node) if isinstance(c, ast.Name)) - set(names),
                imports=tuple(pair for child in inner for _, pair in _pairs(child, package)) + _dynamic(node),
            )
        )
    return parsed


def _add_import(parsed: _Module, node: ast.Import | ast.ImportFrom, package: str) -> None:
    for alias, (target, member) in _pairs(node, package):
        if isinstance(node, ast.Import) and alias != target and "." in target and alias == target.partition(".")[0]:
            parsed.effects.append((target, ALL))
        elif isinstance(node, ast.ImportFrom) and alias == ALL:
            parsed.stars.append(target)
        parsed.imported.setdefault(alias, []).append((target, member))


def _pairs(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """(name it gets, (module, member)) of an import statement."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0], (alias.name, ALL)
        return
    origin = node.module or ""
    if node.level:
        parts = package.split(".")
        origin = ".".join([*parts[: len(parts) - (node.level - 1)], *([origin] if origin else [])])
    for alias in node.names:
        yield alias.asname or alias.name, (origin, alias.name)


def _dynamic(node: ast.AST) -> tuple[tuple[str, str], ...]:
    """``import_module("a.b")`` with the name written out."""
    return tuple(
        (str(call.args[0].value), ALL)
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and getattr(call.func, "attr", getattr(call.func, "id", "")) == "import_module"
        and call.args
        and isinstance(call.args[0], ast.Constant)
    )


def _bound(node: ast.stmt) -> tuple[str, ...]:
    """The names that a definition defines; none for a statement that may do anything else, too."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return (node.name,)
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        flat = [part for t in targets for part in (t.elts if isinstance(t, (ast.Tuple, ast.List)) else [t])]
        if all(isinstance(part, ast.Name) for part in flat):
            return tuple(part.id for part in flat if isinstance(part, ast.Name))
    return ()


def _is_experiment(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return "experiment" in (getattr(called, "id", None), getattr(called, "attr", None))


def _is_type_checking(node: ast.stmt) -> bool:
    test = getattr(node, "test", None) if isinstance(node, ast.If) else None
    # With an else branch it does run.
    names = (getattr(test, "id", None), getattr(test, "attr", None))
    return isinstance(node, ast.If) and not node.orelse and "TYPE_CHECKING" in names


def _is_remark(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _hash(node: ast.AST) -> str:
    return hashlib.sha256("".join(_canonical(node)).encode()).hexdigest()


def _canonical(node: object) -> Iterator[str]:
    # Not ast.dump: what it prints differs between Python versions (empty fields, type_params, kind).
    if isinstance(node, ast.AST):
        yield f"({type(node).__name__}"
        for name, value in ast.iter_fields(node):
            if isinstance(node, ast.JoinedStr):
                value = _joined(value)
            if value is None or value == [] or name in ("ctx", "kind", "type_comment", "type_ignores"):
                continue
            yield f" {name}="
            yield from _canonical(value)
        yield ")"
    elif isinstance(node, list):
        yield "["
        for item in node:
            # A string that stands alone is a docstring or a remark: it computes nothing.
            if not _is_remark(item):
                yield from _canonical(item)
        yield "]"
    else:
        yield f"{type(node).__name__}:{node!r}"


def _joined(parts: list[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string; neighbouring pieces of text, which Python versions cut differently, become one."""
    joined: list[ast.expr] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, ast.Constant) and isinstance(last, ast.Constant):
            joined[-1] = ast.Constant(str(last.value) + str(part.value))
        else:
            joined.append(part)
    return joined


def _stamp(path: Path) -> tuple[int, int]:
    """What tells a changed file from the one that was parsed before in this process."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _root(package: str) -> Path | None:
    """The file of a top-level module or package; nothing is imported to find it."""
    loaded = sys.modules.get(package)
    origin = getattr(loaded, "__file__", None)
    if loaded is None:
        spec = importlib.util.find_spec(package)
        origin = None if spec is None else spec.origin
    return Path(origin) if origin is not None and origin.endswith(".py") else None


def _started() -> float:
    """When this process started, in seconds since the epoch; where that cannot be had, the import of this module."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        boot = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime"))
        return int(boot.split()[1]) + ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, StopIteration, AttributeError):
        return time.time()


_STARTED = _started()


def _find(module: str) -> Path | None:
    """The source file of a dotted name, or None."""
    top, *rest = module.split(".")
    root = _root(top)
    if root is not None and not rest:
        return root
    if root is not None and root.name == "__init__.py":
        base = root.parent.joinpath(*rest)
        for candidate in (base / "__init__.py", base.with_name(base.name + ".py")):
            if candidate.is_file():
                return candidate
    # A module that was loaded by its path, as pytest does.
    file = getattr(sys.modules.get(module), "__file__", None)
    return Path(file) if file is not None and file.endswith(".py") else None
