"""Fixtures for tests that run experiments: a cache and a results folder of their own, modules written on the spot."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache (``cache``) and an empty results folder (``results``), both below the path returned."""
    monkeypatch.setenv("FAIRCLUST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FAIRCLUST_RESULTS", str(tmp_path / "results"))
    return tmp_path


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], ModuleType]]:
    """``module(name, source)`` writes and imports a module; called again with the same name it is imported anew."""
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    made: set[str] = set()

    def make(name: str, source: str) -> ModuleType:
        path = folder / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        made.add(name)
        return importlib.import_module(name)

    yield make
    for name in made:
        sys.modules.pop(name, None)
