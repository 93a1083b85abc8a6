"""Which data sets a run has, and a digest of what each of them holds."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["DataState", "data_digest", "look_for"]

#: An absolute path, or one below a home folder.
_PATH = re.compile(r"(?<![\w:/])(?:[A-Za-z]:)?[/\\~][^\s,;:()]+")


@dataclass(frozen=True)
class DataState:
    """One data set as an experiment sees it.

    Attributes
    ----------
    sha256 : str or None
        What the loader gives as ``.sha256``; None where the data is not available.
    content : str or None
        :func:`data_digest` of what was loaded.
    reason : str or None
        Why it is not available, in one line.
    """

    sha256: str | None = None
    content: str | None = None
    reason: str | None = None


def look_for(
    names: Iterable[str], known: dict[str, DataState] | None = None, *, download: bool = True
) -> dict[str, DataState]:
    """Load each data set by its name in ``fairclust.datasets.LOADERS`` and say what was found.

    Parameters
    ----------
    names : iterable of str
    known : dict, optional
        States found earlier in this run; they are used again, and new ones are added.

    download : bool, default=True
        Whether a loader may ask the internet.

    Raises
    ------
    KeyError
        If fairclust.datasets has no loader of that name.
    """
    from fairclust.datasets import LOADERS, DatasetUnavailable

    known = {} if known is None else known
    names = list(dict.fromkeys(names))
    for name in names:
        if name in known:
            continue
        if name not in LOADERS:
            raise KeyError(f"no data set is called {name!r}; fairclust.datasets has {', '.join(sorted(LOADERS))}")
        try:
            loaded = LOADERS[name](**_offline(LOADERS[name]) if not download else {})
        except DatasetUnavailable as error:
            known[name] = DataState(reason=_reason(str(error)))
        else:
            known[name] = DataState(sha256=str(loaded.sha256), content=data_digest(loaded))
    return {name: known[name] for name in names}


def _offline(loader: Callable[..., Any]) -> dict[str, bool]:
    """How to tell a loader to stay offline; embedded data sets have no such argument and need none."""
    return {"download": False} if "download" in inspect.signature(loader).parameters else {}


def _reason(message: str) -> str:
    """The first line of an error without paths of this machine: it goes into files that are published."""
    line = message.strip().partition("\n")[0].removesuffix("Tried:").strip()
    return _PATH.sub("...", line)


def data_digest(loaded: Any) -> str:
    """The SHA-256 of what a loader returned: its ``sha256`` and every table and column in it, names and order included.

    The loader's own sha256 says which raw file was read; this says also what was made of it, so that a mended loader
    makes the cells below it run again. Descriptions, sources and licences (texts) do not count.

    Notes
    -----
    O(size of the tables).
    """
    total = hashlib.sha256(str(loaded.sha256).encode())
    fields = loaded if isinstance(loaded, Mapping) else {name: getattr(loaded, name) for name in _fields(loaded)}
    for name in sorted(fields):
        _add(total, str(name), fields[name])
    return total.hexdigest()


def _fields(loaded: Any) -> list[str]:
    return list(getattr(loaded, "__dataclass_fields__", None) or getattr(loaded, "__dict__", {}))


def _add(total: Any, name: str, value: Any) -> None:
    if isinstance(value, pd.DataFrame):
        for column in value.columns:
            _add(total, f"{name}/{column}", value[column])
    elif isinstance(value, pd.Series):
        total.update(f"{name} {len(value)} ".encode())
        total.update(pd.util.hash_pandas_object(_stable(value), index=False).to_numpy().astype("<u8").tobytes())
    elif isinstance(value, np.ndarray) and value.ndim == 1:
        _add(total, name, pd.Series(value))
    elif isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        total.update(f"{name} {value.shape} {value.dtype.str} ".encode())
        total.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, Mapping):
        for key in value:
            _add(total, f"{name}/{key}", value[key])
    elif isinstance(value, (int, float)):
        total.update(f"{name} {value!r} ".encode())


def _stable(column: pd.Series) -> pd.Series:
    """A column whose hash does not depend on how this version of pandas holds text and categories."""
    if column.dtype.kind in "fiub" and not isinstance(column.dtype, pd.api.extensions.ExtensionDtype):
        return column
    text = column.astype(object)
    return text.map(lambda label: "" if pd.isna(label) else f"{type(label).__name__}:{label}").astype(object)
