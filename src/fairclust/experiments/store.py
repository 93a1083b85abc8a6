r"""Finished cells, one file each, so that a killed run loses at most the cells in hand.

A cell's file is named after its key, the SHA-256 of everything its rows depend on: the experiment's name, the cell's
parameters, the data and the code (:mod:`fairclust.experiments.digest`). A file under that name is therefore either
the right answer or damaged, and a checksum inside tells which. Files are written beside their place and moved there:
a reader never sees half of one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Cell", "atomic_write", "canonical", "cell_key", "load_cell", "save_cell", "sweep"]

#: Raise when the meaning of a stored cell changes; every stored cell is then computed again.
FORMAT = 1


@dataclass(frozen=True)
class Cell:
    """What one cell gave: its rows and the seconds it took."""

    rows: list[dict[str, Any]]
    seconds: float


def canonical(value: Any) -> str:
    """One JSON text per value: sorted keys, no spaces, floats by their shortest exact text.

    Examples
    --------
    >>> canonical({"b": 0.1, "a": [1, None]})
    '{"a":[1,null],"b":0.1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def cell_key(experiment: str, parameters: Mapping[str, Any], data: Mapping[str, str], code: str) -> str:
    """The SHA-256 of all that a cell's rows depend on; 64 hexadecimal digits."""
    return _digest([FORMAT, experiment, dict(parameters), dict(data), code])


def save_cell(path: Path, key: str, cell: Cell) -> None:
    """Keep a finished cell."""
    payload = {"key": key, "rows": cell.rows, "seconds": cell.seconds}
    # Not the canonical text: the order of a row's columns is the order of the table's.
    atomic_write(path, json.dumps({"checksum": _digest(payload), "payload": payload}, ensure_ascii=False).encode())


def load_cell(path: Path, key: str) -> Cell | None:
    """A kept cell, or None if there is none or its file is damaged (then it is computed again)."""
    try:
        kept = json.loads(path.read_bytes())
        payload = kept["payload"]
        if kept["checksum"] == _digest(payload) and payload["key"] == key:
            return Cell(payload["rows"], float(payload["seconds"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def atomic_write(path: Path, data: bytes) -> None:
    """Write a file so that at every moment, a crash included, `path` holds all of the old bytes or all of the new.

    Parameters
    ----------
    path : Path
        Its folder is made if need be.
    data : bytes
        The whole content.

    Raises
    ------
    OSError
        If the folder cannot be written to or the disk is full; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name[:80]}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with open(beside, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    with contextlib.suppress(OSError, AttributeError):  # not every platform can sync a folder
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def sweep(folder: Path, older_than: float = 3600.0) -> None:
    """Delete what killed processes left unfinished in a folder; younger files may belong to a run that is alive."""
    for file in folder.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - file.stat().st_mtime > older_than:
                file.unlink()


def _digest(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()
